//! The story: which calls are made on which day, and how the called parties behave.

use super::{day::Civil, procs::Who};
use crate::sim::ua::{Behaviour, Command, Dial, Hold, Outcome, Progress};
use std::collections::BTreeMap;

/// Extension whose desk is watched and cut.
pub(super) const AGENT: &str = "8001";
/// The site's service number.
pub(super) const HOTLINE: &str = "95519";
/// Customer who asks not to be called again, as it is dialled.
pub(super) const SHY: &str = "13800138001";
/// Customer who is called at every hour.
const PATIENT: &str = "13800138003";

/// One step of the story.
#[derive(Clone, Debug)]
pub(super) enum Beat {
    /// A word to the reader.
    Say(&'static str),
    /// An order to carrier or phones.
    Order(Who, Command),
    /// A number goes on the do-not-call list, as `trunkline dnc add` puts it there.
    DoNotCall { number: &'static str, reason: &'static str },
    /// The agent's desk loses its network for so long.
    CutDesk { away_ms: u64 },
}

/// Steps of one moment of the calendar; times in ms from its beginning.
pub(super) struct Scene {
    pub at: Civil,
    pub title: &'static str,
    pub beats: Vec<(u64, Beat)>,
}

/// How called parties behave through the whole demo.
pub(super) fn plans() -> Vec<(Who, Command)> {
    let answers = |progress_after_ms, after_ms, talk_ms| Behaviour {
        progress: Progress::Ringing,
        progress_after_ms,
        then: Outcome::Answer { after_ms },
        talk_ms,
        hold: None,
    };
    let hold = Some(Hold { after_ms: 700, for_ms: 1000 });
    let hotline = Behaviour { hold, ..answers(300, 3000, None) };
    let never = Behaviour { progress_after_ms: 200, ..Behaviour::default() };
    let busy = Behaviour {
        progress: Progress::None,
        then: Outcome::Reject {
            after_ms: 500,
            status: 486,
            phrase: "Busy Here".to_owned(),
            reason: Some("Q.850;cause=17;text=\"User busy\"".to_owned()),
        },
        ..Behaviour::default()
    };
    let plan = |who, user: &str, plan| (who, Command::Behave { user: user.to_owned(), plan });
    vec![
        plan(Who::Phones, HOTLINE, hotline),
        plan(Who::Phones, AGENT, answers(200, 900, None)),
        plan(Who::Phones, "8004", answers(200, 1000, None)),
        plan(Who::Phones, "8011", never),
        plan(Who::Carrier, SHY, answers(400, 2000, Some(2500))),
        plan(Who::Carrier, "13800138002", busy),
        plan(Who::Carrier, PATIENT, answers(300, 1200, Some(1500))),
    ]
}

/// A customer calls in and hangs up after `talk_ms`, or gives up after `patience_ms`.
fn calls_in(from: &str, to: &str, talk_ms: u64, patience_ms: Option<u64>) -> Beat {
    let dial = Dial {
        id: format!("{from}>{to}"),
        from: from.to_owned(),
        to: to.to_owned(),
        talk_ms: Some(talk_ms),
        cancel_after_ms: patience_ms,
        ..Dial::default()
    };
    Beat::Order(Who::Carrier, Command::Call(dial))
}

/// An extension dials out; `purpose` goes into the header that the PBX sets.
fn dials(from: &str, to: &str, purpose: Option<&str>, talk_ms: Option<u64>) -> Beat {
    let named = purpose.map(|p| ("X-Trunkline-Purpose".to_owned(), p.to_owned()));
    let dial = Dial {
        id: from.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        headers: BTreeMap::from_iter(named),
        talk_ms,
        ..Dial::default()
    };
    Beat::Order(Who::Phones, Command::Call(dial))
}

fn service(from: &str, to: &str) -> Beat {
    dials(from, to, Some("service"), None)
}

/// The story, once. It takes less than [`super::args::STORY`].
pub(super) fn scenes() -> Vec<Scene> {
    vec![workday(), evening(), holiday(), after_holiday()]
}

fn workday() -> Scene {
    let note = "the customer of the first outbound call does not want to be called again";
    Scene {
        at: Civil { month: 9, day: 30, hour: 10, minute: 0 },
        title: "An ordinary working day",
        beats: vec![
            (0, calls_in("+8613800138010", HOTLINE, 4000, None)),
            (700, service(AGENT, SHY)),
            (3300, calls_in("+8613800138011", "8011", 0, Some(2300))),
            (4200, service("8002", "13800138002")),
            (5300, Beat::Say(note)),
            (5400, Beat::DoNotCall { number: "+8613800138001", reason: "do_not_disturb" }),
            (6000, service(AGENT, SHY)),
            (7000, dials("8003", PATIENT, None, None)),
            (7800, Beat::Say("the desk of 8001 loses its network for one second")),
            (7900, Beat::CutDesk { away_ms: 1000 }),
            (8000, calls_in("+8613800138012", AGENT, 600, None)),
        ],
    }
}

fn evening() -> Scene {
    Scene {
        at: Civil { month: 9, day: 30, hour: 20, minute: 5 },
        title: "The evening of that day",
        beats: vec![
            (200, service(AGENT, PATIENT)),
            (900, dials("8002", "120", None, Some(1000))),
            (1300, calls_in("+8613800138013", "8004", 700, None)),
        ],
    }
}

fn holiday() -> Scene {
    Scene {
        at: Civil { month: 10, day: 1, hour: 10, minute: 0 },
        title: "National Day, a statutory holiday",
        beats: vec![
            (200, service(AGENT, PATIENT)),
            (700, calls_in("+8613800138014", "8004", 600, None)),
        ],
    }
}

fn after_holiday() -> Scene {
    Scene {
        at: Civil { month: 10, day: 8, hour: 8, minute: 30 },
        title: "The moment that the refusals had named",
        beats: vec![(200, service(AGENT, PATIENT))],
    }
}

/// What goes on after the story, over and over; the gap after a step in ms.
pub(super) fn steady() -> Vec<(u64, Beat)> {
    vec![
        (900, calls_in("+8613800138015", HOTLINE, 3500, None)),
        (1200, service("8002", PATIENT)),
        (700, calls_in("+8613800138016", AGENT, 1800, None)),
        (1500, service("8003", "13800138002")),
        (900, service("8005", SHY)),
        (1300, calls_in("+8613800138017", "8011", 0, Some(1700))),
        (800, service(AGENT, PATIENT)),
        (1600, calls_in("+8613800138018", "8004", 1500, None)),
    ]
}
