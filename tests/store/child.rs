#![allow(dead_code)]
//! A process that writes until it is killed: this test binary, started again.

use super::kit::{self, at, event_at};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use trunkline::store::engine::{SqliteEngine, Sync};
use trunkline::store::{self, EngineKind};

/// The command for a child that runs the ignored test `name` of this binary.
pub fn command(name: &str, data: &Path, key: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", name, "--nocapture", "--test-threads=1"])
        .env("STORE_CHILD_DATA", data)
        .env("STORE_CHILD_KEY", key)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What the child does: events from the head on, `ACK <pos>` on stdout after each commit.
pub fn write_until_killed() {
    let Some(data) = var("STORE_CHILD_DATA") else { return };
    let mut config = kit::config_of(data, var("STORE_CHILD_KEY").unwrap());
    let opened = match var("STORE_CHILD_ENGINE").as_deref() {
        // The control runs of the power-cut test: engines that must be caught.
        Some("sqlite-normal") => {
            let engine = Arc::new(SqliteEngine::new(&config.dir, Sync::Normal));
            store::open_with(&config, kit::START, [1; 32], engine)
        }
        #[cfg(feature = "store-sled")]
        Some("sled-no-sync") => {
            let engine = Arc::new(store::engine::SledEngine::without_sync(&config.dir));
            store::open_with(&config, kit::START, [1; 32], engine)
        }
        Some("sled") => {
            config.engine = EngineKind::Sled;
            config.accept_beta_store = true;
            store::open(&config, kit::START, [1; 32])
        }
        _ => store::open(&config, kit::START, [1; 32]),
    };
    let opened = opened.unwrap();
    let end = var("STORE_CHILD_EVENTS").map_or(u64::MAX, |n| n.parse().unwrap());
    say(&format!("READY {}", opened.recovery.head));
    let acked = Arc::new(AtomicU64::new(opened.recovery.head.0));
    let told = acked.clone();
    let handle = opened
        .store
        .start_journal(
            256,
            || at(1),
            move |committed| {
                let last = committed.events.last().unwrap().pos.0;
                say(&format!("ACK {last}"));
                told.store(last, Ordering::Release);
                if last >= end {
                    std::process::exit(0);
                }
            },
        )
        .unwrap();
    let mut pos = opened.recovery.head.0 + 1;
    loop {
        match handle.try_push(event_at(pos)) {
            Ok(()) => pos += 1,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        // Groups of one to seven events, so that there are many commits to cut between however
        // slow the machine is.
        let waits = pos > end || pos.is_multiple_of(1 + pos % 7);
        while waits && acked.load(Ordering::Acquire) + 1 < pos {
            std::thread::sleep(Duration::from_micros(200));
        }
        if pos > end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// One line with one write, past libtest's capture.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}
