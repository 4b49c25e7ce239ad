//! One call, one target.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;

const SDP: &str = "Content-Type: application/sdp\r\nContact: <sip:gw@10.0.1.1:5060>\r\n\
                   Content-Length: 26\r\n\r\nv=0\r\nm=audio 1 RTP/AVP 0\r\n";

fn dialog_request(answer: &Sent, method: &str, cseq: u32, branch: &str) -> String {
    // The caller's route set: Record-Route reversed; target: Contact (RFC 3261 §12.1.2).
    let mut routes = answer.all(Name::RecordRoute);
    routes.reverse();
    let routes: String = routes.iter().map(|r| format!("Route: {r}\r\n")).collect();
    format!(
        "{method} sip:gw@10.0.1.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\n{routes}\
         From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        answer.one(Name::From),
        answer.one(Name::To),
        answer.one(Name::CallId),
    )
}

// proves: RFC 3261 §16.11 ack
// proves: RFC 3261 §16.6 item 2
// proves: RFC 3261 §16.6 item 10
// proves: RFC 3261 §16.7 item 9
// proves: RFC 6026 §7.1 ack
// proves: RFC 3261 §16.7 item 5
#[test]
fn a_call_is_set_up_and_torn_down() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    assert_eq!((sent.to.as_str(), sent.from.as_str()), (ALPHA, US));
    assert_eq!(sent.first_line(), "INVITE sip:13800138000@10.0.1.1:5060 SIP/2.0");
    let vias = sent.all(Name::Via);
    assert!(vias[0].starts_with("SIP/2.0/UDP 10.9.9.9:5060;rport;branch=z9hG4bK00000001t"));
    assert_eq!(vias[1], "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa;rport=5060;received=10.0.0.1");
    assert_eq!(sent.one(Name::MaxForwards), "69");
    assert!(sent.one(Name::RecordRoute).starts_with("<sip:10.9.9.9:5060;lr;tl=00010002"));

    let up = rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    assert_eq!(up.len(), 1);
    assert_eq!((up[0].to.as_str(), up[0].all(Name::Via).len()), (PBX, 1));
    let ok = rig.says(ALPHA, sent.answer("200 OK", "b", SDP)).remove(0);
    assert!(ok.text().ends_with("v=0\r\nm=audio 1 RTP/AVP 0\r\n"));

    let acks = rig.says(PBX, dialog_request(&ok, "ACK", 1, "ack1"));
    assert_eq!((acks.len(), acks[0].to.as_str()), (1, ALPHA));
    assert!(acks[0].first_line().starts_with("ACK sip:gw@10.0.1.1:5060"));
    assert!(acks[0].all(Name::Route).is_empty());
    let again = rig.says(PBX, dialog_request(&ok, "ACK", 1, "ack1"));
    assert_eq!(again, acks, "a repeated ACK keeps its branch");

    let bye = rig.says(PBX, dialog_request(&ok, "BYE", 2, "bye1")).remove(0);
    assert_eq!(bye.to, ALPHA);
    let done = rig.says(ALPHA, bye.answer("200 OK", "", ""));
    assert_eq!((done.len(), done[0].to.as_str()), (1, PBX));
    assert_eq!(
        names(&rig.signals()),
        ["forwarded 2", "response 180 2", "response 200 2", "mid BYE", "final BYE 200"]
    );
    rig.assert_empty();
}

#[test]
fn the_offer_says_who_calls_whom() {
    let mut rig = Rig::new();
    let extra =
        "P-Asserted-Identity: \"x\" <tel:+861012345678>, <sip:z@h>\r\nx-purpose: collection\r\n";
    rig.says(PBX, request("INVITE", "o", extra));
    let (ask, offer) = rig.ask();
    assert_eq!((offer.peer, offer.kind), (PBX_ID, PeerKind::Pbx));
    assert_eq!(offer.dialed, "13800138000");
    assert_eq!((offer.from_user.as_str(), offer.from_display.as_str()), ("8001", "Desk \"7\""));
    assert_eq!(offer.to_user, "13800138000");
    assert_eq!(offer.asserted_user.as_deref(), Some("+861012345678"));
    assert_eq!(offer.purpose.as_deref(), Some("collection"));
    assert_eq!(offer.ids.call_id, "o@pbx");
    assert_eq!((offer.ids.from_tag.as_str(), offer.ids.to_tag.as_str()), ("fromo", ""));
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    assert!(!sent.text().to_lowercase().contains("x-purpose"), "stripped");
}

