//! What is odd in rule sets that can be read: findings for a person to judge.

use super::Book;
use super::hours::CLASSES;
use super::numbering::within;
use super::ruleset::RuleSet;
use super::schema::{Rule, Window};
use super::spans;
use super::terms::{Claims, WEEKDAYS};
use super::values::{DaySpan, PurposePattern, RegionPattern};
use crate::model::{DayClass, Named as _};
use jiff::civil::{Date, Weekday};

/// One thing that is odd.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LintFinding {
    /// Rule set, or two joined by `+`.
    pub ruleset: String,
    /// Table and id of the rule; empty for the whole set.
    pub rule: String,
    /// What kind.
    pub kind: LintKind,
    /// In words.
    pub message: String,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LintKind {
    /// No call is allowed on any day of a week, or by two sets together.
    Contradiction,
    /// A week from Monday to Sunday has no open hour.
    EmptyWeek,
    /// Bans close a window on all its days, or it is never in force.
    UnreachableWindow,
    /// Two windows open the same hours.
    Overlap,
    /// An exemption that opens nothing, because no window is open there.
    IdleExemption,
    /// A rule says not where it comes from.
    NoCitation,
    /// A rule sleeps; told, not counted against the file.
    Disabled,
}

impl LintKind {
    /// Something to mend; the others are only told.
    pub fn is_fault(self) -> bool {
        self != Self::Disabled
    }

    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::EmptyWeek => "empty-week",
            Self::UnreachableWindow => "unreachable-window",
            Self::Overlap => "overlap",
            Self::IdleExemption => "idle-exemption",
            Self::NoCitation => "no-citation",
            Self::Disabled => "disabled",
        }
    }
}

impl Book {
    /// Looks at every rule set alone, and at sets that apply together.
    pub fn lint(&self) -> Vec<LintFinding> {
        let mut out = Vec::new();
        for set in &self.sets {
            set.citations(&mut out);
            set.empty_weeks(&mut out);
            set.windows(&mut out);
            set.exemptions(&mut out);
        }
        let enforced: Vec<&RuleSet> = self.sets.iter().filter(|set| set.enforces()).collect();
        for (n, a) in enforced.iter().enumerate() {
            let met = enforced.iter().skip(n + 1).filter(|b| together(a, b));
            let closed = met.filter(|b| never_open(a, b));
            out.extend(closed.map(|b| LintFinding {
                ruleset: format!("{}+{}", a.name, b.name),
                rule: String::new(),
                kind: LintKind::Contradiction,
                message: "both apply to the same calls, and have no hour in common".to_owned(),
            }));
        }
        out
    }
}

/// Whether some call may be ruled by both on some day.
pub(super) fn together(a: &RuleSet, b: &RuleSet) -> bool {
    let regions = pairs(&a.spec.applies.region, &b.spec.applies.region, share_region);
    let purposes = pairs(&a.spec.applies.purpose, &b.spec.applies.purpose, PurposePattern::shares);
    let [x, y] = [&a.spec.effective, &b.spec.effective];
    let apart = |x: Option<Date>, y: Option<Date>| matches!((x, y), (Some(x), Some(y)) if x < y);
    let day = |day: Option<super::values::Day>| day.map(|day| day.0);
    let days = !apart(day(x.until), day(y.from)) && !apart(day(y.until), day(x.from));
    regions && purposes && days
}

fn pairs<T>(a: &[T], b: &[T], share: impl Fn(&T, &T) -> bool) -> bool {
    a.iter().any(|x| b.iter().any(|y| share(x, y)))
}

fn share_region(a: &RegionPattern, b: &RegionPattern) -> bool {
    use RegionPattern as P;
    match (a, b) {
        (P::Any, _) | (_, P::Any) => true,
        (P::Code(a), P::Code(b)) => within(a, b) || within(b, a),
        (P::Prefix(a), P::Prefix(b)) => a.starts_with(b.as_str()) || b.starts_with(a.as_str()),
        // Not told apart: a code and a prefix may mean the same place or not.
        (P::Code(_), P::Prefix(_)) | (P::Prefix(_), P::Code(_)) => false,
    }
}

