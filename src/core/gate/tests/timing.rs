//! How long a verdict takes. Run with
//! `cargo test --release -p trunkline-core gate::tests::timing -- --ignored --nocapture`.

use super::*;
use std::time::{Duration, Instant};

const ENTRIES: u64 = 1_000_000;

/// Keys as uniform as a blind index: splitmix64 of a counter.
fn uniform(n: u64) -> NumberRef {
    let mix = |seed: u64| {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mix(2 * n + 1).to_le_bytes());
    bytes[8..].copy_from_slice(&mix(2 * n + 2).to_le_bytes());
    NumberRef(bytes)
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{what}: p50 {:?} p99 {:?} max {:?}", at(0.5), at(0.99), at(1.0));
}

#[test]
#[ignore = "prints timings, asserts nothing about them"]
fn verdicts_with_a_million_entries() {
    let started = Instant::now();
    let mut list = DncList::default();
    for n in 0..ENTRIES {
        list.insert(uniform(n), Some("2026-05-30")).unwrap();
    }
    assert_eq!(list.len() as u64, ENTRIES);
    println!("insert: {:?} each", started.elapsed() / u32::try_from(ENTRIES).unwrap());
    let book = seed_book();
    let plan = Normalizer::new(DialPlan::default()).unwrap();
    let at = wall("2026-01-05T10:00:00+08:00");
    let number = plan.read("13800138000");
    let (mut allowed, mut denied, mut looks) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..200_000 {
        let listed = n % 2 == 0;
        let number_ref = Some(uniform(if listed { n * 5 % ENTRIES } else { ENTRIES + n }));
        let ask = Ask {
            dialed: &number,
            purpose: Some("service"),
            ruleset: None,
            number_ref,
            given: Given::default(),
        };
        let start = Instant::now();
        let ruling = book.decide(&list, &ask, at);
        let took = start.elapsed();
        assert_eq!(verdict(ruling), if listed { Verdict::Deny } else { Verdict::Allow });
        if listed {
            denied.push(took)
        } else {
            allowed.push(took)
        }
        if n < 2_000 {
            let start = Instant::now();
            let next = book.next_allowed(&list, &ask, at);
            looks.push(start.elapsed());
            assert!(next.is_some());
        }
    }
    report("decide, allow", allowed);
    report("decide, deny", denied);
    report("next_allowed", looks);
    for text in ["13800138000", "010-62345678", "+12125550123", "95519"] {
        let times = (0..2_000).map(|_| {
            let start = Instant::now();
            std::hint::black_box(plan.read(text));
            start.elapsed()
        });
        report("read", times.collect());
    }
}
