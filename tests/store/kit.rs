#![allow(dead_code)] // Each test binary uses its part.
//! A log whose every event is known from its position, and what a store must make of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trunkline::store::{self, JournalHandle, Opened, RecordQuery, StoreConfig, StoreError};
use trunkline_core::gate::DncList;
use trunkline_core::model::{
    Call, CallId, Cause, ConnectionState, CstaCause, Decision, DecisionId, Detail, Dialog,
    Direction, DncEntry, DncScope, E164, Entity, Event, EventKind, Moment, NumberRef, Origin,
    Party, Pii, Pos, ServiceBasis, TimeQuality, Verdict, Wall,
};

/// 2026-01-05T02:30:00Z.
pub const START: Wall = Wall(1_767_580_200_000_000);
const STEPS: u64 = 5;

/// A data directory with its key beside it.
pub struct Site {
    pub dir: tempfile::TempDir,
    pub config: StoreConfig,
}

impl Site {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("master.key");
        store::keys::init(&key).unwrap();
        let config = StoreConfig::new(dir.path().join("data"), key);
        Self { dir, config }
    }

    pub fn open(&self) -> Result<Opened, StoreError> {
        store::open(&self.config, START, [7; 32])
    }
}

/// Configuration of a child process: `data` and `key` are given by its parent.
pub fn config_of(data: impl Into<PathBuf>, key: impl AsRef<Path>) -> StoreConfig {
    StoreConfig::new(data, key.as_ref())
}

pub fn at(pos: u64) -> Wall {
    Wall(START.0 + i64::try_from(pos).unwrap() * 1000)
}

