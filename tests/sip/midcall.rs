//! What happens between answer and end.

#![allow(clippy::unwrap_used)]

use crate::support::ua::session;
use crate::support::{Dialog, Sipp, Site, Story, Ua, WORKDAY_MORNING};

#[test]
fn held_and_retrieved_by_the_agent() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let carrier = Sipp::callee("callee-is-held-and-retrieved", site.carrier());
    let carrier = carrier.with("RING", 100).start();
    let call = ["1001", "13800138000"];
    Sipp::caller("caller-holds-and-retrieves", site.net.pbx(), site.net.trunkline(), call)
        .header("X-Trunkline-Purpose: service")
        .with("HOLD", 400)
        .run();
    carrier.finish();

    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is(
            "outbound.requested outbound.allowed originated delivered established held retrieved \
             connection_cleared connection_cleared cleared",
        )
        .assert_ended("agent", "normalClearing")
        .assert_ms("hold_ms", 400, 150)
        .assert_ms("talk_ms", 800, 250);
    let held = story.of_kind("call.held");
    assert_eq!(held["o"]["state"], "hold");
    assert_eq!(held["d"]["leg"], "1", "the agent's side holds");
    assert_eq!(story.of_kind("call.retrieved")["o"]["state"], "connected");
}

#[test]
fn a_refused_hold_is_no_hold() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let mut here = Dialog::caller(&customer, "13800138000", "95519", "glare");
    customer.send(&here.invite());
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "180 Ringing", "pbx", "");
    pbx.answer(&invite, "200 OK", "pbx", &session(pbx.address, "sendrecv"));
    here.confirm(&customer.expect("SIP/2.0 200"));
    customer.send(&here.ack());
    pbx.expect("ACK ");
    let mut there = Dialog::callee(&pbx, &invite, "pbx");
    pbx.send(&there.next("INVITE", &session(pbx.address, "sendonly")));
    let hold = customer.expect("INVITE ");
    customer.answer(&hold, "491 Request Pending", "", "");
    pbx.expect("SIP/2.0 491");
    customer.expect("ACK ");
    customer.send(&here.next("BYE", ""));
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");

    let story = Story::single(tail.finished_calls(1));
    story.assert_is(
        "originated delivered established connection_cleared connection_cleared cleared",
    );
    assert_eq!(story.call()["hold_ms"].as_u64().unwrap_or(0), 0);
}
