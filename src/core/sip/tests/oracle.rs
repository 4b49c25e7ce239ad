//! Our reading of messages against that of an independent parser: valid ones must be read alike,
//! damaged ones must be read alike or refused, and where only one of us refuses, `ALLOWED` says
//! why.

use crate::sip::message::{Fault, Index, Message};
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

/// What it reads, or why it refuses.
fn theirs(bytes: &[u8]) -> Result<Theirs, String> {
    let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let message = parse_datagram(bytes.to_vec().into(), &Limits::datagram());
    let message = message.map_err(|e| e.to_string())?;
    let request = message.as_request().ok_or("a response")?;
    if let Some(finding) = sipx_sip::validate_request(request).first() {
        return Err(format!("{finding:?}"));
    }
    let headers = message.headers();
    let tag = |name: HeaderName| {
        let value = headers.value(&name).ok_or("no address")?;
        let address = Address::parse(&value, "From").map_err(|e| e.to_string())?;
        Ok::<_, String>(address.tag().map_or_else(String::new, show))
    };
    let mut vias = headers.typed_all::<Via>();
    let via = vias.next().ok_or("no Via")?.map_err(|e| e.to_string())?;
    if let Some(Err(error)) = vias.find(Result::is_err) {
        return Err(error.to_string());
    }
    Ok(Theirs {
        method: show(request.method.as_bytes()),
        call_id: show(&headers.value(&HeaderName::CallId).ok_or("no Call-ID")?),
        cseq: headers.typed::<CSeq>().ok_or("no CSeq")?.map_err(|e| e.to_string())?.sequence,
        from_tag: tag(HeaderName::From)?,
        to_tag: tag(HeaderName::To)?,
        branch: via.branch().map_or_else(String::new, show),
        body: show(message.body()),
    })
}

/// Why we refuse a request, if we do.
fn our_refusal(message: &Message<'_>) -> Option<String> {
    if !message.is_identified() || message.method().is_empty() {
        return Some("no request".into());
    }
    message.fault().map(|fault| match fault {
        Fault::Bad(phrase) => phrase.to_owned(),
        other => format!("{other:?}"),
    })
}

/// Both read it: then alike.
fn assert_alike(ours: &Message<'_>, theirs: &Theirs) -> Result<(), TestCaseError> {
    let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let bytes = ours.bytes();
    prop_assert_eq!(&theirs.method, &show(ours.method()));
    prop_assert_eq!(&theirs.call_id, &show(ours.call_id()));
    prop_assert_eq!(theirs.cseq, ours.cseq().map_or(0, |c| c.number));
    prop_assert_eq!(&theirs.from_tag, &show(ours.tag_of_from()));
    prop_assert_eq!(&theirs.to_tag, &show(ours.tag_of_to()));
    prop_assert_eq!(&theirs.branch, &show(ours.via().map_or(&[], |v| v.branch(bytes))));
    prop_assert_eq!(&theirs.body, &show(ours.body().map_or(&[], |b| b.of(bytes))));
    Ok(())
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

/// One of us refuses: (our reason, theirs, why that is right). `-` is whoever accepts.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("-", "MissingRequiredHeader(\"Max-Forwards\")", "RFC 3261 §16.6 item 3b adds it"),
    ("-", "repeated Content-Length", "equal ones say the same; different ones are refused"),
    ("-", "bare CR or LF", "old senders end lines with LF alone; a bare CR we refuse too"),
    ("-", "no blank line after headers", "the same: an empty line that ends with LF alone"),
    ("-", "bad Request-URI", "what stands in it is for the next hop, unless our own address does"),
    ("-", "MalformedRequiredHeader(\"From\")", "a URI or parameter that only its owner reads"),
    ("-", "MalformedRequiredHeader(\"To\")", "a URI or parameter that only its owner reads"),
    ("-", "MalformedRequiredHeader(\"Via\")", "tokens of a Via are read as they come"),
    ("-", "malformed Via", "a parameter of a Via below the topmost, or one nobody here reads"),
    ("-", "Via header", "a Via below the topmost: its owner reads it"),
    ("Empty Branch", "-", "RFC 4475 §3.2.1: either answer is right"),
    ("Malformed Via", "-", "an empty or broken value in the list: RFC 4475 §3.1.2.1"),
    ("Malformed Or Missing Call-ID", "-", "RFC 3261 §25.1: a word, without white space"),
    ("Malformed Request-URI", "-", "RFC 3986 §3.1: a scheme begins with a letter"),
    ("Scheme", "-", "416 is not a matter of syntax"),
    ("no request", "-", "the topmost Via has no sent-protocol or host: nothing to answer along"),
];

