//! The newest events, each encoded at most once a view and codec, indexed so that a resume reads only what
//! its client may see.

use super::index::Index;
use super::interest::{Interest, Verdict};
use super::seen::{Key, Object, Seen};
use crate::model::{Agent, Call, Command, Entity, Event, Pos, Wall};
use crate::wire::{Codec, DeskFrame, View, event_frame, pb, write_frame};
use prost::bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// One encoded frame of an event; clones share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Position of its event.
    pub pos: Pos,
    /// In the codec of the subscriber; the same for every viewer of one view.
    pub bytes: Bytes,
    /// It is an `ev` frame; `ack` and `result` are not, and heartbeats do not count them.
    pub is_ev: bool,
    /// Agents whose desktops are to confirm it.
    pub confirm_by: Vec<Arc<str>>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}, {} bytes)", self.pos, self.bytes.len()) // the bytes hold numbers
    }
}

impl Frame {
    /// Encodes an event that is not in the ring (read back from the journal).
    pub fn encode(event: &Event, view: View, codec: Codec) -> Self {
        let bytes = write_frame(&event_frame(event, view), codec);
        let confirm_by = event.detail.confirm_by.clone();
        Self { pos: event.pos, bytes, is_ev: is_ev(event), confirm_by }
    }

    /// Says that a desk sees something no longer.
    fn gone(gone: &Gone, pos: Pos, codec: Codec) -> Self {
        let bytes = write_frame(&gone.frame(pos), codec);
        Self { pos, bytes, is_ev: false, confirm_by: Vec::new() }
    }
}

/// Something that a desk sees no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Kind of the entity.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// `ended`: it is over; `scope`: it is not, but has left what the desk may or wants to see.
    pub why: &'static str,
}

impl Gone {
    pub(super) fn of(before: Seen<'_>, over: bool) -> Self {
        let why = if over { "ended" } else { "scope" };
        Self { kind: before.kind(), id: before.id(), why }
    }

    /// What the desk is told.
    pub fn frame(&self, pos: Pos) -> DeskFrame {
        DeskFrame::Gone(pb::Gone {
            pos: pos.to_string(),
            kind: self.kind.to_owned(),
            id: self.id.clone(),
            why: self.why.to_owned(),
        })
    }
}

/// A command's events are frames of their own (`ack`, `result`); all others are `ev`.
fn is_ev(event: &Event) -> bool {
    !matches!(event.entity, Entity::Command(_))
}

struct Entry {
    batch: Arc<[Event]>,
    at: u32,
    cost_bytes: u32,
    /// The entity before the event, which an older entry or the read model held anyway.
    before: Option<Object>,
    /// Made when somebody watches.
    encoded: Option<Box<Encoded>>,
}

/// An event's frames. Few sites have desks of both codecs, so the second one's are apart.
#[derive(Default)]
struct Encoded {
    json: Views,
    protobuf: Option<Box<Views>>,
}

/// One a view.
#[derive(Default)]
struct Views {
    masked: Option<Bytes>,
    full: Option<Bytes>,
    gone: Option<Bytes>,
}

impl Encoded {
    fn views(&mut self, codec: Codec) -> &mut Views {
        match codec {
            Codec::Json => &mut self.json,
            Codec::Protobuf => self.protobuf.get_or_insert_default(),
        }
    }
}

impl Entry {
    fn event(&self) -> &Event {
        &self.batch[self.at as usize]
    }

    fn keys(&self) -> Vec<Key<'_>> {
        keys(Seen::of(self.event()), self.before.as_ref())
    }
}

/// Where an event is found: by what its entity is, and by what it was.
pub(super) fn keys<'a>(after: Seen<'a>, before: Option<&'a Object>) -> Vec<Key<'a>> {
    let mut keys = Vec::with_capacity(8);
    after.keys(&mut keys);
    if let Some(before) = before {
        before.seen().keys(&mut keys);
    }
    keys
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
    index: Index<VecDeque<u64>>,
}