#[test]
fn a_retransmitted_invite_is_not_asked_twice() {
    let mut rig = Rig::new();
    rig.says(PBX, invite("a"));
    let again = rig.says(PBX, invite("a"));
    assert!(again[0].first_line().contains("100"));
    assert_eq!(names(&rig.signals()), ["ask"]);
    assert_eq!(rig.core.counters().invites, 1);
}

// proves: RFC 3261 §17.2.1 timer G
// proves: RFC 6432 all
#[test]
fn refusal_is_repeated_until_its_ack_and_the_ack_stays_here() {
    let mut rig = Rig::new();
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    let refusal = Refusal {
        status: 403,
        phrase: "Outside Hours".into(),
        headers: vec!["Reason: Q.850;cause=21;text=\"night\"".into(), "Evil: a\r\nX: y".into()],
    };
    rig.core.refuse(rig.now, ask, refusal.clone(), &mut rig.out);
    let no = rig.take().remove(0);
    assert_eq!((no.first_line().as_str(), no.to.as_str()), ("SIP/2.0 403 Outside Hours", PBX));
    assert_eq!(no.one(Name::Reason), "Q.850;cause=21;text=\"night\"");
    assert!(!no.text().contains("Evil"));
    let signals = rig.signals();
    assert!(
        matches!(&signals[..], [Signal::Rejected { status: 403, local: true, reason: Some(r), .. }]
        if r.q850 == Some(21) && r.text == "night")
    );
    assert_eq!(rig.wait_ms(520).len(), 1, "timer G");
    assert_eq!(rig.wait_ms(1010).len(), 1);
    let tag = no.one(Name::To).split(";tag=").nth(1).unwrap().to_owned();
    assert_eq!(rig.says(PBX, ack("a", &tag)), []);
    assert_eq!(rig.wait_ms(10_000), []);
    rig.core.refuse(rig.now, ask, refusal, &mut rig.out);
    assert_eq!((rig.take().len(), rig.core.counters().asks_unknown), (0, 1));
    rig.assert_empty();
}

// proves: RFC 3261 §7.3.1 list
// proves: RFC 3261 §16.7 item 3
#[test]
fn comma_joined_vias_lose_ours_alone() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let vias = sent.all(Name::Via);
    let answer = sent.answer("180 Ringing", "b", "");
    let joined = answer.replace(
        &format!("Via: {}\r\nVia: {}\r\n", vias[0], vias[1]),
        &format!("v: {} , {}\r\n", vias[0], vias[1]),
    );
    assert_ne!(answer, joined);
    let up = rig.says(ALPHA, joined).remove(0);
    assert!(up.text().contains(&format!("v: {}\r\n", vias[1])), "{}", up.text());
}

// proves: RFC 3261 §16.3 item 1b
// proves: RFC 3261 §16.6 item 1
// proves: RFC 3261 §16.7 item 9
#[test]
fn bytes_are_what_they_were() {
    let mut rig = Rig::new();
    let odd = b"X-Odd :  \xfcml\xe4ut \t;; x\r\nsubject:folded\r\n  line\r\n\
        Identity: \"a\" ;  alg=rs256\r\n";
    let text = invite("a").into_bytes();
    let at = text.windows(8).position(|w| w == b"Contact:").unwrap();
    let mut bytes = text[..at].to_vec();
    bytes.extend_from_slice(odd);
    bytes.extend_from_slice(&text[at..]);
    rig.says(PBX, &bytes);
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    assert!(sent.bytes.windows(odd.len()).any(|w| w == odd));
    // Everything from From on is untouched.
    let tail = |b: &[u8]| b[b.windows(6).position(|w| w == b"From: ").unwrap()..].to_vec();
    assert_eq!(tail(&sent.bytes), tail(&bytes));

    let phrase = b"SIP/2.0 403 Caller Origination N\xfcmber is Invalid";
    let answer = sent.answer("403 X", "b", "").into_bytes();
    let mut answer = [phrase, &answer[b"SIP/2.0 403 X".len()..]].concat();
    let end = answer.len() - 2;
    answer.splice(end..end, odd.iter().copied());
    let sends = rig.says(ALPHA, &answer);
    let up = sends.iter().find(|s| s.to == PBX).unwrap();
    assert!(up.bytes.starts_with(phrase));
    assert!(up.bytes.windows(odd.len()).any(|w| w == odd));
}

