//! Shifts as text: what happens, and what others see.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::{
    Agent, AgentSettings, AgentState, CallId, ChangedBy, DeskPresence, EventKind, LegId, Mono,
    Named, Now, Wall, WorkMode,
};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

fn at(s: u64) -> Now {
    let wall = Wall(1_795_000_000_000_000 + i64::try_from(s * 1_000_000).unwrap());
    Now { mono: Mono(s * 1_000_000_000), wall }
}

fn settings() -> AgentSettings {
    AgentSettings {
        id: "alice".into(),
        name: "Alice".into(),
        team: "day".into(),
        skills: Vec::new(),
        device: "PJSIP/1001".into(),
        pbx: "pbx".into(),
        queues: vec!["support".into()],
    }
}

fn policy(name: &str) -> AgentPolicy {
    let after_call = match name {
        "none" | "guarded" => AfterCall::Nothing,
        "untimed" => AfterCall::Untimed,
        _ => AfterCall::Timed(Duration::from_secs(30)),
    };
    let no_answer = if name == "patient" { NoAnswer::Ready } else { NoAnswer::NotReady };
    let after_call_max = Duration::from_secs(100);
    let reasons = vec!["lunch".to_owned()];
    let legal_guard = Duration::from_secs(if name.contains("guarded") { 20 } else { 0 });
    let desk_lost = (name == "watched").then(|| Duration::from_secs(30));
    AgentPolicy { after_call, after_call_max, no_answer, legal_guard, desk_lost, reasons }
}

fn machine(name: &str, linked: bool) -> AgentMachine {
    AgentMachine::new(settings(), Arc::new(policy(name)), linked, at(0))
}

fn leg(text: &str) -> (CallId, LegId) {
    let (call, leg) = text.split_once('/').unwrap_or((text, "2"));
    let call = CallId(uuid::Uuid::from_u128(call.parse().unwrap()));
    (call, LegId(leg.parse().unwrap()))
}

/// Reads one step: `S WHAT [ARGUMENT]`.
fn input(step: &str) -> (Now, AgentInput) {
    use AgentInput as I;
    let mut words = step.split_whitespace();
    let now = at(words.next().unwrap().parse().unwrap());
    let (what, argument) = (words.next().unwrap(), words.next().unwrap_or_default());
    let by = ChangedBy::Agent;
    let member = |present, paused: &str| MemberView {
        present,
        paused: Some(paused.to_owned()).filter(|p| !p.is_empty()),
    };
    let input = match what {
        "login" => I::Login { by, mode: WorkMode::parse_name(argument), ready: false },
        "login_ready" => I::Login { by, mode: WorkMode::parse_name(argument), ready: true },
        "logout" => I::Logout { by },
        "ready" => I::Ready { by },
        "not_ready" => I::NotReady { by, reason: argument.to_owned() },
        "sent_away" => I::NotReady { by: ChangedBy::Supervisor, reason: argument.to_owned() },
        "wrap_up" => I::WrapUp { by, more: argument.parse().ok().map(Duration::from_secs) },
        "rings" => I::Rings(leg(argument).0, leg(argument).1),
        "dials" => I::Dials(leg(argument).0, leg(argument).1),
        "talks" => I::Talks(leg(argument).0, leg(argument).1),
        "gone" => I::Gone(leg(argument).0, leg(argument).1, Left::Other),
        "rang_out" => I::Gone(leg(argument).0, leg(argument).1, Left::NoAnswer),
        "link_lost" => I::LinkLost,
        "in_step" => I::InStep(None),
        "found" => I::InStep(Some(member(true, argument))),
        "found_out" => I::InStep(Some(member(false, ""))),
        "paused" => I::Member(member(true, argument)),
        "taken_out" => I::Member(member(false, "")),
        "desk" => I::Desk(DeskPresence::parse_name(argument).unwrap()),
        "tick" => I::Tick,
        other => panic!("{other}"),
    };
    (now, input)
}

