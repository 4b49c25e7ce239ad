//! What is remembered of a transaction.

use super::peers::Hop;
use super::way::Way;
use crate::model::{Arrival, Mono};
use crate::sip::message::{Message, Via};
use crate::sip::slab::Key;
use crate::sip::transaction::{InviteClient, InviteServer, OtherClient, OtherServer};
use crate::sip::{FlowId, Listen, OwnId, PeerId, PeerKind, Reason, Received};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// A request that just came.
pub struct Incoming<'a> {
    /// The request.
    pub message: &'a Message<'a>,
    /// Its datagram.
    pub datagram: &'a Received<'a>,
    /// Its topmost Via.
    pub via: Via,
    /// Its sender.
    pub peer: PeerId,
    /// The sender's kind.
    pub kind: PeerKind,
}

/// Which of an owner's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Retransmission: A, E, G, and E of our CANCEL.
    Resend,
    /// End of a state: B, C, D, F, H, I, J, K, L, M.
    End,
    /// No sign of life from a target.
    Patience,
}

/// Whose timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A server transaction.
    Server(Key),
    /// A client transaction.
    Client(Key),
}

impl Owner {
    /// As it stands in `Outgoing::ticket`: the key, with the top bit of its index for a server.
    /// Tables are far below 2^31 entries.
    pub fn ticket(self) -> u64 {
        match self {
            Self::Client(key) => key.0,
            Self::Server(key) => key.0 | SERVER_TICKET,
        }
    }

    /// Whose ticket it is.
    pub fn of_ticket(ticket: u64) -> Self {
        match ticket & SERVER_TICKET {
            0 => Self::Client(Key(ticket)),
            _ => Self::Server(Key(ticket & !SERVER_TICKET)),
        }
    }
}

const SERVER_TICKET: u64 = 1 << 31;

/// An entry of the wheel.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    /// Whose.
    pub owner: Owner,
    /// Which.
    pub slot: Slot,
    /// The moment it was queued for; an entry that differs from the owner's is void.
    pub at: Mono,
}

/// One timer as its owner sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alarm {
    /// When it should fire.
    pub due: Instant,
    /// Its entry in the wheel; not later than `due`.
    pub queued: Instant,
}

/// An instant or none, in eight bytes: a transaction has four to six of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// None.
    pub const NONE: Self = Self(0);

    /// The instant.
    pub fn get(self) -> Option<Mono> {
        self.0.checked_sub(1).map(Mono)
    }
}

impl From<Mono> for Instant {
    fn from(at: Mono) -> Self {
        Self(at.0.saturating_add(1))
    }
}

/// Why a server transaction exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An initial INVITE: told as `Ask`.
    Initial,
    /// An INVITE inside a dialog.
    Reinvite,
    /// Another method inside a dialog.
    InDialog,
    /// Another method outside a dialog.
    Outside,
}

impl Role {
    /// Is it an INVITE?
    pub fn is_invite(self) -> bool {
        matches!(self, Self::Initial | Self::Reinvite)
    }
}

/// State of a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// INVITE.
    Invite(InviteServer),
    /// Other methods.
    Other(OtherServer),
}

/// A server transaction.
#[derive(Debug)]
pub struct Server {
    /// Sender of the request.
    pub peer: PeerId,
    /// How answers go back.
    pub back: Arc<Way>,
    /// Port of the sender's sent-by: where a new connection would go.
    pub back_port: u16,
    /// Key in the table of identities.
    pub key: u64,
    /// Key in the table of CANCELs: sender and branch alone.
    pub cancel_key: Option<u64>,
    /// Compared when the key is found.
    pub identity: Box<[u8]>,
    /// Why it exists.
    pub role: Role,
    /// State.
    pub state: ServerState,
    /// The answer that a retransmitted request gets.
    pub last: Option<Box<[u8]>>,
    /// INVITE without a final answer.
    pub pending: Option<Box<Pending>>,
    /// Client transactions.
    pub clients: Vec<Key>,
    /// Retransmissions so far.
    pub rounds: u32,
    /// Timer G.
    pub resend: Alarm,
    /// Timers H, I, J, L, or the end of patience with the user.
    pub end: Alarm,
}

impl Server {
    /// Is it an INVITE without a final answer?
    pub fn is_open(&self) -> bool {
        self.state == ServerState::Invite(InviteServer::Proceeding)
    }
}

