//! `gate shadow report`: what rules that were tried out would have decided otherwise, by rule.

use super::commands::{CommandError, instant};
use crate::store::Store;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use trunkline_core::model::{DecisionId, Wall, uuid_instant};

/// Decisions that are named of each rule: the newest.
const EXAMPLES: usize = 3;
/// Versions of the rules, and rules of each, that are shown; the sums count all.
const ROWS_MAX: usize = 1000;

/// One version of the rules that were tried out.
#[derive(Default, Serialize)]
struct OfVersion {
    /// First and last decision that differs.
    first: String,
    last: String,
    newly_denied: u64,
    newly_allowed: u64,
    rules: BTreeMap<String, OfRule>,
}

#[derive(Default, Serialize)]
struct OfRule {
    newly_denied: u64,
    newly_allowed: u64,
    examples: Vec<String>,
}

/// One answer.
///
/// # Errors
/// If an instant or the records cannot be read.
pub(super) fn report(store: &Store, request: &Value, now: Wall) -> Result<Value, CommandError> {
    let month = std::time::Duration::from_secs(31 * 86_400);
    let from = instant(request, "from")?.unwrap_or(now.before(month));
    let to = instant(request, "to")?.unwrap_or(now);
    let mut versions: BTreeMap<String, OfVersion> = BTreeMap::new();
    let mut differences = 0_u64;
    store.shadow_differences((from, to), &mut |one| {
        differences += 1;
        let shown = versions.len() < ROWS_MAX || versions.contains_key(&one.shadow_hash);
        if !shown {
            return;
        }
        let denied = one.change() == "newly_denied";
        let version = versions.entry(one.shadow_hash.clone()).or_default();
        version.take(one.decision, denied);
        for rule in one.rules() {
            if version.rules.len() < ROWS_MAX || version.rules.contains_key(rule) {
                version.rules.entry(rule.clone()).or_default().take(one.decision, denied);
            }
        }
    })?;
    Ok(serde_json::json!({
        "from": from.rfc3339(), "to": to.rfc3339(), "differences": differences,
        "versions": versions,
    }))
}

impl OfVersion {
    fn take(&mut self, decision: DecisionId, denied: bool) {
        let at = uuid_instant(decision.0).rfc3339();
        if self.first.is_empty() {
            self.first.clone_from(&at);
        }
        self.last = at;
        *(if denied { &mut self.newly_denied } else { &mut self.newly_allowed }) += 1;
    }
}

impl OfRule {
    fn take(&mut self, decision: DecisionId, denied: bool) {
        *(if denied { &mut self.newly_denied } else { &mut self.newly_allowed }) += 1;
        if self.examples.len() >= EXAMPLES {
            self.examples.remove(0);
        }
        self.examples.push(decision.to_string());
    }
}
