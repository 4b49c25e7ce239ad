//! What a proxy changes in a request (RFC 3261 §16.6).

use super::Edits;
use crate::sip::message::{Address, Header, MaxForwards, Message, Name, Span, Values};
use std::io::Write;
use std::net::SocketAddr;

/// Our Via above all others (§16.6 item 8), with rport (RFC 3581 §3).
pub fn push_via(edits: &mut Edits, message: &Message<'_>, local: SocketAddr, branch: &[u8]) {
    edits.insert(message.headers_at(), |text| {
        let _ = write!(text, "Via: SIP/2.0/UDP {local};rport;branch=");
        text.extend_from_slice(branch);
        text.extend_from_slice(b"\r\n");
    });
}

/// Record-Route values for the side the request leaves to and, if it is another listen address,
/// the side it came from (§16.6 item 4, RFC 5658 §6).
pub fn insert_route_mark(
    edits: &mut Edits,
    message: &Message<'_>,
    leaves: SocketAddr,
    came: SocketAddr,
    mark: &str,
) {
    edits.insert(message.headers_at(), |text| {
        let _ = write!(text, "Record-Route: <sip:{leaves};lr;tl={mark}>\r\n");
        if came != leaves {
            let _ = write!(text, "Record-Route: <sip:{came};lr;tl={mark}>\r\n");
        }
    });
}

/// One less, or 70 where there is none (§16.6 item 3).
pub fn lower_max_forwards(edits: &mut Edits, message: &Message<'_>) {
    match (message.header(Name::MaxForwards), message.max_forwards()) {
        (Some(header), MaxForwards::Hops(hops)) => edits.replace(header.value, |text| {
            let _ = write!(text, "{}", hops.saturating_sub(1));
        }),
        _ => edits.insert(message.headers_at(), |t| t.extend_from_slice(b"Max-Forwards: 70\r\n")),
    }
}

/// received and rport of the true source in the sender's Via (§18.2.1, RFC 3581 §4).
pub fn note_source(edits: &mut Edits, message: &Message<'_>, source: SocketAddr) {
    let Some(via) = message.via() else { return };
    if let Some(noted) = via.noted(message.bytes(), source) {
        edits.replace(via.value, |text| text.extend_from_slice(&noted));
    }
}

/// Another Request-URI, or another part of it.
pub fn replace_uri(edits: &mut Edits, part: Span, with: &[u8]) {
    edits.replace(part, |text| text.extend_from_slice(with));
}

/// Takes whole header lines out.
pub fn strip_headers(edits: &mut Edits, message: &Message<'_>, names: &[String]) {
    if names.is_empty() {
        return;
    }
    for header in message.all_headers() {
        let label = header.label.of(message.bytes());
        if names.iter().any(|name| label.eq_ignore_ascii_case(name.as_bytes())) {
            edits.remove(header.line);
        }
    }
}

/// What happens to the Route values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteEdits {
    /// Values taken from the top: ours, and a strict router that moved into the Request-URI.
    pub pop: usize,
    /// The last value moved into the Request-URI (§16.4).
    pub drop_last: bool,
    /// This goes behind the last value: the Request-URI that a strict router displaced.
    pub append: Option<Span>,
}

/// Edits the Route values; those that stay keep their bytes.
pub fn route_edits(edits: &mut Edits, message: &Message<'_>, change: RouteEdits) {
    let bytes = message.bytes();
    let total = message.values(Name::Route).count();
    let keep = change.pop..total.saturating_sub(usize::from(change.drop_last));
    let mut position = 0;
    for header in message.headers(Name::Route) {
        let values: Vec<Span> = Values::new(bytes, header.value).collect();
        let stays = |i: usize| keep.contains(&(position + i));
        let kept: Vec<usize> = (0..values.len()).filter(|i| stays(*i)).collect();
        match (kept.first(), kept.last()) {
            (Some(first), Some(last)) => trim_list(edits, header, &values, *first, *last),
            _ => edits.remove(header.line),
        }
        position += values.len();
    }
    if let Some(uri) = change.append {
        let at = message.headers(Name::Route).last().map(|h| h.line.to());
        edits.insert(at.unwrap_or(message.headers_at()), |text| {
            text.extend_from_slice(b"Route: <");
            text.extend_from_slice(uri.of(bytes));
            text.extend_from_slice(b">\r\n");
        });
    }
}

fn trim_list(edits: &mut Edits, header: &Header, values: &[Span], first: usize, last: usize) {
    if first > 0 {
        edits.remove(Span::new(values[0].from(), values[first].from()));
    }
    if last + 1 < values.len() {
        edits.remove(Span::new(values[last].to(), header.value.to()));
    }
}

/// URI of an address value.
pub fn value_uri(message: &Message<'_>, value: Span) -> Option<Span> {
    Address::parse(message.bytes(), value).map(|a| a.uri)
}
