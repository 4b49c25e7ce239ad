//! Calls that were dialled, by callee: what caps count in a running server.

use super::dnc::RefHasher;
use super::{Book, Past};
use crate::model::{CallId, NumberRef, Wall};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::time::Duration;

/// Calls remembered; beyond, the oldest is forgotten. 1,000,000 take about 150 MB.
const CALLS_MAX: usize = 1_000_000;

/// Attempts of the time that caps look back. A place is taken when a call is allowed, and given
/// back when nothing was dialled.
#[derive(Debug, Default)]
pub struct Ledger {
    past: HashMap<NumberRef, Vec<Past>, BuildHasherDefault<RefHasher>>,
    /// In the order in which they were taken.
    order: VecDeque<(NumberRef, CallId, Wall)>,
}

impl Ledger {
    /// What happened to a callee, oldest first.
    pub fn past(&self, key: Option<NumberRef>) -> &[Past] {
        key.and_then(|key| self.past.get(&key)).map_or(&[], Vec::as_slice)
    }

    /// Takes a place for a call that may be dialled. Nothing is kept where no cap looks back.
    pub fn reserve(&mut self, book: &Book, key: NumberRef, call: CallId, past: Past) {
        let kept = book.looks_back_for();
        self.forget(past.at, kept);
        if kept > Duration::ZERO {
            self.order.push_back((key, call, past.at));
            self.past.entry(key).or_default().push(past);
        }
    }

    /// Gives the place of a call back: nothing was dialled. The call is one of the newest.
    pub fn release(&mut self, call: CallId) {
        let Some(ix) = self.order.iter().rposition(|(_, known, _)| *known == call) else { return };
        if let Some((key, _, at)) = self.order.remove(ix) {
            self.drop_one(key, at);
        }
    }

    /// Calls remembered.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn forget(&mut self, now: Wall, kept: Duration) {
        let oldest =
            Wall(now.0.saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX)));
        while let Some((key, _, at)) = self.order.front().copied()
            && (at < oldest || self.order.len() >= CALLS_MAX)
        {
            self.order.pop_front();
            self.drop_one(key, at);
        }
    }

    fn drop_one(&mut self, key: NumberRef, at: Wall) {
        let Some(past) = self.past.get_mut(&key) else { return };
        if let Some(ix) = past.iter().position(|past| past.at == at) {
            past.remove(ix);
        }
        if past.is_empty() {
            self.past.remove(&key);
        }
    }
}
