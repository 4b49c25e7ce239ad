//! `[pop]`, `[identity]`, `[record]` and the barrier of `[desk]` for the engine.

use super::AppError;
use crate::config::{Config, Window};
use crate::io::desk::{Barrier, OverrideBy};
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;
use trunkline_core::call::PeopleRules;
use trunkline_core::engine::{PeopleConfig, TransferBarrier};
use trunkline_core::model::{Call, CallId, Duty, DutyKind, PopWindow, Wall};

fn names(names: &[String]) -> Vec<Arc<str>> {
    names.iter().map(|name| name.as_str().into()).collect()
}

/// What the engine is told.
pub(super) fn people(config: &Config) -> PeopleConfig {
    let (desk, pop, within_s) = (&config.desk, &config.pop, config.record.within_s);
    PeopleConfig {
        barrier: match desk.transfer_barrier {
            Barrier::Off => TransferBarrier::Off,
            Barrier::Warn => TransferBarrier::Warn,
            Barrier::Hold => TransferBarrier::Hold,
        },
        confirm_within: Duration::from_millis(desk.transfer_confirm_ms),
        agents_override: desk.transfer_override == OverrideBy::Agent,
        window: match pop.window {
            Window::Primary => PopWindow::Primary,
            Window::Secondary => PopWindow::Secondary,
        },
        opening: pop.opening.clone(),
        factors: names(&config.identity.factors),
        number_factors: names(&config.identity.by_number()),
        labels: names(&config.record.labels),
        record_within: (within_s > 0).then(|| Duration::from_secs(within_s.into())),
    }
}

/// What each call is told.
pub(super) fn rules(config: &Config) -> Arc<PeopleRules> {
    Arc::new(PeopleRules {
        sensitive: names(&config.identity.sensitive).into_iter().collect(),
        apology_late: config.pop.apology_late.as_str().into(),
        apology_fault: config.pop.apology_fault.as_str().into(),
    })
}

/// Calls that are over and whose label is due: an agent may still give it.
///
/// # Errors
/// If a record cannot be read.
pub(super) fn unlabelled(store: &Store, duties: &[Duty], now: Wall) -> Result<Vec<Call>, AppError> {
    let due = duties.iter().filter(|duty| duty.kind == DutyKind::CallRecord);
    let mut ids: Vec<CallId> = due.filter_map(|duty| duty.subject.parse().ok()).collect();
    ids.dedup();
    let mut calls = Vec::new();
    for id in ids {
        calls.extend(store.show(id, "trunkline", now)?);
    }
    Ok(calls)
}
