//! Streams, connections and where a message goes when they fail.

use super::rig::*;
use crate::sip::Transport::{Tcp, Tls, Udp, Ws, Wss};
use crate::sip::message::Name;
use crate::sip::*;

const ALPHA_TCP: &str = "10.0.1.1:5060";
const BETA_TLS: &str = "10.0.2.1:5061";
const WEB: &str = "10.0.3.1:40100";
const WEB_ID: PeerId = PeerId(4);
const CONTACT: &str = "Contact: <sip:gw@10.0.1.1:5060;transport=tcp>\r\n";

/// UDP, TCP, TLS, WS and WSS listeners; alpha by TCP, beta by TLS, browsers by WS.
fn mixed(epoch: u32) -> CoreConfig {
    let mut config = config(epoch);
    for transport in [Tcp, Tls, Ws, Wss] {
        let addr = SocketAddr::new(addr(US).ip(), transport.default_port());
        config.listen.push(Listen { transport, addr });
    }
    let endpoint = |transport, to: &str, name: Option<&str>| Endpoint {
        transport,
        addr: addr(to),
        name: name.map(Into::into),
    };
    config.peers[1].endpoints = vec![endpoint(Tcp, ALPHA_TCP, None)];
    config.peers[2].endpoints = vec![endpoint(Tls, BETA_TLS, Some("sbc.beta.example"))];
    config.peers[2].tls_names = vec!["sbc.beta.example".into()];
    let web = Peer {
        id: WEB_ID,
        name: "web".into(),
        sources: vec![(addr(WEB).ip(), None)],
        endpoints: Vec::new(),
        ..config.peers[0].clone()
    };
    config.peers.push(web);
    config
}

use std::net::SocketAddr;

fn rig() -> Rig {
    Rig::with(mixed(1))
}

