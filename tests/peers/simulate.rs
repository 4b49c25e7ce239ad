//! `trunkline simulate` as the developer of a desktop uses it.

use crate::support::{Desk, Net};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);

/// A running simulation; it is killed when it is dropped.
struct Simulation {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    at: SocketAddr,
    _net: Net,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Simulation {
    fn start(more: &[&str]) -> Self {
        let net = Net::claim();
        let at = net.http();
        let mut child = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(["simulate", "--listen", &at.to_string(), "--dials-a-minute", "0"])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = child.stdout.take().unwrap();
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, input, lines, at, _net: net }
    }

    fn line(&self, with: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(WITHIN) {
                Ok(line) if line.contains(with) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no line with {with:?}: {seen:#?}"),
            }
        }
    }

    fn order(&mut self, order: &str) {
        writeln!(self.input, "{order}").unwrap();
    }

    /// What `--json` prints first.
    fn told(&self) -> Value {
        serde_json::from_str(&self.line("{")).unwrap()
    }
}

/// A desktop of the developer's.
struct Own {
    desk: Desk,
    commands: u32,
    /// Position of the newest event that was waited for: an event may come before the result of
    /// the command that led to it.
    looked: u64,
}

impl Own {
    fn connect(simulation: &Simulation, told: &Value, agent: usize) -> Self {
        let token = told["agents"][agent]["token"].as_str().unwrap();
        Self { desk: Desk::agent(simulation.at, token, json!([])), commands: 0, looked: 0 }
    }

    /// Sends a command; its result.
    fn command(&mut self, op: &str, target: Value, args: Value) -> Value {
        self.commands += 1;
        let id = format!("0198c0de-0000-7000-8000-{:012}", self.commands);
        self.desk.say(json!({"t":"cmd","id":id,"op":op,"target":target,"args":args}));
        self.desk.expect(op, WITHIN, |f| {
            (f["t"] == "result" && f["id"] == id) || (f["t"] == "err" && f["ref"] == id)
        })
    }

    fn does(&mut self, op: &str, target: Value, args: Value) {
        let result = self.command(op, target, args);
        assert_eq!(result["status"], "ok", "{op}: {result:#}");
    }

    fn next(&mut self, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        let pos = |f: &Value| f["pos"].as_str().unwrap().parse::<u64>().unwrap();
        let looked = self.looked;
        let is = |f: &Value| f["t"] == "ev" && pos(f) > looked && like(f);
        let found = self.desk.seen().iter().find(|f| is(f)).cloned();
        let found = found.unwrap_or_else(|| self.desk.expect(what, WITHIN, is));
        self.looked = pos(&found);
        found
    }

    fn event(&mut self, kind: &str) -> Value {
        self.next(kind, |f| f["k"] == kind)
    }

    /// A leg at this telephone does this.
    fn own(&mut self, kind: &str, device: &str) -> Value {
        self.next(kind, |f| {
            let legs = f["o"]["legs"].as_array().map_or(&[][..], Vec::as_slice);
            let leg = legs.iter().find(|leg| leg["id"] == f["d"]["leg"]);
            f["k"] == kind && leg.is_some_and(|leg| leg["device"] == device)
        })
    }

    fn ready(&mut self) {
        self.does("agent.login", json!({}), json!({"state": "ready"}));
        self.event("agent.ready");
    }

    /// A call rings and is answered by command; its id.
    fn answers(&mut self) -> Value {
        let rings = self.own("call.delivered", "1001");
        let call = json!({"call": rings["o"]["id"]});
        self.does("call.answer", call.clone(), json!({}));
        self.own("call.established", "1001");
        call
    }
}

#[test]
fn a_desktop_logs_in_answers_holds_and_sends_on_a_call_of_a_customer() {
    let more = ["--json", "--agents", "2", "--queues", "support", "--answer", "200ms"];
    let more = [&more[..], &["--calls-a-minute", "0", "--talk", "60s", "--wrap-up", "1s"]].concat();
    let mut simulation = Simulation::start(&more);
    let told = simulation.told();
    assert_eq!(told["url"], format!("ws://{}/v1/events", simulation.at));
    let mut own = Own::connect(&simulation, &told, 0);
    own.ready();

    // To the queue, whose other agent is another's: the number of the own telephone.
    simulation.order("call +8613800138000 1001");
    let call = own.answers();
    own.does("call.hold", call.clone(), json!({}));
    own.event("call.held");
    own.does("call.retrieve", call.clone(), json!({}));
    own.event("call.retrieved");
    own.does("call.dtmf", call.clone(), json!({"digits": "12"}));
    own.does("call.data", call.clone(), json!({"key": "contract", "value": "A-7"}));
    let data = own.event("call.data_updated");
    assert_eq!(data["o"]["data"]["contract"], "A-7");
    own.does("call.transfer.blind", call.clone(), json!({"to": "1002"}));
    let sent = own.event("call.transferred");
    assert_eq!(sent["o"]["id"], call["call"]);
    let work = own.event("agent.working_after_call");
    assert_eq!(work["o"]["last_call_id"], call["call"]);
    own.event("agent.ready");
}

