//! Words of rule sets about calls: claims, layers, caps, keys.

use super::phrase;
use super::values::{Clock, DaySpan, Period};
use crate::model::{Claim, Named as _};
use jiff::civil::Weekday;
use std::time::Duration;

impl Claim {
    fn bit(self) -> u8 {
        match self {
            Self::Consent => 1,
            Self::RunningContract => 2,
            Self::CustomerRequestedCallback => 4,
        }
    }
}

/// A set of claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Claims(u8);

impl Claims {
    /// Sets of claims there are.
    pub(super) const SETS: usize = 1 << Claim::TABLE.len();

    /// With one more.
    #[must_use]
    pub fn with(self, claim: Claim) -> Self {
        Self(self.0 | claim.bit())
    }

    /// Is it among them?
    pub fn has(self, claim: Claim) -> bool {
        self.0 & claim.bit() != 0
    }

    /// The claims, in the order of their names' table.
    pub fn iter(self) -> impl Iterator<Item = Claim> {
        Claim::TABLE.iter().map(|(claim, _)| *claim).filter(move |claim| self.has(*claim))
    }

    pub(super) fn without(self, claim: Claim) -> Self {
        Self(self.0 & !claim.bit())
    }

    /// Its number among all sets, less than [`Claims::SETS`].
    pub(super) fn index(self) -> usize {
        self.0.into()
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0_u8..8).map(Self)
    }

    pub(super) fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<Claim> for Claims {
    fn from_iter<I: IntoIterator<Item = Claim>>(claims: I) -> Self {
        claims.into_iter().fold(Self::default(), Self::with)
    }
}

/// Whose rules these are. All that apply must allow; campaign and customer rules only narrow: where
/// no law or company set is in force, they allow nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Layer {
    Law,
    #[default]
    Company,
    Campaign,
    Customer,
}

impl Layer {
    /// Alone enough for an allow.
    pub(super) fn is_base(self) -> bool {
        matches!(self, Self::Law | Self::Company)
    }
}

/// Whether a rule set's refusal stops a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    #[default]
    Enforce,
    /// It only tells that it would.
    DryRun,
}

/// A day of the week, `mon` to `sun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct WeekdayWord(pub(super) Weekday);

pub(super) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl TryFrom<String> for WeekdayWord {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let found = WEEKDAYS.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, day)| Self(*day))
            .ok_or_else(|| format!("{text:?} is no weekday: mon, tue, wed, thu, fri, sat, sun"))
    }
}

/// What a cap counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Counted {
    /// Every dial.
    #[default]
    Attempt,
    /// Calls that were answered.
    Answered,
}

/// In which time a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) enum CapPer {
    /// So many local calendar days, the day of the call included.
    RollingDays(u16),
    /// So many hours to the microsecond.
    RollingHours(u16),
    /// The local calendar day.
    Day,
    /// The local week from Monday.
    Week,
}

impl TryFrom<String> for CapPer {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let count = |digits: &str| digits.parse().ok().filter(|n| (1..=3660).contains(n));
        let rolling = text.strip_prefix("rolling:").unwrap_or_default();
        let days = rolling.strip_prefix('P').and_then(|body| body.strip_suffix('D'));
        let hours = rolling.strip_prefix("PT").and_then(|body| body.strip_suffix('H'));
        match text.as_str() {
            "calendar:day" => Ok(Self::Day),
            "calendar:week" => Ok(Self::Week),
            _ => days
                .and_then(count)
                .map(Self::RollingDays)
                .or_else(|| hours.and_then(count).map(Self::RollingHours))
                .ok_or_else(|| {
                    format!(
                        "{text:?} is no time to count in: rolling:P30D, rolling:PT24H (1 to 3660), \
                         calendar:day, calendar:week"
                    )
                }),
        }
    }
}

impl CapPer {
    /// A call cannot count for longer than that.
    pub(super) fn longest(self) -> Duration {
        // A local day has up to 25 hours, and a zone may skip one.
        let days = |n: u64| Duration::from_secs((n + 1) * 86_400 + 3600);
        match self {
            Self::RollingDays(n) => days(n.into()),
            Self::RollingHours(n) => Duration::from_secs(u64::from(n) * 3600),
            Self::Day => days(1),
            Self::Week => days(7),
        }
    }

    /// As files write it.
    pub(super) fn write(self, text: &mut String) {
        let (before, count, after) = match self {
            Self::RollingDays(n) => ("rolling:P", Some(n), "D"),
            Self::RollingHours(n) => ("rolling:PT", Some(n), "H"),
            Self::Day => ("calendar:day", None, ""),
            Self::Week => ("calendar:week", None, ""),
        };
        text.push_str(before);
        if let Some(count) = count {
            phrase::number(text, count.into());
        }
        text.push_str(after);
    }
}

/// What two calls must share to be counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) enum KeyWord {
    /// The number.
    Callee,
    /// The person, by whatever number.
    Customer,
    Seller,
    Campaign,
    Purpose,
    Subject,
}

impl TryFrom<String> for KeyWord {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Ok(match text.as_str() {
            "callee" => Self::Callee,
            "customer" => Self::Customer,
            "seller" => Self::Seller,
            "campaign" => Self::Campaign,
            "purpose" => Self::Purpose,
            "subject" => Self::Subject,
            _ => {
                return Err(format!(
                    "{text:?} is no key: callee, customer, seller, campaign, purpose, subject; \
                     the caller's own number is never one"
                ));
            }
        })
    }
}

/// How long a refusal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) enum HoldFor {
    Period(Period),
    Forever,
}

impl TryFrom<String> for HoldFor {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "forever" => Ok(Self::Forever),
            _ => Period::try_from(text).map(Self::Period),
        }
    }
}

/// A whole day.
pub(super) const WHOLE_DAY: DaySpan = DaySpan { start: Clock(0), end: Clock(86_400) };
