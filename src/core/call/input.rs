//! What a call is told, and what it tells.

use super::cause::ReasonText;
use super::people::PeopleRules;
use crate::model::{
    Arrival, Call, CallId, Channel, DecisionId, Detail, Dialog, Direction, EventKind as K, LegRole,
    Moment, Party, Pii, Pop, Signalling, Transferred,
};
use std::sync::Arc;

/// What a site sets about calls.
#[derive(Clone, Debug)]
pub struct Settings {
    /// On every entity.
    pub tenant: Arc<str>,
    /// On every entity.
    pub site: Arc<str>,
    /// One ring cycle.
    pub ring_period_ms: u32,
    /// An agent is to answer within so many ms of its first ring, or within three rings.
    pub answer_norm_ms: u32,
    /// People in calls.
    pub people: Arc<PeopleRules>,
}

/// Everything known when the INVITE has been read.
#[derive(Clone, Debug)]
pub struct Start {
    /// Ours.
    pub id: CallId,
    /// Which way.
    pub direction: Direction,
    /// Why.
    pub purpose: Option<String>,
    /// Caller.
    pub from: Arc<Party>,
    /// Callee.
    pub to: Arc<Party>,
    /// As dialled.
    pub dialed: Arc<Party>,
    /// Inside device.
    pub device: Arc<str>,
    /// Carrier line the call came in by; empty for calls that go out (known when forwarded).
    pub trunk: Arc<str>,
    /// Call-ID and caller's tag.
    pub dialog: Dialog,
    /// Call whose place it takes.
    pub replaces: Option<Replaced>,
    /// What else the INVITE claimed.
    pub signalling: Option<Box<Signalling>>,
    /// Kernel receive stamp of the INVITE.
    pub arrival: Arrival,
}

/// A call whose place another takes (RFC 3891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// It.
    pub call: CallId,
    /// Its thread.
    pub thread: CallId,
    /// Who leaves it.
    pub leaver: Party2,
}

/// Which of the two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party2 {
    /// Sent the INVITE.
    Caller,
    /// Was asked for.
    Callee,
}

impl Party2 {
    /// Place of this party's leg in the call.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Caller => 0,
            Self::Callee => 1,
        }
    }
}

/// What signalling means for a call.
#[derive(Clone, Debug)]
pub enum CallInput {
    /// The INVITE waits for the gate.
    Requested,
    /// The gate has spoken.
    Decided {
        /// Its decision.
        decision: DecisionId,
    },
    /// The INVITE left by this line (carrier name, or PBX name for inbound calls).
    Forwarded {
        /// Name of the neighbour.
        line: Arc<str>,
    },
    /// A provisional answer, 101-199.
    Provisional {
        /// Status.
        status: u16,
        /// With session description.
        sdp: bool,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// A 2xx to the INVITE.
    Answered {
        /// Callee's tag.
        tag: String,
        /// Status.
        status: u16,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// The caller sent CANCEL.
    CancelRequested {
        /// Reason header.
        reason: Option<ReasonText>,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// A final answer other than 2xx went to the caller.
    Rejected {
        /// Status.
        status: u16,
        /// Phrase.
        phrase: String,
        /// Reason header.
        reason: Option<ReasonText>,
        /// Said by trunkline itself.
        local: bool,
        /// When.
        arrival: Arrival,
    },
    /// The gate refused.
    Denied {
        /// Status sent.
        status: u16,
        /// Rule and next instant.
        text: String,
    },
    /// A change of media was accepted; `hold` as its proposer asked.
    MediaAgreed {
        /// Who proposed it.
        by: Party2,
        /// Puts the other on hold.
        hold: bool,
        /// Kernel receive stamp of the acceptance.
        arrival: Arrival,
    },
    /// A party has left its place to another.
    Transferred {
        /// Who left.
        by: Party2,
        /// How.
        transfer: Transferred,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// A BYE.
    Bye {
        /// Who sent it.
        by: Party2,
        /// Reason header.
        reason: Option<ReasonText>,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// Signalling that only an answered call has: re-INVITE, REFER, BYE.
    Seen {
        /// Callee's tag as the message shows it.
        callee_tag: String,
    },
    /// No signalling for the longest time that a call may last.
    Stale,
}

/// A call that only control links show: its first leg.
#[derive(Clone, Debug)]
pub struct SeenStart {
    /// Ours.
    pub id: CallId,
    /// Which way, as far as it is known.
    pub direction: Direction,
    /// Caller.
    pub from: Arc<Party>,
    /// Callee.
    pub to: Arc<Party>,
    /// Inside device.
    pub device: Arc<str>,
    /// Carrier line; empty if none.
    pub trunk: Arc<str>,
    /// Who called, or whom the PBX called first.
    pub leg: NewLeg,
    /// When.
    pub at: Moment,
}

/// A leg as a control link shows it.
#[derive(Clone, Debug)]
pub struct NewLeg {
    /// Part in the call.
    pub role: LegRole,
    /// Device or line.
    pub device: Arc<str>,
    /// Agent at the device.
    pub agent: Option<Arc<str>>,
    /// The PBX's channel; `None`: the PBX itself dials.
    pub channel: Option<Channel>,
    /// Its Call-ID, if known.
    pub sip_call_id: Option<Arc<str>>,
    /// It was asked for; otherwise it called.
    pub asked: bool,
    /// What the agent's desktop is to show.
    pub pop: Option<Box<Pop>>,
}

/// Who ended a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ender {
    /// The party itself: it hung up, gave up or refused.
    Party,
    /// The PBX, because of something else.
    Switch,
    /// Not told.
    Unknown,
}

/// How a leg ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegEnd {
    /// By whom.
    pub by: Ender,
    /// Q.850 cause, if it says something.
    pub q850: Option<u8>,
    /// Final SIP status of this leg.
    pub sip_status: Option<u16>,
    /// In the PBX's words.
    pub text: String,
    /// It is only known to be gone.
    pub lost: bool,
}

/// What a control link shows of a leg.
#[derive(Clone, Debug)]
pub enum LegInput {
    /// Early media.
    Progress,
    /// It rings.
    Ringing,
    /// It has answered, or the PBX has answered it.
    Answered,
    /// It hears another party.
    Talks,
    /// Its party holds.
    Held,
    /// And no longer.
    Retrieved,
    /// A key.
    Dtmf(char),
    /// Waits in this queue.
    Queued(Arc<str>),
    /// Waits no longer.
    Dequeued,
    /// Rang out: the PBX says so.
    Missed,
    /// Has left its place to another.
    Transferred(Transferred),
    /// More than two hear each other since this one came.
    Conferenced,
    /// A value was attached.
    Data {
        /// Name.
        key: String,
        /// Value.
        value: Pii<String>,
    },
    /// Gone.
    Ended(LegEnd),
    /// It is in another call now.
    Moved,
}

/// One change, with the entity after it.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What happened.
    pub kind: K,
    /// Entity after it.
    pub call: Arc<Call>,
    /// Own facts.
    pub detail: Detail,
}
