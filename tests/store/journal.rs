//! The journal as the rooms above see it: order, epochs, resume, limits, records, list, audit.
#![allow(clippy::unwrap_used)]

use crate::kit;
use crate::kit::{START, Site, at, check, event_at, push};
use std::sync::mpsc;
use std::time::Duration;
use trunkline::store::{JournalHandle, JournalState, Opened, RecordQuery, Store, StoreError};
use trunkline_core::model::{
    Call, CallLabel, Committed, ConnectionState, Detail, Dossier, Entity, Epoch, Event, EventKind,
    Pos, Waiver, Wall,
};

fn start(store: &Store, ring: usize) -> (JournalHandle, mpsc::Receiver<Committed>) {
    let (tell, told) = mpsc::channel();
    let handle = store.start_journal(ring, || at(1), move |c| drop(tell.send(c))).unwrap();
    (handle, told)
}

/// Runs events `from..=to` through a store and stops it cleanly.
fn run(opened: Opened, from: u64, to: u64) -> Vec<Event> {
    let (handle, told) = start(&opened.store, 4096);
    (from..=to).for_each(|pos| push(&handle, event_at(pos)));
    handle.close().unwrap();
    told.iter().flat_map(|c| c.events.to_vec()).collect()
}

fn error_of(site: &Site) -> StoreError {
    match site.open() {
        Ok(_) => panic!("opened"),
        Err(e) => e,
    }
}

#[test]
fn committed_events_come_in_order_and_survive_restarts() {
    let site = Site::new();
    let first = site.open().unwrap();
    assert_eq!(first.recovery.head, Pos(0));
    assert!(first.recovery.clean);
    let (epoch, secret) = (first.recovery.epoch, first.secret);
    let (desk, list) = (first.refs.desk.number_ref("1"), first.refs.list.number_ref("1"));
    assert_ne!(desk, list);
    assert_ne!(secret, [0; 16]);
    let told = run(first, 1, 700);
    assert_eq!(told, (1..=700).map(event_at).collect::<Vec<_>>());

    let second = site.open().unwrap();
    assert!(second.recovery.clean);
    assert_eq!((second.recovery.epoch, second.secret), (epoch, secret));
    assert_eq!(second.refs.desk.number_ref("1"), desk);
    assert_eq!(second.refs.list.number_ref("1"), list);
    assert_eq!(second.recovery.head, Pos(700));
    check(&second).unwrap();
    run(second, 701, 1000);

    let third = site.open().unwrap();
    assert_eq!(third.recovery.head, Pos(1000));
    check(&third).unwrap();
}

#[test]
fn a_stop_without_close_is_not_clean_and_loses_nothing() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let (handle, told) = start(&opened.store, 4096);
    (1..=300).for_each(|pos| push(&handle, event_at(pos)));
    drop(handle);
    assert_eq!(told.iter().map(|c| c.events.len()).sum::<usize>(), 300);
    drop(opened);
    // The threads let go of the directory a moment after the last clone.
    let again = loop {
        match site.open() {
            Err(StoreError::Locked { .. }) => std::thread::sleep(Duration::from_millis(5)),
            opened => break opened.unwrap(),
        }
    };
    assert!(!again.recovery.clean);
    assert_eq!(again.recovery.head, Pos(300));
    check(&again).unwrap();
}

#[test]
fn read_resumes_after_any_position() {
    let site = Site::new();
    run(site.open().unwrap(), 1, 500);
    let opened = site.open().unwrap();
    for from in [0, 1, 7, 250, 499, 500, 501, u64::MAX] {
        let events = opened.store.read(Pos(from), 40).unwrap();
        let want: Vec<u64> = (from.saturating_add(1)..=500).take(40).collect();
        assert_eq!(events.iter().map(|e| e.pos.0).collect::<Vec<_>>(), want, "after {from}");
    }
}

#[test]
fn a_full_ring_gives_the_event_back() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let (release, wait) = mpsc::channel::<()>();
    let (tell, held) = mpsc::channel();
    // The callback holds the writer with the first event, so the ring fills with the next eight.
    let on_commit = move |_| {
        let _ = tell.send(());
        wait.recv().unwrap_or(());
    };
    let handle = opened.store.start_journal(8, || at(1), on_commit).unwrap();
    push(&handle, event_at(1));
    held.recv_timeout(Duration::from_secs(10)).unwrap();
    (2..=9).for_each(|pos| handle.try_push(event_at(pos)).unwrap());
    assert_eq!(handle.health().queued, 8);
    let refused = handle.try_push(event_at(10)).unwrap_err();
    assert_eq!(refused, event_at(10));
    drop(release);
    push(&handle, refused);
    handle.close().unwrap();
    drop(opened);
    assert_eq!(site.open().unwrap().recovery.head, Pos(10));
}

