//! A frame of a desk in protobuf, as `hello` brings it from anybody: no panic, what is read
//! survives writing and reading, and its JSON form is an object of the same frame.

use trunkline_core::wire::{Codec, DeskFrame, read_frame, write_frame};

/// Reads `data` as a message of `trunkline.v1.pb`.
pub fn run(data: &[u8]) {
    let Ok(Some(read)) = read_frame(data) else { return };
    let subs = match &read.frame {
        DeskFrame::Hello(hello) => hello.subs.len(),
        DeskFrame::Sub(_) => 1,
        _ => 0,
    };
    assert_eq!(read.unknown_lists.len(), subs, "one for each subscription");
    // What is not known is gone; nothing else is.
    let written = write_frame(&read.frame, Codec::Protobuf);
    let again = read_frame(&written).expect("our own frame").expect("of a known kind");
    assert_eq!(again.frame, read.frame);
    assert!(again.unknown_lists.iter().all(Vec::is_empty));
    let json = write_frame(&read.frame, Codec::Json);
    assert!(json.starts_with(b"{\"t\":\"") && json.ends_with(b"}"), "an object");
}