/// INVITE of the PBX by UDP, sent on to these neighbours.
fn call(rig: &mut Rig, targets: &[PeerId]) -> Sent {
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    let mut sent = rig.plan(ask, targets);
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

/// A request inside the call `a@pbx`, by the callee unless `turned`.
fn inside(method: &str, uri: &str, route: &str, turned: bool) -> String {
    let (from, to) = if turned { ("froma", "b") } else { ("b", "froma") };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.1.1;branch=z9hG4bK{method}{from};rport\r\n\
         Route: {route}\r\nMax-Forwards: 9\r\nFrom: <sip:x@h>;tag={from}\r\n\
         To: <sip:y@h>;tag={to}\r\nCall-ID: a@pbx\r\nCSeq: 7 {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Over what and to whom, and the first two words.
fn lines(sent: &[Sent]) -> Vec<String> {
    let short = |s: &Sent| s.first_line().replace("SIP/2.0 ", "").replace(" SIP/2.0", "");
    sent.iter().map(|s| format!("{} {} {}", s.over, s.to, short(s))).collect()
}

#[test]
fn each_side_sees_its_own_transport() {
    let mut rig = rig();
    let text = invite("a").replace("Content-Length: 0\r\n", "");
    rig.says(PBX, text);
    let (ask, _) = rig.ask();
    let sent = rig.plan(ask, &[ALPHA_ID]).remove(0);
    assert_eq!(
        lines(std::slice::from_ref(&sent)),
        [format!("tcp {ALPHA_TCP} INVITE sip:13800138000@10.0.1.1:5060")]
    );
    assert!(sent.all(Name::Via)[0].starts_with("SIP/2.0/TCP 10.9.9.9:5060;rport;branch=z9hG4bK"));
    assert_eq!(sent.one(Name::ContentLength), "0", "a stream needs it");
    let routes = sent.all(Name::RecordRoute);
    assert!(routes[0].starts_with("<sip:10.9.9.9:5060;transport=tcp;lr;tl="), "{routes:?}");
    assert!(routes[1].starts_with("<sip:10.9.9.9:5060;lr;tl="), "{routes:?}");
    assert_eq!(rig.wait_ms(31_000), [], "TCP repeats by itself");
    let rest = rig.wait_ms(1_100);
    assert_eq!(lines(&rest), [format!("udp {PBX} 408 Request Timeout")], "timer B stays");
}

#[test]
fn both_record_routes_are_stripped_on_the_way_in_and_the_exit_is_the_other_listener() {
    let mut rig = rig();
    assert!(rig.connects(1, Tcp, ALPHA_TCP, &[]));
    let sent = call(&mut rig, &[ALPHA_ID]);
    let ok = rig.says_on(1, sent.answer("200 OK", "b", CONTACT)).remove(0);
    assert_eq!((ok.over.as_str(), ok.to.as_str()), ("udp", PBX));
    let mut routes = ok.all(Name::RecordRoute);
    let down = routes.join(", ");
    routes.reverse();
    let bye = rig.says_on(1, inside("BYE", "sip:8001@10.0.0.1:5060", &down, false));
    assert_eq!(lines(&bye), [format!("udp {PBX} BYE sip:8001@10.0.0.1:5060")]);
    assert!(bye[0].all(Name::Route).is_empty());
    let target = "sip:gw@10.0.1.1:5060;transport=tcp";
    let info = rig.says(PBX, inside("INFO", target, &routes.join(", "), true));
    assert_eq!(lines(&info), [format!("tcp#1 {ALPHA_TCP} INFO {target}")]);
    assert!(info[0].all(Name::Route).is_empty());
    assert_eq!(names(&rig.signals())[2..], ["mid BYE", "mid INFO"]);
}

#[test]
fn an_answer_returns_on_the_connection_of_its_request() {
    let mut rig = rig();
    assert!(rig.opens(1, Tcp, "10.0.0.1:33001", &[]));
    let trying = rig.says_on(1, invite("a").replace("UDP 10.0.0.1:5060", "TCP 10.0.0.1:5070"));
    assert_eq!(lines(&trying), ["tcp#1 10.0.0.1:33001 100 Trying"]);
    let (ask, _) = rig.ask();
    let sent = rig.plan(ask, &[ALPHA_ID]).remove(0);
    assert_eq!(sent.all(Name::RecordRoute).len(), 1, "TCP on both sides");
    rig.connects(2, Tcp, ALPHA_TCP, &[]);
    let ringing = rig.says_on(2, sent.answer("180 Ringing", "b", ""));
    assert_eq!(lines(&ringing), ["tcp#1 10.0.0.1:33001 180 Ringing"]);
    // The connection breaks: a new one to the port of sent-by (§18.2.2).
    assert_eq!(rig.closes(1), []);
    let busy = rig.says_on(2, sent.answer("486 Busy Here", "b", ""));
    assert_eq!(
        lines(&busy),
        [
            format!("tcp {ALPHA_TCP} ACK sip:13800138000@10.0.1.1:5060"),
            "tcp 10.0.0.1:5070 486 Busy Here".into()
        ]
    );
    assert_eq!(rig.fails(&busy[1]), [], "and that was the last way");
    assert_eq!((rig.core.counters().unsent, rig.core.counters().undeliverable), (1, 1));
}

#[test]
fn an_answer_that_was_not_sent_takes_the_other_way_once() {
    let mut rig = rig();
    rig.opens(1, Tcp, "10.0.0.1:33001", &[]);
    let options = request("MESSAGE", "m", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    let sent = rig.says_on(1, options).remove(0);
    rig.connects(2, Tcp, ALPHA_TCP, &[]);
    let ok = rig.says_on(2, sent.answer("200 OK", "b", ""));
    assert_eq!(lines(&ok), ["tcp#1 10.0.0.1:33001 200 OK"]);
    assert_eq!(lines(&rig.fails(&ok[0])), ["tcp 10.0.0.1:5060 200 OK"]);
}

#[test]
fn a_browser_is_reached_over_its_connection_alone() {
    let mut rig = rig();
    assert!(rig.opens(7, Ws, WEB, &[]));
    let call = invite("a")
        .replace("SIP/2.0/UDP 10.0.0.1:5060", "SIP/2.0/WS df7jal23ls0d.invalid")
        .replace("<sip:8001@10.0.0.1:5060>", "<sip:8001@df7jal23ls0d.invalid;transport=ws>");
    rig.says_on(7, call);
    let (ask, offer) = rig.ask();
    assert_eq!(offer.peer, WEB_ID);
    let sent = rig.plan(ask, &[ALPHA_ID]).remove(0);
    assert!(sent.all(Name::RecordRoute)[1].starts_with("<sip:10.9.9.9:80;transport=ws;lr;tl="));
    let route = sent.all(Name::RecordRoute).join(", ");
    // A second browser of the same neighbour: the dialog stays on the first one's connection.
    rig.opens(8, Ws, "10.0.3.1:40200", &[]);
    rig.connects(9, Tcp, ALPHA_TCP, &[]);
    let ok = rig.says_on(9, sent.answer("200 OK", "b", CONTACT));
    assert_eq!(lines(&ok), [format!("ws#7 {WEB} 200 OK")]);
    let uri = "sip:8001@df7jal23ls0d.invalid;transport=ws";
    let bye = rig.says_on(9, inside("BYE", uri, &route, false));
    assert_eq!(lines(&bye), [format!("ws#7 {WEB} BYE {uri}")]);
    assert!(bye[0].all(Name::Via)[0].starts_with("SIP/2.0/WS 10.9.9.9:80;rport;"));
    // It is gone: its newest one may be the same browser again. Without any there is no way.
    rig.closes(7);
    let info = rig.says_on(9, inside("INFO", uri, &route, false));
    assert_eq!(lines(&info), [format!("ws#8 10.0.3.1:40200 INFO {uri}")]);
    rig.closes(8);
    let lost = rig.says_on(9, inside("UPDATE", uri, &route, false));
    assert_eq!(lines(&lost), [format!("tcp#9 {ALPHA_TCP} 480 Temporarily Unavailable")]);
    assert_eq!(rig.core.counters().no_route, 1);
}

#[test]
fn a_call_to_a_browser_takes_its_newest_connection() {
    let mut rig = rig();
    rig.opens(7, Ws, WEB, &[]);
    rig.opens(8, Ws, "10.0.3.1:40200", &[]);
    let sent = call(&mut rig, &[WEB_ID]);
    assert_eq!((sent.over.as_str(), sent.to.as_str()), ("ws#8", "10.0.3.1:40200"));
    // It closes without a word: nobody else is left.
    assert_eq!(lines(&rig.closes(8)), [format!("udp {PBX} 500 Server Internal Error")]);
    rig.says(PBX, request("INVITE", "b", ""));
    rig.closes(7);
    let (ask, _) = rig.ask();
    let end = rig.plan(ask, &[WEB_ID]);
    assert_eq!(lines(&end), [format!("udp {PBX} 480 Temporarily Unavailable")]);
}

#[test]
fn a_neighbour_behind_a_nat_keeps_its_connection_in_the_dialog() {
    let mut rig = rig();
    rig.opens(1, Tcp, "10.0.0.1:33001", &[]);
    rig.connects(2, Tcp, ALPHA_TCP, &[]);
    let private = "sip:8001@192.168.7.7:5060;transport=tcp";
    let call = invite("a").replace("sip:8001@10.0.0.1:5060", private);
    rig.says_on(1, call.replace("UDP 10.0.0.1:5060", "TCP 192.168.7.7"));
    let (ask, _) = rig.ask();
    let sent = rig.plan(ask, &[ALPHA_ID]).remove(0);
    rig.says_on(2, sent.answer("200 OK", "b", CONTACT));
    let route = sent.one(Name::RecordRoute);
    let bye = rig.says_on(2, inside("BYE", private, &route, false));
    assert_eq!(lines(&bye), [format!("tcp#1 10.0.0.1:33001 BYE {private}")]);
    // After a restart the number in the mark means another connection: the neighbour's newest.
    let mut rig = rig.restarted_with(mixed(2));
    rig.connects(1, Tcp, ALPHA_TCP, &[]);
    rig.opens(2, Tcp, "10.0.0.1:44001", &[]);
    let bye = rig.says_on(1, inside("BYE", private, &route, false));
    assert_eq!(lines(&bye), [format!("tcp#2 10.0.0.1:44001 BYE {private}")]);
}

#[test]
fn no_connection_is_opened_to_where_no_neighbour_is() {
    let mut rig = rig();
    let sent = call(&mut rig, &[ALPHA_ID]);
    rig.connects(2, Tcp, ALPHA_TCP, &[]);
    let ok = rig.says_on(2, sent.answer("200 OK", "b", CONTACT)).remove(0);
    let mut routes = ok.all(Name::RecordRoute);
    routes.reverse();
    let elsewhere = "sip:gw@6.6.6.6:5060;transport=tcp";
    let bye = rig.says(PBX, inside("BYE", elsewhere, &routes.join(", "), true));
    assert_eq!(lines(&bye), [format!("tcp {ALPHA_TCP} BYE {elsewhere}")]);
}

#[test]
fn reliable_transports_need_no_timers_for_copies() {
    let mut rig = rig();
    rig.opens(1, Tcp, "10.0.0.1:33001", &[]);
    rig.connects(2, Tcp, ALPHA_TCP, &[]);
    let tcp = |text: String| text.replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    // Non-INVITE: E off, J and K zero.
    let sent = rig.says_on(1, tcp(request("MESSAGE", "m", ""))).remove(0);
    assert_eq!(rig.wait_ms(20_000), []);
    rig.says_on(2, sent.answer("200 OK", "b", ""));
    rig.wait_ms(20);
    assert_eq!((rig.core.sizes().servers, rig.core.sizes().clients), (0, 0));
    // INVITE: A, D, G, I.
    rig.says_on(1, tcp(invite("a")));
    let (ask, _) = rig.ask();
    let sent = rig.plan(ask, &[ALPHA_ID]).remove(0);
    assert_eq!(rig.wait_ms(20_000), []);
    rig.says_on(2, sent.answer("486 Busy Here", "b", ""));
    rig.wait_ms(20);
    assert_eq!((rig.core.sizes().servers, rig.core.sizes().clients), (1, 0), "D is zero");
    assert_eq!(rig.wait_ms(20_000), [], "no timer G");
    assert_eq!(rig.says_on(1, tcp(ack("a", "b"))), []);
    rig.wait_ms(20);
    assert_eq!(rig.core.sizes().servers, 0, "I is zero");
    // H stays for an ACK that never comes.
    rig.says_on(1, tcp(invite("h")));
    let (ask, _) = rig.ask();
    let sent = rig.plan(ask, &[ALPHA_ID]).remove(0);
    rig.says_on(2, sent.answer("486 Busy Here", "b", ""));
    rig.wait_ms(31_900);
    assert_eq!(rig.core.sizes().servers, 1);
    rig.wait_ms(200);
    assert_eq!(rig.core.sizes().servers, 0);
}

#[test]
fn what_cannot_be_sent_goes_to_the_next_target_at_once() {
    let mut rig = rig();
    let sent = call(&mut rig, &[ALPHA_ID, BETA_ID]);
    let next = rig.fails(&sent);
    assert_eq!(
        lines(&next),
        [format!("tls=sbc.beta.example {BETA_TLS} INVITE sip:13800138000@{BETA_TLS}")]
    );
    assert!(next[0].all(Name::Via)[0].starts_with("SIP/2.0/TLS 10.9.9.9:5061;"));
    assert!(next[0].one(Name::RecordRoute).starts_with("<sip:10.9.9.9:5061;transport=tls;lr;tl="));
    let end = rig.fails(&next[0]);
    assert_eq!(lines(&end), [format!("udp {PBX} 500 Server Internal Error")]);
    assert_eq!(names(&rig.signals()), ["forwarded 2", "forwarded 3", "rejected 500 true"]);
    assert_eq!((rig.core.counters().failovers, rig.core.counters().unsent), (1, 2));
    rig.says(PBX, ack("a", "x"));
    rig.assert_empty();
}

#[test]
fn a_request_that_rang_is_not_sent_twice_when_its_connection_closes() {
    for (status, lost) in [(None, true), (Some("100 Trying"), false), (Some("180 Ringing"), false)]
    {
        let mut rig = rig();
        let sent = call(&mut rig, &[ALPHA_ID, BETA_ID]);
        rig.connects(1, Tcp, ALPHA_TCP, &[]);
        if let Some(status) = status {
            rig.says_on(1, sent.answer(status, "b", ""));
        }
        let after = rig.closes(1);
        assert_eq!(after.len(), usize::from(lost), "{status:?}: {:?}", lines(&after));
        assert!(after.iter().all(|s| s.to == BETA_TLS));
        if !lost {
            // The answer comes over a connection of the callee's making.
            rig.opens(2, Tcp, "10.0.1.1:50999", &[]);
            let ok = rig.says_on(2, sent.answer("200 OK", "b", CONTACT));
            assert_eq!(lines(&ok), [format!("udp {PBX} 200 OK")]);
        }
    }
}

#[test]
fn one_of_two_connections_to_a_target_may_close() {
    let mut rig = rig();
    let _ = call(&mut rig, &[ALPHA_ID, BETA_ID]);
    rig.connects(1, Tcp, ALPHA_TCP, &[]);
    rig.connects(2, Tcp, ALPHA_TCP, &[]);
    assert_eq!(rig.closes(1), [], "it may have gone over the other one");
    assert_eq!(rig.closes(2).len(), 1);
}

#[test]
fn a_bye_that_finds_nobody_at_the_contact_takes_the_neighbours_own_connection() {
    let mut rig = rig();
    let sent = call(&mut rig, &[ALPHA_ID]);
    rig.connects(1, Tcp, ALPHA_TCP, &[]);
    let ok = rig.says_on(1, sent.answer("200 OK", "b", CONTACT)).remove(0);
    let mut routes = ok.all(Name::RecordRoute);
    routes.reverse();
    let uri = "sip:gw@10.0.1.1:5999;transport=tcp";
    let bye = rig.says(PBX, inside("BYE", uri, &routes.join(", "), true));
    assert_eq!(lines(&bye), [format!("tcp 10.0.1.1:5999 BYE {uri}")]);
    let again = rig.fails(&bye[0]);
    assert_eq!(lines(&again), [format!("tcp#1 {ALPHA_TCP} BYE {uri}")]);
    assert_eq!(again[0].bytes, bye[0].bytes);
    let end = rig.fails(&again[0]);
    assert_eq!(lines(&end), ["udp 10.0.0.1:5060 500 Server Internal Error"]);
    assert_eq!(end[0].all(Name::Via).len(), 1);
    rig.wait_ms(40_000);
    assert_eq!(rig.core.sizes(), Sizes { flows: 1, ..Sizes::default() });
}

#[test]
fn connections_belong_to_neighbours_by_name_then_by_address() {
    let mut rig = rig();
    assert!(!rig.opens(1, Tcp, "6.6.6.6:1000", &[]), "a stranger");
    assert!(!rig.opens(2, Tls, "10.0.2.1:1000", &[]), "beta has a name and comes without it");
    assert!(!rig.opens(3, Tls, "10.0.2.1:1000", &["sbc.evil.example"]));
    assert!(rig.opens(4, Tls, "6.6.6.6:1000", &["x.example", "SBC.beta.example"]));
    assert!(!rig.opens(5, Tcp, "6.6.6.6:1000", &["sbc.beta.example"]), "no TLS, no name");
    assert!(rig.opens(6, Tls, "10.0.1.1:1000", &["whatever.example"]), "alpha has no name");
    assert_eq!((rig.core.counters().flows_refused, rig.core.sizes().flows), (4, 2));
    let message = |b: &str| request("OPTIONS", b, "").replace("UDP", "TLS");
    assert_eq!(rig.says_on(4, message("x"))[0].over, "tls#4");
    rig.closes(4);
    rig.closes(4);
    assert_eq!(rig.core.sizes().flows, 1);
}

#[test]
fn a_message_of_an_unknown_connection_is_dropped_whatever_its_address() {
    let mut rig = rig();
    rig.opens(1, Tcp, "10.0.0.1:33001", &[]);
    rig.core.flow_closed(rig.now, FlowId(1), &mut rig.out);
    assert_eq!(rig.says_on(1, request("OPTIONS", "o", "")), []);
    assert_eq!(rig.core.counters().unknown_source, 1);
}

#[test]
fn connections_have_a_limit() {
    let mut config = mixed(1);
    config.limits.flows_max = 2;
    let mut rig = Rig::with(config);
    let opens = |rig: &mut Rig, n: u64| rig.opens(n, Tcp, &format!("10.0.0.1:{}", 3000 + n), &[]);
    assert_eq!([1, 2, 3].map(|n| opens(&mut rig, n)), [true, true, false]);
    rig.closes(1);
    assert!(opens(&mut rig, 4));
    assert_eq!(rig.core.counters().flows_refused, 1);
}

#[test]
fn our_uris_are_ours_over_their_own_transport() {
    let mut rig = rig();
    let own = |uri: &str| format!("OPTIONS {uri} SIP/2.0");
    for (uri, ours) in [
        ("sip:10.9.9.9", true),
        ("sip:10.9.9.9:5060;transport=UDP", true),
        ("sip:10.9.9.9;transport=tcp", true),
        ("sip:10.9.9.9;transport=tls", true),
        ("sips:10.9.9.9", true),
        ("sip:10.9.9.9:5061", true),
        ("sip:10.9.9.9:5061;transport=udp", false),
        ("sip:10.9.9.9:5060;transport=tls", false),
        ("sip:10.9.9.9:80;transport=ws", true),
        ("sips:10.9.9.9;transport=ws", true),
        ("sip:10.9.9.9:6000", false),
        ("sip:10.9.9.8", false),
        ("sip:host.example", false),
    ] {
        let text = request("OPTIONS", uri, "").replacen(
            "OPTIONS sip:13800138000@10.9.9.9 SIP/2.0",
            &own(uri),
            1,
        );
        let sent = rig.says(PBX, text);
        assert_eq!(sent[0].first_line() == "SIP/2.0 200 OK", ours, "{uri}");
    }
}

#[test]
fn the_listener_is_of_the_targets_transport_and_nearest_to_it() {
    let listen = |text: &str| Listen::udp(addr(text));
    let mut config = mixed(1);
    config.listen.extend(["127.0.0.2:5060", "10.0.2.9:5070", "10.0.2.9:5080"].map(listen));
    let mut rig = Rig::with(config);
    for (i, (to, from)) in [
        ("10.0.2.1:5060", "10.0.2.9:5070"),
        ("10.9.0.1:5060", US),
        ("127.0.0.1:5080", "127.0.0.2:5060"),
        ("192.0.2.1:5060", US),
        ("[2001:db8::77]:5060", US6),
    ]
    .into_iter()
    .enumerate()
    {
        rig.says(PBX, invite(&format!("l{i}")));
        let (ask, _) = rig.ask();
        assert_eq!(rig.route(ask, &[(BETA_ID, to)])[0].from, from, "{to}");
    }
    // Its own Route value among several listeners is ours as well.
    let text = request("OPTIONS", "r", "").replace("sip:13800138000@10.9.9.9", "sip:10.0.2.9:5080");
    assert_eq!(rig.says(PBX, text)[0].first_line(), "SIP/2.0 200 OK");
}

#[test]
fn a_long_invite_takes_the_stream_that_the_target_offers() {
    let long = |name: &str| request("INVITE", name, &format!("X-Long: {}\r\n", "x".repeat(1300)));
    let mut config = mixed(1);
    let tcp = config.peers[1].endpoints[0].clone();
    config.peers[1].endpoints = vec![Endpoint::udp(addr(ALPHA)), tcp];
    let mut rig = Rig::with(config);
    rig.says(PBX, long("a"));
    let (ask, _) = rig.ask();
    let sent = rig.plan(ask, &[ALPHA_ID]).remove(0);
    assert_eq!(sent.over, "tcp");
    assert!(sent.all(Name::Via)[0].starts_with("SIP/2.0/TCP"));
    assert_eq!(rig.core.counters().oversized, 0);
    // A short one keeps the order, and without a stream it goes as it is.
    rig.says(PBX, invite("b"));
    let (ask, _) = rig.ask();
    assert_eq!(rig.plan(ask, &[ALPHA_ID])[0].over, "udp");
    rig.says(PBX, long("c"));
    let (ask, _) = rig.ask();
    assert_eq!(rig.route(ask, &[(ALPHA_ID, ALPHA)])[0].over, "udp");
    assert_eq!(rig.core.counters().oversized, 1);
}

#[test]
fn a_sips_call_records_a_sips_route() {
    let mut rig = rig();
    let text =
        invite("a").replacen("INVITE sip:13800138000@10.9.9.9", "INVITE sips:1@h.example", 1);
    rig.says(PBX, text);
    let (ask, _) = rig.ask();
    let sent = rig.plan(ask, &[BETA_ID]).remove(0);
    assert!(sent.one(Name::RecordRoute).starts_with("<sips:10.9.9.9:5061;transport=tls;lr;tl="));
}

#[test]
fn a_late_response_of_a_stream_opens_a_way_back() {
    let mut rig = rig();
    rig.opens(1, Tcp, "10.0.0.1:33001", &[]);
    rig.says_on(1, invite("a").replace("UDP 10.0.0.1:5060", "TCP 10.0.0.1:5070"));
    let (ask, _) = rig.ask();
    let sent = rig.plan(ask, &[ALPHA_ID]).remove(0);
    let mut rig = rig.restarted_with(mixed(2));
    rig.opens(1, Tcp, "10.0.1.1:50999", &[]);
    let up = rig.says_on(1, sent.answer("486 Busy Here", "b", ""));
    assert_eq!(
        lines(&up),
        [
            "tcp#1 10.0.1.1:50999 ACK sip:13800138000@10.9.9.9".to_owned(),
            "tcp 10.0.0.1:5070 486 Busy Here".into()
        ]
    );
    assert!(up[0].one(Name::Via).starts_with("SIP/2.0/TCP 10.9.9.9:5060;rport;branch="));
}

#[test]
fn silence_empties_the_tables_of_every_transport() {
    let mut rig = rig();
    rig.opens(1, Tcp, "10.0.0.1:33001", &[]);
    rig.opens(2, Ws, WEB, &[]);
    rig.connects(3, Tcp, ALPHA_TCP, &[]);
    rig.connects(4, Tls, BETA_TLS, &["sbc.beta.example"]);
    for (i, targets) in
        [[ALPHA_ID, BETA_ID], [BETA_ID, WEB_ID], [WEB_ID, ALPHA_ID]].iter().enumerate()
    {
        for (j, over) in [Udp, Tcp, Ws].iter().enumerate() {
            let name = format!("t{i}{j}");
            let text =
                invite(&name).replace("SIP/2.0/UDP", &format!("SIP/2.0/{}", over.via_name()));
            match over {
                Udp => rig.says(PBX, text),
                Tcp => rig.says_on(1, text),
                _ => rig.says_on(2, text),
            };
            let (ask, _) = rig.ask();
            let sent = rig.plan(ask, targets);
            match (i + j) % 3 {
                0 => drop(rig.fails(&sent[0])),
                1 => drop(rig.says_on(3, sent[0].answer("180 Ringing", "b", ""))),
                _ => drop(rig.says_on(4, sent[0].answer("200 OK", "b", CONTACT))),
            }
        }
    }
    for flow in 1..=4 {
        rig.closes(flow);
    }
    rig.wait_ms(190_000 + 3 * 33_000);
    assert_eq!(rig.core.sizes(), Sizes::default());
    assert_eq!(rig.core.next_deadline(), None);
}
