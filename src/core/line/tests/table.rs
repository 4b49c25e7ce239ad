//! Every state against every input, as an operator would read it.

use super::*;
use crate::model::{LineOrder, Named, RegistrationState};

/// One letter an input: `+` probe answered, `-` probe silent, `a` call answered, `f` call failed,
/// `n` call that says nothing, `D` drain, `M` maintain, `S` serve again, `h` half a minute passes.
fn play(bench: &mut Bench, inputs: &str) {
    for input in inputs.chars() {
        match input {
            '+' => bench.probe(answer(200)),
            '-' => bench.probe(Reply::Silent),
            'a' => bench.call(CallOutcome::Alive),
            'f' => bench.call(CallOutcome::Failed("503 Service Unavailable".into())),
            'n' => bench.call(CallOutcome::Nothing),
            'h' => bench.pass(Duration::from_secs(30)),
            'D' | 'M' | 'S' => {
                let order = match input {
                    'D' => LineOrder::Drain,
                    'M' => LineOrder::Maintain,
                    _ => LineOrder::Serve,
                };
                bench.line.order(bench.now, order, "uid:0", &mut bench.facts);
            }
            other => panic!("no input {other}"),
        }
    }
}

#[test]
fn states_and_inputs() {
    let rows = "
        # inputs           state            why
        .                  unknown          nothing was heard
        -                  unknown          nothing was heard
        --                 unknown          nothing was heard
        ---                out_of_service   3 probes failed in a row: no answer in 2000 ms
        f                  unknown          nothing was heard
        fff                out_of_service   3 calls failed in a row: a call: 503
        n                  unknown          nothing was heard
        +                  in_service       probes are answered
        a                  in_service       calls are answered
        +-                 in_service       probes are answered
        +--                in_service       probes are answered
        +---               out_of_service   3 probes failed in a row
        +--+--             in_service       probes are answered
        +--a--             in_service       probes are answered
        +ff+ff             out_of_service   calls failed in a row
        +ffaff             in_service       probes are answered
        +fnff              out_of_service   3 calls failed in a row
        +nnn               in_service       probes are answered
        ---+               out_of_service   probes failed in a row
        ---++              in_service       probes are answered
        ---+-+             out_of_service   probes failed in a row
        ---+-++            in_service       probes are answered
        ---a               out_of_service   probes failed in a row
        ---aa              in_service       calls are answered
        ---afa             out_of_service   probes failed in a row
        +fff+++++          out_of_service   3 calls failed in a row
        +fffa              out_of_service   calls failed in a row
        +fffaa             in_service       calls are answered
        +fffafaa           in_service       calls are answered
        +fff---            out_of_service   3 probes failed in a row
        +fff---+           out_of_service   probes failed in a row
        +fff---++          in_service       probes are answered
        +fff---aa          in_service       calls are answered
        +---fff+           out_of_service   probes failed in a row
        +---fff++          in_service       probes are answered
        +---++---++        in_service       probes are answered
        +---++---++---++   degraded         held back by flap damping: penalty 3000 was above 2500
        +---++---++---++-  degraded         held back by flap damping
        +---++---++---++---  out_of_service 3 probes failed in a row
        +D                 draining         drained: no calls are left; ordered by uid:0
        +D---              draining         drained
        +D---S             out_of_service   3 probes failed in a row
        +DS                in_service       probes are answered
        +M                 maintenance      taken out by uid:0
        +Mfff+++           maintenance      taken out by uid:0
        M+S                in_service       probes are answered
        MS                 unknown          nothing was heard
        +DM                maintenance      taken out by uid:0
        +MD                draining         drained
    ";
    for row in rows.lines().map(str::trim).filter(|r| !r.is_empty() && !r.starts_with('#')) {
        let mut words = row.splitn(2, ' ');
        let inputs = words.next().unwrap().trim_matches('.');
        let (state, why) = words.next().unwrap().trim().split_once(' ').unwrap();
        let mut bench = Bench::plain();
        play(&mut bench, inputs);
        assert_eq!(bench.state().name(), state, "{row}\n{}", bench.line.reason());
        assert!(bench.line.reason().contains(why.trim()), "{row}\n{}", bench.line.reason());
    }
}

#[test]
fn which_answers_to_a_probe_are_a_sign_of_life() {
    for (status, any, success) in [
        (200, true, true),
        (202, true, true),
        (302, true, false),
        (401, true, false),
        (403, true, false),
        (404, true, false),
        (405, true, false),
        (408, false, false),
        (483, true, false),
        (486, true, false),
        (500, true, false),
        (501, true, false),
        (503, false, false),
        (604, true, false),
    ] {
        assert_eq!(ProbeAlive::Any.accepts(status), any, "{status}");
        assert_eq!(ProbeAlive::Success.accepts(status), success, "{status}");
    }
}