// proves: RFC 3261 §18.3
// proves: RFC 3261 §18.3 none
#[test]
fn body_runs_to_the_end_of_the_datagram() {
    let mut rig = Rig::new();
    let body = b"v=0\r\n\xff\x00binary";
    let head = invite("a").replace("Content-Length: 0\r\n", "Content-Type: application/sdp\r\n");
    rig.says(PBX, [head.as_bytes(), body].concat());
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    assert!(sent.bytes.ends_with(body));
    // With Content-Length, what follows the body is cut; a longer one is refused.
    let cut = invite("b").replace("Content-Length: 0", "Content-Length: 2") + "v=garbage";
    rig.says(PBX, cut);
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    assert!(sent.bytes.ends_with(b"\r\n\r\nv="));
    let long = invite("c").replace("Content-Length: 0", "Content-Length: 5");
    assert!(rig.says(PBX, long)[0].first_line().contains("400"));
}

// proves: RFC 6026 §7.1
// proves: RFC 6026 §7.1 ack
// proves: RFC 6026 §7.2
// proves: RFC 6026 §7.3
// proves: RFC 3261 §16.7 item 5d
// proves: RFC 3261 §16.7 item 1
#[test]
fn forwarded_2xx_is_repeated_and_forks_pass() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let ok = sent.answer("200 OK", "b", SDP);
    for _ in 0..3 {
        assert_eq!(rig.says(ALPHA, &ok).len(), 1);
        rig.wait_ms(500);
    }
    let fork = sent.answer("200 OK", "c", SDP);
    assert_eq!(rig.says(ALPHA, &fork).len(), 1);
    assert_eq!(names(&rig.signals()), ["forwarded 2", "response 200 2", "response 200 2"]);
    assert_eq!(rig.says(PBX, invite("a")), [], "a repeated INVITE is absorbed");
    // sipp repeats the INVITE's branch in the ACK of a 2xx: it still is end-to-end.
    let up = rig.says(ALPHA, &ok).remove(0);
    let acks = rig.says(PBX, dialog_request(&up, "ACK", 1, "a"));
    assert_eq!((acks.len(), acks[0].to.as_str()), (1, ALPHA));
    rig.wait_ms(40_000);
    assert_eq!(rig.says(ALPHA, &ok), [], "RFC 6026: a stray 2xx goes nowhere");
    assert_eq!(rig.core.counters().stray_responses, 1);
    rig.assert_empty();
}

// proves: RFC 3261 §9.1 wait
// proves: RFC 3261 §16.10
// proves: RFC 3261 §16.7 item 5b
// proves: RFC 3326 §2
// proves: RFC 3326 §2 read
#[test]
fn cancel_waits_for_a_provisional() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let ok = rig.says(PBX, cancel("a"));
    assert_eq!((ok.len(), ok[0].first_line().as_str()), (1, "SIP/2.0 200 OK"));
    let down = rig.says(ALPHA, sent.answer("100 Trying", "", ""));
    assert_eq!(down.len(), 1, "100 is not passed on, CANCEL goes out");
    assert!(down[0].first_line().starts_with("CANCEL sip:13800138000@10.0.1.1:5060"));
    assert_eq!(down[0].branch(), sent.branch());
    assert_eq!(down[0].one(Name::Reason), "Q.850;cause=16;text=\"bye\"");
    assert_eq!(rig.wait_ms(520).len(), 1, "CANCEL is repeated");
    assert_eq!(rig.says(ALPHA, down[0].answer("200 OK", "b", "")), []);
    assert_eq!(rig.wait_ms(3000), []);
    assert_eq!(rig.says(PBX, cancel("a")).len(), 1, "each CANCEL is answered");
    let last = rig.says(ALPHA, sent.answer("487 Request Terminated", "b", ""));
    assert_eq!(last.iter().map(|s| s.to.as_str()).collect::<Vec<_>>(), [ALPHA, PBX]);
    assert!(last[0].first_line().starts_with("ACK"));
    assert_eq!(last[0].branch(), sent.branch());
    let signals = rig.signals();
    assert_eq!(
        names(&signals),
        ["forwarded 2", "cancelled", "response 487 2", "rejected 487 false"]
    );
    assert!(matches!(&signals[1], Signal::Cancelled { reason: Some(r), .. } if r.q850 == Some(16)));
    rig.says(PBX, ack("a", "b"));
    rig.assert_empty();
}

