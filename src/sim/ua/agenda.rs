//! What the script does next, in the order of time.

use super::call::CallKey;
use std::{collections::BTreeMap, time::Duration};
use trunkline_core::model::Mono;

/// A step of a call's script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// First sign of life of a called user.
    Progress,
    /// Answer or reject.
    Decide,
    /// The caller gives up.
    Cancel,
    HangUp,
    Hold,
    Retrieve,
    /// Send the 2xx again (RFC 3261 §13.3.1.4).
    RepeatOk,
}

/// Steps by time; steps of one moment keep their order.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    steps: BTreeMap<(Mono, u64), (CallKey, Action)>,
    count: u64,
}

impl Agenda {
    pub fn add(&mut self, now: Mono, wait: Duration, call: CallKey, action: Action) {
        self.count += 1;
        self.steps.insert((now.after(wait), self.count), (call, action));
    }

    pub fn next_timer(&self) -> Option<Mono> {
        self.steps.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn pop_due(&mut self, now: Mono) -> Option<(CallKey, Action)> {
        let entry = self.steps.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub fn forget(&mut self, call: CallKey) {
        self.steps.retain(|_, (key, _)| *key != call);
    }

    pub fn len(&self) -> usize {
        self.steps.len()
    }
}
