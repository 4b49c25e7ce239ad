//! What a scripted desk is told and what it tells: one JSON object a line.

use serde::{Deserialize, Serialize};

/// An order to the desk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum DeskCommand {
    /// Connect, and stay connected. The token travels in the first message, never in the URL.
    Connect {
        /// `ws://host:port/v1/events`.
        url: String,
        /// Signed token.
        token: String,
        /// What it wants to see.
        subs: Vec<DeskSub>,
    },
    /// Drop the TCP connection without a word, stay away, come back with `resume`.
    Cut {
        /// How long it stays away.
        away_ms: u64,
    },
    /// Send this frame; while there is no connection it is lost.
    Say {
        /// The object.
        frame: serde_json::Value,
    },
    /// Close and end.
    Quit,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskSub {
    /// Own id.
    pub id: String,
    /// `calls:own`, `site:calls`, `site:health`.
    pub topic: String,
    /// `full`, `masked`; empty: the best that the role allows.
    #[serde(default)]
    pub view: String,
}

/// What the desk saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum DeskReport {
    /// A frame of the server, as it came.
    Frame {
        /// The object.
        frame: serde_json::Value,
    },
    /// The socket is gone.
    Lost {
        /// Close code, if the server gave one.
        code: Option<u16>,
        /// Whether it will come back.
        again: bool,
    },
    /// The server counts other events than arrived: a gap (protocol: `hb.n`).
    Gap {
        /// What the server says.
        server: u64,
        /// What arrived.
        here: u64,
    },
    /// The end.
    Bye {
        /// Event frames over all connections.
        events: u64,
        /// Gaps seen.
        gaps: u64,
    },
}
