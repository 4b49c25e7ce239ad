//! The torture tests of RFC 4475 and RFC 5118, read and sent through the core.

use super::rig::*;
use super::vectors::{Vector, all, find, replace};
use crate::sip::message::{Fault, Index, MaxForwards, Message, Name, Start};

fn read(vector: &Vector, bytes: &[u8], look: impl FnOnce(&Message<'_>)) {
    let mut index = Index::default();
    let read = index.read(bytes, 128);
    assert_eq!(read, Ok(()), "{} {}", vector.name, vector.section);
    look(&Message::new(bytes, &index));
}

// proves: RFC 3261 §7.3.1
// proves: RFC 3261 §7.3.3
#[test]
fn every_message_is_read_as_its_rfc_means_it() {
    for vector in all() {
        if vector.method == "*" {
            continue;
        }
        read(&vector, &vector.wire(), |message| {
            let (name, bytes) = (vector.name, message.bytes());
            match message.start() {
                Start::Request { method, .. } => {
                    assert_eq!(method.of(bytes), vector.method.as_bytes(), "{name}");
                }
                Start::Response { status, .. } => {
                    assert_eq!(status.to_string(), vector.method, "{name}");
                }
            }
            assert!(vector.call_id.agrees(message.call_id()), "{name}");
            assert!(vector.from_tag.agrees(message.tag_of_from()), "{name}");
            assert!(vector.to_tag.agrees(message.tag_of_to()), "{name}");
            let via = message.via().unwrap();
            assert!(vector.branch.agrees(via.branch(bytes)), "{name}");
            assert!(via.value.of(bytes).ends_with(vector.via.as_bytes()), "{name}");
            let cseq = message.cseq().map(|c| c.number as usize);
            assert!(vector.cseq.agrees(cseq), "{name}: {cseq:?}");
            let body = message.body().map(|b| b.to() - b.from());
            assert!(vector.body.agrees(body), "{name}: {body:?}");
            let passes = ["forwarded", "dialog", "final"].contains(&vector.does);
            assert!((vector.class, passes) != ("fault", true), "{name}");
            let refused = matches!(message.fault(), Some(Fault::Bad(_) | Fault::Version));
            assert!((vector.class, refused) != ("accept", true), "{name}");
            if let Some(hops) = vector.hops {
                assert_eq!(message.max_forwards(), MaxForwards::Hops(hops), "{name}");
            }
        });
    }
}

/// Sends a request from the PBX as far as it goes: an INVITE is asked about and routed.
fn through(vector: &Vector, bytes: &[u8]) -> (Rig, Vec<Sent>) {
    let mut rig = Rig::new();
    let mut sent = rig.says(PBX, bytes);
    let trying = sent.first().is_some_and(|s| s.first_line() == "SIP/2.0 100 Trying");
    if vector.method == "INVITE" && trying {
        assert_eq!(sent.len(), 1, "{}", vector.name);
        let (ask, offer) = rig.ask();
        assert_eq!(offer.ids.call_id, vector.call_id.text(), "{}", vector.name);
        assert_eq!(offer.ids.from_tag, vector.from_tag.text(), "{}", vector.name);
        sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]);
    }
    (rig, sent)
}

/// What left, without what we put on top of it: our Via, Record-Route, Max-Forwards where there
/// was none. Text operations only.
fn without_ours(vector: &Vector, sent: &Sent) -> Vec<u8> {
    let mut bytes = sent.bytes.clone();
    let start = find(&bytes, b"\r\n").end;
    let mut expect = |prefix: &str, wanted: bool| {
        let there = bytes[start..].starts_with(prefix.as_bytes());
        assert_eq!(there, wanted, "{}: {prefix} in {}", vector.name, sent.text());
        if there {
            let end = find(&bytes[start..], b"\r\n").end;
            bytes.drain(start..start + end);
        }
    };
    expect("Via: SIP/2.0/UDP 10.9.9.9:5060;", true);
    expect("Record-Route: <sip:10.9.9.9:5060;lr;", vector.method == "INVITE");
    expect("Max-Forwards: 70\r\n", vector.hops.is_none());
    expect("Max-Breadth: 60\r\n", true);
    bytes
}