#[test]
fn a_held_back_line_is_first_choice_again_when_its_penalty_has_decayed() {
    let mut bench = Bench::plain();
    play(&mut bench, "+---++---++---++");
    assert_eq!(bench.state(), LineState::Degraded);
    // 3000 -> 750 takes two half-lives of two minutes.
    bench.pass(Duration::from_secs(238));
    assert_eq!(bench.state(), LineState::Degraded);
    let deadline = bench.line.next_deadline(bench.now.mono).unwrap();
    assert!(deadline.since(bench.now.mono) <= Duration::from_secs(3), "a tick is asked for");
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.state(), LineState::InService);
}

#[test]
fn one_call_at_a_time_may_try_a_line_that_calls_have_taken_out() {
    let unprobed = LineSettings { probe: None, ..LineSettings::named("main", LineRole::Primary) };
    let mut bench = Bench::new(unprobed);
    play(&mut bench, "afff");
    assert!(!bench.line.offers_trial(bench.now), "not before its time");
    bench.pass(Duration::from_secs(30));
    assert!(bench.line.offers_trial(bench.now));
    bench.line.began(bench.now, Way::Out);
    assert!(!bench.line.offers_trial(bench.now), "one at a time");
    play(&mut bench, "f");
    bench.pass(Duration::from_secs(30));
    assert!(!bench.line.offers_trial(bench.now), "a failed trial doubles the wait");
    bench.pass(Duration::from_secs(30));
    assert!(bench.line.offers_trial(bench.now));
    bench.line.began(bench.now, Way::Out);
    play(&mut bench, "n");
    assert!(bench.line.offers_trial(bench.now), "a caller who gave up has proved nothing");
    for _ in 0..2 {
        bench.line.began(bench.now, Way::Out);
        play(&mut bench, "a");
    }
    assert_eq!(bench.state(), LineState::InService);
}

#[test]
fn a_line_that_answers_no_probe_is_offered_to_no_trial() {
    let mut bench = Bench::plain();
    play(&mut bench, "+fff-");
    bench.pass(Duration::from_secs(60));
    assert!(!bench.line.offers_trial(bench.now));
    play(&mut bench, "+");
    assert!(bench.line.offers_trial(bench.now), "half-open by a probe");
}

#[test]
fn probes_come_sooner_while_something_is_wrong_and_are_spread() {
    let mut bench = Bench::plain();
    bench.pass(Duration::from_secs(1));
    assert!(bench.facts.contains(&LineFact::Probe { patience: Duration::from_secs(2) }));
    let mut waits = Vec::new();
    for _ in 0..20 {
        bench.probe(answer(200));
        waits.push(bench.line.next_deadline(bench.now.mono).unwrap().since(bench.now.mono));
    }
    let (low, high) = (Duration::from_secs(27), Duration::from_secs(33));
    assert!(waits.iter().all(|w| (low..=high).contains(w)), "{waits:?}");
    waits.dedup();
    assert!(waits.len() > 10, "jitter: {waits:?}");
    bench.probe(Reply::Silent);
    let wait = bench.line.next_deadline(bench.now.mono).unwrap().since(bench.now.mono);
    assert!(wait <= Duration::from_millis(5500), "{wait:?}");
}

#[test]
fn a_probe_of_which_nobody_tells_is_a_silent_one() {
    let mut bench = Bench::plain();
    for _ in 0..12 {
        bench.pass(Duration::from_secs(10));
    }
    assert_eq!(bench.state(), LineState::OutOfService);
}

#[test]
fn the_newest_ten_probes_are_kept_with_their_reasons() {
    let mut bench = Bench::plain();
    for _ in 0..15 {
        bench.probe(answer(404));
    }
    bench.probe(Reply::Unsent("connection refused".into()));
    let line = bench.line.entity(bench.now);
    assert_eq!(line.probes.len(), 10);
    assert_eq!(line.rtt_us, Some(3000));
    assert_eq!(line.probe_failures, 1);
    assert_eq!(line.last_failure, "not sent: connection refused");
    assert_eq!(line.probes[8].status, Some(404));
    assert!(line.probes[8].alive && !line.probes[9].alive);
}

#[test]
fn the_limit_is_told_once_until_there_was_room_again() {
    let limits = CallLimits { all: Some(20), outbound: Some(2), inbound: None };
    let mut bench =
        Bench::new(LineSettings { limits, ..LineSettings::named("main", LineRole::Primary) });
    let mut told = 0;
    let mut ask = |bench: &mut Bench, way| {
        let room = bench.line.has_room(way, &mut bench.facts);
        told += std::mem::take(&mut bench.facts).len();
        (room, told)
    };
    bench.line.began(bench.now, Way::Out);
    assert_eq!(ask(&mut bench, Way::Out), (true, 0));
    bench.line.began(bench.now, Way::Out);
    assert_eq!(ask(&mut bench, Way::Out), (false, 1));
    assert_eq!(ask(&mut bench, Way::Out), (false, 1));
    assert_eq!(ask(&mut bench, Way::In), (true, 1), "the other way has its own limit");
    bench.line.ended(bench.now, Way::Out, &mut Vec::new());
    assert_eq!(ask(&mut bench, Way::Out), (true, 1));
    bench.line.began(bench.now, Way::Out);
    assert_eq!(ask(&mut bench, Way::Out), (false, 2), "a new episode");
}

