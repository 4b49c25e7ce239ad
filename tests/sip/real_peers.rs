//! Real peers on both sides: Kamailio as the carrier, baresip as the telephone of the PBX.

#![allow(clippy::unwrap_used)]

use crate::support::baresip::Baresip;
use crate::support::kamailio::{Carrier, Kamailio};
use crate::support::{Sipp, Site, SiteOptions, Story, WORKDAY_MORNING};
use std::net::SocketAddr;

const CUSTOMER: &str = "13800138000";
const AGENT: &str = "8001";

fn subscriber(site: &Site) -> SocketAddr {
    site.net.host(20)
}

fn carrier(site: &Site) -> Kamailio {
    let at = site.carrier();
    Kamailio::start(&Carrier {
        listen: format!("udp:{at}"),
        ready: at,
        trunkline: (site.net.trunkline(), ""),
        subscriber: subscriber(site),
        asks: None,
        tls: None,
    })
}

#[test]
fn an_inbound_call_through_kamailio_is_held_by_baresip_and_taken_back() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let _carrier = carrier(&site);
    let mut phone = Baresip::start(site.net.pbx(), site.net.trunkline(), "udp", false);
    let mut tail = site.tail(None);
    let story = "caller-is-held-and-retrieved";
    let call = Sipp::caller(story, subscriber(&site), site.carrier(), [CUSTOMER, AGENT]).start();
    phone.wait_for("CALL_INCOMING");
    phone.order("accept", "");
    phone.wait_for("CALL_ESTABLISHED");
    tail.until_kind("call.established", 1);
    phone.order("hold", "");
    tail.until_kind("call.held", 1);
    phone.order("resume", "");
    tail.until_kind("call.retrieved", 1);
    phone.order("hangup", "");
    call.finish();

    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is(
            "originated delivered established held retrieved connection_cleared \
             connection_cleared cleared",
        )
        .assert_ended("agent", "normalClearing");
    assert_eq!(story.call()["from"]["e164"], "+8613800138000");
}

#[test]
fn baresip_calls_out_through_the_gate_and_kamailio() {
    let options = SiteOptions { default_purpose: Some("service"), ..Default::default() };
    let site = Site::with(&options);
    let _server = site.serve(WORKDAY_MORNING);
    let _carrier = carrier(&site);
    let callee = Sipp::callee("callee-answers", subscriber(&site)).with("RING", 200).start();
    let mut phone = Baresip::start(site.net.pbx(), site.net.trunkline(), "udp", false);
    let mut tail = site.tail(None);
    phone.order("dial", &format!("sip:{CUSTOMER}@{}", site.net.trunkline()));
    phone.wait_for("CALL_ESTABLISHED");
    tail.until_kind("call.established", 1);
    phone.order("hangup", "");
    callee.finish();

    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is(
            "outbound.requested outbound.allowed originated delivered established \
             connection_cleared connection_cleared cleared",
        )
        .assert_ended("agent", "normalClearing");
}
