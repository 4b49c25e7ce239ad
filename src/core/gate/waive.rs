//! Overrides by two people: the one way past a refusal, and only between a company's hours and the
//! envelope that its hard bans draw.
//!
//! Off unless a rule file has an `[override]`. Nothing opens a hard ban, a ban, the do-not-call
//! list, a cap, a cool-down, a calendar gap, a blackout, a law's set or an unknown place.

use super::answer::{Answer, rule};
use super::schema::OverrideSpec;
use super::values::Hours;
use crate::model::{RuleOutcome, RuleVerdict, Text};
use std::time::Duration;

/// Id of the rule that speaks of overrides.
pub(super) const RULE: &str = "override";
/// What `cannot` must name, if it is written: nothing opens them.
const NEVER: [&str; 4] = ["hard_ban", "ban", "dnc", "unknown_zone"];

/// When people may override, as the rule files say: the strictest of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverridePolicy {
    /// Distinct people who must approve; none of them calls or has asked.
    pub approvers: u8,
    /// An override lasts so long from its request on.
    pub ttl_max: Duration,
    /// The last seconds before the end of the hours may be used too.
    opens_guard: bool,
    cite: Text,
}

impl OverridePolicy {
    pub(super) fn read(spec: &OverrideSpec) -> Result<Self, String> {
        if !(2..=5).contains(&spec.approvers) {
            return Err("approvers: 2 to 5".to_owned());
        }
        if spec.per.0 != "call" {
            return Err("per: an override is for one call, write \"call\"".to_owned());
        }
        let cannot: Vec<&str> = spec.cannot.iter().map(|word| word.0.as_str()).collect();
        let missing = NEVER.into_iter().find(|never| !cannot.contains(never));
        if let Some(missing) = missing.filter(|_| !cannot.is_empty()) {
            return Err(format!("cannot: nothing opens {missing:?}, so it must be named"));
        }
        if let Some(other) = cannot.iter().find(|w| !NEVER.contains(w) && **w != "guard") {
            let known = NEVER.join(", ");
            return Err(format!("cannot: {other:?} is not known; there are: {known}, guard"));
        }
        let Hours(ttl_max) = spec.max_ttl;
        let (approvers, cite) = (spec.approvers, spec.cite.clone());
        Ok(Self { approvers, ttl_max, opens_guard: !cannot.contains(&"guard"), cite })
    }

    /// The strictest of both.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            approvers: self.approvers.max(other.approvers),
            ttl_max: self.ttl_max.min(other.ttl_max),
            opens_guard: self.opens_guard && other.opens_guard,
            cite: match self.cite == other.cite {
                true => self.cite,
                false => format!("{}; {}", self.cite, other.cite).into(),
            },
        }
    }

    /// Could people open what this answer refuses?
    pub(super) fn opens(&self, answer: &Answer<'_>) -> bool {
        answer.stretches && answer.refusing().all(|rule| self.opens_rule(&rule.id))
    }

    fn opens_rule(&self, id: &str) -> bool {
        id == "window" || (id == "guard" && self.opens_guard)
    }

    /// What overrides have to do with a question, after all rules have spoken. An approved one
    /// opens what it may.
    pub(super) fn speak(
        &self,
        first: &[RuleVerdict],
        answers: &mut [Answer<'_>],
        waived: Option<&Waived>,
    ) -> Option<RuleVerdict> {
        let stopping = || answers.iter().filter(|answer| answer.stops());
        let before = first.iter().filter(|rule| rule.outcome == RuleOutcome::Deny);
        let mut fixed: Vec<&str> = before.map(|rule| rule.id.as_str()).collect();
        for answer in stopping() {
            let bars = |rule: &&RuleVerdict| !answer.stretches || !self.opens_rule(&rule.id);
            fixed.extend(answer.refusing().filter(bars).map(|rule| rule.id.as_str()));
        }
        if fixed.is_empty() && stopping().next().is_none() {
            return None;
        }
        let (outcome, inputs) = match waived {
            _ if !fixed.is_empty() => {
                (RuleOutcome::NotApplicable, format!("never: {}", fixed.join(", ")))
            }
            None => {
                let inputs = format!("possible: {} approvers, not the caller", self.approvers);
                (RuleOutcome::NotApplicable, inputs)
            }
            Some(waived) => {
                answers.iter_mut().filter(|answer| answer.stops()).for_each(Answer::open);
                (RuleOutcome::Allow, waived.inputs())
            }
        };
        Some(rule(Text::fixed(RULE), outcome, &self.cite, inputs))
    }
}

/// An override that enough people have approved, for the call that uses it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    /// Its id.
    pub id: String,
    /// Who asked.
    pub requested_by: String,
    /// Who approved.
    pub approved_by: Vec<String>,
}

impl Waived {
    fn inputs(&self) -> String {
        let Self { id, requested_by, approved_by } = self;
        format!("id={id} requested_by={requested_by} approved_by={}", approved_by.join(", "))
    }
}
