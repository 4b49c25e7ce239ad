//! Targets that ask for credentials (RFC 3261 §22): the caller hears nothing of it, and its CSeq
//! numbers are one behind for the life of the dialog.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;

const CHALLENGE: &str = "Proxy-Authenticate: Digest realm=\"alpha\", nonce=\"n1\", qop=\"auth\", \
                         algorithm=SHA-256\r\n";
const CONTACT: &str = "Contact: <sip:gw@10.0.1.1:5060>\r\n";
const UNAUTHORIZED: &str = "407 Proxy Authentication Required";

fn guarded(epoch: u32) -> CoreConfig {
    let mut config = config(epoch);
    let password = "secret".to_owned().into();
    config.peers[1].credentials = Some(Credentials { user: "trunk".into(), password, realm: None });
    config
}

/// A call to alpha (and then beta), challenged once: the INVITE that left with credentials.
fn challenged(rig: &mut Rig) -> Sent {
    let (_, first) = rig.call(&[(ALPHA_ID, ALPHA), (BETA_ID, BETA)]);
    let sent = rig.says(ALPHA, first.answer(UNAUTHORIZED, "x", CHALLENGE));
    assert_eq!(sent.len(), 2, "nothing goes up");
    assert!(sent[0].first_line().starts_with("ACK ") && sent[0].branch() == first.branch());
    assert_eq!(sent[0].one(Name::CSeq), "1 ACK");
    assert_ne!(sent[1].branch(), first.branch());
    sent[1].clone()
}

fn inside(method: &str, cseq: u32, route: &str, turned: bool, extra: &str) -> String {
    let (from, to, uri) = match turned {
        false => ("froma", "b", "sip:gw@10.0.1.1:5060"),
        true => ("b", "froma", "sip:8001@10.0.0.1:5060"),
    };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK{method}{cseq}{from}\r\n\
         Route: {route}\r\nMax-Forwards: 9\r\n{extra}From: <sip:x@h>;tag={from}\r\n\
         To: <sip:y@h>;tag={to}\r\nCall-ID: a@pbx\r\nCSeq: {cseq} {method}\r\n\r\n"
    )
}

#[test]
fn a_challenged_invite_is_one_attempt_and_its_numbers_are_shifted_both_ways() {
    let mut rig = Rig::with(guarded(1));
    let again = challenged(&mut rig);
    assert_eq!(again.first_line(), "INVITE sip:13800138000@10.0.1.1:5060 SIP/2.0");
    assert_eq!(again.one(Name::CSeq), "2 INVITE");
    let text = again.text();
    assert!(text.contains("Proxy-Authorization: Digest username=\"trunk\",realm=\"alpha\""));
    assert!(text.contains("uri=\"sip:13800138000@10.0.1.1:5060\""), "{text}");
    let route = again.one(Name::RecordRoute);
    let ringing = rig.says(ALPHA, again.answer("183 Session Progress", "b", "RSeq: 9\r\n"));
    assert_eq!((ringing[0].to.as_str(), ringing[0].one(Name::CSeq).as_str()), (PBX, "1 INVITE"));
    let prack = rig.says(PBX, inside("PRACK", 2, &route, false, "RAck: 9  1 INVITE\r\n"));
    assert_eq!(prack[0].one(Name::CSeq), "3 PRACK");
    assert!(prack[0].text().contains("RAck: 9  2 INVITE\r\n"), "{}", prack[0].text());
    let ok = rig.says(ALPHA, again.answer("200 OK", "b", CONTACT));
    assert_eq!(ok[0].one(Name::CSeq), "1 INVITE");
    let repeated = rig.says(ALPHA, again.answer("200 OK", "b", CONTACT));
    assert_eq!(repeated[0].one(Name::CSeq), "1 INVITE");
    let ack = rig.says(PBX, inside("ACK", 1, &route, false, ""));
    assert_eq!((ack[0].to.as_str(), ack[0].one(Name::CSeq).as_str()), (ALPHA, "2 ACK"));
    // The callee's own numbers are its own.
    let info = rig.says(ALPHA, inside("INFO", 40, &route, true, "RAck: 1 7 INVITE\r\n"));
    assert_eq!((info[0].to.as_str(), info[0].one(Name::CSeq).as_str()), (PBX, "40 INFO"));
    assert!(info[0].text().contains("RAck: 1 7 INVITE\r\n"));
    let done = rig.says(PBX, info[0].answer("200 OK", "", ""));
    assert_eq!(done[0].one(Name::CSeq), "40 INFO");
    let bye = rig.says(PBX, inside("BYE", 3, &route, false, ""));
    assert_eq!(bye[0].one(Name::CSeq), "4 BYE");
    let done = rig.says(ALPHA, bye[0].answer("200 OK", "", ""));
    assert_eq!((done[0].to.as_str(), done[0].one(Name::CSeq).as_str()), (PBX, "3 BYE"));
    let signals = rig.signals();
    assert_eq!(
        names(&signals),
        [
            "forwarded 2",
            "response 183 2",
            "mid PRACK",
            "response 200 2",
            "mid INFO",
            "final INFO 200",
            "mid BYE",
            "final BYE 200"
        ]
    );
    assert!(matches!(signals.last(), Some(Signal::MidDialogFinal { cseq: 3, .. })));
    assert_eq!(rig.core.counters().challenges_answered, 1);
    rig.assert_empty();
}