fn tell(machine: &mut AgentMachine, story: &str) -> (Vec<AgentFact>, Vec<AgentRefusal>) {
    let (mut facts, mut refused) = (Vec::new(), Vec::new());
    for step in story.split(',').map(str::trim).filter(|s| !s.is_empty()) {
        let (now, input) = input(step);
        refused.extend(machine.handle(now, input, &mut facts).err());
    }
    (facts, refused)
}

fn short(kind: EventKind) -> &'static str {
    kind.name().strip_prefix("agent.").unwrap()
}

fn shown(agent: &Agent, wish: &Wish) -> String {
    let pending = agent.pending_state.map_or("-", Named::name);
    let reason = if agent.reason.is_empty() { "-" } else { &agent.reason };
    let wish = match (wish.present, wish.paused.is_some()) {
        (false, _) => "out",
        (true, true) => "paused",
        (true, false) => "in",
    };
    let (state, by) = (agent.state.name(), agent.changed_by.name());
    format!("{state} {pending} {reason} {} {by} {wish}", agent.work_mode.name())
}

/// A row: policy | story | events | state pending reason mode changed_by wish.
fn check(table: &str) {
    for row in table.lines().map(str::trim).filter(|r| !r.is_empty() && !r.starts_with('#')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [policy, story, events, expected] = cells[..] else { panic!("{row}") };
        let mut machine = machine(policy, false);
        let (facts, _) = tell(&mut machine, story);
        let kinds: Vec<&str> = facts.iter().map(|f| short(f.kind)).collect();
        assert_eq!(kinds.join(" "), events, "{row}");
        assert_eq!(shown(machine.agent(), &machine.wish()), expected, "{row}");
    }
}

