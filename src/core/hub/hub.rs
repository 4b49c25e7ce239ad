//! The hub: folds committed events, says who gets which frame, lets readers catch up.

use super::access::{Principal, Staff, SubRequest};
use super::agents::AgentBook;
use super::boards::{self, Board, BoardKey};
use super::calls::{Calls, Stamp};
use super::index::Index;
use super::interest::Interest;
use super::lines::LineBook;
use super::ring::{Ring, RingLimits, keys};
use super::seen::{Object, Seen};
use super::types::{Advance, AdvanceState, Delivery, HubError, HubLimits, HubSizes, Kept, SlotId};
use crate::model::{Agent, AgentSettings, Call, Committed, Duty, Entity, Epoch, Event, Line, Pos};
use crate::wire::Codec;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One subscriber.
pub(super) struct Slot {
    pub(super) who: Principal,
    /// All that was asked for, refused or not: what a later token allows is judged anew.
    pub(super) requests: Vec<SubRequest>,
    pub(super) interest: Arc<Interest>,
    pub(super) live: bool,
    /// The form of its frames.
    pub(super) codec: Codec,
    /// It takes several figures in one frame.
    pub(super) batch: bool,
    /// Boards that have changed while it was not ready to be told.
    owed: BTreeSet<BoardKey>,
    /// The newest event that it was found for.
    judged: Pos,
}

impl Slot {
    pub(super) fn new(
        who: Principal,
        requests: Vec<SubRequest>,
        interest: Arc<Interest>,
        codec: Codec,
    ) -> Self {
        let (live, batch, owed, judged) = (false, false, BTreeSet::new(), Pos(0));
        Self { who, requests, interest, live, codec, batch, owed, judged }
    }
}

/// Read model and subscriptions of one site.
pub struct Hub {
    pub(super) limits: HubLimits,
    /// Incarnations seen by this process, oldest first; the last is in force.
    pub(super) epochs: Vec<Epoch>,
    pub(super) head: Pos,
    pub(super) calls: Calls,
    pub(super) lines: LineBook,
    pub(super) agents: AgentBook,
    pub(super) staff: Staff,
    pub(super) ring: Ring,
    pub(super) slots: BTreeMap<SlotId, Slot>,
    pub(super) next_slot: u64,
    index: Index<Vec<SlotId>>,
    /// Live subscribers of figures.
    pub(super) screens: BTreeSet<SlotId>,
    /// Figures as the screens were told them last.
    pub(super) board: Board,
    /// Something was folded since.
    board_stale: bool,
    /// Boards that snapshots have told since: the next round tells how they stand then.
    pub(super) board_told: BTreeSet<BoardKey>,
}

impl Hub {
    /// A hub whose log stands at `head` with these calls live.
    pub fn new(epoch: Epoch, head: Pos, live: Vec<Call>, limits: HubLimits) -> Self {
        Self {
            limits,
            epochs: vec![epoch],
            head,
            calls: Calls::new(live, limits.ended_calls_max),
            lines: LineBook::default(),
            agents: AgentBook::default(),
            staff: Staff::default(),
            ring: Ring::new(head, ring_limits(&limits)),
            slots: BTreeMap::new(),
            next_slot: 0,
            index: Index::new(),
            screens: BTreeSet::new(),
            board: Board::new(),
            board_stale: false,
            board_told: BTreeSet::new(),
        }
    }

    /// Lines and running duties as the log left them.
    pub fn know_lines(&mut self, lines: Vec<Line>, duties: Vec<Duty>) {
        self.lines = LineBook::new(lines, duties);
    }

    /// Agents as the log left them.
    pub fn know_agents(&mut self, agents: Vec<Agent>) {
        self.agents = AgentBook::new(agents);
    }

    /// Who is configured to work in which team and for which queues.
    pub fn know_staff(&mut self, members: Vec<AgentSettings>) {
        self.staff = Staff::new(members);
    }

    /// Log incarnation.
    pub fn epoch(&self) -> Epoch {
        self.epochs[self.epochs.len() - 1] // `new` puts one in and none is ever removed
    }

    /// Newest position applied.
    pub fn head(&self) -> Pos {
        self.head
    }

    /// For metrics.
    pub fn sizes(&self) -> HubSizes {
        HubSizes {
            calls: self.calls.live_len(),
            slots: self.slots.len(),
            ring_events: self.ring.len(),
            ring_bytes: self.ring.bytes(),
        }
    }

    /// Folds a committed batch; deliveries go to `out`, per event owners before the site's
    /// watchers. Events up to the head are ignored: applying twice changes nothing.
    ///
    /// Returns the subscribers that must start anew because the log has a new incarnation; they
    /// are unsubscribed.
    ///
    /// # Errors
    /// If positions are missing. What came before the hole has been applied.
    pub fn apply(
        &mut self,
        batch: &Committed,
        out: &mut Vec<Delivery>,
    ) -> Result<Vec<SlotId>, HubError> {
        self.apply_some(batch, usize::MAX, out)
    }

