//! The hub: folds committed events, says who gets which frame, serves snapshots and resume.

use super::access::{Grant, Interest, Label, Principal, SubRequest, Topic, authorise, label};
use super::agents::AgentBook;
use super::calls::{Calls, Stamp};
use super::lines::LineBook;
use super::ring::{Ring, RingLimits, owner_key};
use super::types::{
    Advance, AdvanceState, Cut, Delivery, HubError, HubLimits, HubSizes, ResumePoint, SlotId,
    Start, SubSnap, Subscribed, Why,
};
use crate::model::{Agent, Call, Committed, Duty, Entity, Epoch, Event, Line, Pos};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

struct Slot {
    interest: Arc<Interest>,
    grants: Vec<Grant>,
    live: bool,
}

/// Read model and subscriptions of one site.
pub struct Hub {
    limits: HubLimits,
    /// Incarnations seen by this process, oldest first; the last is in force.
    epochs: Vec<Epoch>,
    head: Pos,
    calls: Calls,
    lines: LineBook,
    ring: Ring,
    slots: BTreeMap<SlotId, Slot>,
    next_slot: u64,
    by_device: HashMap<String, Vec<SlotId>>,
    by_site: Vec<SlotId>,
    by_health: Vec<SlotId>,
    by_lines: Vec<SlotId>,
    by_links: Vec<SlotId>,
    agents: AgentBook,
    by_agents: Vec<SlotId>,
    /// By agent and by user, see [`owner_key`].
    by_owner: HashMap<String, Vec<SlotId>>,
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
            ring: Ring::new(head, ring_limits(&limits)),
            slots: BTreeMap::new(),
            next_slot: 0,
            by_device: HashMap::new(),
            by_site: Vec::new(),
            by_health: Vec::new(),
            by_lines: Vec::new(),
            by_links: Vec::new(),
            agents: AgentBook::default(),
            by_agents: Vec::new(),
            by_owner: HashMap::new(),
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
            self.ring.push(&batch.events, at);
            self.fold(event);
            self.deliver(event, out);
            self.ring.trim();
        }
        Ok(reset)
    }

    fn fold(&mut self, event: &Event) {
        match &event.entity {
            Entity::Call(call) => {
                let stamp = self.stamp(event.pos);
                self.calls.apply(call, stamp);
            }
            Entity::Line(line) => self.lines.apply_line(line),
            Entity::Duty(duty) => self.lines.apply_duty(duty),
            Entity::Link(link) => self.lines.apply_link(link),
            Entity::Agent(agent) => self.agents.apply(agent),
            Entity::Decision(_) | Entity::Dnc(_) | Entity::System(_) | Entity::Command(_) => {}
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
        self.by_device.clear();
        self.by_site.clear();
        self.by_health.clear();
        self.by_lines.clear();
        self.by_links.clear();
        self.by_agents.clear();
        self.by_owner.clear();
        std::mem::take(&mut self.slots).into_keys().collect()
    }

    fn stamp(&self, pos: Pos) -> Stamp {
        (u32::try_from(self.epochs.len() - 1).unwrap_or(u32::MAX), pos.0)
    }

    fn deliver(&mut self, event: &Event, out: &mut Vec<Delivery>) {
        let none: &[SlotId] = &[];
        let of_owner = |kind, name| {
            let found = self.by_owner.get(&owner_key(kind, name));
            found.map_or(none, |slots| slots.as_slice())
        };
        let of_device = |device: &str| self.by_device.get(device).map_or(none, |v| v);
        let mut several = Vec::new();
        let (owners, watchers) = match label(event) {
            Label::Call(call) => {
                let mut devices = call.devices().map(|device| &**device);
                let first = devices.next().map_or(none, of_device);
                several.extend(devices.flat_map(of_device).filter(|id| !first.contains(id)));
                several.sort_unstable();
                several.dedup();
                (first, self.by_site.as_slice())
            }
            Label::Device(device) => (of_device(device), self.by_site.as_slice()),
            Label::Site => (none, self.by_site.as_slice()),
            Label::Health => (none, self.by_health.as_slice()),
            Label::Lines => (none, self.by_lines.as_slice()),
            Label::Links => (none, self.by_links.as_slice()),
            Label::Agent(id) => (of_owner("agent", id), self.by_agents.as_slice()),
            Label::User(user) => (of_owner("user", user), none),
        };
        let owns = |slot: &Slot| match label(event) {
            Label::Call(call) => slot.interest.owns_call(call),
            Label::Device(device) => slot.interest.owns(device),
            Label::Agent(id) => slot.interest.agent.as_deref() == Some(id),
            Label::Site | Label::Health | Label::Lines | Label::Links | Label::User(_) => false,
        };
        let owners = owners.iter().chain(several).map(|id| (id, true));
        for (id, first) in owners.chain(watchers.iter().map(|id| (id, false))) {
            let Some(slot) = self.slots.get(id) else { continue };
            if !first && owns(slot) {
                continue; // it got the event as an owner
            }
            let Some(view) = slot.interest.view_of(event) else { continue };
            if let Some(frame) = self.ring.frame(event.pos, view) {
                out.push(Delivery { to: *id, frame });
            }
        }
    }

    /// Authorises, decides how the stream starts, and where possible registers the subscriber in
    /// the same step.
    pub fn subscribe(
        &mut self,
        who: &Principal,
        requests: &[SubRequest],
        resume: Option<&ResumePoint>,
    ) -> Subscribed {
        let (grants, refusals) = authorise(who, requests, self.limits.subs_max);
        let interest = Arc::new(Interest::new(who, &grants));
        let slot = SlotId(self.next_slot);
        self.next_slot += 1;
        let entry = Slot { interest: interest.clone(), grants: grants.clone(), live: false };
        self.slots.insert(slot, entry);
        let start = match self.judge(&interest, resume) {
            Ok(from) if from < self.ring.base() => Start::Journal { from },
            Ok(from) => Start::Replay(self.step(slot, from)),
            Err(why) => Start::Snapshot(self.cut(slot, why, resume)),
        };
        let (epoch, head) = (self.epoch(), self.head);
        Subscribed { slot, grants, refusals, interest, epoch, head, start }
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
        Ok(resume.pos)
    }

    /// A snapshot instead of the replay that [`Start::Journal`] hoped for.
    /// `None`: the subscriber is gone.
    pub fn restart(&mut self, slot: SlotId, why: Why, resume: Option<&ResumePoint>) -> Option<Cut> {
        self.slots.contains_key(&slot).then(|| self.cut(slot, why, resume))
    }

    fn cut(&mut self, slot: SlotId, why: Why, resume: Option<&ResumePoint>) -> Cut {
        let gap_after = resume.and_then(|r| self.known_stamp(r));
        let subs = self.slots.get(&slot).map_or_else(Vec::new, |s| self.snapshot(s, gap_after));
        let calls: usize = subs.iter().map(|s| s.calls.len() + s.gap.len()).sum();
        let live = calls <= self.limits.live_cut_calls_max;
        if live {
            self.register(slot);
        }
        Cut { why, pos: self.head, subs, live }
    }

    fn snapshot(&self, slot: &Slot, gap_after: Option<Stamp>) -> Vec<SubSnap> {
        let mut subs = self.calls.snapshot(&slot.interest, &slot.grants, gap_after);
        for (sub, grant) in subs.iter_mut().zip(&slot.grants) {
            if grant.topic == Topic::SiteLines {
                (sub.lines, sub.duties) = self.lines.snapshot();
            }
            match (grant.topic, &slot.interest.agent) {
                (Topic::SiteLinks, _) => sub.links = self.lines.links(),
                (Topic::SiteAgents, _) => sub.agents = self.agents.all(),
                (Topic::AgentSelf, Some(id)) => sub.agents = self.agents.one(id),
                _ => {}
            }
        }
        subs
    }

    fn known_stamp(&self, resume: &ResumePoint) -> Option<Stamp> {
        let ordinal = self.epochs.iter().position(|e| e.to_string() == resume.epoch)?;
        Some((u32::try_from(ordinal).ok()?, resume.pos.0))
    }

    /// The next step of a subscriber that has everything up to `from`.
    /// `None`: the subscriber is gone (or is live already).
    pub fn advance(&mut self, slot: SlotId, from: Pos) -> Option<Advance> {
        self.slots.get(&slot).filter(|s| !s.live)?;
        Some(self.step(slot, from))
    }

    fn step(&mut self, slot: SlotId, from: Pos) -> Advance {
        let behind = Advance { frames: Vec::new(), to: from, state: AdvanceState::Behind };
        if from < self.ring.base() {
            return behind;
        }
        let Some(entry) = self.slots.get(&slot) else { return behind };
        let interest = entry.interest.clone();
        let (frames_max, bytes_max) = (self.limits.step_frames_max, self.limits.step_bytes_max);
        let (frames, to) = self.ring.read(&interest, from, frames_max, bytes_max);
        let state = if to >= self.head {
            self.register(slot);
            AdvanceState::Live
        } else {
            AdvanceState::More
        };
        Advance { frames, to, state }
    }

    fn register(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get_mut(&id).filter(|s| !s.live) else { return };
        slot.live = true;
        let topics = |topic| slot.grants.iter().any(|g| g.topic == topic);
        if topics(Topic::CallsOwn) {
            for device in &slot.interest.devices {
                self.by_device.entry(device.clone()).or_default().push(id);
            }
        }
        if topics(Topic::SiteCalls) {
            self.by_site.push(id);
        }
        if topics(Topic::SiteHealth) {
            self.by_health.push(id);
        }
        if topics(Topic::SiteLines) {
            self.by_lines.push(id);
        }
        if topics(Topic::SiteLinks) {
            self.by_links.push(id);
        }
        if topics(Topic::SiteAgents) {
            self.by_agents.push(id);
        }
        for key in owner_keys(&slot.interest) {
            self.by_owner.entry(key).or_default().push(id);
        }
    }

    /// Forgets a subscriber; unknown ones are ignored (an epoch change may have been quicker).
    pub fn unsubscribe(&mut self, id: SlotId) {
        let Some(slot) = self.slots.remove(&id) else { return };
        for device in &slot.interest.devices {
            if let Some(ids) = self.by_device.get_mut(device) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.by_device.remove(device);
                }
            }
        }
        self.by_site.retain(|other| *other != id);
        self.by_health.retain(|other| *other != id);
        self.by_lines.retain(|other| *other != id);
        self.by_links.retain(|other| *other != id);
        self.by_agents.retain(|other| *other != id);
        for key in owner_keys(&slot.interest) {
            if let Some(ids) = self.by_owner.get_mut(&key) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.by_owner.remove(&key);
                }
            }
        }
    }
}

/// Where a subscriber is found by its own names.
fn owner_keys(interest: &Interest) -> impl Iterator<Item = String> {
    let agent = interest.agent.as_deref().map(|a| owner_key("agent", a));
    agent.into_iter().chain([owner_key("user", &interest.user)])
}

fn ring_limits(limits: &HubLimits) -> RingLimits {
    RingLimits { bytes_max: limits.ring_bytes_max, age_ms_max: limits.ring_ms_max }
}
