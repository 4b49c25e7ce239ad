//! Whether the journal writes, told to desks when it changes.

use crate::io::desk::Health;
use crate::store::{JournalHealth, JournalState};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;
use trunkline_core::model::{Link, Named};

/// How often the journal's state is looked at; a lock-free read.
const LOOK: Duration = Duration::from_millis(100);

/// The journal's state as desks see it. The reason has no running figure in it, so that it
/// changes only when the state does.
pub(super) fn of(health: &JournalHealth) -> Health {
    match health.state {
        JournalState::Enabled => Health::Enabled,
        JournalState::Degraded { .. } => {
            Health::Degraded { reason: "the journal does not write: no new gated calls".to_owned() }
        }
    }
}

/// Control links in the detail of `/healthz`: a link that is down does not make trunkline ill.
pub(super) fn links(links: &[Link]) -> Value {
    let state = |link: &Link| (link.id.clone(), Value::from(link.state.name()));
    Value::Object(links.iter().map(state).collect())
}

/// Tells changes until the task is dropped or the journal is gone.
pub(super) async fn watch(told: watch::Sender<Health>, look: impl Fn() -> Option<JournalHealth>) {
    while let Some(health) = look() {
        let health = of(&health);
        told.send_if_modified(|now| {
            let changed = *now != health;
            now.clone_from(&health);
            changed
        });
        tokio::time::sleep(LOOK).await;
    }
}
