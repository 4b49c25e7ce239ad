//! The hub against a brute-force oracle: every client's stream is the log, filtered.
#![allow(clippy::unwrap_used)]

mod client;
mod log;
mod look;
mod oracle;
mod world;

use super::*;
use crate::model::*;
use crate::wire::Codec;
use client::{Phase, Wish};
use log::epoch;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use world::{World, at};

const CLIENTS: usize = 6;

fn sub_of(id: u8, topic: &str, view: &str, filter: &[(&str, &[&str])]) -> SubRequest {
    let list = |(name, values): &(&str, &[&str])| {
        ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect())
    };
    SubRequest {
        id: id.to_string(),
        topic: topic.into(),
        view: view.into(),
        filter: filter.iter().map(list).collect(),
    }
}

fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![
        4 => Just(Role::Agent),
        3 => Just(Role::Supervisor),
        1 => Just(Role::Service),
        1 => Just(Role::Ops),
        1 => Just(Role::Auditor),
        2 => Just(Role::Wallboard),
    ]
}

fn principal() -> impl Strategy<Value = Principal> {
    let names = |n: usize, prefix: &'static str| {
        let name = (0..n).prop_map(move |at| format!("{prefix}{at}"));
        btree_set(prop_oneof![9 => name, 1 => Just(String::new())], 0..3)
    };
    let teams = prop_oneof![2 => Just(Default::default()).boxed(), 1 => names(2, "t").boxed()];
    let agent = prop_oneof![Just(String::new()), (0..4).prop_map(|at| format!("a{at}"))];
    let user = (0..3_usize).prop_map(|at| ["u", "v", "w"][at].to_owned());
    (roles(), names(3, "d"), agent, teams, user).prop_map(|(role, devices, agent, teams, user)| {
        let (devices, teams) = (devices.into_iter().collect(), teams.into_iter().collect());
        Principal { user, role, devices, agent, teams }
    })
}

fn sub() -> impl Strategy<Value = SubRequest> {
    let topics = [
        "calls:own",
        "calls:own",
        "calls:own",
        "agent:self",
        "site:calls",
        "site:calls",
        "site:health",
        "site:agents",
        "site:lines",
        "queue:q0",
        "queue:q1",
        "line:l0",
        "line:l1",
        "team:t0",
        "team:t1",
        "team:none",
        "team:",
        "nonsense",
    ];
    let views = ["", "", "", "masked", "full", "aggregate", "x-ray"];
    let filters: [&[(&str, &[&str])]; 12] = [
        &[],
        &[],
        &[],
        &[],
        &[("state", &["alerting", "connected", "ready"])],
        &[("queue", &["q0"])],
        &[("kind", &["call"])],
        &[("team", &["t0"]), ("state", &["connected", "hold", "busy", "ready"])],
        &[("line", &["l0", "l1"]), ("agent", &["a0", "a1"])],
        &[("trunk", &["l1"]), ("direction", &["inbound"])],
        &[("device", &["d1"])],
        &[("bad", &["x"])],
    ];
    (1..5_u8, 0..topics.len(), 0..views.len(), 0..filters.len())
        .prop_map(move |(id, t, v, f)| sub_of(id, topics[t], views[v], filters[f]))
}

fn client() -> impl Strategy<Value = (Principal, Vec<SubRequest>)> {
    (principal(), vec(sub(), 1..4)).prop_map(|(who, subs)| {
        let number = |(at, sub): (usize, SubRequest)| SubRequest { id: at.to_string(), ..sub };
        (who, subs.into_iter().enumerate().map(number).collect())
    })
}

