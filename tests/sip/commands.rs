//! Commands of a real desk on the real binary: accepted, durable, answered, and never twice, also
//! over a crash.

#![allow(clippy::unwrap_used)]

use crate::support::{Desk, Site, SiteOptions, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);
const A_MINUTE_LATER: &str = "2026-11-23T10:01:00+08:00";
const LOGIN: &str = "0198c0de-0000-7000-8000-000000000001";
const LUNCH: &str = "0198c0de-0000-7000-8000-000000000002";
const NEVER: &str = "0198c0de-0000-7000-8000-000000000003";

fn site() -> Site {
    let sections = "[agents]\nnot_ready_reasons = [\"lunch\"]\n\
                    [agent.alice]\nname = \"Alice\"\ndevice = \"PJSIP/1001\"\nteam = \"day\"\n";
    Site::with(&SiteOptions { sections, ..SiteOptions::default() })
}

fn token(site: &Site, agent: &str, role: &str) -> String {
    let mint = ["token", "mint", "--subject", agent, "--agent", agent, "--devices", "1001"];
    let at = ["--role", role, "--at", WORKDAY_MORNING];
    let minted = site.run(&[mint.as_slice(), at.as_slice()].concat());
    String::from_utf8(minted.stdout).unwrap().trim().to_owned()
}

fn frame<'a>(t: &'a str, id: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |frame| frame["t"] == t && (frame["id"] == id || frame["ref"] == id)
}

fn ev(kind: &str) -> impl Fn(&Value) -> bool + '_ {
    move |frame| frame["t"] == "ev" && frame["k"] == kind
}

