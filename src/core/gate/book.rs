//! The immutable snapshot a verdict is made from.

use super::calendar::{self, Calendar, CalendarSet, shipped_calendars};
use super::numbering::Numbering;
use super::ruleset::{Blackout, RuleSet};
use super::schema::{Cooldown, Rule};
use super::values::RegionPattern;
use super::{GateFileError, OverridePolicy, Source};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// What a callee asks for who wants no more calls; the do-not-call list is written from it.
const DO_NOT_DISTURB: &str = "action:do_not_disturb";

/// How long rules look back, those that are only tried out included; zero: no rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LooksBack {
    /// Caps, to calls.
    pub calls: Duration,
    /// Cool-downs, to labels of calls; [`Duration::MAX`]: for ever.
    pub labels: Duration,
}

impl LooksBack {
    /// As far as the one that looks back further, each for itself.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { calls: self.calls.max(other.calls), labels: self.labels.max(other.labels) }
    }

    /// Some rule looks back.
    pub fn is_any(self) -> bool {
        self != Self::default()
    }
}

/// Rule sets and calendars as one immutable value: built aside, then swapped in.
#[derive(Debug)]
pub struct Book {
    hash: String,
    /// By name, sorted.
    pub(super) sets: Vec<RuleSet>,
    always_allow: Vec<String>,
    /// Extensions of the dial plan are not gated.
    pub(super) internal: bool,
    pub(super) calendars: BTreeMap<String, Arc<Calendar>>,
    pub(super) numbering: Arc<Numbering>,
    /// Places in `sets` of those that may speak of a number there, by region.
    by_region: HashMap<&'static str, Vec<usize>>,
    looks_back: LooksBack,
    /// In the order of their start.
    pub(super) blackouts: Vec<Blackout>,
    pub(super) overriding: Option<OverridePolicy>,
}

/// A delivered file by its name.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(Source { name: $name, text: include_str!(concat!("data/", $name)) }),*]
    };
}

/// Rule set files delivered with the program, the norm first.
pub fn shipped_rules() -> [Source<'static>; 10] {
    shipped!(
        "cn-seed-service.toml",
        "cn-insurance-sales.toml",
        "au.toml",
        "ca.toml",
        "de.toml",
        "fr.toml",
        "in.toml",
        "jp.toml",
        "uk.toml",
        "us-federal.toml",
    )
}

impl Book {
    /// Rule sets and calendars delivered with the program.
    pub fn shipped() -> Result<Self, GateFileError> {
        Self::load(&shipped_rules(), &shipped_calendars())
    }

    /// Builds a book from the texts of rule set files and calendar files.
    pub fn load(rules: &[Source<'_>], calendars: &[Source<'_>]) -> Result<Self, GateFileError> {
        let set = CalendarSet { shipped: calendars, ..CalendarSet::default() };
        Self::load_with(rules, &set)
    }

