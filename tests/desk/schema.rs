//! What the server sends keeps to the published schema, member by member.

#![allow(clippy::unwrap_used)]

use jsonschema::Validator;
use serde_json::{Value, json};
use std::sync::LazyLock;

const SCHEMA: &str = include_str!("../../proto/schema/trunkline.v1.schema.json");

/// The published schema lets unknown members pass, as desks must; a test must not.
static STRICT: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for (_, definition) in schema["$defs"].as_object_mut().unwrap() {
        if definition.get("properties").is_some() {
            definition["additionalProperties"] = json!(false);
        }
    }
    schema["$ref"] = json!("#/$defs/from_server");
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
});

/// Panics with what is wrong.
pub fn check(frame: &Value) {
    if STRICT.is_valid(frame) {
        return;
    }
    let wrong: Vec<String> = STRICT.iter_errors(frame).map(|e| e.to_string()).collect();
    panic!("{frame}\nis not what the schema allows: {wrong:#?}");
}

#[test]
fn the_check_can_refuse() {
    let good = json!({"t": "replayed", "from": "1", "to": "2", "count": 1});
    assert!(STRICT.is_valid(&good));
    for (member, value) in [("t", json!("hello")), ("count", json!("1")), ("other", json!(1))] {
        let mut bad = good.clone();
        bad[member] = value;
        assert!(!STRICT.is_valid(&bad), "{bad}");
    }
}
