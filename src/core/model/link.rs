//! A control link to a PBX.

use super::Wall;

/// Which protocol a link speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// Asterisk REST Interface.
    Ari,
    /// Asterisk Manager Interface.
    Ami,
    /// FreeSWITCH Event Socket.
    Esl,
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// A connection is being opened, or logs in.
    Connecting,
    /// Logged in; what the PBX knows is being asked for, and facts may be missing until it is there.
    Resyncing,
    /// In step with the PBX.
    Up,
    /// No connection; the next try comes soon.
    Down,
    /// No connection, and trying soon would not help: a person has to change something.
    Refused,
}

/// A control link after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// PBX and kind: `asterisk/ami`.
    pub id: String,
    /// Grows by one with each event of this link.
    pub rev: u64,
    /// PBX, by its name in the configuration.
    pub pbx: String,
    /// Protocol.
    pub kind: LinkKind,
    /// How it stands.
    pub state: LinkState,
    /// In this state since.
    pub since: Wall,
    /// Why, for a person.
    pub reason: String,
    /// When the next connection is tried; `None`: there is one, or the PBX connects to us.
    pub next_try_at: Option<Wall>,
    /// The PBX's software; empty: not known yet.
    pub version: String,
    /// Changes when the PBX was restarted; empty: not known yet.
    pub instance: String,
    /// Events of the PBX that were lost, since this process started.
    pub lost: u64,
    /// The PBX's clock against ours: median of the newest stamps, in ms; positive: it is ahead.
    /// `None`: too few stamps.
    pub clock_skew_ms: Option<i32>,
    /// The newest thing that an operator should know; empty: none.
    pub warning: String,
}