impl Ring {
    pub(super) fn new(base: Pos, limits: RingLimits) -> Self {
        Self { limits, entries: VecDeque::new(), base, bytes: 0, index: Index::new() }
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
    pub(super) fn push(&mut self, batch: &Arc<[Event]>, at: usize, before: Option<Object>) {
        let event = &batch[at];
        let cost_bytes = approx_bytes(event);
        for key in keys(Seen::of(event), before.as_ref()) {
            self.index.put(key, |positions| positions.push_back(event.pos.0));
        }
        self.bytes += cost_bytes as usize;
        let (batch, at) = (batch.clone(), at as u32); // a batch has hundreds of events
        self.entries.push_back(Entry { batch, at, cost_bytes, before, encoded: None });
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
        self.bytes -= entry.cost_bytes as usize;
        self.base = self.base.next();
        for key in entry.keys() {
            self.index.take(key, |positions| {
                positions.pop_front();
                positions.is_empty()
            });
        }
    }

    fn entry(&mut self, pos: Pos) -> Option<&mut Entry> {
        let at = usize::try_from(pos.0.checked_sub(self.base.0 + 1)?).ok()?;
        self.entries.get_mut(at)
    }

    /// What an event in the ring is to a subscriber: a frame of its entity, `gone`, or nothing.
    pub(super) fn frame_for(
        &mut self,
        interest: &Interest,
        codec: Codec,
        pos: Pos,
    ) -> Option<Frame> {
        let entry = self.entry(pos)?;
        match interest.judge(Seen::of(entry.event()), entry.before.as_ref()) {
            Verdict::Shown(view) => self.frame(pos, view, codec),
            Verdict::Gone => self.gone(pos, codec),
            Verdict::Unseen => None,
        }
    }

    fn gone(&mut self, pos: Pos, codec: Codec) -> Option<Frame> {
        let entry = self.entry(pos)?;
        let over = Seen::of(entry.event()).is_over();
        let gone = &mut entry.encoded.get_or_insert_default().views(codec).gone;
        if let Some(bytes) = gone.clone() {
            return Some(Frame { pos, bytes, is_ev: false, confirm_by: Vec::new() });
        }
        let frame = Frame::gone(&Gone::of(entry.before.as_ref()?.seen(), over), pos, codec);
        *gone = Some(frame.bytes.clone());
        entry.cost_bytes += frame.bytes.len() as u32;
        self.bytes += frame.bytes.len();
        Some(frame)
    }

    /// The frame of a position in the ring.
    pub(super) fn frame(&mut self, pos: Pos, view: View, codec: Codec) -> Option<Frame> {
        let entry = self.entry(pos)?;
        let event = &entry.batch[entry.at as usize];
        let views = entry.encoded.get_or_insert_default().views(codec);
        let slot = match view {
            View::Masked => &mut views.masked,
            View::Full => &mut views.full,
        };
        if let Some(bytes) = slot {
            let confirm_by = event.detail.confirm_by.clone();
            return Some(Frame { pos, bytes: bytes.clone(), is_ev: is_ev(event), confirm_by });
        }
        let frame = Frame::encode(event, view, codec);
        *slot = Some(frame.bytes.clone());
        entry.cost_bytes += frame.bytes.len() as u32; // limited by what an event may hold
        self.bytes += frame.bytes.len();
        Some(frame)
    }

    /// Frames after `from` for `interest`, oldest first, and the position they reach: the head,
    /// or that of the last frame when `frames_max` or `bytes_max` is reached. At least one frame
    /// is given where there is one.
    pub(super) fn read(
        &mut self,
        (interest, codec): (&Interest, Codec),
        from: Pos,
        frames_max: usize,
        bytes_max: usize,
    ) -> (Vec<Frame>, Pos) {
        let (mut frames, mut bytes) = (Vec::new(), 0);
        let (candidates, reach) = self.candidates(interest, from, frames_max + 1);
        for pos in candidates {
            let Some(frame) = self.frame_for(interest, codec, Pos(pos)) else { continue };
            bytes += frame.bytes.len();
            if frames.len() >= frames_max || (bytes > bytes_max && !frames.is_empty()) {
                let to = frames.last().map_or(from, |f: &Frame| f.pos);
                return (frames, to);
            }
            frames.push(frame);
        }
        (frames, Pos(reach))
    }

    /// Positions after `from` that may be visible, and the position up to which they are complete:
    /// all positions for who sees all calls, else those of the labels. Of each list at most `max`
    /// are taken, so that a long way is gone in steps.
    fn candidates(&self, interest: &Interest, from: Pos, max: usize) -> (Vec<u64>, u64) {
        let mut reach = self.head();
        if interest.is_wide() {
            let start = from.0.max(self.base.0);
            reach = reach.min(start.saturating_add(2 * max as u64));
            return ((start + 1..=reach).collect(), reach);
        }
        let mut found = Vec::new();
        for list in interest.keys().into_iter().filter_map(|key| self.index.get(key)) {
            let first = list.partition_point(|pos| *pos <= from.0);
            found.extend(list.range(first..).take(max));
            if let Some(last) = list.get(first + max - 1).filter(|_| list.len() > first + max) {
                reach = reach.min(*last);
            }
        }
        found.retain(|pos| *pos <= reach);
        found.sort_unstable();
        found.dedup(); // two devices of one token in one call
        (found, reach)
    }
}

/// An event's part of what the revisions of a call share, and of its place in the index.
const CALL_SHARE_BYTES: usize = 256;

/// Memory an event holds, roughly: fixed parts and the strings that grow.
fn approx_bytes(event: &Event) -> u32 {
    let entity = match &event.entity {
        Entity::Call(call) => {
            size_of::<Call>() + call.legs.len() * size_of::<crate::model::Leg>() + CALL_SHARE_BYTES
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
        Entity::Override(_) => size_of::<crate::model::Override>() + 512,
        Entity::Shadow(_) => size_of::<crate::model::ShadowDiff>() + 512,
        Entity::Claims(entries) => entries.len() * (size_of::<crate::model::ClaimEntry>() + 320),
    };
    (size_of::<Event>() + size_of::<Entry>() + entity) as u32
}
