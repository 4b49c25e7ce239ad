//! Stories as text: what arrives, and what the log says.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::{
    Call, CallId, Channel, ConnectionState, Dialog, Direction, EventKind, IdSource, LegId, LegRole,
    Moment, Mono, Named, Now, NumberRef, Party, Pii, Repair, Transfer, Transferred, Wall,
};
use proptest::prelude::*;

fn at(ms: u64) -> Now {
    let wall = Wall(1_795_000_000_000_000 + i64::try_from(ms * 1000).unwrap());
    Now { mono: Mono(ms * 1_000_000), wall }
}

fn party(raw: &str) -> Party {
    Party {
        e164: None,
        raw: Pii::new(raw.to_owned()),
        display: None,
        masked: raw.to_owned(),
        number_ref: NumberRef([0; 16]),
    }
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

fn start(direction: Direction) -> CallMachine {
    CallMachine::start(&settings(), invite(direction, at(0)), at(0))
}

fn invite(direction: Direction, at: Now) -> Start {
    Start {
        id: CallId(IdSource::new(1).uuid(at)),
        direction,
        purpose: None,
        from: party("1").into(),
        to: party("2").into(),
        dialed: party("2").into(),
        device: "8001".into(),
        trunk: if direction == Direction::Inbound { "main".into() } else { "".into() },
        dialog: Dialog { call_id: "c@h".into(), caller_tag: "a".into(), callee_tag: String::new() },
        replaces: None,
        signalling: None,
        arrival: at,
    }
}

/// An agent's phone was called for a desk, rang after 1 s and answered after 3.
fn dialled() -> (CallMachine, Vec<Fact>) {
    let moment = |ms| Moment::own(at(ms));
    let start = SeenStart {
        id: CallId(IdSource::new(7).uuid(at(0))),
        direction: Direction::Outbound,
        from: party("8001").into(),
        to: party("2").into(),
        device: "8001".into(),
        trunk: "".into(),
        leg: NewLeg {
            role: LegRole::Agent,
            device: "8001".into(),
            agent: None,
            channel: Some(Channel { pbx: "pbx".into(), id: "c1".into() }),
            sip_call_id: None,
            asked: true,
            pop: None,
        },
        at: moment(0),
    };
    let (mut machine, mut facts) = (CallMachine::start_seen(&settings(), start), Vec::new());
    machine.leg(moment(1000), LegId(1), LegInput::Ringing, &mut facts);
    machine.leg(moment(3000), LegId(1), LegInput::Answered, &mut facts);
    (machine, facts)
}

/// The phone's call and the customer's INVITE are one call, whose figures are the customer's.
#[test]
fn a_call_that_a_desk_dials_goes_on_as_its_invite() {
    let table = "
        4100 requested, 4150 forwarded, 5000 180, 7000 200, 9000 caller bye | outbound.requested:1 originated:1 delivered:2 established:2 connection_cleared:1 connection_cleared:2 cleared:1 | 2000 1 7000 2000 - agent normalClearing
        4100 requested, 4150 denied | outbound.requested:1 failed:1 connection_cleared:1 cleared:1 | - - 4150 - - system policy_denied
        4150 forwarded, 5000 486 | originated:1 failed:2 connection_cleared:2 connection_cleared:1 cleared:1 | - - 5000 - - customer busy
        4150 forwarded, 5000 180, 6000 cancel, 6001 487 | originated:1 delivered:2 connection_cleared:1 connection_cleared:2 cleared:1 | 1000 1 6000 - - agent callCancelled
    ";
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let [story, told, figured] = row.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        let (mut machine, before) = dialled();
        let kinds: Vec<&str> = before.iter().map(|f| short(f.kind)).collect();
        assert_eq!(kinds, ["originated", "delivered"]);
        assert!(machine.awaits_invite());
        let id = machine.call().id;
        machine.goes_out(invite(Direction::Outbound, at(4000)), at(4000));
        assert!(!machine.awaits_invite(), "an INVITE has come");
        let facts = tell(&mut machine, story);
        let leg = |f: &Fact| f.detail.leg.map_or(1, |leg| leg.0);
        let short = |f: &Fact| f.kind.name().trim_start_matches("call.").to_owned();
        let said: Vec<String> = facts.iter().map(|f| format!("{}:{}", short(f), leg(f))).collect();
        assert_eq!(said.join(" "), told, "{story}");
        let call = machine.call();
        assert_eq!((call.id, figures(call).as_str()), (id, figured), "{story}");
        assert_eq!(call.legs[0].alerting.map(|m| m.pbx_time), Some(at(1000).wall), "its own ring");
        assert!(call.legs.iter().all(|leg| leg.ended.is_some()), "{story}");
    }
}

