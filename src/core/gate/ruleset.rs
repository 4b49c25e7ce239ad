//! A rule set made ready for verdicts: windows merged, bans cut out, names resolved.

use super::calendar::{Calendar, Guard};
use super::hours::{Hours, Table};
use super::numbering::within;
use super::schema::{BlackoutSpec, Rule, RuleSpec, ZoneSource};
use super::terms::{Claims, Layer, Mode};
use super::values::{DaySpan, GapPolicy, PurposePattern, RegionPattern, Word};
use super::zone::Zone;
use super::{Ask, GateFileError, OverridePolicy, Source, check, file};
use crate::model::DayClass;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct RuleSet {
    pub(super) name: String,
    /// Its file.
    pub(super) file: String,
    /// SHA-256 of its file, hex.
    pub(super) hash: String,
    pub(super) spec: Arc<RuleSpec>,
    pub(super) calendar: Option<Arc<Calendar>>,
    table: Arc<Table>,
}

/// A region that is not called for a time.
#[derive(Clone, Debug)]
pub(super) struct Blackout {
    pub(super) spec: Arc<BlackoutSpec>,
}

/// What one file brings.
pub(super) struct ReadFile {
    pub(super) sets: Vec<RuleSet>,
    pub(super) always_allow: Vec<String>,
    pub(super) internal: bool,
    pub(super) blackouts: Vec<Blackout>,
    pub(super) overriding: Option<OverridePolicy>,
}

/// What a rule set says of one local day.
pub(super) struct DayPlan<'a> {
    pub(super) class: Option<DayClass>,
    pub(super) gap: Gap,
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
    /// Reads one file.
    pub(super) fn read(
        source: &Source<'_>,
        calendars: &BTreeMap<String, Arc<Calendar>>,
    ) -> Result<ReadFile, GateFileError> {
        let fail = |message: String| GateFileError::new(source.name, message);
        let file = file::read(source)?;
        check::always_allow(&file.always_allow.numbers).map_err(fail)?;
        let blackout = |spec: BlackoutSpec| {
            check::blackout(&spec).map_err(|err| fail(format!("blackout {:?}: {err}", spec.id)))?;
            Ok(Blackout { spec: Arc::new(spec) })
        };
        let blackouts = file.blackout.into_iter().map(blackout);
        let overriding = file.overriding.as_ref().map(OverridePolicy::read).transpose();
        let overriding = overriding.map_err(|err| fail(format!("override.{err}")))?;
        let hash = super::book::sha256_hex(&[source.text]);
        let build = |(name, spec): (String, RuleSpec)| {
            let at = |err: String| fail(format!("ruleset.{name}.{err}"));
            check::spec(&name, &spec).map_err(at)?;
            let calendar = find_calendar(&spec, calendars).map_err(at)?;
            let table = Arc::new(Table::new(&spec));
            let (file, hash) = (source.name.to_owned(), hash.clone());
            Ok(Self { name, file, hash, spec: Arc::new(spec), calendar, table })
        };
        Ok(ReadFile {
            blackouts: blackouts.collect::<Result<_, GateFileError>>()?,
            sets: file.ruleset.into_iter().map(build).collect::<Result<_, GateFileError>>()?,
            internal: file.always_allow.internal,
            always_allow: file.always_allow.numbers,
            overriding,
        })
    }

    /// Where the callee's clock may hang; empty where it is not known.
    pub(super) fn zones<'a>(&'a self, callee: &'a [Zone]) -> &'a [Zone] {
        match &self.spec.zone.source {
            ZoneSource::Callee => callee,
            ZoneSource::Fixed(zone) => std::slice::from_ref(zone),
        }
    }

    pub(super) fn effective_on(&self, day: Date) -> bool {
        self.spec.effective.on(day)
    }

    /// Its refusal stops a call.
    pub(super) fn enforces(&self) -> bool {
        self.spec.mode == Mode::Enforce
    }

    /// Alone enough for an allow: campaign and customer rules narrow what others allow.
    pub(super) fn is_base(&self) -> bool {
        self.enforces() && self.spec.layer.is_base()
    }

    /// Two people may open the time around its hours: it is the company's own, and has a hard ban
    /// that says how far.
    pub(super) fn has_envelope(&self, day: Date) -> bool {
        self.spec.layer == Layer::Company && self.spec.hard_ban.iter().any(|ban| ban.in_force(day))
    }

    pub(super) fn covers(&self, purpose: &str) -> bool {
        any(&self.spec.applies.purpose, purpose)
    }

    /// Whether it speaks of calls of that campaign to that customer.
    pub(super) fn concerns(&self, ask: &Ask<'_>) -> bool {
        let listed = |words: &[Word], name: Option<&str>| {
            words.is_empty() || words.iter().any(|word| Some(word.0.as_str()) == name)
        };
        let applies = &self.spec.applies;
        listed(&applies.campaign, ask.given.campaign)
            && listed(&applies.customer, ask.given.customer)
    }

    /// Hours of such a day, whatever the calendar says of it.
    pub(super) fn hours(&self, day: Date, class: DayClass, claims: Claims) -> &Hours {
        self.table.day(day, self.calendar.as_ref().map(|_| class), claims)
    }

    /// First day in force, or one that is early enough.
    pub(super) fn first_day(&self) -> Date {
        self.spec.effective.from.map_or(Date::constant(2000, 1, 1), |from| from.0)
    }

    /// First days of times with the same rules, while the set is in force.
    pub(super) fn era_starts(&self) -> Vec<Date> {
        let first = self.first_day();
        let later = self.table.starts().filter(|day| *day > first && self.effective_on(*day));
        std::iter::once(first).chain(later).collect()
    }

    pub(super) fn day(&self, day: Date, claims: Claims) -> DayPlan<'_> {
        let Some(calendar) = &self.calendar else {
            let hours = self.table.day(day, None, claims);
            return DayPlan { class: None, gap: Gap::None, hours };
        };
        let class = calendar.class(day, self.spec.holiday_scope);
        let hours = self.table.day(day, Some(class), claims);
        DayPlan { class: Some(class), gap: self.gap(calendar, class, day), hours }
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
        if matches!(self.gap, Gap::Closed(..)) { &[] } else { &self.hours.open }
    }

    /// Whether only the guard before the end of a window closes `local`.
    pub(super) fn guarded(&self, zone: &Zone, local: &super::zone::Local) -> bool {
        let within = |spans: &[DaySpan]| spans.iter().any(|span| zone.open(local, *span));
        within(&self.hours.legal) && !within(&self.hours.open)
    }
}

impl Blackout {
    /// Whether it stops calls with that purpose to that place.
    pub(super) fn covers(&self, e164: Option<&str>, region: &str, purpose: Option<&str>) -> bool {
        self.spec.region.iter().any(|pattern| pattern.matches(e164, region))
            && purpose.is_none_or(|purpose| any(&self.spec.purpose, purpose))
    }

    pub(super) fn from(&self) -> Timestamp {
        self.spec.from.0
    }

    pub(super) fn until(&self) -> Timestamp {
        self.spec.until.0
    }
}

impl RegionPattern {
    pub(super) fn matches(&self, e164: Option<&str>, region: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Code(code) => within(region, code),
            Self::Prefix(prefix) => e164.is_some_and(|number| number.starts_with(prefix.as_str())),
        }
    }
}

fn any(patterns: &[PurposePattern], purpose: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(purpose))
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