#[test]
fn shifts_of_agents() {
    check("
    # at work and away again
    timed | 1 login | logged_on | not_ready - login aux_work agent paused
    timed | 1 login_ready | logged_on ready | ready - - auto_in agent in
    timed | 1 login_ready, 2 login | logged_on ready | ready - - auto_in agent in
    timed | 1 login_ready, 2 not_ready lunch, 3 not_ready lunch | logged_on ready not_ready | not_ready - lunch aux_work agent paused
    timed | 1 login_ready, 2 not_ready sulking | logged_on ready | ready - - auto_in agent in
    timed | 1 login_ready, 2 sent_away training | logged_on ready not_ready | not_ready - training aux_work supervisor paused
    timed | 1 login_ready, 2 logout, 3 logout | logged_on ready logged_off | logged_out - - aux_work agent out
    timed | 1 ready, 2 not_ready lunch, 3 wrap_up | | logged_out - - aux_work system out
    # a call, and the work after it
    timed | 1 login_ready, 2 rings 1, 2 rings 1, 5 talks 1, 5 talks 1, 9 gone 1, 9 gone 1 | logged_on ready reserved busy working_after_call | working_after_call - - acw pbx paused
    timed | 1 login_ready, 2 rings 1, 5 talks 1 | logged_on ready reserved busy | busy - - auto_in pbx paused
    timed | 1 login_ready, 5 talks 1, 9 gone 1, 38 tick, 39 tick | logged_on ready busy working_after_call ready | ready - - auto_in system in
    timed | 1 login_ready, 5 talks 1, 9 gone 1, 12 ready, 39 tick | logged_on ready busy working_after_call ready | ready - - auto_in agent in
    timed | 1 login_ready, 5 talks 1, 9 gone 1, 12 not_ready lunch | logged_on ready busy working_after_call not_ready | not_ready - lunch aux_work agent paused
    timed | 1 login_ready, 5 talks 1, 9 gone 1, 12 logout | logged_on ready busy working_after_call logged_off | logged_out - - aux_work agent out
    none | 1 login_ready, 5 talks 1, 9 gone 1 | logged_on ready busy ready | ready - - auto_in pbx in
    untimed | 1 login_ready, 5 talks 1, 9 gone 1, 999 tick | logged_on ready busy working_after_call | working_after_call - - acw pbx paused
    timed | 1 login_ready manual_in, 5 talks 1, 9 gone 1, 999 tick | logged_on ready busy working_after_call | working_after_call - - acw pbx paused
    # more time, up to a limit of 100 s
    timed | 1 login_ready, 5 talks 1, 9 gone 1, 10 wrap_up 20, 58 tick, 59 tick | logged_on ready busy working_after_call working_after_call ready | ready - - auto_in system in
    timed | 1 login_ready, 5 talks 1, 9 gone 1, 10 wrap_up 999, 108 tick, 109 tick | logged_on ready busy working_after_call working_after_call ready | ready - - auto_in system in
    none | 1 login_ready, 5 talks 1, 6 wrap_up 10, 9 gone 1, 19 tick | logged_on ready busy busy working_after_call ready | ready - - auto_in system in
    # a rest that nobody shortens, alone and within the work after the call
    guarded | 1 login_ready, 5 talks 1, 9 gone 1 | logged_on ready busy working_after_call | working_after_call - - legal_guard pbx paused
    guarded | 1 login_ready, 5 talks 1, 9 gone 1, 10 ready, 28 tick | logged_on ready busy working_after_call | working_after_call - - legal_guard pbx paused
    guarded | 1 login_ready, 5 talks 1, 9 gone 1, 29 tick | logged_on ready busy working_after_call ready | ready - - auto_in system in
    guarded | 1 login_ready, 5 talks 1, 9 gone 1, 10 logout, 11 login_ready | logged_on ready busy working_after_call logged_off logged_on working_after_call | working_after_call - - legal_guard agent paused
    guarded | 1 login_ready, 5 talks 1, 9 gone 1, 10 not_ready lunch, 12 ready | logged_on ready busy working_after_call not_ready working_after_call | working_after_call - - legal_guard agent paused
    guarded | 1 login_ready, 5 talks 1, 9 gone 1, 10 paused | logged_on ready busy working_after_call | working_after_call - - legal_guard pbx paused
    guarded | 1 login_ready, 5 rings 1, 9 gone 1 | logged_on ready reserved ready | ready - - auto_in pbx in
    guarded | 1 login_ready, 5 talks 1, 9 gone 1, 12 dials 2, 20 gone 2 | logged_on ready busy working_after_call busy working_after_call | working_after_call - - legal_guard pbx paused
    timed_guarded | 1 login_ready, 5 talks 1, 9 gone 1, 12 ready | logged_on ready busy working_after_call working_after_call | working_after_call - - legal_guard agent paused
    timed_guarded | 1 login_ready, 5 talks 1, 9 gone 1, 38 tick, 39 tick | logged_on ready busy working_after_call ready | ready - - auto_in system in
    # asked for in a call: holds when it is over
    timed | 1 login_ready, 5 talks 1, 6 not_ready lunch | logged_on ready busy busy | busy not_ready lunch auto_in agent paused
    none | 1 login_ready, 5 talks 1, 6 not_ready lunch, 9 gone 1 | logged_on ready busy busy not_ready | not_ready - lunch aux_work pbx paused
    timed | 1 login_ready, 5 talks 1, 6 not_ready lunch, 9 gone 1, 39 tick | logged_on ready busy busy working_after_call not_ready | not_ready - lunch aux_work system paused
    none | 1 login_ready, 5 talks 1, 6 not_ready lunch, 7 ready, 9 gone 1 | logged_on ready busy busy busy ready | ready - - auto_in pbx in
    # a call out, answered or not
    timed | 1 login_ready, 2 dials 1, 5 talks 1, 9 gone 1 | logged_on ready busy working_after_call | working_after_call - - acw pbx paused
    timed | 1 login_ready, 2 dials 1, 9 gone 1 | logged_on ready busy ready | ready - - auto_in pbx in
    # calls of somebody who takes none
    timed | 1 login, 2 rings 1, 3 talks 1, 9 gone 1 | logged_on reserved busy not_ready | not_ready - login aux_work pbx paused
    timed | 1 rings 1, 2 talks 1, 3 gone 1 | | logged_out - - aux_work system out
    timed | 1 rings 1, 2 talks 1, 3 login | logged_on | busy not_ready login auto_in agent paused
    # not answered, given up, refused
    timed | 1 login_ready, 2 rings 1, 17 rang_out 1 | logged_on ready reserved not_ready | not_ready - ring_no_answer aux_work system paused
    patient | 1 login_ready, 2 rings 1, 17 rang_out 1 | logged_on ready reserved ready | ready - - auto_in pbx in
    timed | 1 login_ready, 2 rings 1, 17 gone 1 | logged_on ready reserved ready | ready - - auto_in pbx in
    # a consultation: busy until the last leg is gone
    none | 1 login_ready, 2 talks 1, 3 talks 2, 4 gone 1, 5 gone 2 | logged_on ready busy ready | ready - - auto_in pbx in
    timed | 1 login_ready, 2 talks 1, 3 gone 1, 4 talks 2 | logged_on ready busy working_after_call busy | busy - - auto_in pbx paused
    # the link is lost and found
    timed | 1 login_ready, 2 link_lost, 3 rings 1, 4 not_ready lunch, 5 in_step | logged_on ready unknown unknown reserved | reserved not_ready lunch auto_in reconciler paused
    timed | 1 login_ready, 2 link_lost, 5 found | logged_on ready unknown ready | ready - - auto_in reconciler in
    timed | 1 login_ready, 2 link_lost, 5 found cigarette | logged_on ready unknown not_ready | not_ready - cigarette aux_work reconciler paused
    timed | 1 login_ready, 2 link_lost, 5 found_out | logged_on ready unknown logged_off | logged_out - - aux_work reconciler out
    timed | 1 link_lost, 5 in_step | unknown logged_off | logged_out - - aux_work reconciler out
    # the PBX has its own will
    timed | 1 login_ready, 2 paused break, 3 paused | logged_on ready not_ready ready | ready - - auto_in pbx in
    timed | 1 login_ready, 2 taken_out | logged_on ready logged_off | logged_out - - aux_work pbx out
    timed | 1 paused, 2 paused break | logged_on not_ready | not_ready - break aux_work pbx paused
    timed | 1 login_ready, 2 talks 1, 3 gone 1, 4 paused | logged_on ready busy working_after_call ready | ready - - auto_in pbx in
    timed | 1 login_ready, 2 talks 1, 3 paused by_queue | logged_on ready busy | busy - - auto_in pbx paused
    timed | 1 rings 1, 2 paused, 3 talks 2, 4 gone 2, 5 rang_out 1, 6 paused, 7 paused | logged_on busy reserved working_after_call ready | ready - - auto_in pbx in
    # desktops
    watched | 1 login_ready, 2 desk online, 3 desk unresponsive, 4 desk offline, 32 tick, 33 tick | logged_on ready desk_changed desk_changed desk_changed not_ready | not_ready - desk_lost aux_work system paused
    watched | 1 login_ready, 2 desk online, 3 desk offline, 4 desk online, 99 tick | logged_on ready desk_changed desk_changed desk_changed | ready - - auto_in system in
    watched | 1 login_ready, 2 desk online, 3 talks 1, 4 desk offline, 34 tick | logged_on ready desk_changed busy desk_changed busy | busy not_ready desk_lost auto_in system paused
    watched | 1 login_ready, 99 tick | logged_on ready | ready - - auto_in agent in
    timed | 1 desk online, 2 desk online, 3 login, 4 desk offline | desk_changed logged_on desk_changed | not_ready - login aux_work system paused
    ");
}

#[test]
fn requests_out_of_place_are_refused() {
    for (story, refusal) in [
        ("1 ready", AgentRefusal::LoggedOut),
        ("1 not_ready lunch", AgentRefusal::LoggedOut),
        ("1 wrap_up 10", AgentRefusal::LoggedOut),
        ("1 login_ready, 2 wrap_up 10", AgentRefusal::NoCall),
        ("1 login_ready, 2 rings 1, 3 wrap_up 10", AgentRefusal::NoCall),
        ("1 login_ready, 2 not_ready sulking", AgentRefusal::UnknownReason),
    ] {
        assert_eq!(tell(&mut machine("timed", false), story).1, [refusal], "{story}");
    }
}

#[test]
fn a_linked_agent_is_unknown_until_the_first_snapshot() {
    let mut machine = machine("timed", true);
    let (facts, _) = tell(&mut machine, "1 login_ready");
    assert_eq!(facts.last().unwrap().agent.state, AgentState::Unknown);
    assert_eq!(facts.last().unwrap().agent.pending_state, Some(AgentState::Ready));
    let (facts, _) = tell(&mut machine, "2 in_step");
    assert_eq!(facts.last().unwrap().kind, EventKind::AgentReady);
}

#[test]
fn states_last_as_long_as_they_did() {
    let mut machine = machine("timed", false);
    let (facts, _) = tell(&mut machine, "10 login_ready, 70 talks 1, 100 gone 1");
    let last = &facts.last().unwrap().agent;
    assert_eq!(last.previous_state, Some(AgentState::Busy));
    assert_eq!(last.previous_duration_ms, Some(30_000));
    assert_eq!((last.since, last.wrap_up_deadline), (at(100).wall, Some(at(130).wall)));
    assert_eq!(last.last_call_id, Some(leg("1").0));
}

/// After a restart the agent is where the earlier run left them, whatever happened to the PBX.
#[test]
fn an_agent_is_known_again_after_a_restart() {
    for (story, expected) in [
        ("1 login_ready", "ready"),
        ("1 login_ready, 2 not_ready lunch", "not_ready lunch"),
        ("1 login_ready, 2 logout", "logged_out"),
        ("1 login_ready, 2 talks 1", "ready"),
        ("1 login_ready, 2 talks 1, 3 not_ready lunch", "not_ready lunch"),
        ("1 login_ready, 2 link_lost", "ready"),
        ("1 login_ready, 2 not_ready lunch, 3 link_lost", "not_ready lunch"),
        ("1 login_ready, 2 talks 1, 50 gone 1", "working_after_call"),
        ("1 login_ready, 2 talks 1, 20 gone 1, 21 link_lost", "ready"),
    ] {
        let mut before = machine("timed", false);
        tell(&mut before, story);
        let mut after = machine("timed", true);
        after.restore(before.agent().clone(), at(60));
        let rev = after.agent().rev;
        let mut facts = Vec::new();
        after.handle(at(60), AgentInput::LinkLost, &mut facts).unwrap();
        after.handle(at(61), AgentInput::InStep(None), &mut facts).unwrap();
        let agent = after.agent();
        let shown = format!("{} {}", agent.state.name(), agent.reason);
        assert_eq!(shown.trim(), expected, "{story}");
        assert!(agent.rev >= rev, "{story}");
        if expected == "working_after_call" {
            after.handle(at(79), AgentInput::Tick, &mut facts).unwrap();
            assert_eq!(after.agent().state, AgentState::WorkingAfterCall);
            after.handle(at(80), AgentInput::Tick, &mut facts).unwrap();
            assert_eq!(after.agent().state, AgentState::Ready, "its time goes on");
        }
    }
}

#[test]
fn a_restart_shortens_no_rest_and_forgets_no_lost_desk() {
    let mut before = machine("guarded", false);
    tell(&mut before, "1 login_ready, 2 talks 1, 50 gone 1");
    let mut after = machine("guarded", false);
    after.restore(before.agent().clone(), at(60));
    assert_eq!(tell(&mut after, "61 ready, 69 tick").0, []);
    assert_eq!(after.agent().state, AgentState::WorkingAfterCall);
    tell(&mut after, "70 tick");
    assert_eq!(after.agent().state, AgentState::Ready);

    let mut before = machine("watched", false);
    tell(&mut before, "1 login_ready, 2 desk online");
    let mut after = machine("watched", false);
    after.restore(before.agent().clone(), at(60));
    tell(&mut after, "89 tick");
    assert_eq!(after.agent().state, AgentState::Ready);
    tell(&mut after, "90 tick");
    assert_eq!((after.agent().state, &*after.agent().reason), (AgentState::NotReady, "desk_lost"));
}

/// A desk knows every agent, also one of whom there was never anything to tell.
#[test]
fn an_agent_is_introduced_once_and_again_with_new_settings() {
    let mut machine = machine("timed", false);
    let mut facts = Vec::new();
    machine.introduce(&mut facts);
    machine.introduce(&mut facts);
    assert_eq!(facts.len(), 1);
    assert_eq!((facts[0].kind, facts[0].agent.rev), (EventKind::AgentLoggedOff, 1));
    for (team, told) in [("day", 0), ("night", 1)] {
        let settings = AgentSettings { team: team.into(), ..settings() };
        let mut next = AgentMachine::new(settings, Arc::new(policy("timed")), false, at(9));
        next.restore(machine.agent().clone(), at(9));
        let mut facts = Vec::new();
        next.introduce(&mut facts);
        assert_eq!(facts.len(), told, "{team}");
    }
}

fn steps() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        Just("login"),
        Just("login_ready"),
        Just("login_ready manual_in"),
        Just("logout"),
        Just("ready"),
        Just("not_ready lunch"),
        Just("wrap_up 5"),
        Just("wrap_up"),
        Just("rings 1"),
        Just("rings 2"),
        Just("dials 1"),
        Just("talks 1"),
        Just("talks 2"),
        Just("gone 1"),
        Just("gone 2"),
        Just("rang_out 1"),
        Just("rang_out 2"),
        Just("link_lost"),
        Just("in_step"),
        Just("found"),
        Just("found pause"),
        Just("found_out"),
        Just("paused"),
        Just("paused pause"),
        Just("taken_out"),
        Just("desk online"),
        Just("desk offline"),
        Just("tick"),
    ];
    prop::collection::vec((what, 1..40u64), 0..40).prop_map(|all| {
        let mut now = 0;
        let step = |(what, wait): &(&str, u64)| {
            now += wait;
            format!("{now} {what}")
        };
        all.iter().map(step).collect::<Vec<_>>().join(",")
    })
}

