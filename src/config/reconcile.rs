//! `[reconcile.<name>]`: a PBX's own call records, held against decisions.

use super::validate::Check;
use super::{Config, ConfigError};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use trunkline_core::cdr::{Columns, Format};
use trunkline_core::model::Named as _;

/// `[reconcile.<name>]`: the call records of `[pbx.<name>]`. Each day the server reconciles the day
/// before.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// Its files, with an absolute path. In the last part `*` stands for anything (`Master.csv*`, for
    /// files that are rotated); `%Y`, `%m` and `%d` are those of the day.
    pub files: String,
    /// `asterisk-csv`, `asterisk-custom`, `freeswitch-csv`, `freeswitch-json` or `generic-csv`.
    #[serde(deserialize_with = "format")]
    pub format: Format,
    /// Names of the columns in their order, where the PBX writes others than by default.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Zone of the records' local times, and of the day: `Asia/Shanghai`. Default: the machine's.
    pub zone: Option<String>,
    /// Contexts of the PBX's dialplan in which calls come in. Needed where records name no channels.
    /// Default none; for `freeswitch-csv` `public`.
    pub inbound_contexts: Option<Vec<String>>,
    /// A record and a call without a common id belong together if they are not further apart, in
    /// seconds. Default 5.
    #[serde(default = "five")]
    pub tolerance_s: u32,
    /// When the day before is reconciled, `HH:MM` in `zone`. Default `06:30`. `never`: only by
    /// `trunkline gate reconcile`.
    #[serde(default = "half_past_six")]
    pub at: String,
    /// It has to be done so many minutes later. Default 60. Then it is a breach of duty
    /// (`duty.breached`).
    #[serde(default = "sixty")]
    pub within_min: u32,
}

fn five() -> u32 {
    5
}
fn sixty() -> u32 {
    60
}
fn half_past_six() -> String {
    "06:30".to_owned()
}

fn format<'de, D: Deserializer<'de>>(input: D) -> Result<Format, D::Error> {
    let text = String::deserialize(input)?;
    Format::parse_name(&text).ok_or_else(|| {
        let names: Vec<&str> = Format::TABLE.iter().map(|(_, name)| *name).collect();
        D::Error::custom(format!("{text:?}: one of {}", names.join(", ")))
    })
}

impl Reconcile {
    /// The columns that are named.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn columns(&self) -> Result<Option<Columns>, String> {
        let named = Columns::named(self.columns.iter().map(String::as_str));
        if self.columns.is_empty() { Ok(None) } else { named.map(Some).map_err(|e| e.to_string()) }
    }

    /// Contexts in which calls come in.
    pub fn contexts_in(&self) -> Vec<String> {
        contexts_in(self.format, self.inbound_contexts.clone())
    }

    /// Zone of the records and of the day.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        let named = self.zone.as_deref().and_then(|zone| jiff::tz::TimeZone::get(zone).ok());
        named.unwrap_or_else(machine_zone)
    }

    /// The time of day at which it is done; `None`: never.
    pub fn daily(&self) -> Option<jiff::civil::Time> {
        time_of_day(&self.at)
    }
}

/// Contexts in which calls come in, unless somebody says others.
pub fn contexts_in(format: Format, said: Option<Vec<String>>) -> Vec<String> {
    let own = match format {
        Format::FreeswitchCsv => vec!["public".to_owned()],
        Format::AsteriskCsv
        | Format::AsteriskCustom
        | Format::FreeswitchJson
        | Format::GenericCsv => Vec::new(),
    };
    said.unwrap_or(own)
}

/// The zone that `/etc/localtime` points to; UTC where it says nothing.
pub fn machine_zone() -> jiff::tz::TimeZone {
    let target = std::fs::read_link("/etc/localtime").unwrap_or_default();
    let path = target.to_string_lossy();
    let name = path.split_once("zoneinfo/").map(|(_, name)| name);
    name.and_then(|name| jiff::tz::TimeZone::get(name).ok()).unwrap_or(jiff::tz::TimeZone::UTC)
}

fn time_of_day(text: &str) -> Option<jiff::civil::Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| (part.len() == 2).then(|| part.parse().ok()).flatten();
    jiff::civil::Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

pub(super) fn validate(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    for (name, one) in &config.reconcile {
        let section = format!("reconcile.{name}");
        let fits = |ok, key: &str, value: &dyn std::fmt::Debug, allowed: &str| {
            check.require(ok, &section, key, value, allowed)
        };
        let names: Vec<&String> = config.pbx.keys().collect();
        fits(
            config.pbx.contains_key(name),
            "files",
            name,
            &format!("a section [pbx.NAME], NAME one of {names:?}"),
        )?;
        fits(one.files.starts_with('/'), "files", &one.files, "an absolute path")?;
        if let Err(why) = one.columns() {
            fits(false, "columns", &one.columns, &why)?;
        }
        let zone = one.zone.as_deref().is_none_or(|zone| jiff::tz::TimeZone::get(zone).is_ok());
        fits(zone, "zone", &one.zone, "a name of the tz database, as Asia/Shanghai")?;
        fits(one.tolerance_s <= 300, "tolerance_s", &one.tolerance_s, "0 to 300")?;
        let at = one.at == "never" || one.daily().is_some();
        fits(at, "at", &one.at, "HH:MM, or never")?;
        let within = (1..=1440).contains(&one.within_min);
        fits(within, "within_min", &one.within_min, "1 to 1440")?;
    }
    Ok(())
}
