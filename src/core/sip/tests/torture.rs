//! Messages in the manner of RFC 4475 §3.1.1 and RFC 5118 that must be accepted: they are asked
//! about, or forwarded, and leave as they came.

use super::rig::*;
use crate::sip::message::{Index, Message, Name};

fn asked(text: &[u8]) -> crate::sip::Offer {
    let mut rig = Rig::new();
    let sent = rig.says(PBX, text);
    assert_eq!(sent.len(), 1, "{}", String::from_utf8_lossy(text));
    assert!(sent[0].first_line().contains("100"), "{}", sent[0].text());
    let (ask, offer) = rig.ask();
    let left = rig.route(ask, &[(ALPHA_ID, ALPHA)]);
    assert_eq!(left[0].to, ALPHA);
    offer
}

#[test]
fn a_short_tortuous_invite() {
    // §3.1.1.1: folds everywhere, compact names, odd spacing, empty display names, escapes.
    let text = "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n\
        TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n\
        from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n\x20 ;\r\n  \
        tag = 98asjd8\r\n\
        MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 0\r\n\
        cseq: 0009\r\n  INVITE\r\n\
        Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n\
        s :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\
        UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n\
        Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n\
        v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n \
        SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n\
        m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n\x20     \
        newvalue ;\r\n  \
        secondparam ; q = 0.33\r\n\r\n";
    let mut index = Index::default();
    index.read(text.as_bytes(), 128).unwrap();
    let message = Message::new(text.as_bytes(), &index);
    assert!(message.is_identified());
    assert_eq!(message.fault(), None);
    assert_eq!(message.tag_of_to(), b"1918181833n");
    assert_eq!(message.tag_of_from(), b"98asjd8");
    assert_eq!(message.cseq().map(|c| c.number), Some(9));
    assert_eq!(message.cseq_method(), b"INVITE");
    assert_eq!(message.max_forwards(), crate::sip::message::MaxForwards::Hops(68));
    assert_eq!(message.values(Name::Via).count(), 3);
    assert_eq!(message.via().unwrap().branch(text.as_bytes()), b"390skdjuw");
    assert_eq!(message.from().unwrap().display_text(text.as_bytes()), "J Rosenberg \\\"");
    // Without its To tag it is an initial INVITE.
    asked(text.replace("   tag    = 1918181833n", " x=y").as_bytes());
}

#[test]
fn wide_range_of_characters_and_methods() {
    // §3.1.1.2: everything a token may hold.
    let mut rig = Rig::new();
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    let text = request(method, "intmeth", "").replace(
        "sip:13800138000@10.9.9.9 SIP",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,\
         weird!*pas$wo~d_too.(doesn't-it)@example.com SIP",
    );
    let sent = rig.says(PBX, text);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].first_line().starts_with(method), "{}", sent[0].text());
    assert_eq!(sent[0].to, ALPHA);
}

#[test]
fn escapes_and_parameters_in_the_user_part() {
    // §3.1.1.3, §3.1.1.4, §3.1.1.9: %00, escaped at-signs, semicolons.
    for (uri, dialed) in [
        ("sip:sips%3Auser%40example.com@example.net", "sips:user@example.com"),
        ("sip:user;par=u%40example.net@example.com", "user"),
        ("sip:null-%00-null@example.com", "null-\0-null"),
        ("tel:+861380013;phone-context=x", "+861380013"),
        ("sip:+8610%2a1@[2001:db8::10]:5070", "+8610*1"),
        ("sips:x@example.com;transport=udp?Subject=a", "x"),
    ] {
        let text = invite("esc").replacen("sip:13800138000@10.9.9.9", uri, 1);
        assert_eq!(asked(text.as_bytes()).dialed, dialed);
    }
}

#[test]
fn header_values_that_only_look_wrong() {
    for (what, from, to) in [
        ("§3.1.1.5 no gap before the bracket", "\"Desk \\\"7\\\"\" <", "\"Desk\"<"),
        ("§3.1.1.6 a long value", "Contact:", &format!("X: {}\r\nContact:", "a".repeat(30_000))),
        ("§3.1.1.8 semicolon separated", "Contact:", "Content-Language: en;;q=1\r\nContact:"),
        ("§3.1.1.10 unknown transport", "SIP/2.0/UDP 10.0.0.1", "SIP/2.0/UNKNOWN 10.0.0.1"),
        ("§3.1.1.13 empty reason-like values", "Contact:", "Subject:\r\nX-Empty:   \r\nContact:"),
        (
            "From without brackets",
            "From: \"Desk \\\"7\\\"\" <sip:8001@10.0.0.1>",
            "f: sip:8001@10.0.0.1",
        ),
        ("compact names", "Call-ID:", "i:"),
        ("IPv6 Via without brackets round received", "rport", "rport;received=2001:db8::9:255"),
        ("IPv6 hosts", "sip:8001@10.0.0.1>", "sip:8001@[2001:db8::1]>"),
        ("IPv6 Via", "10.0.0.1:5060;branch", "[2001:db8::1]:5060;branch"),
        ("a bare LF", "Contact:", "X: y\nContact:"),
        ("empty lines first", "INVITE sip", "\r\n\r\nINVITE sip"),
        ("UTF-8", "Desk", "桌"),
    ] {
        let text = invite("look");
        assert!(text.contains(from), "{what}");
        let text = if what.starts_with("empty") {
            format!("\r\n\r\n{text}")
        } else {
            text.replacen(from, to, 1)
        };
        let offer = asked(text.as_bytes());
        assert_eq!(
            (offer.from_user.as_str(), offer.ids.from_tag.as_str()),
            ("8001", "fromlook"),
            "{what}"
        );
    }
}

#[test]
fn responses_with_odd_reason_phrases_pass() {
    // §3.1.1.11, §3.1.1.12: non-ASCII phrase, no phrase at all.
    for line in ["200 = 2**3 * 5**2 \u{43d}\u{43e}", "200 ", "200"] {
        let mut rig = Rig::new();
        let (_, sent) = rig.call(&[(ALPHA_ID, ALPHA)]);
        let up = rig.says(ALPHA, sent.answer(line, "b", ""));
        assert_eq!(up.len(), 1, "{line}");
        assert!(up[0].text().starts_with(&format!("SIP/2.0 {line}\r\n")));
    }
}

#[test]
fn broken_messages_are_noticed() {
    for (what, text) in [
        ("no start", ": x\r\n\r\n".to_owned()),
        ("no end", invite("x").trim_end().to_owned()),
        ("no Via", invite("x").replace("Via:", "X-Via:")),
        ("no From", invite("x").replace("From:", "X:")),
        ("no colon", invite("x").replace("Contact:", "Contact")),
        ("name with space", invite("x").replace("Contact:", "Con tact:")),
        ("spaces in the URI", invite("x").replacen("sip:1380", "sip: 1380", 1)),
        ("status of two digits", "SIP/2.0 99 X\r\n\r\n".to_owned()),
        ("status above 699", "SIP/2.0 700 X\r\n\r\n".to_owned()),
        ("unclosed bracket", invite("x").replace("10.0.0.1>", "10.0.0.1")),
        (
            "too many headers",
            invite("x").replace("Contact:", &("a: b\r\n".repeat(200) + "Contact:")),
        ),
    ] {
        let mut rig = Rig::new();
        assert_eq!(rig.says(PBX, text), [], "{what}");
        assert_eq!(rig.core.counters().malformed, 1, "{what}");
    }
}
