//! What a decision said, as text that an auditor can hash: docs/audit.md has the form.
//!
//! The chain holds the hash of this text and no word of it, so the record behind it can be erased.
//! A key that has no value is left out, so that a later version may add keys.

use super::StoreError;
use serde_json::{Map, Value, json};
use trunkline_core::model::{Decision, Named, Party, RuleVerdict, Wall};
use trunkline_core::vault::{BlindIndex, commitment, digest, hex};

/// Form of the text, named in the chain.
pub(super) const FORM: u64 = 1;

/// A decision, what the chain says of it, and what shows that a number is the one in it.
pub(super) struct Statement {
    pub(super) value: Value,
    pub(super) digest: [u8; 32],
    pub(super) number: String,
    pub(super) salt: [u8; 32],
}

impl Statement {
    /// Of a decision made at `at`, under the blind index of its month.
    pub(super) fn new(decision: &Decision, at: Wall, index: &BlindIndex) -> Self {
        let salt = index.salt(decision.id.0.as_bytes());
        let number = number(&decision.to);
        let value = words(decision, at, &commitment(&salt, &number));
        let digest = digest(canonical(&value).as_bytes());
        Self { value, digest, number, salt }
    }
}

fn words(decision: &Decision, at: Wall, commitment: &[u8; 32]) -> Value {
    let callee = json!({
        "commitment": hex(commitment),
        "masked": decision.to.masked,
        "ref": decision.to.number_ref.to_string(),
    });
    let topic = decision.topic.as_deref();
    let value = json!({
        "calendar_version": decision.calendar_version,
        "call": decision.call_id.map(|id| id.to_string()),
        "callee": callee,
        "campaign": topic.and_then(|topic| topic.campaign.as_deref()),
        "case": topic.and_then(|topic| topic.case.as_deref()),
        "day_class": decision.day_class.map(Named::name),
        "decided_at": at.rfc3339(),
        "decision": decision.id.to_string(),
        "device": decision.device,
        "expires_at": decision.expires_at.rfc3339(),
        "form": FORM,
        "list_version": decision.list_version,
        "local_time": decision.local_time,
        "next_allowed_at": decision.next_allowed_at,
        "purpose": decision.purpose,
        "rules": decision.rules.iter().map(rule).collect::<Vec<_>>(),
        "ruleset": decision.ruleset,
        "ruleset_hash": decision.ruleset_hash,
        "seller": topic.and_then(|topic| topic.seller.as_deref()),
        "subject": topic.and_then(|topic| topic.subject.as_deref()),
        "tzdb_version": decision.tzdb_version,
        "verdict": decision.verdict.name(),
        "zone": decision.zone,
    });
    match value {
        Value::Object(all) => {
            Value::Object(all.into_iter().filter(|(_, v)| !v.is_null()).collect())
        }
        other => other,
    }
}

fn rule(rule: &RuleVerdict) -> Value {
    json!({
        "citation": rule.citation.as_str(),
        "id": rule.id.as_str(),
        "inputs": rule.inputs,
        "verdict": rule.outcome.name(),
    })
}

fn number(party: &Party) -> String {
    party.e164.as_ref().map_or_else(|| party.raw.reveal().clone(), |n| n.reveal().as_str().into())
}

/// JSON without a space, keys sorted, as RFC 8785 has it for texts, whole numbers and lists.
pub(super) fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}

/// The order of keys in a map depends on features of a library; this does not.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            let pairs = keys.into_iter().map(|key| (key.clone(), sorted(&map[key])));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The decision that an entry of the chain is about, if its digest is that of a statement.
pub(super) fn decision_named(object: &str) -> Result<Option<uuid::Uuid>, StoreError> {
    let mut words = object.split(' ');
    let Some(form) = words.next().and_then(|word| word.strip_prefix("statement=")) else {
        return Ok(None);
    };
    let bad = || StoreError::row("audit", "statement of unknown form");
    if form != FORM.to_string() {
        return Err(bad());
    }
    let id = words.next().and_then(|word| word.strip_prefix("decision="));
    id.and_then(|id| id.parse().ok()).map(Some).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_has_one_form() {
        let text = r#"{ "b": [1, "\u00e9\u007f\n\u0001"], "a": {"z": "/", "Z": -2} }"#;
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let want = "{\"a\":{\"Z\":-2,\"z\":\"/\"},\"b\":[1,\"\u{e9}\u{7f}\\n\\u0001\"]}";
        assert_eq!(canonical(&value), want);
    }

    #[test]
    fn entries_of_other_kinds_name_no_decision() {
        assert!(matches!(decision_named("call=1 found=true"), Ok(None)));
        assert!(decision_named("statement=2 decision=x").is_err());
        assert!(decision_named("statement=1 decision=x").is_err());
        let id = uuid::Uuid::nil();
        let found = decision_named(&format!("statement=1 decision={id} call="));
        assert!(matches!(found, Ok(Some(found)) if found == id));
    }
}
