//! Calls that were dialled, by callee: what caps and cool-downs count in a running server.

use super::dnc::RefHasher;
use super::{Book, LooksBack, Past, PastKind, Via, label_trigger};
use crate::model::{Attempt, AttemptNote, DecisionId, NumberRef, Place, Wall};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::time::Duration;

/// Calls remembered, and labels beside them. Beyond, the oldest is forgotten, and rules that look
/// back to it refuse.
pub const LEDGER_MAX: usize = 1_000_000;
/// A label may come so long after the dial: the longest call and an hour.
pub const LABEL_WAIT: Duration = Duration::from_secs(48 * 3600);

type ByRef<T> = HashMap<NumberRef, T, BuildHasherDefault<RefHasher>>;

/// Attempts of the time that caps look back, and labels of the time that cool-downs last. A place
/// is taken when a call is allowed, and given back when nothing was dialled.
#[derive(Debug, Default)]
pub struct Ledger {
    callees: ByRef<Callee>,
    /// Calls of a customer, whatever the number.
    customers: ByRef<Vec<DecisionId>>,
    places: HashMap<DecisionId, Place>,
    /// Attempts in the order in which they were taken.
    order: VecDeque<(Wall, DecisionId)>,
    /// Labels in the order in which they were given; their instant is that of the call.
    labels: VecDeque<(Wall, DecisionId)>,
    known_since: Option<Wall>,
    /// Rules that do not count here look back so long.
    also: LooksBack,
    /// Less in tests.
    calls_max: Option<usize>,
}

/// What happened at one number.
#[derive(Debug, Default)]
struct Callee {
    /// Whose call each entry of `past` was.
    ids: Vec<DecisionId>,
    past: Vec<Past>,
}

impl Callee {
    fn drop_where(&mut self, mut fits: impl FnMut(DecisionId, &Past) -> bool) {
        let mut at = 0;
        while at < self.ids.len() {
            if fits(self.ids[at], &self.past[at]) {
                self.ids.remove(at);
                self.past.remove(at);
            } else {
                at += 1;
            }
        }
    }

    fn holds(&self, id: DecisionId) -> bool {
        self.ids.contains(&id)
    }
}

fn is_action(past: &Past) -> bool {
    matches!(past.kind, PastKind::Action(_))
}

impl Ledger {
    /// A ledger that goes on with what an earlier run left, oldest first. `known_since`: what was
    /// before it is not known. `also`: as [`Ledger::keep_for`].
    pub fn restore(
        book: &Book,
        also: LooksBack,
        attempts: Vec<Attempt>,
        known_since: Option<Wall>,
    ) -> Self {
        let mut ledger = Self { known_since, also, ..Self::default() };
        for attempt in attempts {
            let Attempt { decision, at, place, purpose, topic, answered, label, .. } = attempt;
            let kind = if answered { PastKind::Answered } else { PastKind::Attempt };
            let past = Past {
                purpose,
                subject: topic.subject,
                seller: topic.seller,
                campaign: topic.campaign,
                ..Past::new(at, kind)
            };
            ledger.reserve(book, decision, place, past);
            if let Some(label) = label {
                ledger.label(book, decision, &label);
            }
        }
        ledger
    }

    /// From here on calls are kept so long at least, for rules that are tried out.
    pub fn keep_for(&mut self, also: LooksBack) {
        self.also = also;
    }

    /// A ledger with room for fewer calls.
    #[cfg(test)]
    pub(super) fn of_size(calls_max: usize) -> Self {
        Self { calls_max: Some(calls_max), ..Self::default() }
    }

