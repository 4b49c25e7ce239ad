//! Stories of legs that control links show, as text: what a link says, and what the log says.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::{
    Call, CallId, Channel, ConnectionState, Direction, EventKind, IdSource, LegId, LegRole, Moment,
    Mono, Named, Now, NumberRef, Party, Pii, ServiceBasis, TimeQuality, Transfer, Transferred,
    Wall,
};
use proptest::prelude::*;
use std::collections::HashMap;

fn at(ms: u64) -> Moment {
    let wall = Wall(1_795_000_000_000_000 + i64::try_from(ms * 1000).unwrap());
    Moment { pbx_time: wall, observed_at: wall, quality: TimeQuality::Pbx }
}

fn party() -> Party {
    let raw = Pii::new("1".to_owned());
    Party { e164: None, raw, display: None, masked: "1".into(), number_ref: NumberRef([0; 16]) }
}

fn settings() -> Settings {
    Settings {
        tenant: "t".into(),
        site: "s".into(),
        ring_period_ms: 5000,
        answer_norm_ms: 15_000,
        people: Default::default(),
    }
}

fn new_leg(role: LegRole, device: &str) -> NewLeg {
    let channel = Channel { pbx: "pbx".into(), id: device.into() };
    let asked = role != LegRole::Customer;
    NewLeg {
        role,
        device: device.into(),
        agent: None,
        channel: Some(channel),
        sip_call_id: None,
        asked,
        pop: None,
    }
}

/// A customer has called.
fn inbound() -> CallMachine {
    let start = SeenStart {
        id: CallId(IdSource::new(1).uuid(Now { mono: Mono(0), wall: at(0).pbx_time })),
        direction: Direction::Inbound,
        from: party().into(),
        to: party().into(),
        device: "8000".into(),
        trunk: "carrier".into(),
        leg: new_leg(LegRole::Customer, "carrier"),
        at: at(0),
    };
    CallMachine::start_seen(&settings(), start)
}

fn end(word: &str) -> LegEnd {
    let (by, q850, sip_status) = match word {
        "bye" => (Ender::Party, Some(16), None),
        "cancel" => (Ender::Party, Some(127), Some(487)),
        "busy" => (Ender::Party, Some(17), Some(486)),
        "unreachable" => (Ender::Switch, Some(20), None),
        "timeout" => (Ender::Switch, Some(19), None),
        "lost" => (Ender::Unknown, None, None),
        "gone" => (Ender::Switch, None, None),
        other => panic!("{other}"),
    };
    LegEnd { by, q850, sip_status, text: String::new(), lost: word == "lost" }
}

/// Takes one step of a story: `MS LEG WHAT`, or `MS offer DEVICE`.
fn step(machine: &mut CallMachine, step: &str, out: &mut Vec<Fact>) {
    let words: Vec<&str> = step.split_whitespace().collect();
    let now = at(words[0].parse().unwrap());
    match words[1] {
        "offer" => {
            let role = if words[2] == "out" { LegRole::External } else { LegRole::Agent };
            machine.add_leg(now, new_leg(role, words[2]), out);
        }
        "settle" => machine.settle(now.pbx_time, out),
        leg => {
            let input = match words[2] {
                "progress" => LegInput::Progress,
                "rings" => LegInput::Ringing,
                "answers" => LegInput::Answered,
                "talks" => LegInput::Talks,
                "holds" => LegInput::Held,
                "retrieves" => LegInput::Retrieved,
                "waits" => LegInput::Queued("q".into()),
                "leaves-queue" => LegInput::Dequeued,
                "missed" => LegInput::Missed,
                "key" => LegInput::Dtmf('7'),
                "value" => LegInput::Data { key: "k".into(), value: Pii::new("v".into()) },
                "sends-on" => {
                    let transfer = Transferred { kind: Transfer::Blind, to_call: None };
                    LegInput::Transferred(transfer)
                }
                "conference" => LegInput::Conferenced,
                "moves" => LegInput::Moved,
                word => LegInput::Ended(end(word)),
            };
            machine.leg(now, LegId(leg.parse().unwrap()), input, out);
        }
    }
}

