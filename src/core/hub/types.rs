//! What goes into the hub and comes out of it.

use super::access::{Grant, GrantView, Refusal};
use super::interest::Interest;
use super::ring::{Frame, Gone};
use super::seen::Seen;
use crate::model::{Agent, Call, Duty, Epoch, Line, Link, Named, Pos};
use crate::wire::pb;
use std::sync::Arc;

/// Limits of the hub.
#[derive(Clone, Copy, Debug)]
pub struct HubLimits {
    /// Memory of the ring of recent events. Default 32 MiB. Older positions: the journal.
    pub ring_bytes_max: usize,
    /// Age of the oldest event in the ring against the newest, ms. Default 15 minutes.
    pub ring_ms_max: u64,
    /// Calls that ended, kept for gap summaries. Default 4,096. Beyond: the oldest is forgotten.
    pub ended_calls_max: usize,
    /// Subscriptions of one socket. Default 16. Beyond: LIMIT_EXCEEDED.
    pub subs_max: usize,
    /// Entities that a resume from the journal may list. Default 500. Beyond: a snapshot.
    pub keep_max: usize,
    /// Calls in a snapshot up to which the subscriber is live at once. Default 128. Beyond it
    /// reads on from the ring when the pages are written, so they never overflow its queue.
    pub live_cut_calls_max: usize,
    /// Frames of one step of catching up. Default 256.
    pub step_frames_max: usize,
    /// Bytes of one step of catching up. Default 128 KiB.
    pub step_bytes_max: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            ring_bytes_max: 32 << 20,
            ring_ms_max: 15 * 60 * 1000,
            ended_calls_max: 4096,
            subs_max: 16,
            keep_max: 500,
            live_cut_calls_max: 128,
            step_frames_max: 256,
            step_bytes_max: 128 << 10,
        }
    }
}

/// One subscriber (one socket).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u64);

/// Last place the client has applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// Log incarnation as the client knows it.
    pub epoch: String,
    /// Position.
    pub pos: Pos,
    /// Scope of the welcome it continues; empty: not checked.
    pub scope: String,
}

/// Why a stream is, or is not, a continuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is.
    Ok,
    /// Another incarnation of the log.
    Epoch,
    /// Neither ring nor journal hold the position.
    TooOld,
    /// The position lies ahead of the log.
    Ahead,
    /// The client may see other things than before.
    Scope,
    /// No resume was asked for.
    None,
}

impl Named for Why {
    const TABLE: &'static [(Self, &'static str)] = &[
        (Self::Ok, "ok"),
        (Self::Epoch, "epoch"),
        (Self::TooOld, "too_old"),
        (Self::Ahead, "ahead"),
        (Self::Scope, "scope"),
        (Self::None, "none"),
    ];
}

/// State of one subscription at the position of its cut.
#[derive(Clone, Debug)]
pub struct SubSnap {
    /// Client's subscription id.
    pub sub: String,
    /// View in force.
    pub view: GrantView,
    /// Live calls.
    pub calls: Vec<Arc<Call>>,
    /// Calls that began and ended after the client's position, as far as known.
    pub gap: Vec<Arc<Call>>,
    /// `site:lines`: all lines.
    pub lines: Vec<Arc<Line>>,
    /// `site:lines`: duties that run.
    pub duties: Vec<Arc<Duty>>,
    /// `site:links`: all control links.
    pub links: Vec<Arc<Link>>,
    /// `agent:self`, `site:agents`, `team:`: agents.
    pub agents: Vec<Arc<Agent>>,
    /// View `aggregate`: all boards of the topic.
    pub figures: Vec<pb::Figures>,
}

impl SubSnap {
    /// The state of a subscription that sees nothing.
    pub fn empty(sub: String, view: GrantView) -> Self {
        Self {
            sub,
            view,
            calls: Vec::new(),
            gap: Vec::new(),
            lines: Vec::new(),
            duties: Vec::new(),
            links: Vec::new(),
            agents: Vec::new(),
            figures: Vec::new(),
        }
    }
}

/// A snapshot. `live`: the subscriber was registered in the same step, and events after `pos` are
/// delivered; else it reads on with [`Hub::advance`](super::Hub::advance) from `pos`.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Why it is a snapshot.
    pub why: Why,
    /// Position of the cut.
    pub pos: Pos,
    /// One for each grant.
    pub subs: Vec<SubSnap>,
    /// Registered.
    pub live: bool,
}

/// How a subscriber's stream starts.
#[derive(Clone, Debug)]
pub enum Start {
    /// In the ring: the first step of the replay.
    Replay(Advance),
    /// Older than the ring: read the journal after `from`, then
    /// [`Hub::advance`](super::Hub::advance); or [`Hub::restart`](super::Hub::restart) if the
    /// journal does not hold it.
    Journal {
        /// Client's position.
        from: Pos,
    },
    /// From a snapshot.
    Snapshot(Cut),
}

/// What came of a subscription.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// Handle.
    pub slot: SlotId,
    /// In force.
    pub grants: Vec<Grant>,
    /// Not in force.
    pub refusals: Vec<Refusal>,
    /// What may be seen.
    pub interest: Arc<Interest>,
    /// Log incarnation.
    pub epoch: Epoch,
    /// Head at this step.
    pub head: Pos,
    /// First step.
    pub start: Start,
}

/// One step of catching up.
#[derive(Clone, Debug)]
pub struct Advance {
    /// Frames in order.
    pub frames: Vec<Frame>,
    /// All visible events up to here have been given.
    pub to: Pos,
    /// What next.
    pub state: AdvanceState,
    /// Live, and asked for: all that the subscriber sees; what it has beside is gone.
    pub keep: Option<Vec<Kept>>,
}

/// Something that a subscriber sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// Kind of the entity.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

impl Kept {
    pub(super) fn of(seen: Seen<'_>) -> Self {
        Self { kind: seen.kind(), id: seen.id() }
    }
}

/// What another subscription, or another token, changes for a subscriber: to be told in this
/// order, after everything up to `pos`.
#[derive(Clone, Debug)]
pub struct Change {
    /// Position of the step.
    pub pos: Pos,
    /// Seen before, not any more.
    pub gone: Vec<Gone>,
    /// Not in force, or no longer.
    pub refusals: Vec<Refusal>,
    /// In force with another extent than before.
    pub grants: Vec<Grant>,
    /// The state of each of these.
    pub subs: Vec<SubSnap>,
    /// What may be seen now.
    pub interest: Arc<Interest>,
    /// Registered; else it reads on with [`Hub::advance`](super::Hub::advance) from `pos`.
    pub live: bool,
}

/// What follows a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvanceState {
    /// Registered: events after `to` are delivered.
    Live,
    /// Ask again from `to`.
    More,
    /// The ring has moved past this position: read the journal.
    Behind,
}

/// A frame for a subscriber.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Whose.
    pub to: SlotId,
    /// What.
    pub frame: Frame,
}

/// Why a batch could not be applied (in full).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// Batches are missing: read them from the journal and apply them first.
    #[error("the hub expected position {expected} and was given {got}")]
    Gap {
        /// Next position.
        expected: Pos,
        /// Position given.
        got: Pos,
    },
}

/// Sizes for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubSizes {
    /// Live calls.
    pub calls: usize,
    /// Subscribers.
    pub slots: usize,
    /// Events in the ring.
    pub ring_events: usize,
    /// Memory of the ring.
    pub ring_bytes: usize,
}
