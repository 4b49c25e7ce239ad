//! Frames of the Event Socket: a block of `Name: value` lines, an empty line, and as many bytes
//! of body as `Content-Length` says.
//!
//! Source: `read_packet` and the writers in FreeSWITCH's `mod_event_socket.c`.

/// Bytes of one header block.
pub(super) const HEADERS_BYTES_MAX: usize = 64 * 1024;
/// A length beyond this is no length: the count of bytes was lost.
const LENGTH_SANE_MAX: usize = 1 << 30;
/// Bytes of what a stranger says that are told to a person.
const TOLD_BYTES_MAX: usize = 60;

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    headers: Vec<(String, String)>,
    /// Body; empty if there is none.
    pub body: Vec<u8>,
}

impl Frame {
    /// First header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All headers in order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A whole frame.
    Frame(Frame),
    /// A frame whose body is longer than the limit; its body is passed over.
    TooLong {
        /// Length of the body.
        bytes: usize,
    },
}

/// Why the stream cannot be read on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// The first words are not those of an Event Socket.
    #[error("this is no FreeSWITCH event socket: it says `{0}`")]
    Stranger(String),
    /// No end of the headers.
    #[error("a header block is longer than {HEADERS_BYTES_MAX} bytes")]
    HeadersTooLong,
    /// A line that is no header, or a length that is no number.
    #[error("the stream is out of step: {0}")]
    OutOfStep(&'static str),
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub(super) struct Framer {
    buffer: Vec<u8>,
    /// Where the unread part begins.
    start: usize,
    /// From where the end of the headers is still to be looked for.
    scanned: usize,
    /// Bytes of a body that is passed over.
    skip: usize,
    /// Length of the header block and of the body, once the former was read.
    pending: Option<(Vec<(String, String)>, usize)>,
    body_bytes_max: usize,
    /// A frame was read: whoever is there speaks this protocol.
    known: bool,
}

impl Framer {
    /// With a limit for bodies, in bytes.
    pub fn new(body_bytes_max: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            skip: 0,
            pending: None,
            body_bytes_max,
            known: false,
        }
    }

    /// Takes bytes of the stream, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(&bytes[skipped..]);
    }

    /// The next part, if it is complete.
    pub fn next(&mut self) -> Result<Option<Part>, FrameError> {
        if self.pending.is_none() && !self.read_headers()? {
            return Ok(None);
        }
        let Some((headers, length)) = self.pending.take() else { return Ok(None) };
        let there = self.buffer.len() - self.start;
        if length > self.body_bytes_max {
            let now = there.min(length);
            self.skip = length - now;
            self.advance(now);
            return Ok(Some(Part::TooLong { bytes: length }));
        }
        if there < length {
            self.pending = Some((headers, length));
            return Ok(None);
        }
        let body = self.buffer[self.start..self.start + length].to_vec();
        self.advance(length);
        Ok(Some(Part::Frame(Frame { headers, body })))
    }

    fn advance(&mut self, bytes: usize) {
        self.start += bytes;
        self.scanned = self.start;
    }

    fn read_headers(&mut self) -> Result<bool, FrameError> {
        while matches!(self.buffer.get(self.start), Some(b'\n' | b'\r')) {
            self.advance(1);
        }
        self.expect_header_line()?;
        let from = self.scanned.saturating_sub(1).max(self.start);
        let Some(at) = memchr::memmem::find(&self.buffer[from..], b"\n\n") else {
            self.scanned = self.buffer.len();
            if self.buffer.len() - self.start > HEADERS_BYTES_MAX {
                return Err(FrameError::HeadersTooLong);
            }
            return Ok(false);
        };
        let end = from + at;
        if end - self.start > HEADERS_BYTES_MAX {
            return Err(FrameError::HeadersTooLong);
        }
        let headers = parse_headers(&self.buffer[self.start..end])
            .ok_or(FrameError::OutOfStep("a line is no header"))?;
        let length = match headers.iter().find(|(k, _)| k.eq_ignore_ascii_case("content-length")) {
            None => 0,
            Some((_, text)) => text
                .parse()
                .ok()
                .filter(|length| *length <= LENGTH_SANE_MAX)
                .ok_or(FrameError::OutOfStep("Content-Length is no length"))?,
        };
        self.advance(end + 2 - self.start);
        self.pending = Some((headers, length));
        self.known = true;
        Ok(true)
    }

    /// The very first line must look like a header: whoever says anything else will never say
    /// `auth/request`, however long we wait.
    fn expect_header_line(&self) -> Result<(), FrameError> {
        if self.known {
            return Ok(());
        }
        let said = &self.buffer[self.start..];
        let line = match memchr::memchr(b'\n', said) {
            Some(end) => &said[..end],
            None if said.len() > 1024 => said,
            None => return Ok(()),
        };
        match line.strip_prefix(b"Content-Type:") {
            Some(_) => Ok(()),
            None if parse_headers(line).is_some_and(|found| found.len() == 1) => Ok(()),
            None => Err(FrameError::Stranger(told(line))),
        }
    }
}

/// Lines `Name: value`; `None` if one is not.
pub(super) fn parse_headers(block: &[u8]) -> Option<Vec<(String, String)>> {
    let mut headers = Vec::new();
    for line in block.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        headers.push((name, String::from_utf8_lossy(value.trim_ascii()).into_owned()));
    }
    Some(headers)
}

fn told(line: &[u8]) -> String {
    let line = &line[..line.len().min(TOLD_BYTES_MAX)];
    let text = String::from_utf8_lossy(line.trim_ascii());
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
