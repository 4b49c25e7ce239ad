//! The byte stream cut into blocks: lines ended by CRLF, a block ended by an empty line.

use memchr::memchr;

/// Longest line, in bytes. Asterisk's longest values are channel variables of 4 KiB.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Longest block, in bytes.
const BLOCK_BYTES_MAX: usize = 64 * 1024;
/// A block that is skipped must end within so many bytes, or the ends of blocks are lost.
const SKIPPED_BYTES_MAX: usize = 1024 * 1024;

/// What the stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The first line of a connection.
    Banner(String),
    /// A block, its lines ended by LF.
    Block(String),
    /// A block was longer than its limit, or had a longer line.
    TooLong,
    /// No block ends here: framing is lost.
    Lost,
}

/// Cuts the stream. However the bytes arrive, the frames are the same.
#[derive(Debug)]
pub(super) struct Framer {
    banner_due: bool,
    line: Vec<u8>,
    line_bytes: usize,
    block: Vec<u8>,
    skipping: Option<Skip>,
}

#[derive(Debug)]
struct Skip {
    bytes: usize,
    told: bool,
}

impl Framer {
    /// A stream that begins with a banner, or in the middle of a session.
    pub(super) fn new(banner_due: bool) -> Self {
        Self { banner_due, line: Vec::new(), line_bytes: 0, block: Vec::new(), skipping: None }
    }

    /// Takes bytes; gives what is complete with them, in order.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let Some(end) = memchr(b'\n', bytes) else {
                self.push(bytes, &mut frames);
                break;
            };
            self.push(&bytes[..end], &mut frames);
            self.end_line(&mut frames);
            bytes = &bytes[end + 1..];
        }
        frames
    }

    /// What has come of the line that is not complete.
    pub(super) fn partial_line(&self) -> &[u8] {
        &self.line
    }

    /// Bytes were lost before what comes next: the block that is cut is not to be read.
    pub(super) fn resync(&mut self) {
        if !self.block.is_empty() || self.line_bytes > 0 {
            self.skipping = Some(Skip { bytes: 0, told: true });
        }
    }

    fn push(&mut self, part: &[u8], frames: &mut Vec<Frame>) {
        self.line_bytes += part.len();
        let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        if self.line_bytes > LINE_BYTES_MAX && self.skipping.is_none() {
            self.skipping = Some(Skip { bytes: 0, told: false });
        }
        if let Some(skip) = &mut self.skipping {
            let before = skip.bytes;
            skip.bytes += part.len();
            if before <= SKIPPED_BYTES_MAX && skip.bytes > SKIPPED_BYTES_MAX {
                frames.push(Frame::Lost);
            }
        }
    }

    fn end_line(&mut self, frames: &mut Vec<Frame>) {
        let blank = self.line_bytes == 0 || (self.line_bytes == 1 && self.line == b"\r");
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        if self.banner_due {
            self.banner_due = false;
            self.skipping = None;
            frames.push(Frame::Banner(text(&self.line)));
        } else if blank {
            self.end_block(frames);
        } else if self.skipping.is_none() {
            if self.block.len() + self.line.len() >= BLOCK_BYTES_MAX {
                self.skipping = Some(Skip { bytes: 0, told: false });
            } else {
                self.block.extend_from_slice(&self.line);
                self.block.push(b'\n');
            }
        }
        self.line.clear();
        self.line_bytes = 0;
    }

    fn end_block(&mut self, frames: &mut Vec<Frame>) {
        match self.skipping.take() {
            Some(skip) if !skip.told => frames.push(Frame::TooLong),
            Some(_) => {}
            None if self.block.is_empty() => {}
            None => frames.push(Frame::Block(text(&self.block))),
        }
        self.block.clear();
    }
}

/// Callers' names come in whatever encoding their carrier uses: what is not UTF-8 is replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(bytes: &[u8]) -> Vec<Frame> {
        Framer::new(true).feed(bytes)
    }

    #[test]
    fn a_banner_then_blocks() {
        let got =
            frames(b"Asterisk Call Manager/11.0.0\r\nA: 1\r\nB: 2\r\n\r\n\r\nC: 3\n\nD: 4\r\n");
        let want = ["A: 1\nB: 2\n", "C: 3\n"].map(|t| Frame::Block(t.to_owned()));
        assert_eq!(got[0], Frame::Banner("Asterisk Call Manager/11.0.0".to_owned()));
        assert_eq!(got[1..], want);
    }

    #[test]
    fn what_is_too_long_is_skipped_and_the_next_block_is_whole() {
        let line = [b"A: ".as_slice(), &[b'x'; LINE_BYTES_MAX], b"\r\n\r\nB: 2\r\n\r\n"].concat();
        let after = Frame::Block("B: 2\n".to_owned());
        assert_eq!(Framer::new(false).feed(&line), [Frame::TooLong, after.clone()]);
        let mut block = b"Key: value\r\n".repeat(BLOCK_BYTES_MAX / 11 + 1);
        block.extend_from_slice(b"\r\nB: 2\r\n\r\n");
        assert_eq!(Framer::new(false).feed(&block), [Frame::TooLong, after]);
    }

    #[test]
    fn a_block_without_end_is_lost_once() {
        let mut framer = Framer::new(false);
        let mut told = Vec::new();
        for _ in 0..300 {
            told.extend(framer.feed(&[b'x'; 8000]));
        }
        assert_eq!(told, [Frame::Lost]);
        assert!(framer.line.len() <= LINE_BYTES_MAX && framer.block.is_empty());
    }

    #[test]
    fn a_block_that_lost_bytes_is_not_read() {
        let mut framer = Framer::new(false);
        assert_eq!(framer.feed(b"Event: Hangup\r\nUniq"), []);
        framer.resync();
        let got = framer.feed(b"ueid: 2\r\n\r\nA: 1\r\n\r\n");
        assert_eq!(got, [Frame::Block("A: 1\n".to_owned())]);
    }

    proptest! {
        /// However the bytes arrive, the frames are the same.
        #[test]
        fn cuts_do_not_matter(
            lines in proptest::collection::vec("[A-Z]{0,3}(: )?[a-z\r]{0,5}", 0..40),
            cuts in proptest::collection::vec(1usize..9, 1..60),
        ) {
            let stream = lines.join("\r\n").into_bytes();
            let whole = frames(&stream);
            let (mut framer, mut got, mut rest) = (Framer::new(true), Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                got.extend(framer.feed(now));
                rest = later;
            }
            prop_assert_eq!(got, whole);
        }
    }
}
