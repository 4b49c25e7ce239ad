//! Commands that read the store: the same over the admin socket and offline.

use super::audit;
use super::lists::claim_json;
use crate::store::{EditionRow, RecordQuery, RecordRow, RevokedRow, Store, StoreError};
use serde_json::{Value, json};
use trunkline_core::gate::{DialPlans, Dialed, Normalizer};
use trunkline_core::model::{CallId, DncEntry, DncScope, Named, NumberRef, Party, Wall};
use trunkline_core::vault::digest;
use trunkline_core::wire::{View, call_to_pb, decision_to_pb};

/// A command that cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A field is missing or cannot be read.
    #[error("{field}: {message}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is allowed.
        message: String,
    },
    /// There is no such thing.
    #[error("{0} was not found")]
    NotFound(String),
    /// No command of that name.
    #[error("command {0:?} is not known to this version")]
    Unknown(String),
    /// It does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// The engine did not take or confirm it.
    #[error("{0}")]
    Unavailable(String),
}

impl CommandError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "INTERNAL",
            Self::Field { .. } => "BAD_REQUEST",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Unknown(_) => "UNSUPPORTED",
            Self::Conflict(_) => "CONFLICT",
            Self::Unavailable(_) => "UNAVAILABLE",
        }
    }
}

/// Whom a `token.revoke` is about.
pub(super) fn revocation(request: &Value, at: Wall) -> Result<RevokedRow, CommandError> {
    let (subject, name) = match (text(request, "subject"), text(request, "id")) {
        (Some(name), None) if !name.is_empty() => (true, name),
        (None, Some(name)) if !name.is_empty() => (false, name),
        _ => {
            let message = "either subject or id, not empty".to_owned();
            return Err(CommandError::Field { field: "subject", message });
        }
    };
    Ok(RevokedRow { subject, name: digest(name.as_bytes()), at })
}

/// Does a store command; each result goes to `emit`. Reads are audited under `who`; numbers may be
/// written as dialled.
///
/// # Errors
/// See [`CommandError`].
pub fn store_command(
    store: &Store,
    plans: &DialPlans,
    request: &Value,
    who: &str,
    now: Wall,
    emit: &mut dyn FnMut(Value),
) -> Result<(), CommandError> {
    match text(request, "cmd").unwrap_or_default() {
        "records.search" => {
            let query = query(plans.shown(), request, now)?;
            for row in store.search(&query, who, now)? {
                emit(record_json(&row));
            }
        }
        "records.show" => emit(show(store, request, who, now)?),
        "dnc.list" => {
            let exports = request.get("export").is_some();
            let action = if exports { "dnc.export" } else { "dnc.list" };
            store.dnc_list(action, who, now, |entry| emit(dnc_json(&entry)))?;
        }
        "dnc.show" => {
            let key = list_key(store, &|typed| plans.shown().read(typed), request)?;
            let entries = store.dnc_show(key, who, now)?;
            let entries: Vec<Value> = entries.iter().map(dnc_json).collect();
            let on = |row: &EditionRow| {
                let listed = store.register(&row.name).is_some_and(|edition| edition.has(key));
                json!({"name": row.name, "issued": row.issued, "listed": listed})
            };
            let registers: Vec<Value> = store.registers()?.iter().map(on).collect();
            emit(json!({"ref": key.to_string(), "entries": entries, "registers": registers}));
        }
        "claim.show" => {
            let key = list_key(store, &|typed| plans.shown().read(typed), request)?;
            let claims = store.claims_show(key, who, now)?;
            let claims: Vec<Value> = claims.iter().map(claim_json).collect();
            emit(json!({"ref": key.to_string(), "claims": claims}));
        }
        "dnc.registers" => {
            for row in store.registers()? {
                emit(json!({
                    "name": row.name, "issued": row.issued, "id": row.id, "numbers": row.numbers,
                    "imported_at": Wall(row.imported_at).rfc3339(), "by": row.by,
                    "source": row.source, "usable": store.register(&row.name).is_some(),
                }));
            }
        }
        "gate.shadow_report" => emit(super::shadow_report::report(store, request, now)?),
        "token.revoke" => {
            store.revoke(revocation(request, now)?, who)?;
            // Without a server there is no socket to close.
            emit(json!({ "closed": 0 }));
        }
        "audit.verify" => audit::verify(store, emit)?,
        "audit.key" => audit::key(store, emit),
        "audit.rotate_key" => audit::rotate_key(store, request, who, now, emit)?,
        "audit.export" => audit::export(store, request, who, None, now, emit)?,
        other => return Err(CommandError::Unknown(other.to_owned())),
    }
    Ok(())
}

/// A text field of a request.
pub fn text<'a>(request: &'a Value, field: &str) -> Option<&'a str> {
    request.get(field).and_then(Value::as_str).filter(|t| !t.is_empty())
}

