//! What the proxy core tells its user, and what it is told.
//!
//! Contract: `Core::receive` and `Core::tick` never block and never fail; they append datagrams
//! and signals to `Outputs`, which the caller drains before the next input. An `Ask` must be
//! answered once, now or later, by `Core::route` or `Core::refuse`; until then the caller has a
//! 100 and the transaction waits.

use super::{Transfer, WireFacts};
use crate::model::{Arrival, CallTopic, Reply};
use std::time::Duration;

/// Header by which a PBX names the command that its INVITE comes of. It never leaves the site.
pub const MARK_HEADER: &str = "X-Trunkline-Mark";
/// Headers in which a PBX says what it knows of a call out: subject, case, campaign, customer and
/// seller. Values of 128 bytes at most; a longer one is not read.
pub const FACT_HEADERS: [&str; 5] = [
    "X-Trunkline-Subject",
    "X-Trunkline-Case",
    "X-Trunkline-Campaign",
    "X-Trunkline-Customer",
    "X-Trunkline-Seller",
];

/// A configured neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u16);

/// What a neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerKind {
    /// Inside: its calls go out and pass the gate.
    Pbx,
    /// Outside: its calls come in.
    Carrier,
}

/// An initial INVITE that waits for an answer of the core's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// Media direction of the session description, seen from its sender (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaDirection {
    /// Default.
    SendRecv,
    /// Hold with music.
    SendOnly,
    /// The other side holds.
    RecvOnly,
    /// Hold without media (also `c=0.0.0.0`, RFC 2543 style).
    Inactive,
}

/// A Reason header value (RFC 3326).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `Q.850` cause, if the header has one.
    pub q850: Option<u8>,
    /// `SIP` cause, if the header has one.
    pub sip: Option<u16>,
    /// Text parameter.
    pub text: String,
}

/// Dialog identity as the message at hand writes it: `from` is that message's sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialogIds {
    /// Call-ID.
    pub call_id: String,
    /// From tag.
    pub from_tag: String,
    /// To tag; empty in an initial request.
    pub to_tag: String,
}

/// What the user needs to know of an initial INVITE. Text is lossy UTF-8 of the wire bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Sender.
    pub peer: PeerId,
    /// Its kind.
    pub kind: PeerKind,
    /// Call-ID and From tag.
    pub ids: DialogIds,
    /// CSeq number.
    pub cseq: u32,
    /// User part of the Request-URI (or the tel: number), unescaped, parameters cut.
    pub dialed: String,
    /// User part of From.
    pub from_user: String,
    /// Display name of From, unquoted.
    pub from_display: String,
    /// User part of To.
    pub to_user: String,
    /// User part of the first P-Asserted-Identity; `None` from a neighbour that may not assert.
    pub asserted_user: Option<String>,
    /// Value of the configured purpose header.
    pub purpose: Option<String>,
    /// Value of [`MARK_HEADER`], from a PBX.
    pub mark: Option<String>,
    /// Values of [`FACT_HEADERS`], from a PBX; `None`: it has none.
    pub known: Option<Box<CallTopic>>,
    /// What else the headers say.
    pub facts: WireFacts,
    /// Kernel receive stamp.
    pub arrival: Arrival,
}

/// A request that we make ourselves: a probe or a registration. Numbers are the user's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnId(pub u64);

/// A registration of ours (RFC 3261 §10.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Address of record, e.g. `sip:4001@carrier.example`.
    pub aor: String,
    /// User part of our Contact.
    pub contact_user: String,
    /// Seconds asked for.
    pub expires_s: u32,
}

