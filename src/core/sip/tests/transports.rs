//! Streams: what each side sees of the other's transport, and which timers are left.

use super::mixed::*;
use super::rig::*;
use crate::sip::Transport::{Tcp, Tls, Udp, Ws};
use crate::sip::message::Name;
use crate::sip::*;

// proves: RFC 7118 §5.2.1
// proves: RFC 3261 §16.6 item 9
// proves: RFC 3261 §18.3 stream
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

// proves: RFC 3261 §18.2.2 connection
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
fn reliable_transports_need_no_timers_for_copies() {
    let mut rig = rig();
    rig.opens(1, Tcp, "10.0.0.1:33001", &[]);
    rig.connects(2, Tcp, ALPHA_TCP, &[]);
    let tcp = |text: String| text.replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    // Non-INVITE: E off, J and K zero; the late 100 is one (RFC 4320 §4.1 late).
    let sent = rig.says_on(1, tcp(request("MESSAGE", "m", ""))).remove(0);
    let late: Vec<_> = rig.wait_ms(20_000).iter().map(Sent::first_line).collect();
    assert_eq!(late, ["SIP/2.0 100 Trying"]);
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
        ("64.0.0.1:5060", US), // shares more bits with 127.0.0.2
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

// proves: RFC 3261 §18.1.1 size
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

#[test]
fn a_dialog_leaves_by_the_listener_that_it_recorded() {
    let mut config = mixed(1);
    config.listen.push(Listen::udp(addr("10.0.2.9:5070")));
    let mut rig = Rig::with(config);
    let (_, sent) = rig.call(&[(BETA_ID, BETA)]);
    assert_eq!(sent.from, "10.0.2.9:5070");
    assert_eq!(sent.all(Name::RecordRoute).len(), 2);
    let ok = rig.says(BETA, sent.answer("200 OK", "b", "Contact: <sip:gw@10.9.0.5>\r\n")).remove(0);
    let mut routes = ok.all(Name::RecordRoute);
    routes.reverse();
    let bye = rig.says(PBX, inside("BYE", "sip:gw@10.9.0.5", &routes.join(", "), true));
    assert_eq!((bye[0].from.as_str(), bye[0].to.as_str()), ("10.0.2.9:5070", "10.9.0.5:5060"));
    assert!(bye[0].all(Name::Via)[0].starts_with("SIP/2.0/UDP 10.0.2.9:5070;"));
}
