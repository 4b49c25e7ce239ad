//! How the scripted carrier treats called numbers, unless it is told otherwise.

use super::ua::{Behaviour, Outcome, Progress};

/// Plans by called number. `*`: rings after 0.4 s, answers after 2 s.
pub fn plans() -> Vec<(String, Behaviour)> {
    let answer = |after_ms| Outcome::Answer { after_ms };
    let plan = |progress, progress_after_ms, then| Behaviour {
        progress,
        progress_after_ms,
        then,
        ..Behaviour::default()
    };
    let anybody = plan(Progress::Ringing, 400, answer(2000));
    let emergency = plan(Progress::EarlyMedia, 100, answer(600));
    let mut plans = vec![("*".to_owned(), anybody)];
    plans.extend(["110", "119", "120", "122"].map(|n| (n.to_owned(), emergency.clone())));
    plans
}
