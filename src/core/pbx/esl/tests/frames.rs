use crate::pbx::esl::event::EslEvent;
use crate::pbx::esl::frame::{FrameError, Framer, HEADERS_BYTES_MAX, Part};
use proptest::collection::vec;
use proptest::prelude::*;

fn all(framer: &mut Framer) -> Result<Vec<Part>, FrameError> {
    let mut parts = Vec::new();
    while let Some(part) = framer.next()? {
        parts.push(part);
    }
    Ok(parts)
}

fn bodies(parts: &[Part]) -> Vec<String> {
    let body = |part: &Part| match part {
        Part::Frame(frame) => String::from_utf8_lossy(&frame.body).into_owned(),
        Part::TooLong { bytes } => format!("<{bytes}>"),
    };
    parts.iter().map(body).collect()
}

#[test]
fn frames_with_and_without_a_body() {
    let mut framer = Framer::new(100);
    framer.push(b"Content-Type: auth/request\n\nContent-Length: 5\nContent-Type: a/b\n\nab\n\nc");
    framer.push(b"Content-Type: command/reply\nReply-Text: +OK: yes\n\n");
    let parts = all(&mut framer).unwrap();
    assert_eq!(bodies(&parts), ["", "ab\n\nc", ""]);
    let Part::Frame(reply) = &parts[2] else { panic!("a frame") };
    assert_eq!(reply.header("reply-text"), Some("+OK: yes"));
}

#[test]
fn a_body_beyond_the_limit_is_passed_over_by_its_length() {
    let mut framer = Framer::new(4);
    framer.push(b"Content-Length: 9\n\n1234");
    assert_eq!(bodies(&all(&mut framer).unwrap()), ["<9>"]);
    framer.push(b"56");
    framer.push(b"789Content-Length: 4\n\nwxyz");
    assert_eq!(bodies(&all(&mut framer).unwrap()), ["wxyz"]);
}

#[test]
fn what_is_no_event_socket_is_named() {
    for said in ["SSH-2.0-OpenSSH_9.2p1\r\n", "Asterisk Call Manager/11.0.0\r\n", "HTTP/1.1 400\n"]
    {
        let mut framer = Framer::new(100);
        framer.push(said.as_bytes());
        assert_eq!(framer.next(), Err(FrameError::Stranger(said.trim().into())), "{said}");
    }
    let mut framer = Framer::new(100);
    framer.push(&[0x16; 1100]);
    assert_eq!(framer.next(), Err(FrameError::Stranger("?".repeat(60))));
}

#[test]
fn out_of_step_is_an_error_and_not_a_guess() {
    for text in ["Content-Length: -1\n\n", "Content-Length: 99999999999\n\n", "a: b\nnonsense\n\n"]
    {
        let mut framer = Framer::new(100);
        framer.push(b"Content-Type: auth/request\n\n");
        framer.push(text.as_bytes());
        assert!(matches!(all(&mut framer), Err(FrameError::OutOfStep(_))), "{text}");
    }
    let mut framer = Framer::new(100);
    framer.push(b"X: ");
    framer.push(&vec![b'a'; HEADERS_BYTES_MAX]);
    assert_eq!(framer.next(), Err(FrameError::HeadersTooLong));
}

#[test]
fn fields_are_texts_arrays_or_what_a_peer_makes_up() {
    let json = br#"{"Event-Name":"X","variable_transfer_history":["a","b"],"Unknown":{"a":[1]},
        "CC-Agent":7,"CC-Queue":null,"CC-Cause":{"x":"y"},"_body":"caf\u00e9","DTMF-Digit":true}"#;
    let event = EslEvent::from_json(json).unwrap();
    assert_eq!(event.all("variable_transfer_history"), ["a", "b"]);
    assert_eq!(event.text("variable_transfer_history"), Some("b"));
    assert_eq!(event.text("CC-Agent"), Some("7"));
    assert_eq!(event.text("CC-Queue"), None);
    assert_eq!(event.text("CC-Cause"), None);
    assert_eq!(event.text("_body"), Some("café"));
    assert_eq!(event.text("Unknown"), None, "it is skipped");
    assert!(EslEvent::from_json(b"[1]").is_none());
    let headers = [
        ("variable_transfer_history".to_owned(), "ARRAY%3A%3Aa%7C%3Ab".to_owned()),
        ("Channel-Name".to_owned(), "sofia/x/%2B49%zz%4".to_owned()),
    ];
    let event = EslEvent::from_headers(&headers);
    assert_eq!(event.all("variable_transfer_history"), ["a", "b"]);
    assert_eq!(event.text("Channel-Name"), Some("sofia/x/+49%zz%4"));
}

proptest! {
    /// Frames come out as they went in, however the stream is cut.
    #[test]
    fn any_cut_gives_the_same_frames(
        texts in vec("[ -~\n]{0,40}", 1..6),
        cuts in vec(1_usize..9, 1..40),
    ) {
        let mut stream = Vec::new();
        for text in &texts {
            stream.extend(format!("Content-Length: {}\nA: b\n\n{text}", text.len()).bytes());
        }
        let mut framer = Framer::new(1000);
        let mut parts = Vec::new();
        let (mut rest, mut cuts) = (stream.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(rest.len().min(*cuts.next().unwrap_or(&1)));
            framer.push(part);
            parts.extend(all(&mut framer).unwrap());
            rest = behind;
        }
        prop_assert_eq!(bodies(&parts), texts);
    }

    /// Whatever comes, it is parts or an error, and never more body than there were bytes.
    #[test]
    fn garbage_is_no_panic(pieces in vec(vec(any::<u8>(), 0..200), 0..8)) {
        let mut framer = Framer::new(64);
        for piece in &pieces {
            framer.push(piece);
            let Ok(parts) = all(&mut framer) else { return Ok(()) };
            let sum: usize = bodies(&parts).iter().map(String::len).sum();
            prop_assert!(sum <= pieces.iter().map(Vec::len).sum::<usize>() * 3 + 64);
        }
    }
}
