//! What the admin socket does in a running server.

use super::audit;
use super::commands::{CommandError, instant, revocation, store_command, text};
use super::error::AppError;
use super::orders::{Order, Orders};
use super::rules::Rules;
use super::running::reload;
use crate::io::admin::{Answer, Handler, error_line};
use crate::io::clock::Clock;
use crate::io::desk::DeskAuth;
use crate::io::sip::Tls;
use crate::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, oneshot};
use trunkline_core::engine::PartyMaker;
use trunkline_core::gate::{Ask, Given, Normalizer};
use trunkline_core::model::{Committed, DncEntry, Event, Pos, Wall};
use trunkline_core::wire::{View, event_to_json};

/// Do-not-call entries in one event.
const DNC_GROUP: usize = 500;
/// Longest wait for an entry to be durable.
pub(super) const DURABLE_WAIT: Duration = Duration::from_secs(10);
/// Events read from the journal at once.
const PAGE: usize = 500;

/// What commands need.
pub(super) struct Desk {
    pub store: Store,
    pub clock: Clock,
    pub orders: Orders,
    pub committed: broadcast::Sender<Committed>,
    pub head: Arc<dyn Fn() -> Pos + Send + Sync>,
    /// Makes parties keyed for the do-not-call list.
    pub list_parties: PartyMaker,
    pub normalizer: Normalizer,
    /// The gate's.
    pub rules: Arc<Rules>,
    /// Who desks are.
    pub auth: Arc<DeskAuth>,
    /// Certificates of SIP.
    pub tls: Option<Arc<Tls>>,
}

/// The socket's handler.
pub(super) fn handler(desk: Arc<Desk>) -> Handler {
    Arc::new(move |request, who, answer| {
        let desk = desk.clone();
        Box::pin(async move {
            if let Err(error) = serve(&desk, request, &who, &answer).await {
                let line = error_line(error.code(), &error.to_string());
                let _ = answer.send(line).await; // the client may have gone
            }
        })
    })
}

async fn serve(
    desk: &Arc<Desk>,
    request: Value,
    who: &str,
    answer: &Answer,
) -> Result<(), CommandError> {
    match text(&request, "cmd").unwrap_or_default() {
        "tail" => tail(desk, &request, answer).await,
        "dnc.add" => {
            let entry = entry(desk, &request, who)?;
            let until = entry.until.clone();
            let pos = add(desk, vec![entry]).await?;
            let line = json!({"done": true, "pos": pos.to_string(), "until": until});
            send(answer, line).await
        }
        "reload" => {
            let failed = |e: AppError| CommandError::Unavailable(e.to_string());
            let rules = desk.rules.reload(&desk.orders);
            reload(desk.tls.as_deref()).map_err(failed)?;
            rules.map_err(failed)?;
            let keys = desk.auth.reload();
            let done =
                json!({"done": true, "rules": true, "tls": desk.tls.is_some(), "keys": keys});
            send(answer, done).await
        }
        "trunk.show" => super::trunk::show(desk, &request, answer).await,
        "trunk.test" => super::trunk::test(desk, &request, answer).await,
        "trunk.order" => super::trunk::order(desk, &request, who, answer).await,
        "link.show" => super::trunk::show_links(desk, &request, answer).await,
        "token.revoke" => revoke(desk, &request, who, answer).await,
        "dnc.import" => import(desk, &request, who, answer).await,
        "audit.export" if audit::wants_clear(&request) => {
            audit::export_clear(desk, request, who, answer).await
        }
        _ => {
            let (desk, who) = (desk.clone(), who.to_owned());
            let (answers, done) = (answer.clone(), answer);
            let work = move || {
                let now = desk.clock.wall();
                store_command(&desk.store, &desk.normalizer, &request, &who, now, &mut |line| {
                    let _ = answers.blocking_send(line); // the client may have gone
                })
            };
            let stopped = |_| CommandError::Unavailable("the command was ended".to_owned());
            tokio::task::spawn_blocking(work).await.map_err(stopped)??;
            send(done, json!({"done": true})).await
        }
    }
}

/// Kept first: what is said to be revoked stays so over a restart.
async fn revoke(
    desk: &Arc<Desk>,
    request: &Value,
    who: &str,
    answer: &Answer,
) -> Result<(), CommandError> {
    let row = revocation(request, desk.clock.wall())?;
    let (store, who) = (desk.store.clone(), who.to_owned());
    let kept = tokio::task::spawn_blocking(move || store.revoke(row, &who)).await;
    kept.map_err(|_| CommandError::Unavailable("the command was ended".to_owned()))??;
    let closed = desk.auth.revoke(super::auth::revocation(row));
    send(answer, json!({ "closed": closed })).await?;
    send(answer, json!({"done": true})).await
}

pub(super) async fn send(answer: &Answer, line: Value) -> Result<(), CommandError> {
    let gone = |_| CommandError::Unavailable("the client has gone".to_owned());
    answer.send(line).await.map_err(gone)
}

