//! The rule set file, schema 1. Unknown keys are refused; see docs/gate.md for each key.

use super::Claim;
use super::caller::{ShownName, ShownNumber};
use super::terms::{CapPer, Counted, HoldFor, KeyWord, Layer, Mode, WHOLE_DAY, WeekdayWord};
use super::values::{
    ClassWord, Day, DaySpan, GapPolicy, HolidayScope, Hours, Instant, Period, PurposePattern,
    RegionPattern, Seconds, Word,
};
use crate::model::Text;
use jiff::civil::{Date, Weekday};
use std::collections::BTreeMap;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesFile {
    pub(super) schema: u32,
    #[serde(default)]
    pub(super) always_allow: AlwaysAllow,
    #[serde(default, deserialize_with = "super::file::unique")]
    pub(super) ruleset: BTreeMap<String, RuleSpec>,
    #[serde(default)]
    pub(super) blackout: Vec<BlackoutSpec>,
    #[serde(rename = "override")]
    pub(super) overriding: Option<OverrideSpec>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AlwaysAllow {
    pub(super) numbers: Vec<String>,
    pub(super) internal: bool,
}

impl Default for AlwaysAllow {
    fn default() -> Self {
        Self { numbers: Vec::new(), internal: true }
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleSpec {
    pub(super) applies: Applies,
    #[serde(default)]
    pub(super) layer: Layer,
    #[serde(default)]
    pub(super) mode: Mode,
    #[serde(default)]
    pub(super) effective: Effective,
    pub(super) calendar: Option<String>,
    #[serde(default)]
    pub(super) holiday_scope: HolidayScope,
    pub(super) zone: ZoneSpec,
    pub(super) purpose: Cited,
    pub(super) dnc: Cited,
    #[serde(default)]
    pub(super) requires: Vec<Requires>,
    #[serde(default)]
    pub(super) caller_id: Vec<CallerId>,
    #[serde(default)]
    pub(super) register: Vec<RegisterRule>,
    #[serde(default)]
    pub(super) hard_ban: Vec<HardBan>,
    #[serde(default)]
    pub(super) ban: Vec<Ban>,
    pub(super) calendar_gap: Option<CalendarGap>,
    #[serde(default)]
    pub(super) window: Vec<Window>,
    #[serde(default)]
    pub(super) cap: Vec<Cap>,
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
    /// Calls of these campaigns only.
    #[serde(default)]
    pub(super) campaign: Vec<Word>,
    /// Calls to these customers only.
    #[serde(default)]
    pub(super) customer: Vec<Word>,
}

/// Local days, both inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effective {
    pub(super) from: Option<Day>,
    pub(super) until: Option<Day>,
}

impl Effective {
    pub(super) fn on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from.0 <= day) && self.until.is_none_or(|until| day <= until.0)
    }
}

/// What every rule has: a clause it comes from, days in force, and perhaps a reason why it sleeps.
pub(super) trait Rule {
    fn cite(&self) -> &Text;
    fn effective(&self) -> &Effective;
    fn disabled(&self) -> Option<&str>;

    fn in_force(&self, day: Date) -> bool {
        self.disabled().is_none() && self.effective().on(day)
    }
}

/// A rule: its own keys, and those that all rules have.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident { $($fields:tt)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($fields)*
            pub(super) cite: Text,
            #[serde(default)]
            pub(super) effective: Effective,
            /// Why it is not in force, whatever the day.
            pub(super) disabled: Option<String>,
        }

        impl Rule for $name {
            fn cite(&self) -> &Text {
                &self.cite
            }
            fn effective(&self) -> &Effective {
                &self.effective
            }
            fn disabled(&self) -> Option<&str> {
                self.disabled.as_deref()
            }
        }
    )*};
}

