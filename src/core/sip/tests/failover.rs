//! Several targets, one after the other.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;

const BOTH: &[(PeerId, &str)] = &[(ALPHA_ID, ALPHA), (BETA_ID, BETA)];
const CONTACT: &str = "Contact: <sip:gw@10.0.1.7:5066>\r\n";

fn lines(sent: &[Sent]) -> Vec<String> {
    let short = |s: &Sent| s.first_line().split(' ').take(2).collect::<Vec<_>>().join(" ");
    sent.iter().map(|s| format!("{}>{}", s.to, short(s).replace("SIP/2.0 ", ""))).collect()
}

// proves: RFC 3261 §16.7 item 6c
// proves: RFC 3263 §4.3
// proves: RFC 6432 all
#[test]
fn a_503_goes_to_the_next_target_and_up_as_500() {
    let mut rig = Rig::new();
    let (_, first) = rig.call(BOTH);
    let busy = "Retry-After: 30\r\nReason: Q.850;cause=42\r\n";
    let next = rig.says(ALPHA, first.answer("503 Service Unavailable", "x", busy));
    assert_eq!(
        lines(&next),
        [
            format!("{ALPHA}>ACK sip:13800138000@10.0.1.1:5060"),
            format!("{BETA}>INVITE sip:13800138000@10.0.2.1:5080"),
        ]
    );
    assert_ne!(next[1].branch(), first.branch());
    let end = rig.says(BETA, next[1].answer("503 Service Unavailable", "y", busy));
    assert_eq!(end[1].first_line(), "SIP/2.0 500 Server Internal Error");
    assert!(end[1].all(Name::RetryAfter).is_empty());
    assert_eq!(end[1].one(Name::Reason), "Q.850;cause=42");
    assert_eq!(
        names(&rig.signals()),
        ["forwarded 2", "response 503 2", "forwarded 3", "response 503 3", "rejected 500 false"]
    );
    assert_eq!(rig.core.counters().failovers, 1);
    rig.says(PBX, ack("a", "x"));
    rig.assert_empty();
}

// proves: RFC 3261 §16.7 item 5c
#[test]
fn a_6xx_or_486_ends_the_search() {
    for status in ["603 Decline", "486 Busy Here", "404 Not Found"] {
        let mut rig = Rig::new();
        let (_, first) = rig.call(BOTH);
        let end = rig.says(ALPHA, first.answer(status, "x", ""));
        assert_eq!(end.len(), 2);
        assert_eq!(end[1].first_line(), format!("SIP/2.0 {status}"));
        rig.says(PBX, ack("a", "x"));
        rig.assert_empty();
    }
}

// proves: RFC 3261 §9.1 wait
// proves: RFC 3263 §4.3
#[test]
fn silence_goes_to_the_next_target_after_four_seconds() {
    let mut rig = Rig::new();
    let (_, first) = rig.call(BOTH);
    let sent = rig.wait_ms(3_990);
    assert_eq!(sent.len(), 3, "retransmissions at 0.5, 1.5 and 3.5 s");
    assert!(sent.iter().all(|s| s.bytes == first.bytes));
    let sent = rig.wait_ms(30);
    assert_eq!(lines(&sent), [format!("{BETA}>INVITE sip:13800138000@10.0.2.1:5080")]);
    // The first target wakes up: only then may it be cancelled (§9.1).
    let cancel = rig.says(ALPHA, first.answer("180 Ringing", "x", ""));
    assert_eq!(lines(&cancel), [format!("{ALPHA}>CANCEL sip:13800138000@10.0.1.1:5060")]);
    rig.says(ALPHA, cancel[0].answer("200 OK", "x", ""));
    let gone = rig.says(ALPHA, first.answer("487 Request Terminated", "x", ""));
    assert_eq!(lines(&gone), [format!("{ALPHA}>ACK sip:13800138000@10.0.1.1:5060")]);
    let ok = rig.says(BETA, sent[0].answer("200 OK", "y", CONTACT));
    assert_eq!(lines(&ok), [format!("{PBX}>200")]);
    assert_eq!(
        names(&rig.signals()),
        ["forwarded 2", "forwarded 3", "response 200 3"],
        "the target left behind is not told"
    );
    rig.wait_ms(40_000);
    rig.assert_empty();
}

#[test]
fn a_provisional_keeps_the_target() {
    let mut rig = Rig::new();
    let (_, first) = rig.call(BOTH);
    rig.says(ALPHA, first.answer("100 Trying", "", ""));
    assert_eq!(rig.wait_ms(60_000), []);
    rig.says(ALPHA, first.answer("486 Busy Here", "x", ""));
    rig.says(PBX, ack("a", "x"));
    rig.assert_empty();
}

#[test]
fn a_late_answer_of_the_target_left_behind_wins_if_nobody_else_did() {
    let mut rig = Rig::new();
    let (_, first) = rig.call(BOTH);
    let second = rig.wait_ms(4_010).pop().unwrap();
    rig.says(BETA, second.answer("180 Ringing", "y", ""));
    let ok = rig.says(ALPHA, first.answer("200 OK", "x", CONTACT));
    assert_eq!(
        lines(&ok),
        [format!("{PBX}>200"), format!("{BETA}>CANCEL sip:13800138000@10.0.2.1:5080"),]
    );
    assert_eq!(names(&rig.signals()).last().unwrap(), "response 200 2");
    // Beta answers all the same: acknowledged each time, released once, not told.
    let late = second.answer("200 OK", "y", CONTACT);
    let release = rig.says(BETA, &late);
    assert_eq!(
        lines(&release),
        ["10.0.1.7:5066>ACK sip:gw@10.0.1.7:5066", "10.0.1.7:5066>BYE sip:gw@10.0.1.7:5066",]
    );
    assert_eq!(release[1].one(Name::CSeq), "2 BYE");
    assert!(release[1].one(Name::To).ends_with(";tag=y"));
    assert_eq!(lines(&rig.says(BETA, &late)), ["10.0.1.7:5066>ACK sip:gw@10.0.1.7:5066"]);
    assert_eq!(rig.says(BETA, release[1].answer("200 OK", "", "")), []);
    assert_eq!(rig.core.counters().late_answers_released, 1);
    assert_eq!(names(&rig.signals()), ["answered late 3"]);
    rig.assert_empty();
}