#[test]
fn the_shift_outlives_a_restart() {
    let mut rig = Rig::with(guarded(1));
    let again = challenged(&mut rig);
    let route = again.one(Name::RecordRoute);
    let mut rig = rig.restarted_with(guarded(2));
    let ok = rig.says(ALPHA, again.answer("200 OK", "b", CONTACT));
    assert_eq!((ok[0].to.as_str(), ok[0].one(Name::CSeq).as_str()), (PBX, "1 INVITE"));
    let ack = rig.says(PBX, inside("ACK", 1, &route, false, ""));
    assert_eq!(ack[0].one(Name::CSeq), "2 ACK");
    let bye = rig.says(PBX, inside("BYE", 2, &route, false, ""));
    assert_eq!(bye[0].one(Name::CSeq), "3 BYE");
    let mut rig = rig.restarted_with(guarded(3));
    let done = rig.says(ALPHA, bye[0].answer("200 OK", "", ""));
    assert_eq!(done[0].one(Name::CSeq), "2 BYE");
}

#[test]
fn a_rejection_after_the_challenge_goes_up_with_the_callers_number() {
    let mut rig = Rig::with(guarded(1));
    let again = challenged(&mut rig);
    let end = rig.says(ALPHA, again.answer("486 Busy Here", "b", ""));
    assert_eq!(end[0].one(Name::CSeq), "2 ACK");
    assert_eq!((end[1].to.as_str(), end[1].one(Name::CSeq).as_str()), (PBX, "1 INVITE"));
    assert_eq!(names(&rig.signals()), ["forwarded 2", "response 486 2", "rejected 486 false"]);
    rig.says(PBX, ack("a", "b"));
    rig.assert_empty();
}

#[test]
fn a_second_challenge_is_final_unless_the_nonce_was_stale() {
    let mut rig = Rig::with(guarded(1));
    let again = challenged(&mut rig);
    let stale = CHALLENGE.replace("n1", "n2").replace("qop", "stale=true, qop");
    let third = rig.says(ALPHA, again.answer(UNAUTHORIZED, "y", &stale)).remove(1);
    assert_eq!(third.one(Name::CSeq), "3 INVITE");
    assert!(
        third.text().contains("nonce=\"n2\"") && third.text().matches("thorization:").count() == 1
    );
    let end = rig.says(ALPHA, third.answer(UNAUTHORIZED, "z", CHALLENGE));
    assert_eq!(end[1].first_line(), format!("SIP/2.0 {UNAUTHORIZED}"));
    assert_eq!(end[1].one(Name::CSeq), "1 INVITE");
    assert_eq!(names(&rig.signals()), ["forwarded 2", "response 407 2", "rejected 407 false"]);
    rig.says(PBX, ack("a", "z"));
    rig.assert_empty();
}

#[test]
fn a_cancel_names_the_invite_that_rings() {
    let mut rig = Rig::with(guarded(1));
    let again = challenged(&mut rig);
    rig.says(ALPHA, again.answer("180 Ringing", "b", ""));
    let sent = rig.says(PBX, cancel("a"));
    assert_eq!(sent[1].one(Name::CSeq), "2 CANCEL");
    assert_eq!(sent[1].branch(), again.branch());
    let end = rig.says(ALPHA, again.answer("487 Request Terminated", "b", ""));
    assert_eq!(end[1].one(Name::CSeq), "1 INVITE");
    rig.says(PBX, ack("a", "b"));
    rig.wait_ms(33_000);
    rig.assert_empty();
}

#[test]
fn a_challenge_after_the_cancel_is_not_answered() {
    let mut rig = Rig::with(guarded(1));
    let (_, first) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(PBX, cancel("a"));
    let end = rig.says(ALPHA, first.answer(UNAUTHORIZED, "x", CHALLENGE));
    assert_eq!(end.len(), 2);
    assert!(end[0].first_line().starts_with("ACK"));
    assert_eq!(end[1].to, PBX);
    assert_eq!(rig.core.counters().challenges_answered, 0);
}

