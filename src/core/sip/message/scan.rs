//! The one pass over a message: start line, header lines, body.

use super::span::{is_lws, is_token};
use super::{Address, Header, Message, Name, Span, Via, trim};
use memchr::{memchr, memchr2, memrchr};

/// Why bytes are not a message. Nothing can be answered to these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Neither a request line nor a status line.
    #[error("sip start line is malformed")]
    StartLine,
    /// A line without a colon, with a name that is no token, or with a CR alone inside.
    #[error("sip header line is malformed")]
    HeaderLine,
    /// No empty line after the headers.
    #[error("sip message ends inside its headers")]
    Truncated,
    /// More header lines than allowed.
    #[error("sip message has more headers than allowed")]
    TooManyHeaders,
}

/// The first line.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// A request line.
    Request {
        /// Method.
        method: Span,
        /// Request-URI.
        uri: Span,
        /// Is it `SIP/2.0`?
        version_ok: bool,
        /// Single spaces between the three, none elsewhere?
        tidy: bool,
    },
    /// A status line.
    Response {
        /// Three digits, 100-699.
        status: u16,
        /// Reason phrase, may be empty.
        phrase: Span,
    },
}

const NONE: u8 = u8::MAX;

/// Where things are in a message. Reused from message to message: reading allocates nothing once
/// the header list has grown.
#[derive(Debug)]
pub struct Index {
    pub(super) start: Start,
    pub(super) headers: Vec<Header>,
    pub(super) first: [u8; Name::COUNT],
    /// First byte after the start line.
    pub(super) headers_at: u32,
    /// From the empty line (excluded) to the end of the datagram.
    pub(super) rest: Span,
    /// What is asked of nearly each message, and more than once.
    pub(super) known: Known,
}

/// Headers that are read with the message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Topmost Via.
    pub(super) via: Option<Via>,
    /// From, if it is an address.
    pub(super) from: Option<Address>,
    /// To, if it is an address.
    pub(super) to: Option<Address>,
    /// Tag of From; empty if there is none.
    pub(super) from_tag: Span,
    /// Tag of To; empty if there is none.
    pub(super) to_tag: Span,
}

impl Default for Index {
    fn default() -> Self {
        let start = Start::Response { status: 0, phrase: Span::default() };
        let first = [NONE; Name::COUNT];
        Self {
            start,
            headers: Vec::new(),
            first,
            headers_at: 0,
            rest: Span::default(),
            known: Known::default(),
        }
    }
}

impl Index {
    /// Reads a message. `headers_max` is cut to 250.
    pub fn read(&mut self, bytes: &[u8], headers_max: usize) -> Result<(), ParseError> {
        let headers_max = headers_max.min(usize::from(NONE) - 5);
        self.headers.clear();
        self.first = [NONE; Name::COUNT];
        self.known = Known::default();
        let (line, mut at) = next_line(bytes, 0).ok_or(ParseError::StartLine)?;
        self.start = start_line(bytes, line).ok_or(ParseError::StartLine)?;
        self.headers_at = at as u32;
        loop {
            let (line, after) = next_line(bytes, at).ok_or(ParseError::Truncated)?;
            if line.is_empty() {
                self.rest = Span::new(after, bytes.len());
                self.known = self.know(bytes);
                return Ok(());
            }
            let (line, after) = unfold(bytes, line, after);
            if self.headers.len() == headers_max {
                return Err(ParseError::TooManyHeaders);
            }
            let header = header_line(bytes, line, after).ok_or(ParseError::HeaderLine)?;
            let first = &mut self.first[header.name as usize];
            if *first == NONE {
                *first = self.headers.len() as u8;
            }
            self.headers.push(header);
            at = after;
        }
    }

    /// Forgets what stands behind the first `bytes` bytes: the message was stored up to there.
    pub fn cut(&mut self, bytes: usize) {
        let end = self.rest.to().min(bytes);
        self.rest = Span::new(self.rest.from().min(end), end);
    }

