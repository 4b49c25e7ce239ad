//! Subscribing: at the start, later, and anew when the token changes. Each is one step at one
//! position: judge, take the snapshot, register.

use super::access::{GrantView, Principal, Refusal, RefusalCode, SubRequest, authorise};
use super::boards::{self, Scope};
use super::calls::Stamp;
use super::hub::{Hub, Slot};
use super::interest::{Interest, Lens};
use super::ring::Gone;
use super::seen::Seen;
use super::types::{Change, Cut, ResumePoint, SlotId, Start, SubSnap, Subscribed, Why};
use crate::model::Pos;
use crate::wire::Codec;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Each id once, and none that is empty: those are refused for good.
fn distinct(requests: &[SubRequest]) -> Vec<SubRequest> {
    let again = |at: usize| requests[..at].iter().any(|r| r.id == requests[at].id);
    let fit = |(at, r): &(usize, &SubRequest)| !r.id.is_empty() && !again(*at);
    requests.iter().enumerate().filter(fit).map(|(_, r)| r.clone()).collect()
}

impl Hub {
    /// Authorises, decides how the stream starts, and where possible registers the subscriber in
    /// the same step. Its frames come in `codec`.
    pub fn subscribe(
        &mut self,
        who: &Principal,
        requests: &[SubRequest],
        resume: Option<&ResumePoint>,
        codec: Codec,
    ) -> Subscribed {
        let (grants, refusals) = authorise(who, requests, &self.staff, self.limits.subs_max);
        let interest = Arc::new(Interest::new(who, &grants, &self.staff));
        let slot = SlotId(self.next_slot);
        self.next_slot += 1;
        let entry = Slot::new(who.clone(), distinct(requests), interest.clone(), codec);
        self.slots.insert(slot, entry);
        let start = match self.judge(&interest, resume) {
            Ok(from) if from < self.ring.base() => Start::Journal { from },
            Ok(from) => Start::Replay(self.step(slot, from)),
            Err(why) => Start::Snapshot(self.cut(slot, why, resume)),
        };
        let (epoch, head) = (self.epoch(), self.head);
        Subscribed { slot, grants, refusals, interest, epoch, head, start }
    }

    /// The subscriber takes several figures in one frame.
    pub fn take_batches(&mut self, slot: SlotId) {
        if let Some(slot) = self.slots.get_mut(&slot) {
            slot.batch = true;
        }
    }

    /// Figures for who has resumed: they are state, not history.
    pub fn figures_of(&mut self, slot: SlotId) -> Vec<SubSnap> {
        let Some(interest) = self.slots.get(&slot).map(|s| s.interest.clone()) else {
            return Vec::new();
        };
        let boards = interest.boards.iter();
        let snaps: Vec<_> = boards.map(|(id, scope)| self.figures(id, scope)).collect();
        self.told(&snaps);
        self.screen(slot);
        snaps
    }

    fn told(&mut self, subs: &[SubSnap]) {
        let told = subs.iter().flat_map(|s| &s.figures).filter_map(boards::key_of);
        self.board_told.extend(told);
        // A board that stood otherwise when figures were told last may come back to what it was then
        // before they are told next: for who has just been told, that is a change.
        if subs.iter().any(|sub| sub.view == GrantView::Aggregate) {
            let moved = boards::changed(&self.board, &self.board(), BTreeSet::new());
            self.board_told.extend(moved);
        }
    }

    fn judge(&self, interest: &Interest, resume: Option<&ResumePoint>) -> Result<Pos, Why> {
        let resume = resume.ok_or(Why::None)?;
        if resume.epoch != self.epoch().to_string() {
            return Err(Why::Epoch);
        }
        if resume.pos > self.head {
            return Err(Why::Ahead);
        }
        if !resume.scope.is_empty() && resume.scope != interest.scope() {
            return Err(Why::Scope);
        }
        // What left its sight is not in the journal: the end of the replay lists what is left.
        let listed = || self.visible(interest).len() <= self.limits.keep_max;
        if resume.pos < self.ring.base() && !interest.is_lasting() && !listed() {
            return Err(Why::TooOld);
        }
        Ok(resume.pos)
    }

    /// A snapshot instead of the replay that [`Start::Journal`] hoped for.
    /// `None`: the subscriber is gone.
    pub fn restart(&mut self, slot: SlotId, why: Why, resume: Option<&ResumePoint>) -> Option<Cut> {
        self.slots.contains_key(&slot).then(|| self.cut(slot, why, resume))
    }

    fn cut(&mut self, slot: SlotId, why: Why, resume: Option<&ResumePoint>) -> Cut {
        let gap_after = resume.and_then(|r| self.known_stamp(r));
        let interest = self.slots.get(&slot).map(|s| s.interest.clone());
        let subs = interest.map_or_else(Vec::new, |i| self.snapshots(&i, gap_after, |_| true));
        let live = self.register_if_small(slot, &subs);
        Cut { why, pos: self.head, subs, live }
    }

    fn register_if_small(&mut self, slot: SlotId, subs: &[SubSnap]) -> bool {
        self.told(subs);
        self.screen(slot);
        let calls: usize = subs.iter().map(|s| s.calls.len() + s.gap.len()).sum();
        let small = calls <= self.limits.live_cut_calls_max;
        if small {
            self.register(slot);
        }
        small
    }

