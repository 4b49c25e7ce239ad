//! Requests of our own: probes, registrations, and answers to challenges of both.

use super::rig::*;
use crate::model::Reply;
use crate::sip::message::Name;
use crate::sip::*;
use std::time::Duration;

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"alpha\", nonce=\"n1\", qop=\"auth\"\r\n";

fn with_credentials() -> Rig {
    let mut config = config(1);
    let password = "secret".to_owned().into();
    config.peers[1].credentials =
        Some(Credentials { user: "trunk".into(), password, realm: Some("alpha".into()) });
    config.listen.push(Listen { transport: Transport::Tcp, addr: addr(US) });
    Rig::with(config)
}

fn probe(rig: &mut Rig, id: u64, endpoint: Endpoint) -> Vec<Sent> {
    let (peer, patience) = (ALPHA_ID, Duration::from_secs(2));
    rig.core.probe(rig.now, OwnId(id), peer, &endpoint, patience, &mut rig.out);
    rig.take()
}

fn register(rig: &mut Rig, id: u64, expires_s: u32) -> Vec<Sent> {
    let (aor, contact_user) = ("sip:4001@alpha.example".to_owned(), "4001".to_owned());
    let registration = Registration { aor, contact_user, expires_s };
    rig.core.register(rig.now, OwnId(id), ALPHA_ID, &registration, &mut rig.out);
    rig.take()
}

fn outcome(rig: &mut Rig) -> Reply {
    let mut signals = rig.signals();
    assert_eq!(signals.len(), 1, "{signals:?}");
    match signals.remove(0) {
        Signal::Own { id: OwnId(7), peer: ALPHA_ID, outcome, .. } => outcome,
        other => panic!("{other:?}"),
    }
}

// proves: RFC 3261 §8.1.1.8
#[test]
fn a_probe_is_options_and_any_final_answer_is_told() {
    let mut rig = Rig::new();
    let sent = probe(&mut rig, 7, Endpoint::udp(addr(ALPHA))).remove(0);
    assert_eq!((sent.to.as_str(), sent.over.as_str()), (ALPHA, "udp"));
    assert_eq!(sent.first_line(), "OPTIONS sip:10.0.1.1:5060 SIP/2.0");
    assert_eq!(sent.one(Name::MaxForwards), "70");
    assert_eq!(sent.one(Name::Contact), "<sip:10.9.9.9:5060>");
    assert_eq!(sent.one(Name::To), "<sip:10.0.1.1:5060>");
    assert!(sent.one(Name::From).starts_with("<sip:10.9.9.9:5060>;tag="));
    assert!(sent.one(Name::CSeq).ends_with(" OPTIONS"));
    assert!(sent.text().contains("Accept: application/sdp\r\n"));
    rig.wait_ms(120);
    assert_eq!(rig.says(ALPHA, sent.answer("404 Not Found", "b", "Retry-After: 7 (soon)\r\n")), []);
    assert_eq!(
        outcome(&mut rig),
        Reply::Final {
            status: 404,
            phrase: "Not Found".into(),
            rtt: Duration::from_millis(120),
            expires_s: None,
            retry_after_s: Some(7),
        }
    );
    let other = probe(&mut rig, 8, Endpoint::udp(addr(ALPHA))).remove(0);
    assert_ne!(other.one(Name::CallId), sent.one(Name::CallId));
    rig.wait_ms(2_100);
    rig.signals();
    rig.assert_empty();
}

#[test]
fn a_probe_gives_up_when_its_patience_ends() {
    let mut rig = Rig::new();
    probe(&mut rig, 7, Endpoint::udp(addr(ALPHA)));
    let repeats = rig.wait_ms(1_990);
    assert_eq!(repeats.len(), 2, "at 0.5 and 1.5 s");
    assert_eq!(rig.signals(), []);
    assert_eq!(rig.wait_ms(20), []);
    assert_eq!(outcome(&mut rig), Reply::Silent);
    assert_eq!(rig.says(ALPHA, repeats[0].answer("200 OK", "b", "")), [], "too late");
    assert_eq!(rig.signals(), []);
    assert_eq!(rig.wait_ms(60_000), []);
    assert_eq!(rig.core.sizes(), Sizes::default());
}

#[test]
fn a_probe_by_tcp_that_cannot_connect_says_so_at_once() {
    let mut rig = with_credentials();
    let endpoint = Endpoint { transport: Transport::Tcp, addr: addr(ALPHA), name: None };
    let sent = probe(&mut rig, 7, endpoint).remove(0);
    assert_eq!(sent.first_line(), "OPTIONS sip:10.0.1.1:5060;transport=tcp SIP/2.0");
    assert_eq!(sent.one(Name::Contact), "<sip:10.9.9.9:5060;transport=tcp>");
    assert_eq!(rig.fails(&sent), []);
    assert_eq!(outcome(&mut rig), Reply::Unsent("connection refused".into()));
    let tls = Endpoint {
        transport: Transport::Tls,
        addr: addr(ALPHA),
        name: Some("sbc.alpha.example".into()),
    };
    assert_eq!(probe(&mut rig, 7, tls), [], "there is no TLS listener");
    assert!(matches!(outcome(&mut rig), Reply::Unsent(_)));
    rig.assert_empty();
}