#[test]
#[should_panic(expected = "expected 3")]
fn a_gap_in_the_positions_is_a_bug_of_the_caller() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let (handle, _told) = start(&opened.store, 8);
    push(&handle, event_at(1));
    push(&handle, event_at(2));
    push(&handle, event_at(4));
}

#[test]
fn a_new_epoch_starts_after_everything_queued() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let old = opened.recovery.epoch;
    let new = Epoch(uuid::Uuid::from_u128(77));
    let (handle, told) = start(&opened.store, 64);
    (1..=10).for_each(|pos| push(&handle, event_at(pos)));
    handle.new_epoch(new).unwrap();
    (1..=4).for_each(|pos| push(&handle, event_at(pos)));
    handle.close().unwrap();
    let told: Vec<(Epoch, u64)> = told
        .iter()
        .flat_map(|c| c.events.iter().map(|e| (c.epoch, e.pos.0)).collect::<Vec<_>>())
        .collect();
    let want: Vec<_> = (1..=10).map(|p| (old, p)).chain((1..=4).map(|p| (new, p))).collect();
    assert_eq!(told, want);
    drop(opened);
    let again = site.open().unwrap();
    assert_eq!((again.recovery.epoch, again.recovery.head), (new, Pos(4)));
    assert_eq!(again.store.read(Pos(0), 100).unwrap().len(), 4);
}

#[test]
fn the_list_is_never_shortened() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let (handle, told) = start(&opened.store, 64);
    let untils = [Some("2026-03-01"), Some("2026-02-01"), None, Some("2027-01-01")];
    let entry = |until: Option<&str>| {
        let mut entry = kit::dnc_entry(1);
        entry.until = until.map(str::to_owned);
        entry
    };
    for (i, until) in untils.into_iter().enumerate() {
        let mut event = event_at(i as u64 + 1);
        event.kind = EventKind::DncAdded;
        event.entity = Entity::Dnc(vec![entry(until)]);
        push(&handle, event);
        told.recv_timeout(Duration::from_secs(10)).unwrap();
        // The read waits for the projections, so each entry has a round of its own.
        let want = if i < 2 { Some("2026-03-01") } else { None };
        let found: Vec<_> =
            crate::lists::listed(&opened.store).into_iter().map(|entry| entry.until).collect();
        assert_eq!(found, [want.map(str::to_owned)], "after {i}");
    }
    handle.close().unwrap();
    drop(opened);
    let again = site.open().unwrap();
    assert_eq!(again.recovery.dnc.entries_of(entry(None).key()), [(None, None)]);
}

#[test]
fn searches_respect_their_bounds_and_are_audited() {
    let site = Site::new();
    run(site.open().unwrap(), 1, 1000);
    let opened = site.open().unwrap();
    let before = opened.store.audit_verify().unwrap().entries;
    let query = RecordQuery {
        number: None,
        device: None,
        from: Wall(START.0 + 50_000),
        to: Wall(START.0 + 60_000),
        limit: 100,
    };
    // Ids carry START plus k ms; every third call is still live.
    let rows = opened.store.search(&query, "auditor", START).unwrap();
    let want: Vec<_> =
        (50..60_u64).rev().filter(|k| !k.is_multiple_of(3)).map(kit::call_id).collect();
    assert_eq!(rows.iter().map(|r| r.id).collect::<Vec<_>>(), want);
    let limited = RecordQuery { limit: 2, ..query.clone() };
    assert_eq!(opened.store.search(&limited, "auditor", START).unwrap().len(), 2);
    let other = RecordQuery { number: Some("+10000000".to_owned()), ..query.clone() };
    assert!(opened.store.search(&other, "auditor", START).unwrap().is_empty());
    opened.store.show(kit::call_id(1), "auditor", START).unwrap().unwrap();
    assert!(opened.store.show(kit::call_id(999_999), "auditor", START).unwrap().is_none());
    assert_eq!(opened.store.audit_verify().unwrap().entries, before + 5);
}

