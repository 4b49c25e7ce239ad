//! Commands about carrier lines and control links.

use super::admin::{DURABLE_WAIT, Desk, send};
use super::commands::{CommandError, text};
use super::orders::Order;
use crate::io::admin::Answer;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use trunkline_core::model::{Line, LineOrder, Named, Reply};
use trunkline_core::wire::{line_to_pb, link_to_pb};

/// Longest wait for the engine itself.
pub(super) const ENGINE_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for a probe: the longest patience that can be configured, and some more.
const PROBE_WAIT: Duration = Duration::from_secs(35);

/// One line, or all.
pub(super) async fn show(
    desk: &Arc<Desk>,
    request: &Value,
    answer: &Answer,
) -> Result<(), CommandError> {
    let lines = match text(request, "name") {
        Some(name) => vec![line(desk, name).await?],
        None => lines(desk).await?,
    };
    for line in lines {
        let line = serde_json::to_value(line_to_pb(&line)).unwrap_or(Value::Null);
        send(answer, line).await?;
    }
    send(answer, json!({"done": true})).await
}

/// One control link, or all.
pub(super) async fn show_links(
    desk: &Arc<Desk>,
    request: &Value,
    answer: &Answer,
) -> Result<(), CommandError> {
    let (done, told) = oneshot::channel();
    let mut links = give(desk, Order::Links { done }, told, ENGINE_WAIT).await?;
    if let Some(name) = text(request, "name") {
        let names: Vec<String> = links.iter().map(|l| l.id.clone()).collect();
        links.retain(|l| l.id == name || l.pbx == name);
        if links.is_empty() {
            let known = names.join(", ");
            return Err(CommandError::NotFound(format!("link {name} (there are: {known})")));
        }
    }
    for link in links {
        let link = serde_json::to_value(link_to_pb(&link)).unwrap_or(Value::Null);
        send(answer, link).await?;
    }
    send(answer, json!({"done": true})).await
}

/// One probe of each of its addresses, now.
pub(super) async fn test(
    desk: &Arc<Desk>,
    request: &Value,
    answer: &Answer,
) -> Result<(), CommandError> {
    let name = line(desk, name(request)?).await?.id;
    let (done, tested) = oneshot::channel();
    let answers = give(desk, Order::TestLine { name, done }, tested, PROBE_WAIT).await?;
    let alive = answers.iter().any(|a| a.alive);
    for tested in answers {
        let (status, rtt_us) = match &tested.reply {
            Reply::Final { status, rtt, .. } => (Some(*status), Some(rtt.as_micros() as u64)),
            Reply::Silent | Reply::Unsent(_) => (None, None),
        };
        let line = json!({
            "endpoint": tested.endpoint,
            "alive": tested.alive,
            "answer": tested.reply.to_string(),
            "status": status,
            "rtt_us": rtt_us,
        });
        send(answer, line).await?;
    }
    send(answer, json!({"done": true, "alive": alive})).await
}

/// Takes a line out or back in: audited first, durable before it is confirmed.
pub(super) async fn order(
    desk: &Arc<Desk>,
    request: &Value,
    who: &str,
    answer: &Answer,
) -> Result<(), CommandError> {
    let name = line(desk, name(request)?).await?.id;
    let order = text(request, "order").and_then(LineOrder::parse_name).ok_or_else(|| {
        CommandError::Field { field: "order", message: "serve, drain or maintain".to_owned() }
    })?;
    let audit = {
        let (desk, who, name) = (desk.clone(), who.to_owned(), name.clone());
        move || {
            let (action, object) = (format!("trunk.{}", order.name()), format!("line={name}"));
            desk.store.audit(&who, &action, &object, desk.clock.wall())
        }
    };
    let stopped = |_| CommandError::Unavailable("the command was ended".to_owned());
    tokio::task::spawn_blocking(audit).await.map_err(stopped)??;
    let (done, durable) = oneshot::channel();
    let given = Order::Line { name: name.clone(), order, who: who.to_owned(), done };
    let pos = give(desk, given, durable, DURABLE_WAIT).await?;
    let state = line(desk, &name).await?;
    let line = json!({
        "done": true,
        "pos": pos.to_string(),
        "state": state.state.name(),
        "reason": state.reason,
    });
    send(answer, line).await
}

fn name(request: &Value) -> Result<&str, CommandError> {
    let message = "the name of a line is needed".to_owned();
    text(request, "name").ok_or(CommandError::Field { field: "name", message })
}

async fn line(desk: &Desk, name: &str) -> Result<Line, CommandError> {
    let lines = lines(desk).await?;
    let names: Vec<String> = lines.iter().map(|l| l.id.clone()).collect();
    lines.into_iter().find(|l| l.id == name).ok_or_else(|| {
        CommandError::NotFound(format!("line {name} (there are: {})", names.join(", ")))
    })
}

async fn lines(desk: &Desk) -> Result<Vec<Line>, CommandError> {
    let (done, told) = oneshot::channel();
    give(desk, Order::Lines { done }, told, ENGINE_WAIT).await
}

pub(super) async fn give<T>(
    desk: &Desk,
    order: Order,
    answer: oneshot::Receiver<T>,
    wait: Duration,
) -> Result<T, CommandError> {
    let unavailable = |why: &str| CommandError::Unavailable(why.to_owned());
    if !desk.orders.give(order) {
        return Err(unavailable("the engine takes no orders"));
    }
    match tokio::time::timeout(wait, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(unavailable("the server is stopping")),
        Err(_) => Err(unavailable("the engine or the journal has not answered in time")),
    }
}
