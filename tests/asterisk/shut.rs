//! The gate is shut, with a control link up; and calls that go out past it.

use crate::desktop::Desktop;
use crate::place::{LinkedBy, Place};
use crate::support::{Story, Ua};
use crate::told::{leg_as, leg_of, of_leg};
use crate::trunk::takes;
use serde_json::json;
use std::time::Duration;

const CUSTOMER: &str = "13800138000";

/// The customer wants no calls.
fn shut(by: LinkedBy) -> Place {
    let place = Place::linked(by, "");
    place.site.run(&["dnc", "add", CUSTOMER, "--reason", "do_not_disturb"]);
    place
}

fn refused_at_the_click(by: LinkedBy) {
    let place = shut(by);
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut desk = Desktop::open(&place);
    let args = json!({"to": format!("0{CUSTOMER}"), "purpose": "service"});
    let refused = desk.asks("call.dial", json!({}), args);
    assert_eq!(refused["status"], "failed", "{refused}");
    let error = &refused["err"];
    assert_eq!(error["code"], "POLICY_DENIED", "{refused}");
    assert!(error["msg"].as_str().unwrap().contains("dnc"), "{refused}");
    tail.until_kind("outbound.denied", 1);
    let events = tail.settle(Duration::from_millis(300));
    let denied = events.iter().find(|e| e["k"] == "outbound.denied").unwrap();
    assert_eq!(denied["o"]["id"], error["decision_id"]);
    assert_eq!(denied["caused_by"], refused["id"]);
    assert!(!events.iter().any(|e| e["k"].as_str().unwrap().starts_with("call.")), "{events:?}");
    assert_eq!(agent.calls(), 0, "nothing rings");
    assert_eq!(carrier.drain(Duration::from_millis(100)), Vec::<String>::new());
    place.assert_asterisk_is_idle();
}

#[test]
fn a_click_that_the_gate_refuses_rings_nowhere_over_ami() {
    refused_at_the_click(LinkedBy::Ami);
}

#[test]
fn a_click_that_the_gate_refuses_rings_nowhere_over_ari() {
    refused_at_the_click(LinkedBy::Ari);
}

fn refused_at_the_trunk(by: LinkedBy) {
    let place = shut(by);
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let call = agent.dial(&format!("0{CUSTOMER}"));
    assert_eq!(agent.refused(call), 403);
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("system", "policy_denied");
    assert_eq!(story.kinds()[..2], ["outbound.requested", "outbound.denied"]);
    assert!(!story.kinds().contains(&"outbound.ungated"), "{:?}", story.kinds());
    // The refusal may be quicker than the link: then its dialler is known by SIP alone.
    let leg = &story.call()["legs"][0];
    assert_eq!((&leg["device"], &leg["agent_id"]), (&json!("1001"), &json!("alice")));
    assert_eq!(leg["cause"]["sip_status"], 403, "{leg}");
    assert_eq!(of_leg(&story, leg), "failed connection_cleared");
    let leaked = carrier.drain(Duration::from_millis(100));
    assert!(!leaked.iter().any(|line| line.starts_with("INVITE")), "{leaked:?}");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_telephone_that_the_gate_refuses_hears_it_over_ami() {
    refused_at_the_trunk(LinkedBy::Ami);
}

#[test]
fn a_telephone_that_the_gate_refuses_hears_it_over_ari() {
    refused_at_the_trunk(LinkedBy::Ari);
}

/// Asterisk has another trunk, which trunkline is not in: 9 and a number.
pub const SIDE_DOOR: &str = "s/^match = \\(.*\\)/&\\n[side-door]\\ntype = endpoint\\n\
    transport = transport-udp\\ncontext = from-trunk\\nallow = alaw\\naors = side-door\\n\
    [side-door]\\ntype = aor\\ncontact = sip:\\1:5070/;\
    s/^\\[from-agents\\]/&\\nexten => _9X.,1,Dial(PJSIP\\/${EXTEN:1}@side-door,30)/";

fn past_the_gate(by: LinkedBy) {
    let place = Place::linked(by, SIDE_DOOR);
    let agent = place.phone("1001");
    let mut door = place.site.net.trunkline();
    door.set_port(5070);
    let carrier = Ua::bind(door, place.site.net.pbx());
    let mut tail = place.site.tail(None);
    let call = agent.dial(&format!("9{CUSTOMER}"));
    let invite = carrier.expect("INVITE ");
    takes(&carrier, &invite);
    agent.connected(call);
    tail.until_kind("outbound.ungated", 1);
    agent.hang_up(call);
    let bye = carrier.expect("BYE ");
    carrier.answer(&bye, "200 OK", "", "");
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("agent", "normalClearing");
    assert_eq!(story.call()["direction"], "outbound");
    // The decision that it would have had.
    let asked = |kind: &&&str| kind.starts_with("outbound.");
    let asked: Vec<&str> = story.kinds().iter().filter(asked).copied().collect();
    assert_eq!(asked, ["outbound.allowed", "outbound.ungated"]);
    let past = story.of_kind("outbound.ungated");
    assert_eq!(past["d"]["key"], "warn");
    let customer = leg_as(&story, "customer");
    assert_eq!(past["d"]["leg"], customer["id"]);
    assert_eq!(of_leg(&story, customer), "delivered established connection_cleared");
    assert_eq!(leg_of(&story, "1001")["role"], "agent");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_call_past_the_gate_is_told_over_ami() {
    past_the_gate(LinkedBy::Ami);
}

#[test]
fn a_call_past_the_gate_is_told_over_ari() {
    past_the_gate(LinkedBy::Ari);
}

/// `bypass = "clear"`: on a holiday Asterisk ends what has found another way, before it is answered.
#[test]
fn a_call_past_the_gate_is_ended() {
    let place = Place::clearing("2026-10-01T10:00:00+08:00", SIDE_DOOR);
    let agent = place.phone("1001");
    let mut door = place.site.net.trunkline();
    door.set_port(5070);
    let carrier = Ua::bind(door, place.site.net.pbx());
    let mut tail = place.site.tail(None);
    agent.dial(&format!("9{CUSTOMER}"));
    let invite = carrier.expect("INVITE ");
    carrier.answer(&invite, "180 Ringing", "cust", "");
    let cancel = carrier.expect_within("CANCEL ", Duration::from_secs(10));
    carrier.answer(&cancel, "200 OK", "cust", "");
    carrier.answer(&invite, "487 Request Terminated", "cust", "");
    let story = Story::single(tail.finished_calls(1));
    let asked = |kind: &&&str| kind.starts_with("outbound.");
    let asked: Vec<&str> = story.kinds().iter().filter(asked).copied().collect();
    assert_eq!(asked, ["outbound.denied", "outbound.ungated"]);
    assert_eq!(story.of_kind("outbound.ungated")["d"]["key"], "clear");
    assert_eq!(story.of_kind("outbound.denied")["o"]["day_class"], "holiday");
    assert!(!story.kinds().contains(&"established"), "{:?}", story.kinds());
    place.assert_asterisk_is_idle();
}
