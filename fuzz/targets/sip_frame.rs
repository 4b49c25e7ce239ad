//! A byte stream cut into messages. However the bytes arrive: the same frames and the same end, no
//! frame beyond its limits, no byte of one message in another, and each message holds as much body
//! as the parser of messages sees in it.

use trunkline_core::sip::message::{Index, Message};
use trunkline_core::sip::{Frame, FrameError, FrameLimits, Framer};

/// Sizes that a small input reaches.
const SMALL: FrameLimits = FrameLimits { header_bytes_max: 300, message_bytes_max: 400 };

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// Empty: a ping.
    frames: Vec<Vec<u8>>,
    lost: Option<FrameError>,
    inside: bool,
}

/// Reads `data` as a stream; its last two bytes say how it is cut and which limits hold.
pub fn run(data: &[u8]) {
    let Some((stream, &[shape, cuts])) = data.split_last_chunk() else { return };
    let limits = if shape & 1 == 1 { SMALL } else { FrameLimits::default() };
    let whole = read(stream, limits, |_| stream.len());
    check(stream, limits, &whole);
    assert_eq!(read(stream, limits, |_| 1), whole);
    let mut random = u32::from(cuts);
    let longest = 1 + usize::from(shape >> 1);
    let uneven = read(stream, limits, |_| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1 + (random >> 16) as usize % longest
    });
    assert_eq!(uneven, whole);
}

/// Feeds pieces of the lengths that `piece` says and takes what is complete after each.
fn read(stream: &[u8], limits: FrameLimits, mut piece: impl FnMut(usize) -> usize) -> Told {
    let mut framer = Framer::new(limits);
    let mut told = Told { frames: Vec::new(), lost: None, inside: false };
    let mut at = 0;
    while at < stream.len() && told.lost.is_none() {
        let end = stream.len().min(at + piece(at));
        framer.feed(&stream[at..end]);
        at = end;
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => told.frames.push(bytes.to_vec()),
                Ok(Some(Frame::Ping)) => told.frames.push(Vec::new()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer.next_frame(), Err(error), "lost for good");
                    told.lost = Some(error);
                    break;
                }
            }
        }
    }
    told.inside = framer.is_inside();
    told
}

fn check(stream: &[u8], limits: FrameLimits, told: &Told) {
    let mut rest = stream;
    for frame in &told.frames {
        // Between messages are line ends and nothing else.
        let gap = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if frame.is_empty() {
            assert!(gap >= 4, "a ping of {gap} bytes");
            let ping = rest.windows(2).position(|w| w == b"\r\n").expect("CRLF of a ping");
            rest = &rest[ping + 2..];
            continue;
        }
        rest = &rest[gap..];
        assert!(rest.starts_with(frame), "a frame is what was sent");
        rest = &rest[frame.len()..];
        message(frame, limits);
    }
}

fn message(frame: &[u8], limits: FrameLimits) {
    assert!(frame.len() <= limits.message_bytes_max);
    let mut index = Index::default();
    if index.read(frame, 250).is_err() {
        return;
    }
    let message = Message::new(frame, &index);
    let body = message.body().expect("a body of the length that cut it");
    assert_eq!(body.to(), frame.len(), "what follows the body is another message");
    assert!(body.from() <= limits.header_bytes_max);
}
