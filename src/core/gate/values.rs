//! Words of the rule set files, checked as they are read: a bad one is reported with its line.

use crate::model::{DayClass, Named};
use jiff::Timestamp;
use jiff::civil::Date;
use std::fmt;
use std::time::Duration;

/// Second of a local day, 0 to 86,400 (`24:00`, the end of the day).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Clock(pub(super) u32);

impl TryFrom<String> for Clock {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let number = |digits: &str| match digits.len() {
            2 if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<u32>().ok(),
            _ => None,
        };
        text.split_once(':')
            .and_then(|(h, m)| Some((number(h)?, number(m)?)))
            .filter(|&(h, m)| (h < 24 && m < 60) || (h, m) == (24, 0))
            .map(|(h, m)| Self((h * 60 + m) * 60))
            .ok_or_else(|| format!("{text:?} is no time of day: write HH:MM, 00:00 to 24:00"))
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 3600, self.0 / 60 % 60)?;
        match self.0 % 60 {
            0 => Ok(()),
            second => write!(f, ":{second:02}"),
        }
    }
}

/// Part of a local day, `[start, end)`; never empty, never across midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "(Clock, Clock)")]
pub(super) struct DaySpan {
    pub(super) start: Clock,
    pub(super) end: Clock,
}

impl TryFrom<(Clock, Clock)> for DaySpan {
    type Error = String;
    fn try_from((start, end): (Clock, Clock)) -> Result<Self, String> {
        if start < end {
            return Ok(Self { start, end });
        }
        Err(format!(
            "[{start}, {end}] ends before it starts: a span stays within one day, \
             write two spans across midnight"
        ))
    }
}

impl fmt::Display for DaySpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

/// A calendar day, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Day(pub(super) Date);

impl TryFrom<String> for Day {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        parse_day(&text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no calendar day: write YYYY-MM-DD"))
    }
}

/// Exactly `YYYY-MM-DD`; jiff alone would take more forms.
pub(super) fn parse_day(text: &str) -> Option<Date> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    shape.then(|| text.parse().ok()).flatten()
}

/// Classes a window or ban may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) enum ClassWord {
    /// One class of the calendar.
    Class(DayClass),
    /// Every day of a rule set without a calendar.
    Any,
}

impl TryFrom<String> for ClassWord {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match DayClass::parse_name(&text) {
            Some(DayClass::Provisional | DayClass::Unknown) => {
                Err(format!("days of class {text:?} are ruled by calendar_gap"))
            }
            Some(class) => Ok(Self::Class(class)),
            None if text == "any" => Ok(Self::Any),
            None => Err(format!(
                "{text:?} is no class of day: workday, makeup, rest, holiday, \
                 or any without a calendar"
            )),
        }
    }
}

impl ClassWord {
    pub(super) fn covers(self, class: DayClass) -> bool {
        match self {
            Self::Class(known) => known == class,
            Self::Any => true,
        }
    }
}

/// Length of a cool-down in local calendar days or months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Period {
    Days(u16),
    Months(u16),
}

impl TryFrom<String> for Period {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let body = text.strip_prefix('P').unwrap_or_default();
        let count = |digits: &str| digits.parse().ok().filter(|n| (1..=3660).contains(n));
        body.strip_suffix('D')
            .and_then(count)
            .map(Self::Days)
            .or_else(|| body.strip_suffix('M').and_then(count).map(Self::Months))
            .ok_or_else(|| format!("{text:?} is no period: write P90D or P6M, 1 to 3660"))
    }
}

impl Period {
    /// Last blocked day of a request on `day`, which is day 0. Months clamp to the month's end.
    pub(super) fn last_day(self, day: Date) -> Option<Date> {
        let span = match self {
            Self::Days(n) => jiff::Span::new().try_days(n),
            Self::Months(n) => jiff::Span::new().try_months(n),
        };
        day.checked_add(span.ok()?).ok()
    }

    /// No block lasts longer: months of 31 days, and a day for clocks.
    pub(super) fn longest(self) -> Duration {
        let days = match self {
            Self::Days(n) => u64::from(n),
            Self::Months(n) => u64::from(n) * 31,
        };
        Duration::from_secs((days + 1) * 86_400 + 3600)
    }
}

/// Whole seconds, `5s`, at most an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Seconds(pub(super) u32);

impl TryFrom<String> for Seconds {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.strip_suffix('s')
            .and_then(|digits| digits.parse().ok())
            .filter(|n| *n <= 3600)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no duration: write 0s to 3600s"))
    }
}

