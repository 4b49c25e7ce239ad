//! Transactions over UDP (RFC 3261 §17): what is sent again, and when to stop.

use super::call::CallKey;
use std::{net::SocketAddr, time::Duration};
use trunkline_core::model::Mono;

/// Round trip estimate (RFC 3261 §17.1.1.1).
pub(super) const T1: Duration = Duration::from_millis(500);
/// Longest retransmission interval of non-INVITE requests and 2xx.
pub(super) const T2: Duration = Duration::from_secs(4);
/// 64*T1: timers B, F, H, J, L.
pub(super) const GIVE_UP: Duration = Duration::from_secs(32);

/// What a client transaction was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Invite,
    /// re-INVITE that holds.
    Hold,
    /// re-INVITE that retrieves.
    Retrieve,
    Bye,
    Cancel,
    /// BYE to a fork that answered too late; nobody waits for its outcome.
    StrayBye,
}

impl Purpose {
    pub fn is_invite(self) -> bool {
        match self {
            Self::Invite | Self::Hold | Self::Retrieve => true,
            Self::Bye | Self::Cancel | Self::StrayBye => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientState {
    Calling,
    Proceeding,
    Completed,
}

/// One request of ours until its final answer has been dealt with.
#[derive(Clone, Debug)]
pub(super) struct ClientTxn {
    pub call: CallKey,
    pub purpose: Purpose,
    pub to: SocketAddr,
    wire: Vec<u8>,
    state: ClientState,
    interval: Duration,
    resend_at: Option<Mono>,
    ends_at: Mono,
    /// ACK to a non-2xx final response: hop by hop, sent again when the response is.
    ack: Option<Vec<u8>>,
}

/// What a timer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Resend,
    TimedOut,
    Gone,
}

impl ClientTxn {
    pub fn new(now: Mono, call: CallKey, purpose: Purpose, to: SocketAddr, wire: Vec<u8>) -> Self {
        Self {
            call,
            purpose,
            to,
            wire,
            state: ClientState::Calling,
            interval: T1,
            resend_at: Some(now.after(T1)),
            ends_at: now.after(GIVE_UP),
            ack: None,
        }
    }

    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// A provisional response came.
    pub fn provisional(&mut self, now: Mono) {
        if self.state != ClientState::Calling {
            return;
        }
        self.state = ClientState::Proceeding;
        if self.purpose.is_invite() {
            // Timer B stops with the first 1xx; how long it may ring is the script's business.
            (self.resend_at, self.ends_at) = (None, Mono(u64::MAX));
        } else {
            self.interval = T2;
            self.resend_at = Some(now.after(T2));
        }
    }

    /// A final non-2xx response to an INVITE came. Returns the ACK to send again if it had been
    /// seen before.
    pub fn rejected(&mut self, now: Mono, ack: Vec<u8>) -> Rejected {
        if let Some(ack) = &self.ack {
            return Rejected::Again { ack: ack.clone() };
        }
        self.state = ClientState::Completed;
        self.ack = Some(ack);
        self.resend_at = None;
        self.ends_at = now.after(GIVE_UP); // timer D
        Rejected::First
    }

    /// An INVITE without a final response.
    pub fn is_open_invite(&self) -> bool {
        self.purpose.is_invite() && self.state != ClientState::Completed
    }

    pub fn next_timer(&self) -> Mono {
        self.resend_at.map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    pub fn tick(&mut self, now: Mono) -> Due {
        if now >= self.ends_at {
            return match self.state {
                ClientState::Completed => Due::Gone,
                ClientState::Calling | ClientState::Proceeding => Due::TimedOut,
            };
        }
        match self.resend_at {
            Some(at) if now >= at => {
                let doubled = self.interval.saturating_mul(2);
                // Timer A has no ceiling, timer E is capped by T2.
                self.interval = if self.purpose.is_invite() { doubled } else { doubled.min(T2) };
                self.resend_at = Some(now.after(self.interval));
                Due::Resend
            }
            _ => Due::Nothing,
        }
    }
}

/// Whether a rejection is news.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    First,
    Again { ack: Vec<u8> },
}

/// One request of a peer: its retransmissions get the same answer.
#[derive(Clone, Debug)]
pub(super) struct ServerTxn {
    pub to: SocketAddr,
    reply: Option<Vec<u8>>,
    interval: Duration,
    resend_at: Option<Mono>,
    ends_at: Mono,
}

impl ServerTxn {
    pub fn new(to: SocketAddr) -> Self {
        Self { to, reply: None, interval: T1, resend_at: None, ends_at: Mono(u64::MAX) }
    }

    pub fn reply(&self) -> Option<&[u8]> {
        self.reply.as_deref()
    }

    /// Remembers an answer. `until_ack`: a final non-2xx to an INVITE, sent again by timer G.
    pub fn answered(&mut self, now: Mono, wire: Vec<u8>, is_final: bool, until_ack: bool) {
        self.reply = Some(wire);
        if is_final {
            self.ends_at = now.after(GIVE_UP);
            self.resend_at = until_ack.then(|| now.after(T1));
        }
    }

    /// The ACK came.
    pub fn acked(&mut self) {
        self.resend_at = None;
    }

    pub fn next_timer(&self) -> Mono {
        self.resend_at.map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    pub fn tick(&mut self, now: Mono) -> Due {
        if now >= self.ends_at {
            return Due::Gone;
        }
        match self.resend_at {
            Some(at) if now >= at => {
                self.interval = self.interval.saturating_mul(2).min(T2);
                self.resend_at = Some(now.after(self.interval));
                Due::Resend
            }
            _ => Due::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Moments (ms) at which a silent peer gets the request again, and when it is given up.
    fn against_silence(purpose: Purpose) -> (Vec<u64>, u64) {
        let to = "127.0.0.1:1".parse().unwrap();
        let mut txn = ClientTxn::new(Mono(0), CallKey(1), purpose, to, vec![1]);
        let mut sent = Vec::new();
        loop {
            let now = txn.next_timer();
            match txn.tick(now) {
                Due::Resend => sent.push(now.0 / 1_000_000),
                Due::TimedOut => return (sent, now.0 / 1_000_000),
                Due::Nothing | Due::Gone => panic!("a timer that does nothing"),
            }
        }
    }

    #[test]
    fn timers_a_b_e_f_follow_the_rfc() {
        let invite = vec![500, 1500, 3500, 7500, 15_500, 31_500];
        assert_eq!(against_silence(Purpose::Invite), (invite, 32_000));
        let bye = vec![500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
        assert_eq!(against_silence(Purpose::Bye), (bye, 32_000));
    }
}