/// Something the user should know, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An initial INVITE of a known peer. Must be answered by `route` or `refuse`.
    Ask {
        /// Handle.
        ask: AskId,
        /// The request.
        offer: Box<Offer>,
    },
    /// The INVITE left towards this neighbour (once per target tried).
    Forwarded {
        /// Handle.
        ask: AskId,
        /// Target.
        peer: PeerId,
    },
    /// A response to the INVITE came from the target: 101-699. 100 and exact retransmissions
    /// (same status and To tag) are not told again.
    Response {
        /// Handle.
        ask: AskId,
        /// Target.
        peer: PeerId,
        /// Status.
        status: u16,
        /// Reason phrase.
        phrase: String,
        /// To tag.
        to_tag: String,
        /// Has a session description.
        sdp: bool,
        /// Reason header.
        reason: Option<Reason>,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// The caller sent CANCEL while the INVITE was pending.
    Cancelled {
        /// Handle.
        ask: AskId,
        /// Reason header of the CANCEL.
        reason: Option<Reason>,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// A final response other than 2xx went to the caller: the attempt is over.
    Rejected {
        /// Handle.
        ask: AskId,
        /// Status sent.
        status: u16,
        /// Reason phrase sent.
        phrase: String,
        /// Reason header of the response chosen.
        reason: Option<Reason>,
        /// Made here (timeout, refusal, no target) and not by a neighbour.
        local: bool,
        /// When the deciding message came, or when it was decided.
        arrival: Arrival,
    },
    /// A request inside a dialog was forwarded (re-INVITE, BYE, UPDATE, INFO, REFER, ...); ACK is
    /// not told. Retransmissions are not told again.
    MidDialog {
        /// Sender, if it is a known neighbour.
        peer: PeerId,
        /// Its kind.
        kind: PeerKind,
        /// Method as written.
        method: String,
        /// Dialog as the sender writes it.
        ids: DialogIds,
        /// CSeq number.
        cseq: u32,
        /// Direction of its session description.
        media: Option<MediaDirection>,
        /// REFER: what kind of transfer.
        transfer: Option<Transfer>,
        /// NOTIFY of a REFER: the status it tells of the new call.
        progress: Option<u16>,
        /// Reason header.
        reason: Option<Reason>,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// The first final response to a request inside a dialog.
    MidDialogFinal {
        /// Sender of the response.
        peer: PeerId,
        /// Method of CSeq.
        method: String,
        /// Dialog as the sender of the *request* writes it.
        ids: DialogIds,
        /// CSeq number.
        cseq: u32,
        /// Status.
        status: u16,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// A request of our own is over.
    Own {
        /// Its number.
        id: OwnId,
        /// Where it went.
        peer: PeerId,
        /// What came of it.
        outcome: Reply,
        /// When it ended.
        arrival: Arrival,
    },
    /// A neighbour answered an INVITE with 2xx after the call had gone elsewhere or ended; it was
    /// acknowledged and released with BYE. Once for each answer.
    AnsweredLate {
        /// Who answered.
        peer: PeerId,
        /// Dialog as the sender of the INVITE writes it.
        ids: DialogIds,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
    /// A response to a branch of an earlier run of this process (its MAC is ours): forwarded by
    /// Via, told so that the call can be reconciled.
    Late {
        /// Sender.
        peer: PeerId,
        /// Method of CSeq.
        method: String,
        /// Dialog as the sender of the request writes it.
        ids: DialogIds,
        /// Status.
        status: u16,
        /// Reason header.
        reason: Option<Reason>,
        /// Kernel receive stamp.
        arrival: Arrival,
    },
}

/// Where an INVITE goes: targets are tried one after the other, each at all its endpoints
/// (RFC 3261 §16.6-16.7, RFC 3263 §4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePlan {
    /// Neighbours in order of preference.
    pub targets: Vec<PeerId>,
    /// Longest time from the INVITE to the first ringing (180, 183) or answer over all targets:
    /// after it no further target is tried. `None`: no limit.
    pub post_dial_max: Option<Duration>,
    /// Header names taken out before the request leaves (ours; never towards a carrier).
    pub strip: Vec<String>,
}

/// A refusal by trunkline itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Status, 400-699.
    pub status: u16,
    /// Reason phrase.
    pub phrase: String,
    /// Whole extra header lines without CRLF, e.g. `Reason: Q.850;cause=21;text="..."`.
    pub headers: Vec<String>,
}
