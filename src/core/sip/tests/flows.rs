//! Connections: whose they are, what travels on them, and where it goes when they end.

use super::mixed::*;
use super::rig::*;
use crate::sip::Transport::{Tcp, Tls, Ws};
use crate::sip::message::Name;
use crate::sip::*;

// proves: RFC 3261 §16.9 response
// proves: RFC 3261 §17.2.4
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

// proves: RFC 7118 §5.2.1
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

// proves: RFC 3261 §18.1.1 reuse
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

// proves: RFC 3261 §16.9
// proves: RFC 3261 §17.1.4
// proves: RFC 3261 §18.4
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

// proves: RFC 5923 names
// proves: RFC 5923 names
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
fn a_cancel_takes_the_neighbours_next_connection_when_that_of_the_invite_is_gone() {
    let mut rig = rig();
    rig.opens(7, Ws, WEB, &[]);
    let sent = call(&mut rig, &[WEB_ID]);
    assert_eq!(sent.over, "ws#7");
    rig.says_on(7, sent.answer("180 Ringing", "b", ""));
    assert_eq!(rig.closes(7), [], "it rings: the browser may come back");
    rig.opens(8, Ws, "10.0.3.1:40200", &[]);
    let cancel = rig.says(PBX, cancel("a"));
    assert_eq!((cancel[1].over.as_str(), cancel[1].branch()), ("ws#8", sent.branch()));
    let end = rig.says_on(8, sent.answer("487 Request Terminated", "b", ""));
    assert_eq!(
        lines(&end),
        [
            "ws#8 10.0.3.1:40200 ACK sip:13800138000@10.0.3.1:40100".to_owned(),
            format!("udp {PBX} 487 Request Terminated")
        ]
    );
}
