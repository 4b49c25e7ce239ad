//! The rule set file, schema 1. Unknown keys are refused; see docs/gate.md for each key.

use super::values::{
    ClassWord, Day, DaySpan, GapPolicy, HolidayScope, Period, PurposePattern, RegionPattern,
    Seconds,
};
use std::collections::BTreeMap;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesFile {
    pub(super) schema: u32,
    #[serde(default)]
    pub(super) always_allow: AlwaysAllow,
    #[serde(default)]
    pub(super) ruleset: BTreeMap<String, RuleSpec>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlwaysAllow {
    pub(super) numbers: Vec<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleSpec {
    pub(super) applies: Applies,
    #[serde(default)]
    pub(super) effective: Effective,
    pub(super) calendar: Option<String>,
    #[serde(default)]
    pub(super) holiday_scope: HolidayScope,
    pub(super) zone: ZoneSpec,
    pub(super) purpose: Cited,
    pub(super) dnc: Cited,
    #[serde(default)]
    pub(super) hard_ban: Vec<HardBan>,
    #[serde(default)]
    pub(super) ban: Vec<Ban>,
    pub(super) calendar_gap: Option<CalendarGap>,
    #[serde(default)]
    pub(super) window: Vec<Window>,
    #[serde(default)]
    pub(super) guard: GuardSpec,
    #[serde(default)]
    pub(super) cooldown: Vec<Cooldown>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Applies {
    pub(super) region: Vec<RegionPattern>,
    pub(super) purpose: Vec<PurposePattern>,
}

/// Local days, both inclusive.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effective {
    pub(super) from: Option<Day>,
    pub(super) until: Option<Day>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ZoneSpec {
    pub(super) source: ZoneSource,
    #[serde(default, rename = "unknown")]
    pub(super) _unknown: UnknownZone,
}

#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) enum ZoneSource {
    Callee,
    Fixed(super::zone::Zone),
}

impl TryFrom<String> for ZoneSource {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let fixed = text.strip_prefix("fixed:").and_then(super::zone::Zone::find);
        match (text.as_str(), fixed) {
            ("callee", _) => Ok(Self::Callee),
            (_, Some(zone)) => Ok(Self::Fixed(zone)),
            _ => Err(format!(
                "{text:?} is no zone: callee, or fixed:Area/City with a name of the tz database"
            )),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnknownZone {
    #[default]
    Deny,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cited {
    pub(super) cite: String,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HardBan {
    pub(super) id: String,
    pub(super) spans: Vec<DaySpan>,
    pub(super) cite: String,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ban {
    pub(super) id: String,
    pub(super) classes: Vec<ClassWord>,
    /// What may one day lift this ban; a call cannot claim one yet, so the ban stands.
    #[serde(default, rename = "exemptions")]
    pub(super) _exemptions: Vec<ExemptionWord>,
    pub(super) cite: String,
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExemptionWord {
    CustomerRequestedCallback,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarGap {
    pub(super) provisional: GapPolicy,
    pub(super) unknown: GapPolicy,
    pub(super) guard_days: GuardDays,
    pub(super) cite: String,
}

/// Days around a computed statutory date.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardDays {
    pub(super) before: u8,
    pub(super) after: u8,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    pub(super) classes: Vec<ClassWord>,
    pub(super) spans: Vec<DaySpan>,
    pub(super) cite: String,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GuardSpec {
    pub(super) last_start_before_end: Seconds,
    pub(super) decision_ttl: Seconds,
}

impl Default for GuardSpec {
    fn default() -> Self {
        Self { last_start_before_end: Seconds(0), decision_ttl: Seconds(5) }
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cooldown {
    pub(super) trigger: String,
    #[serde(rename = "scope")]
    pub(super) _scope: Vec<CooldownScope>,
    pub(super) period: Period,
    #[serde(default)]
    pub(super) floor_by_purpose: BTreeMap<PurposePattern, Period>,
    #[serde(rename = "cite")]
    pub(super) _cite: String,
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CooldownScope {
    Number,
}

impl Window {
    pub(super) fn lists(&self, class: crate::model::DayClass) -> bool {
        self.classes.iter().any(|word| word.covers(class))
    }
}

impl Ban {
    pub(super) fn lists(&self, class: crate::model::DayClass) -> bool {
        self.classes.iter().any(|word| word.covers(class))
    }
}
