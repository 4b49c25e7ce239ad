//! What happened at a PBX, in one vocabulary for all of them.

use crate::model::{Pii, Transfer, Wall};
use std::sync::Arc;

/// A channel as its PBX names it: Asterisk's Uniqueid, FreeSWITCH's UUID. Unique within one PBX.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub Arc<str>);

/// A bridge as its PBX names it. FreeSWITCH has none: there it is made of the A leg's UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BridgeId(pub Arc<str>);

/// One fact and the PBX's own stamp of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The stamp the PBX put on it, if it did; its resolution is the PBX's.
    pub pbx_time: Option<Wall>,
    /// What happened.
    pub fact: Fact,
}

/// What is known of a channel. Comes again when more is known; an empty field says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelInfo {
    /// Technology and endpoint without the running number: `PJSIP/1001`, `sofia/trunk`.
    pub endpoint: String,
    /// The name of the other half, if this is one half of a Local channel: such channels are
    /// pipes inside the PBX and no party.
    pub pipe: Option<String>,
    /// Own name, unique while it lives: `PJSIP/1001-00000001`.
    pub name: String,
    /// The PBX was called (true), or calls (false).
    pub incoming: Option<bool>,
    /// Number of the party at this channel.
    pub number: Option<Pii<String>>,
    /// Its name.
    pub display: Option<Pii<String>>,
    /// What was dialled by (incoming) or to (outgoing) this channel.
    pub dialed: Option<Pii<String>>,
    /// SIP Call-ID of this leg.
    pub sip_call_id: Option<String>,
    /// Our private header on this leg, as the PBX set or saw it.
    pub mark: Option<String>,
    /// What the PBX itself holds together (Linkedid, Channel-Call-UUID): a hint, it may change.
    pub group: Option<String>,
    /// When the PBX made it.
    pub created: Option<Wall>,
}

/// Who ended a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// The party at the far end of this channel (it sent BYE or CANCEL, or refused).
    Party,
    /// The PBX: because another party left, by its dialplan, by an order.
    Pbx,
}

/// How a channel ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelEnd {
    /// Q.850 cause, where it says something (Asterisk's 0 and 127 do not).
    pub q850: Option<u8>,
    /// Final SIP status of this very leg.
    pub sip_status: Option<u16>,
    /// Who ended it, if the PBX tells.
    pub by: Option<EndedBy>,
    /// In the PBX's words.
    pub text: String,
}

/// Why a caller left a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dequeued {
    /// An agent took the call.
    Answered,
    /// The caller hung up.
    Abandoned,
    /// The queue gave up: timeout, nobody there, or a key.
    Left,
}

/// A device as its PBX sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceState {
    /// Not registered or not reachable.
    Unavailable,
    /// Could take a call.
    Idle,
    /// Rings.
    Ringing,
    /// In a call.
    InUse,
    /// The PBX does not know.
    Unknown,
}

/// A device's place in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Queue.
    pub queue: String,
    /// Endpoint (`PJSIP/1001`), or the agent's name in mod_callcenter (`1001@default`).
    pub device: String,
    /// It is a member (false: it was taken out).
    pub present: bool,
    /// Takes no calls of the queue.
    pub paused: bool,
    /// Why it is paused.
    pub reason: String,
    /// State of the device as the queue knows it.
    pub state: DeviceState,
    /// The queue's own after-call time runs.
    pub wrapping_up: bool,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A channel is there, or more is known of it.
    Channel(ChannelId, ChannelInfo),
    /// A channel was made to reach somebody on behalf of another (Dial, CHANNEL_ORIGINATE).
    Offered {
        /// The one that is to ring.
        channel: ChannelId,
        /// The one on whose behalf; `None`: on the PBX's own (originate).
        by: Option<ChannelId>,
    },
    /// Early media.
    Progress(ChannelId),
    /// It rings.
    Ringing(ChannelId),
    /// The party at this channel has answered, or the PBX has answered it.
    Answered(ChannelId),
    /// It hears the others of this bridge now.
    Bridged(ChannelId, BridgeId),
    /// It has left the bridge.
    Unbridged(ChannelId, BridgeId),
    /// The party at this channel holds.
    Held(ChannelId),
    /// And no longer.
    Retrieved(ChannelId),
    /// A key was pressed at this channel.
    Dtmf(ChannelId, char),
    /// A caller waits in a queue.
    Queued {
        /// The caller.
        channel: ChannelId,
        /// Queue.
        queue: String,
        /// Place, from 1.
        position: Option<u32>,
    },
    /// A caller has left its queue.
    Dequeued {
        /// The caller.
        channel: ChannelId,
        /// Queue.
        queue: String,
        /// Why.
        why: Dequeued,
    },
    /// A queue's member did not answer the call that was offered to it.
    Missed {
        /// Queue.
        queue: String,
        /// Member's device.
        device: String,
        /// The caller.
        caller: Option<ChannelId>,
    },
    /// A party has sent another on, or joined two others.
    Transferred {
        /// Who did it.
        by: ChannelId,
        /// How.
        kind: Transfer,
        /// Who was sent.
        moved: Option<ChannelId>,
        /// Who they were joined with (attended).
        target: Option<ChannelId>,
        /// Where to, as dialled (blind).
        to: Option<Pii<String>>,
    },
    /// One channel has taken another's place (masquerade, a Local channel optimised away).
    Replaced {
        /// Gone.
        old: ChannelId,
        /// In its place.
        new: ChannelId,
    },
    /// A value was attached to a call at the PBX.
    Data {
        /// Channel.
        channel: ChannelId,
        /// Key.
        key: String,
        /// Value.
        value: Pii<String>,
    },
    /// The channel is gone.
    Ended(ChannelId, ChannelEnd),
    /// Nothing more will be heard of the channel: it may have ended, or go on unseen.
    Lost(ChannelId),
    /// A queue's member.
    Member(Member),
    /// A device.
    Device {
        /// Endpoint.
        device: String,
        /// State.
        state: DeviceState,
    },
    /// All that the PBX knows now: what is not in it is not there.
    Snapshot(Snapshot),
}

/// All that a PBX knows of its calls at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Its channels: who, state as facts about it in order (`Channel`, then `Offered`, `Ringing`,
    /// `Answered`, `Held`, `Bridged`, `Queued` as far as they hold). A moment the PBX does not tell
    /// has no stamp.
    pub channels: Vec<(ChannelId, Vec<Observed>)>,
    /// Its queues' members, if it was asked for them.
    pub members: Vec<Member>,
    /// Members and devices are complete.
    pub members_known: bool,
}
