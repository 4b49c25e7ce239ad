//! What holds for every history.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Answered,
    Silent,
    CallAnswered,
    CallFailed,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Answered),
        4 => Just(Step::Silent),
        1 => Just(Step::CallAnswered),
        2 => Just(Step::CallFailed),
        2 => (0u16..20).prop_map(Step::Wait),
    ]
}

fn take(bench: &mut Bench, step: Step) {
    match step {
        Step::Answered => bench.probe(answer(200)),
        Step::Silent => bench.probe(Reply::Silent),
        Step::CallAnswered => bench.call(CallOutcome::Alive),
        Step::CallFailed => bench.call(CallOutcome::Failed("503".into())),
        Step::Wait(s) => bench.pass(Duration::from_secs(s.into())),
    }
}

proptest! {
    /// Whatever happened before, a single loss after a success never changes the state.
    #[test]
    fn a_single_loss_changes_nothing(history in prop::collection::vec(step(), 0..60)) {
        let mut bench = Bench::plain();
        history.into_iter().for_each(|s| take(&mut bench, s));
        bench.probe(answer(200));
        bench.call(CallOutcome::Alive);
        let before = bench.state();
        bench.changes();
        bench.probe(Reply::Silent);
        bench.call(CallOutcome::Failed("503".into()));
        prop_assert_eq!(bench.state(), before);
        prop_assert_eq!(bench.changes(), 0);
    }

    /// Whatever happened before, `up_after` calls and probes in a row bring a line back.
    #[test]
    fn enough_successes_bring_it_back(history in prop::collection::vec(step(), 0..60)) {
        let mut bench = Bench::plain();
        history.into_iter().for_each(|s| take(&mut bench, s));
        for _ in 0..2 {
            bench.call(CallOutcome::Alive);
        }
        prop_assert!(matches!(bench.state(), LineState::InService | LineState::Degraded));
    }

    /// A line becomes first choice at most six times in any half-life, however it behaves: the
    /// penalty of more would still be above `suppress`.
    #[test]
    fn never_flaps_faster_than_damping_allows(
        history in prop::collection::vec(step(), 0..400)
    ) {
        let mut bench = Bench::plain();
        let mut arrivals = Vec::new();
        for step in history {
            let before = bench.state();
            take(&mut bench, step);
            if bench.state() == LineState::InService && before != LineState::InService {
                arrivals.push(bench.now.mono);
            }
        }
        let half_life = DampingSettings::default().half_life;
        for window in arrivals.windows(7) {
            prop_assert!(window[6].since(window[0]) > half_life, "{:?}", arrivals);
        }
    }

    /// The same history gives the same line, to the last figure.
    #[test]
    fn the_same_history_gives_the_same_line(history in prop::collection::vec(step(), 0..60)) {
        let play = || {
            let mut bench = Bench::plain();
            history.iter().for_each(|s| take(&mut bench, *s));
            bench.line.entity(bench.now)
        };
        prop_assert_eq!(play(), play());
    }
}
