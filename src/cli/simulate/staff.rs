//! Agents without a desktop of the developer's: each has a virtual one, over the desk protocol.

use super::site::Agent;
use crate::sim::{DeskCommand, DeskReport, DeskSub, play_desk};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use trunkline_core::model::Dice;

/// Orders that wait for a desk.
const ORDERS_MAX: usize = 16;
/// A virtual agent who was made not ready is ready again after this.
const BACK: Duration = Duration::from_secs(5);

/// A virtual desktop.
pub(super) struct Desk {
    orders: mpsc::Sender<DeskCommand>,
    ready: Arc<AtomicBool>,
}

/// An id for a command: UUIDv7 of the machine's clock.
pub(super) fn command_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 10];
    // Without entropy two commands of one millisecond would be one: the second is refused.
    let _ = getrandom::fill(&mut random);
    let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid().to_string()
}

fn command(op: &str, args: Value) -> DeskCommand {
    let frame = json!({ "t": "cmd", "id": command_id(), "op": op, "args": args });
    DeskCommand::Say { frame }
}

/// Connects; the agent logs in and stays ready.
pub(super) async fn seat(url: String, token: String) -> Desk {
    let (orders, mut taken) = mpsc::channel(ORDERS_MAX);
    let (told, mut tell) = mpsc::unbounded_channel();
    let subs = vec![DeskSub { id: "me".into(), topic: "agent:self".into(), view: String::new() }];
    let _ = orders.send(DeskCommand::Connect { url, token, subs }).await;
    let ready = Arc::new(AtomicBool::new(false));
    let told_ready = ready.clone();
    tokio::spawn(async move {
        let (inner, inbox) = mpsc::channel(ORDERS_MAX);
        tokio::spawn(play_desk(inbox, move |report| told.send(report).is_ok()));
        loop {
            tokio::select! {
                order = taken.recv() => match order {
                    Some(order) => if inner.send(order).await.is_err() { return },
                    None => return,
                },
                report = tell.recv() => match report {
                    Some(DeskReport::Frame { frame }) => {
                        if let Some(state) = state(&frame) {
                            told_ready.store(state == "ready", Ordering::Relaxed);
                        }
                        if let Some((op, wait)) = wanted(&frame) {
                            let (inner, order) = (inner.clone(), command(op, json!({"state": "ready"})));
                            tokio::spawn(async move {
                                tokio::time::sleep(wait).await;
                                let _ = inner.send(order).await;
                            });
                        }
                    }
                    Some(_) => {}
                    None => return,
                },
            }
        }
    });
    Desk { orders, ready }
}

/// The agent's state, if this frame tells it.
fn state(frame: &Value) -> Option<&str> {
    match frame["t"].as_str()? {
        "ev" if frame["k"].as_str()?.starts_with("agent.") => frame["o"]["state"].as_str(),
        "snap" => frame["agents"][0]["state"].as_str(),
        _ => None,
    }
}

/// What the agent does about it.
fn wanted(frame: &Value) -> Option<(&'static str, Duration)> {
    match state(frame)? {
        "logged_out" => Some(("agent.login", Duration::ZERO)),
        "not_ready" if frame["o"]["pending_state"].as_str().is_none_or(str::is_empty) => {
            Some(("agent.state", BACK))
        }
        _ => None,
    }
}

impl Desk {
    /// The agent dials, unless something else holds him.
    pub async fn dial(&self, to: &str) -> bool {
        let ready = self.ready.load(Ordering::Relaxed);
        if ready {
            let order = command("call.dial", json!({ "to": to, "purpose": "service" }));
            let _ = self.orders.send(order).await;
        }
        ready
    }
}

/// The virtual agents who dial by themselves.
pub(super) struct Dialling {
    pub desks: Vec<Desk>,
    pub dice: Dice,
}

impl Dialling {
    /// Somebody who is free dials a customer.
    pub async fn dial(&mut self) {
        if self.desks.is_empty() {
            return;
        }
        let count = self.desks.len();
        let first = usize::try_from(self.dice.throw()).unwrap_or(0) % count;
        let to = format!("139{:08}", self.dice.throw() % 100_000_000);
        for desk in self.desks.iter().cycle().skip(first).take(count) {
            if desk.dial(&to).await {
                return;
            }
        }
    }
}

/// Who needs a virtual desktop.
pub(super) fn without_desktop(agents: &[Agent]) -> impl Iterator<Item = &Agent> {
    agents.iter().filter(|agent| !agent.own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_logs_in_and_comes_back_by_himself() {
        let snap = |state: &str| json!({"t":"snap","agents":[{"state":state}],"last":true});
        let ev = |state: &str| json!({"t":"ev","k":"agent.x","o":{"state":state}});
        assert_eq!(wanted(&snap("logged_out")), Some(("agent.login", Duration::ZERO)));
        assert_eq!(wanted(&ev("not_ready")), Some(("agent.state", BACK)));
        assert_eq!(wanted(&ev("busy")), None);
        assert_eq!(wanted(&json!({"t":"hb"})), None);
        let id = command_id();
        assert_eq!((id.len(), &id[14..15]), (36, "7"), "{id}");
    }
}