#[test]
fn failover_after_a_challenge_begins_with_the_callers_number() {
    let mut rig = Rig::with(guarded(1));
    let again = challenged(&mut rig);
    let next = rig.says(ALPHA, again.answer("503 Service Unavailable", "b", "")).remove(1);
    assert_eq!((next.to.as_str(), next.one(Name::CSeq).as_str()), (BETA, "1 INVITE"));
    assert!(!next.text().contains("uthorization"));
    let mark = next.one(Name::RecordRoute).split("tl=00010003").nth(1).unwrap().to_owned();
    assert_eq!(mark.len(), "0123456789abcdef>".len(), "no shift in {mark}");
    let ok = rig.says(BETA, next.answer("200 OK", "b", "Contact: <sip:gw@10.0.2.1>\r\n"));
    assert_eq!(ok[0].one(Name::CSeq), "1 INVITE");
    assert_eq!(
        names(&rig.signals()),
        ["forwarded 2", "response 503 2", "forwarded 3", "response 200 3"]
    );
}

#[test]
fn a_late_answer_of_a_challenged_target_is_released_with_its_own_numbers() {
    let mut rig = Rig::with(guarded(1));
    let again = challenged(&mut rig);
    let second = rig.wait_ms(4_010).pop().unwrap();
    assert_eq!(second.to, BETA);
    rig.says(BETA, second.answer("200 OK", "y", "Contact: <sip:gw@10.0.2.1>\r\n"));
    let late = rig.says(ALPHA, again.answer("200 OK", "b", CONTACT));
    let lines: Vec<_> = late.iter().map(|s| s.one(Name::CSeq)).collect();
    assert_eq!(lines, ["2 ACK", "3 BYE"]);
    // It wants to know who hangs up.
    let bye = rig.says(ALPHA, late[1].answer(UNAUTHORIZED, "b", CHALLENGE)).remove(0);
    assert_eq!(bye.one(Name::CSeq), "4 BYE");
    assert!(bye.text().contains("Proxy-Authorization: Digest username=\"trunk\""));
    assert_eq!(rig.says(ALPHA, bye.answer("200 OK", "b", "")), []);
    rig.assert_empty();
}

// proves: RFC 3261 §16.7 item 7
#[test]
fn without_credentials_challenges_pass_and_those_of_all_targets_together() {
    let mut rig = Rig::new();
    let (_, first) = rig.call(&[(ALPHA_ID, ALPHA), (BETA_ID, BETA)]);
    let second = rig.wait_ms(4_010).pop().unwrap();
    let alpha = CHALLENGE.replace("n1", "of-alpha");
    assert_eq!(rig.says(ALPHA, first.answer(UNAUTHORIZED, "x", &alpha)).len(), 1, "its ACK");
    let beta = "WWW-Authenticate: Digest realm=\"beta\", nonce=\"of-beta\"\r\n";
    let end = rig.says(BETA, second.answer("401 Unauthorized", "y", beta));
    let up = end[1].text();
    assert_eq!(end[1].first_line(), "SIP/2.0 401 Unauthorized");
    assert!(up.contains(&alpha) && up.contains(beta), "{up}");
    // The caller answers both itself: another transaction, the same call (§22.2).
    let retry =
        request("INVITE", "a", "Authorization: Digest x\r\nProxy-Authorization: Digest y\r\n")
            .replace("z9hG4bKa", "z9hG4bKa2")
            .replace("CSeq: 1 ", "CSeq: 2 ");
    rig.says(PBX, ack("a", "y"));
    rig.signals();
    assert!(rig.says(PBX, retry)[0].first_line().contains("100"));
    let (ask, offer) = rig.ask();
    assert_eq!((offer.ids.call_id.as_str(), offer.cseq), ("a@pbx", 2));
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    assert!(sent.text().contains("Authorization: Digest x\r\nProxy-Authorization: Digest y\r\n"));
}

#[test]
fn a_challenge_inside_the_dialog_is_the_callers() {
    let mut rig = Rig::with(guarded(1));
    let again = challenged(&mut rig);
    let route = again.one(Name::RecordRoute);
    rig.says(ALPHA, again.answer("200 OK", "b", CONTACT));
    let sent = rig.says(PBX, inside("INVITE", 5, &route, false, "")).remove(1);
    assert_eq!(sent.one(Name::CSeq), "6 INVITE");
    let end = rig.says(ALPHA, sent.answer(UNAUTHORIZED, "b", CHALLENGE));
    assert_eq!(end[0].one(Name::CSeq), "6 ACK");
    assert_eq!((end[1].to.as_str(), end[1].one(Name::CSeq).as_str()), (PBX, "5 INVITE"));
}