fn tell(story: &str) -> (CallMachine, Vec<Fact>) {
    let (mut machine, mut facts) = (inbound(), Vec::new());
    for line in story.split(',') {
        step(&mut machine, line.trim(), &mut facts);
    }
    (machine, facts)
}

fn lines(facts: &[Fact]) -> String {
    let line = |fact: &Fact| {
        let kind = fact.kind.name().rsplit('.').next().unwrap();
        let leg = fact.detail.leg.map(|l| l.to_string()).unwrap_or_default();
        let cause = fact.detail.leg.and_then(|id| fact.call.leg(id)?.cause.clone());
        match (fact.kind, cause) {
            (EventKind::CallConnectionCleared, Some(cause)) => {
                format!("{kind}{leg}:{}", cause.csta.name())
            }
            (EventKind::CallCleared, _) => {
                format!("{kind}:{}", fact.call.released_by.map_or("-", Named::name))
            }
            _ => format!("{kind}{leg}"),
        }
    };
    facts.iter().map(line).collect::<Vec<_>>().join(" ")
}

fn check(table: &str) {
    for row in table.lines().map(str::trim).filter(|r| !r.is_empty() && !r.starts_with('#')) {
        let (story, told) = row.split_once('|').unwrap();
        assert_eq!(lines(&tell(story).1), told.trim(), "{story}");
    }
}

#[test]
fn stories_of_one_agent() {
    check(
        "
        # nobody was asked yet
        0 1 progress | 
        0 1 bye | originated1 abandoned1 connection_cleared1:callCancelled cleared:customer
        # answered; what is told twice or late changes nothing
        10 offer a, 20 2 rings, 25 2 rings, 30 2 answers, 31 2 talks, 32 2 talks, 33 2 rings, 40 2 bye, 41 2 bye, 42 1 gone, 43 1 bye | originated1 delivered2 established2 connection_cleared2:normalClearing connection_cleared1:normalClearing cleared:agent
        # the PBX clears the agent before it says that the customer hung up
        10 offer a, 20 2 rings, 30 2 answers, 31 2 talks, 40 2 gone, 41 1 bye | originated1 delivered2 established2 connection_cleared1:normalClearing connection_cleared2:normalClearing cleared:customer
        10 offer a, 20 2 rings, 40 2 gone, 41 1 cancel | originated1 delivered2 abandoned1 connection_cleared1:callCancelled connection_cleared2:callCancelled cleared:customer
        # nobody hangs up
        10 offer a, 20 2 rings, 40 2 gone, 41 1 gone | originated1 delivered2 connection_cleared2:callNotAnswered connection_cleared1:callNotAnswered cleared:network
        10 offer a, 20 2 rings, 40 2 timeout, 41 1 gone | originated1 delivered2 connection_cleared2:callNotAnswered connection_cleared1:callNotAnswered cleared:network
        # refused
        10 offer a, 20 2 busy, 21 1 gone | originated1 failed2 connection_cleared2:busy connection_cleared1:busy cleared:agent
        10 offer a, 20 2 unreachable, 21 1 gone | originated1 failed2 connection_cleared2:destNotObtainable connection_cleared1:destNotObtainable cleared:network
        # answered, but never heard anybody
        10 offer a, 20 2 answers, 30 1 cancel, 31 2 gone | originated1 connection_cleared1:callCancelled connection_cleared2:callCancelled cleared:customer
        # lost: each says so
        10 offer a, 20 2 answers, 21 2 talks, 30 1 lost, 31 2 lost | originated1 established2 connection_cleared1:lost_sync connection_cleared2:lost_sync cleared:system
        ",
    );
}

