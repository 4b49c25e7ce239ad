//! How the scripted phones of the PBX behave, unless they are told otherwise.

use super::ua::{Behaviour, Outcome, Progress};

/// Plans by extension. `8001`-`8009` answer, `8010` is busy, `8011` is never answered, others do
/// not exist.
pub(super) fn plans() -> Vec<(String, Behaviour)> {
    let ringing = |then| Behaviour {
        progress: Progress::Ringing,
        progress_after_ms: 200,
        then,
        ..Behaviour::default()
    };
    let reject = |status, phrase: &str, reason: &str| Outcome::Reject {
        after_ms: 100,
        status,
        phrase: phrase.to_owned(),
        reason: Some(reason.to_owned()),
    };
    let silent = |then| Behaviour { progress: Progress::None, ..ringing(then) };
    let mut plans: Vec<(String, Behaviour)> = (8001..=8009)
        .map(|n| (n.to_string(), ringing(Outcome::Answer { after_ms: 2000 })))
        .collect();
    let busy = reject(486, "Busy Here", "Q.850;cause=17;text=\"User busy\"");
    let unknown = reject(404, "Not Found", "Q.850;cause=1;text=\"Unallocated number\"");
    plans.push(("8010".to_owned(), silent(busy)));
    plans.push(("8011".to_owned(), ringing(Outcome::Never)));
    plans.push(("*".to_owned(), silent(unknown)));
    plans
}