/// No ordinary day of the week is open in both, whatever is claimed, as long as both are in force.
pub(super) fn never_open(a: &RuleSet, b: &RuleSet) -> bool {
    let claims = Claims::all().last().unwrap_or_default();
    let first = a.first_day().max(b.first_day());
    let later = a.era_starts().into_iter().chain(b.era_starts()).filter(|day| *day > first);
    std::iter::once(first).chain(later).all(|first| {
        week().all(|(weekday, class)| {
            let day = on(first, weekday);
            let [x, y] = [a, b].map(|set| &set.hours(day, class, claims).open);
            spans::intersection(x, y).is_empty()
        })
    })
}

/// An ordinary week.
fn week() -> impl Iterator<Item = (Weekday, DayClass)> {
    WEEKDAYS.into_iter().map(|(_, weekday)| match weekday {
        Weekday::Saturday | Weekday::Sunday => (weekday, DayClass::Rest),
        _ => (weekday, DayClass::Workday),
    })
}

/// The first such weekday from `first` on.
fn on(first: Date, weekday: Weekday) -> Date {
    let ahead = i64::from(weekday.since(first.weekday()));
    first.checked_add(jiff::Span::new().days(ahead)).unwrap_or(first)
}

impl RuleSet {
    fn finding(&self, rule: String, kind: LintKind, message: String) -> LintFinding {
        LintFinding { ruleset: self.name.clone(), rule, kind, message }
    }

    fn citations(&self, out: &mut Vec<LintFinding>) {
        let spec = &self.spec;
        fn named<'a, R: Rule>(
            table: &'a str,
            rules: &'a [R],
            id: impl Fn(&'a R) -> &'a str,
        ) -> Vec<(String, &'a dyn Rule)> {
            let name = |(n, rule): (usize, &'a R)| match id(rule) {
                "" => (format!("{table} {}", n + 1), rule as &dyn Rule),
                id => (format!("{table} {id}"), rule as &dyn Rule),
            };
            rules.iter().enumerate().map(name).collect()
        }
        let rules = [
            named("window", &spec.window, |_| ""),
            named("hard_ban", &spec.hard_ban, |rule| &rule.id),
            named("ban", &spec.ban, |rule| &rule.id),
            named("register", &spec.register, |rule| &rule.name),
            named("cap", &spec.cap, |rule| &rule.id),
            named("cooldown", &spec.cooldown, |rule| &rule.id),
            named("requires", &spec.requires, |rule| &rule.id),
            named("caller_id", &spec.caller_id, |rule| &rule.id),
        ];
        let message = "cite is empty: a rule names the clause it comes from";
        for (name, rule) in rules.concat() {
            if rule.cite().trim().is_empty() {
                out.push(self.finding(name.clone(), LintKind::NoCitation, message.to_owned()));
            }
            if let Some(why) = rule.disabled() {
                out.push(self.finding(name, LintKind::Disabled, why.to_owned()));
            }
        }
        let gap = spec.calendar_gap.as_ref().map(|gap| ("calendar_gap", &gap.cite));
        let own = [("purpose", &spec.purpose.cite), ("dnc", &spec.dnc.cite)];
        for (name, cite) in own.into_iter().chain(gap) {
            if cite.trim().is_empty() {
                out.push(self.finding(name.into(), LintKind::NoCitation, message.to_owned()));
            }
        }
    }

