//! Clauses that no story tells, one a test. What they prove is in docs/rfc-coverage.md.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;

const BOTH: &[(PeerId, &str)] = &[(ALPHA_ID, ALPHA), (BETA_ID, BETA)];

/// A request that goes on to alpha, outside any dialog.
fn message(name: &str) -> String {
    request("MESSAGE", name, "").replacen("sip:13800138000@10.9.9.9", "sip:a@example.com", 1)
}

fn times(rig: &mut Rig, step_ms: u64, steps: u64, to: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for step in 1..=steps {
        let sent = rig.wait_ms(step_ms);
        found.extend(sent.iter().filter(|s| s.to == to).map(|_| step * step_ms));
    }
    found
}

// proves: RFC 3261 §8.2.6.1
// proves: RFC 3261 §8.2.6.2
#[test]
fn answers_mirror_what_identifies_the_request() {
    let mut rig = Rig::new();
    let text = request("INVITE", "a", "Timestamp: 54\r\nVia: SIP/2.0/TCP h2;branch=z9hG4bKx\r\n");
    let trying = rig.says(PBX, text).remove(0);
    assert_eq!(trying.one(Name::Timestamp), "54");
    let (ask, _) = rig.ask();
    let refusal = Refusal { status: 404, phrase: "X".into(), headers: Vec::new() };
    rig.core.refuse(rig.now, ask, refusal, &mut rig.out);
    let no = rig.take().remove(0);
    for answer in [&trying, &no] {
        assert_eq!(answer.one(Name::From), "\"Desk \\\"7\\\"\" <sip:8001@10.0.0.1>;tag=froma");
        assert_eq!(answer.one(Name::CallId), "a@pbx");
        assert_eq!(answer.one(Name::CSeq), "1 INVITE");
        let vias = answer.all(Name::Via);
        assert!(vias[0].starts_with("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa;"), "{vias:?}");
        assert_eq!(vias[1], "SIP/2.0/TCP h2;branch=z9hG4bKx");
    }
    assert!(no.all(Name::Timestamp).is_empty());
}

// proves: RFC 3261 §8.2.6.2 tag
#[test]
fn final_answers_have_one_tag_and_100_has_none() {
    let mut rig = Rig::new();
    let trying = rig.says(PBX, invite("a")).remove(0);
    assert_eq!(trying.one(Name::To), "<sip:13800138000@10.9.9.9>");
    let sent = rig.says(PBX, cancel("a"));
    let tags: Vec<String> = sent.iter().map(|s| s.one(Name::To)).collect();
    assert_eq!(tags.len(), 2);
    assert!(tags[0].starts_with("<sip:13800138000@10.9.9.9>;tag=") && tags[0] == tags[1]);
    // A tag that is there stays.
    let tagged = invite("b").replace("To: <sip:13800138000@10.9.9.9>", "To: <sip:x@h>;tag=t");
    assert_eq!(rig.says(PBX, tagged)[0].one(Name::To), "<sip:x@h>;tag=t");
}

// proves: RFC 3261 §9.1
// proves: RFC 3261 §9.1 route
// proves: RFC 3261 §17.1.1.3
#[test]
fn cancel_and_ack_copy_the_invite_as_it_left() {
    let mut rig = Rig::new();
    let route = "Route: <sip:edge.example;lr>\r\nProxy-Authorization: x\r\n";
    let text = request("INVITE", "a", route).replace("CSeq: 1 ", "CSeq: 77 ");
    rig.says(PBX, text);
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    let down = rig.says(PBX, cancel("a"));
    let cancel = down.iter().find(|s| s.to == ALPHA).unwrap();
    let ack = rig.says(ALPHA, sent.answer("487 Request Terminated", "c", "")).remove(0);
    let uri = sent.first_line().split(' ').nth(1).unwrap().to_owned();
    for (method, own) in [("CANCEL", cancel), ("ACK", &ack)] {
        assert_eq!((own.to.as_str(), own.first_line()), (ALPHA, format!("{method} {uri} SIP/2.0")));
        assert_eq!(own.all(Name::Via), sent.all(Name::Via)[..1], "one Via, the INVITE's");
        for name in [Name::From, Name::CallId, Name::Route] {
            assert_eq!(own.all(name), sent.all(name), "{name:?}");
        }
        assert_eq!(own.one(Name::CSeq), format!("77 {method}"));
    }
    assert_eq!(cancel.one(Name::To), sent.one(Name::To), "as the INVITE had it");
    assert_eq!(ack.one(Name::To), format!("{};tag=c", sent.one(Name::To)), "as the answer had it");
}

