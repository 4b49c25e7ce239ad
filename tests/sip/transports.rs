//! Calls over TCP, TLS and WebSocket, and from one transport to another, against the real binary.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::ua::session;
use crate::support::{Dialog, Net, Pki, Sipp, Site, SiteOptions, Story, Ua, WORKDAY_MORNING};
use nix::sys::signal::Signal;
use std::time::Duration;

const CALL: [&str; 2] = ["13800138000", "95519"];
const TOLD: &str = "originated delivered established connection_cleared connection_cleared cleared";

/// A call that `from` makes and ends.
fn call(from: &Ua, pbx: &Ua, name: &str) {
    let mut dialog = talk(from, pbx, name);
    from.send(&dialog.next("BYE", ""));
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");
    from.expect("SIP/2.0 200");
}

/// A call that `from` makes and that is answered.
fn talk(from: &Ua, pbx: &Ua, name: &str) -> Dialog {
    let mut dialog = Dialog::caller(from, CALL[0], CALL[1], name);
    from.send(&dialog.invite());
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "180 Ringing", "pbx", "");
    from.expect("SIP/2.0 180");
    pbx.answer(&invite, "200 OK", "pbx", &session(pbx.address, "sendrecv"));
    dialog.confirm(&from.expect("SIP/2.0 200"));
    from.send(&dialog.ack());
    pbx.expect("ACK ");
    dialog
}

fn site(listen: &'static [&'static str]) -> Site {
    Site::with(&SiteOptions { listen, ..SiteOptions::default() })
}

