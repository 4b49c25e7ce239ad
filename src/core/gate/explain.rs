//! Why a call may or may not be made, for people and programs.

use super::{Book, Dialed, DncList, Normalizer};
use crate::model::NumberRef;

/// A question of `trunkline gate explain`.
#[derive(Clone, Copy)]
pub struct ExplainAsk<'a> {
    /// Number as typed.
    pub number: &'a str,
    /// Purpose.
    pub purpose: Option<&'a str>,
    /// Instant, RFC 3339 with offset or `Z`.
    pub at: &'a str,
    /// Rule set; `None`: all that apply.
    pub ruleset: Option<&'a str>,
    /// Makes the key of the do-not-call list; `None`: no list at hand.
    pub list_key: Option<&'a dyn Fn(&Dialed) -> Option<NumberRef>>,
}

/// One rule in an explanation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedRule {
    /// Rule id.
    pub id: String,
    /// `allow`, `deny` or `not_applicable`.
    pub verdict: &'static str,
    /// Clause.
    pub citation: String,
    /// What it looked at.
    pub inputs: String,
}

/// The answer; serialises to the JSON of `trunkline gate explain --json`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// `allow` or `deny`.
    pub verdict: &'static str,
    /// `emergency` or `internal` where the call is not gated.
    pub exempt: Option<&'static str>,
    /// Number as everybody may see it.
    pub number: String,
    /// Purpose asked with.
    pub purpose: Option<String>,
    /// Kind of day at the callee.
    pub day_class: Option<&'static str>,
    /// Rules in order of precedence.
    pub rules: Vec<ExplainedRule>,
    /// Earliest allowed instant, RFC 3339 with the callee's offset.
    pub next_allowed_at: Option<String>,
    /// Callee's zone.
    pub zone: String,
    /// Callee's local time.
    pub local_time: String,
    /// Rule sets asked.
    pub ruleset: String,
    /// SHA-256 of their files.
    pub ruleset_hash: String,
    /// Calendar.
    pub calendar_version: String,
    /// Do-not-call list.
    pub list_version: String,
    /// tz database.
    pub tzdb_version: String,
}

/// A question that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No rule set of that name.
    #[error("no rule set is called {name:?}; there are: {known}")]
    UnknownRuleset {
        /// Asked for.
        name: String,
        /// Loaded, joined by `, `.
        known: String,
    },
    /// Not an instant.
    #[error(
        "{text:?} is no instant: write RFC 3339 with an offset, e.g. 2026-10-05T10:00:00+08:00"
    )]
    BadInstant {
        /// As typed.
        text: String,
    },
    /// Not a purpose.
    #[error(
        "{text:?} is no purpose: lower-case words joined by dots, e.g. service, callback.routine"
    )]
    BadPurpose {
        /// As typed.
        text: String,
    },
}

/// Decides and says why.
pub fn explain(
    _book: &Book,
    _list: &DncList,
    _plan: &Normalizer,
    _ask: &ExplainAsk<'_>,
) -> Result<Explanation, ExplainError> {
    todo!()
}

impl Explanation {
    /// For a terminal.
    pub fn text(&self) -> String {
        todo!()
    }
}
