//! What the admin socket does in a running server.

use super::audit;
use super::commands::{CommandError, revocation, text};
use super::dry_run::site_command;
use super::error::AppError;
use super::lists::{Lists, Recorder};
use super::orders::Orders;
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
use tokio::sync::broadcast;
use trunkline_core::model::{Committed, Event, Pos};
use trunkline_core::wire::{View, event_to_json};

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
    /// The do-not-call list and registers.
    pub lists: Arc<Lists>,
    /// The gate's.
    pub rules: Arc<Rules>,
    /// Who desks are.
    pub auth: Arc<DeskAuth>,
    /// Certificates of SIP.
    pub tls: Option<Arc<Tls>>,
}

impl Desk {
    fn reconcile(&self, request: &Value, who: &str) -> Result<Value, CommandError> {
        let (book, plans) = (self.rules.book(), self.rules.plans());
        let place = super::reconcile::Place {
            config: self.rules.config(),
            store: &self.store,
            plans: &plans,
            book: &book,
            ruleset: self.rules.ruleset.as_deref(),
        };
        super::reconcile::reconcile_command(&place, request, who, self.clock.wall())
    }
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
            let mut line = desk.lists.add(&request, "cli", who).await?;
            line["done"] = true.into();
            send(answer, line).await
        }
        "dnc.import" => send(answer, desk.lists.import(request, who.to_owned()).await?).await,
        "dnc.stage" => send(answer, desk.lists.stage(request).await?).await,
        "dnc.commit" => send(answer, desk.lists.commit(request, who.to_owned()).await?).await,
        "dnc.remove" => {
            let mut line = desk.lists.remove(request, who.to_owned()).await?;
            line["done"] = true.into();
            send(answer, line).await
        }
        "claim.add" => {
            let by = Recorder { who: who.to_owned(), agent: None, source: "cli" };
            let mut line = desk.lists.add_claim(request, by).await?;
            line["done"] = true.into();
            send(answer, line).await
        }
        "claim.withdraw" => {
            let mut line = desk.lists.withdraw_claims(request, who.to_owned()).await?;
            line["done"] = true.into();
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
        "clock.show" => super::clock::show(desk, answer).await,
        "clock.confirm" => super::clock::confirm(desk, who, answer).await,
        "trunk.show" => super::trunk::show(desk, &request, answer).await,
        "trunk.test" => super::trunk::test(desk, &request, answer).await,
        "trunk.order" => super::trunk::order(desk, &request, who, answer).await,
        "link.show" => super::trunk::show_links(desk, &request, answer).await,
        "token.revoke" => revoke(desk, &request, who, answer).await,
        "gate.reconcile" => {
            let (desk, who) = (desk.clone(), who.to_owned());
            let work = move || desk.reconcile(&request, &who);
            let stopped = |_| CommandError::Unavailable("the command was ended".to_owned());
            send(answer, tokio::task::spawn_blocking(work).await.map_err(stopped)??).await?;
            send(answer, json!({"done": true})).await
        }
        "audit.export" if audit::wants_clear(&request) => {
            audit::export_clear(desk, request, who, answer).await
        }
        _ => {
            let (desk, who) = (desk.clone(), who.to_owned());
            let (answers, done) = (answer.clone(), answer);
            let work = move || {
                let now = desk.clock.wall();
                let plans = desk.rules.plans();
                let site = (&desk.store, &plans);
                site_command(desk.rules.config(), site, &request, &who, now, &mut |line| {
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
