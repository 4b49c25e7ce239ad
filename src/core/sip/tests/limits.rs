//! What does not get in, and how much does.

use super::rig::*;
use crate::sip::message::Name;
use crate::sip::*;

// proves: RFC 3261 §7.5
#[test]
fn strangers_and_scanners_get_no_answer() {
    let mut rig = Rig::new();
    assert_eq!(rig.says("6.6.6.6:5060", invite("a")), []);
    assert_eq!(rig.says(PBX, request("OPTIONS", "s", "User-Agent: friendly-Scanner/1\r\n")), []);
    assert_eq!(rig.says(PBX, "\r\n\r\n"), []);
    assert_eq!(rig.says(PBX, "hello\r\n\r\n"), []);
    assert_eq!(rig.says(PBX, vec![b'x'; 65_536]), []);
    let c = *rig.core.counters();
    assert_eq!(
        (c.received, c.unknown_source, c.scanners, c.keepalives, c.malformed, c.too_long),
        (5, 1, 1, 1, 1, 1)
    );
    assert_eq!(rig.core.sizes(), Sizes::default());
}

#[test]
fn a_peer_may_be_bound_to_a_port() {
    let mut config = config(1);
    config.peers[1].sources = vec![(addr(ALPHA).ip(), Some(5060))];
    let mut rig = Rig::with(config);
    assert_eq!(rig.says("10.0.1.1:9999", request("OPTIONS", "o", "")), []);
    assert_eq!(rig.says(ALPHA, request("OPTIONS", "o", "")).len(), 1);
}

#[test]
fn a_flood_is_shed_with_503_and_leaves_nothing() {
    let mut config = config(1);
    config.limits.pending_per_peer_max = 3;
    config.limits.pending_max = 5;
    let mut rig = Rig::with(config);
    let mut busy = 0;
    for i in 0..6 {
        for who in [PBX, ALPHA] {
            let name = format!("f{i}{}", who.len() + usize::from(who == ALPHA));
            let sent = rig.says(who, invite(&name));
            let shed = sent[0].first_line() == "SIP/2.0 503 Service Unavailable";
            assert!(!shed || sent[0].one(Name::RetryAfter) == "10");
            busy += usize::from(shed);
        }
    }
    assert_eq!((busy, rig.core.sizes().pending, rig.core.sizes().servers), (7, 5, 5));
    assert_eq!(rig.core.counters().refused_busy, 7);
    rig.wait_ms(32_050); // nobody answers the asks
    assert_eq!((rig.core.counters().asks_expired, rig.core.sizes().pending), (5, 0));
    assert_eq!(names(&rig.signals()).iter().filter(|n| *n == "rejected 500 true").count(), 5);
    rig.assert_empty();
}

#[test]
fn in_dialog_requests_have_a_reserve() {
    let mut config = config(1);
    config.limits.transactions_max = 4;
    let mut rig = Rig::with(config);
    for i in 0..4 {
        rig.says(PBX, request("MESSAGE", &format!("m{i}"), ""));
    }
    assert!(rig.says(PBX, invite("i"))[0].first_line().contains("503"));
    assert_eq!(rig.says(PBX, request("MESSAGE", "m4", ""))[0].to, ALPHA);
    assert!(rig.says(PBX, request("MESSAGE", "m5", ""))[0].first_line().contains("503"));
}

#[test]
fn draining_takes_no_new_calls() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    rig.core.set_draining(true);
    assert!(rig.says(PBX, invite("b"))[0].first_line().contains("503"));
    assert_eq!(rig.says(PBX, ack("b", "tl0")), [], "nobody's ACK");
    let ok = rig.says(ALPHA, sent.answer("180 Ringing", "b", ""));
    assert_eq!(ok.len(), 1, "calls in progress go on");
}

// proves: RFC 3261 §8.2.7
// proves: RFC 3261 §16.3 item 1
// proves: RFC 3261 §16.6 item 3b
#[test]
fn invalid_requests_are_refused_as_the_rfc_says() {
    let mut rig = Rig::new();
    let base = invite("v");
    for (what, text, status) in [
        ("spent", base.replace("Max-Forwards: 70", "Max-Forwards: 0"), "483"),
        ("extension", base.replace("Contact:", "Proxy-Require: a, b\r\nContact:"), "420"),
        ("version", base.replacen("SIP/2.0", "SIP/7.0", 1), "505"),
        ("scheme", base.replace("INVITE sip:13800138000@10.9.9.9", "INVITE nobody:x"), "416"),
        ("uri", base.replace("INVITE sip:13800138000@10.9.9.9", "INVITE sip:a@b@c"), "400"),
        ("cseq method", base.replace("1 INVITE", "1 BYE"), "400"),
        ("cseq number", base.replace("1 INVITE", "36893488147419103232 INVITE"), "400"),
        ("two lengths", base.replace("Content-Length: 0", "l: 0\r\nContent-Length: 1"), "400"),
        ("negative length", base.replace("Content-Length: 0", "Content-Length: -9"), "400"),
        ("two froms", base.replace("To:", "f: <sip:x@h>\r\nTo:"), "400"),
        ("hops", base.replace("Max-Forwards: 70", "Max-Forwards: 300"), "400"),
    ] {
        let sent = rig.says(PBX, &text);
        assert_eq!(sent.len(), 1, "{what}");
        assert!(sent[0].first_line().starts_with(&format!("SIP/2.0 {status}")), "{what}");
        let tag = sent[0].one(Name::To).split(";tag=").nth(1).unwrap().to_owned();
        let again = rig.says(PBX, &text);
        assert_eq!(again, sent, "{what}: stateless, yet the same");
        assert_eq!(rig.says(PBX, ack("v", &tag)), [], "{what}: its ACK stays here");
    }
    assert!(
        rig.says(PBX, base.replace("Contact:", "Proxy-Require: a, b\r\nContact:"))[0]
            .text()
            .contains("Unsupported: a, b")
    );
    assert_eq!((rig.signals().len(), rig.core.sizes()), (0, Sizes::default()));
    let (_, sent) = {
        rig.says(PBX, base.replace("Max-Forwards: 70\r\n", ""));
        let (ask, _) = rig.ask();
        (ask, rig.route(ask, &[(ALPHA_ID, ALPHA)]).remove(0))
    };
    assert_eq!(sent.one(Name::MaxForwards), "70", "absent: 70 is added");
}

// proves: RFC 3261 §16.3 item 4
// proves: RFC 5393 §4.2.1
#[test]
fn a_loop_is_found_and_a_hairpin_is_none() {
    let mut rig = Rig::new();
    let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
    // Alpha sends it back with our Request-URI, as a proxy would: another sender, so a new call.
    let via = "Via: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKalpha\r\nVia: ";
    let back = sent.text().replacen("Via: ", via, 1).replace("@10.0.1.1:5060 SIP", "@10.9.9.9 SIP");
    assert!(rig.says(ALPHA, &back)[0].first_line().contains("100"));
    let (ask, _) = rig.ask();
    let sent = rig.route(ask, &[(PBX_ID, PBX)]).remove(0);
    // The PBX proxies it to us again: what the PBX sent first has the same way.
    let via = "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKpbx2\r\nVia: ";
    let again =
        sent.text().replacen("Via: ", via, 1).replace("@10.0.0.1:5060 SIP", "@10.9.9.9 SIP");
    assert!(rig.says(PBX, &again)[0].first_line().contains("482"), "{again}");
}
