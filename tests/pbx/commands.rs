//! A desk's commands through the real binary to a scripted Asterisk, and back as SIP.

use crate::ami::{AMI, LINK};
use crate::manager::{Manager, Mood};
use crate::site::Linked;
use crate::support::{Desk, Dialog, Peers, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);
const LOGIN: &str = "0198c0de-0000-7000-8000-000000000001";
const DIAL: &str = "0198c0de-0000-7000-8000-000000000002";
const AGENTS: &str = "[agent.alice]\ndevice = \"PJSIP/1001\"\nqueues = [\"support\"]\n";

pub fn desk(linked: &Linked) -> Desk {
    let mint = ["token", "mint", "--subject", "alice", "--agent", "alice", "--role", "agent"];
    let more = ["--devices", "1001", "--at", WORKDAY_MORNING];
    let minted = linked.site.run(&[mint.as_slice(), more.as_slice()].concat());
    let token = String::from_utf8(minted.stdout).unwrap();
    Desk::agent(linked.site.net.http(), token.trim(), json!([]))
}

fn result(id: &str) -> impl Fn(&Value) -> bool + '_ {
    move |frame| frame["t"] == "result" && frame["id"] == id
}

#[test]
fn a_login_reaches_the_queue_and_a_dial_comes_back_by_its_mark() {
    let linked = Linked::with(AMI, AGENTS);
    let manager = Manager::start(linked.pbx(5038), Mood::Fine);
    let linked = linked.serve();
    linked.until(LINK, "up", "in step");
    let mut desk = desk(&linked);

    desk.say(json!({"t": "cmd", "id": LOGIN, "op": "agent.login", "args": {"state": "ready"}}));
    let added = manager.expect("QueueAdd");
    assert!(added.contains(&"Queue: support".to_owned()), "{added:?}");
    assert!(added.contains(&"Interface: PJSIP/1001".to_owned()), "{added:?}");
    let login = desk.expect("result", WITHIN, result(LOGIN));
    assert_eq!(login["status"], "ok", "{login}");

    let args = json!({"to": "13800138000", "purpose": "service"});
    desk.say(json!({"t": "cmd", "id": DIAL, "op": "call.dial", "args": args}));
    let originate = manager.expect("Originate");
    assert!(originate.contains(&"Channel: PJSIP/1001".to_owned()), "{originate:?}");
    let mark = originate.iter().find_map(|line| line.split_once("MARK=")).expect("a mark").1;

    // The agent has answered, and the PBX calls the customer.
    let peers = Peers::of(&linked.site);
    let dialog = Dialog::caller(&peers.pbx, "1001", "13800138000", "dial");
    let invite = dialog.invite();
    let end = invite.find("\r\n").unwrap() + 2;
    let marked = format!("{}X-Trunkline-Mark: {mark}\r\n{}", &invite[..end], &invite[end..]);
    peers.pbx.send(&marked);
    let left = peers.customer.expect("INVITE ");
    assert!(!left.text.contains("X-Trunkline-Mark"), "it never leaves the site");
    let originated = desk.expect("call.originated", WITHIN, |f| f["k"] == "call.originated");
    assert_eq!(
        (&originated["caused_by"], &originated["o"]["purpose"]),
        (&json!(DIAL), &json!("service"))
    );
    let dialled = desk.expect("result", WITHIN, result(DIAL));
    assert_eq!((&dialled["status"], &dialled["call_id"]), (&json!("ok"), &originated["o"]["id"]));
    let busy = desk.seen().iter().any(|f| f["k"] == "agent.busy");
    assert!(busy, "the agent's phone dials");
}

#[test]
fn a_command_without_a_link_says_so() {
    let linked = Linked::with(AMI, AGENTS).serve();
    linked.until(LINK, "down", "cannot connect");
    let mut desk = desk(&linked);
    let args = json!({"to": "13800138000", "purpose": "service"});
    desk.say(json!({"t": "cmd", "id": DIAL, "op": "call.dial", "args": args}));
    let err = desk.expect("err", WITHIN, |f| f["t"] == "err" && f["ref"] == DIAL);
    assert_eq!((&err["code"], &err["retryable"]), (&json!("SWITCH_UNAVAILABLE"), &json!(true)));
}