#[derive(Clone, Debug)]
enum Op {
    Commit(Vec<(u8, u8)>),
    Connect(usize),
    Disconnect(usize, usize),
    Step(usize),
    Change(usize, Wish),
    Flush(bool),
    Look(usize, usize),
    Restart(Vec<usize>),
    NewEpoch,
    TrimJournal,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let who = || 0..CLIENTS;
    let spec = (any::<u8>(), any::<u8>());
    let wish = prop_oneof![
        2 => sub().prop_map(Wish::Sub),
        1 => (0..5_u8).prop_map(|id| Wish::Unsub(id.to_string())),
        2 => principal().prop_map(Wish::Refresh),
    ];
    let op = prop_oneof![
        8 => vec(spec, 1..12).prop_map(Op::Commit),
        6 => who().prop_map(Op::Connect),
        3 => (who(), 0..60_usize).prop_map(|(c, keep)| Op::Disconnect(c, keep)),
        6 => who().prop_map(Op::Step),
        4 => (who(), wish).prop_map(|(c, wish)| Op::Change(c, wish)),
        2 => any::<bool>().prop_map(Op::Flush),
        3 => (who(), 1..4_usize).prop_map(|(c, page)| Op::Look(c, page)),
        1 => vec(0..60_usize, CLIENTS).prop_map(Op::Restart),
        1 => Just(Op::TrimJournal),
        1 => Just(Op::NewEpoch),
    ];
    vec(op, 1..80)
}

