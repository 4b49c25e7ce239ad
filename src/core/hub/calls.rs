//! Read model of calls: what is live, and what ended a short while ago.

use super::interest::Lens;
use super::seen::Seen;
use super::types::SubSnap;
use crate::model::{Call, CallId, OwnMap, OwnSet};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};
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

    /// Takes a call as an event has it; gives it as it was before.
    pub(super) fn apply(&mut self, call: &Arc<Call>, at: Stamp) -> Option<Arc<Call>> {
        if call.is_over() {
            let live = self.live.remove(&call.id);
            let before = match &live {
                Some(live) => {
                    self.unindex(&live.call);
                    Some(live.call.clone())
                }
                None => self.ended.get(&call.id).map(|e| e.call.clone()),
            };
            self.put_ended(call, live.map(|l| l.began), at);
            return before;
        }
        let Some(live) = self.live.get_mut(&call.id) else {
            self.put_live(call.clone(), at);
            return None;
        };
        let (before, began) = (live.call.clone(), live.began);
        if before.devices().eq(call.devices()) {
            live.call = call.clone(); // the usual case: its place in the index stays
        } else {
            self.unindex(&before);
            self.put_live(call.clone(), began);
        }
        Some(before)
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
    pub(super) fn snapshot(&self, lens: &Lens, gap_after: Option<Stamp>, snap: &mut SubSnap) {
        let covered = |call: &Call| lens.covers(Seen::Call(call));
        snap.calls = match lens.devices() {
            Some(devices) => self.of_devices(&devices).into_iter().cloned().collect(),
            None => self.live().cloned().collect(),
        };
        snap.calls.retain(|call| covered(call));
        snap.calls.sort_unstable_by_key(|call| call.id);
        snap.gap = self.gap(gap_after, covered);
    }

    /// Those that are live at one of these devices, each once.
    pub(super) fn of_devices(&self, devices: &BTreeSet<&str>) -> Vec<&Arc<Call>> {
        let ids = devices.iter().filter_map(|d| self.live_by_device.get(*d));
        let mut calls: Vec<_> =
            ids.flat_map(Ids::iter).filter_map(|id| self.live.get(id)).map(|l| &l.call).collect();
        calls.sort_unstable_by_key(|call| call.id); // which is by time
        calls.dedup_by_key(|call| call.id); // two devices of one token in one call
        calls
    }

    /// One that is live, or has ended not long ago.
    pub(super) fn one(&self, id: CallId) -> Option<&Arc<Call>> {
        let ended = || self.ended.get(&id).map(|e| &e.call);
        self.live.get(&id).map(|l| &l.call).or_else(ended)
    }

    /// All that are live, in no order.
    pub(super) fn live(&self) -> impl Iterator<Item = &Arc<Call>> {
        self.live.values().map(|l| &l.call)
    }

    /// The same with their ids, which lie beside each other.
    pub(super) fn live_with_ids(&self) -> impl Iterator<Item = (CallId, &Arc<Call>)> {
        self.live.iter().map(|(id, live)| (*id, &live.call))
    }

    fn gap(&self, after: Option<Stamp>, mine: impl Fn(&Call) -> bool) -> Vec<Arc<Call>> {
        let Some(after) = after else { return Vec::new() };
        let in_gap = |e: &&Ended| e.began > after && mine(&e.call);
        let mut found: Vec<_> = self.ended.values().filter(in_gap).collect();
        found.sort_by_key(|e| e.ended);
        found.into_iter().map(|e| e.call.clone()).collect()
    }
}