rules! {
    HardBan {
        pub(super) id: Text,
        pub(super) spans: Vec<DaySpan>,
    }
    /// Days, weekdays and spans must all fit; a key left out fits always.
    Ban {
        pub(super) id: Text,
        #[serde(default)]
        pub(super) classes: Vec<ClassWord>,
        #[serde(default)]
        pub(super) weekdays: Vec<WeekdayWord>,
        #[serde(default = "whole_day")]
        pub(super) spans: Vec<DaySpan>,
        /// Claims that lift this ban, and no other.
        #[serde(default)]
        pub(super) exemptions: Vec<Claim>,
    }
    Window {
        pub(super) classes: Vec<ClassWord>,
        #[serde(default)]
        pub(super) weekdays: Vec<WeekdayWord>,
        pub(super) spans: Vec<DaySpan>,
        /// Open only to calls with all of these claims.
        #[serde(default)]
        pub(super) given: Vec<Claim>,
    }
    /// At most `max` calls with the same `key` in `per`.
    Cap {
        pub(super) id: Text,
        #[serde(default)]
        pub(super) count: Counted,
        pub(super) max: u16,
        pub(super) per: CapPer,
        pub(super) key: Vec<KeyWord>,
    }
    Cooldown {
        #[serde(default = "cooldown_id")]
        pub(super) id: Text,
        pub(super) trigger: String,
        pub(super) scope: Vec<CooldownScope>,
        /// What the call must share with the one that triggered it, beyond the scope.
        #[serde(default)]
        pub(super) key: Vec<KeyWord>,
        pub(super) period: HoldFor,
        #[serde(default)]
        pub(super) floor_by_purpose: BTreeMap<PurposePattern, Period>,
    }
    /// Numbers of an external register are not called, and nobody is without a fresh edition.
    RegisterRule {
        /// The register's name, and the rule's.
        pub(super) name: Text,
        /// Age of an edition on the last day on which it counts.
        pub(super) stale_after: Period,
        /// How long after that it still counts, with an alarm.
        pub(super) grace: Option<Period>,
        /// The alarm comes so many days before it is too old.
        #[serde(default = "warn_days")]
        pub(super) warn_days: u8,
        /// Claims that make the register no matter.
        #[serde(default)]
        pub(super) exemptions: Vec<Claim>,
    }
    /// Only these numbers, and names if there are any, may be shown to the callee.
    CallerId {
        pub(super) id: Text,
        /// Calls with these purposes.
        #[serde(default = "any_purpose")]
        pub(super) purpose: Vec<PurposePattern>,
        pub(super) numbers: Vec<ShownNumber>,
        #[serde(default)]
        pub(super) names: Vec<ShownName>,
    }
    /// A call needs one of these claims.
    Requires {
        pub(super) id: Text,
        pub(super) any: Vec<Claim>,
    }
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
    pub(super) cite: Text,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarGap {
    pub(super) provisional: GapPolicy,
    pub(super) unknown: GapPolicy,
    pub(super) guard_days: GuardDays,
    pub(super) cite: Text,
}

/// Days around a computed statutory date.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardDays {
    pub(super) before: u8,
    pub(super) after: u8,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CooldownScope {
    /// The same number.
    Number,
    /// The same person at another number.
    Customer,
}

/// Two people may open the time between a company's hours and its hard bans.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideSpec {
    #[serde(default = "two")]
    pub(super) approvers: u8,
    pub(super) max_ttl: Hours,
    pub(super) per: Word,
    /// What is never opened; empty: all that cannot be.
    #[serde(default)]
    pub(super) cannot: Vec<Word>,
    pub(super) cite: Text,
}

fn two() -> u8 {
    2
}

/// A region in which nobody is called for a time: a disaster, a day of mourning.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlackoutSpec {
    pub(super) id: String,
    pub(super) region: Vec<RegionPattern>,
    #[serde(default = "any_purpose")]
    pub(super) purpose: Vec<PurposePattern>,
    pub(super) from: Instant,
    pub(super) until: Instant,
    /// Two people.
    pub(super) approved_by: Vec<Word>,
    pub(super) cite: Text,
}

fn whole_day() -> Vec<DaySpan> {
    vec![WHOLE_DAY]
}

fn cooldown_id() -> Text {
    Text::fixed("cooldown")
}

fn warn_days() -> u8 {
    7
}

fn any_purpose() -> Vec<PurposePattern> {
    vec![PurposePattern::any()]
}

fn on(weekdays: &[WeekdayWord], day: Weekday) -> bool {
    weekdays.is_empty() || weekdays.iter().any(|word| word.0 == day)
}

impl Window {
    /// Whether it speaks of such days; of days without a class if it names `any`.
    pub(super) fn lists(&self, class: crate::model::DayClass) -> bool {
        self.classes.iter().any(|word| word.covers(class))
    }

    pub(super) fn falls_on(&self, day: Weekday) -> bool {
        on(&self.weekdays, day)
    }
}

impl Ban {
    pub(super) fn lists(&self, class: crate::model::DayClass) -> bool {
        self.classes.is_empty() || self.classes.iter().any(|word| word.covers(class))
    }

    pub(super) fn falls_on(&self, day: Weekday) -> bool {
        on(&self.weekdays, day)
    }
}
