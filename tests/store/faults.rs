//! A disk that fails, is full or hangs: nobody hears of an event that is not durable, the health
//! says so at once, and afterwards everything comes in order.
#![allow(clippy::unwrap_used)]

use crate::kit::{Site, at, check, event_at};
use crate::{child, kit, powercut};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use trunkline::store::{JournalHandle, JournalState};
use trunkline_core::model::Committed;

#[test]
fn no_event_is_told_while_the_disk_fails_or_hangs() {
    let site = Site::new();
    let shim = powercut::build_shim(site.dir.path());
    let done =
        child::command("faults::faulty_disk_child", &site.config.dir, &site.config.master_key)
            .env("POWERCUT_ROOT", &site.config.dir)
            .env("POWERCUT_LOG", "/dev/null")
            .env("POWERCUT_FAULT", site.dir.path().join("fault"))
            .env("LD_PRELOAD", &shim)
            .output()
            .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stdout));
    assert!(said.contains("three faults survived"), "{said}");
    // And from outside, without the shim.
    let opened = site.open().unwrap();
    assert!(opened.recovery.clean);
    check(&opened).unwrap();
}

struct Bench {
    handle: JournalHandle,
    told: Receiver<Committed>,
    fault: PathBuf,
    /// Next position to push, next position to hear.
    next: u64,
    heard: u64,
}

impl Bench {
    fn push(&mut self, count: u64) {
        for _ in 0..count {
            self.handle.try_push(event_at(self.next)).unwrap();
            self.next += 1;
        }
    }

    fn set_fault(&self, byte: &[u8]) {
        std::fs::write(&self.fault, byte).unwrap();
    }

    /// Hears everything pushed so far, in order.
    fn hear_all(&mut self) {
        while self.heard + 1 < self.next {
            let committed = self.told.recv_timeout(Duration::from_secs(20)).unwrap();
            for event in committed.events.iter() {
                self.heard += 1;
                assert_eq!(*event, event_at(self.heard));
            }
        }
    }

    fn wait_enabled(&self) {
        let begun = Instant::now();
        while self.handle.health().state != JournalState::Enabled {
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", self.handle.health());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn under_fault(&mut self, byte: &[u8], fails: bool) {
        let failures = self.handle.health().failures;
        // Let the projections finish, so that the fault meets the journal first.
        std::thread::sleep(Duration::from_millis(100));
        self.set_fault(byte);
        self.push(40);
        std::thread::sleep(Duration::from_millis(900));
        assert!(self.told.try_recv().is_err(), "an event was told before it was durable");
        let asked = Instant::now();
        let health = self.handle.health();
        assert!(asked.elapsed() < Duration::from_millis(50), "health waited");
        assert!(matches!(health.state, JournalState::Degraded { .. }), "{health:?}");
        assert!(health.undurable.unwrap() > Duration::from_millis(500), "{health:?}");
        assert_eq!(health.failures > failures, fails, "{health:?}");
        self.push(10);
        self.set_fault(b"-");
        self.hear_all();
        self.wait_enabled();
    }
}

#[test]
#[ignore = "the child of the other test"]
fn faulty_disk_child() {
    let Ok(fault) = std::env::var("POWERCUT_FAULT") else { return };
    let data = std::env::var("STORE_CHILD_DATA").unwrap();
    let config = kit::config_of(data, std::env::var("STORE_CHILD_KEY").unwrap());
    std::fs::write(&fault, b"-").unwrap();
    let opened = trunkline::store::open(&config, kit::START, [5; 32]).unwrap();
    let (tell, told) = channel();
    let handle = opened.store.start_journal(4096, || at(1), move |c| drop(tell.send(c))).unwrap();
    let mut bench = Bench { handle, told, fault: fault.into(), next: 1, heard: 0 };
    bench.push(60);
    bench.hear_all();
    bench.under_fault(b"e", true);
    bench.under_fault(b"n", true);
    bench.under_fault(b"h", false);
    bench.push(200);
    bench.hear_all();
    bench.handle.close().unwrap();
    eprintln!("three faults survived");
}
