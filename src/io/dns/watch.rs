//! Keeps answers fresh.

use super::client::Client;
use super::config::{DnsConfig, Question};
use super::locate::locate;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::JoinHandle;
use trunkline_core::sip::{Endpoint, PeerId};

/// Waits after a failure: doubled from the first to the last.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// An answer is looked up again after this share of its life, in percent.
const FRESH_PERCENT: u32 = 80;
/// Life of an answer that does not say.
const TTL_UNKNOWN: Duration = Duration::from_secs(60);

/// A neighbour that is known by a name.
#[derive(Clone, Debug)]
pub struct Job {
    /// Neighbour.
    pub peer: PeerId,
    /// For the log.
    pub label: String,
    /// What to look up.
    pub question: Question,
}

/// Takes a new answer; `false`: it has no room for it now and wants it again.
pub type Tell = Arc<dyn Fn(PeerId, &[Endpoint]) -> bool + Send + Sync>;

/// Counters.
#[derive(Debug, Default)]
pub struct DnsStats {
    lookups: AtomicU64,
    failures: AtomicU64,
    changes: AtomicU64,
    failing: AtomicU64,
}

impl DnsStats {
    /// Lookups of names.
    pub fn lookups(&self) -> u64 {
        self.lookups.load(Relaxed)
    }

    /// Of these, without a usable answer.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Answers that differed from the one before.
    pub fn changes(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    /// Names whose newest lookup failed: their last good answer is in force.
    pub fn failing(&self) -> u64 {
        self.failing.load(Relaxed)
    }
}

/// Looks every name up and keeps looking, until the tasks are dropped.
///
/// # Errors
/// If the resolver cannot be made.
pub fn watch(
    config: &DnsConfig,
    jobs: Vec<Job>,
    stats: &Arc<DnsStats>,
    tell: &Tell,
) -> Result<Vec<JoinHandle<()>>, String> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let client = Arc::new(Client::new(config)?);
    let follow = |job| follow(job, client.clone(), config.clone(), stats.clone(), tell.clone());
    Ok(jobs.into_iter().map(|job| tokio::spawn(follow(job))).collect())
}

async fn follow(
    job: Job,
    client: Arc<Client>,
    config: DnsConfig,
    stats: Arc<DnsStats>,
    tell: Tell,
) {
    let Job { peer, label, question } = job;
    let mut told: Vec<Endpoint> = Vec::new();
    let mut failures = 0;
    loop {
        stats.lookups.fetch_add(1, Relaxed);
        let wait = match locate(&client, &question).await {
            Ok(located) => {
                if failures > 0 {
                    stats.failing.fetch_sub(1, Relaxed);
                    tracing::info!(label, host = question.host, "name is resolved again");
                }
                failures = 0;
                if located.endpoints == told {
                    fresh_for(located.ttl, &config)
                } else if tell(peer, &located.endpoints) {
                    stats.changes.fetch_add(1, Relaxed);
                    told = located.endpoints;
                    fresh_for(located.ttl, &config)
                } else {
                    RETRY_MIN
                }
            }
            Err(error) => {
                stats.failures.fetch_add(1, Relaxed);
                if failures == 0 {
                    stats.failing.fetch_add(1, Relaxed);
                    let kept = told.len();
                    tracing::warn!(label, error, kept, "name is not resolved; last answer stays");
                }
                failures += 1;
                RETRY_MIN.saturating_mul(1 << (failures - 1).min(5)).min(RETRY_MAX)
            }
        };
        tokio::time::sleep(wait).await;
    }
}

fn fresh_for(ttl: Option<Duration>, config: &DnsConfig) -> Duration {
    let ttl = ttl.unwrap_or(TTL_UNKNOWN).clamp(config.ttl_min, config.ttl_max);
    ttl * FRESH_PERCENT / 100
}
