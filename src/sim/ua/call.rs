//! One call of the user agent.

use super::{
    dialog::Dialog,
    message::Message,
    script::{Hold, Outcome, Progress, Side},
};
use std::{net::SocketAddr, time::Duration};
use trunkline_core::model::Mono;

/// Which call; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallKey(pub u64);

/// Where a call stands.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Our INVITE is pending.
    Calling {
        branch: String,
        /// Any 1xx: CANCEL may be sent.
        provisional: bool,
        give_up: GiveUp,
    },
    /// Their INVITE is pending.
    Offered { invite: Box<Message>, source: SocketAddr },
    /// Both ends agreed.
    Up,
    /// Our BYE is pending.
    Closing,
}

/// Whether the caller wants its INVITE back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GiveUp {
    No,
    /// Waits for a provisional response.
    Wanted,
    Sent,
}

/// A 2xx of ours that has no ACK yet.
#[derive(Clone, Debug)]
pub(super) struct Unacked {
    pub wire: Vec<u8>,
    pub to: SocketAddr,
    pub interval: Duration,
    pub until: Mono,
}

/// The plan of a called user, as the call carries it.
#[derive(Clone, Debug)]
pub(super) struct Answering {
    pub progress: Progress,
    pub then: Outcome,
}

/// A call until it is over.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub id: String,
    pub dialog: Dialog,
    pub phase: Phase,
    pub began: Mono,
    pub answered: Option<Mono>,
    pub answering: Option<Answering>,
    pub talk_ms: Option<u64>,
    pub hold: Option<Hold>,
    /// Provisional statuses that were reported.
    pub seen: Vec<u16>,
    pub held_by: Option<Side>,
    pub unacked: Option<Unacked>,
}

impl Call {
    pub fn ms(&self, now: Mono) -> u64 {
        ms(now.since(self.began))
    }

    pub fn talk_ms_at(&self, now: Mono) -> u64 {
        self.answered.map_or(0, |at| ms(now.since(at)))
    }
}

pub(super) fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
