//! The do-not-call list and the registers beside it: what comes in, and the alarm before an edition
//! is too old.

use super::Engine;
use super::input::Outputs;
use crate::gate::{DncList, Freshness, Register, RegisterState};
use crate::model::{Detail, DncEntry, Entity, EventKind, Mono, Now, SystemState};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often the age of editions is looked at.
const LOOK: Duration = Duration::from_secs(600);

/// What was said of the registers' age.
#[derive(Default)]
pub(super) struct Told {
    /// By rule set and register.
    by_rule: BTreeMap<(String, String), Freshness>,
    look_at: Option<Mono>,
}

impl Told {
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.look_at
    }
}

impl Engine {
    /// The do-not-call list.
    pub fn list(&self) -> &DncList {
        &self.list
    }

    /// How the registers stand that rules in force need, by the date in UTC.
    pub fn registers(&self, now: Now) -> Vec<RegisterState> {
        self.config.book.registers(&self.list, now.wall)
    }

    /// Registers that want their next edition soon, and those that refuse calls: by the rules that
    /// need them, as they were told of last.
    pub fn registers_due(&self) -> (usize, usize) {
        let states = || self.registers_told.by_rule.values();
        let due = |one: &&Freshness| matches!(one, Freshness::Ending(_) | Freshness::Grace(_));
        (states().filter(due).count(), states().filter(|one| one.closes()).count())
    }

    pub(super) fn add_dnc(
        &mut self,
        now: Now,
        entries: Vec<DncEntry>,
        ticket: u64,
        out: &mut Outputs,
    ) {
        entries.iter().for_each(|entry| self.list.insert_or_close(entry));
        let removed = entries.first().is_some_and(|entry| entry.removed.is_some());
        let kind = if removed { EventKind::DncRemoved } else { EventKind::DncAdded };
        let pos = self.emit(now, kind, Entity::Dnc(entries), Detail::default(), out);
        out.tickets.push((ticket, pos));
    }

    /// An edition that is kept on disk already comes into force.
    pub(super) fn add_register(
        &mut self,
        now: Now,
        register: Arc<Register>,
        ticket: u64,
        out: &mut Outputs,
    ) {
        let (version, len) = (register.version(), register.len());
        self.list.set_register(register);
        let reason = format!("register {version} is in force, {len} numbers");
        self.tell(now, SystemState::Normal, reason, out);
        out.tickets.push((ticket, self.pos));
        self.look_at_registers(now, out);
    }

    /// What an operator has to know at the start.
    pub(super) fn look_at_lists(&mut self, now: Now, out: &mut Outputs) {
        if let Some(why) = self.list.unavailable() {
            let reason = format!("the do-not-call list cannot be read whole: {why}");
            self.tell(now, SystemState::PartiallyDisabled, reason, out);
        }
        self.look_at_registers(now, out);
    }

    /// Lists stop calls out; nobody who calls in waits for them, so they are no incident.
    pub(super) fn tell(&mut self, now: Now, state: SystemState, reason: String, out: &mut Outputs) {
        self.incidents.unconcerned = true;
        self.status(now, state, reason, 0, out);
        self.incidents.unconcerned = false;
    }

    pub(super) fn registers_tick(&mut self, now: Now, out: &mut Outputs) {
        if self.registers_told.look_at.is_none_or(|at| at <= now.mono) {
            self.look_at_registers(now, out);
        }
    }

    /// Tells what has changed since the last look: an alarm, or its end.
    pub(super) fn look_at_registers(&mut self, now: Now, out: &mut Outputs) {
        let states = self.registers(now);
        self.registers_told.look_at = (!states.is_empty()).then(|| now.mono.after(LOOK));
        let known = std::mem::take(&mut self.registers_told.by_rule);
        for RegisterState { ruleset, name, freshness } in states {
            let key = (ruleset, name);
            let before = known.get(&key).copied();
            let fine = |state| matches!(state, Freshness::Fresh(_));
            let known_good = fine(freshness) && before.is_none_or(fine);
            if before != Some(freshness) && !known_good {
                let effect = match freshness.closes() {
                    true => ": calls that need it are refused",
                    false => "",
                };
                let state = match fine(freshness) {
                    true => SystemState::Normal,
                    false => SystemState::PartiallyDisabled,
                };
                let (ruleset, name) = &key;
                let reason = format!("register {name} of {ruleset}: {freshness}{effect}");
                self.tell(now, state, reason, out);
            }
            self.registers_told.by_rule.insert(key, freshness);
        }
    }
}
