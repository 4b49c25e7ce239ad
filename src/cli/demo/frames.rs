//! Frames of the desk protocol as the account reads them: only what it tells.

use serde::Deserialize;

/// A frame of the server.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(in crate::cli) enum Frame {
    Welcome {
        #[serde(default)]
        resumed: bool,
        #[serde(default)]
        why: String,
    },
    Ev(Box<Ev>),
    Snap {
        #[serde(default)]
        last: bool,
    },
    Replayed {
        #[serde(default)]
        count: u64,
    },
    Err {
        #[serde(default)]
        code: String,
        #[serde(default)]
        msg: String,
    },
    #[serde(other)]
    Other,
}

/// An event. The entity stays raw until its kind is known.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::cli) struct Ev {
    pub ts: String,
    pub k: String,
    pub o: serde_json::Value,
}

/// A party.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Party {
    pub masked: String,
}

/// What ended something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Cause {
    pub csta: String,
    pub sip_status: Option<u32>,
    pub text: String,
}

/// A call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Call {
    pub id: String,
    pub direction: String,
    pub from: Party,
    pub to: Party,
    pub trunk: String,
    pub device: String,
    pub ring_ms: Option<u32>,
    pub talk_ms: Option<u32>,
    pub hold_ms: Option<u32>,
    pub rings: Option<u32>,
    pub released_by: String,
    pub cause: Cause,
    pub decision_id: String,
    pub answered: Option<serde_json::Value>,
    pub ended: Option<serde_json::Value>,
}

/// A rule's say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Rule {
    pub id: String,
    pub verdict: String,
    pub citation: String,
    pub inputs: String,
}

/// A decision of the gate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Decision {
    pub call_id: String,
    pub rules: Vec<Rule>,
    pub day_class: String,
    pub next_allowed_at: String,
    pub purpose: String,
    pub to: Party,
    pub device: String,
}

/// A number on the do-not-call list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct DncEntry {
    pub number: Party,
    pub until: String,
    pub reason: String,
    pub added_by: String,
}

/// A change of the do-not-call list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Dnc {
    pub entries: Vec<DncEntry>,
}

/// Health of the server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Status {
    pub status: String,
    pub reason: String,
}