// proves: RFC 3261 §9.1 late
// proves: RFC 3261 §9.2 answered
#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    rig.says(ALPHA, sent.answer("200 OK", "b", ""));
    rig.signals();
    let answers = rig.says(PBX, cancel("a"));
    assert_eq!(answers.len(), 1, "no CANCEL down, no 487 up: {answers:?}");
    assert_eq!((answers[0].to.as_str(), answers[0].first_line().as_str()), (PBX, "SIP/2.0 200 OK"));
    assert_eq!(rig.signals(), []);
}

// proves: RFC 3261 §9.1 end
#[test]
fn a_cancelled_target_that_never_answers_ends_after_64_t1() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    let cancels = rig.says(PBX, cancel("a"));
    let own = cancels.iter().find(|s| s.to == ALPHA).unwrap();
    rig.says(ALPHA, own.answer("200 OK", "b", ""));
    let before = rig.wait_ms(31_500);
    assert!(before.iter().all(|s| s.to != PBX), "{before:?}");
    let up = rig.wait_ms(1_000);
    assert_eq!(up[0].first_line(), "SIP/2.0 487 Request Terminated");
    rig.says(PBX, ack("a", "x"));
    rig.wait_ms(40_000);
    rig.assert_empty();
}

// proves: RFC 3261 §16.5 empty
#[test]
fn no_target_is_480() {
    let mut rig = Rig::new();
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    assert_eq!(rig.route(ask, &[])[0].first_line(), "SIP/2.0 480 Temporarily Unavailable");
}

// proves: RFC 3261 §16.3 merged
#[test]
fn two_requests_with_one_call_id_and_other_branches_are_two_requests() {
    let mut rig = Rig::new();
    rig.says(PBX, invite("a"));
    rig.ask();
    let merged = invite("a").replace("branch=z9hG4bKa", "branch=z9hG4bKb");
    assert!(rig.says(PBX, merged)[0].first_line().starts_with("SIP/2.0 100"));
    rig.ask();
}

// proves: RFC 3261 §16.6 item 7b
// proves: RFC 3261 §8.1.1.7
#[test]
fn each_attempt_has_a_branch_of_its_own() {
    let mut rig = Rig::new();
    let (_, first) = rig.call(BOTH);
    let next = rig.says(ALPHA, first.answer("503 X", "x", ""));
    let second = next.iter().find(|s| s.to == BETA).unwrap();
    assert_ne!(first.branch(), second.branch());
    for sent in [&first, second] {
        assert!(sent.branch().starts_with("z9hG4bK") && sent.branch().len() > 20);
    }
}

// proves: RFC 3261 §16.6 item 8b
// proves: RFC 5393 §4.2.2
#[test]
fn a_spiral_with_another_way_is_no_loop() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let via = "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKspiral\r\nVia: ";
    let back = sent.text().replacen("Via: ", via, 1).replace("@10.0.1.1:5060 SIP", "@10.9.9.9 SIP");
    assert!(rig.says(PBX, &back)[0].first_line().contains("482"), "the same way: a loop");
    for (what, from, to) in [
        ("Request-URI", "INVITE sip:13800138000@", "INVITE sip:13800138001@"),
        ("Route", "Max-Forwards:", "Route: <sip:other.example;lr>\r\nMax-Forwards:"),
        ("Proxy-Authorization", "Max-Forwards:", "Proxy-Authorization: x\r\nMax-Forwards:"),
        ("CSeq", "CSeq: 1 ", "CSeq: 2 "),
        ("From tag", "tag=froma", "tag=other"),
    ] {
        let spiral = back.replacen(from, to, 1).replace("bKspiral", &format!("bK{}", what.len()));
        let answer = rig.says(PBX, spiral).remove(0).first_line();
        assert!(answer.contains(" 100 "), "{what}: {answer}");
    }
}

// proves: RFC 3261 §16.7 item 4
// proves: RFC 3261 §16.7 item 6
#[test]
fn the_best_answer_of_all_targets_goes_up() {
    for (first, second, best) in [
        ("503 X", "486 Busy Here", "486 Busy Here"),
        ("408 X", "603 Decline", "603 Decline"),
        ("503 X", "404 Not Found", "404 Not Found"),
        ("408 Request Timeout", "503 X", "408 Request Timeout"),
    ] {
        let mut rig = Rig::new();
        let (_, sent) = rig.call(BOTH);
        let next = rig.says(ALPHA, sent.answer(first, "x", ""));
        assert!(next.iter().all(|s| s.to != PBX), "{first} waits for the others");
        let other = next.iter().find(|s| s.to == BETA).unwrap();
        let up = rig.says(BETA, other.answer(second, "y", ""));
        let up = up.iter().find(|s| s.to == PBX).unwrap();
        assert_eq!(up.first_line(), format!("SIP/2.0 {best}"), "{first}, {second}");
    }
}