#[test]
fn a_probe_of_a_named_endpoint_asks_for_the_name() {
    let mut config = config(1);
    config.listen.push(Listen { transport: Transport::Tls, addr: addr("10.9.9.9:5061") });
    let mut rig = Rig::with(config);
    let name = Some("sbc.alpha.example".into());
    let to = Endpoint { transport: Transport::Tls, addr: addr("10.0.1.1:5061"), name };
    let sent = probe(&mut rig, 7, to).remove(0);
    assert_eq!(sent.over, "tls=sbc.alpha.example");
    assert_eq!(sent.first_line(), "OPTIONS sip:sbc.alpha.example:5061;transport=tls SIP/2.0");
}

#[test]
fn a_challenged_probe_is_made_again_once() {
    let mut rig = with_credentials();
    let first = probe(&mut rig, 7, Endpoint::udp(addr(ALPHA))).remove(0);
    let again = rig.says(ALPHA, first.answer("401 Unauthorized", "b", CHALLENGE)).remove(0);
    assert_eq!(again.one(Name::CallId), first.one(Name::CallId));
    assert_eq!(again.one(Name::From), first.one(Name::From));
    assert_ne!(again.branch(), first.branch());
    let number = |s: &Sent| s.one(Name::CSeq).split(' ').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(number(&again), number(&first) + 1);
    let text = again.text();
    assert!(text.contains("Authorization: Digest username=\"trunk\",realm=\"alpha\",nonce=\"n1\""));
    assert!(text.contains("uri=\"sip:10.0.1.1:5060\"") && text.contains("nc=00000001"), "{text}");
    assert_eq!(rig.signals(), [], "the challenge is not told");
    assert_eq!(rig.says(ALPHA, again.answer("401 Unauthorized", "c", CHALLENGE)), []);
    assert!(matches!(outcome(&mut rig), Reply::Final { status: 401, .. }));
    assert_eq!(rig.core.counters().challenges_answered, 1);
    rig.assert_empty();
}

#[test]
fn a_stale_nonce_is_no_second_refusal_but_not_for_ever() {
    let mut rig = with_credentials();
    let mut sent = probe(&mut rig, 7, Endpoint::udp(addr(ALPHA))).remove(0);
    for round in 0..3 {
        let stale = CHALLENGE.replace("n1", &format!("m{round}")).replace("qop", "stale=true,qop");
        let answer = sent.answer("407 Proxy Authentication Required", "b", &stale);
        sent = rig.says(ALPHA, answer.replace("WWW-Authenticate", "Proxy-Authenticate")).remove(0);
        assert_eq!(sent.text().matches("Authorization:").count(), 1, "{}", sent.text());
        assert!(sent.text().contains(&format!("nonce=\"m{round}\"")));
    }
    let stale = CHALLENGE.replace("qop", "stale=true,qop");
    assert_eq!(rig.says(ALPHA, sent.answer("401 Unauthorized", "b", &stale)), []);
    assert!(matches!(outcome(&mut rig), Reply::Final { status: 401, .. }));
    rig.assert_empty();
}

#[test]
fn a_challenge_of_another_realm_or_scheme_is_told() {
    for challenge in [
        CHALLENGE.replace("realm=\"alpha\"", "realm=\"other\""),
        CHALLENGE.replace("Digest", "Bearer"),
        String::new(),
    ] {
        let mut rig = with_credentials();
        let sent = probe(&mut rig, 7, Endpoint::udp(addr(ALPHA))).remove(0);
        assert_eq!(rig.says(ALPHA, sent.answer("401 Unauthorized", "b", &challenge)), []);
        assert!(matches!(outcome(&mut rig), Reply::Final { status: 401, .. }));
    }
}

