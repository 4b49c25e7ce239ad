//! The do-not-call list and editions of registers on disk.
#![allow(clippy::unwrap_used)]

use crate::kit;
use crate::kit::{START, Site, at, event_at};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use trunkline::store::{Opened, Store};
use trunkline_core::gate::Register;
use trunkline_core::model::{DncEntry, DncRemoval, Entity, EventKind};

pub fn listed(store: &Store) -> Vec<DncEntry> {
    let mut entries = Vec::new();
    store.dnc_list("dnc.list", "test", START, |entry| entries.push(entry)).unwrap();
    entries
}

/// Blocks of all purposes go together, stay as rows that say so, and can be made again.
#[test]
fn what_is_removed_says_so_and_blocks_no_more() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let (tell, told) = mpsc::channel();
    let handle = opened.store.start_journal(64, || at(1), move |c| drop(tell.send(c))).unwrap();
    let entry = |purpose: Option<&str>, until: Option<&str>| DncEntry {
        purpose: purpose.map(str::to_owned),
        until: until.map(str::to_owned),
        ..kit::dnc_entry(1)
    };
    let removal = DncRemoval {
        at: START,
        reason: "of 1 and 2".to_owned(),
        by: "anna".to_owned(),
        approved_by: "ben".to_owned(),
    };
    let gone = DncEntry { removed: Some(removal.clone()), ..entry(None, None) };
    let steps = [
        vec![entry(None, None), entry(Some("sales"), Some("2027-01-01"))],
        vec![entry(Some("survey"), None), gone],
        vec![entry(None, Some("2026-12-01"))],
    ];
    let wanted = [(2, 2), (0, 3), (1, 3)];
    for ((pos, entries), wanted) in (1..).zip(steps).zip(wanted) {
        let mut event = event_at(pos);
        let removed = entries.iter().any(|entry| entry.removed.is_some());
        event.kind = if removed { EventKind::DncRemoved } else { EventKind::DncAdded };
        event.entity = Entity::Dnc(entries);
        assert!(handle.try_push(event).is_ok());
        told.recv_timeout(Duration::from_secs(10)).unwrap();
        let all = listed(&opened.store);
        let held = all.iter().filter(|entry| entry.removed.is_none()).count();
        assert_eq!((held, all.len()), wanted, "after {pos}");
        assert!(all.iter().all(|e| e.removed.as_ref().is_none_or(|r| *r == removal)));
    }
    handle.close().unwrap();
    drop(opened);
    let again = site.open().unwrap();
    let day = "2026-12-01".parse().unwrap();
    let key = entry(None, None).key();
    assert_eq!(again.recovery.dnc.entries_of(key), [(None, Some(day))]);
    assert_eq!(again.recovery.dnc_lost, None);
    assert_eq!(again.store.dnc_show(key, "test", START).unwrap().len(), 3);
}

fn edition(issued: &str, id: &str, keys: impl IntoIterator<Item = u64>) -> Arc<Register> {
    let keys = keys.into_iter().collect();
    Register::new("uk-tps".into(), issued.parse().unwrap(), id.into(), keys).into()
}

fn versions(opened: &Opened) -> Vec<String> {
    opened.recovery.dnc.registers().map(|register| register.version()).collect()
}

/// An edition is there whole after a restart or not at all; what is damaged is as if it were gone.
#[test]
fn editions_come_back_whole_or_are_missing() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let keys = (0..20_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let first = edition("2026-10-01", "aa", keys.clone());
    opened.store.put_register(&first, "a.csv", "test", START).unwrap();
    let second = edition("2026-11-01", "bb", keys);
    opened.store.put_register(&second, "b.csv", "test", START).unwrap();
    drop(opened);
    let files = || -> Vec<PathBuf> {
        let entries =
            std::fs::read_dir(&site.config.dir).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|e| e == "keys")).collect()
    };
    let [file] = &files()[..] else { panic!("{:?}", files()) };
    // What a crash in the midst of an import leaves behind.
    std::fs::write(file.with_file_name("register-uk-tps-cc.keys"), b"TRKLREG1").unwrap();
    let again = site.open().unwrap();
    assert_eq!(versions(&again), [second.version()]);
    assert_eq!(again.recovery.dnc.registers().next(), Some(&second));
    assert_eq!(files().len(), 1, "what no row names is swept away");
    drop(again);
    let whole = std::fs::read(file).unwrap();
    for damage in 0..4 {
        let mut bytes = whole.clone();
        match damage {
            0 => bytes.truncate(bytes.len() - 1),
            1 => bytes[100] ^= 1,
            2 => *bytes.last_mut().unwrap() ^= 0x80,
            _ => bytes.clear(),
        }
        std::fs::write(file, bytes).unwrap();
        let opened = site.open().unwrap();
        assert!(versions(&opened).is_empty(), "damage {damage}");
        assert_eq!(opened.recovery.registers_lost.len(), 1);
        assert_eq!(opened.store.registers().unwrap().len(), 1, "it is told that there was one");
    }
    std::fs::write(file, whole).unwrap();
    assert_eq!(versions(&site.open().unwrap()), [second.version()]);
}
