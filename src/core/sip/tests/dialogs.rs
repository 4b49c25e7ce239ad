//! Inside a call, and beside it.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;

/// An answered call to alpha: its Record-Route value.
fn answered(rig: &mut Rig) -> String {
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("200 OK", "b", "Contact: <sip:gw@10.0.1.1>\r\n"));
    rig.signals();
    sent.one(Name::RecordRoute)
}

/// A request in that call; from the caller unless `turned`.
fn inside(method: &str, cseq: u32, head: &str, turned: bool) -> String {
    let (from, to, uri, via) = match turned {
        false => ("froma", "b", "sip:gw@10.0.1.1", "10.0.0.1"),
        true => ("b", "froma", "sip:8001@10.0.0.1:5060", "10.0.1.1"),
    };
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {via}:5060;branch=z9hG4bK{method}{cseq}{from}\r\n\
         Max-Forwards: 20\r\n{head}From: <sip:x@h>;tag={from}\r\nTo: <sip:y@h>;tag={to}\r\n\
         Call-ID: a@pbx\r\nCSeq: {cseq} {method}\r\n\r\n"
    )
}

// proves: RFC 3261 §16.3 item 1c
// proves: RFC 3261 §16.5
#[test]
fn requests_go_both_ways_and_are_told_once() {
    let mut rig = Rig::new();
    let mark = answered(&mut rig);
    let route = format!("Route: {mark}\r\n");
    let hold = "Content-Type: application/sdp\r\n";
    let text = inside("INVITE", 5, &format!("{route}{hold}"), true) + "v=0\r\nc=IN IP4 0.0.0.0\r\n";
    let sent = rig.says(ALPHA, &text);
    assert!(sent[0].first_line().contains("100"));
    assert_eq!(sent[1].to, PBX);
    assert!(sent[1].all(Name::RecordRoute).is_empty() && sent[1].all(Name::Route).is_empty());
    assert_eq!(rig.says(ALPHA, &text).len(), 1, "a repeated one gets 100 again");
    let ok = rig.says(PBX, sent[1].answer("200 OK", "", ""));
    assert_eq!(ok[0].to, ALPHA);
    rig.says(PBX, sent[1].answer("200 OK", "", ""));
    let ack = rig.says(ALPHA, inside("ACK", 5, &route, true));
    assert_eq!(ack[0].to, PBX);
    let signals = rig.signals();
    assert_eq!(names(&signals), ["mid INVITE", "final INVITE 200"]);
    assert!(
        matches!(&signals[0], Signal::MidDialog { peer: ALPHA_ID, media: Some(m), ids, cseq: 5, .. }
        if *m == MediaDirection::Inactive && ids.from_tag == "b" && ids.to_tag == "froma")
    );
    assert!(matches!(&signals[1], Signal::MidDialogFinal { peer: PBX_ID, ids, .. }
        if ids.from_tag == "b"));
    let info = rig.says(PBX, inside("X-NEWMETHOD", 9, &route, false));
    assert_eq!(info[0].to, ALPHA, "unknown methods pass");
    rig.wait_ms(40_000);
    rig.assert_empty();
}

#[test]
fn a_glare_491_on_a_reinvite_is_acknowledged_here() {
    let mut rig = Rig::new();
    let route = format!("Route: {}\r\n", answered(&mut rig));
    let sent = rig.says(PBX, inside("INVITE", 2, &route, false));
    let end = rig.says(ALPHA, sent[1].answer("491 Request Pending", "", ""));
    assert_eq!(end[0].first_line(), "ACK sip:gw@10.0.1.1 SIP/2.0");
    assert_eq!(end[1].first_line(), "SIP/2.0 491 Request Pending");
    let ack = inside("ACK", 2, &route, false).replace("ACK2", "INVITE2");
    assert_eq!(rig.says(PBX, ack), []);
    assert_eq!(names(&rig.signals()), ["mid INVITE", "final INVITE 491"]);
    rig.wait_ms(40_000);
    rig.assert_empty();
}

