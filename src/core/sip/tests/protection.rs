//! What keeps calls alive when there is too much of everything, and ends them when nobody comes.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;
use std::time::Duration;

const CONTACT: &str = "Contact: <sip:gw@10.0.1.1:5060>\r\n";

fn inside(method: &str, cseq: u32, route: &str) -> String {
    format!(
        "{method} sip:gw@10.0.1.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK{method}{cseq}\r\n\
         Route: {route}\r\nMax-Forwards: 9\r\nFrom: <sip:x@h>;tag=froma\r\nTo: <sip:y@h>;tag=b\r\n\
         Call-ID: a@pbx\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

fn limited(rig: &mut Rig, seconds: u64, targets: &[PeerId]) -> Sent {
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    let plan = RoutePlan {
        targets: targets.to_vec(),
        post_dial_max: Some(Duration::from_secs(seconds)),
        strip: Vec::new(),
    };
    rig.core.route(rig.now, ask, plan, &mut rig.out);
    rig.take().remove(0)
}

#[test]
fn a_conversation_is_never_shed() {
    let mut config = config(1);
    config.limits.transactions_max = 4;
    let mut rig = Rig::with(config);
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("200 OK", "b", CONTACT));
    let route = sent.one(Name::RecordRoute);
    for i in 0..4 {
        rig.says(PBX, request("MESSAGE", &format!("m{i}"), ""));
    }
    rig.signals();
    for who in [invite("i"), request("MESSAGE", "m5", ""), request("SUBSCRIBE", "s", "")] {
        let busy = rig.says(PBX, who);
        assert_eq!(busy[0].first_line(), "SIP/2.0 503 Service Unavailable");
        assert_eq!(busy[0].one(Name::RetryAfter), "10");
    }
    let full = rig.core.sizes();
    for (method, cseq) in [("INFO", 2), ("INVITE", 3), ("BYE", 4)] {
        let text = inside(method, cseq, &route);
        let sent = rig.says(PBX, &text);
        assert_eq!((sent.len(), sent[0].to.as_str()), (1, ALPHA), "{method}");
        assert_eq!(rig.says(PBX, &text), sent, "a repeated one keeps its branch");
        let ok = rig.says(ALPHA, sent[0].answer("200 OK", "", ""));
        assert_eq!((ok.len(), ok[0].to.as_str(), ok[0].all(Name::Via).len()), (1, PBX, 1));
        assert!(names(&rig.signals()).contains(&format!("final {method} 200")));
    }
    assert_eq!(rig.core.sizes(), full, "and nothing is remembered of it");
    assert_eq!(rig.core.counters().passed_unremembered, 6);
    rig.wait_ms(40_000);
    rig.assert_empty();
}

// proves: RFC 5393 §5.3.3 none
// proves: RFC 5393 §5.3.3 max
// proves: RFC 5393 §5.3.3 spent
#[test]
fn max_breadth_is_one_number_up_to_60_and_0_is_440() {
    let mut rig = Rig::new();
    assert!(
        rig.says(PBX, request("INVITE", "z", "Max-Breadth: 0\r\n"))[0]
            .first_line()
            .starts_with("SIP/2.0 440 ")
    );
    for (name, came, leaves) in [
        ("none", "", "60"),
        ("one", "Max-Breadth: 1\r\n", "1"),
        ("most", "max-breadth : 60\r\n", "60"),
        ("more", "Max-Breadth: 61\r\n", "60"),
        ("huge", "Max-Breadth: 99999999999999999999\r\n", "60"),
        ("words", "Max-Breadth: many\r\n", "60"),
        ("two", "Max-Breadth: 7\r\nMax-Breadth: 9\r\n", "7"),
    ] {
        rig.says(PBX, request("INVITE", name, came));
        let (ask, _) = rig.ask();
        let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
        let text = sent.text().to_ascii_lowercase();
        let values: Vec<_> = text
            .lines()
            .filter_map(|l| l.strip_prefix("max-breadth"))
            .map(|rest| rest.trim_start_matches([' ', ':']))
            .collect();
        assert_eq!(values, [leaves], "{name}");
    }
    // Inside a dialog too.
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let ok = rig.says(ALPHA, sent.answer("200 OK", "b", CONTACT)).remove(0);
    let sent = rig.says(PBX, inside("BYE", 2, &ok.one(Name::RecordRoute)));
    assert!(sent[0].text().contains("Max-Breadth: 60\r\n"), "{}", sent[0].text());
}

#[test]
fn a_spiral_is_a_new_call_and_a_loop_is_482() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let via = "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKpbxfork\r\nVia: ";
    let back = sent.text().replacen("Via: ", via, 1);
    // The PBX forwards it to another number: a spiral (RFC 5393 §3).
    let spiral = back.replace("13800138000@10.0.1.1:5060 SIP", "13900139000@10.9.9.9 SIP");
    assert!(rig.says(PBX, spiral)[0].first_line().contains("100"));
    let (_, offer) = rig.ask();
    assert_eq!(offer.dialed, "13900139000");
    let same = back
        .replace("13800138000@10.0.1.1:5060 SIP", "13800138000@10.9.9.9 SIP")
        .replace("z9hG4bKpbxfork", "z9hG4bKpbxloop");
    assert!(rig.says(PBX, same)[0].first_line().contains("482"));
    assert_eq!(rig.signals(), []);
}

