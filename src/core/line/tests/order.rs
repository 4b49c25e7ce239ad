//! Which lines a call tries, in which order.

use super::*;
use crate::model::LineOrder;

/// Makes a line of each word: `up`, `new`, `down`, `held`, `drain`, `maint`, `full`, `open`
/// (down by calls, a trial is due).
fn lines(words: &str, now: Now) -> Lines {
    let made = words.split_whitespace().enumerate().map(|(at, word)| {
        let mut settings = LineSettings::named(&format!("l{at}"), LineRole::Primary);
        settings.health.trial_after = Duration::ZERO;
        if word == "full" {
            settings.limits.outbound = Some(0);
        }
        let mut line = LineMachine::new(settings, now, 7);
        let mut out = Vec::new();
        let mut say = |inputs: &str| {
            for input in inputs.chars() {
                match input {
                    '+' => line.probed(now, &answer(200), &mut out),
                    '-' => line.probed(now, &Reply::Silent, &mut out),
                    _ => line.call_said(now, CallOutcome::Failed("503".into()), &mut out),
                }
            }
        };
        match word {
            "up" | "full" => say("+"),
            "new" => {}
            "down" => say("---"),
            "held" => say("+---++---++---++"),
            "open" => say("+fff"),
            "drain" => line.order(now, LineOrder::Drain, "", &mut out),
            "maint" => line.order(now, LineOrder::Maintain, "", &mut out),
            other => panic!("no line {other}"),
        }
        line
    });
    let made: Vec<_> = made.collect();
    let names: Vec<String> = made.iter().map(|l| l.name().to_owned()).collect();
    Lines::new(made, &names)
}

#[test]
fn plans() {
    let rows = "
        # lines                plan
        up up                  0 1
        new up                 0 1
        held up                1 0
        held new held          1 0 2
        down up                1
        down held              1
        down down              0 1
        down drain             0
        down full              0
        drain up               1
        maint up               1
        maint drain            ordered
        full up                1
        full full              full
        full maint             full
        open up                0 1
        up open                0 1
        down open              1
    ";
    for row in rows.lines().map(str::trim).filter(|r| !r.is_empty() && !r.starts_with('#')) {
        let (words, expected) = row.split_once("  ").unwrap();
        let now = at_ms(5000);
        let plan = match lines(words, now).plan(now, &mut Vec::new()) {
            Ok(plan) => plan.iter().map(|ix| ix.0.to_string()).collect::<Vec<_>>().join(" "),
            Err(NoLine::Full) => "full".into(),
            Err(NoLine::Ordered) => "ordered".into(),
        };
        assert_eq!(plan, expected.trim(), "{row}");
    }
}

#[test]
fn the_first_choice_shifts_once_each_way() {
    let now = at_ms(5000);
    let mut set = lines("up up", now);
    assert_eq!(set.take_shift(), None);
    let say = |set: &mut Lines, reply: &Reply, times| {
        let line = set.get_mut(LineIx(0)).unwrap();
        (0..times).for_each(|_| line.probed(now, reply, &mut Vec::new()));
    };
    say(&mut set, &Reply::Silent, 3);
    assert_eq!(set.take_shift(), Some((Some(LineIx(0)), Some(LineIx(1)))));
    assert_eq!(set.take_shift(), None);
    say(&mut set, &answer(200), 2);
    assert_eq!(set.take_shift(), Some((Some(LineIx(1)), Some(LineIx(0)))));
}