// proves: RFC 3261 §16.7 item 6d
#[test]
fn the_to_tag_of_the_callee_stays() {
    for status in ["183 Progress", "200 OK", "486 Busy Here"] {
        let mut rig = Rig::new();
        let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
        let up = rig.says(ALPHA, sent.answer(status, "callee", ""));
        let up = up.iter().find(|s| s.to == PBX).unwrap();
        assert_eq!(up.one(Name::To), "<sip:13800138000@10.9.9.9>;tag=callee", "{status}");
    }
}

// proves: RFC 3261 §16.7 item 10
// proves: RFC 3261 §16.7 item 5d
#[test]
fn the_first_2xx_cancels_the_others_and_a_fork_below_passes() {
    let mut rig = Rig::new();
    let (_, first) = rig.call(BOTH);
    let second = rig.wait_ms(4_010).pop().unwrap();
    rig.says(BETA, second.answer("180 Ringing", "y", ""));
    let sent = rig.says(ALPHA, first.answer("200 OK", "x", ""));
    assert!(sent.iter().any(|s| s.to == BETA && s.first_line().starts_with("CANCEL ")), "{sent:?}");
    let fork = rig.says(ALPHA, first.answer("200 OK", "z", ""));
    assert_eq!((fork.len(), fork[0].to.as_str()), (1, PBX));
}

// proves: RFC 3261 §17.1.1.2 timer A
// proves: RFC 3261 §17.1.1.2 timer B
// proves: RFC 3261 §16.7 item 6b
#[test]
fn an_unanswered_invite_is_repeated_with_doubling_gaps_and_given_up_after_64_t1() {
    let mut rig = Rig::new();
    rig.call(&[(ALPHA_ID, ALPHA)]);
    let sent = times(&mut rig, 100, 319, ALPHA);
    assert_eq!(sent, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    let end = rig.wait_ms(200);
    assert_eq!(end.last().unwrap().first_line(), "SIP/2.0 408 Request Timeout");
}

// proves: RFC 3261 §17.1.1.2 provisional
#[test]
fn a_provisional_response_ends_the_repetition() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("100 Trying", "", ""));
    assert_eq!(rig.wait_ms(60_000), []);
}

// proves: RFC 3261 §17.1.1.2 timer D
#[test]
fn a_repeated_rejection_gets_its_ack_again_for_32_seconds() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let busy = sent.answer("486 Busy Here", "b", "");
    let ack_of = |sent: Vec<Sent>| sent.into_iter().find(|s| s.to == ALPHA);
    let first = ack_of(rig.says(ALPHA, &busy)).unwrap();
    rig.says(PBX, ack("a", "b"));
    for _ in 0..3 {
        rig.wait_ms(10_000);
        let again = rig.says(ALPHA, &busy);
        assert_eq!(again, std::slice::from_ref(&first), "the ACK, and nothing goes up twice");
    }
    rig.wait_ms(3_000);
    assert_eq!(rig.says(ALPHA, &busy), []);
}

// proves: RFC 3261 §17.1.2.2 timer E
// proves: RFC 3261 §17.1.2.2 timer F
// proves: RFC 4320 §4.2
#[test]
fn an_unanswered_message_is_repeated_up_to_t2_and_ends_without_408() {
    let mut rig = Rig::new();
    assert_eq!(rig.says(PBX, message("m"))[0].to, ALPHA);
    let sent = times(&mut rig, 100, 340, ALPHA);
    let expected = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(sent, expected);
    assert_eq!(rig.core.counters().timeouts, 1);
    rig.assert_empty();
}

// proves: RFC 4320 §4.2
// proves: RFC 3261 §17.1.2.2 timer K
// proves: RFC 4320 §4.2 late
#[test]
fn a_408_and_repeated_answers_to_a_message_go_no_further() {
    let mut rig = Rig::new();
    let sent = rig.says(PBX, message("m")).remove(0);
    assert_eq!(rig.says(ALPHA, sent.answer("408 Request Timeout", "b", "")), []);
    let sent = rig.says(PBX, message("n")).remove(0);
    let ok = sent.answer("200 OK", "b", "");
    assert_eq!(rig.says(ALPHA, &ok).len(), 1);
    assert_eq!(rig.says(ALPHA, &ok), [], "timer K absorbs it");
    assert_eq!(rig.core.counters().stray_responses, 0);
    rig.wait_ms(5_100);
    assert_eq!(rig.says(ALPHA, &ok), []);
    assert_eq!(rig.core.counters().stray_responses, 1, "its transaction is over");
}