    /// What happened to a callee, and to that customer at other numbers.
    pub fn past(&self, number: Option<NumberRef>, customer: Option<NumberRef>) -> Cow<'_, [Past]> {
        let here = number.and_then(|key| self.callees.get(&key));
        let here = here.map_or(&[][..], |callee| callee.past.as_slice());
        let others = customer.and_then(|key| self.customers.get(&key));
        let Some(others) = others else { return Cow::Borrowed(here) };
        let mut all = here.to_vec();
        for id in others {
            let Some(place) = self.places.get(id).filter(|p| Some(p.number) != number) else {
                continue;
            };
            let Some(callee) = self.callees.get(&place.number) else { continue };
            let theirs = callee.ids.iter().zip(&callee.past).filter(|(of, _)| *of == id);
            all.extend(theirs.map(|(_, past)| Past { via: Via::Customer, ..past.clone() }));
        }
        Cow::Owned(all)
    }

    /// What was before it is not known; `None`: all is.
    pub fn known_since(&self) -> Option<Wall> {
        self.known_since
    }

    /// What an event says of a call; its place was taken when it was allowed.
    pub fn note(&mut self, book: &Book, id: DecisionId, note: &AttemptNote) {
        match note {
            AttemptNote::Taken(_) => {}
            AttemptNote::Answered => self.answered(id),
            AttemptNote::Label(label) => self.label(book, id, label),
            AttemptNote::GivenBack => self.release(id),
        }
    }

    /// Takes a place for a call that may be dialled. Nothing is kept where no rule looks back.
    pub fn reserve(&mut self, book: &Book, id: DecisionId, place: Place, past: Past) {
        let back = book.looks_back().max(self.also);
        self.forget(past.at, back);
        if !back.is_any() {
            return;
        }
        self.order.push_back((past.at, id));
        self.places.insert(id, place);
        if let Some(customer) = place.customer {
            self.customers.entry(customer).or_default().push(id);
        }
        let callee = self.callees.entry(place.number).or_default();
        callee.ids.push(id);
        callee.past.push(past);
    }

    fn answered(&mut self, id: DecisionId) {
        let Some(callee) = self.places.get(&id).and_then(|p| self.callees.get_mut(&p.number))
        else {
            return;
        };
        let mut entries = callee.ids.iter().zip(&mut callee.past);
        if let Some((_, past)) = entries.find(|(of, past)| **of == id && !is_action(past)) {
            past.kind = PastKind::Answered;
        }
    }

    /// What the agent says of a call; the newest word counts, from the instant of the call.
    fn label(&mut self, book: &Book, id: DecisionId, label: &str) {
        if book.looks_back().max(self.also).labels.is_zero() {
            return;
        }
        let Some(callee) = self.places.get(&id).and_then(|p| self.callees.get_mut(&p.number))
        else {
            return;
        };
        let kind = PastKind::Action(label_trigger(label));
        let mut entries = callee.ids.iter().zip(&mut callee.past);
        if let Some((_, said)) = entries.find(|(of, past)| **of == id && is_action(past)) {
            said.kind = kind;
            return;
        }
        let dial = callee.ids.iter().position(|of| *of == id);
        let Some(dial) = dial.map(|at| callee.past[at].clone()) else { return };
        let at = dial.at;
        callee.ids.push(id);
        callee.past.push(Past { kind, ..dial });
        self.labels.push_back((at, id));
        if self.labels.len() > self.calls_max() {
            self.forget_label();
        }
    }

    /// Gives the place of a call back: nothing was dialled. The call is one of the newest.
    pub fn release(&mut self, id: DecisionId) {
        if !self.places.contains_key(&id) {
            return; // given back before, or forgotten
        }
        let Some(at) = self.order.iter().rposition(|(_, known)| *known == id) else { return };
        self.order.remove(at);
        self.drop_entries(id, |past| !is_action(past));
    }

    /// Calls remembered.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn calls_max(&self) -> usize {
        self.calls_max.unwrap_or(LEDGER_MAX)
    }

    fn forget(&mut self, now: Wall, back: LooksBack) {
        // A label needs its call.
        let label_wait = if back.labels.is_zero() { Duration::ZERO } else { LABEL_WAIT };
        let oldest = now.before(back.calls.max(label_wait));
        while let Some((at, id)) = self.order.front().copied()
            && (at < oldest || self.order.len() >= self.calls_max())
        {
            if at >= oldest {
                self.lost(at);
            }
            self.order.pop_front();
            self.drop_entries(id, |past| !is_action(past));
        }
        let oldest = now.before(back.labels);
        while self.labels.front().is_some_and(|(at, _)| *at < oldest) {
            self.drop_label();
        }
    }

    fn forget_label(&mut self) {
        if let Some((at, _)) = self.labels.front().copied() {
            self.lost(at);
            self.drop_label();
        }
    }

    /// Something that still counted at that instant is forgotten.
    fn lost(&mut self, at: Wall) {
        self.known_since = self.known_since.max(Some(Wall(at.0.saturating_add(1))));
    }

    fn drop_label(&mut self) {
        if let Some((_, id)) = self.labels.pop_front() {
            self.drop_entries(id, is_action);
        }
    }

    fn drop_entries(&mut self, id: DecisionId, fits: impl Fn(&Past) -> bool) {
        let Some(place) = self.places.get(&id).copied() else { return };
        let Some(callee) = self.callees.get_mut(&place.number) else { return };
        callee.drop_where(|of, past| of == id && fits(past));
        let gone = !callee.holds(id);
        if callee.ids.is_empty() {
            self.callees.remove(&place.number);
        }
        if gone {
            self.places.remove(&id);
            if let Some(key) = place.customer
                && let Some(calls) = self.customers.get_mut(&key)
            {
                calls.retain(|call| *call != id);
                if calls.is_empty() {
                    self.customers.remove(&key);
                }
            }
        }
    }
}
