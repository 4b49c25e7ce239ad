//! One message and every view of it. Whatever the bytes are: no panic, and no span leaves them.

use std::net::SocketAddr;
use trunkline_core::sip::message::{Address, Index, Message, Name, Span, Start, Uri, Via};

/// Names with a view of their own; every other header is reached by `all_headers`.
const NAMES: [Name; 8] = [
    Name::Via,
    Name::From,
    Name::To,
    Name::Contact,
    Name::Route,
    Name::RecordRoute,
    Name::CallId,
    Name::PAssertedIdentity,
];

/// Reads `data` as a datagram.
pub fn run(data: &[u8]) {
    let mut index = Index::default();
    if index.read(data, 250).is_err() {
        return;
    }
    let message = Message::new(data, &index);
    lines(&message);
    match message.start() {
        Start::Request { method, uri, .. } => {
            inside(data, method);
            inside(data, uri);
            assert!(!method.is_empty() && !uri.is_empty());
        }
        Start::Response { status, phrase } => {
            inside(data, phrase);
            assert!((100..700).contains(&status));
        }
    }
    for name in NAMES {
        for value in message.values(name) {
            inside(data, value);
            address(data, value);
            via(data, value);
        }
    }
    if let Some(parts) = message.uri_parts() {
        uri(data, &parts);
    }
    if let Some(body) = message.body() {
        inside(data, body);
        assert!(body.from() >= message.headers_at());
    }
    let _ = (message.cseq(), message.max_forwards(), message.ids(), message.reason());
    let _ = (message.media(), message.has_sdp(), message.labelled("X-Purpose"));
    let fault = message.fault();
    if message.is_identified() && fault.is_none() && !message.method().is_empty() {
        // What is forwarded has all that its transaction is told by.
        assert!(message.cseq().is_some() && !message.call_id().is_empty());
        assert!(message.body().is_some() && message.uri_parts().is_some());
    }
}

/// The header lines lie one behind the other, without gaps, from the start line to the body.
fn lines(message: &Message<'_>) {
    let mut at = message.headers_at();
    for header in message.all_headers() {
        assert_eq!(header.line.from(), at);
        at = header.line.to();
        inside(message.bytes(), header.line);
        let within = |s: Span| s.from() >= header.line.from() && s.to() <= header.line.to();
        assert!(within(header.label) && within(header.value));
        assert_eq!(Name::of(header.label.of(message.bytes())), header.name);
    }
}

fn inside(data: &[u8], span: Span) {
    assert!(span.from() <= span.to() && span.to() <= data.len(), "{span:?}");
}

fn address(data: &[u8], value: Span) {
    let Some(address) = Address::parse(data, value) else { return };
    inside(data, address.uri);
    inside(data, address.params);
    let _ = (address.tag(data), address.display_text(data), address.user_text(data));
    if let Some(parts) = address.parts(data) {
        uri(data, &parts);
    }
}

fn uri(data: &[u8], parts: &Uri) {
    for span in [Some(parts.host), Some(parts.host_port), Some(parts.params), parts.user] {
        inside(data, span.unwrap_or_default());
    }
    let _ = (parts.literal(data), parts.user_text(data), parts.params(data).count());
}

fn via(data: &[u8], value: Span) {
    let Some(via) = Via::parse(data, value) else { return };
    for span in [via.transport, via.host, via.sent_by, via.params] {
        inside(data, span);
    }
    let _ = via.reply_to(data, 5060);
    let source: SocketAddr = SocketAddr::from(([192, 0, 2, 7], 5099));
    let _ = via.reply_to_source(data, source);
    if via.needs_note(data, source) {
        let mut noted = Vec::new();
        via.note(data, source, &mut noted);
        // The noted value is a Via of the same branch, and its answer comes back to the source.
        let all = Span::new(0, noted.len());
        let again = Via::parse(&noted, all).expect("a noted value");
        assert_eq!(again.branch(&noted), via.branch(data));
        assert_eq!(again.reply_to(&noted, 5060).map(|to| to.ip()), Some(source.ip()));
    }
}
