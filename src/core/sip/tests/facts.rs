//! What headers say of a call: told to the user, and passed to the byte.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

fn facts(headers: &str) -> WireFacts {
    let mut rig = Rig::new();
    rig.says(PBX, request("INVITE", "f", headers));
    let (ask, offer) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    assert!(sent.text().contains(headers), "to the byte: {}", sent.text());
    offer.facts
}

fn identity(payload: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let (head, payload) = (part("{\"alg\":\"ES256\",\"ppt\":\"shaken\"}"), part(payload));
    format!("{head}.{payload}.c2ln;info=<https://cert.example/x.pem>;alg=ES256;ppt=shaken")
}

#[test]
fn a_plain_invite_claims_nothing() {
    assert_eq!(facts("Subject: hello\r\n"), WireFacts::default());
}

#[test]
fn privacy_values_in_their_order() {
    use Privacy::*;
    assert_eq!(facts("Privacy: id;user ; CRITICAL\r\n").privacy, [Id, User, Critical]);
    assert_eq!(facts("Privacy: none\r\n").privacy, [None]);
    let all = "privacy : header, session;history;x-new\r\n";
    assert_eq!(facts(all).privacy, [Header, Session, History]);
}

#[test]
fn the_first_diversion_wins() {
    let diverted =
        |headers: &str| facts(headers).diversion.map(|d| (d.user, d.reason.unwrap_or_default()));
    let text = |user: &str, reason: &str| Some((user.to_owned(), reason.to_owned()));
    assert_eq!(
        diverted(
            "Diversion: \"A, B\" <sip:+86101%32@h;user=phone>;reason=User-Busy;counter=1,\
                  <tel:+1>;reason=unconditional\r\n"
        ),
        text("+861012", "user-busy")
    );
    assert_eq!(
        diverted("Diversion: <sip:7@h>\r\nDiversion: <sip:8@h>;reason=x\r\n"),
        text("7", "")
    );
    assert_eq!(diverted("Diversion: <broken\r\n"), None);
    // History-Info: the target with a cause, and who sent the call there (RFC 7044 §5.1).
    let history = "History-Info: <sip:100@h>;index=1,<sip:200@h>;index=1.1;np=1\r\n\
                   History-Info: <sip:300@h;cause=408>;index=1.2;mp=1\r\n";
    assert_eq!(diverted(history), text("100", "no-answer"));
    let before = "History-Info: <sip:100@h>;index=1,<sip:200@h;cause=302>;index=1.1\r\n";
    assert_eq!(diverted(before), text("100", "unconditional"));
    let escaped = "History-Info: <sip:100@h?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%22>;index=1,\
                   <sip:200@h>;index=1.1\r\n";
    assert_eq!(diverted(escaped), text("100", "user-busy"));
    assert_eq!(diverted("History-Info: <sip:100@h>;index=1\r\n"), None);
    assert_eq!(diverted("History-Info: <sip:100@h;cause=302>;index=1\r\n"), None, "by nobody");
    let both = format!("{escaped}Diversion: <sip:9@h>;reason=time-of-day\r\n");
    assert_eq!(diverted(&both), text("9", "time-of-day"));
}

#[test]
fn campaign_data_and_session() {
    let id = "ab30317f1a784dc48ff824d0d3715d86";
    let found = facts(&format!(
        "User-to-User: 56a390f3d2b7310023a2;encoding=hex;purpose=foo\r\nUser-to-User: second\r\n\
         Session-ID: {id};remote=00000000000000000000000000000000\r\n"
    ));
    assert_eq!(
        found.user_to_user.as_deref(),
        Some("56a390f3d2b7310023a2;encoding=hex;purpose=foo")
    );
    assert_eq!(found.session_id.as_deref(), Some(id));
    for other in [format!("Session-ID: {}\r\n", id.to_uppercase()), "Session-ID: 12\r\n".into()] {
        assert_eq!(facts(&other).session_id, None);
    }
}

#[test]
fn attestation_is_read_and_not_believed() {
    let claims = |level: &str| {
        format!("{{\"attest\":\"{level}\",\"orig\":{{\"tn\":\"1\"}},\"iat\":1,\"origid\":\"x\"}}")
    };
    for (level, attest) in
        [("A", Some(Attest::A)), ("B", Some(Attest::B)), ("C", Some(Attest::C)), ("D", None)]
    {
        let found = facts(&format!("Identity: {}\r\n", identity(&claims(level))));
        assert_eq!((found.identity, found.attest), (true, attest));
    }
    let compact = facts(&format!("y: {}\r\n", identity(&claims("B"))));
    assert_eq!(compact.attest, Some(Attest::B));
    // A div PASSporT stands beside the shaken one (RFC 8946): the first with a claim counts.
    let two = format!("Identity: {}\r\nIdentity: {}\r\n", identity("{}"), identity(&claims("C")));
    assert_eq!(facts(&two).attest, Some(Attest::C));
    for broken in [
        "Identity: \r\n".to_owned(),
        "Identity: a.!!!.c;info=<x>\r\n".into(),
        format!("Identity: {}\r\n", identity("[1]")),
        format!("Identity: {}\r\n", identity("{\"attest\":7}")),
        format!("Identity: {}\r\n", identity(&"[".repeat(5_000))),
        format!("Identity: a.{}.c\r\n", "e".repeat(9_000)),
    ] {
        let found = facts(&broken);
        assert_eq!((found.identity, found.attest), (true, None), "{broken}");
    }
}

