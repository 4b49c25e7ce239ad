//! What signalling tells: what an INVITE claims beyond caller and callee (nothing of it is
//! verified), and what became of a request of our own.

use super::{CallId, Party, Pii};
use std::fmt;
use std::time::Duration;

/// Level of attestation of a caller's number (RFC 8588 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attest {
    /// Full: the carrier knows the customer and its right to the number.
    A,
    /// Partial: the carrier knows the customer.
    B,
    /// Gateway: the carrier knows where the call came in.
    C,
}

/// What kind of transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// A new call to the target (RFC 3515).
    Blind,
    /// The target's dialog is taken over (RFC 3891).
    Attended,
}

/// What a party did that left its place to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// How.
    pub kind: Transfer,
    /// The call that goes on, if it came by here.
    pub to_call: Option<CallId>,
}

/// Claims of an INVITE that has any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signalling {
    /// Who diverted the call last (RFC 5806, RFC 7044).
    pub diverted_from: Option<Party>,
    /// Why, in the words of RFC 5806 §4.
    pub diversion_reason: Option<String>,
    /// User-to-User as received (RFC 7433).
    pub user_to_user: Option<Pii<String>>,
    /// Sender's half of Session-ID (RFC 7989).
    pub session_id: Option<String>,
    /// Attestation of the caller's number, its signature unchecked.
    pub attest: Option<Attest>,
    /// The caller wants to stay unknown (RFC 3323): its asserted number is in no event.
    pub private: bool,
}

/// What became of a request of our own to a neighbour: an OPTIONS, a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A final answer; challenges are answered before, if there are credentials.
    Final {
        /// Status.
        status: u16,
        /// Reason phrase.
        phrase: String,
        /// Send to receive.
        rtt: Duration,
        /// REGISTER: seconds granted to our Contact.
        expires_s: Option<u32>,
        /// Retry-After, in seconds.
        retry_after_s: Option<u32>,
    },
    /// No answer in its time.
    Silent,
    /// It could not be sent: the connection failed, or there is no address.
    Unsent(String),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Final { status, phrase, .. } => write!(f, "{status} {phrase}"),
            Self::Silent => f.write_str("no answer"),
            Self::Unsent(why) => write!(f, "not sent: {why}"),
        }
    }
}