/// Reads one step of a story: `MS WHAT`.
fn input(step: &str) -> (Now, CallInput) {
    let (ms, what) = step.trim().split_once(' ').unwrap();
    let now = at(ms.parse().unwrap());
    let arrival = now;
    let (who, what) = match what.split_once(' ') {
        Some(("caller", rest)) => (Party2::Caller, rest),
        Some(("callee", rest)) => (Party2::Callee, rest),
        _ => (Party2::Caller, what),
    };
    let q850 = what
        .split_once('/')
        .map(|(_, cause)| ReasonText { q850: Some(cause.parse().unwrap()), text: String::new() });
    let word = what.split('/').next().unwrap();
    let input = match word {
        "requested" => CallInput::Requested,
        "forwarded" => CallInput::Forwarded { line: "line".into() },
        "183sdp" => CallInput::Provisional { status: 183, sdp: true, arrival },
        "cancel" => CallInput::CancelRequested { reason: q850, arrival },
        "bye" => CallInput::Bye { by: who, reason: q850, arrival },
        "hold" => CallInput::MediaAgreed { by: who, hold: true, arrival },
        "retrieve" => CallInput::MediaAgreed { by: who, hold: false, arrival },
        "transfer" => {
            let transfer = Transferred { kind: Transfer::Blind, to_call: None };
            CallInput::Transferred { by: who, transfer, arrival }
        }
        "seen" => CallInput::Seen { callee_tag: "b".into() },
        "denied" => CallInput::Denied { status: 403, text: "night".into() },
        "stale" => CallInput::Stale,
        "local408" => CallInput::Rejected {
            status: 408,
            phrase: "Request Timeout".into(),
            reason: None,
            local: true,
            arrival,
        },
        status => match status.parse::<u16>().unwrap() {
            status @ ..200 => CallInput::Provisional { status, sdp: false, arrival },
            status @ 200..300 => CallInput::Answered { tag: "b".into(), status, arrival },
            status => CallInput::Rejected {
                status,
                phrase: "phrase".into(),
                reason: q850,
                local: false,
                arrival,
            },
        },
    };
    (now, input)
}

fn short(kind: EventKind) -> &'static str {
    kind.name().rsplit('.').next().unwrap()
}

fn tell(machine: &mut CallMachine, story: &str) -> Vec<Fact> {
    let mut facts = Vec::new();
    for step in story.split(',') {
        let (now, input) = input(step);
        machine.handle(now, input, &mut facts);
    }
    facts
}

fn figures(call: &Call) -> String {
    let ms = |v: Option<u32>| v.map_or("-".to_owned(), |v| v.to_string());
    format!(
        "{} {} {} {} {} {} {}",
        ms(call.ring_ms),
        call.rings.map_or("-".to_owned(), |r| r.to_string()),
        ms(call.wait_ms),
        ms(call.talk_ms),
        ms(call.hold_ms),
        call.released_by.map_or("-", Named::name),
        call.cause.as_ref().map_or("-", |c| c.csta.name()),
    )
}

/// A row: direction | story | events | ring rings wait talk hold released_by cause.
fn check(table: &str) {
    for row in table.lines().map(str::trim).filter(|r| !r.is_empty() && !r.starts_with('#')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [direction, story, events, expected] = cells[..] else { panic!("{row}") };
        let mut machine = start(Direction::parse_name(direction).unwrap());
        let facts = tell(&mut machine, story);
        let kinds: Vec<&str> = facts.iter().map(|f| short(f.kind)).collect();
        assert_eq!(kinds.join(" "), events, "{row}");
        assert_eq!(figures(machine.call()), expected, "{row}");
    }
}