#[test]
fn replaces_names_a_dialog() {
    let found = facts("Replaces: 425928@h ; to-tag=7743 ;from-tag=6472;early-only\r\n").replaces;
    let (call_id, to_tag) = ("425928@h".to_owned(), "7743".to_owned());
    let whole = Replaces { call_id, to_tag, from_tag: "6472".into(), early_only: true };
    assert_eq!(found, Some(whole));
    assert_eq!(facts("Replaces: 425928@h;to-tag=7743\r\n").replaces, None);
}

#[test]
fn a_transfer_is_blind_or_attended() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.says(ALPHA, sent.answer("200 OK", "b", "Contact: <sip:gw@10.0.1.1>\r\n"));
    rig.signals();
    let route = sent.one(Name::RecordRoute);
    for (i, (method, refer_to, transfer)) in [
        ("REFER", "Refer-To: <sip:200@h>\r\n", Some(Transfer::Blind)),
        (
            "REFER",
            "r: \"x\" <sip:200@h?Subject=a&REPLACES=c%40h%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n",
            Some(Transfer::Attended),
        ),
        ("REFER", "Refer-To: sip:200@h\r\n", Some(Transfer::Blind)),
        ("REFER", "", None),
        ("INFO", "Refer-To: <sip:200@h>\r\n", None),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!(
            "{method} sip:gw@10.0.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKr{i}\r\n\
             Route: {route}\r\nFrom: <sip:x@h>;tag=froma\r\nTo: <sip:y@h>;tag=b\r\n\
             Call-ID: a@pbx\r\nCSeq: {i} {method}\r\n{refer_to}\r\n"
        );
        let sent = rig.says(PBX, text).remove(0);
        assert!(sent.text().contains(refer_to));
        let signals = rig.signals();
        let told = signals.iter().find_map(|s| match s {
            Signal::MidDialog { transfer, .. } => Some(*transfer),
            _ => None,
        });
        assert_eq!(told, Some(transfer), "{refer_to}");
    }
}

/// An INVITE of the PBX to alpha with these headers: what of them left, and who was asserted.
fn passed(pbx_trusted: bool, alpha_trusted: bool, headers: &str) -> (String, Option<String>) {
    let mut config = config(1);
    config.peers[0].trusted_identity = pbx_trusted;
    config.peers[1].trusted_identity = alpha_trusted;
    let mut rig = Rig::with(config);
    rig.says(PBX, request("INVITE", "t", headers));
    let (ask, offer) = rig.ask();
    let sent = rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0);
    let kept = |h: &&str| sent.text().contains(&format!("{h}\r\n"));
    let kept: Vec<&str> = headers.lines().filter(kept).collect();
    (kept.join(" "), offer.asserted_user)
}

#[test]
fn identities_pass_inside_the_trust_domain_alone() {
    const PAI: &str = "P-Asserted-Identity: <sip:1@h>, <tel:+1>\r\n";
    const PPI: &str = "P-Preferred-Identity: <sip:2@h>\r\n";
    const ID: &str = "Privacy: user;id\r\n";
    const NONE: &str = "Privacy: none\r\n";
    let line = |s: &str| s.trim_end().to_owned();
    let joined = |parts: &[&str]| parts.concat();
    for (from, to, headers, kept, asserted) in [
        (true, true, joined(&[PAI, ID]), format!("{} {}", line(PAI), line(ID)), Some("1")),
        (true, false, joined(&[PAI]), line(PAI), Some("1")),
        (true, false, joined(&[PAI, NONE]), format!("{} {}", line(PAI), line(NONE)), Some("1")),
        (true, false, joined(&[PAI, ID]), line(ID), Some("1")),
        (true, false, joined(&[PPI, ID]), line(ID), None),
        (true, false, joined(&[PPI]), line(PPI), None),
        (false, true, joined(&[PAI]), String::new(), None),
        (false, true, joined(&[PAI, PPI]), String::new(), None),
        (true, true, joined(&[PAI, PPI]), line(PAI), Some("1")),
        (true, true, joined(&[PPI]), line(PPI), None),
    ] {
        let (left, user) = passed(from, to, &headers);
        assert_eq!(left, kept, "{from} {to} {headers}");
        assert_eq!(user.as_deref(), asserted, "{from} {to} {headers}");
    }
}

#[test]
fn a_hidden_callee_stays_hidden_in_responses_and_requests_of_the_dialog() {
    let mut config = config(1);
    config.peers[0].trusted_identity = false;
    let mut rig = Rig::with(config);
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    let identity = "P-Asserted-Identity: <sip:secret@h>\r\nPrivacy: id\r\nX: y\r\n";
    let contact = "Contact: <sip:gw@10.0.1.1>\r\n";
    let ok = rig.says(ALPHA, sent.answer("200 OK", "b", &format!("{identity}{contact}"))).remove(0);
    assert!(!ok.text().contains("secret") && ok.text().contains("Privacy: id\r\nX: y\r\n"));
    let update = format!(
        "UPDATE sip:8001@10.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.1;branch=z9hG4bKu\r\n\
         Route: {}\r\nFrom: <sip:y@h>;tag=b\r\nTo: <sip:x@h>;tag=froma\r\n{identity}\
         Call-ID: a@pbx\r\nCSeq: 9 UPDATE\r\n\r\n",
        sent.one(Name::RecordRoute)
    );
    let update = rig.says(ALPHA, update).remove(0);
    assert_eq!(update.to, PBX);
    assert!(!update.text().contains("secret"));
}