// proves: RFC 3261 §17.1.2.2 timer K
#[test]
fn a_repeated_answer_inside_a_dialog_is_told_once() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("200 OK", "b", ""));
    let route = format!("Route: {}\r\n", sent.one(Name::RecordRoute));
    let bye = request("BYE", "bye", &route)
        .replace("sip:13800138000@10.9.9.9 SIP", "sip:gw@10.0.1.1 SIP")
        .replace("To: <sip:13800138000@10.9.9.9>", "To: <sip:13800138000@10.9.9.9>;tag=b")
        .replace("tag=frombye", "tag=froma")
        .replace("bye@pbx", "a@pbx");
    let bye = rig.says(PBX, bye).remove(0);
    rig.signals();
    let ok = bye.answer("200 OK", "", "");
    assert_eq!(rig.says(ALPHA, &ok).len(), 1);
    assert_eq!(rig.says(ALPHA, &ok), []);
    assert_eq!(names(&rig.signals()), ["final BYE 200"]);
}

// proves: RFC 3261 §17.1.3
#[test]
fn a_response_needs_the_branch_and_the_method_of_its_request() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let ringing = sent.answer("180 Ringing", "b", "");
    let other = ringing.replace("CSeq: 1 INVITE", "CSeq: 1 OPTIONS");
    assert_eq!(rig.says(ALPHA, other), []);
    let branch = sent.branch();
    let forged = ringing.replace(&branch, &format!("{}0", &branch[..branch.len() - 1]));
    assert_eq!(rig.says(ALPHA, forged), []);
    assert_eq!(rig.core.counters().stray_responses, 2);
    assert_eq!(rig.says(ALPHA, ringing).len(), 1);
}

// proves: RFC 3261 §17.2.1 repeat
// proves: RFC 3261 §17.2.1 100
// proves: RFC 3261 §16.2
#[test]
fn a_repeated_invite_gets_the_last_answer_again() {
    let mut rig = Rig::new();
    let trying = rig.says(PBX, invite("a"));
    assert_eq!(trying[0].first_line(), "SIP/2.0 100 Trying");
    assert_eq!(rig.says(PBX, invite("a")), trying);
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    let ringing = rig.says(ALPHA, sent.answer("183 Progress", "b", ""));
    assert_eq!(rig.says(PBX, invite("a")), ringing);
    let busy = rig.says(ALPHA, sent.answer("486 Busy Here", "b", ""));
    let busy: Vec<Sent> = busy.into_iter().filter(|s| s.to == PBX).collect();
    assert_eq!(rig.says(PBX, invite("a")), busy);
}

// proves: RFC 3261 §17.2.1 timer G
// proves: RFC 3261 §17.2.1 timer H
#[test]
fn a_rejection_is_repeated_up_to_t2_until_64_t1() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("486 Busy Here", "b", ""));
    let sent = times(&mut rig, 100, 400, PBX);
    let expected = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(sent, expected);
    rig.assert_empty();
}

// proves: RFC 3261 §17.2.1 timer I
#[test]
fn ack_ends_the_repetition_and_more_of_them_are_absorbed_for_t4() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("486 Busy Here", "b", ""));
    assert_eq!(rig.says(PBX, ack("a", "b")), []);
    assert_eq!(rig.wait_ms(4_900), []);
    assert_eq!(rig.says(PBX, ack("a", "b")), []);
    assert_eq!((rig.core.sizes().servers, rig.core.counters().stray_acks), (1, 0));
    rig.wait_ms(200);
    assert_eq!(rig.core.sizes().servers, 0);
}

// proves: RFC 3261 §17.2.2 trying
// proves: RFC 3261 §17.2.2 repeat
// proves: RFC 3261 §17.2.2 timer J
// proves: RFC 3261 §8.2.6.1 others
// proves: RFC 4320 §4.1
// proves: RFC 4320 §4.1 others
#[test]
fn a_repeated_message_is_dropped_then_answered_again() {
    let mut rig = Rig::new();
    let sent = rig.says(PBX, message("m"));
    assert_eq!((sent.len(), sent[0].to.as_str()), (1, ALPHA), "no 100");
    assert_eq!(rig.says(PBX, message("m")), []);
    assert_eq!(rig.says(ALPHA, sent[0].answer("183 Progress", "b", "")), []);
    let ok = rig.says(ALPHA, sent[0].answer("200 OK", "b", ""));
    assert_eq!(rig.says(PBX, message("m")), ok);
    rig.wait_ms(31_900);
    assert_eq!(rig.says(PBX, message("m")), ok);
    rig.wait_ms(200);
    assert_eq!(rig.says(PBX, message("m"))[0].to, ALPHA, "a new transaction");
}

