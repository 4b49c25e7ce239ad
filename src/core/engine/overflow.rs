//! The ring to the journal is full: nothing blocks, the newest state of each call is kept, the
//! loss is told and the epoch changes (design: docs/architecture.md, "journal before world").

use super::input::Outputs;
use super::writer::Engine;
use crate::model::{Call, CallId, Detail, Entity, Event, EventKind, Now, Repair, SystemState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Ended calls kept while the ring is full; beyond, the oldest are only counted.
const ENDED_MAX: usize = 100_000;

/// What happens while the ring is full.
#[derive(Default)]
pub(super) struct Overflow {
    lost: u64,
    ended: BTreeMap<CallId, Arc<Call>>,
}

impl Overflow {
    /// Counts an event and keeps the last state of a call that is over.
    pub(super) fn keep(&mut self, event: &Event) {
        self.lost += 1;
        if let Entity::Call(call) = &event.entity
            && call.is_over()
        {
            self.ended.insert(call.id, call.clone());
            if self.ended.len() > ENDED_MAX {
                self.ended.pop_first();
            }
        }
    }
}

impl Engine {
    /// These events found no place.
    pub(super) fn ring_full(&mut self, now: Now, lost: &[Event], out: &mut Outputs) {
        let overflow = self.overflow.get_or_insert_default();
        for event in lost {
            overflow.keep(event);
        }
        self.totals.events_lost += lost.len() as u64;
        // Their decisions may be among the lost: no permit of before can become durable.
        self.refuse_waiting(now, out);
        self.refuse_commands(now, out);
    }

    /// There is place again: a new epoch begins with the loss and the newest states.
    pub(super) fn ring_free(&mut self, now: Now, out: &mut Outputs) {
        let Some(overflow) = self.overflow.take() else { return };
        out.new_epoch = true;
        let reason = "the ring to the journal was full; newest states follow".to_owned();
        self.status(now, SystemState::MessagesLost, reason, overflow.lost, out);
        let mut newest = overflow.ended;
        newest.extend(self.table.machines().map(|m| (m.call().id, m.shared())));
        for call in newest.into_values() {
            let detail = Detail { repair: Some(Repair::EventsLost), ..Detail::default() };
            let entity = Entity::Call(call);
            self.emit(now, EventKind::CallResynced, entity, detail, out);
        }
    }
}
