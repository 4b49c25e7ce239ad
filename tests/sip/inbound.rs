//! Calls that come in from a carrier, against the real binary.

#![allow(clippy::unwrap_used)]

use crate::support::{Sipp, Site, SiteOptions, Story, Ua, WORKDAY_MORNING};

const CUSTOMER: &str = "13800138000";
const SERVICE_NUMBER: &str = "95519";
const CALL: [&str; 2] = [CUSTOMER, SERVICE_NUMBER];

fn caller(story: &str, site: &Site) -> Sipp {
    Sipp::caller(story, site.carrier(), site.carrier_side(), CALL)
}

#[test]
fn answered_and_hung_up_by_the_customer() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-answers", site.net.pbx()).with("RING", 400).start();
    caller("caller-talks-and-hangs-up", &site).with("TALK", 300).run();
    callee.finish();

    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing")
        .assert_ms("ring_ms", 400, 150)
        .assert_ms("talk_ms", 300, 150);
    let call = story.call();
    assert_eq!(call["direction"], "inbound");
    assert_eq!(call["trunk"], "main");
    assert_eq!(call["from"]["e164"], "+8613800138000");
    assert_eq!(call["dialed"]["raw"], SERVICE_NUMBER);
    assert_eq!(call["rings"], 1, "a ring cycle is 5 s: {call}");
    assert_eq!(call["answered_in_time"], serde_json::Value::Null, "no agent leg was seen");
    let ring = story.of_kind("call.delivered");
    assert_eq!(ring["d"]["sip_status"], 180);
    assert_eq!(ring["d"]["time_quality"], "measured");
    assert_eq!(story.of_kind("call.connection_cleared")["d"]["leg"], "1", "the customer first");
    assert_eq!(server.stop(), Some(0), "SIGTERM drains");
}

#[test]
fn answered_and_hung_up_by_the_agent() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-answers-and-hangs-up", site.net.pbx());
    let callee = callee.with("RING", 200).with("TALK", 200).start();
    caller("caller-talks-until-the-callee-hangs-up", &site).run();
    callee.finish();

    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("agent", "normalClearing");
    assert_eq!(story.call()["cause"]["q850"], 16, "the BYE's Reason is kept");
    assert_eq!(story.of_kind("call.connection_cleared")["d"]["leg"], "2", "the agent first");
}

#[test]
fn busy() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-refuses", site.net.pbx());
    let callee = callee.with("STATUS", "486 Busy Here").with("REASON", "Reason: Q.850;cause=17");
    let callee = callee.start();
    let heard = caller("caller-is-refused", &site).with("STATUS", "486").run();
    callee.finish();

    assert!(heard.iter().any(|m| m.starts_with("SIP/2.0 486 Busy Here")), "{heard:?}");
    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated failed connection_cleared connection_cleared cleared")
        .assert_ended("agent", "busy");
    assert_eq!(story.of_kind("call.failed")["d"]["sip_status"], 486);
    assert_eq!(story.call()["ring_ms"], serde_json::Value::Null, "it never rang");
}

#[test]
fn abandoned_while_ringing() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let customer = caller("caller-gives-up", &site).with("RING", 400).start();
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "180 Ringing", "pbx", "");
    let cancel = pbx.expect("CANCEL ");
    assert_eq!(cancel.values("Via").len(), 1, "CANCEL is hop by hop (RFC 3261 §9.1)");
    pbx.answer(&cancel, "200 OK", "pbx", "");
    pbx.answer(&invite, "487 Request Terminated", "pbx", "");
    pbx.expect("ACK ");
    let heard = customer.finish();

    assert!(heard.iter().any(|m| m.starts_with("SIP/2.0 487")), "{heard:?}");
    Story::single(tail.finished_calls(1))
        .assert_is("originated delivered abandoned connection_cleared connection_cleared cleared")
        .assert_ended("customer", "callCancelled")
        .assert_ms("ring_ms", 400, 150);
}

#[test]
fn rings_and_nobody_answers() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-rings-and-refuses", site.net.pbx()).with("RING", 500);
    let callee = callee
        .with("STATUS", "480 Temporarily Unavailable")
        .with("REASON", "Reason: Q.850;cause=19;text=\"No answer\"")
        .start();
    caller("caller-is-refused", &site).with("STATUS", "480").run();
    callee.finish();

    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated delivered failed connection_cleared connection_cleared cleared")
        .assert_ended("agent", "callNotAnswered")
        .assert_ms("ring_ms", 500, 150);
    assert_eq!(story.call()["cause"]["q850"], 19);
    assert_eq!(story.call()["cause"]["text"], "No answer");
}

#[test]
fn from_a_carrier_on_ipv6_to_a_pbx_on_ipv4() {
    let site = Site::with(&SiteOptions { carrier_v6: true, ..SiteOptions::default() });
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-answers", site.net.pbx()).with("RING", 100).start();
    caller("caller-talks-and-hangs-up", &site).with("TALK", 100).run();
    let seen = callee.finish();

    assert!(seen.iter().any(|m| m.starts_with("BYE ")), "BYE crosses the families: {seen:?}");
    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing");
    assert_eq!(story.call()["trunk"], "main");
}

#[test]
fn calls_in_parallel_do_not_mix() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let dialogs: Vec<_> = (0..20)
        .map(|n| {
            crate::support::Dialog::caller(&customer, CUSTOMER, SERVICE_NUMBER, &format!("par{n}"))
        })
        .collect();
    for dialog in &dialogs {
        customer.send(&dialog.invite());
    }
    // Every second call is answered, the others are refused.
    for n in 0..dialogs.len() {
        let invite = pbx.expect("INVITE ");
        pbx.answer(&invite, "180 Ringing", "pbx", "");
        let status = if n % 2 == 0 { "200 OK" } else { "603 Decline" };
        pbx.answer(&invite, status, "pbx", "");
    }
    let mut answered = 0;
    for _ in 0..dialogs.len() {
        let response = final_of_invite(&customer);
        let id = response.value("Call-ID");
        let dialog = dialogs.iter().find(|d| d.call_id() == id).unwrap();
        if response.first_line().contains("200") {
            answered += 1;
            let mut dialog = dialog.clone();
            dialog.confirm(&response);
            customer.send(&dialog.ack());
            customer.send(&dialog.next("BYE", ""));
        } else {
            customer.send(&dialog.ack_refusal(&response));
        }
    }
    assert_eq!(answered, 10);
    for _ in 0..answered {
        let bye = pbx.expect("BYE ");
        pbx.answer(&bye, "200 OK", "", "");
    }
    let stories = Story::all(tail.finished_calls(20));
    assert_eq!(stories.len(), 20);
    let over = |kind: &str| stories.iter().filter(|s| s.kinds().contains(&kind)).count();
    assert_eq!((over("call.established"), over("call.failed")), (10, 10));
}

/// The next final response to an INVITE; provisional ones and those to a BYE are passed over.
fn final_of_invite(ua: &Ua) -> crate::support::Message {
    loop {
        let message = ua.expect("SIP/2.0 ");
        let provisional = message.first_line().starts_with("SIP/2.0 1");
        if !provisional && message.value("CSeq").ends_with("INVITE") {
            return message;
        }
    }
}
