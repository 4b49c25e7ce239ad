//! Many calls into a real queue: nothing is lost, nothing stays, memory does not grow.

use crate::place::{LinkedBy, Place};
use crate::support::Load;
use crate::support::process::poll_until;
use std::time::Duration;

/// Each call waits so long in the queue.
const HOLD: Duration = Duration::from_secs(5);
/// Memory is looked at each so many calls.
const LOOK: usize = 600;
/// Calls after which the ring of newest events is full (65,536 of them), and memory with it.
const FULL: usize = 8_400;

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// `CALLS` (7,200) calls are made, `CALLS_A_SECOND` (60), and hung up. With 16,800 and more it is
/// seen whether memory grows on when the ring is full.
#[test]
#[ignore = "minutes of load on a quiet machine: a measurement"]
fn calls_into_a_queue_leave_nothing_behind() {
    let (rate, calls) = (number("CALLS_A_SECOND", 60), number("CALLS", 7_200) as usize);
    let place = Place::linked(LinkedBy::Ami, "");
    let mut tail = place.site.tail(None);
    let mut load = Load::new(place.customer(), "13800138000", "2000", "load");
    let mut resident = Vec::new();
    load.run(calls, rate, HOLD, |index| {
        if index % LOOK == 0 {
            resident.push((index, place.server.resident_kib()));
            println!("{index} calls: {} KiB", place.server.resident_kib());
        }
    });
    assert_eq!(load.refused(), Vec::<String>::new());
    assert_eq!(load.over(), calls);
    tail.until_kind("call.cleared", calls);
    let events = tail.settle(Duration::from_secs(1));
    println!("{calls} calls, {} events", events.len());
    let count = |kind: &str| events.iter().filter(|e| e["k"] == kind).count();
    assert_eq!((count("call.queued"), count("call.abandoned")), (calls, calls));
    let lost = |e: &&serde_json::Value| e["o"]["status"] == "messagesLost";
    assert_eq!(events.iter().filter(lost).count(), 0, "events were lost");
    place.assert_asterisk_is_idle();
    let gone = poll_until(Duration::from_secs(10), || place.site.metric("trunkline_calls") == 0.0);
    assert!(gone, "calls stay");
    let kib_after = resident.iter().filter(|(index, _)| *index >= FULL).map(|(_, kib)| *kib);
    let (first, last) = (kib_after.clone().next(), kib_after.last());
    if let (Some(first), Some(last)) = (first, last) {
        assert!(last < first + 8 * 1024, "memory grows: {resident:?}");
    }
}
