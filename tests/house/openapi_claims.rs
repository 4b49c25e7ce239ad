//! Claims on record in the OpenAPI document.

use super::openapi::{Operation, entity, good, path, problems, query, text};
use serde_json::{Value, json};

/// Bodies.
pub(super) fn bodies() -> Vec<(String, Value)> {
    let kind = || {
        json!({
            "enum": ["consent", "running_contract", "customer_requested_callback"],
            "description": "What is claimed.",
        })
    };
    let maybe = |said: &str| json!({ "type": ["string", "null"], "description": said });
    let reference = || text("Reference of the number or customer: 32 hex digits.");
    let request = json!({
        "type": "object",
        "description": "What somebody has said or signed. number or customer, and call or evidence, are needed.",
        "properties": {
            "number": text("E.164, or as dialled."),
            "customer": text("As calls name the customer: all numbers of a person."),
            "claim": kind(),
            "purpose": text("Only calls of this purpose and its family; absent: all."),
            "case": text("Only calls of this case; needed of customer_requested_callback."),
            "until": text("Last local day, YYYY-MM-DD; absent: until it is withdrawn."),
            "call": text("Id of the call in which it was said."),
            "evidence": text("Where the proof is; one line of 256 bytes."),
            "given_at": text("RFC 3339; absent: now."),
        },
        "required": ["claim"],
        "additionalProperties": false,
    });
    let made = json!({
        "type": "object",
        "description": "What was recorded, durable.",
        "properties": {
            "id": text("Its id."), "ref": reference(),
            "until": maybe("Last local day; null: until it is withdrawn."),
            "pos": text("Position of the event, decimal."),
        },
        "required": ["id", "ref", "until", "pos"],
    });
    let end = json!({
        "type": "object",
        "description": "How it came to count no more.",
        "properties": {
            "at": text("When."), "by": text("Who entered it."), "reason": text("Why."),
        },
        "required": ["at", "by", "reason"],
    });
    let entry = json!({
        "type": "object",
        "description": "A claim, in force or withdrawn.",
        "properties": {
            "id": text("Its id."), "ref": reference(), "claim": kind(),
            "scope": { "enum": ["number", "customer"], "description": "Whose it is." },
            "number": text("Number."), "customer": text("Customer."),
            "purpose": maybe("Purpose; null: all."), "case": maybe("Case; null: all."),
            "until": maybe("Last local day; null: until it is withdrawn."),
            "call": maybe("Call in which it was said."), "evidence": text("Where the proof is."),
            "source": text("cli or api."), "given_at": text("When it was said."),
            "added_by": text("Who entered it."), "withdrawn": entity("ClaimWithdrawal"),
        },
        "required": ["id", "ref", "claim", "scope", "evidence", "source", "given_at", "added_by"],
    });
    let found = json!({
        "type": "object",
        "description": "What is on record.",
        "properties": {
            "ref": reference(), "claims": { "type": "array", "items": entity("ClaimRecord") },
        },
        "required": ["ref", "claims"],
    });
    let withdrawn = json!({
        "type": "object",
        "description": "Claims that count no more.",
        "properties": {
            "withdrawn": { "type": "integer", "minimum": 1, "description": "How many." },
            "pos": text("Position of the event, decimal."),
        },
        "required": ["withdrawn", "pos"],
    });
    [
        ("ClaimRequest", request),
        ("ClaimRecorded", made),
        ("ClaimWithdrawal", end),
        ("ClaimRecord", entry),
        ("ClaimsFound", found),
        ("ClaimsWithdrawn", withdrawn),
    ]
    .map(|(name, body)| (name.to_owned(), body))
    .into()
}

/// Routes.
pub(super) fn operations() -> Vec<(&'static str, &'static str, Value)> {
    let json = |said: &str, name: &str| good(said, "application/json", entity(name));
    let mut answers = vec![(201, json("Recorded.", "ClaimRecorded"))];
    answers.extend(problems(&[400, 401, 403, 406, 408, 409, 413, 415, 429, 503]));
    let said = "Record a claim: agents on a call of theirs, supervisors, services.";
    let mut record =
        Operation { id: "claimRecord", said, is_public: false, parameters: Vec::new(), answers }
            .json();
    record["requestBody"] = json!({
        "required": true, "content": { "application/json": { "schema": entity("ClaimRequest") } },
    });
    let mut answers = vec![(200, json("Claims.", "ClaimsFound"))];
    answers.extend(problems(&[400, 401, 403, 406, 429, 503]));
    let said = "What is on record: supervisors, services, auditors. Audited.";
    let whom = path("whom", "A number, customer:NAME, or the reference that answers give.");
    let parameters = vec![whom];
    let show = Operation { id: "claimShow", said, is_public: false, parameters, answers }.json();
    let mut answers = vec![(200, json("Withdrawn.", "ClaimsWithdrawn"))];
    answers.extend(problems(&[400, 401, 403, 404, 406, 429, 503]));
    let said = "Withdraw one claim or all of somebody, at once: agents, supervisors, services.";
    let whom = path("whom", "The id of a claim; or a number, customer:NAME or reference: all.");
    let parameters = vec![whom, query("reason", "Why.", json!({ "type": "string" }))];
    let gone =
        Operation { id: "claimWithdraw", said, is_public: false, parameters, answers }.json();
    vec![
        ("POST", "/v1/claims", record),
        ("GET", "/v1/claims/{whom}", show),
        ("DELETE", "/v1/claims/{whom}", gone),
    ]
}
