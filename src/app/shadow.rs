//! Rules that are tried out live beside those in force: `[gate] shadow`.

use super::error::AppError;
use super::orders::{Order, Orders};
use super::rules::from_files;
use crate::config::Config;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use trunkline_core::engine::{Shadow, ShadowJob, ShadowNews};
use trunkline_core::gate::{GateFileError, LooksBack};
use trunkline_core::model::ShadowDiff;

/// Decisions that may wait to be judged again; beyond, they are not, and counted.
const QUEUE: usize = 4096;
/// Rules that are counted apart in `/metrics`; the others count in the sums alone.
const RULES_MAX: usize = 256;

/// The rules that `[gate] shadow` names; `None`: it names none.
///
/// # Errors
/// If a file cannot be read or used.
pub fn shadow_rules(config: &Config) -> Result<Option<Shadow>, AppError> {
    let files = &config.gate.shadow;
    if files.is_empty() {
        return Ok(None);
    }
    let book = from_files(Some(config), files)?;
    if let Some(error) = book.contradiction() {
        return Err(error.into());
    }
    let ruleset = match book.ruleset_names().as_slice() {
        [only] => Some((*only).to_owned()),
        _ => None,
    };
    Ok(Some(Shadow { book: Arc::new(book), ruleset }))
}

/// Those of a running server.
#[derive(Default)]
pub(super) struct Tried {
    last_good: RwLock<Option<Shadow>>,
}

impl Tried {
    /// At the start. Rules that do not count keep nobody from serving: what cannot be used is told
    /// by `refused`.
    pub(super) fn start(config: &Config) -> (Self, Option<String>) {
        let (good, refused) = match shadow_rules(config) {
            Ok(good) => (good, None),
            Err(error) => {
                tracing::error!(%error, "the rules to be tried out cannot be used");
                (None, Some(error.to_string()))
            }
        };
        (Self { last_good: RwLock::new(good) }, refused)
    }

    pub(super) fn last_good(&self) -> Option<Shadow> {
        self.last_good.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn looks_back(&self) -> LooksBack {
        self.last_good().map(|shadow| shadow.book.looks_back()).unwrap_or_default()
    }

    /// Reads the files anew. What cannot be used changes nothing but raises an alarm. `known`: how
    /// long the rules in force look back.
    ///
    /// # Errors
    /// If a file cannot be used, or the engine takes no orders.
    pub(super) fn reload(
        &self,
        config: &Config,
        known: LooksBack,
        orders: &Orders,
    ) -> Result<(), AppError> {
        match self.fresh(config, known) {
            Ok(None) => Ok(()),
            Ok(Some(shadow)) => {
                if !orders.give(Order::Shadow(ShadowNews::Rules(shadow.clone()))) {
                    let busy = "the engine takes no orders: the rules tried out stay as they were";
                    return Err(AppError::Stopped(busy));
                }
                *self.last_good.write().unwrap_or_else(PoisonError::into_inner) = Some(shadow);
                tracing::info!("the rules that are tried out are read anew");
                Ok(())
            }
            Err(error) => {
                orders.give(Order::Shadow(ShadowNews::Refused(error.to_string())));
                Err(error)
            }
        }
    }

    fn fresh(&self, config: &Config, known: LooksBack) -> Result<Option<Shadow>, AppError> {
        let Some(shadow) = shadow_rules(config)? else { return Ok(None) };
        let (new, known) = (shadow.book.looks_back(), known.max(self.looks_back()));
        if new.max(known) != known {
            // Calls that no rule looked back to are not remembered.
            let message = "a rule looks back further than those in force: restart to take it";
            let file = "[gate] shadow".to_owned();
            return Err(GateFileError { file, message: message.to_owned() }.into());
        }
        Ok(Some(shadow))
    }
}

/// Figures of the judging.
#[derive(Default)]
pub(super) struct ShadowStats {
    compared: AtomicU64,
    skipped: AtomicU64,
    differing: Mutex<Differing>,
}

#[derive(Default)]
struct Differing {
    by_change: BTreeMap<&'static str, u64>,
    by_rule: BTreeMap<(&'static str, String), u64>,
}

impl ShadowStats {
    fn differs(&self, one: &ShadowDiff) {
        let mut found = self.differing.lock().unwrap_or_else(PoisonError::into_inner);
        *found.by_change.entry(one.change()).or_default() += 1;
        for rule in one.rules() {
            let key = (one.change(), rule.clone());
            if found.by_rule.len() < RULES_MAX || found.by_rule.contains_key(&key) {
                *found.by_rule.entry(key).or_default() += 1;
            }
        }
    }

    /// Rows of `/metrics`.
    pub(super) fn write(&self, out: &mut String) {
        for (name, help, count) in [
            ("compared", "Decisions judged again by the rules tried out.", &self.compared),
            ("skipped", "Decisions that were not: too many waited.", &self.skipped),
        ] {
            let name = format!("trunkline_gate_shadow_{name}_total");
            let count = count.load(Ordering::Relaxed);
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}\n");
        }
        let found = self.differing.lock().unwrap_or_else(PoisonError::into_inner);
        let name = "trunkline_gate_shadow_differs_total";
        let help = "Decisions that the rules tried out would have made otherwise.";
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n");
        for change in ["newly_denied", "newly_allowed"] {
            let count = found.by_change.get(change).copied().unwrap_or_default();
            let _ = writeln!(out, "{name}{{change=\"{change}\"}} {count}");
        }
        let name = "trunkline_gate_shadow_differs_by_rule_total";
        let help = "The same by each rule that refuses on one side.";
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n");
        for ((change, rule), count) in &found.by_rule {
            let _ = writeln!(out, "{name}{{change=\"{change}\",rule=\"{rule}\"}} {count}");
        }
    }
}

/// Where the SIP thread leaves decisions to be judged again.
pub(super) struct ShadowJobs {
    jobs: Sender<ShadowJob>,
    stats: Arc<ShadowStats>,
}

impl ShadowJobs {
    pub(super) fn new(stats: &Arc<ShadowStats>) -> (Self, Receiver<ShadowJob>) {
        let (jobs, taken) = crossbeam_channel::bounded(QUEUE);
        (Self { jobs, stats: stats.clone() }, taken)
    }

    /// Never waits.
    pub(super) fn give(&self, job: ShadowJob) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.jobs.try_send(job)
        {
            self.stats.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Judges until nobody leaves jobs any more.
pub(super) fn judge(jobs: Receiver<ShadowJob>, stats: &ShadowStats, orders: &Orders) {
    for job in jobs {
        let differs = job.run();
        stats.compared.fetch_add(1, Ordering::Relaxed);
        if let Some(one) = differs {
            stats.differs(&one);
            orders.give(Order::Shadow(ShadowNews::Differs(Box::new(one))));
        }
    }
}
