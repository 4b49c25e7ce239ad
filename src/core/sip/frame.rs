//! Messages out of a byte stream (RFC 3261 §18.3 stream): TCP and TLS.
//!
//! A message ends where its Content-Length says. When that cannot be known, nothing after it can
//! be trusted to be the start of a message, so every error here ends the connection.

use super::message::{Span, trim};
use memchr::memchr;

/// Room that is made for one read, bytes.
const READ_BYTES: usize = 4096;
/// A longer number is beyond every limit; the parser of messages reads no longer ones either.
const DIGITS_MAX: usize = 10;
/// A buffer that has grown beyond this is given back when it is empty.
const KEPT_BYTES: usize = 16 << 10;

/// Sizes; beyond them: [`FrameError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Start line and headers with the empty line. Default 32,768 bytes.
    pub header_bytes_max: usize,
    /// The whole message. Default 65,535 bytes, what a datagram can hold: it may have to leave as
    /// one.
    pub message_bytes_max: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { header_bytes_max: 32 << 10, message_bytes_max: 65_535 }
    }
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// One message, from its start line to the end of its body.
    Message(&'a [u8]),
    /// CRLF CRLF between messages: to be answered with CRLF (RFC 5626 §4.4.1).
    Ping,
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// RFC 3261 §20.14: a stream's message has one.
    #[error("sip message on a stream has no Content-Length")]
    LengthMissing,
    /// No decimal number.
    #[error("sip Content-Length is no number")]
    LengthMalformed,
    /// Several that differ.
    #[error("sip message has two different Content-Lengths")]
    LengthAmbiguous,
    /// No end of the headers within the limit.
    #[error("sip headers are longer than {0} bytes")]
    HeadersTooLong(usize),
    /// Headers and body together.
    #[error("sip message is longer than {0} bytes")]
    MessageTooLong(usize),
}

/// What the bytes at `Framer::start` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between messages; so many CRLFs stood there, and whether a CR is open.
    Gap { crlfs: u8, cr: bool },
    /// Inside the headers: the present line and where to look for its end, counted from `start`.
    Headers { line: usize, searched: usize },
    /// The length of the whole message is known.
    Body { length: usize },
    /// Nothing can be told any more.
    Lost(FrameError),
}

const GAP: Phase = Phase::Gap { crlfs: 0, cr: false };

/// Cuts one stream. Each byte is looked at a fixed number of times, however small the reads are.
#[derive(Debug)]
pub struct Framer {
    limits: FrameLimits,
    buffer: Vec<u8>,
    /// First byte that was not given out.
    start: usize,
    /// End of what was read; the buffer behind it is room.
    end: usize,
    phase: Phase,
}

impl Framer {
    /// At the start of a stream.
    pub fn new(limits: FrameLimits) -> Self {
        Self { limits, buffer: Vec::new(), start: 0, end: 0, phase: GAP }
    }