// proves: RFC 3261 §16.7 item 5
#[test]
fn a_200_that_crosses_the_cancel_is_passed_on() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    assert_eq!(rig.says(PBX, cancel("a")).len(), 2, "200 up, CANCEL down");
    let ok = rig.says(ALPHA, sent.answer("200 OK", "b", SDP));
    assert_eq!((ok.len(), ok[0].to.as_str()), (1, PBX));
    assert_eq!(
        names(&rig.signals()),
        ["forwarded 2", "response 180 2", "cancelled", "response 200 2"]
    );
    let bye = rig.says(PBX, dialog_request(&ok[0], "BYE", 2, "bye"));
    assert_eq!(bye[0].to, ALPHA);
    rig.wait_ms(40_000);
    rig.assert_empty();
}

// proves: RFC 3261 §16.10
#[test]
fn invite_and_immediate_cancel_leave_nothing() {
    let mut rig = Rig::new();
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    let answers = rig.says(PBX, cancel("a"));
    let lines: Vec<_> = answers.iter().map(Sent::first_line).collect();
    assert_eq!(lines, ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(answers[0].one(Name::To), answers[1].one(Name::To), "one To tag (§9.2)");
    assert_eq!(names(&rig.signals()), ["cancelled", "rejected 487 true"]);
    assert_eq!(rig.route(ask, &[(ALPHA_ID, ALPHA)]), []);
    assert_eq!(rig.core.counters().asks_unknown, 1);
    let tag = answers[1].one(Name::To).split(";tag=").nth(1).unwrap().to_owned();
    assert_eq!(rig.says(PBX, ack("a", &tag)), []);
    rig.assert_empty();
}

// proves: RFC 3261 §9.2
#[test]
fn a_cancel_is_matched_by_branch_and_sender() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    let other_port = cancel("a").replace("10.0.0.1:5060;branch", "10.0.0.1:5999;branch");
    assert_eq!(
        rig.says(ALPHA, &other_port)[0].first_line().as_str(),
        "SIP/2.0 481 Call/Transaction Does Not Exist"
    );
    assert_eq!(rig.says(PBX, other_port).len(), 2);
    assert!(rig.says(PBX, cancel("zz"))[0].first_line().contains("481"));
}

// proves: RFC 3261 §16.6 item 11
// proves: RFC 3261 §16.7 item 2
// proves: RFC 3261 §16.8
#[test]
fn timer_c_ends_a_call_that_rings_for_ever() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    assert_eq!(rig.wait_ms(150_000), []);
    rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    rig.says(ALPHA, sent.answer("100 Trying", "", ""));
    assert_eq!(rig.wait_ms(185_000), [], "101-199 starts it anew");
    let cancel = rig.wait_ms(6_000);
    assert!(cancel[0].first_line().starts_with("CANCEL"));
    let end = rig.says(ALPHA, sent.answer("487 Request Terminated", "b", ""));
    assert_eq!(end[1].first_line(), "SIP/2.0 408 Request Timeout");
    assert_eq!(
        rig.signals().last().map(|s| names(std::slice::from_ref(s))).unwrap(),
        ["rejected 408 true"]
    );
    rig.says(PBX, ack("a", "x"));
    rig.assert_empty();
}