#[test]
fn a_registration_names_our_contact_and_reads_what_is_granted() {
    let mut rig = with_credentials();
    let first = register(&mut rig, 7, 600).remove(0);
    assert_eq!(first.first_line(), "REGISTER sip:alpha.example SIP/2.0");
    assert_eq!(first.one(Name::To), "<sip:4001@alpha.example>");
    assert_eq!(first.one(Name::Contact), "<sip:4001@10.9.9.9:5060>");
    assert!(first.text().contains("Expires: 600\r\n"));
    let second = rig.says(ALPHA, first.answer("401 Unauthorized", "b", CHALLENGE)).remove(0);
    assert!(second.text().contains("uri=\"sip:alpha.example\""));
    let bindings = "Contact: <sip:other@10.7.7.7>;expires=60, \
                    <sip:4001@10.9.9.9:5060>;q=1;expires=300\r\nExpires: 900\r\n";
    rig.says(ALPHA, second.answer("200 OK", "b", bindings));
    assert!(matches!(outcome(&mut rig), Reply::Final { status: 200, expires_s: Some(300), .. }));
    // The next one: same Call-ID, higher CSeq (§10.2).
    let next = register(&mut rig, 7, 0).remove(0);
    assert_eq!(next.one(Name::CallId), first.one(Name::CallId));
    let number = |s: &Sent| s.one(Name::CSeq).split(' ').next().unwrap().parse::<u32>().unwrap();
    assert!(number(&next) > number(&second));
    rig.says(ALPHA, next.answer("200 OK", "b", ""));
    assert!(matches!(outcome(&mut rig), Reply::Final { expires_s: None, .. }));
    let mut rig = rig.restarted(2);
    assert_ne!(register(&mut rig, 7, 600)[0].one(Name::CallId), first.one(Name::CallId));
}

#[test]
fn grants_of_header_and_of_a_rewritten_contact() {
    for (headers, granted) in [
        ("Expires: 120\r\n", Some(120)),
        ("Contact: <sip:4001@203.0.113.1:6000>;expires=55\r\n", Some(55)),
        ("Contact: <sip:a@h>;expires=55, <sip:b@h>;expires=66\r\n", None),
        ("m: <sip:4001@10.9.9.9:5060;transport=udp>;expires=77\r\nExpires: 5\r\n", Some(77)),
    ] {
        let mut rig = with_credentials();
        let sent = register(&mut rig, 7, 600).remove(0);
        rig.says(ALPHA, sent.answer("200 OK", "b", headers));
        match outcome(&mut rig) {
            Reply::Final { expires_s, .. } => assert_eq!(expires_s, granted, "{headers}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_registrar_that_wants_longer_gets_it_once() {
    let mut rig = with_credentials();
    let sent = register(&mut rig, 7, 30).remove(0);
    let brief = "Min-Expires: 1800\r\n";
    let longer = rig.says(ALPHA, sent.answer("423 Interval Too Brief", "b", brief)).remove(0);
    assert!(longer.text().contains("Expires: 1800\r\n"));
    // A challenge in between keeps what was learnt.
    let with = rig.says(ALPHA, longer.answer("401 Unauthorized", "b", CHALLENGE)).remove(0);
    assert!(with.text().contains("Expires: 1800\r\n") && with.text().contains("Authorization:"));
    rig.says(ALPHA, with.answer("423 Interval Too Brief", "b", "Min-Expires: 3600\r\n"));
    assert!(matches!(outcome(&mut rig), Reply::Final { status: 423, .. }));
    let sent = register(&mut rig, 7, 30).remove(0);
    let never = "Min-Expires: 99999999\r\n";
    assert_eq!(rig.says(ALPHA, sent.answer("423 Interval Too Brief", "b", never)), []);
    assert!(matches!(outcome(&mut rig), Reply::Final { status: 423, .. }));
    rig.assert_empty();
}

#[test]
fn a_silent_registrar_and_a_bad_address_of_record() {
    let mut rig = Rig::new();
    register(&mut rig, 7, 600);
    let sent = rig.wait_ms(33_000);
    assert_eq!(sent.len(), 10, "timer E");
    assert_eq!(outcome(&mut rig), Reply::Silent);
    assert_eq!(rig.core.sizes(), Sizes::default());
    for (aor, user) in [("tel:1", "a"), ("sip:a@h\r\nX: y", "a"), ("sip:a@h", "a>\r\nX: y")] {
        let (aor, contact_user) = (aor.to_owned(), user.to_owned());
        let registration = Registration { aor, contact_user, expires_s: 60 };
        rig.core.register(rig.now, OwnId(7), ALPHA_ID, &registration, &mut rig.out);
        assert!(matches!(outcome(&mut rig), Reply::Unsent(_)));
    }
    rig.core.set_endpoints(ALPHA_ID, Vec::new());
    assert_eq!(register(&mut rig, 7, 600), []);
    assert_eq!(outcome(&mut rig), Reply::Unsent("no address".into()));
}

#[test]
fn a_probe_outlives_nothing_when_its_connection_closes() {
    let mut rig = with_credentials();
    let endpoint = Endpoint { transport: Transport::Tcp, addr: addr(ALPHA), name: None };
    probe(&mut rig, 7, endpoint);
    rig.connects(1, Transport::Tcp, ALPHA, &[]);
    assert_eq!(rig.closes(1), []);
    assert_eq!(outcome(&mut rig), Reply::Unsent("connection closed".into()));
    rig.assert_empty();
}
