//! Real peers on both sides: Kamailio as the carrier, baresip as the telephone of the PBX.

#![allow(clippy::unwrap_used)]

use crate::support::baresip::Baresip;
use crate::support::kamailio::{Carrier, Kamailio};
use crate::support::process::poll_until;
use crate::support::{Pki, Sipp, Site, SiteOptions, Story, WORKDAY_MORNING};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

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
    dials_out(&site, "udp");
}

/// The PBX's telephone calls the customer behind the carrier, talks and hangs up.
fn dials_out(site: &Site, transport: &str) {
    let callee = Sipp::callee("callee-answers", subscriber(site)).with("RING", 200).start();
    let mut phone = Baresip::start(site.net.pbx(), site.net.trunkline(), transport, false);
    let mut tail = site.tail(None);
    let to = format!("sip:{CUSTOMER}@{};transport={transport}", site.net.trunkline());
    phone.order("dial", &to);
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

const PASSWORD: &str = "an agreed one";

/// A carrier reached by TLS that asks for a password, and a PBX reached by TCP.
fn secure_options() -> SiteOptions {
    SiteOptions {
        default_purpose: Some("service"),
        failover_ms: 4000,
        pbx_over: "tcp:",
        carrier_over: "tls:",
        listen: &["tcp", "tls"],
        // baresip binds no address for a connection: the kernel takes the loopback network's first.
        pbx_keys: "sources = [\"PBX\", \"127.0.0.1\"]",
        carrier_keys: "tls_names = [\"carrier.example\"]\nusername = \"4001\"\n\
            password_file = \"carrier.password\"\n\
            register = { aor = \"sip:4001@carrier.example\", expires_s = 60 }",
        sip_keys: "drain_s = 0\n[sip.tls]\ncert = \"DIR/trunk.pem\"\nkey = \"DIR/trunk.key\"\n\
            ca = \"DIR/ca.pem\"\nclient_ca = \"DIR/ca.pem\"",
        ..SiteOptions::default()
    }
}

fn tls_at(site: &Site) -> SocketAddr {
    SocketAddr::new(site.carrier().ip(), 5061)
}

fn secure_site() -> Site {
    let site = Site::with(&secure_options());
    // Kamailio writes no port of its own into Record-Route where that is 5060, TLS or not.
    let config = std::fs::read_to_string(site.config()).unwrap();
    let (plain, secure) = (format!("tls:{}", site.carrier()), format!("tls:{}", tls_at(&site)));
    assert!(config.contains(&plain));
    std::fs::write(site.config(), config.replace(&plain, &secure)).unwrap();
    let pki = Pki::new(site.dir());
    pki.issue("trunk", "trunk.example");
    pki.issue("carrier", "carrier.example");
    let file = site.path("carrier.password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    site
}

/// It listens on TLS for trunkline and on UDP for its subscriber.
fn secure_carrier(site: &Site, algorithm: &str) -> Kamailio {
    let inside = site.carrier();
    Kamailio::start(&Carrier {
        listen: format!("tls:{}\nlisten=udp:{inside}", tls_at(site)),
        ready: inside,
        trunkline: (site.net.trunkline_over("tls"), ";transport=tls"),
        subscriber: subscriber(site),
        asks: Some((PASSWORD, algorithm)),
        tls: Some((site.path("carrier.pem"), site.path("carrier.key"))),
    })
}

#[test]
fn a_challenging_carrier_by_tls_and_a_telephone_by_tcp_outbound() {
    for algorithm in ["SHA-256", "MD5"] {
        let site = secure_site();
        let _carrier = secure_carrier(&site, algorithm);
        let _server = site.serve(WORKDAY_MORNING);
        let registered = || site.metric("trunkline_line_registered") == 1.0;
        assert!(poll_until(Duration::from_secs(10), registered), "{}", site.line("main"));
        dials_out(&site, "tcp");
        assert!(site.metric("trunkline_sip_challenges_answered_total") >= 2.0, "{algorithm}");
    }
}

#[test]
fn a_carrier_by_tls_and_a_telephone_by_tcp_inbound() {
    let site = secure_site();
    let _carrier = secure_carrier(&site, "SHA-256");
    let _server = site.serve(WORKDAY_MORNING);
    site.until_line("main", "in_service");
    let _phone = Baresip::start(site.net.pbx(), site.net.trunkline(), "tcp", true);
    let mut tail = site.tail(None);
    let story = "caller-talks-and-hangs-up";
    Sipp::caller(story, subscriber(&site), site.carrier(), [CUSTOMER, AGENT])
        .with("TALK", 200)
        .run();
    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing");
}
