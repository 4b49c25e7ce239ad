//! A do-not-call list that says back what it was asked.

use serde_json::{Value, json};
use std::sync::Arc;
use trunkline::io::http::{ClaimAsk, DncAsk, DncDoor, DncFault};

pub const REF: &str = "000102030405060708090a0b0c0d0e0f";

/// Says back what it was asked.
pub fn door() -> DncDoor {
    Arc::new(|asked| Box::pin(async move { answer(asked) }))
}

fn answer(asked: DncAsk) -> Result<Value, DncFault> {
    match asked {
        DncAsk::Add { entry, who } => match entry["number"].as_str() {
            Some("1") => Err(DncFault::BadRequest("number: no outside number".to_owned())),
            Some("2") => Err(DncFault::Unavailable("the engine takes no orders".to_owned())),
            _ => Ok(json!({
                "ref": REF, "until": null, "tag": "拒绝呼出", "pos": "7",
                "blocks": [{"scope": "number", "purpose": null, "until": who}],
            })),
        },
        DncAsk::Claim(ClaimAsk::Add { entry, who, agent }) => match entry["number"].as_str() {
            Some("1") => Err(DncFault::BadRequest("number: no outside number".to_owned())),
            Some("2") => Err(DncFault::Conflict("64 claims count for it already".to_owned())),
            _ => Ok(json!({"id": agent.unwrap_or(who), "ref": REF, "until": null, "pos": "7"})),
        },
        DncAsk::Claim(ClaimAsk::Show { whom, who }) => Ok(json!({
            "ref": REF, "claims": [{
                "id": "c", "ref": REF, "claim": "consent", "scope": "number",
                "number": "+8613800138000", "purpose": null, "case": null, "until": null,
                "call": null, "evidence": whom.to_string(), "source": "api",
                "given_at": "2026-11-22T00:00:00Z", "added_by": who,
            }],
        })),
        DncAsk::Claim(ClaimAsk::Withdraw { whom, .. }) => match whom["number"].as_str() {
            Some("3") => Err(DncFault::NotFound("a claim that counts was not found".to_owned())),
            _ => Ok(json!({"withdrawn": 1, "pos": whom.to_string()})),
        },
        DncAsk::Show { whom, who } => Ok(json!({
            "ref": REF, "registers": [{"name": "uk-tps", "issued": "2026-11-01", "listed": true}],
            "entries": [{
                "ref": REF, "scope": "number", "number": "+8613800138000", "purpose": null,
                "until": null, "reason": whom.to_string(), "tag": null, "source": "cli",
                "asked_at": "2026-11-22T00:00:00Z", "added_by": who,
            }],
        })),
        DncAsk::Remove { whom, reason, who } => match (reason, whom["number"].as_str()) {
            (_, Some("3")) => Err(DncFault::NotFound("an entry of it was not found".to_owned())),
            (None, _) => Err(DncFault::Conflict("somebody else has to agree".to_owned())),
            (Some(why), _) if why == "agreed" => {
                Ok(json!({"status": "removed", "ref": REF, "entries": 1, "pos": who}))
            }
            (Some(_), _) => Ok(json!({"status": "pending", "ref": REF, "expires_at": "soon"})),
        },
    }
}
