//! Claims on record: what comes in, and what the gate is shown of them.

use super::input::Outputs;
use super::writer::Engine;
use crate::gate::{ClaimBook, Recorded};
use crate::model::{Call, CallId, ClaimEntry, Detail, Entity, EventKind, Now, NumberRef};
use std::sync::Arc;

impl Engine {
    /// The claims on record.
    pub fn claims(&self) -> &ClaimBook {
        &self.claims
    }

    /// A call that is live, or ended within the hour.
    pub fn call_known(&self, id: CallId) -> Option<Arc<Call>> {
        let live = self.table.get(id).map(|entry| entry.machine.shared());
        live.or_else(|| self.records.ended(id))
    }

    /// Those of a number and of a customer.
    pub(super) fn on_record(&self, keys: [Option<NumberRef>; 2]) -> Vec<Recorded> {
        self.claims.of(keys)
    }

    /// In force at once. A call that is let out by one has its decision behind it in the log, so
    /// it leaves only when the claim is durable, too.
    pub(super) fn add_claims(
        &mut self,
        now: Now,
        entries: Vec<ClaimEntry>,
        ticket: u64,
        out: &mut Outputs,
    ) {
        entries.iter().for_each(|entry| self.claims.take(entry));
        let withdrawn = entries.first().is_some_and(|entry| entry.withdrawn.is_some());
        let kind = if withdrawn { EventKind::ClaimWithdrawn } else { EventKind::ClaimRecorded };
        let pos = self.emit(now, kind, Entity::Claims(entries), Detail::default(), out);
        out.tickets.push((ticket, pos));
    }
}
