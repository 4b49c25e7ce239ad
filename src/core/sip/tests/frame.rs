//! Cutting streams: what is a message, what ends a connection, and that reads may fall anywhere.

use crate::sip::{Frame, FrameError, FrameLimits, Framer};
use proptest::prelude::*;

/// A frame that outlives its framer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cut {
    Message(Vec<u8>),
    Ping,
}

fn message(body: &str, length_line: &str) -> Vec<u8> {
    format!("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x:y\r\n{length_line}\r\nX: 1\r\n\r\n{body}").into()
}

fn good(body: &str) -> Vec<u8> {
    message(body, &format!("Content-Length: {}", body.len()))
}

/// Everything the framer says about these reads, and how it ended.
fn cut(reads: &[&[u8]], limits: FrameLimits) -> (Vec<Cut>, Option<FrameError>) {
    let mut framer = Framer::new(limits);
    let mut got = Vec::new();
    for read in reads {
        framer.feed(read);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => got.push(Cut::Message(bytes.to_vec())),
                Ok(Some(Frame::Ping)) => got.push(Cut::Ping),
                Ok(None) => break,
                Err(error) => return (got, Some(error)),
            }
        }
    }
    (got, None)
}

fn cut_whole(bytes: &[u8]) -> (Vec<Cut>, Option<FrameError>) {
    cut(&[bytes], FrameLimits::default())
}

// proves: RFC 3261 §18.3 stream
#[test]
fn messages_that_come_in_one_read_are_told_apart() {
    let stream = [good("hello"), good(""), good("\r\n\r\n")].concat();
    let expected = [good("hello"), good(""), good("\r\n\r\n")].map(Cut::Message);
    assert_eq!(cut_whole(&stream), (expected.to_vec(), None));
}

#[test]
fn every_way_to_write_the_length_is_read() {
    for line in [
        "Content-Length: 5",
        "l:5",
        "L : 005",
        "content-LENGTH\t:\t5 ",
        "Content-Length:\r\n 5",
        "Content-Length: 5\r\nl: 5",
        "X-Folded: a\r\n Content-Length: 9\r\nContent-Length: 5",
    ] {
        let whole = message("hello", line);
        assert_eq!(cut_whole(&whole), (vec![Cut::Message(whole)], None), "{line}");
    }
}

#[test]
fn line_ends_without_cr_end_lines_as_they_do_for_the_parser() {
    let whole = b"OPTIONS sip:a SIP/2.0\nContent-Length: 2\n\nhi".to_vec();
    assert_eq!(cut_whole(&whole), (vec![Cut::Message(whole)], None));
}

// proves: RFC 3261 §18.3 stream
#[test]
fn a_length_that_cannot_be_trusted_ends_the_stream() {
    use FrameError as E;
    for (line, expected) in [
        ("X: y", E::LengthMissing),
        ("Content-Length2: 5", E::LengthMissing),
        ("Content-Length: 5\r\nContent-Length: 6", E::LengthAmbiguous),
        ("Content-Length: 5\r\nl: 6", E::LengthAmbiguous),
        ("Content-Length:", E::LengthMalformed),
        ("Content-Length: -1", E::LengthMalformed),
        ("Content-Length: 5, 5", E::LengthMalformed),
        ("Content-Length: 5\rX: y", E::LengthMalformed),
        ("Content-Length: 0x5", E::LengthMalformed),
        ("Content-Length: 5\x0c", E::LengthMalformed),
        ("Content-Length\x0c: 5", E::LengthMissing),
        ("l: 00000000005", E::MessageTooLong(65_535)),
        ("l\r\n : five", E::LengthMalformed),
        ("X: y\r\n l: 5", E::LengthMissing),
        ("Content-Length: 65535", E::MessageTooLong(65_535)),
        ("Content-Length: 99999999999999999999999999", E::MessageTooLong(65_535)),
    ] {
        let stream = [good("first"), message("hello", line), good("never")].concat();
        let expected = (vec![Cut::Message(good("first"))], Some(expected));
        assert_eq!(cut_whole(&stream), expected, "{line}");
    }
}

#[test]
fn an_error_stays() {
    let mut framer = Framer::new(FrameLimits::default());
    framer.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(framer.next_frame(), Err(FrameError::LengthMissing));
    framer.feed(&good(""));
    assert_eq!(framer.next_frame(), Err(FrameError::LengthMissing));
}

