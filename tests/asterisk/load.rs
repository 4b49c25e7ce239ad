//! Many calls into a real queue: nothing is lost, nothing stays, memory does not grow.

use crate::place::{LinkedBy, Place};
use crate::support::Load;
use crate::support::process::poll_until;
use std::time::Duration;

/// Each call waits so long in the queue.
const HOLD: Duration = Duration::from_secs(5);
/// Memory is looked at each so many calls.
const LOOK: usize = 600;
/// Calls after which the ring of newest events (65,536, seven a call) and SQLite's page cache of
/// the day's events (32 MiB, 2.6 KB a call) are full.
const FULL: usize = 12_600;
/// What a call may add to memory then: the page cache of the month's calls fills on, at 0.8 KB a
/// call up to 32 MiB. A leg that stayed would be more.
const BYTES_A_CALL_MAX: u64 = 1_536;

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
    let mut full = resident.iter().filter(|(index, _)| *index >= FULL);
    if let (Some(first), Some(last)) = (full.next(), full.next_back()) {
        let grown = last.1.saturating_sub(first.1) * 1024 / (last.0 - first.0) as u64;
        println!("{grown} bytes a call");
        assert!(grown < BYTES_A_CALL_MAX, "{grown} bytes a call stay: {resident:?}");
    }
}
