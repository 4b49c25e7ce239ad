//! `trunkline tail --json`: the events as an operator sees them.

use super::process::end;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// After the last awaited event: time in which a surplus one would still show up.
const SETTLE: Duration = Duration::from_millis(300);

/// A running tail and what it has told.
pub struct Tail {
    child: Child,
    lines: Receiver<Value>,
    /// Position in the greeting.
    pub start_pos: u64,
    events: Vec<Value>,
    /// How many of each kind: looked up after each of many thousand events.
    kinds: HashMap<String, usize>,
}

impl Tail {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if tell.send(value).is_err() {
                    return;
                }
            }
        });
        let mut tail =
            Self { child, lines, start_pos: 0, events: Vec::new(), kinds: HashMap::new() };
        let greeting = tail.lines.recv_timeout(Duration::from_secs(10));
        let greeting = greeting.expect("tail says where it starts");
        assert_eq!(greeting["t"], "tail", "{greeting}");
        tail.start_pos = position(&greeting);
        tail
    }

    /// Collects until `done` says so; `what` names it in the failure.
    pub fn until(&mut self, what: &str, within: Duration, done: impl Fn(&[Value]) -> bool) {
        self.collect(what, within, |tail| done(&tail.events));
    }

    fn collect(&mut self, what: &str, within: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + within;
        while !done(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.push(line),
                Err(_) => panic!("no {what} in {within:?}; events:\n{}", self.describe()),
            }
        }
    }

    /// Waits for so many events of a kind in all.
    pub fn until_kind(&mut self, kind: &str, count: usize) {
        self.collect(&format!("{count} x {kind}"), Duration::from_secs(10), |tail| {
            tail.kinds.get(kind).copied().unwrap_or(0) >= count
        });
    }

    /// Everything so far, after so many calls have ended and nothing more came for a while.
    pub fn finished_calls(&mut self, count: usize) -> &[Value] {
        self.until_kind("call.cleared", count);
        self.settle(SETTLE)
    }

    /// Everything so far, after nothing more came for this long.
    pub fn settle(&mut self, quiet: Duration) -> &[Value] {
        while let Ok(line) = self.lines.recv_timeout(quiet) {
            self.push(line);
        }
        &self.events
    }

    pub fn last_pos(&self) -> u64 {
        self.events.last().map_or(self.start_pos, position)
    }

    fn push(&mut self, line: Value) {
        if line["t"] != "ev" {
            return; // heartbeats and the like
        }
        let (before, pos) = (self.last_pos(), position(&line));
        assert_eq!(pos, before + 1, "positions have no gap: {line}");
        let kind = line["k"].as_str().unwrap_or_default();
        *self.kinds.entry(kind.to_owned()).or_default() += 1;
        self.events.push(line);
    }

    fn describe(&self) -> String {
        let row = |e: &Value| format!("{} {} {}", e["pos"], e["k"], e["d"]);
        self.events.iter().map(row).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn position(line: &Value) -> u64 {
    line["pos"].as_str().and_then(|p| p.parse().ok()).expect("pos is a decimal string")
}
