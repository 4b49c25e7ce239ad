//! The newest events, each encoded at most once a view, indexed so that a resume reads only what
//! its client may see.

use super::access::{Interest, Label, label};
use crate::model::{Agent, Call, Command, Entity, Event, Pos, Wall};
use crate::wire::{View, command_frame_to_json, event_to_json};
use prost::bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// One encoded frame of an event; clones share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Position of its event.
    pub pos: Pos,
    /// JSON text, the same for every viewer of one view.
    pub bytes: Bytes,
    /// It is an `ev` frame; `ack` and `result` are not, and heartbeats do not count them.
    pub is_ev: bool,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}, {} bytes)", self.pos, self.bytes.len()) // the bytes hold numbers
    }
}

impl Frame {
    /// Encodes an event that is not in the ring (read back from the journal).
    pub fn encode(event: &Event, view: View) -> Self {
        let text = match &event.entity {
            Entity::Command(command) => command_frame_to_json(event.pos, command),
            _ => event_to_json(event, view),
        };
        Self { pos: event.pos, bytes: Bytes::from(text), is_ev: is_ev(event) }
    }
}

/// A command's events are frames of their own (`ack`, `result`); all others are `ev`.
fn is_ev(event: &Event) -> bool {
    !matches!(event.entity, Entity::Command(_))
}

struct Entry {
    batch: Arc<[Event]>,
    at: usize,
    masked: Option<Bytes>,
    full: Option<Bytes>,
    cost_bytes: usize,
}

impl Entry {
    fn event(&self) -> &Event {
        &self.batch[self.at]
    }
}

/// Limits of the ring: whichever is reached first.
#[derive(Clone, Copy, Debug)]
pub(super) struct RingLimits {
    pub(super) bytes_max: usize,
    pub(super) age_ms_max: u64,
}

pub(super) struct Ring {
    limits: RingLimits,
    entries: VecDeque<Entry>,
    /// Position before the oldest entry: a resume from here or later can be served.
    base: Pos,
    bytes: usize,
    by_device: HashMap<String, VecDeque<u64>>,
    health: VecDeque<u64>,
    lines: VecDeque<u64>,
    links: VecDeque<u64>,
    agents: VecDeque<u64>,
    /// By agent and by user, see [`owner_key`].
    by_owner: HashMap<String, VecDeque<u64>>,
}

/// Key of an index by agent and by user.
pub(super) fn owner_key(kind: &str, name: &str) -> String {
    format!("{kind}\0{name}")
}

impl Ring {
    pub(super) fn new(base: Pos, limits: RingLimits) -> Self {
        Self {
            limits,
            entries: VecDeque::new(),
            base,
            bytes: 0,
            by_device: HashMap::new(),
            health: VecDeque::new(),
            lines: VecDeque::new(),
            links: VecDeque::new(),
            agents: VecDeque::new(),
            by_owner: HashMap::new(),
        }
    }