    fn empty_weeks(&self, out: &mut Vec<LintFinding>) {
        for first in self.era_starts() {
            let shut = |claims| self.shut_week(first, claims);
            if !shut(Claims::default()) {
                continue;
            }
            let open = Claims::all().find(|claims| !shut(*claims));
            let message = match open {
                None => "no hour is open".to_owned(),
                Some(claims) => {
                    let names: Vec<&str> = claims.iter().map(super::Claim::name).collect();
                    format!("no hour is open without {}", names.join(" and "))
                }
            };
            let since =
                if first == self.first_day() { "".to_owned() } else { format!(" from {first} on") };
            out.push(self.finding(String::new(), LintKind::EmptyWeek, message + &since));
        }
    }

    /// No ordinary day of the week from `first` on has an open hour.
    pub(super) fn shut_week(&self, first: Date, claims: Claims) -> bool {
        week().all(|(weekday, class)| self.hours(on(first, weekday), class, claims).open.is_empty())
    }

    fn windows(&self, out: &mut Vec<LintFinding>) {
        for (n, window) in self.spec.window.iter().enumerate() {
            if window.disabled().is_some() {
                continue;
            }
            let name = format!("window {}", n + 1);
            if !self.reaches(window) {
                let message = "bans close it on all its days, or it is never in force";
                let kind = LintKind::UnreachableWindow;
                out.push(self.finding(name.clone(), kind, message.to_owned()));
            }
            for (m, other) in self.spec.window.iter().enumerate().skip(n + 1) {
                if let Some(span) = overlap(window, other) {
                    let message = format!("window {} opens {span} of the same days, too", m + 1);
                    out.push(self.finding(name.clone(), LintKind::Overlap, message));
                }
            }
        }
    }

    /// Whether some part of the window is open on some day.
    pub(super) fn reaches(&self, window: &Window) -> bool {
        let claims: Claims = window.given.iter().copied().collect();
        let lifted = self.spec.ban.iter().flat_map(|ban| ban.exemptions.iter().copied());
        let claims = lifted.fold(claims, Claims::with);
        let starts = self.era_starts();
        starts.iter().any(|first| {
            WEEKDAYS.iter().any(|(_, weekday)| {
                let day = on(*first, *weekday);
                let mut classes = CLASSES.iter().filter(|class| window.lists(**class));
                window.in_force(day)
                    && window.falls_on(*weekday)
                    && classes.any(|class| {
                        let open = &self.hours(day, *class, claims).open;
                        !spans::intersection(open, &window.spans).is_empty()
                    })
            })
        })
    }

    fn exemptions(&self, out: &mut Vec<LintFinding>) {
        for ban in self.spec.ban.iter().filter(|ban| ban.disabled().is_none()) {
            for claim in &ban.exemptions {
                let claims = Claims::default().with(*claim);
                let opens = self.era_starts().into_iter().any(|first| {
                    WEEKDAYS.iter().filter(|(_, weekday)| ban.falls_on(*weekday)).any(|(_, day)| {
                        let mut classes = CLASSES.iter().filter(|class| ban.lists(**class));
                        classes.any(|class| {
                            let open = &self.hours(on(first, *day), *class, claims).open;
                            !spans::intersection(open, &ban.spans).is_empty()
                        })
                    })
                });
                if !opens {
                    let message = format!("{} lifts it, but no window is open there", claim.name());
                    let name = format!("ban {}", ban.id);
                    out.push(self.finding(name, LintKind::IdleExemption, message));
                }
            }
        }
    }
}

/// Hours that both open on some day for the same calls.
fn overlap(a: &Window, b: &Window) -> Option<DaySpan> {
    let days = WEEKDAYS.iter().any(|(_, day)| a.falls_on(*day) && b.falls_on(*day));
    let classes = CLASSES.iter().any(|class| a.lists(*class) && b.lists(*class));
    let both = a.disabled().is_none() && b.disabled().is_none() && a.given == b.given;
    let apart = |x: &Window, y: &Window| matches!((x.effective.until, y.effective.from), (Some(until), Some(from)) if until < from);
    if !(days && classes && both) || apart(a, b) || apart(b, a) {
        return None;
    }
    spans::intersection(&a.spans, &b.spans).into_iter().next()
}
