//! What the engine asks of a PBX.

use super::fact::ChannelId;
use crate::model::Pii;

/// Names an order until its result is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// An order. Endpoints are the PBX's names (`PJSIP/1001`, `user/1001`); numbers are as dialled at
/// the PBX. An order that a PBX or link cannot carry out is answered `Unsupported` at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Call `device` first; when it answers, dial `to` in the agents' dialplan. The customer's leg
    /// carries `mark` in our private header, set by the PBX's pre-dial handler.
    Dial {
        /// Id the agent's channel gets.
        channel: ChannelId,
        /// Agent's endpoint.
        device: String,
        /// Number.
        to: Pii<String>,
        /// Joins the customer's leg with the command.
        mark: String,
        /// Purpose for the gate, passed on in the purpose header.
        purpose: Option<String>,
        /// The agent's phone rings so long at most, in seconds.
        ring_s: u32,
    },
    /// Make the phone at this ringing channel answer.
    Answer(ChannelId),
    /// Make the party at this channel hold its call.
    Hold(ChannelId),
    /// And take it back.
    Retrieve(ChannelId),
    /// Send the other party of `by` to `to`.
    TransferBlind {
        /// Who sends.
        by: ChannelId,
        /// Who is sent, if known.
        peer: Option<ChannelId>,
        /// Number.
        to: Pii<String>,
    },
    /// Hold the other party and ask `to`.
    Consult {
        /// Who asks.
        by: ChannelId,
        /// Number.
        to: Pii<String>,
    },
    /// Join the held party with the one that was asked.
    TransferComplete {
        /// Who leaves.
        by: ChannelId,
    },
    /// Back to the held party.
    ConsultCancel {
        /// Who asked.
        by: ChannelId,
    },
    /// All three hear each other.
    Conference {
        /// Who joins them.
        by: ChannelId,
    },
    /// End this channel.
    Hangup {
        /// Channel.
        channel: ChannelId,
        /// Q.850 cause.
        q850: u8,
    },
    /// Press keys as the party at this channel: the others hear them.
    Dtmf {
        /// Channel.
        channel: ChannelId,
        /// `0-9*#A-D`.
        digits: String,
    },
    /// Attach a value to the call.
    SetData {
        /// Channel.
        channel: ChannelId,
        /// Key.
        key: String,
        /// Value.
        value: Pii<String>,
    },
    /// Put a device into a queue, or take it out.
    QueueMember {
        /// Queue.
        queue: String,
        /// Device.
        device: String,
        /// In or out.
        present: bool,
    },
    /// Pause a device in all its queues, or end that.
    Pause {
        /// Device.
        device: String,
        /// Pause or not.
        paused: bool,
        /// Why.
        reason: String,
    },
    /// Take a snapshot now; it comes as a fact.
    Snapshot,
}

impl Order {
    /// The channel that it is about.
    pub fn channel(&self) -> Option<&ChannelId> {
        match self {
            Self::Answer(channel)
            | Self::Hold(channel)
            | Self::Retrieve(channel)
            | Self::Hangup { channel, .. }
            | Self::Dtmf { channel, .. }
            | Self::SetData { channel, .. } => Some(channel),
            Self::TransferBlind { by, .. }
            | Self::Consult { by, .. }
            | Self::TransferComplete { by }
            | Self::ConsultCancel { by }
            | Self::Conference { by } => Some(by),
            Self::Dial { .. } | Self::QueueMember { .. } | Self::Pause { .. } | Self::Snapshot => {
                None
            }
        }
    }
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderResult {
    /// The PBX has taken it. What it leads to comes as facts.
    Done,
    /// The PBX refused, in its words.
    Rejected(String),
    /// This PBX or link cannot do it; why, and what could.
    Unsupported(String),
    /// The link is down.
    LinkDown,
    /// No answer in time: it may have been carried out.
    TimedOut,
}