fn uuid(kind: u8, n: u64) -> uuid::Uuid {
    let ms = u64::try_from(START.0 / 1000).unwrap() + n;
    let mut random = [kind; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
}

pub fn call_id(k: u64) -> CallId {
    CallId(uuid(1, k))
}

/// Numbers repeat after 97 calls, so that an index has something to find.
pub fn number_of(k: u64) -> String {
    format!("+86138{:08}", k % 97)
}

pub fn device_of(k: u64) -> String {
    format!("{}", 1000 + k % 13)
}

pub fn party(number: &str) -> Party {
    Party {
        e164: E164::parse(number).map(Pii::new),
        raw: Pii::new(number.to_owned()),
        display: None,
        masked: trunkline_core::model::mask(number),
        number_ref: list_ref(number),
    }
}

/// Stands in for the list's blind index: the store takes keys as they come in events.
pub fn list_ref(number: &str) -> NumberRef {
    let mut out = [0; 16];
    for (i, byte) in number.bytes().enumerate() {
        out[i % 16] ^= byte.wrapping_mul(31);
    }
    NumberRef(out)
}

pub fn call_at(k: u64, rev: u64, state: ConnectionState, pos: u64) -> Call {
    let moment = Moment { pbx_time: at(pos), observed_at: at(pos), quality: TimeQuality::Measured };
    let over = state == ConnectionState::Null;
    Call {
        origin: std::sync::Arc::new(Origin {
            id: call_id(k),
            tenant: "default".into(),
            site: "default".into(),
            direction: Direction::Outbound,
            purpose: Some("service".into()),
            from: party(&device_of(k)).into(),
            to: party(&number_of(k)).into(),
            dialed: party(&number_of(k)).into(),
            device: device_of(k).into(),
            thread_id: call_id(k),
            parent_id: None,
            signalling: None,
            started: moment,
        }),
        rev,
        state,
        trunk: "carrier-a".into(),
        queue: None,
        data: Default::default(),
        dialog: Dialog {
            call_id: format!("{k}@pbx"),
            caller_tag: "a".to_owned(),
            callee_tag: String::new(),
        }
        .into(),
        alerting: None,
        network_reached: None,
        answered: None,
        ended: over.then_some(moment),
        ring_ms: Some(rev as u32 * 100),
        wait_ms: None,
        talk_ms: over.then_some(4000),
        hold_ms: None,
        rings: None,
        answered_in_time: None,
        service_basis: ServiceBasis::Trunk,
        released_by: None,
        cause: over.then(|| Cause::plain(CstaCause::NormalClearing)),
        dossier: None,
        decision_id: Some(decision_id(k)),
        legs: Vec::new(),
    }
}

pub fn decision_id(k: u64) -> DecisionId {
    DecisionId(uuid(2, k))
}

pub fn decision_at(k: u64) -> Decision {
    Decision {
        id: decision_id(k),
        call_id: Some(call_id(k)),
        verdict: if k.is_multiple_of(5) { Verdict::Deny } else { Verdict::Allow },
        rules: Vec::new(),
        ruleset: "test".to_owned(),
        ruleset_hash: "00".to_owned(),
        calendar_version: "1".to_owned(),
        list_version: k.to_string(),
        tzdb_version: "2026a".to_owned(),
        local_time: String::new(),
        zone: String::new(),
        day_class: None,
        next_allowed_at: None,
        purpose: None,
        expires_at: at(k),
        to: party(&number_of(k)),
        device: device_of(k),
        topic: None,
    }
}

pub fn dnc_entry(k: u64) -> DncEntry {
    DncEntry {
        scope: if k.is_multiple_of(12) { DncScope::Customer } else { DncScope::Number },
        number: party(&number_of(k)),
        purpose: k.is_multiple_of(5).then(|| "sales".to_owned()),
        source: "import".to_owned(),
        removed: None,
        until: (!k.is_multiple_of(8)).then(|| format!("2026-02-{:02}", 1 + k % 28)),
        reason: "register".to_owned(),
        asked_at: at(k),
        added_by: "test".to_owned(),
    }
}

/// The event at a position (from 1). Five steps a call; every third call stays live.
pub fn event_at(pos: u64) -> Event {
    use ConnectionState as S;
    let (k, step) = ((pos - 1) / STEPS, (pos - 1) % STEPS);
    let call = |rev, state| Entity::Call(std::sync::Arc::new(call_at(k, rev, state, pos)));
    let (kind, entity) = match step {
        0 => (EventKind::CallOriginated, call(1, S::Initiated)),
        1 => {
            let kind = if k.is_multiple_of(5) {
                EventKind::OutboundDenied
            } else {
                EventKind::OutboundAllowed
            };
            (kind, Entity::Decision(Box::new(decision_at(k))))
        }
        2 => (EventKind::CallEstablished, call(2, S::Connected)),
        3 if k.is_multiple_of(4) => (EventKind::DncAdded, Entity::Dnc(vec![dnc_entry(k)])),
        3 => (EventKind::CallHeld, call(3, S::Hold)),
        _ if k.is_multiple_of(3) => (EventKind::CallRetrieved, call(4, S::Connected)),
        _ => (EventKind::CallCleared, call(4, S::Null)),
    };
    Event { pos: Pos(pos), ts: at(pos), kind, entity, detail: Detail::default() }
}

/// Waits for a place in the ring.
pub fn push(handle: &JournalHandle, event: Event) {
    let mut event = event;
    while let Err(back) = handle.try_push(event) {
        event = back;
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// State after a position, folded the plain way.
pub struct Expected {
    pub live: BTreeMap<CallId, Call>,
    pub records: BTreeMap<CallId, Call>,
    pub decisions: u64,
    pub dnc: DncList,
}

pub fn expected(head: u64) -> Expected {
    let mut out = Expected {
        live: BTreeMap::new(),
        records: BTreeMap::new(),
        decisions: 0,
        dnc: DncList::default(),
    };
    for pos in 1..=head {
        match event_at(pos).entity {
            Entity::Call(call) if call.is_over() => {
                out.live.remove(&call.id);
                out.records.insert(call.id, std::sync::Arc::unwrap_or_clone(call));
            }
            Entity::Call(call) => {
                out.live.insert(call.id, std::sync::Arc::unwrap_or_clone(call));
            }
            Entity::Decision(_) => out.decisions += 1,
            Entity::Dnc(entries) => {
                for entry in entries {
                    out.dnc.insert_entry(&entry).unwrap();
                }
            }
            Entity::System(_)
            | Entity::Line(_)
            | Entity::Duty(_)
            | Entity::Link(_)
            | Entity::Agent(_)
            | Entity::Command(_)
            | Entity::Override(_)
            | Entity::Shadow(_)
            | Entity::Claims(_) => {}
        }
    }
    out
}

/// Everything a store must hold after `recovery.head`, compared one by one. An error is a loud
/// refusal of the store; a wrong value is a panic.
pub fn check(opened: &Opened) -> Result<(), StoreError> {
    let head = opened.recovery.head.0;
    let want = expected(head);
    let events = opened.store.read(Pos(0), usize::MAX)?;
    assert_eq!(events.len() as u64, head, "events in the journal");
    for event in &events {
        assert_eq!(*event, event_at(event.pos.0));
    }
    let live: BTreeMap<_, _> = opened.recovery.live.iter().map(|c| (c.id, c.clone())).collect();
    assert_eq!(live, want.live, "live calls at {head}");
    // A row that does not open is told, and calls are refused for it: as loud as an error.
    if let Some(what) = &opened.recovery.dnc_lost {
        return Err(StoreError::Engine { file: "meta".to_owned(), what: what.clone() });
    }
    assert_eq!(opened.recovery.dnc.version(), want.dnc.version(), "do-not-call list at {head}");

    let query = |number, device| RecordQuery {
        number,
        device,
        from: Wall(0),
        to: Wall(START.0 * 2),
        limit: 10_000,
    };
    let rows = opened.store.search(&query(None, None), "test", START)?;
    let ids: Vec<_> = rows.iter().map(|r| r.id).collect();
    let newest_first: Vec<_> = want.records.keys().rev().copied().collect();
    assert_eq!(ids, newest_first, "records at {head}");
    // Both indexes hold every record: each number and device finds its own.
    let wanted = |fits: &dyn Fn(&Call) -> bool| -> Vec<CallId> {
        want.records.values().rev().filter(|c| fits(c)).map(|c| c.id).collect()
    };
    for k in 0..13 {
        let (number, device) = (number_of(k), device_of(k));
        let found = opened.store.search(&query(Some(number.clone()), None), "test", START)?;
        let found: Vec<_> = found.iter().map(|r| r.id).collect();
        assert_eq!(found, wanted(&|c| c.to.raw.reveal() == &number), "{k}: number index");
        let found = opened.store.search(&query(None, Some(device.clone())), "test", START)?;
        let found: Vec<_> = found.iter().map(|r| r.id).collect();
        assert_eq!(found, wanted(&|c| *c.device == *device), "{k}: device index");
    }
    if let Some((id, call)) = want.records.last_key_value() {
        assert_eq!(opened.store.show(*id, "test", START)?.as_ref(), Some(call));
    }
    if want.decisions > 0 {
        let last = decision_id(want.decisions - 1);
        let shown = opened.store.show_decision(last, "test", START)?;
        assert_eq!(shown, Some(decision_at(want.decisions - 1)));
    }
    opened.store.audit_verify()?;
    Ok(())
}
