//! Calls that count for caps, as a later run finds them.
#![allow(clippy::unwrap_used)]

use crate::kit;
use crate::kit::{Site, at, list_ref, number_of};
use std::sync::Arc;
use trunkline::store::{AttemptQuery, Attempts, Opened};
use trunkline_core::model::{
    AlertingBasis, Attempt, Call, CallLabel, CallTopic, Cause, ConnectionState, CstaCause, Detail,
    Dossier, Entity, Event, EventKind, Leg, LegId, LegRole, Place, Pos, Verdict, Wall,
};

const CALLS: u64 = 60;
const ALL: AttemptQuery =
    AttemptQuery { calls_since: Wall(0), labels_since: Wall(0), limit: 1_000_000 };

fn topic(k: u64) -> CallTopic {
    CallTopic {
        subject: Some(format!("s{}", k % 3)),
        seller: Some("acme".to_owned()),
        campaign: k.is_multiple_of(2).then(|| "spring".to_owned()),
        ..CallTopic::default()
    }
}

fn customer_leg(answered: bool, pos: u64) -> Leg {
    let moment = kit::call_at(0, 1, ConnectionState::Initiated, pos).started;
    Leg {
        id: LegId(2),
        role: LegRole::Customer,
        device: "carrier-a".into(),
        agent: None,
        channel: None,
        sip_call_id: None,
        state: ConnectionState::Connected,
        alerting_basis: Some(AlertingBasis::Sip180),
        since: at(pos),
        alerting: None,
        answered: answered.then_some(moment),
        held_since: None,
        ended: None,
        cause: None,
        pop: None,
    }
}

/// What becomes of call `k`.
#[derive(PartialEq)]
enum Fate {
    Answered,
    Busy,
    Refused,
    NotDialled,
    Live,
}

fn fate(k: u64) -> Fate {
    [Fate::Answered, Fate::Busy, Fate::Refused, Fate::NotDialled, Fate::Live]
        .into_iter()
        .nth(usize::try_from(k % 5).unwrap())
        .unwrap()
}

/// Four events a call: decision, answer or state, end, label.
fn events() -> Vec<Event> {
    (0..CALLS).flat_map(of_call).collect()
}

fn of_call(k: u64) -> Vec<Event> {
    let pos = |step: u64| k * 4 + step + 1;
    let event = |step, kind, entity| Event {
        pos: Pos(pos(step)),
        ts: at(pos(step)),
        kind,
        entity,
        detail: Detail::default(),
    };
    let mut decision = kit::decision_at(k);
    decision.verdict = Verdict::Allow;
    decision.purpose = Some("sales".to_owned());
    decision.topic = Some(Box::new(topic(k)));
    let place = Place { number: list_ref(&number_of(k)), customer: None };
    let mut allowed = event(0, EventKind::OutboundAllowed, Entity::Decision(Box::new(decision)));
    allowed.detail.place = Some(Box::new(place));
    let call = |step: u64, state, change: &dyn Fn(&mut Call)| {
        let mut call = kit::call_at(k, step, state, pos(step));
        change(&mut call);
        Entity::Call(Arc::new(call))
    };
    let legs = |answered| move |call: &mut Call| call.legs = vec![customer_leg(answered, k)];
    let (live, over) = (ConnectionState::Connected, ConnectionState::Null);
    let answered = fate(k) == Fate::Answered;
    let second = match answered {
        true => event(1, EventKind::CallEstablished, call(1, live, &legs(true))),
        false => event(1, EventKind::CallDelivered, call(1, live, &legs(false))),
    };
    let third = match fate(k) {
        Fate::Live => event(2, EventKind::CallHeld, call(2, live, &legs(false))),
        Fate::NotDialled => event(
            2,
            EventKind::CallCleared,
            call(2, over, &|call| call.cause = Some(Cause::plain(CstaCause::PolicyDenied))),
        ),
        _ => event(2, EventKind::CallCleared, call(2, over, &legs(answered))),
    };
    let label = CallLabel { name: "拒绝".into(), by: "alice".into(), at: at(pos(3)) };
    let labelled = move |call: &mut Call| {
        legs(false)(call);
        call.dossier = Some(Box::new(Dossier { label: Some(label.clone()), ..Dossier::default() }));
    };
    let fourth = match fate(k) {
        Fate::Refused => event(3, EventKind::CallLabelled, call(3, over, &labelled)),
        _ => event(3, EventKind::CallDtmf, call(3, live, &legs(false))),
    };
    vec![allowed, second, third, fourth]
}

fn expected(k: u64) -> Option<Attempt> {
    (fate(k) != Fate::NotDialled).then(|| Attempt {
        decision: kit::decision_id(k),
        call: Some(kit::call_id(k)),
        at: at(k * 4 + 1),
        place: Place { number: list_ref(&number_of(k)), customer: None },
        purpose: Some("sales".to_owned()),
        topic: topic(k),
        answered: fate(k) == Fate::Answered,
        label: (fate(k) == Fate::Refused).then(|| "拒绝".into()),
    })
}

fn run(opened: Opened) {
    let handle = opened.store.start_journal(4096, || at(1), |_| ()).unwrap();
    for event in events() {
        handle.try_push(event).unwrap();
    }
    handle.close().unwrap();
}

#[test]
fn a_later_run_finds_what_counts() {
    let site = Site::new();
    run(site.open().unwrap());
    let opened = site.open().unwrap();
    let all: Vec<Attempt> = (0..CALLS).filter_map(expected).collect();
    let found = opened.store.attempts(ALL).unwrap();
    assert_eq!(found, Attempts { list: all.clone(), known_since: None });

    // The newest, and from when on they are all there are.
    let cut = opened.store.attempts(AttemptQuery { limit: 7, ..ALL }).unwrap();
    assert_eq!(cut.list, all[all.len() - 7..]);
    assert_eq!(cut.known_since, Some(cut.list[0].at));

    // Rows go by the instant in the id of their decision: k ms after the start.
    let later = at(CALLS - 10);
    let labels = AttemptQuery { calls_since: later, labels_since: at(CALLS - 30), ..ALL };
    let wanted = |k: &u64| *k >= CALLS - 10 || *k >= CALLS - 30 && fate(*k) == Fate::Refused;
    let some: Vec<Attempt> = (0..CALLS).filter(wanted).filter_map(expected).collect();
    assert_eq!(opened.store.attempts(labels).unwrap().list, some);
}

/// Records that are made again say the same.
#[test]
fn what_was_not_projected_is_made_from_the_journal() {
    let site = Site::new();
    run(site.open().unwrap());
    let month = site.config.dir.join("calls-202601.db");
    assert!(month.exists());
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", month.display()));
    }
    let opened = site.open().unwrap();
    let all: Vec<Attempt> = (0..CALLS).filter_map(expected).collect();
    assert_eq!(opened.store.attempts(ALL).unwrap().list, all);
}