    fn know(&self, bytes: &[u8]) -> Known {
        let address = |name| {
            let address = Address::parse(bytes, self.first(name)?.value)?;
            let tag = address.param(bytes, "tag").and_then(|p| p.value);
            Some((address, tag.unwrap_or_default()))
        };
        let (from, to) = (address(Name::From), address(Name::To));
        let via = Message::new(bytes, self).values(Name::Via).next();
        Known {
            via: via.and_then(|value| Via::parse(bytes, value)),
            from: from.map(|(address, _)| address),
            to: to.map(|(address, _)| address),
            from_tag: from.map_or_else(Span::default, |(_, tag)| tag),
            to_tag: to.map_or_else(Span::default, |(_, tag)| tag),
        }
    }

    pub(super) fn first(&self, name: Name) -> Option<&Header> {
        self.headers.get(usize::from(self.first[name as usize]))
    }
}

/// The line at `at` without its line end, and where the next one starts. A bare LF ends a line:
/// old senders write it, and the Request-URI that decides stands before any of them. A CR without
/// its LF ends nothing: the next hop may read headers behind it that were not seen here.
fn next_line(bytes: &[u8], at: usize) -> Option<(Span, usize)> {
    let end = at + memchr2(b'\r', b'\n', bytes.get(at..)?)?;
    let after = match bytes[end..] {
        [b'\n', ..] => end + 1,
        [_, b'\n', ..] => end + 2,
        _ => return None,
    };
    Some((Span::new(at, end), after))
}

/// Adds the continuation lines (RFC 3261 §7.3.1).
fn unfold(bytes: &[u8], mut line: Span, mut after: usize) -> (Span, usize) {
    while matches!(bytes.get(after), Some(b' ' | b'\t')) {
        match next_line(bytes, after) {
            Some((more, next)) => {
                line = Span::new(line.from(), more.to());
                after = next;
            }
            None => break,
        }
    }
    (line, after)
}

fn header_line(bytes: &[u8], line: Span, after: usize) -> Option<Header> {
    let text = line.of(bytes);
    let name_end = text.iter().position(|b| !is_token(*b)).filter(|end| *end > 0)?;
    let colon = name_end + text[name_end..].iter().position(|b| !is_lws(*b))?;
    if text[colon] != b':' {
        return None;
    }
    let label = Span::new(line.from(), line.from() + name_end);
    let value = trim(bytes, Span::new(line.from() + colon + 1, line.to()));
    let name = Name::of(label.of(bytes));
    Some(Header { name, label, value, line: Span::new(line.from(), after) })
}

fn start_line(bytes: &[u8], line: Span) -> Option<Start> {
    let text = line.of(bytes);
    if text.len() >= 11 && text[..7].eq_ignore_ascii_case(b"SIP/2.0") && text[7] == b' ' {
        return status_line(bytes, line);
    }
    request_line(bytes, line)
}

/// Spaces too many are noted instead of refused, so that the request can be answered with 400
/// (RFC 4475 §3.1.2.8-§3.1.2.10).
fn request_line(bytes: &[u8], line: Span) -> Option<Start> {
    let text = line.of(bytes);
    let first = memchr(b' ', text)?;
    let end = text.iter().rposition(|b| *b != b' ')? + 1;
    let last = memrchr(b' ', &text[..end]).filter(|last| *last > first)?;
    let (method, version) = (&text[..first], &text[last + 1..end]);
    let between = Span::new(line.from() + first + 1, line.from() + last);
    let uri = trim(bytes, between);
    let method_ok = !method.is_empty() && method.iter().all(|b| is_token(*b));
    let version_like = version.len() >= 5 && version[..4].eq_ignore_ascii_case(b"SIP/");
    (!uri.is_empty() && method_ok && version_like).then(|| Start::Request {
        method: Span::new(line.from(), line.from() + first),
        uri,
        version_ok: version.eq_ignore_ascii_case(b"SIP/2.0"),
        tidy: end == text.len() && uri == between && !uri.of(bytes).iter().any(|b| is_lws(*b)),
    })
}

fn status_line(bytes: &[u8], line: Span) -> Option<Start> {
    let text = line.of(bytes);
    let digits = &text[8..11];
    let phrase_ok = text.len() == 11 || text[11] == b' ';
    if !phrase_ok || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    let phrase = Span::new(line.from() + 12.min(text.len()), line.to());
    (100..700).contains(&status).then_some(Start::Response { status, phrase })
}
