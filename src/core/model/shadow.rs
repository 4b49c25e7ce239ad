//! Rules that are tried out beside those in force: where the two answer a call differently.

use super::{DecisionId, Verdict};

/// A call that the rules tried out would have treated otherwise. Nothing of it was enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowDiff {
    /// The decision that counted.
    pub decision: DecisionId,
    /// Purpose of the call, if one was given.
    pub purpose: Option<String>,
    /// What the rules in force said.
    pub verdict: Verdict,
    /// Their rules that refused, in order of precedence; none of an allow.
    pub refused_by: Vec<String>,
    /// What the rules tried out would have said.
    pub shadow_verdict: Verdict,
    /// Their rules that would have refused.
    pub shadow_refused_by: Vec<String>,
    /// SHA-256 of their texts and calendars, hex.
    pub shadow_hash: String,
}

impl ShadowDiff {
    /// `newly_denied` where only the rules tried out refuse, else `newly_allowed`.
    pub fn change(&self) -> &'static str {
        match self.shadow_verdict {
            Verdict::Deny => "newly_denied",
            Verdict::Allow => "newly_allowed",
        }
    }

    /// The rules behind the difference: those of the side that refuses.
    pub fn rules(&self) -> &[String] {
        match self.shadow_verdict {
            Verdict::Deny => &self.shadow_refused_by,
            Verdict::Allow => &self.refused_by,
        }
    }
}