#[test]
fn sipp_calls_over_tcp_with_one_connection_and_with_one_a_call() {
    let site = Site::with(&SiteOptions {
        listen: &["tcp"],
        pbx_over: "tcp:",
        carrier_over: "tcp:",
        ..SiteOptions::default()
    });
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    for mode in ["t1", "tn"] {
        let callee = Sipp::callee("callee-answers", site.net.pbx()).with("RING", 50);
        let callee = callee.over("t1").calls(20, 50).start();
        let story = "caller-talks-and-hangs-up";
        Sipp::caller(story, site.carrier(), site.carrier_side(), CALL)
            .with("TALK", 50)
            .over(mode)
            .calls(20, 50)
            .run();
        callee.finish();
    }
    let stories = Story::all(tail.finished_calls(40));
    assert_eq!(stories.len(), 40);
    for story in &stories {
        story.assert_is(TOLD);
    }
    let accepted = site.metric("trunkline_sip_connections_accepted_total");
    assert!((21.0..=22.0).contains(&accepted), "one and twenty connections, not {accepted}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn from_udp_to_tcp_the_record_routes_name_both_sides() {
    let site =
        Site::with(&SiteOptions { listen: &["tcp"], pbx_over: "tcp:", ..SiteOptions::default() });
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::listen(site.net.pbx(), site.net.trunkline());
    let mut dialog = Dialog::caller(&customer, CALL[0], CALL[1], "mixed");
    customer.send(&dialog.invite());
    let invite = pbx.expect("INVITE ");
    let routes = invite.values("Record-Route").join(",");
    let routes: Vec<&str> = routes.split(',').collect();
    assert_eq!(routes.len(), 2, "RFC 3261 §16.6 item 4, double Record-Route: {routes:?}");
    assert!(routes[0].contains(";transport=tcp") && !routes[1].contains("transport"), "{routes:?}");
    assert!(invite.value("Via").starts_with("SIP/2.0/TCP"), "{}", invite.value("Via"));
    pbx.answer(&invite, "180 Ringing", "pbx", "");
    pbx.answer(&invite, "200 OK", "pbx", &session(pbx.address, "sendrecv"));
    customer.expect("SIP/2.0 180");
    dialog.confirm(&customer.expect("SIP/2.0 200"));
    customer.send(&dialog.ack());
    pbx.expect("ACK ");
    // The PBX ends it: its Routes lead back over UDP.
    let mut callee = Dialog::callee(&pbx, &invite, "pbx");
    pbx.send(&callee.next("BYE", ""));
    let bye = customer.expect("BYE ");
    customer.answer(&bye, "200 OK", "", "");
    pbx.expect("SIP/2.0 200");
    Story::single(tail.finished_calls(1)).assert_is(TOLD).assert_ended("agent", "normalClearing");
}

#[test]
fn from_tcp_on_ipv6_to_udp_on_ipv4() {
    let site = Site::with(&SiteOptions {
        listen: &["tcp"],
        carrier_v6: true,
        carrier_over: "tcp:",
        ..SiteOptions::default()
    });
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::connect(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    call(&customer, &pbx, "v6");
    Story::single(tail.finished_calls(1))
        .assert_is(TOLD)
        .assert_ended("customer", "normalClearing");
}

// proves: RFC 7118 §4.2
#[test]
fn a_websocket_client_calls() {
    let site = site(&["ws"]);
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::websocket(site.carrier(), site.net.trunkline_over("ws"));
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    call(&customer, &pbx, "ws");
    Story::single(tail.finished_calls(1)).assert_is(TOLD);
    assert_eq!(site.metric("trunkline_sip_connections_accepted_total"), 1.0);
}

const TLS: &str = r#"
[sip.tls]
cert = "DIR/trunk.pem"
key = "DIR/trunk.key"
ca = "DIR/ca.pem"
"#;

const MUTUAL_TLS: &str = r#"
[sip.tls]
cert = "DIR/trunk.pem"
key = "DIR/trunk.key"
ca = "DIR/ca.pem"
client_ca = "DIR/ca.pem"
"#;

/// A TLS client at the IP of `from`.
fn secure(net: &Net, from: std::net::SocketAddr, pki: &Pki, own: Option<&str>) -> Ua {
    Ua::tls(from, net.trunkline_over("tls"), "trunk.example", pki.client(own))
}

#[test]
fn a_certificate_is_read_anew_in_the_middle_of_a_call() {
    let site =
        Site::with(&SiteOptions { listen: &["tls"], sip_keys: TLS, ..SiteOptions::default() });
    let pki = Pki::new(site.dir());
    pki.issue("trunk", "trunk.example");
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = secure(&site.net, site.carrier(), &pki, None);
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let mut dialog = talk(&customer, &pbx, "before");

    let other = Pki::new(site.dir());
    other.issue("trunk", "trunk.example");
    site.run(&["reload"]);
    let fresh = secure(&site.net, site.carrier(), &other, None);
    call(&fresh, &pbx, "fresh");

    // A bad file is told and changes nothing.
    std::fs::write(site.path("trunk.pem"), "no certificate").unwrap();
    server.signal(Signal::SIGHUP);
    let told = || server.log().contains("[sip.tls] cert");
    assert!(poll_until(Duration::from_secs(5), told), "{}", server.log());
    call(&secure(&site.net, site.carrier(), &other, None), &pbx, "still");

    customer.send(&dialog.next("BYE", ""));
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");
    customer.expect("SIP/2.0 200");
    assert_eq!(Story::all(tail.finished_calls(3)).len(), 3);
    assert_eq!(site.metric("trunkline_sip_connections_accepted_total"), 3.0);
}

fn mutual() -> (Site, Pki) {
    let site = Site::with(&SiteOptions {
        listen: &["tls"],
        sip_keys: MUTUAL_TLS,
        carrier_keys: "tls_names = [\"carrier.example\"]\nprobe = { interval_s = 0 }",
        ..SiteOptions::default()
    });
    let pki = Pki::new(site.dir());
    pki.issue("trunk", "trunk.example");
    pki.issue("carrier", "carrier.example");
    pki.issue("other", "other.example");
    (site, pki)
}

#[test]
fn a_carrier_is_known_by_its_certificate_wherever_it_comes_from() {
    let (site, pki) = mutual();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = secure(&site.net, site.net.stranger(), &pki, Some("carrier"));
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    call(&customer, &pbx, "mutual");
    let story = Story::single(tail.finished_calls(1));
    assert_eq!(story.assert_is(TOLD).call()["trunk"], "main");
}

// proves: RFC 5922 §7.4
// proves: RFC 5923 names
#[test]
fn without_the_right_certificate_nobody_is_heard() {
    let (site, pki) = mutual();
    let _server = site.serve(WORKDAY_MORNING);
    let _pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let elsewhere = Pki::new(&site.path("data"));
    elsewhere.issue("carrier", "carrier.example");
    for (from, own) in
        [(site.carrier(), None), (site.net.stranger(), None), (site.carrier(), Some("other"))]
    {
        let stranger = secure(&site.net, from, &pki, own);
        stranger.send(&Dialog::caller(&stranger, CALL[0], CALL[1], "no").invite());
        let answer = stranger.receive(Duration::from_secs(5));
        assert!(answer.is_none(), "{from} {own:?}: {answer:?}");
    }
    assert!(poll_until(Duration::from_secs(5), || open(&site) == 0.0), "all are closed");
    assert_eq!(site.metric("trunkline_calls_inbound_total"), 0.0);
}

fn open(site: &Site) -> f64 {
    site.metric("trunkline_sip_connections")
}

#[test]
fn a_call_outlives_its_connection() {
    let site = Site::with(&SiteOptions {
        listen: &["tcp"],
        carrier_over: "tcp:",
        ..SiteOptions::default()
    });
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::connect(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let dialog = talk(&customer, &pbx, "cut");
    customer.cut();
    assert!(poll_until(Duration::from_secs(5), || open(&site) == 0.0));
    let again = Ua::connect(site.carrier(), site.carrier_side());
    let mut dialog = dialog.moved_to(&again);
    again.send(&dialog.next("BYE", ""));
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");
    again.expect("SIP/2.0 200");
    Story::single(tail.finished_calls(1))
        .assert_is(TOLD)
        .assert_ended("customer", "normalClearing");
}

#[test]
fn a_response_to_a_connection_that_is_gone_comes_over_a_new_one() {
    let site = Site::with(&SiteOptions {
        listen: &["tcp"],
        carrier_over: "tcp:",
        ..SiteOptions::default()
    });
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let listening = Ua::listen(site.carrier(), site.carrier_side());
    let customer = Ua::connect(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    // Its sent-by is where it listens, as a gateway's is.
    let dialog = Dialog::caller(&customer, CALL[0], CALL[1], "gone").moved_to(&listening);
    customer.send(&dialog.invite());
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "180 Ringing", "pbx", "");
    customer.expect("SIP/2.0 180");
    customer.cut();
    assert!(poll_until(Duration::from_secs(5), || open(&site) == 0.0));
    pbx.answer(&invite, "486 Busy Here", "pbx", "");
    let refusal = listening.expect("SIP/2.0 486");
    listening.send(&dialog.ack_refusal(&refusal));
    Story::single(tail.finished_calls(1)).assert_ended("agent", "busy");
}

#[test]
fn a_line_that_swallows_connections_delays_nobody_else() {
    let site = Site::with(&SiteOptions {
        default_purpose: Some("service"),
        backup: true,
        listen: &["tcp"],
        carrier_over: "tcp:",
        sip_keys: "[sip.connections]\nconnect_ms = 5000",
        failover_ms: 20_000,
        ..SiteOptions::default()
    });
    let _full = swallow(site.carrier());
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let backup = Ua::bind(site.net.backup(), site.net.trunkline());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let outbound = Dialog::caller(&pbx, "8001", "13800138000", "swallowed");
    pbx.send(&outbound.invite());
    pbx.expect("SIP/2.0 100");
    // While the connection hangs, inbound calls pass.
    for n in 0..20 {
        call(&backup, &pbx, &format!("meanwhile{n}"));
    }
    let failures = || site.metric("trunkline_sip_connect_failures_total");
    assert_eq!(failures(), 0.0, "it hangs still");
    // When it gives up, the outbound call goes to the second line.
    let invite = backup.expect_within("INVITE ", Duration::from_secs(15));
    backup.answer(&invite, "486 Busy Here", "b", "");
    pbx.send(&outbound.ack_refusal(&pbx.expect("SIP/2.0 486")));
    tail.finished_calls(21);
    assert_eq!(failures(), 1.0);
}

/// A listener whose queue is full: further SYNs are dropped.
fn swallow(address: std::net::SocketAddr) -> impl Sized {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, socket,
    };
    use std::os::fd::AsRawFd;
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
    bind(fd.as_raw_fd(), &SockaddrStorage::from(address)).unwrap();
    listen(&fd, Backlog::new(0).unwrap()).unwrap();
    let within = Duration::from_millis(200);
    let filler: Vec<_> =
        std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&address, within).ok())
            .collect();
    assert!(!filler.is_empty() && filler.len() < 10);
    (fd, filler)
}

#[test]
fn a_line_that_refuses_connections_is_left_at_once() {
    let site = Site::with(&SiteOptions {
        default_purpose: Some("service"),
        backup: true,
        listen: &["tcp"],
        carrier_over: "tcp:",
        failover_ms: 10_000,
        ..SiteOptions::default()
    });
    let server = site.serve(WORKDAY_MORNING);
    let backup = Ua::bind(site.net.backup(), site.net.trunkline());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    pbx.send(&Dialog::caller(&pbx, "8001", "13800138000", "refused").invite());
    let invite = backup.expect_within("INVITE ", Duration::from_secs(3));
    backup.answer(&invite, "486 Busy Here", "b", "");
    pbx.expect("SIP/2.0 486");
    assert_eq!(server.stop(), Some(0));
}