#[test]
fn stories_of_queues_and_transfers() {
    check(
        "
        # the queue answers; the first rings out, the second takes it; the customer waited
        5 1 answers, 6 1 waits, 7 1 waits, 10 offer a, 20 2 rings, 30 2 gone, 31 1 missed, 40 offer b, 41 3 rings, 50 3 answers, 51 1 leaves-queue, 52 3 talks, 60 1 bye, 61 3 gone | originated1 established1 queued1 delivered2 connection_cleared2:callNotAnswered delivered3 established3 connection_cleared1:normalClearing connection_cleared3:normalClearing cleared:customer
        # rings out without a word: the next offer explains it
        5 1 answers, 10 offer a, 20 2 rings, 30 2 gone, 40 offer b | originated1 established1 delivered2 connection_cleared2:callNotAnswered
        # or nothing does, and the grace ends
        5 1 answers, 10 offer a, 20 2 rings, 30 2 gone, 40 settle | originated1 established1 delivered2 connection_cleared2:callNotAnswered
        5 1 answers, 10 offer a, 20 2 rings, 30 2 gone, 29 settle | originated1 established1 delivered2
        # all ring, one takes it: the other was given up
        5 1 answers, 10 offer a, 11 offer b, 20 2 rings, 21 3 rings, 30 2 gone, 31 3 answers, 32 3 talks | originated1 established1 delivered2 delivered3 established3 connection_cleared2:callCancelled
        # waiting is not answered
        5 1 answers, 6 1 waits, 20 1 bye | originated1 established1 queued1 abandoned1 connection_cleared1:normalClearing cleared:customer
        # sent on: the leaver's end may come before or after the word
        10 offer a, 20 2 answers, 21 2 talks, 30 2 sends-on, 31 2 sends-on, 32 2 bye, 40 offer b, 41 3 answers, 42 3 talks, 50 3 bye, 51 1 gone | originated1 established2 transferred2 connection_cleared2:transfer established3 connection_cleared3:normalClearing connection_cleared1:normalClearing cleared:agent
        10 offer a, 20 2 answers, 21 2 talks, 30 2 gone, 31 2 sends-on, 40 1 bye | originated1 established2 transferred2 connection_cleared2:transfer connection_cleared1:normalClearing cleared:customer
        # holds count where a party talks, and are undone only by a retrieve
        10 offer a, 15 2 holds, 20 2 answers, 21 2 talks, 22 2 retrieves, 23 2 holds, 24 2 holds, 25 2 retrieves | originated1 established2 held2 retrieved2
        5 1 answers, 10 1 key, 11 1 value, 12 1 value | originated1 established1 dtmf1 data_updated1
        # its party goes on in another call
        5 1 answers, 10 1 moves | originated1 established1 connection_cleared1:transfer cleared:customer
        ",
    );
}

#[test]
fn an_agents_answer_counts() {
    let call = |story: &str| tell(story).0.call().clone();
    let figures =
        |call: &Call| (call.wait_ms, call.ring_ms, call.rings, call.talk_ms, call.answered_in_time);
    let served = call(
        "500 1 answers, 600 1 waits, 1000 offer a, 2000 2 rings, 9000 2 answers, 9100 2 talks, \
         9500 2 holds, 9900 2 retrieves, 12000 2 bye, 12001 1 gone",
    );
    let in_time = (Some(9000), Some(7000), Some(2), Some(3000), Some(true));
    assert_eq!(figures(&served), in_time);
    assert_eq!((served.hold_ms, served.service_basis), (Some(400), ServiceBasis::Agent));
    let on_the_dot = "0 offer a, 0 2 rings, 15000 2 answers, 15000 2 talks";
    let late = "0 offer a, 0 2 rings, 15001 2 answers, 15001 2 talks";
    assert_eq!(call(on_the_dot).answered_in_time, Some(true));
    assert_eq!(call(late).answered_in_time, Some(false));
    let rang_long = call("0 offer a, 0 2 rings, 20000 1 cancel, 20001 2 gone");
    assert_eq!(rang_long.answered_in_time, Some(false));
    let gave_up = call("0 offer a, 0 2 rings, 2000 1 cancel, 2001 2 gone");
    assert_eq!((gave_up.answered_in_time, gave_up.ring_ms), (None, Some(2000)));
    let unseen = call("0 offer a, 9000 2 answers, 9000 2 talks");
    assert_eq!((unseen.answered_in_time, unseen.ring_ms), (None, None), "no ring was seen");
}

