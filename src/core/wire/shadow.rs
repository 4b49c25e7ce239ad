//! Differences between rules in force and rules tried out, both ways.

use super::decode::{DecodeError, bad, named, non_empty};
use super::pb;
use crate::model::{Named, ShadowDiff};

/// It bears no number, so every view is the same.
pub(super) fn shadow_to_pb(one: &ShadowDiff) -> pb::ShadowDiff {
    pb::ShadowDiff {
        decision_id: one.decision.to_string(),
        purpose: one.purpose.clone().unwrap_or_default(),
        verdict: one.verdict.name().to_owned(),
        refused_by: one.refused_by.clone(),
        shadow_verdict: one.shadow_verdict.name().to_owned(),
        shadow_refused_by: one.shadow_refused_by.clone(),
        shadow_hash: one.shadow_hash.clone(),
    }
}

pub(super) fn shadow(s: pb::ShadowDiff) -> Result<ShadowDiff, DecodeError> {
    Ok(ShadowDiff {
        decision: s.decision_id.parse().map_err(|_| bad("shadow.decision_id", &s.decision_id))?,
        purpose: non_empty(s.purpose),
        verdict: named("shadow.verdict", &s.verdict)?,
        refused_by: s.refused_by,
        shadow_verdict: named("shadow.shadow_verdict", &s.shadow_verdict)?,
        shadow_refused_by: s.shadow_refused_by,
        shadow_hash: s.shadow_hash,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::{DecisionId, Verdict};
    use proptest::prelude::*;

    proptest! {
        /// A difference is read back whole.
        #[test]
        fn a_difference_comes_back(
            id in any::<u128>(),
            purpose in prop::option::of("[a-z.]{1,9}"),
            rules in prop::collection::vec("[a-z-]{1,9}", 0..4),
            denies in any::<bool>(),
        ) {
            let (a, b) = match denies {
                true => (Verdict::Allow, Verdict::Deny),
                false => (Verdict::Deny, Verdict::Allow),
            };
            let (mine, theirs) = if denies { (Vec::new(), rules) } else { (rules, Vec::new()) };
            let one = ShadowDiff {
                decision: DecisionId(uuid::Uuid::from_u128(id)),
                purpose,
                verdict: a,
                refused_by: mine,
                shadow_verdict: b,
                shadow_refused_by: theirs,
                shadow_hash: "00ff".into(),
            };
            prop_assert_eq!(shadow(shadow_to_pb(&one)).unwrap(), one);
        }
    }

    #[test]
    fn half_of_one_is_refused() {
        let one = pb::ShadowDiff { verdict: "allow".into(), ..Default::default() };
        assert!(shadow(one).is_err());
    }
}
