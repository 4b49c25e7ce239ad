//! What keeps rule sets that can be read from coming into force: slips that would stop every call,
//! or that say two things of one hour.

use super::lint::{never_open, together};
use super::ruleset::RuleSet;
use super::schema::Rule;
use super::terms::Claims;
use super::values::DaySpan;
use super::{Book, GateFileError};

impl Book {
    /// Why these rules must not come into force; `None`: they may. What is odd beyond that, the
    /// linter tells ([`Book::lint`]).
    pub fn contradiction(&self) -> Option<GateFileError> {
        let enforced: Vec<&RuleSet> = self.sets.iter().filter(|set| set.enforces()).collect();
        enforced.iter().find_map(|set| set.contradiction()).or_else(|| {
            enforced.iter().enumerate().find_map(|(n, a)| {
                let met = enforced.iter().skip(n + 1).find(|b| together(a, b) && never_open(a, b));
                met.map(|b| never_meet(a, b))
            })
        })
    }
}

fn never_meet(a: &RuleSet, b: &RuleSet) -> GateFileError {
    let elsewhere = match a.file == b.file {
        true => String::new(),
        false => format!(" of {}", b.file),
    };
    let message = format!(
        "ruleset.{} and ruleset.{}{elsewhere} apply to the same calls and have no hour in common: \
         no call would ever be allowed; let their windows meet, or let them apply to different \
         regions, purposes or days",
        a.name, b.name
    );
    GateFileError::new(&a.file, message)
}

impl RuleSet {
    fn contradiction(&self) -> Option<GateFileError> {
        let fail = |message: String| {
            Some(GateFileError::new(&self.file, format!("ruleset.{}{message}", self.name)))
        };
        if let Some((rule, a, b)) = self.overlapping() {
            return fail(format!(".{rule}: {a} and {b} overlap: write one span"));
        }
        let shut =
            |claims| self.era_starts().into_iter().all(|first| self.shut_week(first, claims));
        if Claims::all().all(shut) {
            return fail(
                ": no hour is open on any day of a week: its bans close all its windows; leave an \
                 hour open, or stop calls for a time by a [[blackout]]"
                    .to_owned(),
            );
        }
        let windows = self.spec.window.iter().enumerate();
        let mut unreached =
            windows.filter(|(_, window)| window.disabled().is_none() && !self.reaches(window));
        let (n, _) = unreached.next()?;
        fail(format!(
            ".window {}: bans close it on all its days, or it is never in force: it opens nothing; \
             take it out, give it other hours or days, or let the ban have exemptions",
            n + 1
        ))
    }

    /// The first two spans of one rule that say the same hour.
    fn overlapping(&self) -> Option<(String, DaySpan, DaySpan)> {
        let spec = &self.spec;
        let windows = spec.window.iter().enumerate();
        let windows = windows.map(|(n, rule)| (format!("window {}", n + 1), &rule.spans));
        let hard = spec.hard_ban.iter().map(|rule| (format!("hard_ban {}", rule.id), &rule.spans));
        let bans = spec.ban.iter().map(|rule| (format!("ban {}", rule.id), &rule.spans));
        windows.chain(hard).chain(bans).find_map(|(rule, spans)| {
            let mut sorted = spans.clone();
            sorted.sort_unstable();
            let pair = sorted.windows(2).find_map(|pair| match pair {
                [a, b] if b.start < a.end => Some((*a, *b)),
                _ => None,
            });
            pair.map(|(a, b)| (rule, a, b))
        })
    }
}