#[test]
fn no_number_is_readable_in_any_file() {
    let site = Site::new();
    run(site.open().unwrap(), 1, 500);
    let opened = site.open().unwrap();
    let query = RecordQuery {
        number: Some(kit::number_of(1)),
        device: None,
        from: START,
        to: Wall(START.0 * 2),
        limit: 10,
    };
    opened.store.search(&query, "test", START).unwrap();
    let mut bytes = 0;
    for entry in std::fs::read_dir(&site.config.dir).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        bytes += content.len();
        for k in 0..97 {
            let number = kit::number_of(k);
            let digits = number.trim_start_matches('+').as_bytes();
            assert!(!content.windows(digits.len()).any(|w| w == digits), "number {k}");
        }
    }
    assert!(bytes > 100_000);
}

#[test]
fn two_processes_cannot_share_a_directory() {
    let site = Site::new();
    let _open = site.open().unwrap();
    assert!(matches!(error_of(&site), StoreError::Locked { .. }));
}

#[test]
fn key_files_are_checked() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let key = &site.config.master_key;
    let mode = || std::fs::metadata(key).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o600);
    assert!(matches!(trunkline::store::keys::init(key), Err(StoreError::KeyFile { .. })));
    drop(site.open().unwrap());
    for bad in [0o640, 0o604, 0o660, 0o700, 0o200] {
        std::fs::set_permissions(key, PermissionsExt::from_mode(bad)).unwrap();
        match error_of(&site) {
            StoreError::KeyFile { path, problem } => {
                assert_eq!(&path, key);
                assert!(problem.contains(&format!("{bad:04o}")), "{problem}");
            }
            // Mode 0200 cannot be opened at all by anybody but root.
            StoreError::Io { .. } => assert_eq!(bad, 0o200),
            other => panic!("{other}"),
        }
    }
    std::fs::set_permissions(key, PermissionsExt::from_mode(0o600)).unwrap();
    let bytes = std::fs::read(key).unwrap();
    for len in [0, 31, 33] {
        std::fs::write(key, vec![1; len]).unwrap();
        assert!(matches!(error_of(&site), StoreError::KeyFile { .. }), "{len}");
    }
    // Another key of the right form opens nothing and destroys nothing.
    std::fs::write(key, [9; 32]).unwrap();
    assert!(matches!(error_of(&site), StoreError::Vault { .. }));
    std::fs::write(key, bytes).unwrap();
    site.open().unwrap();
}

/// A label comes after the end of its call; an override is the deed of a person.
#[test]
fn what_people_do_late_or_on_their_own_is_kept() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let before = opened.store.audit_verify().unwrap().entries;
    let (handle, _told) = start(&opened.store, 64);
    let event = |pos, rev, kind, change: &dyn Fn(&mut Call, &mut Detail)| {
        let mut call = kit::call_at(1, rev, ConnectionState::Null, pos);
        let mut detail = Detail::default();
        change(&mut call, &mut detail);
        let entity = Entity::Call(std::sync::Arc::new(call));
        push(&handle, Event { pos: Pos(pos), ts: at(pos), kind, entity, detail });
    };
    event(1, 3, EventKind::CallTransferUnconfirmed, &|call, detail| {
        call.state = ConnectionState::Connected;
        let (by, reason) = ("boss".to_owned(), "ask 13800138000".to_owned());
        detail.waiver = Some(Box::new(Waiver { by, reason }));
    });
    event(2, 4, EventKind::CallTransferUnconfirmed, &|call, detail| {
        call.state = ConnectionState::Connected;
        detail.waiver = Some(Box::default()); // nobody has done it
    });
    event(3, 5, EventKind::CallCleared, &|_, _| {});
    event(4, 6, EventKind::CallLabelled, &|call, _| {
        let label = CallLabel { name: "有效".into(), by: "alice".into(), at: START };
        call.dossier = Some(Box::new(Dossier { label: Some(label), ..Dossier::default() }));
    });
    handle.close().unwrap();
    let label = |opened: &Opened| {
        let call = opened.store.show(kit::call_id(1), "auditor", START).unwrap().unwrap();
        call.dossier.and_then(|d| d.label).map(|label| label.name.to_string())
    };
    assert_eq!(label(&opened).as_deref(), Some("有效"));
    assert_eq!(opened.store.audit_verify().unwrap().entries, before + 3, "a look-up, a checkpoint");
    drop(opened);
    let text = std::fs::read_dir(&site.config.dir).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.to_string_lossy().contains("audit").then(|| std::fs::read(path).ok()).flatten()
    });
    let text: Vec<u8> = text.flatten().collect();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("call.transfer_override") && text.contains("boss"), "{text}");
    assert!(!text.contains("13800138000"), "no number of a person is in the log");
    let again = site.open().unwrap();
    assert_eq!(label(&again).as_deref(), Some("有效"));
}