#[test]
fn a_release_goes_through_the_proxies_below() {
    let mut rig = Rig::new();
    let (_, first) = rig.call(BOTH);
    let second = rig.wait_ms(4_010).pop().unwrap();
    rig.says(BETA, second.answer("200 OK", "y", CONTACT));
    // Two proxies below alpha recorded themselves above our own value.
    let own = first.one(Name::RecordRoute);
    let late = first.answer("200 OK", "x", CONTACT).replacen(
        "Record-Route: ",
        "Record-Route: <sip:10.0.1.3;lr>, <sip:10.0.1.2;lr>\r\nRecord-Route: ",
        1,
    );
    let release = rig.says(ALPHA, late);
    assert_eq!(release.len(), 2);
    for request in &release {
        assert_eq!(request.to, "10.0.1.2:5060");
        assert_eq!(request.all(Name::Route), ["<sip:10.0.1.2;lr>", "<sip:10.0.1.3;lr>"]);
        assert!(!request.all(Name::Route).contains(&own));
    }
}

// proves: RFC 3261 §16.7 item 6b
#[test]
fn timer_b_says_408_when_nobody_is_there() {
    let mut rig = Rig::new();
    let (_, _) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let sent = rig.wait_ms(32_100);
    let to_alpha = sent.iter().filter(|s| s.to == ALPHA).count();
    assert_eq!(to_alpha, 6, "timer A at 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s");
    let last = sent.last().unwrap();
    assert_eq!(
        (last.to.as_str(), last.first_line().as_str()),
        (PBX, "SIP/2.0 408 Request Timeout")
    );
    assert_eq!(names(&rig.signals()), ["forwarded 2", "rejected 408 true"]);
    rig.says(PBX, ack("a", "x"));
    rig.assert_empty();
}

#[test]
fn a_cancel_stops_the_search() {
    let mut rig = Rig::new();
    let (_, _) = rig.call(BOTH);
    rig.says(PBX, cancel("a"));
    let sent = rig.wait_ms(40_000);
    assert!(sent.iter().all(|s| s.to != BETA), "no next target for a caller that left");
    let up: Vec<_> = sent.iter().filter(|s| s.to == PBX).collect();
    assert_eq!(up[0].first_line(), "SIP/2.0 487 Request Terminated");
    rig.wait_ms(40_000);
    rig.assert_empty();
}

#[test]
fn an_empty_plan_is_480_and_an_unreachable_family_is_skipped() {
    let mut rig = Rig::new();
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    assert_eq!(lines(&rig.route(ask, &[])), [format!("{PBX}>480")]);
    let mut only4 = config(1);
    only4.listen.truncate(1);
    let mut rig = Rig::with(only4);
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(BETA_ID, BETA6), (ALPHA_ID, ALPHA)]);
    assert_eq!(sent[0].to, ALPHA);
    assert_eq!(rig.core.counters().no_route, 1);
}

// proves: RFC 5658 §6
// proves: RFC 3261 §16.6 item 4
#[test]
fn two_families_record_two_routes() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(BETA_ID, BETA6)]);
    assert_eq!((sent.from.as_str(), sent.to.as_str()), (US6, BETA6));
    let routes = sent.all(Name::RecordRoute);
    assert!(routes[0].starts_with("<sip:[2001:db8::9]:5060;lr;"), "{routes:?}");
    assert!(routes[1].starts_with("<sip:10.9.9.9:5060;lr;"));
    let ok = sent.answer("200 OK", "b", "Contact: <sip:gw@[2001:db8::b]>\r\n");
    let ok = rig.says(BETA6, ok).remove(0);
    assert_eq!((ok.from.as_str(), ok.to.as_str()), (US, PBX));
    let (down, up) = (routes.join(", "), format!("{}, {}", routes[1], routes[0]));
    let bye = |uri: &str, route: &str, from: &str, to: &str, via: &str| {
        format!(
            "BYE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bK{from}\r\nRoute: {route}\r\n\
             From: <sip:x@h>;tag={from}\r\nTo: <sip:y@h>;tag={to}\r\nCall-ID: a@pbx\r\n\
             CSeq: 7 BYE\r\nMax-Forwards: 9\r\n\r\n"
        )
    };
    let sent = rig.says(PBX, bye("sip:gw@[2001:db8::b]", &up, "froma", "b", "10.0.0.1"));
    assert_eq!((sent[0].from.as_str(), sent[0].to.as_str()), (US6, BETA6));
    assert!(sent[0].all(Name::Route).is_empty());
    let sent = rig.says(BETA6, bye("sip:8001@10.0.0.1", &down, "b", "froma", "[2001:db8::b]"));
    assert_eq!((sent[0].from.as_str(), sent[0].to.as_str()), (US, PBX));
}