/// Events as they become durable; with `from`, those after that position first.
async fn tail(desk: &Arc<Desk>, request: &Value, answer: &Answer) -> Result<(), CommandError> {
    let mut live = desk.committed.subscribe();
    let head = (desk.head)();
    let from = match text(request, "from") {
        Some(from) => Pos(from.parse().map_err(|_| CommandError::Field {
            field: "from",
            message: "a position is a decimal number".to_owned(),
        })?),
        None => head,
    };
    send(answer, json!({"t": "tail", "pos": from.to_string()})).await?;
    let mut sent = catch_up(desk, from, head, answer).await?;
    loop {
        match live.recv().await {
            Ok(committed) => {
                for event in committed.events.iter().filter(|e| e.pos > sent) {
                    send_event(answer, event).await?;
                }
                sent = committed.events.last().map_or(sent, |e| e.pos.max(sent));
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {
                sent = catch_up(desk, sent, (desk.head)(), answer).await?;
            }
            Err(broadcast::error::RecvError::Closed) => return Ok(()),
        }
    }
}

/// Reads the journal from `from` (exclusive) through `to`.
async fn catch_up(
    desk: &Arc<Desk>,
    mut from: Pos,
    to: Pos,
    answer: &Answer,
) -> Result<Pos, CommandError> {
    while from < to {
        let store = desk.store.clone();
        let read = tokio::task::spawn_blocking(move || store.read(from, PAGE)).await;
        let stopped = |_| CommandError::Unavailable("the read was ended".to_owned());
        let events = read.map_err(stopped)??;
        let Some(last) = events.last().map(|e| e.pos) else { break };
        for event in &events {
            send_event(answer, event).await?;
        }
        from = last;
    }
    Ok(from.max(to))
}

async fn send_event(answer: &Answer, event: &Event) -> Result<(), CommandError> {
    let json = event_to_json(event, View::Full);
    send(answer, serde_json::from_str(&json).unwrap_or(Value::Null)).await
}

/// One do-not-call entry from a request or a row of an import.
fn entry(desk: &Desk, row: &Value, who: &str) -> Result<DncEntry, CommandError> {
    let field = |field, message: &str| CommandError::Field { field, message: message.to_owned() };
    let number = text(row, "number").ok_or_else(|| field("number", "is missing"))?;
    let dialed = desk.list_parties.read(number);
    if dialed.list_key().is_none() {
        return Err(field("number", "no outside number: write E.164 or as dialled"));
    }
    let now = desk.clock.wall();
    let asked_at = instant(row, "asked_at")?.unwrap_or(now);
    let until = match text(row, "until") {
        Some("forever") => None,
        Some(day) => {
            let read = day.parse::<jiff::civil::Date>();
            let message = "a day is written YYYY-MM-DD; or forever";
            Some(read.map_err(|_| field("until", message))?.to_string())
        }
        None => {
            let ask = Ask {
                dialed: &dialed,
                purpose: Some("service"),
                ruleset: desk.rules.ruleset.as_deref(),
                number_ref: None,
                given: Given::default(),
            };
            desk.rules.book().blocked_until(&ask, "action:do_not_disturb", asked_at)
        }
    };
    Ok(DncEntry {
        number: desk.list_parties.with(number, "", &dialed),
        until,
        reason: text(row, "reason").unwrap_or("do_not_disturb").to_owned(),
        asked_at: Wall(asked_at.0),
        added_by: who.to_owned(),
    })
}

/// Gives entries to the engine and waits until they are durable.
async fn add(desk: &Desk, entries: Vec<DncEntry>) -> Result<Pos, CommandError> {
    let (done, durable) = oneshot::channel();
    if !desk.orders.give(Order::Dnc { entries, done }) {
        return Err(CommandError::Unavailable("the engine takes no orders".to_owned()));
    }
    match tokio::time::timeout(DURABLE_WAIT, durable).await {
        Ok(Ok(pos)) => Ok(pos),
        Ok(Err(_)) => Err(CommandError::Unavailable("the server is stopping".to_owned())),
        Err(_) => Err(CommandError::Unavailable(
            "the numbers are blocked now, but the journal has not confirmed it within 10 s".into(),
        )),
    }
}

/// Rows of an import: good ones are taken, bad ones named by their line.
async fn import(
    desk: &Arc<Desk>,
    request: &Value,
    who: &str,
    answer: &Answer,
) -> Result<(), CommandError> {
    let rows = request.get("rows").and_then(Value::as_array).ok_or(CommandError::Field {
        field: "rows",
        message: "an array of rows is needed".to_owned(),
    })?;
    let (mut entries, mut bad) = (Vec::new(), Vec::new());
    for row in rows {
        match entry(desk, row, who) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                bad.push(json!({"line": row.get("line"), "error": error.to_string()}));
            }
        }
    }
    let taken = entries.len();
    let mut pos = Pos(0);
    while !entries.is_empty() {
        let rest = entries.split_off(entries.len().min(DNC_GROUP));
        pos = add(desk, std::mem::replace(&mut entries, rest)).await?;
    }
    let line = json!({"done": true, "taken": taken, "bad": bad, "pos": pos.to_string()});
    send(answer, line).await
}