#[test]
fn sled_needs_consent() {
    let mut site = Site::new();
    site.config.engine = trunkline::store::EngineKind::Sled;
    assert!(matches!(error_of(&site), StoreError::BetaRefused));
}

#[test]
fn an_old_copy_of_the_directory_is_refused_when_the_head_is_kept_elsewhere() {
    let mut site = Site::new();
    site.config.audit_head_copy = Some(site.dir.path().join("head.copy"));
    run(site.open().unwrap(), 1, 200);
    let old = site.dir.path().join("old");
    copy_dir(&site.config.dir, &old);
    run(site.open().unwrap(), 201, 400);
    std::fs::remove_dir_all(&site.config.dir).unwrap();
    std::fs::rename(&old, &site.config.dir).unwrap();
    let refused = error_of(&site);
    assert!(matches!(refused, StoreError::RolledBack { .. } | StoreError::Audit(_)), "{refused}");
}

#[test]
fn a_lost_journal_file_is_refused_and_can_be_accepted() {
    let mut site = Site::new();
    let first = site.open().unwrap();
    let epoch = first.recovery.epoch;
    run(first, 1, 200);
    let journal = std::fs::read_dir(&site.config.dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.file_name().unwrap().to_str().unwrap().starts_with("events-"))
        .unwrap();
    let aside = site.dir.path().join("aside.db");
    std::fs::rename(&journal, &aside).unwrap();
    let refused = error_of(&site);
    assert!(matches!(refused, StoreError::RolledBack { journal: 0, .. }), "{refused}");
    // Nothing was spoilt by the refusal.
    std::fs::rename(&aside, &journal).unwrap();
    assert_eq!(site.open().unwrap().recovery.head, Pos(200));
    std::fs::remove_file(&journal).unwrap();
    site.config.accept_rollback = true;
    let opened = site.open().unwrap();
    assert_ne!(opened.recovery.epoch, epoch);
    assert_eq!(opened.recovery.head, Pos(0));
    run(opened, 1, 50);
    site.config.accept_rollback = false;
    assert_eq!(site.open().unwrap().recovery.head, Pos(50));
}

#[test]
fn old_journal_days_go_with_their_keys() {
    let site = Site::new();
    let day = Duration::from_secs(86_400);
    let files = || -> Vec<String> {
        let names = std::fs::read_dir(&site.config.dir).unwrap();
        let mut out: Vec<String> =
            names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        out.retain(|n| n.starts_with("events-") && n.ends_with(".db"));
        out.sort();
        out
    };
    let mut pos = 1;
    for n in 0..4_u32 {
        let now = START.after(day * n);
        let opened = trunkline::store::open(&site.config, now, [1; 32]).unwrap();
        let (tell, told) = mpsc::channel();
        let handle =
            opened.store.start_journal(64, move || now, move |c| drop(tell.send(c))).unwrap();
        for _ in 0..10 {
            push(&handle, event_at(pos));
            pos += 1;
        }
        handle.close().unwrap();
        drop(told);
    }
    // Kept: 24 h and the day they began in.
    assert_eq!(files(), ["events-20260107.db", "events-20260108.db"]);
    let opened = trunkline::store::open(&site.config, START.after(day * 3), [1; 32]).unwrap();
    assert_eq!(opened.recovery.head, Pos(40));
    let kept = opened.store.read(Pos(0), 100).unwrap();
    assert_eq!(kept.first().map(|e| e.pos), Some(Pos(21)));
    let live: Vec<_> = opened.recovery.live.iter().map(|c| c.id).collect();
    assert_eq!(live, kit::expected(40).live.into_keys().collect::<Vec<_>>());
}

#[test]
fn health_is_enabled_while_commits_return() {
    let site = Site::new();
    let opened = site.open().unwrap();
    let (handle, told) = start(&opened.store, 64);
    push(&handle, event_at(1));
    told.recv_timeout(Duration::from_secs(10)).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let health = handle.health();
    assert_eq!((health.state, health.undurable), (JournalState::Enabled, None));
    assert_eq!((health.queued, health.failures), (0, 0));
    handle.close().unwrap();
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