#[test]
fn a_call_keeps_few_of_its_dead_legs() {
    let (mut machine, mut facts) = (inbound(), Vec::new());
    for n in 0..300u64 {
        let leg = (n + 2).min(255);
        for what in
            [format!("{n} offer a{n}"), format!("{n} {leg} rings"), format!("{n} {leg} timeout")]
        {
            step(&mut machine, &what, &mut facts);
        }
    }
    assert!(machine.call().legs.len() <= 17, "{}", machine.call().legs.len());
    assert_eq!(machine.call().legs[0].id, LegId(1));
    step(&mut machine, "900 1 bye", &mut facts);
    assert_eq!(facts.last().unwrap().kind, EventKind::CallCleared);
}

#[test]
fn values_have_limits() {
    let mut machine = inbound();
    let mut facts = Vec::new();
    let mut put = |key: String, value: String| {
        let value = Pii::new(value);
        machine.leg(at(0), LegId(1), LegInput::Data { key, value }, &mut facts);
        machine.call().data.len()
    };
    assert_eq!(put("k".repeat(65), "v".into()), 0);
    assert_eq!(put("k".into(), "v".repeat(1025)), 0);
    assert_eq!(put(String::new(), "v".into()), 0);
    for n in 0..40 {
        put(n.to_string(), "v".into());
    }
    assert_eq!(put("one more".into(), "v".into()), 32);
    assert_eq!(put("3".into(), "other".into()), 32);
}

const WORDS: [&str; 21] = [
    "progress",
    "rings",
    "answers",
    "talks",
    "holds",
    "retrieves",
    "waits",
    "leaves-queue",
    "missed",
    "key",
    "value",
    "sends-on",
    "conference",
    "moves",
    "bye",
    "cancel",
    "busy",
    "unreachable",
    "timeout",
    "gone",
    "lost",
];

proptest! {
    /// Whatever links say in whatever order: a leg rings and talks at most once, is cleared at
    /// most once and says nothing after; the call is cleared once, last, with all its legs.
    #[test]
    fn nothing_breaks_the_order(steps in prop::collection::vec((0..30usize, 1..6u8), 0..60)) {
        let (mut machine, mut facts) = (inbound(), Vec::new());
        for (n, (what, leg)) in steps.iter().enumerate() {
            let text = match WORDS.get(*what) {
                Some(word) => format!("{n} {leg} {word}"),
                None if *what < 27 => format!("{n} offer d{leg}"),
                None => format!("{n} settle"),
            };
            step(&mut machine, &text, &mut facts);
        }
        for leg in 1..=255u8 {
            step(&mut machine, &format!("100 {leg} bye"), &mut facts);
        }
        prop_assert!(machine.is_over());
        let mut once: HashMap<(EventKind, Option<LegId>), usize> = HashMap::new();
        let mut ended = Vec::new();
        for (n, fact) in facts.iter().enumerate() {
            prop_assert_eq!(fact.call.rev, n as u64 + 1);
            let leg = fact.detail.leg;
            prop_assert!(!ended.contains(&leg), "{} after the end", fact.kind.name());
            *once.entry((fact.kind, leg)).or_default() += 1;
            if fact.kind == EventKind::CallConnectionCleared {
                ended.push(leg);
            }
        }
        for ((kind, _), count) in &once {
            let single = matches!(
                kind,
                EventKind::CallOriginated | EventKind::CallDelivered | EventKind::CallEstablished
                    | EventKind::CallConnectionCleared | EventKind::CallCleared
                    | EventKind::CallAbandoned | EventKind::CallFailed | EventKind::CallTransferred
            );
            prop_assert!(!single || *count == 1, "{} {count} times", kind.name());
        }
        if let Some(first) = facts.first() {
            prop_assert_eq!(first.kind, EventKind::CallOriginated);
            prop_assert_eq!(facts.last().unwrap().kind, EventKind::CallCleared);
            prop_assert_eq!(once[&(EventKind::CallCleared, None)], 1);
        }
        let call = machine.call();
        prop_assert!(call.legs.iter().all(|l| l.ended.is_some()));
        prop_assert_eq!(call.state, ConnectionState::Null);
    }
}