    /// The state of the subscriptions that are wanted.
    pub(super) fn snapshots(
        &self,
        interest: &Interest,
        gap_after: Option<Stamp>,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<SubSnap> {
        let lenses = interest.lenses.iter().filter(|lens| wanted(&lens.id));
        let mut subs: Vec<_> = lenses.map(|lens| self.snapshot(lens, gap_after)).collect();
        let boards = interest.boards.iter().filter(|(id, _)| wanted(id));
        subs.extend(boards.map(|(id, scope)| self.figures(id, scope)));
        subs
    }

    fn snapshot(&self, lens: &Lens, gap_after: Option<Stamp>) -> SubSnap {
        let view = match lens.view {
            crate::wire::View::Masked => GrantView::Masked,
            crate::wire::View::Full => GrantView::Full,
        };
        let mut snap = SubSnap::empty(lens.id.clone(), view);
        self.calls.snapshot(lens, gap_after, &mut snap);
        let (lines, agents) = (&self.lines, &self.agents);
        snap.lines = lines.lines().filter(|l| lens.covers(Seen::Line(l))).cloned().collect();
        snap.duties = lines.duties().filter(|d| lens.covers(Seen::Duty(d))).cloned().collect();
        snap.links = lines.links().filter(|l| lens.covers(Seen::Link(l))).cloned().collect();
        snap.agents = agents.all().filter(|a| lens.covers(Seen::Agent(a))).cloned().collect();
        snap
    }

    fn figures(&self, id: &str, scope: &Scope) -> SubSnap {
        let board = self.board();
        let covered = board.iter().filter(|(key, _)| scope.covers(key));
        let figures = covered.map(|(key, of)| boards::to_pb(key, of, self.head)).collect();
        SubSnap { figures, ..SubSnap::empty(id.to_owned(), GrantView::Aggregate) }
    }

    fn known_stamp(&self, resume: &ResumePoint) -> Option<Stamp> {
        let ordinal = self.epochs.iter().position(|e| e.to_string() == resume.epoch)?;
        Some((u32::try_from(ordinal).ok()?, resume.pos.0))
    }

    /// One more subscription. `None`: the subscriber is gone.
    pub fn sub(&mut self, slot: SlotId, request: SubRequest) -> Option<Change> {
        let entry = self.slots.get(&slot)?;
        let refuse = |code, msg| Refusal { id: request.id.clone(), code, msg };
        let refusal = if entry.interest.has(&request.id) {
            Some(refuse(RefusalCode::BadRequest, "a subscription needs an id of its own"))
        } else if entry.interest.len() >= self.limits.subs_max {
            Some(refuse(RefusalCode::LimitExceeded, "too many subscriptions on one socket"))
        } else {
            let one = std::slice::from_ref(&request);
            authorise(&entry.who, one, &self.staff, 1).1.into_iter().next()
        };
        if let Some(refusal) = refusal {
            return Some(self.unchanged(entry, refusal));
        }
        let (who, mut requests) = (entry.who.clone(), entry.requests.clone());
        requests.retain(|r| r.id != request.id); // refused before
        requests.push(request);
        self.change(slot, who, requests)
    }

    /// One subscription less. `None`: the subscriber is gone.
    pub fn unsub(&mut self, slot: SlotId, id: &str) -> Option<Change> {
        let entry = self.slots.get(&slot)?;
        let (who, mut requests) = (entry.who.clone(), entry.requests.clone());
        let Some(at) = requests.iter().position(|r| r.id == id) else {
            let (code, msg) = (RefusalCode::NotFound, "no such subscription");
            return Some(self.unchanged(entry, Refusal { id: id.to_owned(), code, msg }));
        };
        requests.remove(at);
        self.change(slot, who, requests)
    }

    /// Another token of the same user. `None`: the subscriber is gone.
    pub fn reauthorise(&mut self, slot: SlotId, who: Principal) -> Option<Change> {
        let requests = self.slots.get(&slot)?.requests.clone();
        self.change(slot, who, requests)
    }

    fn unchanged(&self, entry: &Slot, refusal: Refusal) -> Change {
        Change {
            pos: self.head,
            gone: Vec::new(),
            refusals: vec![refusal],
            grants: Vec::new(),
            subs: Vec::new(),
            interest: entry.interest.clone(),
            live: entry.live,
        }
    }

    fn change(
        &mut self,
        slot: SlotId,
        who: Principal,
        requests: Vec<SubRequest>,
    ) -> Option<Change> {
        let (grants, refusals) = authorise(&who, &requests, &self.staff, self.limits.subs_max);
        let after = Arc::new(Interest::new(&who, &grants, &self.staff));
        let before = self.slots.get(&slot)?.interest.clone();
        let gone = self.lost(&before, &after);
        let was = |id: &str| before.has(id);
        // Who was refused before and still is knows it already.
        let refusals = refusals.into_iter().filter(|r| was(&r.id)).collect();
        let other = |id: &str| !after.is_same(&before, id);
        let grants: Vec<_> = grants.into_iter().filter(|g| other(&g.id)).collect();
        let subs = self.snapshots(&after, None, |id| grants.iter().any(|g| g.id == id));
        self.unregister(slot);
        let entry = self.slots.get_mut(&slot)?;
        (entry.who, entry.requests, entry.interest) = (who, requests, after.clone());
        let live = self.register_if_small(slot, &subs);
        Some(Change { pos: self.head, gone, refusals, grants, subs, interest: after, live })
    }

    fn lost(&self, before: &Interest, after: &Interest) -> Vec<Gone> {
        if before.is_within(after) {
            return Vec::new();
        }
        let left: BTreeSet<_> = self
            .visible(before)
            .into_iter()
            .filter(|seen| after.view(*seen).is_none())
            .map(|seen| (seen.kind(), seen.id()))
            .collect();
        left.into_iter().map(|(kind, id)| Gone { kind, id, why: "scope" }).collect()
    }
}