    /// Like [`Hub::apply`], but folds at most `events_max` events that lie after the head; call it
    /// again with the same batch until the head is at its end. Between two calls the desks can
    /// empty their queues: a batch as large as their limits would close them all as slow.
    ///
    /// # Errors
    /// As [`Hub::apply`].
    pub fn apply_some(
        &mut self,
        batch: &Committed,
        events_max: usize,
        out: &mut Vec<Delivery>,
    ) -> Result<Vec<SlotId>, HubError> {
        let mut reset = Vec::new();
        let mut applied = 0;
        for (at, event) in batch.events.iter().enumerate() {
            if batch.epoch != self.epoch() {
                reset = self.begin_epoch(batch.epoch, event.pos);
            }
            let expected = self.head.next();
            if event.pos < expected {
                continue;
            }
            if event.pos > expected {
                return Err(HubError::Gap { expected, got: event.pos });
            }
            if applied == events_max {
                break;
            }
            applied += 1;
            self.head = event.pos;
            let before = self.fold(event);
            self.ring.push(&batch.events, at, before.clone());
            self.deliver(event, before.as_ref(), out);
            self.ring.trim();
        }
        Ok(reset)
    }

    /// Gives the entity as it was before, where desks keep such entities.
    fn fold(&mut self, event: &Event) -> Option<Object> {
        match &event.entity {
            Entity::Call(call) => {
                self.board_stale = true;
                let stamp = self.stamp(event.pos);
                self.calls.apply(call, stamp).map(Object::Call)
            }
            Entity::Agent(agent) => {
                self.board_stale = true;
                self.agents.apply(agent).map(Object::Agent)
            }
            Entity::Line(line) => self.lines.apply_line(line).map(Object::Line),
            Entity::Duty(duty) => self.lines.apply_duty(duty).map(Object::Duty),
            Entity::Link(link) => self.lines.apply_link(link).map(Object::Link),
            Entity::Decision(_)
            | Entity::Dnc(_)
            | Entity::System(_)
            | Entity::Command(_)
            | Entity::Override(_)
            | Entity::Shadow(_)
            | Entity::Claims(_) => None,
        }
    }

    /// Goes on after `upto` although events before it were never seen: nobody is carried over, the
    /// ring starts anew, and calls that ended unseen stay until the log says more about them.
    pub fn lose(&mut self, upto: Pos) -> Vec<SlotId> {
        self.start_over(upto)
    }

    /// Positions of two incarnations cannot be compared, so nobody is carried over.
    fn begin_epoch(&mut self, epoch: Epoch, first: Pos) -> Vec<SlotId> {
        self.epochs.push(epoch);
        self.start_over(Pos(first.0.saturating_sub(1)))
    }

    fn start_over(&mut self, head: Pos) -> Vec<SlotId> {
        self.head = head;
        self.ring = Ring::new(self.head, ring_limits(&self.limits));
        self.index = Index::new();
        self.screens.clear();
        std::mem::take(&mut self.slots).into_keys().collect()
    }

    pub(super) fn stamp(&self, pos: Pos) -> Stamp {
        (u32::try_from(self.epochs.len() - 1).unwrap_or(u32::MAX), pos.0)
    }

    fn deliver(&mut self, event: &Event, before: Option<&Object>, out: &mut Vec<Delivery>) {
        let pos = event.pos;
        for key in keys(Seen::of(event), before) {
            for id in self.index.get(key).into_iter().flatten() {
                let Some(slot) = self.slots.get_mut(id).filter(|s| s.judged != pos) else {
                    continue; // found by another key already
                };
                slot.judged = pos;
                if let Some(frame) = self.ring.frame_for(&slot.interest, slot.codec, pos) {
                    out.push(Delivery { to: *id, frame });
                }
            }
        }
    }

    /// Whether [`Hub::flush_figures`] has something to do.
    pub fn figures_due(&self) -> bool {
        let owed = |id| self.slots.get(id).is_some_and(|s| s.live && !s.owed.is_empty());
        let stale = self.board_stale || !self.board_told.is_empty();
        !self.screens.is_empty() && (stale || self.screens.iter().any(owed))
    }

    /// Figures that have changed, for whom they concern and who is ready: the newest alone,
    /// however often they changed since it was told. Call it at most ten times a second.
    pub fn flush_figures(&mut self, ready: impl Fn(SlotId) -> bool, out: &mut Vec<Delivery>) {
        let board = self.board();
        let changed = boards::changed(&self.board, &board, std::mem::take(&mut self.board_told));
        for id in &self.screens {
            let Some(slot) = self.slots.get_mut(id) else { continue };
            let mine = changed.iter().filter(|key| slot.interest.counts(key));
            slot.owed.extend(mine.cloned());
            if slot.owed.is_empty() || !slot.live || !ready(*id) {
                continue;
            }
            let owed = std::mem::take(&mut slot.owed);
            let form = (slot.codec, slot.batch);
            boards::frames(&owed, &board, self.head, form, |frame| {
                out.push(Delivery { to: *id, frame });
            });
        }
        (self.board, self.board_stale) = (board, false);
    }

