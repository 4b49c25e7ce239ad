//! The checks that the SIP tests lean on can fail: each is shown a stream that breaks its rule.

#![allow(clippy::unwrap_used)]

use crate::support::Story;
use serde_json::{Value, json};

/// `kind[:leg[:second]]` words to events of one call; ended legs are those that were cleared.
fn stream(told: &str) -> Vec<Value> {
    let words: Vec<Vec<&str>> = told.split_whitespace().map(|w| w.split(':').collect()).collect();
    let legs = || ["1", "2"].map(|id| json!({"id": id, "ended": {"pbx_time": "x"}}));
    let event = |(n, word): (usize, &Vec<&str>)| {
        let leg = word.get(1).copied().unwrap_or("");
        let second: u32 = word.get(2).map_or(n as u32, |s| s.parse().unwrap());
        json!({
            "t": "ev",
            "pos": (n + 1).to_string(),
            "k": format!("call.{}", word[0]),
            "o": {"id": "call-1", "rev": n + 1, "legs": legs()},
            "d": {"leg": leg, "pbx_time": format!("2026-11-23T10:00:{second:02}Z")},
        })
    };
    words.iter().enumerate().map(event).collect()
}

fn complaint(events: Vec<Value>) -> Option<String> {
    let caught = std::panic::catch_unwind(|| {
        Story::all(&events);
    });
    caught.err().map(|e| e.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[test]
fn invariants_hold_for_good_streams_and_name_what_a_bad_one_breaks() {
    let end = "connection_cleared:1 connection_cleared:2 cleared";
    for (told, broken) in [
        (format!("originated delivered:2 established:2 {end}"), ""),
        ("originated delivered:2".to_owned(), ""),
        (format!("delivered:2 delivered:2 {end}"), "call.delivered twice"),
        (format!("established:2 established:2 {end}"), "call.established twice"),
        (format!("delivered:2:30 established:2:20 {end}"), "answered before it rang"),
        ("connection_cleared:1 cleared".to_owned(), "exactly one connection_cleared"),
        (format!("connection_cleared:1 {end}"), "exactly one connection_cleared"),
        (format!("{end} cleared"), "cleared once"),
        (format!("{end} delivered:2"), "cleared comes last"),
    ] {
        let complaint = complaint(stream(&told)).unwrap_or_default();
        assert!(complaint.contains(broken), "{told}: {complaint:?}");
        assert_eq!(complaint.is_empty(), broken.is_empty(), "{told}: {complaint:?}");
    }
    let mut same_revision = stream("originated delivered:2");
    same_revision[1]["o"]["rev"] = json!(1);
    assert!(complaint(same_revision).unwrap().contains("rev grows"));
}

#[test]
fn calls_are_told_apart() {
    let mut events = stream("originated delivered:2");
    events.extend(stream("originated"));
    events[2]["o"]["id"] = json!("call-2");
    let stories = Story::all(&events);
    let kinds: Vec<usize> = stories.iter().map(|s| s.kinds().len()).collect();
    assert_eq!(kinds, [2, 1]);
    assert!(std::panic::catch_unwind(|| Story::single(&events)).is_err());
}

#[test]
#[should_panic(expected = "delivered")]
fn a_story_that_differs_is_told() {
    Story::single(&stream("originated delivered:2")).assert_is("originated");
}
