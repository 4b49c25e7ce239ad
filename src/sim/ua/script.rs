//! What a scripted user agent is told and what it tells: one JSON object a line.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr};

/// An order to the user agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Where calls are sent from now on.
    Server {
        /// UDP address of the proxy.
        addr: SocketAddr,
    },
    /// Place a call.
    Call(Dial),
    /// How calls to one user are treated from now on.
    Behave {
        /// User part of the Request-URI; `*` for everybody without a plan of his own.
        user: String,
        /// The plan.
        plan: Behaviour,
    },
    /// Ring an incoming call that is offered: 180.
    Ring {
        /// Its name in reports.
        id: String,
    },
    /// Answer an incoming call that is offered.
    Answer {
        /// Its name in reports.
        id: String,
    },
    /// Leave one call, in whatever state it is.
    HangUp {
        /// Its name in reports.
        id: String,
    },
    /// Hang up every call and stop when all are gone.
    Quit,
}

/// A call to place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    /// Name of the call in reports.
    pub id: String,
    /// User part of From.
    pub from: String,
    /// User part of the Request-URI and To.
    pub to: String,
    /// Call-ID; without it one is made.
    #[serde(default)]
    pub call_id: Option<String>,
    /// Further headers of the INVITE.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// CANCEL this long after the INVITE, if it is not answered by then. CANCEL waits for a
    /// provisional response (RFC 3261 §9.1).
    #[serde(default)]
    pub cancel_after_ms: Option<u64>,
    /// Hang up this long after the answer; without it the callee must.
    #[serde(default)]
    pub talk_ms: Option<u64>,
    /// Hold once.
    #[serde(default)]
    pub hold: Option<Hold>,
}

/// One hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// From the answer.
    pub after_ms: u64,
    /// Until it is retrieved.
    pub for_ms: u64,
}

/// How a called user treats a call. All times run from the INVITE unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// First sign of life.
    #[serde(default)]
    pub progress: Progress,
    /// When it is given.
    #[serde(default)]
    pub progress_after_ms: u64,
    /// How it goes on.
    pub then: Outcome,
    /// Hang up this long after the answer; without it the caller must.
    #[serde(default)]
    pub talk_ms: Option<u64>,
    /// Hold once.
    #[serde(default)]
    pub hold: Option<Hold>,
}

impl Default for Behaviour {
    /// Rings at once and is never answered.
    fn default() -> Self {
        Self {
            progress: Progress::Ringing,
            progress_after_ms: 0,
            then: Outcome::Never,
            talk_ms: None,
            hold: None,
        }
    }
}

/// First sign of life of a called user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Only 100.
    None,
    /// 180.
    #[default]
    Ringing,
    /// 183 with a session description.
    EarlyMedia,
}

/// How a called user decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 200.
    Answer {
        /// From the INVITE.
        after_ms: u64,
    },
    /// A final response of 300-699.
    Reject {
        /// From the INVITE.
        after_ms: u64,
        /// Status.
        status: u16,
        /// Reason phrase.
        phrase: String,
        /// Value of a Reason header (RFC 3326).
        #[serde(default)]
        reason: Option<String>,
    },
    /// Nothing: the caller must give up.
    Never,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// This user agent.
    Us,
    /// The other end.
    Peer,
}

/// What the user agent saw. `id` is that of [`Dial`], or `in-<n>` for an incoming call; `ms` run
/// from the INVITE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Report {
    /// Ready on this address.
    Listening {
        /// UDP.
        addr: SocketAddr,
    },
    /// An INVITE came.
    Incoming {
        /// Call.
        id: String,
        /// User part of From.
        from: String,
        /// User part of the Request-URI.
        to: String,
        /// Call-ID.
        call_id: String,
        /// Extension headers that came with it.
        extensions: Vec<String>,
    },
    /// A provisional response came, the first of its status.
    Progress {
        /// Call.
        id: String,
        /// 101-199.
        status: u16,
        /// From the INVITE.
        ms: u64,
    },
    /// The call is up.
    Answered {
        /// Call.
        id: String,
        /// From the INVITE.
        ms: u64,
    },
    /// A hold began.
    Held {
        /// Call.
        id: String,
        /// By whom.
        by: Side,
    },
    /// A hold ended.
    Retrieved {
        /// Call.
        id: String,
        /// By whom.
        by: Side,
    },
    /// A call that was up is over.
    Ended {
        /// Call.
        id: String,
        /// Who hung up.
        by: Side,
        /// Reason header of the BYE.
        reason: Option<String>,
        /// From the answer.
        talk_ms: u64,
    },
    /// A call that was never up is over.
    Failed {
        /// Call.
        id: String,
        /// Final status; 408 also when nobody answered the INVITE at all.
        status: u16,
        /// Reason phrase.
        phrase: String,
        /// Reason header.
        reason: Option<String>,
        /// From the INVITE.
        ms: u64,
    },
    /// The caller gave up an incoming call.
    Cancelled {
        /// Call.
        id: String,
        /// From the INVITE.
        ms: u64,
    },
    /// Something that should not happen, for a person.
    Trouble {
        /// What.
        text: String,
    },
    /// All calls are over after `quit`.
    Bye,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_command_is_one_readable_line() {
        let line = r#"{"do":"call","id":"a","from":"8001","to":"13800138000","talk_ms":500,
            "headers":{"X-Purpose":"service"},"hold":{"after_ms":100,"for_ms":50}}"#;
        let Command::Call(dial) = serde_json::from_str(line).unwrap() else { panic!("no call") };
        assert_eq!((dial.talk_ms, dial.cancel_after_ms), (Some(500), None));
        assert_eq!(dial.headers["X-Purpose"], "service");
        let line = r#"{"do":"behave","user":"*","plan":{"progress":"early_media",
            "then":{"reject":{"after_ms":5,"status":486,"phrase":"Busy Here"}}}}"#;
        let Command::Behave { plan, .. } = serde_json::from_str(line).unwrap() else { panic!() };
        assert_eq!(plan.progress, Progress::EarlyMedia);
        assert!(serde_json::from_str::<Command>(r#"{"do":"call","id":"a","form":"1"}"#).is_err());
    }
}