/// Response context of an INVITE without a final answer.
#[derive(Debug)]
pub struct Pending {
    /// The request as it came.
    pub request: Box<[u8]>,
    /// Its source.
    pub source: SocketAddr,
    /// Listen address and connection it came to.
    pub came: (Listen, Option<FlowId>),
    /// When it came.
    pub since: Mono,
    /// Waits for `route` or `refuse`.
    pub asked: bool,
    /// Targets not tried.
    pub hops: VecDeque<Hop>,
    /// Headers to take out.
    pub strip: Vec<String>,
    /// The target being tried.
    pub active: Option<Key>,
    /// Best answer so far.
    pub best: Option<Best>,
    /// Challenge lines of answers that are not the best.
    pub challenges: Vec<u8>,
    /// The caller sent CANCEL.
    pub cancelled: bool,
    /// End of the search for a target that rings.
    pub patience: Alarm,
}

/// A final answer other than 2xx that may go up.
#[derive(Debug)]
pub struct Best {
    /// Status.
    pub status: u16,
    /// Phrase.
    pub phrase: String,
    /// Reason header.
    pub reason: Option<Reason>,
    /// The answer, our Via popped; `None`: we make it.
    pub bytes: Option<Box<[u8]>>,
    /// When it came or was decided.
    pub arrival: Arrival,
}

impl Best {
    /// Does it ask for credentials?
    pub fn is_challenge(&self) -> bool {
        matches!(self.status, 401 | 407)
    }

    /// Rank of RFC 3261 §16.7 item 6; lower is better.
    pub fn rank(&self) -> u16 {
        match self.status {
            600.. => 0,
            300..=399 => 10,
            401 | 407 | 415 | 420 | 484 => 20,
            // The silence of one target says less than the answer of another.
            408 if self.bytes.is_none() => 22,
            400..=499 => 21,
            503 => 31,
            _ => 30,
        }
    }
}

/// State of a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// INVITE.
    Invite(InviteClient),
    /// Other methods.
    Other(OtherClient),
}

/// Our CANCEL of a client transaction.
#[derive(Debug, Default)]
pub enum Cancel {
    /// Not wanted.
    #[default]
    No,
    /// Wanted, but nothing came yet that allows it (§9.1). Holds the caller's CANCEL.
    Wanted(Option<Box<[u8]>>),
    /// Sent; repeated until it is answered.
    Sent(Box<[u8]>),
    /// Answered.
    Done,
}

/// A client transaction.
#[derive(Debug)]
pub struct Client {
    /// What it serves; a request of our own serves nothing.
    pub server: Option<Key>,
    /// Target.
    pub peer: PeerId,
    /// How it left.
    pub way: Arc<Way>,
    /// Its CSeq number is higher by this than the request's that it serves.
    pub shift: u8,
    /// A probe or registration.
    pub own: Option<Box<Own>>,
    /// State.
    pub state: ClientState,
    /// The request; for a rejected INVITE the ACK.
    pub bytes: Option<Box<[u8]>>,
    /// Our CANCEL.
    pub cancel: Cancel,
    /// Left for the next target: its answers do not go up unless nobody else answered.
    pub abandoned: bool,
    /// Timer C ended it.
    pub overdue: bool,
    /// A 2xx of it went up.
    pub won: bool,
    /// A final answer of it to a re-INVITE was told.
    pub final_told: bool,
    /// Hashes of (status, To tag) told so far, at most `TOLD_MAX`.
    pub told: Vec<u32>,
    /// Retransmissions so far.
    pub rounds: u32,
    /// Timers A and E.
    pub resend: Alarm,
    /// Timers B, C, D, F, K, M.
    pub end: Alarm,
    /// No answer at all.
    pub patience: Alarm,
}

/// A request of our own that somebody waits for.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// Its number.
    pub id: OwnId,
    /// When the try at hand left.
    pub sent: Mono,
    /// When nobody waits any more.
    pub until: Mono,
    /// REGISTER: our Contact.
    pub contact: Option<String>,
    /// REGISTER: a longer time was asked for after 423.
    pub raised: bool,
}

/// Different answers of one target that are told; a peer that invents tags is not told for ever.
pub const TOLD_MAX: usize = 32;

#[cfg(test)]
mod tests {
    /// An answered call keeps one of each for 64*T1; 2 kB a call is the goal of the whole process.
    #[test]
    fn what_an_answered_call_keeps_is_small() {
        let kept = size_of::<super::Server>() + size_of::<super::Client>();
        assert!(kept <= 320, "{kept} bytes");
    }
}