    /// Builds a book from the texts of rule set files, and calendars of more than one origin.
    pub fn load_with(
        rules: &[Source<'_>],
        calendars: &CalendarSet<'_>,
    ) -> Result<Self, GateFileError> {
        let calendars: BTreeMap<String, Arc<Calendar>> = calendar::load(calendars)?
            .into_iter()
            .map(|(name, calendar)| (name, Arc::new(calendar)))
            .collect();
        let versions = calendars.values().map(|calendar| calendar.version.as_str());
        let texts = rules.iter().map(|source| source.text).chain(versions);
        let hash = sha256_hex(&texts.collect::<Vec<_>>());
        let mut sets: Vec<RuleSet> = Vec::new();
        let mut always_allow = Vec::new();
        let mut internal = true;
        let mut blackouts: Vec<Blackout> = Vec::new();
        let mut overriding: Option<OverridePolicy> = None;
        for source in rules {
            let read = RuleSet::read(source, &calendars)?;
            let known = |set: &RuleSet| sets.iter().find(|known| known.name == set.name);
            if let Some(set) = read.sets.iter().find_map(known) {
                let message = format!("ruleset.{}: {} has a set of that name", set.name, set.file);
                return Err(GateFileError::new(source.name, message));
            }
            sets.extend(read.sets);
            always_allow.extend(read.always_allow);
            internal &= read.internal; // the strictest counts
            blackouts.extend(read.blackouts);
            overriding = match (overriding, read.overriding) {
                (Some(one), Some(other)) => Some(one.with(other)),
                (one, other) => one.or(other),
            };
        }
        blackouts.sort_by_key(Blackout::from);
        sets.sort_by(|a, b| a.name.cmp(&b.name));
        always_allow.sort_unstable();
        always_allow.dedup();
        let numbering = Arc::new(Numbering::load()?);
        let looks_back = looks_back(&sets);
        let by_region = by_region(&sets, &numbering);
        Ok(Self {
            hash,
            sets,
            always_allow,
            internal,
            calendars,
            numbering,
            by_region,
            looks_back,
            blackouts,
            overriding,
        })
    }

    /// Rule sets of the caller's own with the shipped calendars.
    pub fn load_rules(rules: &[Source<'_>]) -> Result<Self, GateFileError> {
        Self::load(rules, &shipped_calendars())
    }

    /// Only the rule sets with these names. The numbers that are never gated, blackouts and
    /// calendars stay.
    ///
    /// # Errors
    /// The first name that no rule set has.
    pub fn keep(mut self, names: &[String]) -> Result<Self, String> {
        let known = |name: &&String| !self.sets.iter().any(|set| set.name == **name);
        if let Some(unknown) = names.iter().find(known) {
            return Err(unknown.clone());
        }
        self.sets.retain(|set| names.contains(&set.name));
        self.looks_back = looks_back(&self.sets);
        self.by_region = by_region(&self.sets, &self.numbering);
        Ok(self)
    }

    /// When people may override; `None`: never.
    pub fn override_policy(&self) -> Option<&OverridePolicy> {
        self.overriding.as_ref()
    }

    /// SHA-256 over all rule set texts and the versions of the calendars, hex.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How long rules in force look back.
    pub fn looks_back(&self) -> LooksBack {
        self.looks_back
    }

    /// Rules in force whose triggers a running server does not know, as `set: rule`: neither labels
    /// of calls nor the requests that the do-not-call list holds.
    pub fn uncounted(&self) -> Vec<String> {
        let of = |set: &RuleSet| {
            let rests = set.spec.cooldown.iter().filter(|rule| rule.disabled().is_none());
            let rests = rests.filter(|rule| rule.trigger != DO_NOT_DISTURB && !rule.by_label());
            rests.map(|rule| format!("{}: {}", set.name, rule.id)).collect::<Vec<_>>()
        };
        self.sets.iter().filter(|set| set.enforces()).flat_map(of).collect()
    }

    /// Rule sets that may speak of a number of that region, by name.
    pub(super) fn of_region(&self, region: &str) -> impl Iterator<Item = &RuleSet> {
        let places = self.by_region.get(region).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|at| self.sets.get(*at))
    }

    /// Names of the rule sets, sorted.
    pub fn ruleset_names(&self) -> Vec<&str> {
        self.sets.iter().map(|set| set.name.as_str()).collect()
    }

    /// Numbers that a rule set file leaves ungated, sorted: they join the emergency numbers of the
    /// dial plan's country.
    pub fn always_allow(&self) -> &[String] {
        &self.always_allow
    }

    /// Names of the calendars that enforcing rule sets look into.
    pub fn calendars_in_use(&self) -> impl Iterator<Item = &str> {
        let used = |name: &&str| {
            let mut sets = self.sets.iter().filter(|set| set.enforces());
            sets.any(|set| set.spec.calendar.as_deref() == Some(*name))
        };
        self.calendars.keys().map(String::as_str).filter(used)
    }

    /// Version and years with a notice of each calendar, by name.
    pub fn calendars(&self) -> impl Iterator<Item = (&str, &str, Vec<i16>)> {
        self.calendars
            .iter()
            .map(|(name, one)| (name.as_str(), one.version.as_str(), one.years().collect()))
    }
}

/// Every region is there.
fn by_region(sets: &[RuleSet], numbering: &Numbering) -> HashMap<&'static str, Vec<usize>> {
    let speaking = |region| {
        let speaks = |set: &RuleSet| {
            set.spec.applies.region.iter().any(|pattern| match pattern {
                RegionPattern::Prefix(_) => true,
                pattern => pattern.matches(None, region),
            })
        };
        (0..sets.len()).filter(|at| sets.get(*at).is_some_and(speaks)).collect()
    };
    numbering.regions().map(|region| (region, speaking(region))).collect()
}

fn looks_back(sets: &[RuleSet]) -> LooksBack {
    let caps = sets.iter().flat_map(|set| &set.spec.cap).filter(|cap| cap.disabled().is_none());
    let rests = sets.iter().flat_map(|set| &set.spec.cooldown);
    let rests = rests.filter(|rule| rule.disabled().is_none() && rule.by_label());
    LooksBack {
        calls: caps.map(|cap| cap.per.longest()).max().unwrap_or_default(),
        labels: rests.map(Cooldown::longest).max().unwrap_or_default(),
    }
}

/// SHA-256 of the texts, each preceded by its length, so that no two lists run together. One text
/// alone is hashed as it is: the value is that of `sha256sum`.
pub(super) fn sha256_hex(texts: &[&str]) -> String {
    let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for text in texts {
        if texts.len() > 1 {
            hash.update(&(text.len() as u64).to_be_bytes());
        }
        hash.update(text.as_bytes());
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