fn is_allowed(ours: &str, theirs: &str) -> bool {
    ALLOWED.iter().any(|(our, their, _)| ours.starts_with(our) && theirs.contains(their))
}

/// What happens to a message on a bad way.
#[derive(Clone, Debug)]
enum Damage {
    Byte(u16, u8),
    Insert(u16, u8),
    Remove(u16),
    DropLine(u8),
    DoubleLine(u8),
    SwapLines(u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let odd = prop::sample::select(b"\t\r\n \",;:<>=@[]\\/%0a\x00\x80".to_vec());
    prop_oneof![
        (any::<u16>(), odd.clone()).prop_map(|(at, b)| Damage::Byte(at, b)),
        (any::<u16>(), odd).prop_map(|(at, b)| Damage::Insert(at, b)),
        any::<u16>().prop_map(Damage::Remove),
        any::<u8>().prop_map(Damage::DropLine),
        any::<u8>().prop_map(Damage::DoubleLine),
        any::<u8>().prop_map(Damage::SwapLines),
    ]
}

fn damaged(text: &str, all: &[Damage]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for damage in all {
        let mut lines: Vec<Vec<u8>> =
            bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        let (length, count) = (bytes.len().max(1), lines.len().max(1));
        match damage {
            Damage::Byte(at, b) if !bytes.is_empty() => bytes[usize::from(*at) % length] = *b,
            Damage::Insert(at, b) => bytes.insert(usize::from(*at) % length, *b),
            Damage::Remove(at) if !bytes.is_empty() => {
                bytes.remove(usize::from(*at) % length);
            }
            Damage::DropLine(n) if !lines.is_empty() => {
                lines.remove(usize::from(*n) % count);
                bytes = lines.concat();
            }
            Damage::DoubleLine(n) if !lines.is_empty() => {
                let line = lines[usize::from(*n) % count].clone();
                lines.insert(usize::from(*n) % count, line);
                bytes = lines.concat();
            }
            Damage::SwapLines(n) if count > 3 => {
                let at = 1 + usize::from(*n) % (count - 2);
                lines.swap(at, at + 1);
                bytes = lines.concat();
            }
            _ => {}
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Method, Call-ID, CSeq, tags, branch and body are what sipx-sip reads.
    #[test]
    fn key_fields_agree(text in message()) {
        let mut index = Index::default();
        prop_assert!(index.read(text.as_bytes(), 128).is_ok());
        let ours = Message::new(text.as_bytes(), &index);
        prop_assert_eq!(our_refusal(&ours), None);
        let theirs = theirs(text.as_bytes());
        prop_assert!(theirs.is_ok(), "{:?}", theirs.err());
        assert_alike(&ours, &theirs.unwrap_or_else(|_| unreachable!()))?;
    }

    /// Damaged messages: read alike, refused by both, or a listed difference.
    #[test]
    fn damage_is_judged_alike(text in message(), all in prop::collection::vec(damage(), 1..4)) {
        let bytes = damaged(&text, &all);
        let mut index = Index::default();
        let read = index.read(&bytes, 128);
        let ours = Message::new(&bytes, &index);
        let refusal = match read {
            Err(error) => Some(error.to_string()),
            Ok(()) => our_refusal(&ours),
        };
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        match (refusal, theirs(&bytes)) {
            (None, Ok(theirs)) => assert_alike(&ours, &theirs)?,
            (Some(_), Err(_)) => {}
            (Some(ours), Ok(_)) => {
                prop_assert!(is_allowed(&ours, "-"), "we say {ours}, they accept\n{shown}");
            }
            (None, Err(theirs)) => {
                prop_assert!(is_allowed("-", &theirs), "they say {theirs}, we accept\n{shown}");
            }
        }
    }
}
