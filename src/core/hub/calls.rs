//! Read model of calls: what is live, and what ended a short while ago.

use super::access::{Grant, Interest, Topic};
use super::types::SubSnap;
use crate::model::{Call, CallId, OwnMap, OwnSet};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A place in the log across incarnations: (ordinal of the epoch in this process, position).
pub(super) type Stamp = (u32, u64);

struct Live {
    call: Arc<Call>,
    began: Stamp,
}

struct Ended {
    call: Arc<Call>,
    began: Stamp,
    ended: Stamp,
}

/// Calls of one device: a phone has one, a number of the house that rings many phones has many.
enum Ids {
    One(CallId),
    Many(Box<OwnSet<CallId>>),
}

impl Ids {
    fn insert(&mut self, id: CallId) {
        match self {
            Self::One(one) if *one == id => {}
            Self::One(one) => *self = Self::Many(Box::new(OwnSet::from_iter([*one, id]))),
            Self::Many(ids) => {
                ids.insert(id);
            }
        }
    }

    /// Takes it out; says whether none is left.
    fn remove(&mut self, id: CallId) -> bool {
        match self {
            Self::One(one) => *one == id,
            Self::Many(ids) => {
                ids.remove(&id);
                ids.is_empty()
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &CallId> {
        let (one, many) = match self {
            Self::One(one) => (Some(one), None),
            Self::Many(ids) => (None, Some(&**ids)),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

pub(super) struct Calls {
    live: OwnMap<CallId, Live>,
    live_by_device: HashMap<Arc<str>, Ids>,
    ended: OwnMap<CallId, Ended>,
    ended_order: VecDeque<CallId>,
    ended_max: usize,
}

impl Calls {
    /// Calls that are live before the first event began at `(0, 0)`: before every resume point.
    pub(super) fn new(live: Vec<Call>, ended_max: usize) -> Self {
        let mut calls = Self {
            live: OwnMap::default(),
            live_by_device: HashMap::new(),
            ended: OwnMap::default(),
            ended_order: VecDeque::new(),
            ended_max,
        };
        for call in live {
            if !call.is_over() {
                calls.put_live(Arc::new(call), (0, 0));
            }
        }
        calls
    }

    pub(super) fn live_len(&self) -> usize {
        self.live.len()
    }

    pub(super) fn apply(&mut self, call: &Arc<Call>, at: Stamp) {
        if call.is_over() {
            let began = self.live.remove(&call.id).map(|before| {
                self.unindex(&before.call);
                before.began
            });
            return self.put_ended(call, began, at);
        }
        match self.live.get_mut(&call.id) {
            // The usual case: the entity changes, its place in the indexes does not.
            Some(live) if live.call.devices().eq(call.devices()) => live.call = call.clone(),
            Some(live) => {
                let (before, began) = (live.call.clone(), live.began);
                self.unindex(&before);
                self.put_live(call.clone(), began);
            }
            None => self.put_live(call.clone(), at),
        }
    }

    fn put_live(&mut self, call: Arc<Call>, began: Stamp) {
        for device in call.devices() {
            match self.live_by_device.get_mut(device) {
                Some(ids) => ids.insert(call.id),
                None => {
                    self.live_by_device.insert(device.clone(), Ids::One(call.id));
                }
            }
        }
        self.live.insert(call.id, Live { call, began });
    }

    fn unindex(&mut self, call: &Call) {
        for device in call.devices() {
            let ids = self.live_by_device.get_mut(device);
            if ids.is_some_and(|ids| ids.remove(call.id)) {
                self.live_by_device.remove(device);
            }
        }
    }

    /// A call may say more than once that it is over (last leg gone, then cleared): the summary
    /// keeps its beginning and takes the newest entity.
    fn put_ended(&mut self, call: &Arc<Call>, began: Option<Stamp>, at: Stamp) {
        match self.ended.entry(call.id) {
            Entry::Occupied(mut held) => {
                let held = held.get_mut();
                let began = began.unwrap_or(held.began);
                *held = Ended { call: call.clone(), began, ended: at };
            }
            Entry::Vacant(place) => {
                let began = began.unwrap_or(at);
                place.insert(Ended { call: call.clone(), began, ended: at });
                self.ended_order.push_back(call.id);
            }
        }
        while self.ended_order.len() > self.ended_max {
            if let Some(oldest) = self.ended_order.pop_front() {
                self.ended.remove(&oldest);
            }
        }
    }

    /// What a new subscriber starts from; `gap_after` is the place it had applied, where that is
    /// a place this process knows.
    pub(super) fn snapshot(
        &self,
        interest: &Interest,
        grants: &[Grant],
        gap_after: Option<Stamp>,
    ) -> Vec<SubSnap> {
        let snap = |grant: &Grant| {
            let (calls, gap) = match grant.topic {
                Topic::SiteHealth
                | Topic::SiteLines
                | Topic::SiteLinks
                | Topic::AgentSelf
                | Topic::SiteAgents => (Vec::new(), Vec::new()),
                Topic::SiteCalls => {
                    let live = in_order(self.live.values().map(|l| l.call.clone()).collect());
                    (live, self.gap(gap_after, |_| true))
                }
                Topic::CallsOwn => {
                    (self.live_of(interest), self.gap(gap_after, |c| interest.owns_call(c)))
                }
            };
            SubSnap { calls, gap, ..SubSnap::empty(grant.id.clone(), grant.view) }
        };
        grants.iter().map(snap).collect()
    }

    fn live_of(&self, interest: &Interest) -> Vec<Arc<Call>> {
        let ids = interest.devices.iter().filter_map(|d| self.live_by_device.get(&**d));
        let mut calls = in_order(
            ids.flat_map(Ids::iter)
                .filter_map(|id| self.live.get(id))
                .map(|l| l.call.clone())
                .collect(),
        );
        calls.dedup_by_key(|call| call.id); // two devices of one token in one call
        calls
    }

    fn gap(&self, after: Option<Stamp>, mine: impl Fn(&Call) -> bool) -> Vec<Arc<Call>> {
        let Some(after) = after else { return Vec::new() };
        let in_gap = |e: &&Ended| e.began > after && mine(&e.call);
        let mut found: Vec<_> = self.ended.values().filter(in_gap).collect();
        found.sort_by_key(|e| e.ended);
        found.into_iter().map(|e| e.call.clone()).collect()
    }
}

/// By id, which is by time.
fn in_order(mut calls: Vec<Arc<Call>>) -> Vec<Arc<Call>> {
    calls.sort_unstable_by_key(|call| call.id);
    calls
}