    pub(super) fn base(&self) -> Pos {
        self.base
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn head(&self) -> u64 {
        self.base.0 + self.entries.len() as u64
    }

    /// Appends the event after the newest one.
    pub(super) fn push(&mut self, batch: &Arc<[Event]>, at: usize) {
        let event = &batch[at];
        let cost_bytes = approx_bytes(event);
        match label(event) {
            Label::Call(call) => {
                for device in call.devices() {
                    push_device(&mut self.by_device, device, event.pos.0);
                }
            }
            Label::Device(device) => push_device(&mut self.by_device, device, event.pos.0),
            Label::Health => self.health.push_back(event.pos.0),
            Label::Lines => self.lines.push_back(event.pos.0),
            Label::Links => self.links.push_back(event.pos.0),
            Label::Agent(id) => {
                self.agents.push_back(event.pos.0);
                let key = owner_key("agent", id);
                self.by_owner.entry(key).or_default().push_back(event.pos.0);
            }
            Label::User(user) => {
                let key = owner_key("user", user);
                self.by_owner.entry(key).or_default().push_back(event.pos.0);
            }
            Label::Site => {}
        }
        self.bytes += cost_bytes;
        let batch = batch.clone();
        self.entries.push_back(Entry { batch, at, masked: None, full: None, cost_bytes });
    }

    /// Drops what is over the limits; called once an event has been handed out.
    pub(super) fn trim(&mut self) {
        let newest = self.entries.back().map_or(Wall(0), |e| e.event().ts);
        while let Some(oldest) = self.entries.front() {
            let old = newest.ms_since(oldest.event().ts) > self.limits.age_ms_max;
            if !old && self.bytes <= self.limits.bytes_max {
                return;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= entry.cost_bytes;
        self.base = self.base.next();
        match label(entry.event()) {
            Label::Call(call) => {
                for device in call.devices() {
                    pop_owner(&mut self.by_device, device);
                }
            }
            Label::Device(device) => pop_owner(&mut self.by_device, device),
            Label::Health => {
                self.health.pop_front();
            }
            Label::Lines => {
                self.lines.pop_front();
            }
            Label::Links => {
                self.links.pop_front();
            }
            Label::Agent(id) => {
                self.agents.pop_front();
                pop_owner(&mut self.by_owner, &owner_key("agent", id));
            }
            Label::User(user) => pop_owner(&mut self.by_owner, &owner_key("user", user)),
            Label::Site => {}
        }
    }

    /// The frame of a position in the ring.
    pub(super) fn frame(&mut self, pos: Pos, view: View) -> Option<Frame> {
        let at = usize::try_from(pos.0.checked_sub(self.base.0 + 1)?).ok()?;
        let entry = self.entries.get_mut(at)?;
        let slot = match view {
            View::Masked => &mut entry.masked,
            View::Full => &mut entry.full,
        };
        if let Some(bytes) = slot {
            let is_ev = is_ev(&entry.batch[entry.at]);
            return Some(Frame { pos, bytes: bytes.clone(), is_ev });
        }
        let frame = Frame::encode(&entry.batch[entry.at], view);
        *slot = Some(frame.bytes.clone());
        entry.cost_bytes += frame.bytes.len();
        self.bytes += frame.bytes.len();
        Some(frame)
    }

    /// Frames after `from` for `interest`, oldest first, and the position they reach: the head,
    /// or that of the last frame when `frames_max` or `bytes_max` is reached. At least one frame
    /// is given where there is one.
    pub(super) fn read(
        &mut self,
        interest: &Interest,
        from: Pos,
        frames_max: usize,
        bytes_max: usize,
    ) -> (Vec<Frame>, Pos) {
        let (mut frames, mut bytes) = (Vec::new(), 0);
        let (candidates, reach) = self.candidates(interest, from, frames_max + 1);
        for pos in candidates {
            let Some(view) = self.view_at(interest, pos) else { continue };
            let Some(frame) = self.frame(Pos(pos), view) else { continue };
            bytes += frame.bytes.len();
            if frames.len() >= frames_max || (bytes > bytes_max && !frames.is_empty()) {
                let to = frames.last().map_or(from, |f: &Frame| f.pos);
                return (frames, to);
            }
            frames.push(frame);
        }
        (frames, Pos(reach))
    }

    fn view_at(&self, interest: &Interest, pos: u64) -> Option<View> {
        let at = usize::try_from(pos.checked_sub(self.base.0 + 1)?).ok()?;
        interest.view_of(self.entries.get(at)?.event())
    }

    /// Positions after `from` that may be visible, at least the `max` oldest of them, and the
    /// position up to which they are complete: all positions for a site subscriber, else those
    /// of the labels (all of which are visible, so `max` of each label are enough).
    fn candidates(&self, interest: &Interest, from: Pos, max: usize) -> (Vec<u64>, u64) {
        let head = self.head();
        if interest.site.is_some() {
            let start = from.0.max(self.base.0);
            let reach = head.min(start.saturating_add(2 * max as u64));
            return ((start + 1..=reach).collect(), reach);
        }
        let own = interest.own.is_some();
        let devices = interest.devices.iter().filter(|_| own);
        let lists = devices.filter_map(|d| self.by_device.get(d));
        let health = Some(&self.health).filter(|_| interest.health);
        let lines = Some(&self.lines).filter(|_| interest.lines);
        let links = Some(&self.links).filter(|_| interest.links);
        let mut found = Vec::new();
        let agents = Some(&self.agents).filter(|_| interest.agents);
        let own_agent = interest.agent.as_ref().filter(|_| !interest.agents);
        let own_agent = own_agent.and_then(|a| self.by_owner.get(&owner_key("agent", a)));
        let commands = self.by_owner.get(&owner_key("user", &interest.user));
        let named = agents.into_iter().chain(own_agent).chain(commands);
        for list in lists.chain(health).chain(lines).chain(links).chain(named) {
            let first = list.partition_point(|pos| *pos <= from.0);
            found.extend(list.range(first..).take(max));
        }
        found.sort_unstable();
        found.dedup(); // two devices of one token in one call
        (found, head)
    }
}

fn push_device(index: &mut HashMap<String, VecDeque<u64>>, device: &str, pos: u64) {
    match index.get_mut(device) {
        Some(positions) => positions.push_back(pos),
        None => {
            index.insert(device.to_owned(), VecDeque::from([pos]));
        }
    }
}

fn pop_owner(index: &mut HashMap<String, VecDeque<u64>>, key: &str) {
    let Some(positions) = index.get_mut(key) else { return };
    positions.pop_front();
    if positions.is_empty() {
        index.remove(key);
    }
}

/// Memory an event holds, roughly: fixed parts and the strings that grow.
fn approx_bytes(event: &Event) -> usize {
    let entity = match &event.entity {
        Entity::Call(call) => {
            size_of::<Call>() + call.legs.len() * size_of::<crate::model::Leg>() + 512
        }
        Entity::Decision(decision) => {
            size_of::<crate::model::Decision>() + decision.rules.len() * 192 + 384
        }
        Entity::Dnc(entries) => entries.len() * (size_of::<crate::model::DncEntry>() + 192),
        Entity::System(status) => status.reason.len(),
        Entity::Line(line) => {
            size_of::<crate::model::Line>()
                + line.probes.len() * (size_of::<crate::model::ProbeResult>() + 32)
                + 256
        }
        Entity::Duty(_) => size_of::<crate::model::Duty>() + 128,
        Entity::Link(_) => size_of::<crate::model::Link>() + 256,
        Entity::Agent(agent) => size_of::<Agent>() + agent.who.queues.len() * 48 + 256,
        Entity::Command(_) => size_of::<Command>() + 256,
    };
    size_of::<Event>() + size_of::<Entry>() + entity
}
