//! A desktop's orders reach the telephones.

use crate::place::{LinkedBy, Place, a_moment};
use crate::support::{Desk, Story};
use crate::told::{leg_as, leg_of, of_leg};
use crate::trunk::{calls, hangs_up, picked_up, takes};
use serde_json::{Value, json};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const WITHIN: Duration = Duration::from_secs(20);
const DIAL: &str = "0198c0de-0000-7000-8000-0000000000d1";
const SEND: &str = "0198c0de-0000-7000-8000-0000000000d2";
const END: &str = "0198c0de-0000-7000-8000-0000000000d3";

/// The desk of the agent at 1001.
fn desk(place: &Place) -> Desk {
    let mint = ["token", "mint", "--subject", "alice", "--agent", "alice", "--devices", "1001"];
    let minted = place.site.run(&[mint.as_slice(), &["--role", "agent"]].concat());
    let token = String::from_utf8(minted.stdout).unwrap();
    let mut desk = Desk::agent(place.site.net.http(), token.trim(), json!([]));
    desk.expect("welcome", WITHIN, |frame| frame["t"] == "welcome");
    desk
}

fn result(desk: &mut Desk, id: &str) -> Value {
    let done = |f: &Value| f["t"] == "result" && f["id"] == id || f["ref"] == id;
    desk.expect("a result", WITHIN, done)
}

fn dials(by: LinkedBy) {
    let place = Place::linked(by, "");
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut desk = desk(&place);
    let args = json!({"to": format!("0{CUSTOMER}"), "purpose": "service"});
    desk.say(json!({"t": "cmd", "id": DIAL, "op": "call.dial", "args": args}));
    agent.rings(0);
    agent.answer(0);
    let invite = carrier.expect_within("INVITE ", WITHIN);
    assert!(invite.first_line().contains(CUSTOMER), "{}", invite.text);
    assert!(!invite.text.contains("X-Trunkline"), "{}", invite.text);
    takes(&carrier, &invite);
    let done = result(&mut desk, DIAL);
    assert_eq!(done["status"], "ok", "{done}; {:?}", tail.settle(Duration::from_millis(300)));
    agent.hang_up(0);
    let bye = carrier.expect("BYE ");
    carrier.answer(&bye, "200 OK", "", "");
    let all = Story::all(tail.finished_calls(1));
    let outside = all.iter().find(|s| s.call()["id"] == done["call_id"]);
    let story = outside.unwrap_or_else(|| panic!("{done} names no call"));
    story.assert_ended("agent", "normalClearing");
    assert_eq!(story.call()["direction"], "outbound");
    assert!(story.kinds().contains(&"outbound.allowed"), "{:?}", story.kinds());
    let customer = of_leg(story, leg_as(story, "customer"));
    assert_eq!(customer, "delivered established connection_cleared");
    assert_eq!(leg_of(story, "1001")["role"], "agent");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_desktop_dials_over_ami() {
    dials(LinkedBy::Ami);
}

#[test]
fn a_desktop_dials_over_ari() {
    dials(LinkedBy::Ari);
}

#[test]
fn a_desktop_sends_a_call_on_and_ends_another() {
    let place = Place::linked(LinkedBy::Ami, "");
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let customer = place.customer();
    let mut tail = place.site.tail(None);
    let mut desk = desk(&place);
    let mut dialog = calls(&customer, "1001");
    one.rings(0);
    one.answer(0);
    picked_up(&customer, &mut dialog);
    let call = desk.expect("the answer", WITHIN, |f| f["k"] == "call.established")["o"].clone();
    let target = json!({"call": call["id"]});
    let args = json!({"to": "1002"});
    desk.say(json!({"t": "cmd", "id": SEND, "op": "call.transfer.blind", "target": target,
        "args": args}));
    assert_eq!(result(&mut desk, SEND)["status"], "ok");
    two.rings(0);
    two.answer(0);
    one.ended(0);
    a_moment();
    hangs_up(&customer, &mut dialog);
    let story = Story::single(tail.finished_calls(1));
    let left = of_leg(&story, leg_of(&story, "1001"));
    assert_eq!(left, "delivered established transferred connection_cleared");
    let took = of_leg(&story, leg_of(&story, "1002"));
    assert_eq!(took, "delivered established connection_cleared");

    let asked = one.dial("1002");
    two.rings(1);
    two.answer(1);
    one.connected(asked);
    let own = |f: &Value| f["k"] == "call.established" && f["o"]["direction"] == "internal";
    let call = desk.expect("the second answer", WITHIN, own)["o"].clone();
    let target = json!({"call": call["id"]});
    desk.say(json!({"t": "cmd", "id": END, "op": "call.hangup", "target": target}));
    assert_eq!(result(&mut desk, END)["status"], "ok");
    one.ended(asked);
    two.ended(1);
    place.assert_asterisk_is_idle();
}
