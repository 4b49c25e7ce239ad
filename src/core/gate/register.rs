//! External registers: numbers whose holders told an authority, not us. Each comes as an edition
//! with a day of issue, and counts as long as its rule says.

use super::ruleset::RuleSet;
use super::schema::{RegisterRule, Rule as _};
use super::terms::Claims;
use super::{Ask, Book, DncList};
use crate::model::{NumberRef, Wall};
use jiff::civil::Date;
use std::fmt;

/// One edition of a register, whole: what the next edition leaves out is free.
///
/// It keeps eight bytes a number, 8 MB for 1,000,000. Two numbers of the world share them with a
/// chance of 1 in 10^7 for a register of that size, and then one is refused too often.
#[derive(Clone, PartialEq, Eq)]
pub struct Register {
    name: String,
    issued: Date,
    id: String,
    /// Sorted, each once.
    keys: Vec<u64>,
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Register({}, {} numbers)", self.version(), self.keys.len())
    }
}

impl Register {
    /// An edition; `id` names its content, e.g. a part of a digest. Keys come in any order.
    pub fn new(name: String, issued: Date, id: String, mut keys: Vec<u64>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        keys.shrink_to_fit();
        Self { name, issued, id, keys }
    }

    /// What is kept of a number's reference.
    pub fn key(number: NumberRef) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = number.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// Name, as rules and commands use it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Day of issue, as its source says.
    pub fn issued(&self) -> Date {
        self.issued
    }

    /// Names its content.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Numbers.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// No numbers.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Keys, sorted.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// Names the edition: `uk-tps@2026-11-01:3f2a...`.
    pub fn version(&self) -> String {
        format!("{}@{}:{}", self.name, self.issued, self.id)
    }

    /// Whether a number is on it.
    pub fn has(&self, number: NumberRef) -> bool {
        self.keys.binary_search(&Self::key(number)).is_ok()
    }
}

/// How an edition stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Good, and for so long: its last day.
    Fresh(Date),
    /// Good, but only through that day: time to import the next one.
    Ending(Date),
    /// Older than the law wants, within the grace that the rule gives: through that day.
    Grace(Date),
    /// Too old since the day after that one.
    Stale(Date),
    /// There is no edition.
    Missing,
}

impl Freshness {
    /// Calls that need the register are refused.
    pub fn closes(self) -> bool {
        matches!(self, Self::Stale(_) | Self::Missing)
    }
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh(last) => write!(f, "good through {last}"),
            Self::Ending(last) => write!(f, "good through {last} only"),
            Self::Grace(last) => write!(f, "too old, in grace through {last}"),
            Self::Stale(last) => write!(f, "too old since the end of {last}"),
            Self::Missing => f.write_str("no edition"),
        }
    }
}

/// What a register says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registered {
    /// The number is not on it.
    No,
    /// It is, and a claim of the call lifts that.
    Lifted(super::Claim),
    /// It is.
    Yes,
    /// Nobody can say: too old, or not there.
    Closed,
    /// Nobody can say: the number has no key.
    NoKey,
}

/// How a register stands that a rule in force needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterState {
    /// Rule set.
    pub ruleset: String,
    /// Register.
    pub name: String,
    /// Its edition.
    pub freshness: Freshness,
}

impl Book {
    /// How the registers stand that the rule sets in force need, on the date of `at` in UTC.
    pub fn registers(&self, list: &DncList, at: Wall) -> Vec<RegisterState> {
        let Ok(at) = jiff::Timestamp::from_microsecond(at.0) else { return Vec::new() };
        let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let sets = self.sets.iter().filter(|set| set.enforces() && set.effective_on(day));
        let of = |set: &RuleSet| {
            let rules = set.spec.register.iter().filter(|rule| rule.in_force(day));
            let state = |rule: &RegisterRule| RegisterState {
                ruleset: set.name.clone(),
                name: rule.name.to_string(),
                freshness: rule.freshness(list, day),
            };
            rules.map(state).collect::<Vec<_>>()
        };
        sets.flat_map(of).collect()
    }
}

impl RegisterRule {
    /// How the edition stands on the local day `on`. One that is issued tomorrow is good today.
    pub(super) fn freshness(&self, list: &DncList, on: Date) -> Freshness {
        let Some(register) = list.register(&self.name) else { return Freshness::Missing };
        let Some(fresh) = self.stale_after.last_day(register.issued()) else {
            return Freshness::Missing;
        };
        let last = self.grace.and_then(|grace| grace.last_day(fresh)).unwrap_or(fresh);
        let warned = on.checked_add(jiff::Span::new().days(i64::from(self.warn_days)));
        if on > last {
            Freshness::Stale(last)
        } else if on > fresh {
            Freshness::Grace(last)
        } else if warned.is_ok_and(|day| day > fresh) {
            Freshness::Ending(fresh)
        } else {
            Freshness::Fresh(fresh)
        }
    }

    pub(super) fn says(
        &self,
        list: &DncList,
        ask: &Ask<'_>,
        claims: Claims,
        on: Date,
    ) -> Registered {
        if let Some(claim) = self.exemptions.iter().copied().find(|claim| claims.has(*claim)) {
            return Registered::Lifted(claim);
        }
        if self.freshness(list, on).closes() {
            return Registered::Closed;
        }
        match (ask.number_ref, list.register(&self.name)) {
            (_, None) => Registered::Closed,
            (None, Some(_)) => Registered::NoKey,
            (Some(number), Some(register)) if register.has(number) => Registered::Yes,
            (Some(_), Some(_)) => Registered::No,
        }
    }
}

impl Registered {
    /// The call is refused.
    pub(super) fn closes(self) -> bool {
        matches!(self, Self::Yes | Self::Closed | Self::NoKey)
    }
}
