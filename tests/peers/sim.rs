//! The scripted SIP peers as processes that call each other directly.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longest wait for a report; far beyond what any script here takes.
const PATIENCE: Duration = Duration::from_secs(20);

struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    reports: Receiver<Value>,
}

impl Peer {
    fn start(kind: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(["peer", kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let reports = read(child.stdout.take().unwrap());
        Self { child, input, reports }
    }

    fn order(&mut self, order: Value) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{order}").unwrap();
    }

    fn hear(&self, what: &str) -> Value {
        loop {
            let report = self.reports.recv_timeout(PATIENCE).expect(what);
            assert_ne!(report["ev"], "trouble", "{report}");
            if report["ev"] == what {
                return report;
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(serde_json::from_str(&line).unwrap());
        }
    });
    receiver
}

fn pair() -> (Peer, Peer) {
    let (mut carrier, phones) = (Peer::start("carrier"), Peer::start("phones"));
    let addr = phones.hear("listening")["addr"].clone();
    carrier.hear("listening");
    carrier.order(json!({"do":"server","addr":addr}));
    (carrier, phones)
}

#[test]
fn a_call_is_answered_held_and_ended_over_real_sockets() {
    let (mut carrier, mut phones) = pair();
    let plan = json!({"then":{"answer":{"after_ms":100}},"talk_ms":400,
        "hold":{"after_ms":50,"for_ms":100}});
    phones.order(json!({"do":"behave","user":"8001","plan":plan}));
    // Orders travel by two pipes: let the plan arrive before the call does.
    std::thread::sleep(Duration::from_millis(300));
    carrier.order(json!({"do":"call","id":"c","from":"+8613800138000","to":"8001"}));
    assert_eq!(phones.hear("incoming")["to"], "8001");
    assert_eq!(carrier.hear("progress")["status"], 180);
    assert_eq!(carrier.hear("answered")["id"], "c");
    assert_eq!(carrier.hear("held")["by"], "peer");
    carrier.hear("retrieved");
    let ended = carrier.hear("ended");
    assert_eq!((&ended["by"], &ended["reason"]), (&json!("peer"), &json!(NORMAL)));
    assert_eq!(phones.hear("ended")["by"], "us");
}

const NORMAL: &str = "Q.850;cause=16;text=\"Normal call clearing\"";

#[test]
fn busy_and_unknown_extensions_reject() {
    let (mut carrier, _phones) = pair();
    carrier.order(json!({"do":"call","id":"b","from":"1","to":"8010"}));
    let failed = carrier.hear("failed");
    assert_eq!((&failed["status"], &failed["phrase"]), (&json!(486), &json!("Busy Here")));
    carrier.order(json!({"do":"call","id":"u","from":"1","to":"7777"}));
    assert_eq!(carrier.hear("failed")["status"], 404);
}

#[test]
fn a_peer_ends_with_its_input_and_takes_its_calls_down() {
    let (mut carrier, mut phones) = pair();
    let plan = json!({"then":{"answer":{"after_ms":10}}});
    phones.order(json!({"do":"behave","user":"8001","plan":plan}));
    std::thread::sleep(Duration::from_millis(300));
    carrier.order(json!({"do":"call","id":"c","from":"1","to":"8001"}));
    carrier.hear("answered");
    carrier.order(json!({"nonsense":true}));
    drop(carrier.input.take());
    assert_eq!(phones.hear("ended")["by"], "peer");
    carrier.hear("bye");
    assert!(carrier.child.wait().unwrap().success());
}