/// How many histories: TRUNKLINE_CASES, else 400.
fn cases() -> u32 {
    std::env::var("TRUNKLINE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Whatever is cut and wherever, sockets or the process, and however tokens and subscriptions change: each stream is
    /// the filtered log without gap, duplicate, disorder or anything unauthorised, what leaves a
    /// client's sight is said to be gone, and a resumed stream equals one that was never cut.
    #[test]
    fn every_stream_is_the_filtered_log(
        ops in ops(),
        clients in vec(client(), CLIENTS),
        ring in 1_usize..60_000,
        cut in 0_usize..20,
        keep in 0_usize..20,
    ) {
        let limits = HubLimits {
            ring_bytes_max: ring,
            live_cut_calls_max: cut,
            keep_max: keep,
            step_frames_max: 5,
            step_bytes_max: 4000,
            ..HubLimits::default()
        };
        let mut world = World::new(limits, clients);
        for op in ops {
            match op {
                Op::Commit(specs) => world.commit(&specs),
                Op::Connect(at) => world.connect(at),
                Op::Disconnect(at, keep) => world.disconnect(at, keep),
                Op::Step(at) => world.step(at),
                Op::Change(at, wish) => world.change(at, &wish),
                Op::Flush(all) => world.flush(all),
                Op::Look(at, page) => world.look(at, page),
                Op::Restart(keeps) => world.restart(&keeps),
                Op::NewEpoch => world.new_epoch(),
                Op::TrimJournal => world.journal_from = world.log.head() / 2,
            }
            world.check();
        }
        for at in 0..world.clients.len() {
            world.connect(at);
            for _ in 0..1000 {
                world.step(at);
            }
            prop_assert!(world.clients[at].phase == Phase::Live);
        }
        world.commit(&[(0, 0), (0, 1), (3, 2), (5, 77), (12, 1), (14, 0), (9, 0), (10, 2)]);
        world.check();
        world.flush(true);
        for at in 0..world.clients.len() {
            world.disconnect(at, usize::MAX);
        }
        prop_assert!(world.hub.is_deserted());
    }
}

fn own() -> (Principal, Vec<SubRequest>) {
    let (role, devices) = (Role::Agent, vec!["d0".to_owned()]);
    let (agent, teams) = (String::new(), Vec::new());
    let who = Principal { user: "v".into(), role, devices, agent, teams };
    (who, vec![sub_of(0, "calls:own", "", &[])])
}

#[test]
fn a_hole_is_named_and_nothing_after_it_is_applied() {
    let mut world = World::new(HubLimits::default(), vec![own()]);
    let events: Vec<_> = (0..5).map(|n| world.log.push(0, n)).collect();
    let batch = |events: &[Event]| Committed { epoch: epoch(0), events: events.into() };
    let hole = world.hub.apply(&batch(&events[2..]), &mut Vec::new());
    assert_eq!(hole, Err(HubError::Gap { expected: Pos(21), got: Pos(23) }));
    assert_eq!(world.hub.head(), Pos(20));
    world.hub.apply(&batch(&events), &mut Vec::new()).unwrap();
    assert_eq!(world.hub.head(), Pos(25));
}

/// The screen was not ready when the figures changed, and then its token was renewed.
#[test]
fn figures_that_are_owed_outlive_a_change_of_token() {
    let (who, _) = own();
    let screen = Principal { agent: "a1".into(), ..who };
    let supervisor = Principal { role: Role::Supervisor, ..screen.clone() };
    let client = (screen, vec![sub_of(0, "queue:q1", "aggregate", &[])]);
    let mut world = World::new(HubLimits::default(), vec![client.clone(), client]);
    (0..2).for_each(|at| world.connect(at));
    (0..=u8::MAX).for_each(|pick| world.commit(&[(12, pick)]));
    world.flush(false);
    (0..2).for_each(|at| world.change(at, &Wish::Refresh(supervisor.clone())));
    world.flush(true);
}

#[test]
fn the_ring_stays_within_bytes_and_age() {
    let limits = HubLimits { ring_bytes_max: 50_000, ring_ms_max: 10, ..HubLimits::default() };
    let (who, _) = own();
    let who = Principal { role: Role::Service, ..who };
    let mut world = World::new(limits, vec![(who, vec![sub_of(0, "site:calls", "", &[])])]);
    world.connect(0);
    for _ in 0..50 {
        world.commit(&[(0, 0), (4, 0), (12, 1)]);
        let sizes = world.hub.sizes();
        assert!(sizes.ring_bytes <= 50_000 && sizes.ring_events <= 11, "{sizes:?}");
    }
    assert_eq!(world.hub.sizes().ring_events, 11, "one event a millisecond, both ends included");
    world.disconnect(0, 0);
    assert_eq!(world.hub.sizes().slots, 0);
}

/// Four readers of one view, the last two in protobuf.
#[test]
fn an_event_is_written_once_for_each_form_that_is_there() {
    let (who, _) = own();
    let who = Principal { role: Role::Service, ..who };
    let client = (who, vec![sub_of(0, "site:calls", "", &[])]);
    let mut world = World::new(HubLimits::default(), vec![client; 4]);
    let bytes = |world: &World, at: usize| world.clients[at].got.last().unwrap().bytes.clone();
    let grown = |readers: &[usize], world: &mut World| {
        readers.iter().for_each(|at| world.connect(*at));
        let before = world.hub.sizes().ring_bytes;
        world.commit(&[(0, 0)]);
        world.hub.sizes().ring_bytes - before
    };
    let json_alone = grown(&[0, 1], &mut world);
    assert_eq!(bytes(&world, 0).as_ptr(), bytes(&world, 1).as_ptr());
    let both = grown(&[2, 3], &mut world);
    assert_eq!(bytes(&world, 0).as_ptr(), bytes(&world, 1).as_ptr());
    assert_eq!(bytes(&world, 2).as_ptr(), bytes(&world, 3).as_ptr());
    // The two events are of calls that differ in nothing but their numbers.
    let protobuf = bytes(&world, 2).len();
    assert!(both.abs_diff(json_alone + protobuf) < 16, "{both}, {json_alone} and {protobuf}");
}

#[test]
fn a_resume_ahead_of_the_log_or_of_another_scope_is_a_snapshot() {
    let (who, subs) = own();
    let mut world = World::new(HubLimits::default(), Vec::new());
    let scope = world.hub.subscribe(&who, &subs, None, Codec::Json).interest.scope();
    let mut why = |point: &ResumePoint| match world
        .hub
        .subscribe(&who, &subs, Some(point), Codec::Json)
        .start
    {
        Start::Snapshot(cut) => cut.why,
        Start::Replay(_) | Start::Journal { .. } => Why::Ok,
    };
    assert_eq!(why(&at(21, "")), Why::Ahead);
    assert_eq!(why(&at(20, "other")), Why::Scope);
    assert_eq!(why(&at(20, &scope)), Why::Ok);
    assert_eq!(why(&at(20, "")), Why::Ok);
}