// proves: RFC 3261 §16.6 item 1
// proves: RFC 3261 §16.6 item 3
// proves: RFC 3261 §16.6 item 8
// proves: RFC 3261 §18.2.1
// proves: RFC 3261 §18.3
#[test]
fn what_is_forwarded_keeps_every_byte_that_is_not_ours() {
    for vector in all().iter().filter(|v| v.does == "forwarded") {
        let (rig, sent) = through(vector, &vector.wire());
        assert_eq!(sent.len(), 1, "{}: {sent:?}", vector.name);
        assert_eq!(sent[0].to, ALPHA, "{}", vector.name);
        let rest = without_ours(vector, &sent[0]);
        let expected = vector.one_hop_on(addr(PBX));
        let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        assert!(rest == expected, "{}:\n{}\n{}", vector.name, show(&rest), show(&expected));
        assert_eq!(rig.core.counters().malformed, 0, "{}", vector.name);
    }
}

// proves: RFC 3261 §16.3 item 1
// proves: RFC 3261 §16.3 item 2
// proves: RFC 3261 §16.3 item 3
// proves: RFC 3261 §16.3 item 5
#[test]
fn faults_are_answered_as_the_rfc_says() {
    for vector in all() {
        let Ok(status) = vector.does.parse::<u16>() else { continue };
        let (mut rig, sent) = through(&vector, &vector.wire());
        assert_eq!(sent.len(), 1, "{}: {sent:?}", vector.name);
        let line = sent[0].first_line();
        assert!(line.starts_with(&format!("SIP/2.0 {status} ")), "{}: {line}", vector.name);
        let to = addr(&sent[0].to);
        assert_eq!(to.ip(), addr(PBX).ip(), "{}: an answer goes to the source", vector.name);
        let text = sent[0].text();
        for own in [vector.call_id.text(), vector.branch.text(), vector.from_tag.text()] {
            assert!(text.contains(own), "{}: {own} in {text}", vector.name);
        }
        rig.assert_empty();
    }
}

// proves: RFC 3261 §16.3 item 5
#[test]
fn the_answer_420_lists_what_is_not_understood() {
    let vector = all().into_iter().find(|v| v.name == "rfc4475/bext01").unwrap();
    let (_, sent) = through(&vector, &vector.wire());
    let words = "Unsupported: noProxiesSupportThis, norDoAnyProxiesSupportThis\r\n";
    assert!(sent[0].text().contains(words), "{}", sent[0].text());
}

// proves: RFC 3261 §16.7 item 1
#[test]
fn stray_and_broken_messages_have_no_answer() {
    for vector in all().iter().filter(|v| ["dropped", "final"].contains(&v.does)) {
        for who in [PBX, ALPHA] {
            let mut rig = Rig::new();
            assert_eq!(rig.says(who, vector.wire()), [], "{}", vector.name);
            assert_eq!(rig.signals(), [], "{}", vector.name);
            let counters = rig.core.counters();
            let counted = counters.malformed + counters.stray_responses;
            assert_eq!(counted, 1, "{}", vector.name);
            rig.assert_empty();
        }
    }
}

/// The vector's response as an answer to a call of ours: its Via line gives way to the Vias of
/// the request that left; everything else stays as it is.
fn grafted(vector: &Vector, sent: &Sent) -> Vec<u8> {
    let mut bytes = vector.wire();
    let vias: Vec<String> = sent.all(Name::Via).iter().map(|v| format!("Via: {v}\r\n")).collect();
    let line =
        find(&bytes, b"Via: ").start..find(&bytes, format!("{}\r\n", vector.via).as_bytes()).end;
    bytes.splice(line, vias.concat().into_bytes());
    bytes
}

/// A call whose Call-ID, tags and CSeq are those of the vector.
fn request_for(vector: &Vector, method: &str, cseq: usize) -> String {
    let text = request(method, "graft", "");
    text.replace("graft@pbx", vector.call_id.text())
        .replace("fromgraft", vector.from_tag.text())
        .replace(&format!("CSeq: 1 {method}"), &format!("CSeq: {cseq} {method}"))
}

// proves: RFC 3261 §16.7 item 3
// proves: RFC 3261 §16.7 item 9
#[test]
fn responses_pass_up_without_our_via_and_otherwise_unchanged() {
    for vector in all().iter().filter(|v| v.does == "final" || v.name == "rfc4475/bcast") {
        let mut rig = Rig::new();
        rig.says(PBX, request_for(vector, "INVITE", vector.cseq.number()));
        let (ask, _) = rig.ask();
        let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]);
        let response = grafted(vector, &sent[0]);
        let up = rig.says(ALPHA, &response);
        if vector.method == "100" {
            assert_eq!(up, [], "{}: 100 is the hop's own", vector.name);
            continue;
        }
        assert_eq!(up.len(), 1, "{}", vector.name);
        assert_eq!(up[0].to, PBX, "{}: the second Via decides nothing", vector.name);
        let mut expected = response.clone();
        let ours = format!("Via: {}\r\n", sent[0].one(Name::Via));
        replace(&mut expected, ours.as_bytes(), b"");
        assert!(up[0].bytes == expected, "{}: {}", vector.name, up[0].text());
    }
}