#[test]
fn nobody_rings_in_time() {
    let mut rig = Rig::new();
    let first = limited(&mut rig, 6, &[ALPHA_ID, BETA_ID]);
    let second = rig.wait_ms(5_900).pop().unwrap();
    assert_eq!(second.to, BETA);
    assert_eq!(rig.says(BETA, second.answer("100 Trying", "", "")), []);
    let end = rig.wait_ms(200);
    let lines: Vec<_> = end.iter().map(Sent::first_line).collect();
    assert_eq!(
        lines,
        ["CANCEL sip:13800138000@10.0.2.1:5080 SIP/2.0", "SIP/2.0 504 Server Time-out"]
    );
    assert_eq!(end[1].one(Name::Reason), "Q.850;cause=102;text=\"nobody rang in time\"");
    assert_eq!(names(&rig.signals()), ["forwarded 2", "forwarded 3", "rejected 504 true"]);
    assert_eq!(rig.core.counters().post_dial_expired, 1);
    rig.says(PBX, ack("a", "x"));
    // Both come too late: hung up on at once.
    for (who, sent) in [(ALPHA, first), (BETA, second)] {
        let late = rig.says(who, sent.answer("200 OK", "b", CONTACT));
        let lines: Vec<_> = late.iter().map(Sent::first_line).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "), "{lines:?}");
    }
    rig.wait_ms(40_000);
    rig.assert_empty();
}

#[test]
fn a_target_that_rings_may_ring_on() {
    let mut rig = Rig::new();
    let sent = limited(&mut rig, 6, &[ALPHA_ID, BETA_ID]);
    rig.wait_ms(3_000);
    rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    assert_eq!(rig.wait_ms(60_000), []);
    assert_eq!(rig.says(ALPHA, sent.answer("200 OK", "b", CONTACT))[0].to, PBX);
    rig.wait_ms(33_000);
    rig.assert_empty();
}

#[test]
fn the_limit_counts_from_the_invite_and_a_cancel_wins_over_it() {
    let mut rig = Rig::new();
    rig.says(PBX, invite("a"));
    let (ask, _) = rig.ask();
    rig.wait_ms(5_000); // the gate takes its time
    let post_dial_max = Some(Duration::from_secs(6));
    let plan = RoutePlan { targets: vec![ALPHA_ID], post_dial_max, strip: Vec::new() };
    rig.core.route(rig.now, ask, plan, &mut rig.out);
    rig.take();
    rig.says(PBX, cancel("a"));
    let sent = rig.wait_ms(1_100);
    assert!(sent.iter().all(|s| s.to == ALPHA), "504 is no answer to a caller that left");
    assert_eq!(rig.core.counters().post_dial_expired, 0);
    let up = rig.wait_ms(40_000);
    assert!(up.iter().any(|s| s.first_line() == "SIP/2.0 487 Request Terminated"));
    rig.wait_ms(40_000);
    rig.assert_empty();
}

#[test]
fn an_unwanted_answer_is_released_over_its_connection() {
    let mut config = config(1);
    config.listen.push(Listen { transport: Transport::Tcp, addr: addr(US) });
    config.peers[1].endpoints =
        vec![Endpoint { transport: Transport::Tcp, addr: addr(ALPHA), name: None }];
    let mut rig = Rig::with(config);
    let first = limited(&mut rig, 60, &[ALPHA_ID, BETA_ID]);
    rig.connects(1, Transport::Tcp, ALPHA, &[]);
    let second = rig.wait_ms(4_010).pop().unwrap();
    rig.says(BETA, second.answer("200 OK", "y", "Contact: <sip:gw@10.0.2.1>\r\n"));
    let contact = "Contact: <sip:gw@192.168.1.1:5060;transport=tcp>\r\n";
    let late = rig.says_on(1, first.answer("200 OK", "x", contact));
    assert_eq!(late.len(), 2);
    for sent in &late {
        assert_eq!((sent.over.as_str(), sent.to.as_str()), ("tcp", ALPHA));
        assert!(sent.all(Name::Via)[0].starts_with("SIP/2.0/TCP 10.9.9.9:5060;"));
        assert!(sent.first_line().contains("sip:gw@192.168.1.1:5060;transport=tcp"));
    }
    assert_eq!(rig.wait_ms(20_000), [], "no timer E over TCP");
    assert_eq!(rig.says_on(1, late[1].answer("200 OK", "", "")), []);
    rig.wait_ms(40_000);
    assert_eq!(rig.core.sizes(), Sizes { flows: 1, ..Sizes::default() });
}

#[test]
fn a_cancel_for_an_invite_of_an_earlier_run_is_481() {
    let mut rig = Rig::new();
    rig.call(&[(ALPHA_ID, ALPHA)]);
    let mut rig = rig.restarted(2);
    let sent = rig.says(PBX, cancel("a"));
    assert_eq!(sent.len(), 1);
    assert!(sent[0].first_line().contains("481"));
}
