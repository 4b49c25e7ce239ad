//! Webhooks: every event to systems that cannot hold a socket, in order, at least once.
//!
//! One task a webhook reads the journal from where it stands, so that nothing is kept in memory
//! for a receiver that is slow or away. docs/webhooks.md describes the requests.

mod body;
mod config;
mod place;
mod post;
mod run;
#[cfg(test)]
mod tests;

pub use config::{Webhook, WebhookConfig, WebhookError, WebhookStats};
pub use place::{Place, Places};
pub use run::{Log, ReadLog, spawn};
