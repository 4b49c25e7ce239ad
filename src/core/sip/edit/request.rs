//! What a proxy changes in a request (RFC 3261 §16.6).

use super::Edits;
use crate::sip::Listen;
use crate::sip::message::{Address, Header, MaxForwards, Message, Name, Span, Values};
use crate::sip::text::{push_addr, push_number};
use std::io::Write;
use std::net::SocketAddr;

/// Our Via above all others (RFC 3261 §16.6 item 8), with rport (RFC 3581 §3).
pub fn push_via(edits: &mut Edits, message: &Message<'_>, listen: Listen, branch: &[u8]) {
    edits.insert(message.headers_at(), |text| via_line(text, listen, branch));
}

/// Our Via (RFC 3261 §18.1.1 sent-by).
pub fn via_line(text: &mut Vec<u8>, listen: Listen, branch: &[u8]) {
    text.extend_from_slice(b"Via: SIP/2.0/");
    text.extend_from_slice(listen.transport.via_name().as_bytes());
    text.push(b' ');
    push_addr(text, listen.addr);
    text.extend_from_slice(b";rport;branch=");
    text.extend_from_slice(branch);
    text.extend_from_slice(b"\r\n");
}

/// Record-Route values for the side the request leaves to and, if transport or address is another,
/// the side it came from (RFC 3261 §16.6 item 4, RFC 5658 §6).
pub fn insert_route_mark(
    edits: &mut Edits,
    message: &Message<'_>,
    leaves: Listen,
    came: Listen,
    mark: &[u8],
) {
    let sips = message.uri_parts().is_some_and(|uri| uri.secure);
    let mut line = |listen: Listen| {
        let scheme = if sips && listen.transport.is_secure() { "sips" } else { "sip" };
        let (addr, param) = (listen.addr, listen.transport.uri_param());
        edits.insert(message.headers_at(), |text| {
            text.extend_from_slice(b"Record-Route: <");
            text.extend_from_slice(scheme.as_bytes());
            text.push(b':');
            push_addr(text, addr);
            text.extend_from_slice(param.as_bytes());
            text.extend_from_slice(b";lr;tl=");
            text.extend_from_slice(mark);
            text.extend_from_slice(b">\r\n");
        });
    };
    line(leaves);
    if came != leaves {
        line(came);
    }
}

/// Content-Length where there is none: a stream needs it (RFC 3261 §16.6 item 9, §18.3 stream).
pub fn ensure_length(edits: &mut Edits, message: &Message<'_>) {
    if message.header(Name::ContentLength).is_none() {
        let length = message.body().map_or(0, |b| b.to() - b.from());
        edits.insert(message.headers_at(), |text| {
            let _ = write!(text, "Content-Length: {length}\r\n");
        });
    }
}

/// One less (§16.6 item 3), or 70 where there is none (§16.6 item 3b).
pub fn lower_max_forwards(edits: &mut Edits, message: &Message<'_>) {
    match (message.header(Name::MaxForwards), message.max_forwards()) {
        (Some(header), MaxForwards::Hops(hops)) => edits.replace(header.value, |text| {
            push_number(text, hops.saturating_sub(1).into());
        }),
        _ => edits.insert(message.headers_at(), |t| t.extend_from_slice(b"Max-Forwards: 70\r\n")),
    }
}

/// Largest Max-Breadth that is passed on, and the one that is added (RFC 5393 §5.3.3).
const BREADTH_MAX: u32 = 60;

/// One Max-Breadth of at most 60 (RFC 5393 §5.3.3 none, §5.3.3 max). Targets are tried one after
/// the other, so that each is given all of it.
pub fn bound_max_breadth(edits: &mut Edits, message: &Message<'_>) {
    let mut lines = message
        .all_headers()
        .iter()
        .filter(|h| h.label.of(message.bytes()).eq_ignore_ascii_case(b"Max-Breadth"));
    let Some(first) = lines.next() else {
        return edits.insert(message.headers_at(), |text| {
            text.extend_from_slice(b"Max-Breadth: ");
            push_number(text, BREADTH_MAX.into());
            text.extend_from_slice(b"\r\n");
        });
    };
    let text = std::str::from_utf8(first.value.of(message.bytes())).unwrap_or_default();
    // A number that is too large for its type, or none at all, is replaced as well.
    if text.parse::<u32>().map_or(true, |breadth| breadth > BREADTH_MAX) {
        edits.replace(first.value, |text| {
            let _ = write!(text, "{BREADTH_MAX}");
        });
    }
    for more in lines {
        edits.remove(more.line);
    }
}

/// received and rport of the true source in the sender's Via (§18.2.1, RFC 3581 §4).
pub fn note_source(edits: &mut Edits, message: &Message<'_>, source: SocketAddr) {
    let Some(via) = message.via() else { return };
    if via.needs_note(message.bytes(), source) {
        edits.replace(via.value, |text| via.note(message.bytes(), source, text));
    }
}

/// Another Request-URI, or another part of it.
pub fn replace_uri(edits: &mut Edits, part: Span, with: &[u8]) {
    edits.replace(part, |text| text.extend_from_slice(with));
}

/// Adds `by` to the CSeq number (RFC 3261 §22.2), and to that in RAck, which names an INVITE of
/// the same sender (RFC 3262 §7.2).
pub fn raise_cseq(edits: &mut Edits, message: &Message<'_>, by: u8) {
    shift_numbers(edits, message, i64::from(by));
}

/// Takes `by` from the CSeq number of a response.
pub fn lower_cseq(edits: &mut Edits, message: &Message<'_>, by: u8) {
    shift_numbers(edits, message, -i64::from(by));
}

fn shift_numbers(edits: &mut Edits, message: &Message<'_>, by: i64) {
    if by == 0 {
        return;
    }
    let bytes = message.bytes();
    let mut shift = |from: usize, to: usize| {
        let digits = bytes[from..to].iter().take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&bytes[from..from + digits]).unwrap_or_default();
        if let Ok(number) = text.parse::<i64>() {
            let shifted = number.saturating_add(by).clamp(0, (1 << 31) - 1);
            edits.replace(Span::new(from, from + digits), |text| {
                let _ = write!(text, "{shifted}");
            });
        }
    };
    if let Some(header) = message.header(Name::CSeq) {
        shift(header.value.from(), header.value.to());
    }
    for value in message.all_labelled("RAck").filter(|_| by > 0) {
        let text = value.of(bytes);
        let blank = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        let second = text[blank..].iter().position(|b| !b.is_ascii_whitespace());
        shift(value.from() + blank + second.unwrap_or(0), value.to());
    }
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
        let first = keep.start.saturating_sub(position);
        let end = keep.end.saturating_sub(position).min(values.len());
        if first < end {
            trim_list(edits, header, &values, first, end - 1);
        } else {
            edits.remove(header.line);
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
