//! Answers to requests (RFC 3261 §8.2.6.2).

use super::{mirror, mirror_all, no_body, own_header};
use crate::sip::message::{Header, Message, Name, Span, Values};
use crate::sip::text::push_number;
use std::borrow::Cow;
use std::net::SocketAddr;

/// What an answer says.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// 100-699.
    pub status: u16,
    /// Reason phrase.
    pub phrase: &'a str,
    /// To tag, added where the request has none; not in a 100.
    pub tag: Option<&'a str>,
    /// Server header; empty: none.
    pub server: &'a str,
}

/// An answer to `request`, which came from `source`; `extra` headers are ours.
pub fn answer(
    request: &Message<'_>,
    source: SocketAddr,
    say: Answer<'_>,
    extra: &[rsip::Header],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"SIP/2.0 ");
    push_number(&mut out, say.status.into());
    out.push(b' ');
    out.extend_from_slice(clean(say.phrase).as_bytes());
    out.extend_from_slice(b"\r\n");
    vias(&mut out, request, source);
    mirror_all(&mut out, request, Name::From);
    if let Some(to) = request.header(Name::To) {
        to_with_tag(&mut out, request, to, say.tag);
    }
    mirror_all(&mut out, request, Name::CallId);
    mirror_all(&mut out, request, Name::CSeq);
    // RFC 3261 §8.2.6.1.
    if say.status == 100 {
        mirror_all(&mut out, request, Name::Timestamp);
    }
    if !say.server.is_empty() {
        own_header(&mut out, &rsip::Header::Server(clean(say.server).into_owned().into()));
    }
    for header in extra {
        own_header(&mut out, header);
    }
    no_body(&mut out);
    out
}

fn vias(out: &mut Vec<u8>, request: &Message<'_>, source: SocketAddr) {
    let noted = request.via().filter(|via| via.needs_note(request.bytes(), source));
    for (i, header) in request.headers(Name::Via).enumerate() {
        match &noted {
            Some(via) if i == 0 => {
                let bytes = request.bytes();
                out.extend_from_slice(header.label.of(bytes));
                out.extend_from_slice(b": ");
                via.note(bytes, source, out);
                out.extend_from_slice(&bytes[via.value.to()..header.value.to()]);
                out.extend_from_slice(b"\r\n");
            }
            _ => mirror(out, request, header),
        }
    }
}

/// RFC 3261 §8.2.6.2 tag.
fn to_with_tag(out: &mut Vec<u8>, request: &Message<'_>, to: &Header, tag: Option<&str>) {
    mirror(out, request, to);
    if let Some(tag) = tag.filter(|_| request.tag_of_to().is_empty()) {
        out.truncate(out.len() - 2);
        for part in [";tag=", tag, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// Text that stays on its line.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    match text.contains(char::is_control) {
        true => text.replace(char::is_control, " ").into(),
        false => text.into(),
    }
}

/// Reason phrases of the answers that we make (RFC 3261 §21).
pub fn phrase_of(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        200 => "OK",
        400 => "Bad Request",
        408 => "Request Timeout",
        416 => "Unsupported URI Scheme",
        440 => "Max-Breadth Exceeded",
        504 => "Server Time-out",
        420 => "Bad Extension",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        487 => "Request Terminated",
        500 => "Server Internal Error",
        503 => "Service Unavailable",
        505 => "Version Not Supported",
        _ => "Refused",
    }
}

/// Tags in `values` of a list header, for Unsupported.
pub fn list_of(request: &Message<'_>, name: Name) -> String {
    let bytes = request.bytes();
    let all = request.headers(name).flat_map(|h| Values::new(bytes, h.value));
    let word = |v: Span| clean(&String::from_utf8_lossy(v.of(bytes))).into_owned();
    let words: Vec<String> = all.map(word).collect();
    words.join(", ")
}