impl Seconds {
    pub(super) fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

/// Hours or minutes, `PT2H` or `PT30M`, at most a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Hours(pub(super) Duration);

impl TryFrom<String> for Hours {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let body = text.strip_prefix("PT").unwrap_or_default();
        let hours = body.strip_suffix('H').and_then(|n| n.parse::<u64>().ok()?.checked_mul(3600));
        let minutes =
            || body.strip_suffix('M').and_then(|n| n.parse::<u64>().ok()?.checked_mul(60));
        let seconds = hours.or_else(minutes).filter(|s| (60..=86_400).contains(s));
        seconds
            .map(|s| Self(Duration::from_secs(s)))
            .ok_or_else(|| format!("{text:?} is no length: write PT1M to PT24H"))
    }
}

/// An instant, RFC 3339 with an offset or `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Instant(pub(super) Timestamp);

impl TryFrom<String> for Instant {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let shape = text.len() >= 20 && text.as_bytes().get(10).is_some_and(|b| b"Tt ".contains(b));
        let parsed = shape.then(|| text.parse().ok()).flatten();
        parsed
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no instant: write RFC 3339 with an offset"))
    }
}

/// A name from outside: a campaign, a customer, a person. One to 64 signs, no space.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Word(pub(super) String);

impl TryFrom<String> for Word {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let sign = |c: char| !c.is_whitespace() && !c.is_control();
        if (1..=64).contains(&text.len()) && text.chars().all(sign) {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is no name: 1 to 64 bytes without a space"))
    }
}

/// Where a rule set applies.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) enum RegionPattern {
    Any,
    /// `CN-mainland`, `FR`, `US` with all its states, `US-TX`.
    Code(String),
    /// E.164 prefix with its `+`.
    Prefix(String),
}

impl TryFrom<String> for RegionPattern {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let prefix = (1..=7).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        match text.as_str() {
            "*" => Ok(Self::Any),
            _ if prefix => Ok(Self::Prefix(text)),
            code if super::numbering::is_region(code) => Ok(Self::Code(text)),
            _ => Err(format!(
                "{text:?} is no region: CN-mainland, a country as FR, a state as US-TX, \
                 an E.164 prefix as +852, or * for all"
            )),
        }
    }
}

/// Purposes a rule set covers: a purpose, `callback.*`, or `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PurposePattern(String);

impl TryFrom<String> for PurposePattern {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let stem = text.strip_suffix(".*").unwrap_or(&text);
        if text == "*" || is_purpose(stem) {
            return Ok(Self(text));
        }
        Err(format!(
            "{text:?} is no purpose: lower-case words joined by dots, a .* at the end, or *"
        ))
    }
}

impl PurposePattern {
    pub(super) fn any() -> Self {
        Self("*".to_owned())
    }

    /// Whether some purpose is of both.
    pub(super) fn shares(&self, other: &Self) -> bool {
        match (self.0.strip_suffix('*'), other.0.strip_suffix('*')) {
            (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
            (Some(stem), None) => other.0.starts_with(stem),
            (None, Some(stem)) => self.0.starts_with(stem),
            (None, None) => self == other,
        }
    }

    /// `sales` of `sales` and of `sales.*`; empty of `*`.
    pub(super) fn family(&self) -> &str {
        self.0.trim_end_matches('*').trim_end_matches('.')
    }

    /// A purpose that it matches.
    pub(super) fn example(&self) -> String {
        self.0.replace('*', "any")
    }

    pub(super) fn matches(&self, purpose: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => purpose.starts_with(stem),
            None => self.0 == purpose,
        }
    }
}

impl fmt::Display for PurposePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A purpose: lower-case words of letters, digits and `_`, joined by dots, 64 bytes at most.
pub fn is_purpose(text: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    text.len() <= 64 && text.split('.').all(word)
}

/// What is done on days that no notice covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum GapPolicy {
    /// No call.
    Deny,
    /// Only when a workday and a rest day would both allow it, away from statutory dates.
    Intersect,
}

impl GapPolicy {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Intersect => "intersect",
        }
    }
}

/// What counts as a statutory holiday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolidayScope {
    /// Every day of a break as printed in the notice.
    #[default]
    Block,
    /// Statutory dates, and for each that falls on a weekend the next free weekday of its break.
    StatutoryAndSubstitute,
    /// Statutory dates only.
    Statutory,
}

impl HolidayScope {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::StatutoryAndSubstitute => "statutory_and_substitute",
            Self::Statutory => "statutory",
        }
    }
}