// proves: RFC 4320 §4.1 late
#[test]
fn a_message_that_waits_long_gets_one_100_and_its_copies_the_same() {
    let mut rig = Rig::new();
    let sent = rig.says(PBX, message("m"));
    let up = |sent: Vec<Sent>| sent.into_iter().filter(|s| s.to == PBX).collect::<Vec<_>>();
    assert_eq!(up(rig.wait_ms(3_400)), [], "not before timer E is at T2: 0.5 + 1 + 2 s");
    let late = up(rig.wait_ms(200));
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].first_line(), "SIP/2.0 100 Trying");
    assert_eq!(late[0].all(Name::Via).len(), 1);
    assert_eq!(rig.says(PBX, message("m")), late);
    assert_eq!(up(rig.wait_ms(10_000)), [], "once");
    let ok = rig.says(ALPHA, sent[0].answer("200 OK", "b", ""));
    assert_eq!(ok[0].first_line(), "SIP/2.0 200 OK");
    assert_eq!(rig.says(PBX, message("m")), ok);
}

// proves: RFC 3261 §17.2.3
#[test]
fn requests_are_told_apart_by_branch_sent_by_and_method() {
    let mut rig = Rig::new();
    rig.says(PBX, message("m"));
    for (what, from, to) in [
        ("branch", "branch=z9hG4bKm", "branch=z9hG4bKn"),
        ("sent-by", "UDP 10.0.0.1:5060", "UDP 10.0.0.1:5062"),
        ("method", "MESSAGE", "PUBLISH"),
    ] {
        let sent = rig.says(PBX, message("m").replace(from, to));
        assert_eq!(sent.len(), 1, "another {what} is another transaction");
    }
    assert_eq!(rig.says(PBX, message("m")), []);
    // What the branch says of itself outweighs everything else.
    assert_eq!(rig.says(PBX, message("m").replace("Call-ID: m@", "Call-ID: other@")), []);
}

// proves: RFC 3261 §18.1.2
#[test]
fn a_response_with_a_foreign_via_on_top_is_dropped() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let foreign = "Via: SIP/2.0/UDP 10.7.7.7;branch=z9hG4bKforeign\r\nVia:";
    let text = sent.answer("180 Ringing", "b", "").replacen("Via:", foreign, 1);
    assert_eq!(rig.says(ALPHA, text), []);
    assert_eq!(rig.core.counters().stray_responses, 1);
}

// proves: RFC 3261 §18.2.2 received
// proves: RFC 3581 §4
// proves: RFC 3581 §4 reply
#[test]
fn answers_go_to_the_source_and_to_its_port_if_it_asks_for_that() {
    let mut rig = Rig::new();
    let from = "10.0.0.1:40000";
    let asked = invite("a").replace("10.0.0.1:5060;branch", "192.168.7.7:5062;branch");
    let answer = rig.says(from, &asked).remove(0);
    assert_eq!((answer.to.as_str(), answer.from.as_str()), (from, US));
    assert!(answer.one(Name::Via).contains(";rport=40000;received=10.0.0.1"), "{}", answer.text());
    let plain = asked.replace(";rport", "").replace("bKa", "bKb");
    assert_eq!(rig.says(from, plain)[0].to, "10.0.0.1:5062");
    let nothing = asked.replace(";rport", "").replace("bKa", "bKc").replace("7.7:5062", "7.7");
    assert_eq!(rig.says(from, nothing)[0].to, "10.0.0.1:5060");
}

// proves: RFC 3261 §18.3 response
#[test]
fn a_response_shorter_than_it_says_is_dropped() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let text = sent.answer("200 OK", "b", "").replace("Content-Length: 0", "Content-Length: 9");
    assert_eq!(rig.says(ALPHA, text), []);
    assert_eq!(rig.core.counters().malformed, 1);
}

// proves: RFC 3581 §3
// proves: RFC 3261 §18.1.1 sent-by
#[test]
fn our_via_asks_for_rport_and_names_our_socket() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    assert!(sent.one(Name::Via).starts_with("SIP/2.0/UDP 10.9.9.9:5060;rport;branch="));
    assert_eq!(sent.from, US);
}
