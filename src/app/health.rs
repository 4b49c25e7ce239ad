//! Whether the journal writes, told to desks when it changes.

use crate::io::desk::Health;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often the journal's state is looked at; a lock-free read.
const LOOK: Duration = Duration::from_millis(100);

/// The sending side.
pub(super) struct HealthSource(watch::Sender<Health>);

impl Default for HealthSource {
    fn default() -> Self {
        Self(watch::channel(Health::Enabled).0)
    }
}

impl HealthSource {
    pub(super) fn subscribe(&self) -> watch::Receiver<Health> {
        self.0.subscribe()
    }
}

/// Tells changes until the task is dropped.
pub(super) async fn watch(source: Arc<HealthSource>, trouble: impl Fn() -> Option<String>) {
    loop {
        let health = if trouble().is_some() { Health::Degraded } else { Health::Enabled };
        source.0.send_if_modified(|now| std::mem::replace(now, health) != health);
        tokio::time::sleep(LOOK).await;
    }
}
