//! The routes of the gate in `proto/schema/openapi.json`.

use super::openapi::{Operation, entity, problem_responses, problems, text};
use serde_json::{Value, json};

fn words(said: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 128, "description": said })
}

fn or_null(said: &str) -> Value {
    json!({ "type": ["string", "null"], "description": said })
}

fn ids(said: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": said })
}

/// A question with these keys beside those that all have.
fn question(said: &str, more: &[(&str, &str)]) -> Value {
    let claims = ["consent", "running_contract", "customer_requested_callback"];
    let mut question = json!({
        "type": "object",
        "description": said,
        "properties": {
            "number": words("As dialled at the site."),
            "trunk": words("PBX or trunk whose dial plan reads the number; absent: the site's."),
            "caller": words("Number that the callee will see."),
            "purpose": words("service, callback.routine ..: lower-case words joined by dots."),
            "subject": words("What it is about."),
            "case": words("Case it belongs to."),
            "campaign": words("Campaign."),
            "customer": words("Who is called, as the customer records name them."),
            "seller": words("For whom the call is made."),
            "zone": words("Zone of the callee's address, IANA name."),
            "claims": {
                "type": "array", "items": { "enum": claims },
                "description": "What can be shown for the call; in a form joined by commas.",
            },
        },
        "required": ["number"],
        "additionalProperties": false,
    });
    for (key, said) in more {
        question["properties"][*key] = words(said);
    }
    question
}

pub(super) fn bodies() -> Vec<(String, Value)> {
    let verdict = json!({ "enum": ["allow", "deny"], "description": "The answer." });
    let next = or_null("Earliest allowed instant, with the callee's offset; null: none is known.");
    let latest = or_null("The last lawful time ends there.");
    let day = or_null("Kind of day at the callee.");
    let short = json!({
        "type": "object",
        "description": "Advice: nothing is reserved, nothing is recorded.",
        "properties": {
            "verdict": verdict,
            "exempt": { "type": "boolean", "description": "Not gated: emergency or internal." },
            "refused_by": ids("Rules that refuse, in order of precedence."),
            "would_refuse": ids("Rules that would refuse if their set were enforced."),
            "day_class": day, "local_time": text("At the callee."),
            "next_allowed_at": next, "latest_allowed_before": latest,
        },
        "required": ["verdict", "exempt", "refused_by", "next_allowed_at"],
    });
    let rule = json!({
        "type": "object",
        "description": "What one rule says.",
        "properties": {
            "id": text("Rule."),
            "verdict": { "enum": ["allow", "deny", "not_applicable", "would_deny"],
                "description": "Its verdict." },
            "citation": text("Clause."), "inputs": text("What it looked at."),
        },
        "required": ["id", "verdict", "citation", "inputs"],
    });
    let explanation = json!({
        "type": "object",
        "description": "The answer with every rule, as `trunkline gate explain --json`.",
        "properties": {
            "verdict": verdict, "exempt": or_null("emergency, internal; null for a gated call."),
            "number": text("Masked."),
            "dialed": or_null("As it was dialled, masked; null where it is no outside number."),
            "trunk": or_null("PBX or trunk whose dial plan read it; null: the site's."),
            "purpose": or_null("As asked."), "day_class": day,
            "rules": { "type": "array", "items": entity("RuleSaid"),
                "description": "In order of precedence." },
            "next_allowed_at": next, "latest_allowed_before": latest,
            "zone": text("The callee's."), "local_time": text("At the callee."),
            "ruleset": text("Rule sets asked, joined by +."),
            "ruleset_hash": text("SHA-256 of their files, joined by +."),
            "calendar_version": text("Calendar data."), "list_version": text("List."),
            "tzdb_version": text("tz database."),
        },
        "required": ["verdict", "exempt", "number", "rules", "next_allowed_at"],
    });
    let permit = json!({
        "type": "object",
        "description": "A decision that is durable.",
        "properties": {
            "verdict": verdict,
            "exempt": or_null("emergency, internal: dial without a permit."),
            "permit": text("allow: value of the header X-Trunkline-Mark of the INVITE, good once."),
            "decision_id": text("The decision."),
            "expires_at": text("allow: the INVITE must be at the trunk before."),
            "refused_by": text("deny: the first rule that refuses."),
            "next_allowed_at": next,
        },
        "required": ["verdict", "exempt"],
    });
    let explain = [
        ("at", "Instant, RFC 3339 with an offset; absent: now."),
        ("before", "Asks for the last lawful time before this instant."),
        ("ruleset", "One rule set alone."),
    ];
    let dial = [
        ("agent", "Who will speak: a call of another agent's telephone cannot use the permit."),
        ("device", "User part of From: another telephone cannot use the permit."),
    ];
    vec![
        ("GateQuestion".to_owned(), question("A call that somebody wants to make.", &[])),
        ("GateWhy".to_owned(), question("A call, perhaps at another time.", &explain)),
        ("GateDial".to_owned(), question("A call that is about to be dialled.", &dial)),
        ("GateAnswer".to_owned(), short),
        ("RuleSaid".to_owned(), rule),
        ("GateExplanation".to_owned(), explanation),
        ("GatePermit".to_owned(), permit),
    ]
}

fn operation(
    id: &'static str,
    said: &'static str,
    (asked, answered): (&str, &str),
    line: &str,
) -> Value {
    let answer = json!({
        "description": "The answer; `deny` is one, too.",
        "content": {
            "application/json": { "schema": entity(answered) },
            "text/plain": { "schema": text(line) },
        },
    });
    let mut answers = vec![(200, answer)];
    let all = problem_responses();
    for (status, reference) in problems(&[400, 401, 403, 406, 408, 413, 415, 422, 429, 500, 503]) {
        let name = reference["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let mut problem = all[name].clone();
        problem["content"]["text/plain"] = json!({ "schema": text("`error CODE`") });
        answers.push((status, problem));
    }
    let mut operation =
        Operation { id, said, is_public: false, parameters: Vec::new(), answers }.json();
    let schema = json!({ "schema": entity(asked) });
    operation["requestBody"] = json!({
        "required": true,
        "content": {
            "application/json": schema, "application/x-www-form-urlencoded": schema,
        },
    });
    operation
}

pub(super) fn operations() -> Vec<(&'static str, &'static str, Value)> {
    let check = "May this be dialled now? Advice.";
    let explain = "Every rule's verdict, and when it would be allowed.";
    let permit = "A durable decision and, if it allows, the right to dial once.";
    vec![
        (
            "POST",
            "/v1/gate/check",
            operation(
                "gateCheck",
                check,
                ("GateQuestion", "GateAnswer"),
                "`allow`, `allow exempt`, `deny RULE NEXT`",
            ),
        ),
        (
            "POST",
            "/v1/gate/explain",
            operation("gateExplain", explain, ("GateWhy", "GateExplanation"), "As on a terminal."),
        ),
        (
            "POST",
            "/v1/gate/permit",
            operation(
                "gatePermit",
                permit,
                ("GateDial", "GatePermit"),
                "`allow PERMIT`, `allow exempt`, `deny RULE NEXT`",
            ),
        ),
    ]
}
