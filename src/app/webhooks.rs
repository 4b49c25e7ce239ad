//! `[webhook.<name>]` for the tasks that deliver.

use super::error::AppError;
use crate::config::{Config, ConfigError};
use crate::io::clock::Clock;
use crate::io::webhook::{self, Log, Place, Places, Webhook, WebhookConfig, WebhookStats};
use crate::store::Store;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use trunkline_core::wire::View;
use zeroize::Zeroizing;

/// First and longest wait between attempts.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Prefix of a secret, as the Standard Webhooks specification writes it.
const SECRET: &str = "whsec_";

/// Figures by name.
pub(super) type Stats = Vec<(String, Arc<WebhookStats>)>;

struct Kept(Store);

impl Places for Kept {
    fn load(&self, name: &str) -> Result<Option<Place>, String> {
        let found = self.0.follower(name).map_err(|e| e.to_string())?;
        Ok(found.map(|(epoch, pos)| Place { epoch, pos }))
    }

    fn save(&self, name: &str, place: Place) -> Result<(), String> {
        self.0.follows(name, place.epoch, place.pos).map_err(|e| e.to_string())
    }
}

/// Reads secrets and authorities of all webhooks.
///
/// # Errors
/// If one cannot be used.
pub fn check_webhooks(config: &Config) -> Result<(), AppError> {
    prepare(config).map(|_| ())
}

/// All webhooks, ready to run.
///
/// # Errors
/// If a secret or a file of authorities cannot be used.
pub(super) fn prepare(config: &Config) -> Result<Vec<Webhook>, AppError> {
    let mut ready = Vec::new();
    for (name, hook) in &config.webhook {
        let section = format!("webhook.{name}");
        let unfit = |key| config.origin.error(&section, key, &"unfit", "as docs/webhooks.md says");
        let settings = WebhookConfig {
            name: name.clone(),
            url: hook.uri().ok_or_else(|| unfit("url"))?,
            ca: hook.ca.clone(),
            secret: secret(config, &section, &hook.secret_file)?,
            kinds: hook.event_kinds().ok_or_else(|| unfit("kinds"))?,
            view: hook.view().unwrap_or(View::Masked),
            batch_max: hook.batch_max,
            answer_max: Duration::from_secs(hook.answer_s.into()),
            retry: RETRY,
            site: config.site.name.clone(),
        };
        let made = Webhook::new(settings);
        let ca = hook.ca.clone().unwrap_or_default();
        ready.push(made.map_err(|e| config.origin.error(&section, "ca", &ca, &e.why))?);
    }
    Ok(ready)
}

fn secret(config: &Config, section: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let text = super::secrets::password(config, section, "secret_file", path)?;
    let bytes = text.strip_prefix(SECRET).and_then(|b64| STANDARD.decode(b64).ok());
    match bytes.map(Zeroizing::new) {
        Some(key) if (24..=64).contains(&key.len()) => Ok(key),
        _ => {
            let allowed = "a file with whsec_ and base64 of 24 to 64 bytes";
            Err(config.origin.error(section, "secret_file", &path, allowed))
        }
    }
}

/// Starts a task for each.
pub(super) fn start(
    webhooks: Vec<Webhook>,
    store: &Store,
    clock: &Clock,
    head: &watch::Receiver<Place>,
    stop: &watch::Receiver<bool>,
) -> (Vec<JoinHandle<()>>, Stats) {
    let (reader, wall) = (store.clone(), clock.clone());
    let log = Log {
        read: Arc::new(move |from, limit| reader.read(from, limit).map_err(|e| e.to_string())),
        head: head.clone(),
        places: Arc::new(Kept(store.clone())),
        clock: Arc::new(move || wall.wall()),
    };
    let start = |webhook: Webhook| {
        let stats = Arc::new(WebhookStats::default());
        let name = webhook.name().to_owned();
        (webhook::spawn(webhook, log.clone(), stop.clone(), stats.clone()), (name, stats))
    };
    webhooks.into_iter().map(start).unzip()
}

/// Appends the figures of all webhooks to `/metrics`.
pub(super) fn write(out: &mut String, webhooks: &Stats) {
    use std::fmt::Write as _;
    let rows = webhooks.first().map(|(_, stats)| stats.rows()).into_iter().flatten();
    for (at, (figure, help, kind, _)) in rows.enumerate() {
        let _ = write!(
            out,
            "# HELP trunkline_webhook_{figure} {help}\n# TYPE trunkline_webhook_{figure} {kind}\n"
        );
        for (name, stats) in webhooks {
            let value = stats.rows()[at].3;
            let _ = writeln!(out, "trunkline_webhook_{figure}{{webhook=\"{name}\"}} {value}");
        }
    }
}
