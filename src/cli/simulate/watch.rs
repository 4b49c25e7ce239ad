//! The account of the calls: what a supervisor's desk is told.

use crate::cli::demo::out::say;
use crate::sim::{DeskCommand, DeskReport, DeskSub, play_desk};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Calls that are told apart by number; beyond, the oldest are forgotten.
const KNOWN_MAX: usize = 10_000;

/// The desk, and what it has been told.
pub(super) struct Watch {
    /// Kept: the desk ends with it.
    _orders: mpsc::Sender<DeskCommand>,
    account: Arc<Mutex<Account>>,
}

impl Watch {
    /// Connects; prints unless `quiet`.
    pub async fn start(url: String, token: String, quiet: bool) -> Self {
        let (orders, inbox) = mpsc::channel(4);
        let sub = |id: &str, topic: &str| DeskSub {
            id: id.to_owned(),
            topic: topic.to_owned(),
            view: "masked".to_owned(),
        };
        let subs = vec![sub("calls", "site:calls"), sub("agents", "site:agents")];
        let _ = orders.send(DeskCommand::Connect { url, token, subs }).await;
        let account = Arc::new(Mutex::new(Account::default()));
        let told = account.clone();
        tokio::spawn(play_desk(inbox, move |report| {
            if let DeskReport::Frame { frame } = report {
                let line = told.lock().unwrap_or_else(PoisonError::into_inner).tell(&frame);
                line.into_iter().filter(|_| !quiet).for_each(|line| say!("{line}"));
            }
            true
        }));
        Self { _orders: orders, account }
    }

    /// What it was told, in a line.
    pub fn summary(&self) -> String {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).summary()
    }
}

/// Calls, counted; each once, whatever is told of it again.
#[derive(Debug, Default)]
struct Account {
    numbers: BTreeMap<String, u64>,
    count: u64,
    inbound: BTreeSet<String>,
    outbound: BTreeSet<String>,
    answered: BTreeSet<String>,
    abandoned: u64,
    refused: u64,
}

impl Account {
    fn summary(&self) -> String {
        let answered = |calls: &BTreeSet<String>| calls.intersection(&self.answered).count();
        format!(
            "inbound {}, answered {}, gave up {}; outbound {}, answered {}, refused {}",
            self.inbound.len(),
            answered(&self.inbound),
            self.abandoned,
            self.outbound.len(),
            answered(&self.outbound),
            self.refused
        )
    }

    /// The line that a frame is worth.
    fn tell(&mut self, frame: &Value) -> Option<String> {
        if frame["t"] != "ev" {
            return None;
        }
        let (kind, entity) = (frame["k"].as_str()?, &frame["o"]);
        let text = match kind.split_once('.')? {
            ("call", what) => self.call(what, entity, &frame["d"])?,
            ("outbound", "denied") => {
                self.refused += 1;
                format!("gate: refused, {}", entity["day_class"].as_str().unwrap_or("no day"))
            }
            ("agent", state) => {
                let reason = entity["reason"].as_str().filter(|r| !r.is_empty());
                let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
                let state = state.replace('_', " ");
                format!("{:<26}  {state}{reason}", entity["id"].as_str()?)
            }
            _ => return None,
        };
        let clock = frame["ts"].as_str()?.get(11..21).unwrap_or_default();
        Some(format!("{clock}  {text}"))
    }

    fn call(&mut self, what: &str, call: &Value, detail: &Value) -> Option<String> {
        let id = call["id"].as_str()?;
        let number = self.number(id);
        let inbound = call["direction"] == "inbound";
        let leg = detail["leg"]
            .as_str()
            .and_then(|leg| call["legs"].as_array()?.iter().find(|l| l["id"] == leg));
        let agent = leg.filter(|leg| leg["role"] == "agent").and_then(|leg| leg["device"].as_str());
        let at = agent.map_or_else(String::new, |device| format!(" {device}"));
        let text = match what {
            "originated" => {
                let calls = if inbound { &mut self.inbound } else { &mut self.outbound };
                calls.insert(id.to_owned());
                "calls".to_owned()
            }
            "queued" => format!("waits in {}", call["queue"].as_str().unwrap_or("a queue")),
            "delivered" if agent.is_some() || !inbound => format!("rings{at}"),
            "established" if agent.is_some() || !inbound => {
                self.answered.insert(id.to_owned());
                format!("answered{at}")
            }
            "held" | "retrieved" | "transferred" | "conferenced" => format!("{what}{at}"),
            "abandoned" => {
                self.abandoned += 1;
                "gives up".to_owned()
            }
            "cleared" => format!("over: {}", call["cause"]["csta"].as_str().unwrap_or("unknown")),
            _ => return None,
        };
        let side = |name: &str| call[name]["masked"].as_str().unwrap_or("?").to_owned();
        let way = if inbound { "in " } else { "out" };
        let parties = format!("{way} {} > {}", side("from"), side("to"));
        Some(format!("#{number:<4} {parties:<24}  {text}"))
    }

    fn number(&mut self, id: &str) -> u64 {
        if self.numbers.len() >= KNOWN_MAX {
            self.numbers.pop_first();
        }
        let count = &mut self.count;
        *self.numbers.entry(id.to_owned()).or_insert_with(|| {
            *count += 1;
            *count
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn ev(kind: &str, leg: &str) -> Value {
        json!({"t": "ev", "ts": "2026-01-05T02:30:07.120000Z", "k": kind, "d": {"leg": leg}, "o": {
            "id": "c", "direction": "inbound", "from": {"masked": "138****8000"},
            "to": {"masked": "95501"}, "queue": "support",
            "legs": [{"id": "1", "role": "customer"}, {"id": "2", "role": "trunk", "device": "95501"},
                {"id": "3", "role": "agent", "device": "1001"}]}})
    }

    #[test]
    fn a_call_is_counted_once_and_answered_by_an_agent_alone() {
        let mut account = Account::default();
        let told = account.tell(&ev("call.originated", "1")).unwrap();
        assert_eq!(told, "02:30:07.1  #1    in  138****8000 > 95501   calls");
        assert_eq!(account.tell(&ev("call.established", "2")), None, "the PBX itself");
        let told = account.tell(&ev("call.delivered", "3")).unwrap();
        assert!(told.ends_with("rings 1001"), "{told}");
        for _ in 0..2 {
            account.tell(&ev("call.established", "3")).unwrap();
        }
        let said = account.summary();
        assert!(said.starts_with("inbound 1, answered 1, gave up 0"), "{said}");
    }
}
