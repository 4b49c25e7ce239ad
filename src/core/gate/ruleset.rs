//! A rule set made ready for verdicts: windows merged, bans cut out, names resolved.

use super::calendar::{Calendar, Guard};
use super::schema::{Ban, HardBan, RuleSpec, RulesFile, ZoneSource};
use super::spans;
use super::values::{ClassWord, DaySpan, GapPolicy, RegionPattern};
use super::zone::Zone;
use super::{GateFileError, Source};
use crate::model::DayClass;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Classes that windows speak of; also the index of the tables below.
const CLASSES: [DayClass; 4] =
    [DayClass::Workday, DayClass::Makeup, DayClass::Rest, DayClass::Holiday];

#[derive(Debug)]
pub(super) struct RuleSet {
    pub(super) name: String,
    /// SHA-256 of its file, hex.
    pub(super) hash: String,
    pub(super) spec: RuleSpec,
    pub(super) calendar: Option<Arc<Calendar>>,
    by_class: [Hours; CLASSES.len()],
    /// Hours of days without a class: what workday and rest both allow, or those of `any`.
    narrow: Hours,
}

/// Parts of a day, three ways.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// As the windows say.
    pub(super) windows: Vec<DaySpan>,
    /// Without the hard bans.
    legal: Vec<DaySpan>,
    /// Without the last seconds before each end, too: a call may start here.
    pub(super) open: Vec<DaySpan>,
}

/// What a rule set says of one local day.
pub(super) struct DayPlan<'a> {
    pub(super) class: Option<DayClass>,
    pub(super) gap: Gap,
    pub(super) ban: Option<&'a Ban>,
    pub(super) hours: &'a Hours,
}

/// What the calendar gap says of one local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// A notice covers the day, or the rule set has no calendar.
    None,
    /// Open, in the narrower hours.
    Narrowed,
    /// Closed.
    Closed(GapPolicy, Option<Guard>),
}

impl RuleSet {
    /// Reads one file: its rule sets and its numbers that are never gated.
    pub(super) fn read(
        source: &Source<'_>,
        calendars: &BTreeMap<String, Arc<Calendar>>,
    ) -> Result<(Vec<Self>, Vec<String>), GateFileError> {
        let fail = |message: String| GateFileError::new(source.name, message);
        let file: RulesFile = toml::from_str(source.text).map_err(|err| fail(err.to_string()))?;
        if file.schema != 1 {
            return Err(fail(format!("schema = {}: only 1 is known", file.schema)));
        }
        for number in &file.always_allow.numbers {
            let short = (1..=6).contains(&number.len());
            if !short || !number.bytes().all(|b| b.is_ascii_digit()) {
                return Err(fail("always_allow.numbers: one to six digits each".to_owned()));
            }
        }
        let hash = super::book::sha256_hex(&[source.text]);
        let build = |(name, spec): (String, RuleSpec)| {
            let at = |err: String| fail(format!("ruleset.{name}.{err}"));
            check(&name, &spec).map_err(at)?;
            let calendar = find_calendar(&spec, calendars).map_err(at)?;
            Ok(Self::new(name, hash.clone(), spec, calendar))
        };
        let sets: Result<Vec<Self>, GateFileError> = file.ruleset.into_iter().map(build).collect();
        Ok((sets?, file.always_allow.numbers))
    }

    fn new(name: String, hash: String, spec: RuleSpec, calendar: Option<Arc<Calendar>>) -> Self {
        let of = |class: DayClass| {
            let chosen = spec.window.iter().filter(move |window| window.lists(class));
            spans::union(chosen.flat_map(|window| window.spans.iter().copied()))
        };
        let narrow = spans::intersection(&of(DayClass::Workday), &of(DayClass::Rest));
        let banned = spans::union(spec.hard_ban.iter().flat_map(|ban| ban.spans.iter().copied()));
        let guard = spec.guard.last_start_before_end.0;
        let hours = |windows: Vec<DaySpan>| {
            let legal = spans::difference(&windows, &banned);
            Hours { open: spans::end_earlier(&legal, guard), legal, windows }
        };
        let (by_class, narrow) = (CLASSES.map(|class| hours(of(class))), hours(narrow));
        Self { name, hash, spec, calendar, by_class, narrow }
    }

    /// Where the callee's clock hangs; `None` where it is not known.
    pub(super) fn zone<'a>(&'a self, callee: Option<&'a Zone>) -> Option<&'a Zone> {
        match &self.spec.zone.source {
            ZoneSource::Callee => callee,
            ZoneSource::Fixed(zone) => Some(zone),
        }
    }

    pub(super) fn effective_on(&self, day: Date) -> bool {
        let span = &self.spec.effective;
        span.from.is_none_or(|from| from.0 <= day) && span.until.is_none_or(|until| day <= until.0)
    }

