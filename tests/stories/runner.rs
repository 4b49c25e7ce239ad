//! Stories: what must come out of a PBX's day (README.md). Recordings of real PBXs are read by the
//! sessions of the control links, their facts go into an engine, and the events that come out
//! must be those a person wrote down.

#![allow(clippy::unwrap_used)]

mod invariants;
mod outcome;
mod recording;
mod site;
mod story;

use outcome::Outcome;
use recording::{Link, Recording};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use story::Story;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stories")
}

/// All stories, or those whose name begins with `STORY`.
fn stories() -> Vec<Story> {
    let wanted = std::env::var("STORY").unwrap_or_default();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&wanted))
        .collect();
    paths.sort();
    paths.iter().map(|path| Story::read(path)).collect()
}

/// Plays every recording of this PBX and link, and reports all stories that went otherwise.
fn play(pbx: &str, link: Link) {
    let (mut played, mut failed) = (0, Vec::new());
    for story in stories() {
        for name in story.recorded.iter().filter(|r| r.starts_with(pbx)) {
            let recording = Recording::read(&folder().join("data"), name, link);
            let outcome = Outcome::of(&site::events(&recording));
            played += 1;
            if let Err(difference) = outcome.is(&story, &recording) {
                failed.push(format!("{} as {name} over {link:?}\n{difference}", story.name));
            }
        }
    }
    assert!(played > 0, "no recording of {pbx}");
    let count = failed.len();
    assert!(failed.is_empty(), "{count} of {played} stories differ\n\n{}", failed.join("\n"));
}

#[test]
fn asterisk_22_over_ami() {
    play("asterisk-22", Link::Ami);
}

#[test]
fn asterisk_22_over_ari() {
    play("asterisk-22", Link::Ari);
}

#[test]
fn asterisk_16_over_ami() {
    play("asterisk-16", Link::Ami);
}

#[test]
fn asterisk_16_over_ari() {
    play("asterisk-16", Link::Ari);
}

#[test]
fn freeswitch_over_esl() {
    play("freeswitch-1.11", Link::Esl);
}

#[test]
fn every_recording_has_exactly_one_story() {
    let mut named: Vec<String> = stories().into_iter().flat_map(|s| s.recorded).collect();
    named.sort();
    let mut there = BTreeSet::new();
    for folder in std::fs::read_dir(folder().join("data")).unwrap() {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let stem = name.split('.').next().unwrap().to_owned();
            there.insert(format!("{}/{stem}", folder.file_name().unwrap().to_str().unwrap()));
        }
    }
    if std::env::var("STORY").is_err() {
        assert_eq!(named, there.into_iter().collect::<Vec<_>>());
    }
}

/// The comparison itself can fail.
#[test]
fn a_story_that_goes_otherwise_is_seen() {
    let told = "story     one\nrecorded  asterisk-22/x\n\ncall A inbound\n  call.originated\n  \
                call.connection_cleared  1 customer cause=busy sip=486\n  \
                call.cleared  released_by=agent\n";
    let same = |text: &str| {
        let seen = outcome::tests::seen();
        let recording = Recording { pbx: "asterisk-22".into(), link: Link::Ami, messages: vec![] };
        seen.is(&Story::parse("one", text), &recording).is_ok()
    };
    assert!(same(told));
    assert!(same(&told.replace(" sip=486", "")), "what is not written is not compared");
    for (from, to) in [
        ("inbound", "outbound"),
        ("  call.originated\n", ""),
        ("1 customer", "2 customer"),
        ("1 customer", "1 agent"),
        ("1 customer", "1 customer 1001"),
        ("cause=busy", "cause=other"),
        ("sip=486", "sip=487"),
        ("released_by=agent", "released_by=customer"),
    ] {
        let other = told.replacen(from, to, 1);
        assert_ne!(other, told);
        assert!(!same(&other), "{from} -> {to}");
    }
    assert!(!same(&format!("{told}\ncall B inbound\n  call.originated\n")), "a call too many");
}
