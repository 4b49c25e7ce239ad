//! What an INVITE claims beyond caller and callee. Nothing here is verified.

use super::{CallId, Party, Pii};

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
