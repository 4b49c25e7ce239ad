//! Two rule sets over the same calls: what the second would have blocked or let through.

use super::Short;
use std::collections::BTreeMap;

/// How two answers to one question differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Both allow.
    Allowed,
    /// Both deny.
    Denied,
    /// Only the second denies.
    NewlyDenied,
    /// Only the second allows.
    NewlyAllowed,
}

/// Counts over many calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Comparison {
    /// Calls looked at.
    pub calls: u64,
    /// Both allow.
    pub allowed: u64,
    /// Both deny.
    pub denied: u64,
    /// Only the second denies.
    pub newly_denied: u64,
    /// Only the second allows.
    pub newly_allowed: u64,
    /// Of the newly denied: how often each rule refused.
    pub newly_denied_by: BTreeMap<String, u64>,
    /// Of the newly allowed: how often each rule of the first refused.
    pub newly_allowed_by: BTreeMap<String, u64>,
}

impl Comparison {
    /// Takes one call in: the answer in force, and that of the rules tried out.
    pub fn add(&mut self, current: &Short, tried: &Short) -> Change {
        let change = match (current.verdict == "allow", tried.verdict == "allow") {
            (true, true) => Change::Allowed,
            (false, false) => Change::Denied,
            (true, false) => Change::NewlyDenied,
            (false, true) => Change::NewlyAllowed,
        };
        let count = |by: &mut BTreeMap<String, u64>, answer: &Short| {
            for rule in &answer.refused_by {
                *by.entry(rule.clone()).or_default() += 1;
            }
        };
        self.calls += 1;
        match change {
            Change::Allowed => self.allowed += 1,
            Change::Denied => self.denied += 1,
            Change::NewlyDenied => {
                self.newly_denied += 1;
                count(&mut self.newly_denied_by, tried);
            }
            Change::NewlyAllowed => {
                self.newly_allowed += 1;
                count(&mut self.newly_allowed_by, current);
            }
        }
        change
    }
}