/// An RFC 3339 instant.
pub fn instant(request: &Value, field: &'static str) -> Result<Option<Wall>, CommandError> {
    text(request, field)
        .map(|t| {
            t.parse::<jiff::Timestamp>().map(|ts| Wall(ts.as_microsecond())).map_err(|_| {
                CommandError::Field {
                    field,
                    message: "write RFC 3339 with an offset, e.g. 2026-10-05T10:00:00+08:00".into(),
                }
            })
        })
        .transpose()
}

fn query(normalizer: &Normalizer, request: &Value, now: Wall) -> Result<RecordQuery, CommandError> {
    let month = std::time::Duration::from_secs(31 * 86_400);
    Ok(RecordQuery {
        number: text(request, "number").map(|typed| {
            let dialed = normalizer.read(typed);
            dialed.list_key().unwrap_or(typed).to_owned()
        }),
        device: text(request, "device").map(str::to_owned),
        from: instant(request, "from")?.unwrap_or(now.before(month)),
        to: instant(request, "to")?.unwrap_or(Wall(i64::MAX)),
        limit: request
            .get("limit")
            .and_then(Value::as_u64)
            .map_or(100, |n| usize::try_from(n).unwrap_or(usize::MAX).min(100_000)),
    })
}

fn show(store: &Store, request: &Value, who: &str, now: Wall) -> Result<Value, CommandError> {
    let field = |message: &str| CommandError::Field { field: "id", message: message.to_owned() };
    let id = text(request, "id").ok_or_else(|| field("a call id is needed"))?;
    let uuid: CallId = id.parse().map_err(|_| field("a call id is a UUID"))?;
    let Some(call) = store.show(uuid, who, now)? else {
        return Err(CommandError::NotFound(format!("call {id}")));
    };
    let mut value = to_value(&call_to_pb(&call, View::Full));
    if let Some(decision) = call.decision_id
        && let Some(decision) = store.show_decision(decision, who, now)?
    {
        value["decision"] = to_value(&decision_to_pb(&decision, View::Full));
    }
    Ok(value)
}

fn to_value<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// A number as the holder of the key sees it.
fn number(party: &Party) -> String {
    party.e164.as_ref().map_or_else(|| party.raw.reveal().clone(), |n| n.reveal().as_str().into())
}

fn record_json(row: &RecordRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "direction": row.direction.name(),
        "from": number(&row.from),
        "to": number(&row.to),
        "device": row.device,
        "trunk": row.trunk,
        "started": row.started.rfc3339(),
        "answered": row.answered.map(Wall::rfc3339),
        "ended": row.ended.map(Wall::rfc3339),
        "ring_ms": row.ring_ms,
        "talk_ms": row.talk_ms,
        "cause": row.cause.as_ref().map(|c| json!({
            "csta": c.csta.name(),
            "sip_status": c.sip_status,
            "q850": c.q850,
            "text": c.text,
        })),
        "decision_id": row.decision_id.map(|d| d.to_string()),
    })
}

fn dnc_json(entry: &DncEntry) -> Value {
    let whom = match entry.scope {
        DncScope::Number => ("number", number(&entry.number)),
        DncScope::Customer => ("customer", entry.number.raw.reveal().clone()),
    };
    let mut line = json!({
        "ref": entry.key().to_string(),
        "scope": entry.scope.name(),
        "purpose": entry.purpose,
        "until": entry.until,
        "reason": entry.reason,
        "tag": entry.tag(),
        "source": entry.source,
        "asked_at": entry.asked_at.rfc3339(),
        "added_by": entry.added_by,
    });
    line[whom.0] = whom.1.into();
    if let Some(removed) = &entry.removed {
        line["removed"] = json!({
            "at": removed.at.rfc3339(), "reason": removed.reason, "by": removed.by,
            "approved_by": removed.approved_by,
        });
    }
    line
}

/// The key of the number, customer or reference that a request names.
pub(super) fn list_key(
    store: &Store,
    read: &dyn Fn(&str) -> Dialed,
    request: &Value,
) -> Result<NumberRef, CommandError> {
    let field = |field, message: &str| CommandError::Field { field, message: message.to_owned() };
    let refs = store.list_refs();
    match (text(request, "number"), text(request, "customer"), text(request, "ref")) {
        (Some(typed), None, None) => {
            let key = read(typed).list_key().map(|key| refs.number_ref(key));
            key.ok_or_else(|| field("number", "no outside number: write E.164 or as dialled"))
        }
        (None, Some(name), None) => Ok(refs.customer_ref(name)),
        (None, None, Some(hex)) => {
            NumberRef::parse(hex).ok_or_else(|| field("ref", "32 hex digits"))
        }
        _ => Err(field("number", "one of number, customer, ref")),
    }
}
