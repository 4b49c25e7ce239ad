//! kill -9 at random moments, opening included; then damage to the newest file.
#![allow(clippy::unwrap_used)]

use crate::kit::{Site, check};
use crate::powercut::Dice;
use crate::{child, kit};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;
use trunkline::store::{EngineKind, StoreConfig};

const CYCLES: usize = 20;

#[test]
#[ignore = "the child of the other tests"]
fn crash_writer_child() {
    child::write_until_killed();
}

/// Kills so many acks after the start, or some time into the opening; returns the last ack.
fn kill_after(mut child: Child, acks: usize, while_opening: Option<Duration>) -> u64 {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (tell, told) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut acked = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(pos) = line.strip_prefix("ACK ") {
                acked = pos.parse().unwrap();
                let _ = tell.send(());
            }
        }
        acked
    });
    match while_opening {
        Some(wait) => std::thread::sleep(wait),
        None => (0..acks).for_each(|_| told.recv_timeout(Duration::from_secs(60)).unwrap()),
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

fn kill_loop(engine: EngineKind) {
    let mut site = Site::new();
    site.config.engine = engine;
    site.config.accept_beta_store = true;
    let mut dice = Dice(42);
    let (mut acked_total, mut kills_with_acks) = (0, 0);
    for cycle in 0..CYCLES {
        let acks = 1 + dice.below(40);
        let wait = Duration::from_millis(dice.below(60) as u64);
        let while_opening = Some(wait).filter(|_| cycle % 6 == 5);
        let mut command =
            child::command("crash::crash_writer_child", &site.config.dir, &site.config.master_key);
        let name = if engine == EngineKind::Sled { "sled" } else { "sqlite" };
        let child = command.env("STORE_CHILD_ENGINE", name).spawn().unwrap();
        let acked = kill_after(child, acks, while_opening);
        let opened = site.open().unwrap_or_else(|e| panic!("cycle {cycle}: {e}"));
        let head = opened.recovery.head.0;
        assert!(head >= acked.max(acked_total), "cycle {cycle}: {acked} acked, head {head}");
        check(&opened).unwrap_or_else(|e| panic!("cycle {cycle}: {e}"));
        eprintln!("cycle {cycle}: {acked} acked, head {head}");
        acked_total = head;
        kills_with_acks += usize::from(acked > 0);
    }
    assert!(kills_with_acks > CYCLES / 2, "only {kills_with_acks} kills hit a writing process");
    eprintln!("{CYCLES} kills, {kills_with_acks} while writing, {acked_total} events, all there");
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    kill_loop(EngineKind::Sqlite);
}

#[test]
#[cfg(feature = "store-sled")]
fn nothing_acknowledged_is_lost_to_kill_9_with_sled() {
    kill_loop(EngineKind::Sled);
}

/// A killed site with something in every file.
fn killed_site() -> (Site, u64) {
    let site = Site::new();
    let mut command =
        child::command("crash::crash_writer_child", &site.config.dir, &site.config.master_key);
    let child = command.env("STORE_CHILD_EVENTS", "1200").spawn().unwrap();
    // The child stops writing at 1200 and exits there, without a clean stop.
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let acked = text.lines().filter_map(|l| l.strip_prefix("ACK ")).next_back().unwrap();
    (site, acked.parse().unwrap())
}

type Damage = (&'static str, fn(&mut Vec<u8>, usize));

const DAMAGES: [Damage; 8] = [
    ("last byte cut", |d, end| d.truncate(end - 1)),
    ("last 4 KiB cut", |d, end| d.truncate(end.saturating_sub(4096))),
    ("last 512 bytes zero", |d, end| d[end.saturating_sub(512)..end].fill(0)),
    ("last 64 bytes garbage", |d, end| d[end.saturating_sub(64)..end].fill(0xa5)),
    ("4 KiB garbage appended", |d, end| {
        d.truncate(end);
        d.extend((0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
    }),
    ("bit at 90 %", |d, end| d[end * 9 / 10] ^= 0x40),
    ("bit at 50 %", |d, end| d[end / 2] ^= 0x40),
    ("bit at 10 %", |d, end| d[end / 10] ^= 0x40),
];

#[test]
fn damage_is_loud_and_never_costs_an_event_or_gives_a_wrong_value() {
    let (site, acked) = killed_site();
    let copy = site.dir.path().join("copy");
    let files: Vec<PathBuf> = std::fs::read_dir(&site.config.dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| {
            let name = p.file_name().unwrap().to_str().unwrap();
            !name.ends_with("-shm") && std::fs::metadata(p).unwrap().len() > 0
        })
        .collect();
    assert!(files.len() >= 7, "{files:?}");
    let (mut fine, mut loud) = (0, 0);
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        for (what, damage) in DAMAGES {
            copy_without_shm(&site.config.dir, &copy);
            let mut bytes = std::fs::read(file).unwrap();
            let end = bytes.iter().rposition(|b| *b != 0).map_or(bytes.len(), |i| i + 1);
            damage(&mut bytes, end);
            std::fs::write(copy.join(name), bytes).unwrap();
            let config = StoreConfig { dir: copy.clone(), ..site.config.clone() };
            match trunkline::store::open(&config, kit::START, [3; 32]) {
                // Opened: everything that is there must be right, up to a head.
                Ok(opened) => match check(&opened) {
                    Ok(()) => {
                        fine += 1;
                        let head = opened.recovery.head.0;
                        assert!(head >= acked, "{name}: {what}: {head} of {acked}, unnoticed");
                    }
                    Err(_) => loud += 1,
                },
                Err(_) => loud += 1,
            }
        }
    }
    eprintln!("{} damages: {fine} without effect, {loud} loud", files.len() * DAMAGES.len());
    assert!(fine > 0 && loud > 0);
}

fn copy_without_shm(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with("-shm") {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
