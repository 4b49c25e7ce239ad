//! How long a program waits for the gate's answer over HTTP. Run it alone:
//! `cargo test --release --test sip permits_speed -- --ignored --nocapture`.

#![allow(clippy::unwrap_used)]

use crate::permits::Asker;
use crate::support::{Site, SiteOptions};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Every number at any hour, so that the machine's own clock serves.
const RULES: &str = include_str!("../rules/open-all-hours.toml");
const SECONDS: u32 = 5;

/// Asks at a steady rate; a question that is asked late, because the one before took long, counts
/// from when it was due.
fn steadily(asker: &mut Asker, path: &str, per_s: u32) -> Vec<Duration> {
    let (start, every) = (Instant::now(), Duration::from_secs(1) / per_s);
    let one = |n: u32| {
        let due = start + every * n;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let body = format!("number=138{:08}&purpose=service", 10_000 + n);
        assert!(asker.line(path, &body).starts_with("allow"));
        due.elapsed()
    };
    (0..per_s * SECONDS).map(one).collect()
}

/// Another program that writes and syncs without rest, for so long.
fn write_and_sync(path: PathBuf, long: Duration) {
    let began = Instant::now();
    let mut file = File::create(path).unwrap();
    let block = vec![7; 1 << 20];
    while began.elapsed() < long {
        file.write_all(&block).unwrap();
        file.sync_data().unwrap();
        if file.metadata().unwrap().len() > 256 << 20 {
            file.set_len(0).unwrap();
        }
    }
}

#[test]
#[ignore = "measures; run it alone"]
fn measure() {
    let site = Site::with(&SiteOptions {
        gate_keys: "rulesets = [\"open-all-hours\"]\nfile = \"rules.toml\"",
        ..SiteOptions::default()
    });
    std::fs::write(site.path("rules.toml"), RULES).unwrap();
    let _server = site.serve("");
    let mut asker = Asker::new(&site, "");
    let mut report = |disk: &str| {
        let cases = [("/v1/gate/check", 500), ("/v1/gate/permit", 20), ("/v1/gate/permit", 100)];
        for (path, per_s) in cases {
            let mut took = steadily(&mut asker, path, per_s);
            took.sort();
            let at = |share: f64| took[(share * (took.len() - 1) as f64) as usize];
            let (half, most, all) = (at(0.5), at(0.99), at(1.0));
            println!("{path}, {per_s}/s, {disk} disk: p50 {half:?} p99 {most:?} max {all:?}");
        }
    };
    report("quiet");
    let (other, long) = (site.path("other"), Duration::from_secs(u64::from(SECONDS) * 3));
    let writer = std::thread::spawn(move || write_and_sync(other, long));
    report("busy");
    writer.join().unwrap();
}
