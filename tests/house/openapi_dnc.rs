//! The do-not-call list in the OpenAPI document.

use super::openapi::{Operation, entity, good, path, problems, query, text};
use serde_json::{Value, json};

/// Bodies.
pub(super) fn bodies() -> Vec<(String, Value)> {
    let until = || {
        json!({
            "type": ["string", "null"],
            "description": "Last blocked local day, YYYY-MM-DD; null: for ever.",
        })
    };
    let purpose = || {
        json!({
            "type": ["string", "null"],
            "description": "Only calls of this purpose and its family; null: all.",
        })
    };
    let scope = || json!({ "enum": ["number", "customer"], "description": "Whom it protects." });
    let reference = || text("Reference of the number or customer: 32 hex digits.");
    let tag = || json!({ "type": ["string", "null"], "description": "The norm's mark, 拒绝呼出; null: none." });
    let request = json!({
        "type": "object",
        "description": "Whom to block: number, customer or both.",
        "properties": {
            "number": text("E.164, or as dialled."),
            "customer": text("As calls name the customer: all numbers of a person."),
            "purpose": text("Only calls of this purpose and its family; absent: all."),
            "until": text("YYYY-MM-DD or forever; absent: the rule sets' cool-down."),
            "reason": text("Absent: do_not_disturb."),
            "asked_at": text("RFC 3339; absent: now."),
        },
        "anyOf": [{ "required": ["number"] }, { "required": ["customer"] }],
        "additionalProperties": false,
    });
    let block = json!({
        "type": "object",
        "description": "One entry.",
        "properties": { "scope": scope(), "purpose": purpose(), "until": until() },
        "required": ["scope", "purpose", "until"],
    });
    let blocked = json!({
        "type": "object",
        "description": "What was blocked, durable.",
        "properties": {
            "ref": reference(), "until": until(), "tag": tag(),
            "blocks": { "type": "array", "items": entity("DncBlock") },
            "pos": text("Position of the event, decimal."),
        },
        "required": ["ref", "until", "tag", "blocks", "pos"],
    });
    let removal = json!({
        "type": "object",
        "description": "How it came to hold no more.",
        "properties": {
            "at": text("When."), "reason": text("Why."), "by": text("Who asked."),
            "approved_by": text("Who agreed."),
        },
        "required": ["at", "reason", "by", "approved_by"],
    });
    let entry = json!({
        "type": "object",
        "description": "An entry, in force or removed.",
        "properties": {
            "ref": reference(), "scope": scope(), "number": text("Number."),
            "customer": text("Customer."), "purpose": purpose(), "until": until(),
            "reason": text("Why."), "tag": tag(), "source": text("cli, api or import."),
            "asked_at": text("When it was asked for."), "added_by": text("Who entered it."),
            "removed": entity("DncRemoval"),
        },
        "required": ["ref", "scope", "purpose", "until", "reason", "asked_at", "added_by"],
    });
    let register = json!({
        "type": "object",
        "description": "A register and whether the number is on it.",
        "properties": {
            "name": text("Register."), "issued": text("Day of issue of its edition."),
            "listed": { "type": "boolean", "description": "The number is on it." },
        },
        "required": ["name", "issued", "listed"],
    });
    let listed = json!({
        "type": "object",
        "description": "What the lists say.",
        "properties": {
            "ref": reference(),
            "entries": { "type": "array", "items": entity("DncListed") },
            "registers": { "type": "array", "items": entity("DncRegister") },
        },
        "required": ["ref", "entries", "registers"],
    });
    let removed = json!({
        "type": "object",
        "description": "pending: somebody else has to agree. removed: nothing blocks it any more.",
        "properties": {
            "status": { "enum": ["pending", "removed"], "description": "How it stands." },
            "ref": reference(),
            "expires_at": text("pending: agree before."),
            "entries": { "type": "integer", "minimum": 1, "description": "removed: how many." },
            "pos": text("removed: position of the event, decimal."),
        },
        "required": ["status", "ref"],
    });
    [
        ("DncRequest", request),
        ("DncBlock", block),
        ("DncBlocked", blocked),
        ("DncRemoval", removal),
        ("DncListed", entry),
        ("DncRegister", register),
        ("DncFound", listed),
        ("DncRemoved", removed),
    ]
    .map(|(name, body)| (name.to_owned(), body))
    .into()
}

/// Routes.
pub(super) fn operations() -> Vec<(&'static str, &'static str, Value)> {
    let json = |said: &str, name: &str| good(said, "application/json", entity(name));
    let whom = || {
        let said = "A number, customer:NAME, or the reference that answers give.";
        path("number", said)
    };
    let mut answers = vec![(201, json("Blocked.", "DncBlocked"))];
    answers.extend(problems(&[400, 401, 403, 406, 408, 413, 415, 429, 503]));
    let said = "Block a number or customer: agents, supervisors, services. Never shortens.";
    let mut block =
        Operation { id: "dncBlock", said, is_public: false, parameters: Vec::new(), answers }
            .json();
    block["requestBody"] = json!({
        "required": true, "content": { "application/json": { "schema": entity("DncRequest") } },
    });
    let mut answers = vec![(200, json("Entries and registers.", "DncFound"))];
    answers.extend(problems(&[400, 401, 403, 406, 429, 503]));
    let said = "What is listed: supervisors, services, auditors. Audited.";
    let parameters = vec![whom()];
    let show = Operation { id: "dncShow", said, is_public: false, parameters, answers }.json();
    let mut answers = vec![
        (200, json("Removed.", "DncRemoved")),
        (202, json("Somebody else has to agree within an hour.", "DncRemoved")),
    ];
    answers.extend(problems(&[400, 401, 403, 404, 406, 409, 429, 503]));
    let said = "Ask for the removal of what blocks it, or agree to it: two supervisors.";
    let reason = query("reason", "Why; needed of who asks first.", json!({ "type": "string" }));
    let parameters = vec![whom(), reason];
    let remove = Operation { id: "dncRemove", said, is_public: false, parameters, answers }.json();
    vec![
        ("POST", "/v1/dnc", block),
        ("GET", "/v1/dnc/{number}", show),
        ("DELETE", "/v1/dnc/{number}", remove),
    ]
}