#[test]
fn inbound_calls_reach_the_pbx() {
    let mut rig = Rig::new();
    let invite = invite("in").replace("10.0.0.1", "10.0.1.1");
    rig.says(ALPHA, invite);
    let (ask, offer) = rig.ask();
    assert_eq!((offer.peer, offer.kind), (ALPHA_ID, PeerKind::Carrier));
    let sent = rig.route(ask, &[(PBX_ID, PBX)]).remove(0);
    assert_eq!(sent.to, PBX);
    let ok = rig.says(PBX, sent.answer("200 OK", "b", "")).remove(0);
    assert_eq!(ok.to, ALPHA);
}

// proves: RFC 3261 §16.4 pop
// proves: RFC 3261 §16.12 item 2
#[test]
fn a_preloaded_route_to_us_is_popped_and_a_foreign_uri_stays() {
    let mut rig = Rig::new();
    let text = request("INVITE", "r", "Route: <sip:10.9.9.9:5060;lr>, <sip:edge.example;lr>\r\n")
        .replace("INVITE sip:13800138000@10.9.9.9", "INVITE sip:13800138000@carrier.example");
    rig.says(PBX, text);
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    assert_eq!(sent.to, ALPHA);
    assert_eq!(sent.first_line(), "INVITE sip:13800138000@carrier.example SIP/2.0");
    assert_eq!(sent.all(Name::Route), ["<sip:edge.example;lr>"]);
}

// proves: RFC 3261 §17.2.3 old
#[test]
fn branches_of_rfc_2543_still_make_transactions() {
    let mut rig = Rig::new();
    let old = |text: String| text.replace("branch=z9hG4bKa", "branch=1");
    rig.says(PBX, old(invite("a")));
    let (ask, _) = rig.ask();
    assert!(rig.says(PBX, old(invite("a")))[0].first_line().contains("100"));
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    let other = old(invite("a")).replace("a@pbx", "other@pbx");
    rig.says(PBX, other);
    rig.ask(); // another call, though the branch is the same
    rig.says(ALPHA, sent.answer("486 Busy Here", "b", ""));
    assert_eq!(rig.says(PBX, old(ack("a", "b"))), []);
    assert_eq!(rig.core.counters().stray_acks, 0);
}

// proves: RFC 3261 §17.2.3 old
#[test]
fn without_a_branch_every_part_tells_requests_apart() {
    let mut rig = Rig::new();
    let first = invite("a").replace(";branch=z9hG4bKa", "");
    rig.says(PBX, &first);
    rig.ask();
    assert!(rig.says(PBX, &first)[0].first_line().contains("100"), "the same one again");
    assert_eq!(rig.signals(), []);
    for (what, with) in [
        ("INVITE sip:13800138000@", "INVITE sip:13900139000@"),
        ("tag=f", "tag=other"),
        ("a@pbx", "other@pbx"),
        ("CSeq: 1 ", "CSeq: 2 "),
        ("rport", "x=1;rport"),
    ] {
        assert_eq!(first.matches(what).count(), 1, "{what} in {first}");
        rig.says(PBX, first.replace(what, with));
        rig.ask(); // another request
    }
}

// proves: RFC 3261 §17.2.3 old ack
#[test]
fn an_ack_without_a_branch_needs_the_to_tag_of_the_answer() {
    let mut rig = Rig::new();
    let old = |text: String| text.replace(";branch=z9hG4bKa", "");
    rig.says(PBX, old(invite("a")));
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    rig.says(ALPHA, sent.answer("486 Busy Here", "b", ""));
    rig.says(PBX, old(ack("a", "c")));
    let repeated = rig.wait_ms(500);
    assert!(repeated.iter().any(|s| s.first_line().contains("486")), "that was not its ACK");
    assert_eq!(rig.says(PBX, old(ack("a", "b"))), []);
    assert_eq!(rig.wait_ms(2_000), [], "acknowledged");
    assert_eq!(rig.says(PBX, old(ack("a", "b"))), [], "and once more");
    rig.wait_ms(40_000);
    rig.assert_empty();
}