// proves: RFC 3261 §16.11 ack
#[test]
fn a_call_survives_a_restart() {
    let mut rig = Rig::new();
    let route = format!("Route: {}\r\n", answered(&mut rig));
    let mut rig = rig.restarted(2);
    let ack = rig.says(PBX, inside("ACK", 1, &route, false));
    assert_eq!((ack.len(), ack[0].to.as_str()), (1, ALPHA), "late ACK");
    let bye = rig.says(ALPHA, inside("BYE", 3, &route, true));
    assert_eq!((bye.len(), bye[0].to.as_str()), (1, PBX), "late BYE");
    rig.says(PBX, bye[0].answer("200 OK", "", ""));
    assert_eq!(names(&rig.signals()), ["mid BYE", "final BYE 200"]);
    rig.assert_empty();
}

// proves: RFC 3261 §16.4
// proves: RFC 3261 §16.6 item 6
// proves: RFC 3261 §16.6 item 7
// proves: RFC 3261 §16.12 item 3
#[test]
fn a_strict_router_below_gives_our_uri_back_and_a_strict_next_hop_gets_its_own() {
    let mut rig = Rig::new();
    let mark = answered(&mut rig);
    let own = mark.trim_matches(['<', '>']).to_owned();
    // §16.4: our URI stands in the Request-URI, the true one is the last Route value.
    let strict = inside("BYE", 4, "Route: <sip:10.0.1.4;lr>, <sip:gw@10.0.1.1>\r\n", false)
        .replace("BYE sip:gw@10.0.1.1", &format!("BYE {own}"));
    let sent = rig.says(PBX, strict).remove(0);
    assert_eq!(sent.first_line(), "BYE sip:gw@10.0.1.1 SIP/2.0");
    assert_eq!(
        (sent.to.as_str(), sent.all(Name::Route)),
        ("10.0.1.4:5060", vec!["<sip:10.0.1.4;lr>".into()])
    );
    // §16.6 item 6: the next hop has no lr.
    let next = format!("Route: {mark}, <sip:10.0.1.5>,<sip:10.0.1.6;lr>\r\n");
    let sent = rig.says(PBX, inside("BYE", 5, &next, false)).remove(0);
    assert_eq!(
        (sent.first_line().as_str(), sent.to.as_str()),
        ("BYE sip:10.0.1.5 SIP/2.0", "10.0.1.5:5060")
    );
    assert_eq!(sent.all(Name::Route), ["<sip:10.0.1.6;lr>", "<sip:gw@10.0.1.1>"]);
}

#[test]
fn a_tag_without_our_mark_does_not_pass_the_gate() {
    let mut rig = Rig::new();
    let mark = answered(&mut rig);
    let forged = mark.replace(";tl=0001", ";tl=0003");
    let other_call =
        inside("INVITE", 6, &format!("Route: {mark}\r\n"), false).replace("a@pbx", "other@pbx");
    for text in [
        inside("INVITE", 2, "", false),
        inside("INVITE", 3, &format!("Route: {forged}\r\n"), false),
        inside("BYE", 4, "Route: <sip:10.9.9.9;lr>\r\n", false),
        other_call,
    ] {
        let sent = rig.says(PBX, text);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].first_line().contains("481"), "{}", sent[0].text());
    }
    assert_eq!(rig.says(PBX, inside("ACK", 9, "", false)), []);
    assert_eq!((rig.core.counters().bad_marks, rig.core.counters().stray_acks), (4, 1));
    assert_eq!(rig.signals(), []);
}

#[test]
fn a_named_next_hop_is_the_neighbours_address() {
    let mut rig = Rig::new();
    let route = format!("Route: {}\r\n", answered(&mut rig));
    let text = inside("BYE", 2, &route, false).replace("sip:gw@10.0.1.1", "sip:gw@sbc.example");
    let sent = rig.says(PBX, text);
    assert_eq!((sent[0].to.as_str(), rig.core.counters().named_hops), (ALPHA, 1));
    assert_eq!(sent[0].first_line(), "BYE sip:gw@sbc.example SIP/2.0");
}

