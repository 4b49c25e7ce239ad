//! Words for what headers say of a call beyond its parties.

pub use crate::model::{Attest, Transfer};

/// Facts of an initial INVITE, as its headers claim them. Text is lossy UTF-8 of the wire bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireFacts {
    /// What the caller wants hidden (RFC 3323), in its order; values that we do not know are left
    /// out.
    pub privacy: Vec<Privacy>,
    /// Who diverted the call last and why: the first Diversion (RFC 5806), else History-Info
    /// (RFC 7044).
    pub diversion: Option<Diversion>,
    /// First User-to-User value as written (RFC 7433).
    pub user_to_user: Option<String>,
    /// Sender's half of Session-ID (RFC 7989): 32 hex digits.
    pub session_id: Option<String>,
    /// Is there an Identity header (RFC 8224)?
    pub identity: bool,
    /// Claim `attest` of the first PASSporT that has one (RFC 8588). Its signature is not checked.
    pub attest: Option<Attest>,
    /// The dialog that this call takes over (RFC 3891).
    pub replaces: Option<Replaces>,
}

/// Values of Privacy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privacy {
    /// Nothing is to be hidden (RFC 3323 §4.2).
    None,
    /// Identity within the trust domain only (RFC 3325 §9.3).
    Id,
    /// Hide what the user agent itself could hide.
    User,
    /// Hide headers that only a proxy can hide.
    Header,
    /// Hide the session description.
    Session,
    /// Hide History-Info (RFC 7044 §10.1).
    History,
    /// Fail the call rather than give way.
    Critical,
}

/// A diversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// User part of who diverted.
    pub user: String,
    /// Why, in the words of RFC 5806 §4, lower case: `user-busy`, `no-answer`, `unconditional`, ...
    pub reason: Option<String>,
}

/// A Replaces value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Call-ID.
    pub call_id: String,
    /// To tag, as the recipient of this INVITE knows the dialog.
    pub to_tag: String,
    /// From tag, likewise.
    pub from_tag: String,
    /// Only if that dialog has not been answered.
    pub early_only: bool,
}
