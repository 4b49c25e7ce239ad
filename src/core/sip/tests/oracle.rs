//! Our reading of valid messages against that of an independent parser.

use crate::sip::message::{Index, Message};
use proptest::prelude::*;
use sipx_sip::{Address, CSeq, HeaderName, Limits, Via, parse_datagram};

/// What the other parser reads.
struct Theirs {
    method: String,
    call_id: String,
    cseq: u32,
    from_tag: String,
    to_tag: String,
    branch: String,
    body: String,
}

fn theirs(text: &str) -> Theirs {
    let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let message = parse_datagram(text.as_bytes().to_vec().into(), &Limits::datagram()).unwrap();
    let headers = message.headers();
    let tag = |name: HeaderName| {
        let value = headers.value(&name).unwrap();
        Address::parse(&value, "From").unwrap().tag().map_or_else(String::new, show)
    };
    let via = headers.typed_all::<Via>().next().unwrap().unwrap();
    Theirs {
        method: show(message.as_request().unwrap().method.as_bytes()),
        call_id: show(&headers.value(&HeaderName::CallId).unwrap()),
        cseq: headers.typed::<CSeq>().unwrap().unwrap().sequence,
        from_tag: tag(HeaderName::From),
        to_tag: tag(HeaderName::To),
        branch: via.branch().map_or_else(String::new, show),
        body: show(message.body()),
    }
}

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.!%*_+`'~-]{1,12}"
}

fn quoted() -> impl Strategy<Value = String> {
    "[A-Za-z ,;<>@:=]{0,12}".prop_map(|s| format!("\"{s}\" "))
}

prop_compose! {
    fn message()(
        method in "[A-Z]{3,10}",
        call_id in "[A-Za-z0-9.-]{1,16}(@[a-z0-9.]{1,10})?",
        from_tag in token(),
        to_tag in proptest::option::of(token()),
        branch in token(),
        cseq in 0u32..0x7fff_ffff,
        display in prop_oneof![Just(String::new()), quoted()],
        joined in any::<bool>(),
        compact in any::<bool>(),
        fold in any::<bool>(),
        ipv6 in any::<bool>(),
        body in "[ -~\r\n]{0,40}",
        odd in "[ -~\u{80}-\u{ff}]{0,20}",
    ) -> String {
        let host = if ipv6 { "[2001:db8::1]:5070" } else { "192.0.2.1" };
        let via = format!("SIP/2.0/UDP {host};rport;branch=z9hG4bK{branch}");
        let second = "SIP/2.0/TCP edge.example;branch=z9hG4bKsecond";
        let name = |long: &'static str, short: &'static str| if compact { short } else { long };
        let via_name = name("Via", "v");
        let vias = match joined {
            true => format!("{via_name}: {via}, {second}\r\n"),
            false => format!("{via_name}: {via}\r\n{via_name}: {second}\r\n"),
        };
        let gap = if fold { "\r\n " } else { " " };
        let to_tag = to_tag.map_or_else(String::new, |t| format!(";tag={t}"));
        format!(
            "{method} sip:b@{host} SIP/2.0\r\n{vias}Max-Forwards: 70\r\nX-Odd: {odd}\r\n\
             {}:{gap}{display}<sip:a@{host}>;x=y;tag={from_tag}\r\n\
             {}: <sip:b@example.com>{to_tag}\r\n\
             {}: {call_id}\r\nCSeq:{gap}{cseq} {method}\r\n{}: {}\r\n\r\n{body}",
            name("From", "f"), name("To", "t"), name("Call-ID", "i"), name("Content-Length", "l"),
            body.len(),
        )
    }
}

proptest! {
    /// Method, Call-ID, CSeq, tags, branch and body are what sipx-sip reads.
    #[test]
    fn key_fields_agree(text in message()) {
        let mut index = Index::default();
        prop_assert!(index.read(text.as_bytes(), 128).is_ok());
        let ours = Message::new(text.as_bytes(), &index);
        prop_assert!(ours.is_identified());
        prop_assert_eq!(ours.fault(), None);
        let theirs = theirs(&text);
        let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let bytes = text.as_bytes();
        prop_assert_eq!(&theirs.method, &show(ours.method()));
        prop_assert_eq!(&theirs.call_id, &show(ours.call_id()));
        prop_assert_eq!(theirs.cseq, ours.cseq().map_or(0, |c| c.number));
        prop_assert_eq!(&theirs.from_tag, &show(ours.tag_of_from()));
        prop_assert_eq!(&theirs.to_tag, &show(ours.tag_of_to()));
        prop_assert_eq!(&theirs.branch, &show(ours.via().map_or(&[], |v| v.branch(bytes))));
        prop_assert_eq!(&theirs.body, &show(ours.body().map_or(&[], |b| b.of(bytes))));
    }
}