    /// Room for the next read, never empty; then tell `filled`.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEPT_BYTES {
                self.buffer = Vec::new();
            }
        }
        let missing = match self.phase {
            Phase::Body { length } => (self.start + length).saturating_sub(self.end),
            Phase::Gap { .. } | Phase::Headers { .. } | Phase::Lost(_) => 0,
        };
        let wanted = missing.max(READ_BYTES / 2);
        if self.buffer.len() - self.end < wanted && self.start > 0 {
            // What is left is the start of one message at most, and it is moved only once.
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < wanted {
            let length = self.end + missing.max(READ_BYTES);
            self.buffer.resize(length.max(self.buffer.len() * 3 / 2), 0);
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes were read into the room.
    ///
    /// # Panics
    /// If it is more than the room.
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.buffer.len() - self.end, "more bytes than there was room");
        self.end += count;
    }

    /// Copies bytes in, for readers that have a buffer of their own.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.room();
            let count = bytes.len().min(room.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.filled(count);
            bytes = &bytes[count..];
        }
    }

    /// Is a message begun and not complete?
    pub fn is_inside(&self) -> bool {
        matches!(self.phase, Phase::Headers { .. } | Phase::Body { .. })
    }

    /// The next frame; `None`: more bytes are needed.
    ///
    /// # Errors
    /// If the stream cannot be read on; every later call says the same.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        loop {
            match self.phase {
                Phase::Gap { .. } => match self.gap() {
                    Some(true) => return Ok(Some(Frame::Ping)),
                    Some(false) => {}
                    None => return Ok(None),
                },
                Phase::Headers { line, searched } => match self.headers(line, searched) {
                    Ok(true) => {}
                    Ok(false) => return Ok(None),
                    Err(error) => self.phase = Phase::Lost(error),
                },
                Phase::Body { length } if self.end - self.start < length => return Ok(None),
                Phase::Body { length } => {
                    let from = self.start;
                    self.start += length;
                    self.phase = GAP;
                    return Ok(Some(Frame::Message(&self.buffer[from..self.start])));
                }
                Phase::Lost(error) => return Err(error),
            }
        }
    }

    /// Skips line ends between messages (RFC 3261 §7.5): `true` at the second CRLF of a ping,
    /// `false` where a message starts.
    fn gap(&mut self) -> Option<bool> {
        let Phase::Gap { mut crlfs, mut cr } = self.phase else { return Some(false) };
        while self.start < self.end {
            match self.buffer[self.start] {
                b'\r' => cr = true,
                b'\n' => {
                    crlfs = if cr { crlfs + 1 } else { 0 };
                    cr = false;
                }
                _ => {
                    self.phase = Phase::Headers { line: 0, searched: 0 };
                    return Some(false);
                }
            }
            self.start += 1;
            if crlfs == 2 {
                self.phase = GAP;
                return Some(true);
            }
        }
        self.phase = Phase::Gap { crlfs, cr };
        None
    }

    /// Looks for the empty line, by the rules of `message::Index`: LF ends a line, a CR before
    /// it belongs to the line end. `true`: it was found.
    fn headers(&mut self, mut line: usize, mut searched: usize) -> Result<bool, FrameError> {
        let bytes = &self.buffer[self.start..self.end];
        let max = self.limits.header_bytes_max;
        while let Some(lf) = memchr(b'\n', &bytes[searched..]).map(|at| searched + at) {
            let after = lf + 1;
            if after > max {
                return Err(FrameError::HeadersTooLong(max));
            }
            let empty = lf == line || (lf == line + 1 && bytes[line] == b'\r');
            (line, searched) = (after, after);
            if empty {
                let length = after.saturating_add(content_length(&bytes[..after])?);
                if length > self.limits.message_bytes_max {
                    return Err(FrameError::MessageTooLong(self.limits.message_bytes_max));
                }
                self.phase = Phase::Body { length };
                return Ok(true);
            }
        }
        if bytes.len() >= max {
            return Err(FrameError::HeadersTooLong(max));
        }
        self.phase = Phase::Headers { line, searched: bytes.len() };
        Ok(false)
    }
}

/// The one value that all Content-Length lines of a header block have. What else is wrong with the
/// block is not the stream's affair.
fn content_length(block: &[u8]) -> Result<usize, FrameError> {
    let mut found = None;
    let mut rest = &block[memchr(b'\n', block).map_or(block.len(), |lf| lf + 1)..];
    while !rest.is_empty() {
        let mut end = 0;
        // A line and its continuations (RFC 3261 §7.3.1), which may begin before the colon.
        while let Some(lf) = memchr(b'\n', &rest[end..]) {
            end += lf + 1;
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let line = &rest[..if end == 0 { rest.len() } else { end }];
        if let Some(colon) = memchr(b':', line).filter(|colon| is_length(&line[..*colon])) {
            let value = number(&line[colon + 1..])?;
            if found.is_some_and(|before| before != value) {
                return Err(FrameError::LengthAmbiguous);
            }
            found = Some(value);
        }
        rest = &rest[line.len()..];
    }
    found.ok_or(FrameError::LengthMissing)
}

/// What stands before the colon: the name of a length, with nothing before it?
fn is_length(label: &[u8]) -> bool {
    let name = trimmed(label);
    let known = name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l");
    known && label.starts_with(name)
}

/// Without the white space of SIP, which has no form feed: what the parser of messages would not
/// read as a length must not cut the stream either.
fn trimmed(bytes: &[u8]) -> &[u8] {
    trim(bytes, Span::new(0, bytes.len())).of(bytes)
}

fn number(value: &[u8]) -> Result<usize, FrameError> {
    let digits = trimmed(value);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(FrameError::LengthMalformed);
    }
    if digits.len() > DIGITS_MAX {
        return Ok(usize::MAX);
    }
    let digit = |n: usize, b: &u8| n.saturating_mul(10).saturating_add(usize::from(b - b'0'));
    Ok(digits.iter().fold(0, digit))
}