#[test]
fn a_desktop_consults_joins_and_dials() {
    let more = ["--json", "--agents", "2", "--queues", "support", "--answer", "200ms"];
    let more = [&more[..], &["--calls-a-minute", "0", "--talk", "60s", "--wrap-up", "1s"]].concat();
    let mut simulation = Simulation::start(&more);
    let told = simulation.told();
    let mut own = Own::connect(&simulation, &told, 0);
    own.ready();

    simulation.order("call +8613800138000 1001");
    let call = own.answers();
    own.does("call.transfer.consult", call.clone(), json!({"to": "1002"}));
    own.own("call.established", "1002");
    own.does("call.transfer.cancel", call.clone(), json!({}));
    own.does("call.transfer.consult", call.clone(), json!({"to": "1002"}));
    own.own("call.established", "1002");
    own.does("call.transfer.complete", call.clone(), json!({}));
    own.event("call.transferred");
    own.event("agent.ready");

    own.does("call.dial", json!({}), json!({"to": "13900139000", "purpose": "service"}));
    let dialled = own.event("call.established");
    assert_eq!(dialled["o"]["direction"], "outbound", "{dialled:#}");
    own.does("call.hangup", json!({"call": dialled["o"]["id"]}), json!({}));
    let over = own.event("call.cleared");
    assert_eq!(over["o"]["id"], dialled["o"]["id"]);
    own.does("agent.logout", json!({}), json!({}));
    own.event("agent.logged_off");
}

#[test]
fn virtual_agents_take_calls_a_slow_queue_is_slow_and_a_broken_link_comes_back() {
    let more = ["--agents", "3", "--desks", "0", "--answer", "100ms", "--talk", "1s"];
    let times = ["--calls-a-minute", "120", "--wrap-up", "1s", "--slow-queue", "sales=60s"];
    let mut simulation = Simulation::start(&[&more[..], &times].concat());
    simulation.line("export TRUNKLINE_URL=ws://");
    simulation.line("waits in sales");
    simulation.line("answered 100");
    simulation.line("over: normalClearing");
    simulation.order("drop 1s");
    simulation.line("breaks for 1s");
    simulation.line("link to the PBX is up");
    simulation.line("answered 100");
    simulation.order("nonsense");
    simulation.line("is no order");
    simulation.order("quit");
    let total = simulation.line("inbound ");
    let calls: u32 = total["inbound ".len()..].split(',').next().unwrap().parse().unwrap();
    assert!(calls >= 4, "{total}");
    assert!(simulation.child.wait().unwrap().success());
}

#[test]
fn it_ends_by_itself_and_leaves_nothing_behind() {
    let simulation = Simulation::start(&["--json", "--for", "1s", "--calls-a-minute", "60"]);
    let config = simulation.told()["config"].as_str().unwrap().to_owned();
    let folder = std::path::Path::new(&config).parent().unwrap().to_owned();
    assert!(folder.is_dir());
    let mut simulation = simulation;
    assert!(simulation.child.wait().unwrap().success());
    assert!(!folder.exists(), "{folder:?} is still there");
}

#[test]
fn only_loopback_is_taken() {
    let refused = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(["simulate", "--listen", "192.0.2.1:8443"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("loopback"));
}

/// All that does not wait for heartbeats, which come each 10 s.
const QUICK: &str = "subprotocol,first,long-hello,bad-token,order,tolerance,resumed,other-epoch,\
    ahead,other-scope,subscribe,second-hello,replaced,bad-command";

fn check_server(url: &str, token: &std::path::Path, script: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(["conform", url, "--token-file"])
        .arg(token)
        .args(["--json", "--script", script])
        .output()
        .unwrap()
}

#[test]
fn the_server_keeps_the_contract_that_it_checks_clients_for() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token");
    let simulation = Simulation::start(&["--json", "--calls-a-minute", "60"]);
    let told = simulation.told();
    std::fs::write(&file, told["agents"][0]["token"].as_str().unwrap()).unwrap();
    let done = check_server(told["url"].as_str().unwrap(), &file, QUICK);
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{text}");
    assert_eq!(text.matches("\"verdict\":\"pass\"").count(), 14, "{text}");
    // With a token of nobody the server refuses all that needs one.
    std::fs::write(&file, "no.such.token").unwrap();
    let done = check_server(told["url"].as_str().unwrap(), &file, "bad-token,order");
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("\"verdict\":\"pass\"").count(), 1, "{text}");
    assert!(text.contains("in place of welcome"), "{text}");
}
