//! What a webhook needs, and its figures.

use super::place::Place;
use crate::io::trust;
use hyper::Uri;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio_rustls::rustls::ClientConfig;
use trunkline_core::model::EventKind;
use trunkline_core::wire::View;
use zeroize::Zeroizing;

/// Settings of one webhook.
pub struct WebhookConfig {
    /// Its name in the configuration.
    pub name: String,
    /// Where events go: http or https.
    pub url: Uri,
    /// Authorities for https; without it those that the system trusts.
    pub ca: Option<PathBuf>,
    /// Key of the signatures.
    pub secret: Zeroizing<Vec<u8>>,
    /// Kinds that are sent; empty: all.
    pub kinds: Vec<EventKind>,
    /// How telephone numbers are shown.
    pub view: View,
    /// Events of one request at most.
    pub batch_max: usize,
    /// Longest wait for an answer.
    pub answer_max: Duration,
    /// Attempts: the first wait after a failure, and the longest.
    pub retry: (Duration, Duration),
    /// Name of the site, in `source`.
    pub site: String,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("webhook {name}: ca: {why}")]
pub struct WebhookError {
    /// Webhook.
    pub name: String,
    /// Why.
    pub why: String,
}

/// A webhook that is ready to run.
pub struct Webhook {
    pub(super) config: WebhookConfig,
    pub(super) tls: ClientConfig,
}

impl Webhook {
    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Loads what TLS needs.
    ///
    /// # Errors
    /// If the file of authorities cannot be used.
    pub fn new(config: WebhookConfig) -> Result<Self, WebhookError> {
        let failed = |why| WebhookError { name: config.name.clone(), why };
        let tls = trust::client_config(config.ca.as_deref()).map_err(failed)?;
        Ok(Self { config, tls })
    }
}

/// Figures of one webhook.
#[derive(Debug, Default)]
pub struct WebhookStats {
    delivered: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    gaps: AtomicU64,
    pos: AtomicU64,
    failing: AtomicBool,
}

impl WebhookStats {
    pub(super) fn delivered(&self, events: usize) {
        self.delivered.fetch_add(events as u64, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.failing.store(false, Relaxed);
    }

    /// Says whether the webhook has begun to fail with this.
    pub(super) fn failed(&self) -> bool {
        self.failures.fetch_add(1, Relaxed);
        !self.failing.swap(true, Relaxed)
    }

    pub(super) fn gap(&self) {
        self.gaps.fetch_add(1, Relaxed);
    }

    pub(super) fn stands(&self, place: Place) {
        self.pos.store(place.pos.0, Relaxed);
    }

    /// Name, help, kind and value of each figure.
    pub fn rows(&self) -> [(&'static str, &'static str, &'static str, u64); 6] {
        let read = |value: &AtomicU64| value.load(Relaxed);
        [
            ("events_total", "Events delivered.", "counter", read(&self.delivered)),
            ("requests_total", "Requests answered by 2xx.", "counter", read(&self.requests)),
            ("failures_total", "Requests that failed.", "counter", read(&self.failures)),
            ("gaps_total", "Gaps told.", "counter", read(&self.gaps)),
            ("position", "Newest position delivered or passed over.", "gauge", read(&self.pos)),
            (
                "failing",
                "1 while the newest request failed.",
                "gauge",
                u64::from(self.failing.load(Relaxed)),
            ),
        ]
    }
}