    pub(super) fn board(&self) -> Board {
        let calls = self.calls.live().map(|call| &**call);
        boards::count(calls, self.agents.all().map(|agent| &**agent), &self.staff)
    }

    /// The next step of a subscriber that has everything up to `from`. `list`: at the end it wants
    /// to know what it sees, because it has read some of the log elsewhere.
    /// `None`: the subscriber is gone (or is live already).
    pub fn advance(&mut self, slot: SlotId, from: Pos, list: bool) -> Option<Advance> {
        let interest = self.slots.get(&slot).filter(|s| !s.live)?.interest.clone();
        let mut step = self.step(slot, from);
        if list && step.state == AdvanceState::Live && !interest.is_lasting() {
            step.keep = Some(self.visible(&interest).into_iter().map(Kept::of).collect());
        }
        Some(step)
    }

    pub(super) fn step(&mut self, slot: SlotId, from: Pos) -> Advance {
        let to = from;
        let behind = Advance { frames: Vec::new(), to, state: AdvanceState::Behind, keep: None };
        if from < self.ring.base() {
            return behind;
        }
        let Some(entry) = self.slots.get(&slot) else { return behind };
        let (interest, codec) = (entry.interest.clone(), entry.codec);
        let (frames_max, bytes_max) = (self.limits.step_frames_max, self.limits.step_bytes_max);
        let (frames, to) = self.ring.read((&interest, codec), from, frames_max, bytes_max);
        let state = if to >= self.head {
            self.register(slot);
            AdvanceState::Live
        } else {
            AdvanceState::More
        };
        Advance { frames, to, state, keep: None }
    }

    /// Everything that is there and visible, calls first.
    pub(super) fn visible<'a>(&'a self, interest: &'a Interest) -> Vec<Seen<'a>> {
        let mut found: Vec<Seen<'a>> = Vec::new();
        match interest.names() {
            // An agent's desk: thousands of them come back at once after a restart.
            Some((devices, agents)) => {
                found.extend(self.calls.of_devices(&devices).into_iter().map(|c| Seen::Call(c)));
                found.extend(agents.iter().filter_map(|a| self.agents.one(a)).map(Seen::Agent));
                let due = self.lines.duties().filter(|d| agents.contains(&*d.agent));
                found.extend(due.map(|d| Seen::Duty(d)));
            }
            None => {
                found.extend(self.calls.live().map(|c| Seen::Call(c)));
                found.extend(self.agents.all().map(|a| Seen::Agent(a)));
                found.extend(self.lines.lines().map(|l| Seen::Line(l)));
                found.extend(self.lines.duties().map(|d| Seen::Duty(d)));
                found.extend(self.lines.links().map(|l| Seen::Link(l)));
            }
        }
        found.retain(|seen| interest.view(*seen).is_some());
        found
    }

    pub(super) fn register(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get_mut(&id).filter(|s| !s.live) else { return };
        slot.live = true;
        let interest = slot.interest.clone();
        for key in interest.keys() {
            self.index.put(key, |ids| ids.push(id));
        }
        self.screen(id);
    }

    /// From its first figures on a screen is owed what changes, also while it is not live: they
    /// are no part of the log, so that nothing brings them back.
    pub(super) fn screen(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Slot { interest, owed, .. } = slot;
        owed.retain(|key| interest.counts(key));
        match interest.boards.is_empty() {
            true => self.screens.remove(&id),
            false => self.screens.insert(id),
        };
    }

    pub(super) fn unregister(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get_mut(&id).filter(|s| s.live) else { return };
        slot.live = false;
        for key in slot.interest.keys() {
            self.index.take(key, |ids| {
                ids.retain(|other| *other != id);
                ids.is_empty()
            });
        }
    }

    /// Forgets a subscriber; unknown ones are ignored (an epoch change may have been quicker).
    pub fn unsubscribe(&mut self, id: SlotId) {
        self.unregister(id);
        self.screens.remove(&id);
        self.slots.remove(&id);
    }

    #[cfg(test)]
    pub(super) fn is_deserted(&self) -> bool {
        self.slots.is_empty() && self.screens.is_empty() && self.index.is_empty()
    }
}

fn ring_limits(limits: &HubLimits) -> RingLimits {
    RingLimits { bytes_max: limits.ring_bytes_max, age_ms_max: limits.ring_ms_max }
}