// proves: RFC 3261 §8.1.1.5
#[test]
fn a_response_with_an_impossible_cseq_is_dropped_even_if_it_is_ours() {
    let vector = all().into_iter().find(|v| v.name == "rfc4475/scalarlg").unwrap();
    let mut rig = Rig::new();
    let sent = rig.says(
        PBX,
        request_for(&vector, "OPTIONS", 1).replacen(
            "sip:13800138000@10.9.9.9",
            "sip:a@example.com",
            1,
        ),
    );
    assert_eq!((sent.len(), sent[0].to.as_str()), (1, ALPHA));
    assert_eq!(rig.says(ALPHA, grafted(&vector, &sent[0])), []);
    assert_eq!(rig.core.counters().malformed, 1);
    // The same with a possible one goes up.
    let fine = String::from_utf8(grafted(&vector, &sent[0])).unwrap();
    let fine = fine.replace("9292394834772304023312", "1");
    assert_eq!(rig.says(ALPHA, fine).len(), 1);
}

// proves: RFC 3261 §16.4
// proves: RFC 3261 §16.6 item 2
#[test]
fn requests_inside_a_dialog_pass_if_they_carry_our_mark() {
    for vector in all().iter().filter(|v| v.does == "dialog") {
        let (_, sent) = through(vector, &vector.wire());
        assert_eq!(sent.len(), 1, "{}", vector.name);
        assert!(sent[0].first_line().starts_with("SIP/2.0 481 "), "{}", vector.name);
        // The call that the request could belong to; its Record-Route value comes back as Route.
        let mut rig = Rig::new();
        rig.says(PBX, request_for(vector, "INVITE", vector.cseq.number()));
        let (ask, _) = rig.ask();
        let call = rig.route(ask, &[(ALPHA_ID, ALPHA)]);
        let route = format!("Route: {}\r\n", call[0].one(Name::RecordRoute));
        let mut bytes = vector.wire();
        let at = find(&bytes, b"\r\n").end;
        bytes.splice(at..at, route.bytes());
        let sent = rig.says(PBX, bytes);
        // An address in the Request-URI is the next hop, a name stands for the neighbour.
        let literal = vector.name == "rfc5118/via-received-param-with-delim";
        let next = if literal { "[2001:db8::10]:5060" } else { ALPHA };
        let sent: Vec<&Sent> = sent.iter().filter(|s| s.to == next).collect();
        assert_eq!(sent.len(), 1, "{}", vector.name);
        let mut rest = sent[0].bytes.clone();
        let start = find(&rest, b"\r\n").end;
        let via = find(&rest[start..], b"\r\n").end;
        assert!(rest[start..].starts_with(b"Via: SIP/2.0/UDP "), "{}", vector.name);
        rest.drain(start..start + via);
        let breadth = b"Max-Breadth: 60\r\n";
        assert!(rest[start..].starts_with(breadth), "{}", vector.name);
        rest.drain(start..start + breadth.len());
        let expected = vector.one_hop_on(addr(PBX));
        assert!(rest == expected, "{}: {}", vector.name, String::from_utf8_lossy(&rest));
    }
}

/// What `Vector::wire` mends, as it stands in the archives.
#[test]
fn framing_faults_of_the_archives() {
    let mut seen = Vec::new();
    for vector in all() {
        let (name, bytes) = (vector.name, vector.bytes);
        if bytes == vector.wire() {
            continue;
        }
        seen.push(name);
        let mut rig = Rig::new();
        let sent = rig.says(PBX, bytes);
        if name == "rfc5118/ipv6-in-sdp" {
            assert!(sent[0].first_line().starts_with("SIP/2.0 400 "), "{name}");
        } else {
            assert_eq!((sent.len(), rig.core.counters().malformed), (0, 1), "{name}");
        }
    }
    let abnf = ["rfc5118/ipv6-bug-abnf-3-colons", "rfc5118/ipv6-correct-abnf-2-colons"];
    assert_eq!(seen, ["rfc4475/baddn", "rfc5118/ipv6-in-sdp", abnf[0], abnf[1]]);
}
