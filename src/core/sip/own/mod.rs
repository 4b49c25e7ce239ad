//! Messages that are our own: answers, ACK, CANCEL, BYE, OPTIONS, REGISTER.
//!
//! The split: lines that mirror a peer's (Via, From, To, Call-ID, CSeq, Route) are copied from its
//! bytes, because rsip 0.4 would reject or rewrite IPv6, folds, compact names and bytes that are
//! no UTF-8. What is ours alone (version, method, status, Server, Retry-After, Content-Length,
//! ...) is made of rsip's types. A status is always `StatusCode::Other`: rsip writes its known
//! ones as `BusyHere`.

mod answer;
mod hop;
mod request;

pub use answer::{Answer, answer, list_of, phrase_of};
pub use hop::{ack, ack_late, ack_success, bye, cancel};
pub use request::{Again, Head, again, options, own_uri, register, registrar_of};

use crate::sip::message::{Header, Message, Name};

/// Copies a header: name and value to the byte, folds included; only the space around the colon and
/// the line end are ours.
fn mirror(out: &mut Vec<u8>, message: &Message<'_>, header: &Header) {
    out.extend_from_slice(header.label.of(message.bytes()));
    out.extend_from_slice(b": ");
    out.extend_from_slice(header.value.of(message.bytes()));
    out.extend_from_slice(b"\r\n");
}

fn mirror_all(out: &mut Vec<u8>, message: &Message<'_>, name: Name) {
    for header in message.headers(name) {
        mirror(out, message, header);
    }
}

/// A header of ours.
fn own_header(out: &mut Vec<u8>, header: &rsip::Header) {
    out.extend_from_slice(header.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Content-Length: 0 and the empty line.
fn no_body(out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
}
