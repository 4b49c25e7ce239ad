//! What the audit log keeps of a reconciliation.

use super::report::{Finding, Report};
use crate::app::commands::CommandError;
use crate::store::Store;
use trunkline_core::model::Wall;
use trunkline_core::vault::{digest, hex};

/// Findings that get an entry of their own; the others are in the counts.
const AUDITED_MAX: usize = 1000;

impl Report {
    /// Into the audit log: each finding that is not accounted for, and the counts.
    pub(super) fn keep(&self, store: &Store, who: &str, now: Wall) -> Result<(), CommandError> {
        let report = self;
        let mut acts: Vec<(&str, String)> = Vec::new();
        for (kind, list) in [
            ("ungated", &report.ungated.list),
            ("denied_dialled", &report.denied_dialled.list),
            ("unseen", &report.unseen.list),
        ] {
            for one in list.iter().take(AUDITED_MAX.saturating_sub(acts.len())) {
                acts.push(("gate.unaccounted", one.words(kind, &report.pbx)));
            }
        }
        for one in report.no_record.list.iter().take(AUDITED_MAX.saturating_sub(acts.len())) {
            let call = one.call.as_deref().unwrap_or_default();
            let words = format!(
                "kind=no_record pbx={} at={} call={call} decision={}",
                report.pbx, one.at, one.decision
            );
            acts.push(("gate.unaccounted", words));
        }
        let printed = serde_json::to_vec(report).unwrap_or_default();
        let object = format!(
            "pbx={} from={} to={} {} report={}",
            report.pbx,
            report.from,
            report.to,
            report.summary(),
            hex(&digest(&printed))
        );
        acts.push(("gate.reconciled", object));
        Ok(store.audit_all(who, acts, now)?)
    }
}

impl Finding {
    /// For the audit log: no number.
    fn words(&self, kind: &str, pbx: &str) -> String {
        let mut words = format!("kind={kind} pbx={pbx} at={} line={}", self.at, self.line);
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                words += &format!(" {name}={value}");
            }
        };
        add("ref", self.number_ref.as_deref());
        add("answered", Some(if self.answered { "yes" } else { "no" }));
        add("call", self.call.as_deref());
        add("decision", self.decision.as_deref());
        add("verdict", self.verdict);
        add("refused_by", Some(&self.refused_by.join(",")));
        add("rules", self.rules);
        add("ruleset_hash", Some(&self.ruleset_hash));
        words
    }
}
