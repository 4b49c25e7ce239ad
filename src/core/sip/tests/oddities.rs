//! Oddities beyond the vectors of the torture RFCs: spellings that senders use, and faults with
//! their answers.

use super::rig::*;

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
fn escapes_and_parameters_in_the_user_part() {
    // §3.1.1.3, §3.1.1.4, §3.1.1.9: %00, escaped at-signs, semicolons.
    for (uri, dialed) in [
        ("sip:sips%3Auser%40example.com@example.net", "sips:user@example.com"),
        ("sip:user;par=u%40example.net@example.com", "user"),
        ("sip:null-%00-null@example.com", "null-\0-null"),
        ("tel:+861380013;phone-context=x", "+861380013"),
        ("sip:+8610%2a1@[2001:db8::10]:5070", "+8610*1"),
        ("sips:x@example.com;transport=udp", "x"),
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

// proves: RFC 3261 §7
#[test]
fn what_is_no_message_has_no_answer() {
    for (what, text) in [
        ("no start", ": x\r\n\r\n".to_owned()),
        ("no end", invite("x").trim_end().to_owned()),
        ("no Via", invite("x").replace("Via:", "X-Via:")),
        ("open quote in Via", invite("x").replace("branch=", "branch=\"")),
        ("no colon", invite("x").replace("Contact:", "Contact")),
        ("name with space", invite("x").replace("Contact:", "Con tact:")),
        ("no URI", invite("x").replacen("sip:13800138000@10.9.9.9 ", "", 1)),
        ("status of two digits", "SIP/2.0 99 X\r\n\r\n".to_owned()),
        ("status above 699", "SIP/2.0 700 X\r\n\r\n".to_owned()),
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

// proves: RFC 3261 §16.3 item 1
// proves: RFC 3261 §8.1.1.5
#[test]
fn a_faulty_request_is_told_what_is_wrong() {
    let uri = "sip:13800138000@10.9.9.9 SIP";
    for (from, to, phrase) in [
        ("From:", "X:", "Malformed Or Missing From"),
        ("To:", "X:", "Malformed Or Missing To"),
        ("10.0.0.1>;tag", "10.0.0.1;tag", "Malformed Or Missing From"),
        ("<sip:8001@10.0.0.1>", "sip:8001@10.0.0.1", "Malformed Or Missing From"),
        ("To: <sip:", "To: A, B <sip:", "Malformed Or Missing To"),
        ("To: <sip:", "To: \"A <sip:", "Malformed Or Missing To"),
        ("To: <sip:13800138000@10.9.9.9>", "To: <>", "Malformed Or Missing To"),
        ("10.9.9.9>\r\nCall", "10.9.9.9>;x=\"y\r\nCall", "Malformed Or Missing To"),
        ("Call-ID: x@pbx", "Call-ID:", "Missing Call-ID"),
        ("CSeq: 1 INVITE", "CSeq: 1", "Malformed Or Missing CSeq"),
        ("CSeq: 1 INVITE", "CSeq: 2147483648 INVITE", "Malformed Or Missing CSeq"),
        ("CSeq: 1 INVITE", "CSeq: 1 OPTIONS", "CSeq Method Differs"),
        ("CSeq:", "CSeq: 2 INVITE\r\nCSeq:", "Header Field Twice"),
        (";rport\r\n", ";rport, x\r\n", "Malformed Via"),
        ("branch=z9hG4bKx", "branch=z9hG4bK", "Empty Branch"),
        ("Content-Length: 0", "Content-Length: 1", "Content-Length Mismatch"),
        ("Max-Forwards: 70", "Max-Forwards: 256", "Malformed Max-Forwards"),
        (uri, "sip: 13800138000@10.9.9.9 SIP", "Malformed Request Line"),
        (uri, "sip:13800138000@10.9.9.9\tSIP/2.0 SIP", "Malformed Request Line"),
        (uri, "sip:13800138000@10.9.9.9?Subject=a SIP", "Headers In Request-URI"),
        (uri, "sip:@ SIP", "Malformed Request-URI"),
        (uri, "isbn:2983792873 SIP", "Unsupported URI Scheme"),
    ] {
        let text = invite("x");
        assert!(text.contains(from), "{from}");
        let mut rig = Rig::new();
        let sent = rig.says(PBX, text.replacen(from, to, 1));
        assert_eq!(sent.len(), 1, "{from} -> {to}");
        assert!(sent[0].first_line().ends_with(&format!(" {phrase}")), "{to}: {}", sent[0].text());
        rig.assert_empty();
    }
}