#[test]
fn stories_of_calls() {
    check("
    # answered, either side hangs up
    inbound | 1 forwarded, 100 180, 6200 200, 9200 caller bye | originated delivered established connection_cleared connection_cleared cleared | 6100 2 6200 3000 - customer normalClearing
    inbound | 1 forwarded, 100 180, 6200 200, 9200 callee bye/16 | originated delivered established connection_cleared connection_cleared cleared | 6100 2 6200 3000 - agent normalClearing
    # no ring was seen: no ring time
    inbound | 1 forwarded, 200 200, 700 caller bye | originated established connection_cleared connection_cleared cleared | - - 200 500 - customer normalClearing
    # retransmissions and forks change nothing
    inbound | 1 forwarded, 100 180, 150 180, 200 180, 900 200, 950 200, 960 180, 1900 caller bye, 1950 caller bye | originated delivered established connection_cleared connection_cleared cleared | 800 1 900 1000 - customer normalClearing
    # 183 with media, then 180, then the answer: one ring
    outbound | 1 forwarded, 50 183sdp, 60 183sdp, 100 180, 5100 200, 5200 caller bye | originated network_reached delivered established connection_cleared connection_cleared cleared | 5000 1 5100 100 - agent normalClearing
    # given up; abandoned is said of customers
    inbound | 1 forwarded, 100 180, 15101 cancel, 15110 487 | originated delivered abandoned connection_cleared connection_cleared cleared | 15001 4 15101 - - customer callCancelled
    outbound | 1 forwarded, 100 180, 5000 cancel/127, 5010 487 | originated delivered connection_cleared connection_cleared cleared | 4900 1 5000 - - agent callCancelled
    # given up while the gate thinks: nobody was asked
    outbound | 0 requested, 100 cancel, 101 487 | requested connection_cleared cleared | - - 100 - - agent callCancelled
    # the answer crosses the CANCEL: it was an answered call
    inbound | 1 forwarded, 100 180, 500 cancel, 505 200, 520 caller bye | originated delivered established connection_cleared connection_cleared cleared | 405 1 505 15 - customer normalClearing
    # refused
    inbound | 1 forwarded, 100 486 | originated failed connection_cleared connection_cleared cleared | - - 100 - - agent busy
    outbound | 1 forwarded, 100 486 | originated failed connection_cleared connection_cleared cleared | - - 100 - - customer busy
    outbound | 1 forwarded, 100 404/1 | originated failed connection_cleared connection_cleared cleared | - - 100 - - network numberUnallocated
    outbound | 1 forwarded, 100 180, 700 480/19 | originated delivered failed connection_cleared connection_cleared cleared | 600 1 700 - - customer callNotAnswered
    outbound | 1 forwarded, 100 503/34 | originated failed connection_cleared connection_cleared cleared | - - 100 - - network trunksBusy
    outbound | 1 forwarded, 9000 local408 | originated failed connection_cleared connection_cleared cleared | - - 9000 - - network timeout
    # a second line is tried: still one call
    outbound | 1 forwarded, 4001 forwarded, 4100 180, 5100 200, 6100 callee bye | originated delivered established connection_cleared connection_cleared cleared | 1000 1 5100 1000 - customer normalClearing
    # the gate
    outbound | 0 requested, 1 denied | requested failed connection_cleared cleared | - - 1 - - system policy_denied
    # holds: two by the agent's side, one inside the other side's
    inbound | 1 forwarded, 100 200, 1000 callee hold, 1500 callee hold, 2000 callee retrieve, 3000 callee hold, 3100 caller hold, 4000 callee retrieve, 4100 caller retrieve, 5100 caller bye | originated established held retrieved held held retrieved retrieved connection_cleared connection_cleared cleared | - - 100 5000 2100 customer normalClearing
    inbound | 1 forwarded, 100 200, 1000 callee hold, 3100 caller bye | originated established held connection_cleared connection_cleared cleared | - - 100 3000 2100 customer normalClearing
    # waits in a queue, rings elsewhere
    inbound | 1 forwarded, 50 182, 60 182, 100 180, 150 181, 6200 200, 6300 182, 9200 caller bye | originated queued delivered diverted established connection_cleared connection_cleared cleared | 6100 2 6200 3000 - customer normalClearing
    # transferred: told once, the BYE is part of it; a Reason of the network says more
    inbound | 1 forwarded, 5 callee transfer, 100 200, 1000 callee transfer, 1001 callee transfer, 1100 callee bye | originated established transferred connection_cleared connection_cleared cleared | - - 100 1000 - agent transfer
    inbound | 1 forwarded, 100 200, 1000 callee transfer, 1100 callee bye/41 | originated established transferred connection_cleared connection_cleared cleared | - - 100 1000 - agent networkCongestion
    # out of order: nothing is invented
    inbound | 1 caller bye, 2 callee hold, 3 seen, 4 forwarded, 5 seen, 6 180 | originated delivered | - - - - - - -
    inbound | 1 forwarded, 5 stale, 6 200, 7 caller bye | originated connection_cleared connection_cleared cleared | - - - - - system lost_sync
    # early media changes direction before the answer: nobody was held
    inbound | 1 forwarded, 50 183sdp, 60 caller hold, 100 200, 200 caller bye | originated network_reached established connection_cleared connection_cleared cleared | - - 100 100 - customer normalClearing
    ");
}

#[test]
fn a_missed_answer_is_learnt_after_a_restart_and_marked() {
    let mut before = start(Direction::Inbound);
    tell(&mut before, "1 forwarded, 100 180");
    let mut machine = CallMachine::restore(&settings(), before.call().clone());
    let facts = tell(&mut machine, "60000 seen, 60000 caller bye");
    let told: Vec<_> = facts.iter().map(|f| (short(f.kind), f.detail.repair)).collect();
    assert_eq!(
        told,
        [
            ("established", Some(Repair::MissedAnswerLearnt)),
            ("connection_cleared", None),
            ("connection_cleared", None),
            ("cleared", None)
        ]
    );
    assert_eq!(machine.call().talk_ms, None, "the answer was not observed");
    assert_eq!(machine.call().dialog.callee_tag, "b");
}

#[test]
fn a_restored_call_says_so_once() {
    let mut before = start(Direction::Inbound);
    tell(&mut before, "1 forwarded, 100 180, 200 200");
    let mut machine = CallMachine::restore(&settings(), before.call().clone());
    let facts = tell(&mut machine, "5000 callee hold, 6000 callee retrieve, 7200 callee bye");
    let repairs: Vec<_> = facts.iter().map(|f| f.detail.repair).collect();
    assert_eq!(repairs, [Some(Repair::KnownAgain), None, None, None, None]);
    assert_eq!((machine.call().talk_ms, machine.call().hold_ms), (Some(7000), Some(1000)));
}

fn steps() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        Just("requested"),
        Just("forwarded"),
        Just("180"),
        Just("183sdp"),
        Just("200"),
        Just("cancel"),
        Just("487"),
        Just("486"),
        Just("caller bye"),
        Just("callee bye"),
        Just("caller hold"),
        Just("callee hold"),
        Just("caller retrieve"),
        Just("denied"),
        Just("callee retrieve"),
        Just("seen"),
        Just("stale"),
        Just("local408"),
    ];
    prop::collection::vec(what, 1..25).prop_map(|all| {
        let steps = all.iter().enumerate().map(|(i, s)| format!("{} {s}", (i + 1) * 10));
        steps.collect::<Vec<_>>().join(",")
    })
}

