//! Lines that are known by a name (RFC 3263), against the real binary and a real name server.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::{Dialog, NameServer, Site, SiteOptions, Ua, WORKDAY_MORNING};
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(15);

fn site(listen: &'static [&'static str]) -> Site {
    Site::with(&SiteOptions {
        default_purpose: Some("service"),
        carrier_name: Some("carrier.example"),
        sip_keys: "[dns]\nservers = [\"NAMESERVER\"]\nttl_min_s = 1\ntimeout_ms = 300",
        listen,
        ..SiteOptions::default()
    })
}

fn until(site: &Site, metric: &str, value: f64) {
    let reached = poll_until(PATIENT, || site.metric(metric) == value);
    assert!(reached, "{metric} is {}, not {value}", site.metric(metric));
}

/// A call goes out, is expected and refused at `gateway`.
fn call_reaches(pbx: &Ua, gateway: &Ua, name: &str) {
    let dialog = Dialog::caller(pbx, "8001", "13800138000", name);
    pbx.send(&dialog.invite());
    let invite = gateway.expect_within("INVITE ", PATIENT);
    gateway.answer(&invite, "486 Busy Here", "gw", "");
    gateway.expect("ACK ");
    pbx.send(&dialog.ack_refusal(&pbx.expect("SIP/2.0 486")));
}

const TWO_GATEWAYS: &str = "host-record=gw1.carrier.example,HOST2
host-record=gw2.carrier.example,HOST5
srv-host=_sip._udp.carrier.example,gw2.carrier.example,5060,20,0
srv-host=_sip._udp.carrier.example,gw1.carrier.example,5060,10,5";

// proves: RFC 3263 §4.2
// proves: RFC 3263 §4.3
#[test]
fn gateways_are_tried_by_priority_and_heard_without_being_listed() {
    let site = site(&[]);
    let _names = NameServer::start(&site, TWO_GATEWAYS);
    let _server = site.serve(WORKDAY_MORNING);
    until(&site, "trunkline_dns_changes_total", 1.0);
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let first = Ua::bind(site.net.carrier(), site.net.trunkline());
    let second = Ua::bind(site.net.backup(), site.net.trunkline());
    call_reaches(&pbx, &first, "first");
    assert!(second.drain(Duration::from_millis(200)).is_empty());
    // The first one is silent.
    let dialog = Dialog::caller(&pbx, "8001", "13800138000", "second");
    pbx.send(&dialog.invite());
    first.expect("INVITE ");
    let invite = second.expect_within("INVITE ", PATIENT);
    second.answer(&invite, "486 Busy Here", "gw", "");
    pbx.expect("SIP/2.0 486");
    // Either gateway calls in.
    let inbound = Dialog::caller(&second, "13800138000", "95519", "in");
    second.send(&inbound.invite());
    pbx.expect("INVITE ");
    let stranger = Ua::bind(site.net.stranger(), site.net.trunkline());
    stranger.send(&Dialog::caller(&stranger, "1", "95519", "stranger").invite());
    until(&site, "trunkline_sip_unknown_source_total", 1.0);
}

#[test]
fn a_dead_name_server_takes_nothing_away_and_a_change_is_seen() {
    let site = site(&[]);
    let names = NameServer::start(&site, "host-record=carrier.example,HOST2");
    let _server = site.serve(WORKDAY_MORNING);
    until(&site, "trunkline_dns_changes_total", 1.0);
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let old = Ua::bind(site.net.carrier(), site.net.trunkline());
    let new = Ua::bind(site.net.backup(), site.net.trunkline());
    drop(names);
    until(&site, "trunkline_dns_failing", 1.0);
    call_reaches(&pbx, &old, "old");
    // The server lives again and knows nothing: that is no reason to forget either.
    let names = NameServer::start(&site, "host-record=other.example,HOST2");
    let failures = site.metric("trunkline_dns_failures_total");
    let more = || site.metric("trunkline_dns_failures_total") > failures + 1.0;
    assert!(poll_until(Duration::from_secs(40), more));
    call_reaches(&pbx, &old, "still");
    drop(names);
    let _names = NameServer::start(&site, "host-record=carrier.example,HOST5");
    let changed = || site.metric("trunkline_dns_changes_total") == 2.0;
    assert!(poll_until(Duration::from_secs(40), changed));
    assert_eq!(site.metric("trunkline_dns_failing"), 0.0);
    call_reaches(&pbx, &new, "new");
}

// proves: RFC 3263 §4.1
#[test]
fn naptr_chooses_the_transport() {
    let site = site(&["tcp"]);
    let records = "host-record=gw.carrier.example,HOST2
naptr-record=carrier.example,20,10,S,SIP+D2U,,_sip._udp.carrier.example
naptr-record=carrier.example,10,10,S,SIP+D2T,,_sip._tcp.carrier.example
srv-host=_sip._tcp.carrier.example,gw.carrier.example,5070,1,1";
    let _names = NameServer::start(&site, records);
    let _server = site.serve(WORKDAY_MORNING);
    until(&site, "trunkline_dns_changes_total", 1.0);
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let address = std::net::SocketAddr::new(site.net.carrier().ip(), 5070);
    let gateway = Ua::listen(address, site.net.trunkline());
    call_reaches(&pbx, &gateway, "tcp");
}

#[test]
fn until_a_name_is_resolved_its_line_carries_no_calls_and_the_rest_works() {
    let site = site(&[]);
    let server = site.serve(WORKDAY_MORNING);
    until(&site, "trunkline_dns_failing", 1.0);
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    pbx.send(&Dialog::caller(&pbx, "8001", "13800138000", "none").invite());
    let refusal = pbx.expect_within("SIP/2.0 4", PATIENT);
    assert!(!refusal.first_line().contains("403"), "{}", refusal.first_line());
    assert!(server.log().contains("name is not resolved"), "{}", server.log());
    assert_eq!(server.stop(), Some(0));
}