#[test]
fn headers_without_an_end_are_noticed_at_the_limit() {
    let limits = FrameLimits { header_bytes_max: 100, message_bytes_max: 200 };
    let error = Some(FrameError::HeadersTooLong(100));
    assert_eq!(cut(&[&[b'x'; 99]], limits), (vec![], None));
    assert_eq!(cut(&[&[b'x'; 100]], limits), (vec![], error));
    assert_eq!(cut(&[&b"x\r\n".repeat(40)], limits), (vec![], error));
    let fits = message(&"b".repeat(100), "l: 100");
    assert!(fits.len() <= 200);
    assert_eq!(cut(&[&fits], limits), (vec![Cut::Message(fits)], None));
}

// proves: RFC 5626 §4.4.1
#[test]
fn pings_are_two_line_ends_between_messages() {
    use Cut::{Message, Ping};
    for (gap, pings) in [
        ("", 0),
        ("\r\n", 0),
        ("\r\n\r\n", 1),
        ("\r\n\r\n\r\n", 1),
        ("\r\n\r\n\r\n\r\n", 2),
        ("\n\n", 0),
        ("\r\r", 0),
    ] {
        let stream = [good("a"), gap.as_bytes().to_vec(), good("b")].concat();
        let mut expected = vec![Message(good("a"))];
        expected.extend(vec![Ping; pings]);
        expected.push(Message(good("b")));
        assert_eq!(cut_whole(&stream), (expected, None), "{gap:?}");
    }
}

#[test]
fn a_partial_message_is_told_from_silence() {
    let mut framer = Framer::new(FrameLimits::default());
    assert!(!framer.is_inside());
    for (bytes, inside) in [("\r\n", false), ("OPT", true)] {
        framer.feed(bytes.as_bytes());
        assert_eq!(framer.next_frame(), Ok(None));
        assert_eq!(framer.is_inside(), inside, "{bytes:?}");
    }
}

#[test]
fn memory_of_a_long_message_is_given_back_and_no_byte_is_moved_often() {
    let long = good(&"x".repeat(60_000));
    let mut framer = Framer::new(FrameLimits::default());
    for chunk in [long.clone(), long.clone()].concat().chunks(1000) {
        framer.feed(chunk);
        while let Ok(Some(frame)) = framer.next_frame() {
            assert_eq!(frame, Frame::Message(&long));
        }
        assert!(framer.room().len() < 140_000);
    }
    assert!(!framer.is_inside());
    assert!(framer.room().len() <= 16 << 10, "{} bytes stay", framer.room().len());
}

/// Pieces of which streams are made: good and bad ones.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => "[a-z\r\n]{0,40}".prop_map(|body| good(&body)),
        2 => Just(b"\r\n".to_vec()),
        2 => Just(b"\r\n\r\n".to_vec()),
        1 => Just(b"\n".to_vec()),
        1 => "[a-z]{0,300}".prop_map(|name| message("", &format!("{name}:\r\n l: 3\r\nl: 0"))),
        1 => Just(message("", "l: 1\r\nl: 2")),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    /// Wherever reads fall, the frames and the error are those of one read.
    #[test]
    fn any_split_gives_the_same_frames(
        pieces in proptest::collection::vec(piece(), 0..12),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
        bytewise in any::<bool>(),
    ) {
        let stream = pieces.concat();
        let limits = FrameLimits { header_bytes_max: 256, message_bytes_max: 300 };
        let mut at: Vec<usize> = cuts.iter().map(|c| c.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        if bytewise {
            at.extend(0..stream.len());
        }
        at.sort_unstable();
        let reads: Vec<&[u8]> = at.windows(2).map(|w| &stream[w[0]..w[1]]).collect();
        prop_assert_eq!(cut(&reads, limits), cut(&[&stream], limits));
    }

    /// Frames and the gaps between them are the stream: nothing is invented and nothing is lost.
    #[test]
    fn good_messages_come_out_as_they_went_in(
        bodies in proptest::collection::vec("[ -~\r\n]{0,60}", 0..20),
        step in 1usize..50,
    ) {
        let stream: Vec<u8> = bodies.iter().flat_map(|b| good(b)).collect();
        let reads: Vec<&[u8]> = stream.chunks(step).collect();
        let expected = bodies.iter().map(|b| Cut::Message(good(b))).collect::<Vec<_>>();
        prop_assert_eq!(cut(&reads, FrameLimits::default()), (expected, None));
    }
}
