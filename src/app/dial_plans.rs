//! How the site dials, and where otherwise: from the configuration to dial plans.

use super::AppError;
use crate::config::{Config, ConfigError, Gate, Pbx};
use trunkline_core::gate::{BadPlan, Book, DialPlan, DialPlans, PbxDialPlan};

/// The dial plans of `[gate]` and `[pbx.<name>]`, with the numbers that the rule sets leave ungated.
///
/// # Errors
/// If a key cannot be used.
pub fn dial_plans(config: Option<&Config>, book: &Book) -> Result<DialPlans, AppError> {
    let site = |gate: &Gate| DialPlan {
        home_region: gate.home_region.clone().unwrap_or(DialPlan::default().home_region),
        outside_prefix: gate.outside_prefix.clone(),
        home_area: gate.home_area.clone(),
        internal: gate.internal.clone(),
        emergency: book.always_allow().to_vec(),
    };
    let Some(config) = config else {
        return Ok(DialPlans::new(site(&Gate::default()), Vec::new())?);
    };
    let site = site(&config.gate);
    let of = |(name, pbx): (&String, &Pbx)| {
        let plan = pbx.dial.as_ref().map_or_else(|| site.clone(), |by| site.changed(by));
        let trunks = pbx.dial_by_trunk.iter();
        let trunks = trunks.map(|(trunk, by)| (trunk.clone(), plan.changed(by))).collect();
        PbxDialPlan { name: name.clone(), plan, trunks }
    };
    let pbxs = config.pbx.iter().map(of).collect();
    DialPlans::new(site.clone(), pbxs).map_err(|bad| named(config, &bad).into())
}

/// Where in the file it stands: what a PBX does not say itself is taken over from `[gate]`, so that
/// a plan is wrong there first.
fn named(config: &Config, bad: &BadPlan) -> ConfigError {
    let BadPlan { pbx, trunk, error } = bad;
    let (section, key) = match (pbx, trunk) {
        (None, _) => ("gate".to_owned(), error.key.to_owned()),
        (Some(pbx), None) => (format!("pbx.{pbx}"), format!("dial.{}", error.key)),
        (Some(pbx), Some(trunk)) => {
            (format!("pbx.{pbx}"), format!("dial_by_trunk.{trunk:?}.{}", error.key))
        }
    };
    config.origin.error(&section, &key, &error.value, error.allowed)
}
