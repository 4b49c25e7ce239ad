//! A channel of the virtual PBX.

use super::text::Block;
use std::collections::BTreeMap;
use trunkline_core::model::Mono;

/// A channel's Uniqueid.
pub(super) type Uid = String;

/// `ChannelState` of Asterisk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Down = 0,
    /// It calls the PBX.
    Ring = 4,
    /// The PBX calls it.
    Ringing = 5,
    Up = 6,
}

/// What is at its far end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// trunkline: the call's names at our user agent and on the wire.
    Trunk { sip: String, call_id: String },
    /// A telephone.
    Phone { extension: String },
    /// The other half of a Local channel.
    Pipe { other: Uid },
}

/// A consultation of the agent at this channel.
#[derive(Clone, Debug)]
pub(super) struct Consult {
    /// Who is held meanwhile, and the bridge of both.
    pub held: Uid,
    pub bridge: String,
    /// The two halves of the pipe to who is asked.
    pub one: Uid,
    pub two: Uid,
}

/// Who ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Party,
    Pbx,
}

#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub name: String,
    pub kind: Kind,
    pub state: State,
    /// Number of who is at it.
    pub number: String,
    /// Where in the dialplan it is.
    pub exten: String,
    pub linked: Uid,
    pub bridge: Option<String>,
    pub held: bool,
    /// On whose behalf it was made.
    pub caller: Option<Uid>,
    /// Who is called for it just now.
    pub called: Option<Uid>,
    /// Queue in which it waits, or which offers the call to it.
    pub queue: Option<String>,
    /// When it began to wait.
    pub since: Mono,
    /// Where it goes once it has answered.
    pub then: Option<String>,
    pub variables: BTreeMap<String, String>,
    pub consult: Option<Consult>,
    /// Held while another asks somebody: alone in its bridge, and stays.
    pub parked: bool,
    /// A consultation that was left before it was answered: who waits for the answer.
    pub awaited_by: Option<Uid>,
}

impl Channel {
    /// Adds what every event says of its channel; `prefix` is empty or `Dest`.
    pub fn describe(&self, uid: &str, prefix: &str, block: Block) -> Block {
        let name = |field: &str| format!("{prefix}{field}");
        let block = block
            .with(&name("Channel"), &self.name)
            .with(&name("ChannelState"), self.state as u8)
            .with(&name("CallerIDNum"), &self.number)
            .with(&name("CallerIDName"), "<unknown>")
            .with(&name("Exten"), &self.exten);
        block.with(&name("Uniqueid"), uid).with(&name("Linkedid"), &self.linked)
    }

    pub fn extension(&self) -> Option<&str> {
        match &self.kind {
            Kind::Phone { extension } => Some(extension),
            Kind::Trunk { .. } | Kind::Pipe { .. } => None,
        }
    }

    /// Somebody who called and waits in a queue, and nobody is called for him.
    pub fn waits(&self) -> bool {
        self.queue.is_some() && self.called.is_none() && self.extension().is_none()
    }
}
