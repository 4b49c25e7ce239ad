//! The hours of a rule set, made ready: for every kind of day, weekday and set of claims, and for
//! every time in which the same rules are in force.

use super::Claim;
use super::schema::{Ban, Effective, Rule, RuleSpec};
use super::spans;
use super::terms::{Claims, WEEKDAYS};
use super::values::DaySpan;
use crate::model::DayClass;
use jiff::civil::{Date, Weekday};

/// Classes that windows speak of.
pub(super) const CLASSES: [DayClass; 4] =
    [DayClass::Workday, DayClass::Makeup, DayClass::Rest, DayClass::Holiday];
/// Kinds of days: the classes, and days without one.
const KINDS: usize = CLASSES.len() + 1;
const DAYS: usize = WEEKDAYS.len();

/// Parts of a day, three ways.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// As the windows say.
    pub(super) windows: Vec<DaySpan>,
    /// Without the bans.
    pub(super) legal: Vec<DaySpan>,
    /// Without the last seconds before each end, too: a call may start here.
    pub(super) open: Vec<DaySpan>,
}

/// Hours of every day.
#[derive(Debug)]
pub(super) struct Table {
    /// By first day; the first era has none.
    eras: Vec<(Option<Date>, Vec<Hours>)>,
    /// Claims that some rule asks about.
    used: Claims,
}

impl Table {
    pub(super) fn new(spec: &RuleSpec) -> Self {
        let given = spec.window.iter().flat_map(|window| &window.given);
        let lifted = spec.ban.iter().flat_map(|ban| &ban.exemptions);
        let used: Claims = given.chain(lifted).copied().collect();
        let starts = std::iter::once(None).chain(first_days(spec).into_iter().map(Some));
        let eras = starts.map(|first| (first, era(spec, first.unwrap_or(Date::MIN), used)));
        Self { eras: eras.collect(), used }
    }

    /// Hours of a day; `class` is `None` without a calendar.
    pub(super) fn day(&self, day: Date, class: Option<DayClass>, claims: Claims) -> &Hours {
        const CLOSED: &Hours = &Hours { windows: Vec::new(), legal: Vec::new(), open: Vec::new() };
        let era = self.eras.iter().rev().find(|(first, _)| first.is_none_or(|first| first <= day));
        let kind = class.and_then(|class| CLASSES.iter().position(|known| *known == class));
        let ix = index(kind.unwrap_or(CLASSES.len()), day.weekday(), claims.common(self.used));
        era.and_then(|(_, hours)| hours.get(ix)).unwrap_or(CLOSED)
    }
}

impl Table {
    /// First days of the eras but the first.
    pub(super) fn starts(&self) -> impl Iterator<Item = Date> {
        self.eras.iter().filter_map(|(first, _)| *first)
    }
}

/// Days on which some rule about hours begins or has ended, sorted.
fn first_days(spec: &RuleSpec) -> Vec<Date> {
    let windows = spec.window.iter().map(Rule::effective);
    let bans = spec.ban.iter().map(Rule::effective);
    let hard = spec.hard_ban.iter().map(Rule::effective);
    let edges = windows.chain(bans).chain(hard).flat_map(|Effective { from, until }| {
        [from.map(|day| day.0), until.and_then(|day| day.0.tomorrow().ok())]
    });
    let mut days: Vec<Date> = edges.flatten().collect();
    days.sort_unstable();
    days.dedup();
    days
}

fn index(kind: usize, day: Weekday, claims: Claims) -> usize {
    let day = usize::from(day.to_monday_zero_offset().unsigned_abs());
    (claims.index() * KINDS + kind) * DAYS + day
}

/// Hours from `first` on, by [`index`].
fn era(spec: &RuleSpec, first: Date, used: Claims) -> Vec<Hours> {
    let mut out = Vec::with_capacity(Claims::SETS * KINDS * DAYS);
    for claims in Claims::all().filter(|claims| claims.common(used) == *claims) {
        out.resize_with(claims.index() * KINDS * DAYS, Hours::default); // never asked for
        let day = Day { spec, first, claims };
        for kind in 0..KINDS {
            out.extend(WEEKDAYS.map(|(_, weekday)| day.hours(CLASSES.get(kind), weekday)));
        }
    }
    out
}

/// Days that begin in one era, for calls with the same claims.
struct Day<'a> {
    spec: &'a RuleSpec,
    first: Date,
    claims: Claims,
}

impl Day<'_> {
    fn hours(&self, class: Option<&DayClass>, weekday: Weekday) -> Hours {
        let (windows, legal) = match class {
            Some(class) => (self.windows(*class, weekday), self.legal(*class, weekday)),
            // What a workday and a rest day both allow.
            None => {
                let both = [DayClass::Workday, DayClass::Rest];
                let [a, b] = both.map(|class| self.windows(class, weekday));
                let [c, d] = both.map(|class| self.legal(class, weekday));
                (spans::intersection(&a, &b), spans::intersection(&c, &d))
            }
        };
        let guard = self.spec.guard.last_start_before_end.0;
        Hours { open: spans::end_earlier(&legal, guard), legal, windows }
    }

    fn windows(&self, class: DayClass, weekday: Weekday) -> Vec<DaySpan> {
        let chosen = self.spec.window.iter().filter(|window| {
            window.in_force(self.first)
                && window.lists(class)
                && window.falls_on(weekday)
                && window.given.iter().all(|claim| self.claims.has(*claim))
        });
        spans::union(chosen.flat_map(|window| window.spans.iter().copied()))
    }

    fn legal(&self, class: DayClass, weekday: Weekday) -> Vec<DaySpan> {
        let hard = self.spec.hard_ban.iter().filter(|ban| ban.in_force(self.first));
        let bans = self.spec.ban.iter().filter(|ban| {
            ban.in_force(self.first)
                && ban.lists(class)
                && ban.falls_on(weekday)
                && ban.lifted_by(self.claims).is_none()
        });
        let hard = hard.flat_map(|ban| &ban.spans);
        let banned = spans::union(hard.chain(bans.flat_map(|ban| &ban.spans)).copied());
        spans::difference(&self.windows(class, weekday), &banned)
    }
}

impl Ban {
    /// Whether it speaks of days of `class`; `None` without a calendar. A day that no notice
    /// covers may turn out a workday or a rest day.
    pub(super) fn speaks_of(&self, class: Option<DayClass>) -> bool {
        match class {
            Some(DayClass::Provisional | DayClass::Unknown) | None => {
                self.lists(DayClass::Workday) || self.lists(DayClass::Rest)
            }
            Some(class) => self.lists(class),
        }
    }

    /// The claim that lifts it.
    pub(super) fn lifted_by(&self, claims: Claims) -> Option<Claim> {
        self.exemptions.iter().copied().find(|claim| claims.has(*claim))
    }
}
