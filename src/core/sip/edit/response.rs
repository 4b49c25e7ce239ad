//! What a proxy changes in a response (RFC 3261 §16.7).

use super::Edits;
use crate::sip::message::{Message, Name, Span, Start, Values, Via};
use std::io::Write;

/// Takes the topmost Via value out: the line, or one value of its list (§16.7 item 3).
pub fn pop_via(edits: &mut Edits, message: &Message<'_>) {
    let Some(header) = message.header(Name::Via) else { return };
    let mut values = Values::new(message.bytes(), header.value);
    match (values.next(), values.next()) {
        (Some(first), Some(second)) => edits.remove(Span::new(first.from(), second.from())),
        _ => edits.remove(header.line),
    }
}

/// The Via below the topmost: where the response goes.
pub fn second_via(message: &Message<'_>) -> Option<Via> {
    let value = message.values(Name::Via).nth(1)?;
    Via::parse(message.bytes(), value)
}

/// Another status line for the same response.
pub fn replace_status(edits: &mut Edits, message: &Message<'_>, status: u16, phrase: &str) {
    if let Start::Response { phrase: old, .. } = message.start() {
        edits.replace(Span::new(0, old.to()), |text| {
            let _ = write!(text, "SIP/2.0 {status} {phrase}");
        });
    }
    for header in message.headers(Name::RetryAfter) {
        edits.remove(header.line);
    }
}
