//! The Reason header (RFC 3326 §2 read; in responses RFC 6432 all).

use super::span::decimal;
use super::{Message, Name, Params, Values};
use crate::sip::Reason;
use memchr::memchr;

pub(super) fn read(message: &Message<'_>) -> Option<Reason> {
    let bytes = message.bytes();
    let mut reason: Option<Reason> = None;
    for header in message.headers(Name::Reason) {
        for value in Values::new(bytes, header.value) {
            let text = value.of(bytes);
            let end = memchr(b';', text).unwrap_or(text.len());
            let protocol = text[..end].trim_ascii();
            let params = super::Span::new(value.from() + end, value.to());
            let param = |name| Params::new(bytes, params).find(name).and_then(|p| p.value);
            let cause = param("cause").and_then(|v| decimal(v.of(bytes)));
            let found = reason.get_or_insert(Reason { q850: None, sip: None, text: String::new() });
            if protocol.eq_ignore_ascii_case(b"Q.850") {
                found.q850 = found.q850.or(cause.and_then(|c| u8::try_from(c).ok()));
            } else if protocol.eq_ignore_ascii_case(b"SIP") {
                found.sip = found.sip.or(cause.and_then(|c| u16::try_from(c).ok()));
            }
            if found.text.is_empty() {
                let words = param("text").map_or(&[][..], |v| v.of(bytes));
                found.text = String::from_utf8_lossy(words).into_owned();
            }
        }
    }
    reason
}
