//! Looking ahead: when the same call would be allowed, and how long a refusal lasts.

use super::ruleset::RuleSet;
use super::values::is_purpose;
use super::verdict::Target;
use super::zone::Zone;
use super::{Ask, Book, DncList, Ruling};
use crate::model::{Verdict, Wall};
use jiff::Timestamp;
use std::time::Duration;

/// How far a search looks ahead. More than a year, so that a yearly break cannot hide the end.
pub const HORIZON_DAYS: u32 = 400;

/// Rounds in which the rule sets may push the instant ahead: one a set and day, and some.
const ROUNDS_MAX: u32 = 4 * HORIZON_DAYS;

impl Book {
    /// Earliest instant from `after` on at which the same call is allowed, within
    /// [`HORIZON_DAYS`]. A search: not for the SIP thread.
    pub fn next_allowed(&self, list: &DncList, ask: &Ask<'_>, after: Wall) -> Option<Wall> {
        let target = match self.target(ask.dialed) {
            Ok(target) => target,
            Err(Ok(_exempt)) => return Some(after),
            Err(Err(_invalid)) => return None,
        };
        let purpose = ask.purpose.filter(|purpose| is_purpose(purpose))?;
        let sets: Vec<(&RuleSet, &Zone)> = self
            .candidates(ask, &target)
            .into_iter()
            .map(|set| set.zone(target.zone).map(|zone| (set, zone)))
            .collect::<Option<_>>()?;
        let uncovered = sets.iter().any(|(set, _)| !set.covers(purpose));
        if uncovered || (ask.number_ref.is_none() && !list.is_empty()) {
            return None;
        }
        let found = meet(&sets, list, ask, after)?;
        let ruling = self.decide(list, ask, found);
        matches!(ruling, Ruling::Decided(d) if d.verdict == Verdict::Allow).then_some(found)
    }

    /// `at` at the callee, RFC 3339 with offset; empty where the callee's zone is unknown.
    pub fn rfc3339_local(&self, ask: &Ask<'_>, at: Wall) -> String {
        let Ok(target) = self.target(ask.dialed) else { return String::new() };
        let zone = self.clock(ask, &target);
        zone.map(|zone| zone.rfc3339(at)).unwrap_or_default()
    }

    /// Last local day (`YYYY-MM-DD`) blocked by `trigger` (e.g. `action:do_not_disturb`) at `at`;
    /// `None` where no rule set of the callee's region has such a cool-down. The day of `at` is
    /// day 0. All rule sets of the region count, whatever the purpose of the call in which it was
    /// asked: a refusal is not lost because that call was for something else.
    pub fn blocked_until(&self, ask: &Ask<'_>, trigger: &str, at: Wall) -> Option<String> {
        let target = self.target(ask.dialed).ok()?;
        let mut last = None;
        let of_region = Ask { purpose: None, ruleset: None, ..*ask };
        for set in self.candidates(&of_region, &target) {
            let zone = set.zone(target.zone).or(target.zone)?;
            let today = zone.local(at)?.date;
            for rule in set.spec.cooldown.iter().filter(|rule| rule.trigger == trigger) {
                let floors = rule.floor_by_purpose.iter().filter(|(pattern, _)| {
                    ask.purpose.is_none_or(|purpose| pattern.matches(purpose))
                });
                let periods = floors.map(|(_, period)| *period).chain([rule.period]);
                last = last.max(periods.filter_map(|period| period.last_day(today)).max());
            }
        }
        last.map(|day| day.to_string())
    }

    fn clock<'a>(&'a self, ask: &Ask<'_>, target: &Target<'a>) -> Option<&'a Zone> {
        let sets = self.candidates(ask, target);
        sets.first().map_or(target.zone, |set| set.zone(target.zone))
    }
}

/// Earliest instant at which every set in force is open and at least one is in force.
fn meet(sets: &[(&RuleSet, &Zone)], list: &DncList, ask: &Ask<'_>, after: Wall) -> Option<Wall> {
    let limit = after.after(Duration::from_secs(u64::from(HORIZON_DAYS) * 86_400));
    let limit = Timestamp::from_microsecond(limit.0).ok()?;
    let mut at = Timestamp::from_microsecond(after.0).ok()?;
    for _ in 0..ROUNDS_MAX {
        let opens = sets.iter().map(|(set, zone)| opens(set, zone, list, ask, at, limit));
        let latest = opens.collect::<Option<Vec<_>>>()?.into_iter().max()?;
        if latest > at {
            at = latest;
            continue;
        }
        let wall = Wall(at.as_microsecond());
        let in_force = |(set, zone): &(&RuleSet, &Zone)| {
            zone.local(wall).is_some_and(|local| set.effective_on(local.date))
        };
        if sets.iter().any(in_force) {
            return Some(wall);
        }
        let starts =
            sets.iter().filter_map(|(set, zone)| zone.midnight(set.spec.effective.from?.0));
        at = starts.filter(|start| *start > at && *start <= limit).min()?;
    }
    None
}

/// Earliest instant from `after` on at which `set` allows the call or is not in force.
fn opens(
    set: &RuleSet,
    zone: &Zone,
    list: &DncList,
    ask: &Ask<'_>,
    after: Timestamp,
    limit: Timestamp,
) -> Option<Timestamp> {
    let mut day = zone.local(Wall(after.as_microsecond()))?.date;
    loop {
        let start = zone.midnight(day)?;
        if start > limit {
            return None;
        }
        let tomorrow = day.tomorrow().ok()?;
        if !set.effective_on(day) && after.max(start) < zone.midnight(tomorrow)? {
            return Some(after.max(start));
        }
        let blocked = ask.number_ref.is_some_and(|key| list.blocks(key, day).is_some());
        if set.effective_on(day) && !blocked {
            for span in set.day(day).open() {
                let (from, to) = (zone.opens(day, *span)?, zone.closes(day, *span)?);
                if after.max(from) < to {
                    return Some(after.max(from));
                }
            }
        }
        day = tomorrow;
    }
}
