//! What a reconciliation found, as it is printed, kept and counted.

use std::collections::BTreeMap;
use trunkline_core::cdr::Fault;

/// Findings of a kind that are listed; the others are counted.
pub(super) const LISTED_MAX: usize = 10_000;

/// The whole.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(in crate::app) struct Report {
    /// The PBX.
    pub pbx: String,
    /// How its records are written.
    pub format: &'static str,
    /// From when.
    pub from: String,
    /// Until before when.
    pub to: String,
    /// Files and their SHA-256.
    pub files: Vec<File>,
    /// Rows read.
    pub rows: u64,
    /// Rows of another time.
    pub other_time: u64,
    /// Rows of calls that stayed inside, and of those that dialled nothing.
    pub inside: u64,
    /// Calls that came in.
    pub inbound: u64,
    /// Emergency calls.
    pub exempt: u64,
    /// Further rows of a leg.
    pub further: u64,
    /// Rows that were there before, word for word.
    pub duplicates: u64,
    /// Where these are: file and line.
    pub duplicate_lines: Vec<(usize, u64)>,
    /// Legs to the outside.
    pub legs: u64,
    /// Of them: allowed by a decision.
    pub matched: u64,
    /// Of them: refused by a decision, and stopped.
    pub refused: u64,
    /// How calls were found: `id`, `number_and_time`, `time`.
    pub found_by: BTreeMap<&'static str, u64>,
    /// Allowed, but went past the gate: a control link saw them, and they were told when they went.
    pub past_gate: List<Finding>,
    /// Nobody decided them before they went out.
    pub ungated: List<Finding>,
    /// Refused and dialled all the same.
    pub denied_dialled: List<Finding>,
    /// Calls by a trunk that this site has not seen: they came in another way, or the PBX itself
    /// dialled them.
    pub unseen: List<Finding>,
    /// Went out by here, and the records do not have them.
    pub no_record: List<Missing>,
    /// Allowed, and nothing was dialled.
    pub never_dialled: List<Missing>,
    /// Rows that cannot be read.
    pub unreadable: u64,
    /// Which and why.
    pub faults: Vec<Fault>,
    /// Everything that is not accounted for.
    pub unaccounted: u64,
}

/// A file.
#[derive(Clone, Debug, serde::Serialize)]
pub(in crate::app) struct File {
    /// Its path.
    pub name: String,
    /// Of what was read.
    pub sha256: String,
}

/// Some of many.
#[derive(Clone, Debug, serde::Serialize)]
pub(in crate::app) struct List<T> {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub list: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { count: 0, list: Vec::new() }
    }
}

impl<T> List<T> {
    pub(super) fn push(&mut self, one: T) {
        self.count += 1;
        if self.list.len() < LISTED_MAX {
            self.list.push(one);
        }
    }
}

/// A row that something is to be said of.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(in crate::app) struct Finding {
    /// Place of its file, from 0.
    pub file: usize,
    /// Its line.
    pub line: u64,
    /// When it began.
    pub at: String,
    /// Its number, masked unless it was asked for in clear.
    pub number: String,
    /// Blind reference of the number, as everywhere at this site; none: the row has no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_ref: Option<String>,
    /// The channel it went out by, or came in by.
    pub channel: String,
    /// It was answered.
    pub answered: bool,
    /// Our call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Its decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// What the gate says of it now, as of its instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<&'static str>,
    /// Rules that refuse it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_by: Vec<String>,
    /// Rule sets asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ruleset: String,
    /// SHA-256 of their files.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ruleset_hash: String,
    /// `then`: they were in force at that instant, as other decisions of the time show; `now`:
    /// nothing shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<&'static str>,
    /// The callee's time.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_time: String,
}

/// A call or decision without a row.
#[derive(Clone, Debug, serde::Serialize)]
pub(in crate::app) struct Missing {
    /// Our call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The decision.
    pub decision: String,
    /// When.
    pub at: String,
    /// Its number, masked unless it was asked for in clear.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub number: String,
}

impl Report {
    /// Adds up what is not accounted for.
    pub(super) fn add_up(&mut self) {
        self.unaccounted = self.ungated.count
            + self.denied_dialled.count
            + self.unseen.count
            + self.no_record.count
            + self.unreadable;
    }

    /// Counts by what became of legs.
    pub(super) fn kinds(&self) -> [(&'static str, u64); 11] {
        [
            ("all", self.legs),
            ("matched", self.matched),
            ("refused", self.refused),
            ("past_gate", self.past_gate.count),
            ("ungated", self.ungated.count),
            ("denied_dialled", self.denied_dialled.count),
            ("unseen", self.unseen.count),
            ("no_record", self.no_record.count),
            ("never_dialled", self.never_dialled.count),
            ("duplicates", self.duplicates),
            ("unreadable", self.unreadable),
        ]
    }

    /// One line: what was found, without numbers.
    pub(super) fn summary(&self) -> String {
        let mut words = String::new();
        for (kind, count) in self.kinds() {
            let kind = if kind == "all" { "legs" } else { kind };
            words += &format!("{kind}={count} ");
        }
        words + &format!("unaccounted={}", self.unaccounted)
    }
}
