//! Every seed of the fuzzers, played once in every test run: what they found stays found.
//! `fuzz/run` is the search itself.

#![allow(clippy::unwrap_used)]

use std::path::Path;

#[path = "../../fuzz/targets/ami.rs"]
mod ami;
#[path = "../../fuzz/targets/ari.rs"]
mod ari;
#[path = "../../fuzz/targets/calendars.rs"]
mod calendars;
#[path = "../../fuzz/targets/cdr.rs"]
mod cdr;
#[path = "../../fuzz/targets/config.rs"]
mod config;
#[path = "../../fuzz/targets/desk_frame.rs"]
mod desk_frame;
#[path = "../../fuzz/targets/esl.rs"]
mod esl;
#[path = "../../fuzz/targets/journal_frame.rs"]
mod journal_frame;
#[path = "../../fuzz/targets/numbers.rs"]
mod numbers;
#[path = "../../fuzz/targets/rules.rs"]
mod rules;
#[path = "../../fuzz/targets/sip_core.rs"]
mod sip_core;
#[path = "../../fuzz/targets/sip_frame.rs"]
mod sip_frame;
#[path = "../../fuzz/targets/sip_parse.rs"]
mod sip_parse;

/// Plays the files of folders; each folder must have so many at least.
fn play(folders: &[(&str, usize)], run: impl Fn(&[u8])) {
    for (folder, least) in folders {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut files: Vec<_> =
            std::fs::read_dir(&path).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= *least, "{folder} has {} files", files.len());
        for file in files {
            println!("{}", file.display()); // shown if it panics
            run(&std::fs::read(file).unwrap());
        }
    }
}

const VECTORS: [(&str, usize); 2] =
    [("src/core/sip/tests/vectors/rfc4475", 49), ("src/core/sip/tests/vectors/rfc5118", 12)];

#[test]
fn messages() {
    play(&VECTORS, sip_parse::run);
    play(&[("fuzz/corpus/sip_parse", 5)], sip_parse::run);
}

#[test]
fn conversations() {
    play(&[("fuzz/corpus/sip_core", 15)], sip_core::run);
    // Each torture message as the whole script of a neighbour, then silence.
    play(&VECTORS, |bytes| {
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        sip_core::run(&[&[0, 0][..], &length, bytes, &[5, 7, 2, 0, 3, 0]].concat());
    });
}

#[test]
fn links() {
    play(&[("fuzz/corpus/ari", 7)], ari::run);
    play(&[("fuzz/corpus/esl", 10)], esl::run);
    play(&[("fuzz/corpus/ami", 5)], ami::run);
}

#[test]
fn call_records() {
    play(&[("fuzz/corpus/cdr", 6)], cdr::run);
}

#[test]
fn streams() {
    play(&[("fuzz/corpus/sip_frame", 12)], sip_frame::run);
    play(&VECTORS, |bytes| sip_frame::run(&[bytes, &[40, 7]].concat()));
}

#[test]
fn frames_of_desks() {
    play(&[("fuzz/corpus/desk_frame", 10)], desk_frame::run);
}

#[test]
fn journal_frames() {
    play(&[("fuzz/corpus/journal_frame", 2)], journal_frame::run);
    // An inbound call, an outbound one that was asked for, and one that was refused, as the
    // engine wrote them: old journals stay readable.
    let calls = include_bytes!("../../fuzz/corpus/journal_frame/calls");
    let events = trunkline_core::wire::journal_frame_from_bytes(calls).unwrap();
    assert!(events.len() >= 10, "{} events", events.len());
    assert!(trunkline_core::wire::journal_frame_from_bytes(&calls[..calls.len() - 1]).is_err());
}

#[test]
fn rule_sets_and_calendars() {
    play(&[("src/core/gate/data", 4), ("tests/rules", 1), ("fuzz/corpus/rules", 1)], rules::run);
}

#[test]
fn years_that_somebody_brings() {
    play(&[("fuzz/corpus/calendars", 5)], calendars::run);
    play(&[("src/core/gate/tests/notices", 9)], |text| calendars::run(&[b"0", text].concat()));
}

#[test]
fn files_of_numbers() {
    play(&[("fuzz/corpus/numbers", 8)], numbers::run);
}

#[test]
fn configurations() {
    play(&[("fuzz/corpus/config", 1)], config::run);
}
