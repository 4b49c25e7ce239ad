//! How fast the journal is on this machine: `cargo test --release --test store throughput --
//! --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

use crate::kit::{START, Site, at, event_at};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use trunkline::store::EngineKind;

struct Figures {
    per_second: f64,
    commits: usize,
    ack_ms: [f64; 3],
    /// Until records, list and audit log were up and the stop was clean.
    whole_s: f64,
}

/// Pushes `count` events at `rate` a second (0: as fast as the ring takes them).
fn measure(engine: EngineKind, count: u64, rate: u64) -> Figures {
    let mut site = Site::new();
    site.config.engine = engine;
    site.config.accept_beta_store = true;
    let opened = site.open().unwrap();
    let acks = Arc::new(Mutex::new((0_usize, Vec::<(u64, Instant)>::new())));
    let told = acks.clone();
    let handle = opened
        .store
        .start_journal(
            4096,
            || at(1),
            move |committed| {
                let mut acks = told.lock().unwrap();
                acks.0 += 1;
                acks.1.push((committed.events.last().unwrap().pos.0, Instant::now()));
            },
        )
        .unwrap();
    let events: Vec<_> = (1..=count).map(event_at).collect();
    let begun = Instant::now();
    let mut due = Vec::with_capacity(events.len());
    for (n, event) in events.into_iter().enumerate() {
        if let Some(ns) = (n as u64 * 1_000_000_000).checked_div(rate) {
            let at = begun + Duration::from_nanos(ns);
            while Instant::now() < at {
                std::thread::sleep(Duration::from_micros(100));
            }
            due.push(at);
        } else {
            due.push(Instant::now());
        }
        let mut event = event;
        while let Err(back) = handle.try_push(event) {
            event = back;
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    while acks.lock().unwrap().1.last().is_none_or(|(pos, _)| *pos < count) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let elapsed = begun.elapsed();
    handle.close().unwrap();
    let whole_s = begun.elapsed().as_secs_f64();
    let (commits, acks) = std::mem::take(&mut *acks.lock().unwrap());
    let mut waits = Vec::with_capacity(due.len());
    let mut next = 0;
    for (pos, acked) in acks {
        while next < usize::try_from(pos).unwrap() {
            waits.push(acked.saturating_duration_since(due[next]).as_secs_f64() * 1e3);
            next += 1;
        }
    }
    waits.sort_by(f64::total_cmp);
    let at = |q: f64| waits[((waits.len() - 1) as f64 * q) as usize];
    Figures {
        per_second: count as f64 / elapsed.as_secs_f64(),
        commits,
        ack_ms: [at(0.5), at(0.99), at(1.0)],
        whole_s,
    }
}

#[test]
#[ignore = "a measurement"]
fn journal_throughput() {
    let _ = START;
    let engines = [
        ("sqlite", EngineKind::Sqlite),
        #[cfg(feature = "store-sled")]
        ("sled", EngineKind::Sled),
    ];
    for (name, engine) in engines {
        for (count, rate) in [(200_000, 0), (20_000, 2000)] {
            let f = measure(engine, count, rate);
            println!(
                "{name} rate {rate}: {:.0} events/s, {:.1} events a commit, durable ack p50 {:.2} \
                 p99 {:.2} max {:.2} ms; projections done after {:.2} s: {:.0} rows/s",
                f.per_second,
                count as f64 / f.commits as f64,
                f.ack_ms[0],
                f.ack_ms[1],
                f.ack_ms[2],
                f.whole_s,
                // Each call is a decision; two of three end as records.
                count as f64 / 5.0 * (1.0 + 2.0 / 3.0) / f.whole_s
            );
        }
    }
}
