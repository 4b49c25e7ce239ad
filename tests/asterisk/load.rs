//! Many calls into a real queue: nothing is lost, nothing stays, memory does not grow.

use crate::place::{LinkedBy, Place};
use crate::support::Load;
use crate::support::process::poll_until;
use std::time::Duration;

/// Calls of a round: so many are in the queue at once.
const ROUND: usize = 300;

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// `CALLS_A_SECOND` (60) calls are made and hung up, in `ROUNDS` (12) rounds of 300.
#[test]
#[ignore = "two minutes of load on a quiet machine: a measurement"]
fn calls_into_a_queue_leave_nothing_behind() {
    let (rate, rounds) = (number("CALLS_A_SECOND", 60), number("ROUNDS", 12));
    let place = Place::linked(LinkedBy::Ami, "");
    let mut tail = place.site.tail(None);
    let mut load = Load::new(place.customer(), "13800138000", "2000", "load");
    for round in 1..=rounds {
        load.make(ROUND, rate, |_| {});
        load.until_answered(Duration::from_secs(60));
        load.hang_up(rate, Duration::from_secs(60));
        println!("round {round}: {} KiB", place.server.resident_kib());
        assert_eq!(load.refused(), Vec::<String>::new());
    }
    let calls = ROUND * rounds as usize;
    assert_eq!(load.over(), calls);
    tail.until_kind("call.cleared", calls);
    let events = tail.settle(Duration::from_secs(1));
    let count = |kind: &str| events.iter().filter(|e| e["k"] == kind).count();
    assert_eq!((count("call.queued"), count("call.abandoned")), (calls, calls));
    let lost = |e: &&serde_json::Value| e["o"]["status"] == "messagesLost";
    assert_eq!(events.iter().filter(lost).count(), 0, "events were lost");
    place.assert_asterisk_is_idle();
    let gone = poll_until(Duration::from_secs(10), || place.site.metric("trunkline_calls") == 0.0);
    assert!(gone, "calls stay");
}
