//! Commands about the audit log: check it, hand it to an auditor, its signing key.

use super::admin::{Desk, send};
use super::commands::{CommandError, instant, text};
use crate::io::admin::Answer;
use crate::store::{ExportQuery, Store};
use serde_json::{Value, json};
use std::sync::Arc;
use trunkline_core::hub::Role;
use trunkline_core::model::Wall;
use trunkline_core::vault::hex;

/// Longest reason, characters.
const REASON_MAX: usize = 200;

/// `audit.verify`
pub(super) fn verify(store: &Store, emit: &mut dyn FnMut(Value)) -> Result<(), CommandError> {
    let report = store.audit_verify()?;
    let keys: Vec<Value> =
        report.keys.iter().map(|k| json!({"key": hex(&k.key), "since": k.since})).collect();
    emit(json!({
        "entries": report.entries,
        "signed": report.signed,
        "signed_at": report.signed_at.rfc3339(),
        "checkpoints": report.checkpoints,
        "decisions": report.decisions,
        "erased": report.erased,
        "keys": keys,
    }));
    Ok(())
}

/// `audit.key`
pub(super) fn key(store: &Store, emit: &mut dyn FnMut(Value)) {
    emit(json!({"key": hex(&store.audit_key())}));
}

/// `audit.rotate_key`
pub(super) fn rotate_key(
    store: &Store,
    request: &Value,
    who: &str,
    now: Wall,
    emit: &mut dyn FnMut(Value),
) -> Result<(), CommandError> {
    let key = store.rotate_audit_key(who, &reason(request)?, now)?;
    emit(json!({"key": hex(&key)}));
    Ok(())
}

/// Why somebody does it. Digits stay out of the log: they may be a customer's.
fn reason(request: &Value) -> Result<String, CommandError> {
    let given = text(request, "reason").unwrap_or_default().trim();
    if given.is_empty() || given.chars().count() > REASON_MAX {
        let message = format!("is needed, up to {REASON_MAX} characters");
        return Err(CommandError::Field { field: "reason", message });
    }
    Ok(given.chars().map(|c| if c.is_numeric() { '#' } else { c }).collect())
}

/// `audit.export`. Numbers in clear need a running server, which knows who is an auditor: `clear` is
/// the reason, once that is checked.
pub(super) fn export(
    store: &Store,
    request: &Value,
    who: &str,
    clear: Option<String>,
    now: Wall,
    emit: &mut dyn FnMut(Value),
) -> Result<(), CommandError> {
    if clear.is_none() && wants_clear(request) {
        let message = "numbers in clear need the running server: it checks the auditor's token";
        return Err(CommandError::Unavailable(message.to_owned()));
    }
    let query = ExportQuery {
        from: instant(request, "from")?.unwrap_or(Wall(0)),
        to: instant(request, "to")?.unwrap_or(Wall(i64::MAX)),
        clear,
    };
    let done = store.audit_export(&query, who, now, &mut |line| emit(json!({"line": line})))?;
    let done = done.ok_or_else(|| CommandError::NotFound("an entry of that time".to_owned()))?;
    emit(json!({
        "manifest": done.manifest,
        "signature": hex(&done.signature),
        "key": hex(&done.key),
        "entries": done.entries,
    }));
    Ok(())
}

pub(super) fn wants_clear(request: &Value) -> bool {
    request.get("clear").and_then(Value::as_bool).unwrap_or_default()
}

/// `audit.export` with numbers in clear: for the holder of an auditor's token alone.
pub(super) async fn export_clear(
    desk: &Arc<Desk>,
    request: Value,
    who: &str,
    answer: &Answer,
) -> Result<(), CommandError> {
    let field = |field, message: &str| CommandError::Field { field, message: message.to_owned() };
    let token = text(&request, "token");
    let token = token.ok_or_else(|| field("token", "numbers in clear need an auditor's token"))?;
    let verified = desk.auth.verify(token, desk.clock.wall());
    let verified = verified.map_err(|error| field("token", &error.to_string()))?;
    if verified.who.role != Role::Auditor {
        return Err(field("token", "is not an auditor's"));
    }
    let reason = reason(&request)?;
    let who = format!("{} {who}", verified.who.user);
    let (store, now, lines) = (desk.store.clone(), desk.clock.wall(), answer.clone());
    let work = move || {
        export(&store, &request, &who, Some(reason), now, &mut |line| {
            let _ = lines.blocking_send(line); // the client may have gone
        })
    };
    let stopped = |_| CommandError::Unavailable("the command was ended".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(stopped)??;
    send(answer, json!({"done": true})).await
}