#[test]
fn an_agent_goes_to_lunch_once_and_a_crash_does_not_change_it() {
    let site = site();
    let server = site.serve(WORKDAY_MORNING);
    let token = token(&site, "alice", "agent");
    let mut desk = Desk::agent(site.net.http(), &token, json!([]));
    // In the snapshot, or in the event that was told at the start: whichever the desk meets.
    let alice = |agent: &Value| agent["id"] == "alice" && agent["name"] == "Alice";
    desk.expect("the agent", WITHIN, |f| alice(&f["agents"][0]) || alice(&f["o"]));

    let login = json!({"t": "cmd", "id": LOGIN, "op": "agent.login", "args": {"state": "ready"}});
    desk.say(login.clone());
    let ack = desk.expect("ack", WITHIN, frame("ack", LOGIN));
    let on = desk.expect("agent.logged_on", WITHIN, ev("agent.logged_on"));
    assert_eq!(on["caused_by"], LOGIN);
    let ready = desk.expect("agent.ready", WITHIN, ev("agent.ready"));
    assert_eq!(
        (&ready["o"]["state"], &ready["o"]["changed_by"]),
        (&json!("ready"), &json!("agent"))
    );
    let result = desk.expect("result", WITHIN, frame("result", LOGIN));
    assert_eq!(result["status"], "ok");
    let pos = |frame: &Value| frame["pos"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(pos(&ack) < pos(&on) && pos(&on) < pos(&result), "{ack} {on} {result}");

    desk.say(json!({"t": "cmd", "id": LUNCH, "op": "agent.state",
        "args": {"state": "not_ready", "reason": "lunch"}}));
    desk.expect("result", WITHIN, frame("result", LUNCH));
    // The same again is answered as before; another body under its id is a mistake.
    desk.say(login.clone());
    desk.expect("ack of before", WITHIN, frame("ack", LOGIN));
    desk.expect("result of before", WITHIN, frame("result", LOGIN));
    desk.say(json!({"t": "cmd", "id": LOGIN, "op": "agent.logout"}));
    let err = desk.expect("err", WITHIN, frame("err", LOGIN));
    assert_eq!(err["code"], "IDEMPOTENCY_MISMATCH");
    drop(desk);
    server.kill();

    let _server = site.serve(A_MINUTE_LATER);
    let mut tail = site.tail(Some(0));
    let mut desk = Desk::agent(site.net.http(), &token, json!([LOGIN, NEVER, "nonsense"]));
    let welcome = desk.expect("welcome", WITHIN, |f| f["t"] == "welcome");
    let standing: Vec<_> = welcome["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["id"].as_str().unwrap(), c["status"].as_str().unwrap()))
        .collect();
    assert_eq!(standing, [(LOGIN, "ok"), (NEVER, "unseen")]);
    let snap = desk.expect("snapshot of the agent", WITHIN, |f| {
        f["t"] == "snap" && f["sub"] == "a" && f["last"] == true
    });
    let agent = &snap["agents"][0];
    assert_eq!((&agent["state"], &agent["reason"]), (&json!("not_ready"), &json!("lunch")));
    desk.say(login);
    desk.expect("result of before", WITHIN, frame("result", LOGIN));
    desk.say(json!({"t": "cmd", "id": NEVER, "op": "agent.state", "args": {"state": "ready"}}));
    desk.expect("agent.ready", WITHIN, ev("agent.ready"));
    tail.until_kind("agent.ready", 2);
    let events = tail.settle(Duration::from_millis(300));
    let logged_on = events.iter().filter(|e| e["k"] == "agent.logged_on").count();
    assert_eq!(logged_on, 1, "a command is carried out once");
}

#[test]
fn a_desk_hears_why_its_command_is_refused() {
    let site = site();
    let _server = site.serve(WORKDAY_MORNING);
    let token = token(&site, "alice", "agent");
    let mut desk = Desk::agent(site.net.http(), &token, json!([]));
    let call = "0198c0de-0000-7000-8000-0000000000ff";
    for (cmd, code) in [
        (json!({"op": "call.fax"}), "BAD_REQUEST"),
        (json!({"op": "call.hold", "target": {"call": call}}), "NOT_FOUND"),
        (json!({"op": "agent.login", "target": {"agent": "bob"}}), "FORBIDDEN"),
        (json!({"op": "call.dial", "args": {"to": "13800138000"}}), "BAD_REQUEST"),
        (json!({"op": "agent.login", "not_after": "2026-11-23T01:00:00Z"}), "EXPIRED"),
        (json!({"op": "agent.login", "if": {"rev": 77}}), "CONFLICT"),
    ] {
        let mut cmd = cmd;
        (cmd["t"], cmd["id"]) = (json!("cmd"), json!(NEVER));
        desk.say(cmd.clone());
        let err = desk.expect("err", WITHIN, frame("err", NEVER));
        assert_eq!(err["code"], code, "{cmd}");
        if code == "CONFLICT" {
            assert_eq!(err["details"]["id"], "alice", "{err}");
        }
    }
    // What the state does not permit is known when it is carried out: it is a result.
    desk.say(json!({"t": "cmd", "id": NEVER, "op": "agent.state", "args": {"state": "ready"}}));
    let result = desk.expect("result", WITHIN, frame("result", NEVER));
    assert_eq!((&result["status"], &result["err"]["code"]), (&json!("failed"), &json!("CONFLICT")));
}

#[test]
fn commands_are_heard_by_their_user_alone() {
    let site = site();
    let _server = site.serve(WORKDAY_MORNING);
    let mut desk = Desk::agent(site.net.http(), &token(&site, "alice", "agent"), json!([]));
    let mut other = Desk::agent(site.net.http(), &token(&site, "chief", "auditor"), json!([]));
    other.expect("last snapshot", WITHIN, |f| f["t"] == "snap" && f["sub"] == "a");
    desk.expect("last snapshot", WITHIN, |f| f["t"] == "snap" && f["sub"] == "a");
    desk.say(json!({"t": "cmd", "id": LOGIN, "op": "agent.login"}));
    desk.expect("result", WITHIN, frame("result", LOGIN));
    let heard = other.drain(Duration::from_millis(500));
    let alien = |f: &&Value| matches!(f["t"].as_str(), Some("ack" | "result" | "ev"));
    assert_eq!(heard.iter().filter(alien).count(), 0, "{heard:?}");
}
