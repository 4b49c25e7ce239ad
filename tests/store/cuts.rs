//! Power cuts: whatever a disk may hold after one, nothing acknowledged is lost. Engines that do
//! not sync must be caught by the same method, or it would prove nothing.
#![allow(clippy::unwrap_used)]

use crate::kit::{Site, check};
use crate::powercut::{Dice, Log, Policy};
use crate::{child, kit, powercut};
use std::panic::AssertUnwindSafe;
use trunkline::store::{EngineKind, StoreConfig, StoreError};

const EVENTS: &str = "600";
/// So many records of the log cover the making of the first file, with any engine.
const CREATION: usize = 60;

#[test]
#[ignore = "the child of the other tests"]
fn powercut_writer_child() {
    child::write_until_killed();
}

#[derive(Debug, Default)]
struct Tally {
    whole: usize,
    /// Acknowledged events are gone, noticed at open or not.
    lost: usize,
    broken: Vec<String>,
}

fn run(engine: &str, cuts: usize) -> Tally {
    let site = Site::new();
    let shim = powercut::build_shim(site.dir.path());
    let log = site.dir.path().join("log");
    let done =
        child::command("cuts::powercut_writer_child", &site.config.dir, &site.config.master_key)
            .env("STORE_CHILD_EVENTS", EVENTS)
            .env("STORE_CHILD_ENGINE", engine)
            .env("POWERCUT_ROOT", &site.config.dir)
            .env("POWERCUT_LOG", &log)
            .env("LD_PRELOAD", &shim)
            .output()
            .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let log = Log::read(&log, &site.config.dir);
    assert!(log.acks() > 20, "only {} acks", log.acks());
    assert!(log.mapped().iter().all(|p| p.ends_with("-shm")), "{:?}", log.mapped());

    let mut dice = Dice(7);
    // Every moment in which the first file is made, and some of the rest.
    let mut points: Vec<usize> = (0..CREATION).collect();
    points.extend(log.cuts(cuts, &mut dice));
    let mut config = StoreConfig { dir: site.dir.path().join("image"), ..site.config.clone() };
    if engine.starts_with("sled") {
        config.engine = EngineKind::Sled;
        config.accept_beta_store = true;
    }
    let mut tally = Tally::default();
    log.replay(&points, |cut, acked, disk| {
        for policy in Policy::ALL {
            disk.image(policy, &mut dice, &config.dir);
            verify(&config, acked, &format!("cut {cut} {policy:?}"), &mut tally);
        }
    });
    eprintln!(
        "{engine}: {} acks, {} images: {} whole, {} lost, {} broken",
        log.acks(),
        points.len() * 3,
        tally.whole,
        tally.lost,
        tally.broken.len()
    );
    tally
}

fn verify(config: &StoreConfig, acked: u64, label: &str, tally: &mut Tally) {
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let opened = trunkline::store::open(config, kit::START, [3; 32])?;
        let head = opened.recovery.head.0;
        if head >= acked {
            check(&opened)?;
        }
        Ok::<u64, StoreError>(head)
    }));
    match opened {
        Ok(Ok(head)) if head >= acked => tally.whole += 1,
        Ok(Ok(_) | Err(StoreError::RolledBack { .. })) => tally.lost += 1,
        Ok(Err(e)) => tally.broken.push(format!("{label}: {e}")),
        Err(_) => tally.broken.push(format!("{label}: panic")),
    }
}

#[test]
fn nothing_acknowledged_is_lost_to_a_power_cut() {
    let tally = run("sqlite", 24);
    assert!(tally.lost == 0 && tally.broken.is_empty(), "{tally:#?}");
    assert_eq!(tally.whole, 3 * (CREATION + 24));
}

#[test]
fn an_engine_that_does_not_sync_is_caught() {
    let tally = run("sqlite-normal", 12);
    assert!(tally.lost + tally.broken.len() >= 6, "{tally:#?}");
}

#[test]
#[cfg(feature = "store-sled")]
fn nothing_acknowledged_is_lost_to_a_power_cut_with_sled() {
    let tally = run("sled", 20);
    assert!(tally.lost == 0 && tally.broken.is_empty(), "{tally:#?}");
}

#[test]
#[cfg(feature = "store-sled")]
fn sled_as_shipped_is_caught() {
    let tally = run("sled-no-sync", 12);
    assert!(tally.lost + tally.broken.len() >= 6, "{tally:#?}");
}