proptest! {
    /// Whatever happens: revisions count every event, each state follows the one it names, a lost
    /// link hides everything until it is in step, and a deadline always ends.
    #[test]
    fn every_shift_keeps_the_invariants(story in steps(), policy in "timed|none|untimed|patient|guarded|timed_guarded|watched") {
        let mut machine = machine(&policy, false);
        let mut before = machine.agent().clone();
        let mut in_step = true;
        for step in story.split(',').filter(|s| !s.is_empty()) {
            let (now, given) = input(step);
            match given {
                AgentInput::LinkLost => in_step = false,
                AgentInput::InStep(_) => in_step = true,
                _ => {}
            }
            let mut facts = Vec::new();
            let refused = machine.handle(now, given, &mut facts).is_err();
            prop_assert!(!refused || facts.is_empty(), "a refusal changes nothing: {step}");
            for fact in facts {
                let agent = fact.agent;
                prop_assert_eq!(agent.rev, before.rev + 1);
                if agent.state == before.state {
                    prop_assert_eq!(agent.since, before.since);
                } else {
                    prop_assert_eq!(agent.previous_state, Some(before.state));
                    prop_assert_eq!(agent.since, now.wall);
                }
                let deadline = agent.wrap_up_deadline.is_some();
                prop_assert!(!deadline || agent.state == AgentState::WorkingAfterCall);
                before = agent;
            }
            prop_assert_eq!(machine.agent(), &before);
            prop_assert_eq!(before.state == AgentState::Unknown, !in_step);
            if before.state == AgentState::Ready {
                prop_assert_eq!(machine.wish(), Wish { present: true, paused: None });
            }
            if before.state == AgentState::LoggedOut {
                prop_assert!(!machine.wish().present);
            }
        }
        let mut facts = Vec::new();
        machine.handle(at(1_000_000), AgentInput::Tick, &mut facts).unwrap();
        prop_assert_eq!(machine.next_deadline(), None);
    }

    /// What is said twice is said once.
    #[test]
    fn the_same_again_is_nothing(story in steps(), step in "login|logout|ready|rings 1|talks 1|gone 1|link_lost|in_step|paused|desk online|tick") {
        let mut machine = machine("timed", false);
        tell(&mut machine, &story);
        let step = format!("99999 {step}");
        tell(&mut machine, &step);
        let (facts, _) = tell(&mut machine, &step);
        prop_assert!(facts.is_empty(), "{:?}", facts);
    }
}