// proves: RFC 3261 §16.3 item 3
#[test]
fn options_to_us_is_answered_and_the_rest_changes_sides() {
    let mut rig = Rig::new();
    let ok = rig.says(ALPHA, request("OPTIONS", "o", ""));
    assert_eq!((ok.len(), ok[0].first_line().as_str()), (1, "SIP/2.0 200 OK"));
    assert_eq!(ok[0].one(Name::To).split(";tag=tl").count(), 2);
    let elsewhere =
        request("OPTIONS", "p", "").replace("sip:13800138000@10.9.9.9", "sip:x@carrier.example");
    let sent = rig.says(PBX, &elsewhere);
    assert_eq!(
        (sent[0].to.as_str(), sent[0].first_line().as_str()),
        (ALPHA, "OPTIONS sip:x@carrier.example SIP/2.0")
    );
    for (text, line) in
        [(elsewhere, "SIP/2.0 483 Too Many Hops"), (request("OPTIONS", "q", ""), "SIP/2.0 200 OK")]
    {
        let spent =
            text.replace("Max-Forwards: 70", "Max-Forwards: 0").replace("z9hG4bKp", "z9hG4bKr");
        assert_eq!(rig.says(PBX, spent)[0].first_line(), line);
    }
    let sent = rig.says(BETA, request("MESSAGE", "m", ""));
    assert_eq!((sent[0].to.as_str(), sent[0].all(Name::RecordRoute).len()), (PBX, 0));
    let sent = rig.says(PBX, request("SUBSCRIBE", "s", ""));
    assert_eq!((sent[0].to.as_str(), sent[0].all(Name::RecordRoute).len()), (ALPHA, 1));
    assert_eq!(rig.signals(), []);
    rig.core.set_draining(true);
    let busy = rig.says(ALPHA, request("OPTIONS", "d", ""));
    assert_eq!(
        (busy[0].first_line().as_str(), busy[0].one(Name::RetryAfter).as_str()),
        ("SIP/2.0 503 Service Unavailable", "10")
    );
    rig.wait_ms(40_000);
    rig.assert_empty();
}

#[test]
fn a_request_without_answer_ends_in_silence() {
    let mut rig = Rig::new();
    let route = format!("Route: {}\r\n", answered(&mut rig));
    rig.says(PBX, inside("BYE", 2, &route, false));
    let sent = rig.wait_ms(40_000);
    let (down, up): (Vec<_>, Vec<_>) = sent.iter().partition(|s| s.to == ALPHA);
    let up: Vec<_> = up.iter().map(|s| s.first_line()).collect();
    assert_eq!(up, ["SIP/2.0 100 Trying"], "RFC 4320: a late 100 and no 408");
    assert_eq!(down.len(), 10, "timer E: 0.5, 1.5, 3.5, then each 4 s up to 31.5");
    let sent = rig.says(PBX, inside("BYE", 3, &route, false));
    assert_eq!(rig.says(ALPHA, sent[0].answer("100 Trying", "", "")), []);
    assert_eq!(rig.says(ALPHA, sent[0].answer("408 Request Timeout", "", "")), []);
    rig.wait_ms(40_000);
    rig.assert_empty();
}

#[test]
fn a_repeated_bye_gets_the_same_answer() {
    let mut rig = Rig::new();
    let route = format!("Route: {}\r\n", answered(&mut rig));
    let bye = inside("BYE", 2, &route, false);
    let sent = rig.says(PBX, &bye).remove(0);
    assert_eq!(rig.says(PBX, &bye), [], "no answer yet, not forwarded twice");
    let ok = rig.says(ALPHA, sent.answer("200 OK", "", ""));
    assert_eq!(rig.says(PBX, &bye), ok);
    assert_eq!(names(&rig.signals()), ["mid BYE", "final BYE 200"]);
}

/// RFC 4028 §5: the caller's second INVITE has the same Call-ID and tag and a higher CSeq.
#[test]
fn a_422_passes_and_the_retry_is_an_attempt_of_the_same_call() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let brief = "Min-SE: 1800\r\n";
    let up = rig.says(ALPHA, sent.answer("422 Session Interval Too Small", "b", brief)).remove(1);
    assert_eq!(up.first_line(), "SIP/2.0 422 Session Interval Too Small");
    assert!(up.text().contains(brief));
    assert_eq!(rig.says(PBX, ack("a", "b")), []);
    rig.signals();
    let again = request("INVITE", "a", "Session-Expires: 1800\r\nMin-SE: 1800\r\n")
        .replace("z9hG4bKa", "z9hG4bKa2")
        .replace("CSeq: 1 ", "CSeq: 2 ");
    rig.says(PBX, again);
    let (ask, offer) = rig.ask();
    assert_eq!((offer.ids.call_id.as_str(), offer.ids.from_tag.as_str()), ("a@pbx", "froma"));
    assert_eq!(offer.cseq, 2);
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    assert!(sent.text().contains("Session-Expires: 1800\r\nMin-SE: 1800\r\n"));
}