proptest! {
    /// Whatever arrives in whatever order: one ring, one answer, one end a leg, and the end last.
    #[test]
    fn every_history_keeps_the_invariants(story in steps(), restored in any::<bool>()) {
        let mut machine = start(Direction::Inbound);
        let mut facts = tell(&mut machine, "1 forwarded");
        if restored {
            machine = CallMachine::restore(&settings(), machine.call().clone());
        }
        facts.extend(tell(&mut machine, &story));
        let count = |kind| facts.iter().filter(|f| f.kind == kind).count();
        prop_assert!(count(EventKind::CallDelivered) <= 1);
        prop_assert!(count(EventKind::CallEstablished) <= 1);
        prop_assert!(count(EventKind::CallAbandoned) + count(EventKind::CallFailed) <= 1);
        let ended = count(EventKind::CallCleared);
        prop_assert!(ended <= 1);
        prop_assert_eq!(count(EventKind::CallConnectionCleared), 2 * ended);
        prop_assert_eq!(machine.is_over(), ended == 1);
        if ended == 1 {
            prop_assert_eq!(facts.last().unwrap().kind, EventKind::CallCleared);
            let call = machine.call();
            prop_assert!(call.legs.iter().all(|l| l.state == ConnectionState::Null));
            prop_assert!(call.ended.is_some() && call.cause.is_some());
        }
        let revs: Vec<u64> = facts.iter().map(|f| f.call.rev).collect();
        prop_assert!(revs.windows(2).all(|w| w[1] == w[0] + 1));
        if let (Some(ring), Some(answer)) = (&machine.call().alerting, &machine.call().answered) {
            prop_assert!(answer.pbx_time >= ring.pbx_time);
        }
    }
}