    pub(super) fn day(&self, day: Date) -> DayPlan<'_> {
        let Some(calendar) = &self.calendar else {
            return DayPlan { class: None, gap: Gap::None, ban: None, hours: &self.narrow };
        };
        let class = calendar.class(day, self.spec.holiday_scope);
        let ban = self.spec.ban.iter().find(|ban| ban.lists(class));
        let index = CLASSES.iter().position(|known| *known == class);
        let hours = index.and_then(|i| self.by_class.get(i)).unwrap_or(&self.narrow);
        DayPlan { class: Some(class), gap: self.gap(calendar, class, day), ban, hours }
    }

    fn gap(&self, calendar: &Calendar, class: DayClass, day: Date) -> Gap {
        let rule = self.spec.calendar_gap.as_ref();
        let policy = match class {
            DayClass::Workday | DayClass::Makeup | DayClass::Rest | DayClass::Holiday => {
                return Gap::None;
            }
            DayClass::Provisional => rule.map_or(GapPolicy::Deny, |rule| rule.provisional),
            DayClass::Unknown => rule.map_or(GapPolicy::Deny, |rule| rule.unknown),
        };
        let (GapPolicy::Intersect, Some(rule)) = (policy, rule) else {
            return Gap::Closed(policy, None);
        };
        match calendar.guard(day, rule.guard_days.before, rule.guard_days.after) {
            Guard::Clear => Gap::Narrowed,
            near => Gap::Closed(policy, Some(near)),
        }
    }
}

impl DayPlan<'_> {
    /// Parts of the day in which a call may start.
    pub(super) fn open(&self) -> &[DaySpan] {
        let closed = self.ban.is_some() || matches!(self.gap, Gap::Closed(..));
        if closed { &[] } else { &self.hours.open }
    }

    /// Whether only the guard before the end of a window closes `local`.
    pub(super) fn guarded(&self, zone: &Zone, local: &super::zone::Local) -> bool {
        let within = |spans: &[DaySpan]| spans.iter().any(|span| zone.open(local, *span));
        within(&self.hours.legal) && !within(&self.hours.open)
    }
}

impl RegionPattern {
    pub(super) fn matches(&self, e164: Option<&str>, mainland: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Mainland => mainland,
            Self::Prefix(prefix) => e164.is_some_and(|number| number.starts_with(prefix.as_str())),
        }
    }
}

fn find_calendar(
    spec: &RuleSpec,
    calendars: &BTreeMap<String, Arc<Calendar>>,
) -> Result<Option<Arc<Calendar>>, String> {
    let Some(name) = &spec.calendar else { return Ok(None) };
    let known = || calendars.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = calendars.get(name).cloned();
    found.map(Some).ok_or_else(|| format!("calendar = {name:?}: there are: {}", known()))
}

/// What the types of the schema cannot say.
fn check(name: &str, spec: &RuleSpec) -> Result<(), String> {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    if !word(name) {
        return Err("name: lower-case letters, digits and - only".to_owned());
    }
    if spec.applies.region.is_empty() || spec.applies.purpose.is_empty() {
        return Err("applies: region and purpose list at least one value each".to_owned());
    }
    if let (Some(from), Some(until)) = (spec.effective.from, spec.effective.until)
        && until < from
    {
        return Err("effective: until lies before from".to_owned());
    }
    if spec.window.is_empty() {
        return Err("window: without one no call is ever allowed".to_owned());
    }
    if !(1..=60).contains(&spec.guard.decision_ttl.0) {
        return Err("guard.decision_ttl: 1s to 60s".to_owned());
    }
    let ids =
        spec.hard_ban.iter().map(|HardBan { id, .. }| id).chain(spec.ban.iter().map(|b| &b.id));
    if let Some(id) = ids.into_iter().find(|id| !word(id)) {
        return Err(format!("ban id {id:?}: lower-case letters, digits and - only"));
    }
    let mut classes =
        spec.window.iter().flat_map(|w| &w.classes).chain(spec.ban.iter().flat_map(|b| &b.classes));
    match spec.calendar {
        Some(_) if classes.any(|word| *word == ClassWord::Any) => {
            Err("window: classes = [\"any\"] is for rule sets without a calendar".to_owned())
        }
        None if classes.any(|word| *word != ClassWord::Any) || !spec.ban.is_empty() => {
            Err("window: without a calendar only classes = [\"any\"], and no ban".to_owned())
        }
        None if spec.calendar_gap.is_some() => {
            Err("calendar_gap: there is no calendar to have a gap".to_owned())
        }
        Some(_) if spec.calendar_gap.is_none() => {
            Err("calendar_gap: needed with a calendar, which ends some day".to_owned())
        }
        _ => Ok(()),
    }
}