#[test]
fn the_ratios_are_those_of_e411_and_e425_over_15_minutes() {
    let mut bench = Bench::plain();
    // Answered, busy, rang unanswered, refused by the callee, no route, cancelled before it rang.
    for (status, rung) in
        [(200, true), (486, false), (480, true), (603, false), (404, false), (487, false)]
    {
        bench.line.count(bench.now, Ending::of_status(status, rung));
    }
    let line = bench.line.entity(bench.now);
    assert_eq!(line.seizures, 6);
    assert_eq!(line.answer_seizure_permille, Some(166));
    assert_eq!(line.network_effectiveness_permille, Some(666));
    bench.pass(Duration::from_secs(16 * 60));
    let line = bench.line.entity(bench.now);
    assert_eq!((line.seizures, line.answer_seizure_permille), (0, None));
}

fn registering(expires_s: u32) -> Bench {
    let register = Some(RegisterSettings { expires_s });
    Bench::new(LineSettings { register, ..LineSettings::named("main", LineRole::Primary) })
}

/// Passes time until a REGISTER is asked for: seconds waited and seconds asked.
fn until_register(bench: &mut Bench) -> (u64, u32) {
    bench.facts.clear();
    for waited in 0..4000 {
        bench.pass(Duration::from_secs(1));
        // Probes are answered meanwhile: they are not the matter here.
        let asked = bench.facts.drain(..).find_map(|f| match f {
            LineFact::Register { expires_s } => Some(expires_s),
            _ => None,
        });
        bench.probe(answer(200));
        if let Some(asked) = asked {
            return (waited + 1, asked);
        }
    }
    panic!("no REGISTER in 4000 s");
}

#[test]
fn a_registration_is_renewed_before_it_ends() {
    let mut bench = registering(600);
    assert_eq!(until_register(&mut bench), (1, 600));
    bench.line.registered(bench.now, &granted(300), &mut bench.facts);
    let line = bench.line.entity(bench.now).registration.unwrap();
    assert_eq!(line.state, RegistrationState::Registered);
    assert_eq!(line.expires_at, Some(bench.now.wall.after(Duration::from_secs(300))));
    let (waited, _) = until_register(&mut bench);
    assert!((150..=271).contains(&waited), "0.5 to 0.9 of what was granted: {waited}");
}

#[test]
fn a_refused_registration_degrades_the_line_and_is_tried_again_ever_later() {
    let mut bench = registering(600);
    bench.probe(answer(200));
    until_register(&mut bench);
    let mut bounds = Vec::new();
    for upper in [30, 60, 120, 240, 480, 960, 1800, 1800] {
        bench.line.registered(bench.now, &answer(403), &mut bench.facts);
        assert_eq!(bench.state(), LineState::Degraded);
        assert_eq!(bench.line.reason(), "not registered: 403 Whatever");
        let (waited, _) = until_register(&mut bench);
        bounds.push((waited, upper));
    }
    let fits = |(waited, upper): &(u64, u64)| (upper / 2..=upper + 1).contains(waited);
    assert!(bounds.iter().all(fits), "RFC 5626 §4.5: {bounds:?}");
    bench.line.registered(bench.now, &granted(600), &mut bench.facts);
    assert_eq!(bench.state(), LineState::InService);
}

#[test]
fn a_failed_renewal_counts_only_when_the_registration_has_run_out() {
    let mut bench = registering(600);
    until_register(&mut bench);
    bench.line.registered(bench.now, &granted(600), &mut bench.facts);
    let (mut waited, _) = until_register(&mut bench);
    while bench.state() == LineState::InService {
        bench.line.registered(bench.now, &answer(500), &mut bench.facts);
        waited += until_register(&mut bench).0;
        assert!(waited < 660, "it never ran out");
    }
    assert_eq!(bench.state(), LineState::Degraded);
    assert!(waited >= 600, "not before its end: {waited}");
}

#[test]
fn an_interval_too_brief_is_asked_for_longer_at_once() {
    let mut bench = registering(600);
    until_register(&mut bench);
    bench.line.registered(bench.now, &answer(423), &mut bench.facts);
    assert_eq!(until_register(&mut bench), (1, 1200));
}

#[test]
fn an_order_outlives_a_restart_and_health_does_not() {
    let mut bench = Bench::plain();
    play(&mut bench, "+---M");
    let before = bench.line.entity(bench.now);
    let mut again = Bench::plain();
    again.line.restore(before.clone(), again.now);
    assert_eq!(again.state(), LineState::Maintenance);
    assert_eq!(again.line.entity(again.now).ordered_by, "uid:0");
    assert_eq!(again.line.entity(again.now).probes, before.probes);
    play(&mut again, "S");
    assert_eq!(again.state(), LineState::Unknown, "found out anew");
    assert!(again.line.entity(again.now).rev > before.rev, "revisions go on");
}
