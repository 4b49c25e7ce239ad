//! Looking ahead: when the same call would be allowed, and how long a refusal lasts.

use super::dnc::Listed;
use super::ruleset::{Blackout, RuleSet};
use super::schema::{Effective, RegisterRule, Rule};
use super::values::{PurposePattern, is_purpose};
use super::verdict::Target;
use super::zone::Zone;
use super::{Ask, Book, DncList, Ruling};
use crate::model::{Verdict, Wall};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// How far a search looks ahead. More than a year, so that a yearly break cannot hide the end.
pub const HORIZON_DAYS: u32 = 400;

/// Rounds in which the rule sets may push the instant ahead: one a set and day, and some.
const ROUNDS_MAX: u32 = 8 * HORIZON_DAYS;
/// A day, in microseconds.
const DAY_US: i64 = 86_400_000_000;

/// A purpose that no floor names.
const NO_PURPOSE: &str = "unnamed";

/// One entry that a request not to be called makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Purpose and its family; `None`: all.
    pub purpose: Option<String>,
    /// Last local day, `YYYY-MM-DD`; `None`: for ever.
    pub until: Option<String>,
}

impl Book {
    /// Earliest instant from `after` on at which the same call is allowed, within
    /// [`HORIZON_DAYS`]. A search: not for the SIP thread.
    pub fn next_allowed(&self, list: &DncList, ask: &Ask<'_>, after: Wall) -> Option<Wall> {
        let target = match self.target(ask) {
            Ok(target) => target,
            Err(Ok(_exempt)) => return Some(after),
            Err(Err(_invalid)) => return None,
        };
        if ask.given.clock.is_some() {
            return None; // nobody knows how long
        }
        let limit = Wall(after.0.saturating_add(i64::from(HORIZON_DAYS) * DAY_US));
        let search = Search::new(self, list, ask, &target)?;
        let found = search.meet(timestamp(after)?, timestamp(limit)?)?;
        let found = Wall(found.as_microsecond());
        self.allows(list, ask, found).then_some(found)
    }

    /// The instant before which the last chance ends: from `from` on the same call is allowed at
    /// some instant before `deadline`, up to just before the one returned, and not between that
    /// and `deadline`. `None`: no lawful time is left. Looks ahead [`HORIZON_DAYS`]; a search.
    pub fn latest_allowed_before(
        &self,
        list: &DncList,
        ask: &Ask<'_>,
        from: Wall,
        deadline: Wall,
    ) -> Option<Wall> {
        let target = match self.target(ask) {
            Ok(target) => target,
            Err(Ok(_exempt)) => return (from < deadline).then_some(deadline),
            Err(Err(_invalid)) => return None,
        };
        if ask.given.clock.is_some() {
            return None;
        }
        let search = Search::new(self, list, ask, &target)?;
        let horizon = from.0.saturating_add(i64::from(HORIZON_DAYS) * DAY_US);
        let mut until = deadline.0.min(horizon);
        while until > from.0 {
            let start = from.0.max(until - DAY_US);
            let (a, b) = (timestamp(Wall(start))?, timestamp(Wall(until))?);
            if let Some(end) = search.last_end(a, b) {
                let end = Wall(end.as_microsecond());
                return self.allows(list, ask, Wall(end.0 - 1)).then_some(end);
            }
            until = start;
        }
        None
    }

    /// `at` at the callee, RFC 3339 with offset; empty where the callee's zone is unknown.
    pub fn rfc3339_local(&self, ask: &Ask<'_>, at: Wall) -> String {
        let Ok(target) = self.target(ask) else { return String::new() };
        let set = self.candidates(ask, &target).next();
        let zones = set.map_or(target.zones, |set| set.zones(target.zones));
        zones.first().map(|zone| zone.rfc3339(at)).unwrap_or_default()
    }

    /// Last local day (`YYYY-MM-DD`) blocked by `trigger` (e.g. `action:do_not_disturb`) at `at`;
    /// `None` where no rule set of the callee's region has such a cool-down, or it is for ever. The
    /// day of `at` is day 0. All rule sets of the region count, whatever the purpose of the call
    /// in which it was asked: a refusal is not lost because that call was for something else.
    pub fn blocked_until(&self, ask: &Ask<'_>, trigger: &str, at: Wall) -> Option<String> {
        let target = self.target(ask).ok()?;
        let mut last = None;
        let of_region = Ask { purpose: None, ruleset: None, ..*ask };
        for set in self.candidates(&of_region, &target).filter(|set| set.enforces()) {
            for zone in set.zones(target.zones) {
                let today = zone.local(at)?.date;
                let rules = set.spec.cooldown.iter();
                for rule in rules.filter(|rule| rule.trigger == trigger && rule.in_force(today)) {
                    last = last.max(Some(rule.last_day(ask.purpose, today)??));
                }
            }
        }
        last.map(|day| day.to_string())
    }

    /// What a request not to be called means, at `at`: the block for all calls, and those that last
    /// longer for one purpose, each with its last local day (`None`: for ever). Purposes come
    /// from `floor_by_purpose`; what else is counted, [`Book::blocked_until`] says.
    pub fn blocks(&self, ask: &Ask<'_>, trigger: &str, at: Wall) -> Vec<Block> {
        let until = self.blocked_until(&Ask { purpose: Some(NO_PURPOSE), ..*ask }, trigger, at);
        let mut out = vec![Block { purpose: None, until }];
        let Ok(target) = self.target(ask) else { return out };
        let of_region = Ask { purpose: None, ruleset: None, ..*ask };
        let sets: Vec<&RuleSet> =
            self.candidates(&of_region, &target).filter(|set| set.enforces()).collect();
        let floors = sets.iter().flat_map(|set| &set.spec.cooldown);
        let floors = floors.filter(|rule| rule.trigger == trigger && rule.disabled().is_none());
        let patterns: BTreeSet<&PurposePattern> =
            floors.flat_map(|rule| rule.floor_by_purpose.keys()).collect();
        for pattern in patterns {
            let probe = pattern.example();
            let until = self.blocked_until(&Ask { purpose: Some(&probe), ..*ask }, trigger, at);
            let family = pattern.family();
            let longest = out.iter().filter(|block| is_family(block.purpose.as_deref(), family));
            // An absent day is for ever: nothing is longer than it.
            let longer = longest
                .into_iter()
                .all(|block| block.until.is_some() && (until.is_none() || until > block.until));
            if longer {
                out.push(Block { purpose: Some(family.to_owned()), until });
            }
        }
        out
    }

    fn allows(&self, list: &DncList, ask: &Ask<'_>, at: Wall) -> bool {
        let ruling = self.decide(list, ask, at);
        matches!(ruling, Ruling::Decided(decided) if decided.verdict == Verdict::Allow)
    }
}

fn timestamp(at: Wall) -> Option<Timestamp> {
    Timestamp::from_microsecond(at.0).ok()
}

/// Whether a block for `purpose` holds for calls of `family`, too.
fn is_family(purpose: Option<&str>, family: &str) -> bool {
    purpose.is_none_or(|purpose| purpose == family)
}

/// What stands between a call and its allow, gathered once.
struct Search<'a> {
    list: &'a DncList,
    ask: &'a Ask<'a>,
    views: Vec<View<'a>>,
    blackouts: Vec<&'a Blackout>,
}

/// One set in one zone.
struct View<'a> {
    set: &'a RuleSet,
    zone: &'a Zone,
    /// Caps and cool-downs: closed until then on days when the rule is in force.
    holds: Vec<(Effective, Timestamp)>,
    registers: &'a [RegisterRule],
}

impl<'a> Search<'a> {
    /// `None`: no instant can change the refusal.
    fn new(
        book: &'a Book,
        list: &'a DncList,
        ask: &'a Ask<'_>,
        target: &'a Target<'_>,
    ) -> Option<Self> {
        let purpose = ask.purpose.filter(|purpose| is_purpose(purpose))?;
        let mut views = Vec::new();
        for set in book.candidates(ask, target).filter(|set| set.enforces()) {
            let zones = set.zones(target.zones);
            if zones.is_empty() || !set.covers(purpose) {
                return None;
            }
            views.extend(zones.iter().map(|zone| View::new(set, zone, ask)));
        }
        let blackouts = book.blackouts.iter();
        let blackouts =
            blackouts.filter(|one| one.covers(target.e164, target.region, ask.purpose)).collect();
        Some(Self { list, ask, views, blackouts })
    }

    /// Earliest instant from `at` to `limit` at which every set in force is open and at least one
    /// is in force that is enough for an allow.
    fn meet(&self, mut at: Timestamp, limit: Timestamp) -> Option<Timestamp> {
        for _ in 0..ROUNDS_MAX {
            let opens = self.views.iter().map(|view| view.opens(self, at, limit));
            let latest = opens.collect::<Option<Vec<_>>>()?.into_iter().max()?;
            let latest = self.blackouts.iter().fold(latest, |at, one| match at {
                at if (one.from()..one.until()).contains(&at) => one.until(),
                at => at,
            });
            if latest > limit {
                return None;
            }
            if latest > at {
                at = latest;
                continue;
            }
            if self.bases().any(|view| view.in_force(at)) {
                return Some(at);
            }
            let starts = self.bases().filter_map(|v| v.zone.midnight(v.set.spec.effective.from?.0));
            at = starts.filter(|start| *start > at && *start <= limit).min()?;
        }
        None
    }

    /// End of the last open time that begins in `from..until`, at most `until`.
    fn last_end(&self, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut last = None;
        let mut at = from;
        while at < until {
            let Some(open) = self.meet(at, until).filter(|open| *open < until) else { break };
            at = self.closes(open)?.min(until);
            last = Some(at);
        }
        last
    }

    /// Until when nothing changes that is open at `at`.
    fn closes(&self, at: Timestamp) -> Option<Timestamp> {
        let ends = self.views.iter().map(|view| view.closes(self, at));
        let end = ends.collect::<Option<Vec<_>>>()?.into_iter().min()?;
        let starts = self.blackouts.iter().map(|one| one.from()).filter(|start| *start > at);
        starts.chain([end]).min()
    }

    fn bases(&self) -> impl Iterator<Item = &View<'a>> {
        self.views.iter().filter(|view| view.set.is_base())
    }
}

impl<'a> View<'a> {
    fn new(set: &'a RuleSet, zone: &'a Zone, ask: &Ask<'_>) -> Self {
        let spec = &set.spec;
        fn awake<R: Rule>(rules: &[R]) -> impl Iterator<Item = &R> {
            rules.iter().filter(|rule| rule.disabled().is_none())
        }
        let caps = awake(&spec.cap).filter_map(|cap| {
            let frees = cap.frees(&cap.releases(ask, zone));
            Some((*cap.effective(), frees.max(cap.known_from(ask))?))
        });
        let cooldowns = awake(&spec.cooldown).filter_map(|rule| {
            let over = rule.over(ask, zone);
            Some((*rule.effective(), over.max(rule.known_from(ask))?))
        });
        let holds = caps.chain(cooldowns).collect();
        Self { set, zone, holds, registers: &spec.register }
    }

    fn in_force(&self, at: Timestamp) -> bool {
        let local = self.zone.local(Wall(at.as_microsecond()));
        local.is_some_and(|local| self.set.effective_on(local.date))
    }

    /// Parts of `day` in which the set allows the call, in order.
    fn spans(&self, search: &Search<'_>, day: Date) -> Vec<(Timestamp, Timestamp)> {
        let ask = search.ask;
        let said = search.list.says(ask, day);
        let listed = matches!(said, Listed::Blocked { .. } | Listed::Unknown(_));
        // A claim on record may end before a later day.
        let claims = ask.given.claims(ask.purpose, day);
        let registered = self
            .registers
            .iter()
            .any(|rule| rule.in_force(day) && rule.says(search.list, ask, claims, day).closes());
        let mut requires = self.set.spec.requires.iter();
        let lacks = requires.any(|rule| rule.in_force(day) && !rule.met(claims));
        let mut shown = self.set.spec.caller_id.iter();
        let shows = shown.any(|rule| rule.in_force(day) && rule.refuses(ask));
        if listed || registered || lacks || shows {
            return Vec::new();
        }
        let holds = self.holds.iter().filter(|(effective, _)| effective.on(day));
        let free = holds.map(|(_, until)| *until).max().unwrap_or(Timestamp::MIN);
        let plan = self.set.day(day, claims);
        let spans = plan.open().iter().filter_map(|span| {
            Some((self.zone.opens(day, *span)?.max(free), self.zone.closes(day, *span)?))
        });
        spans.filter(|(from, to)| from < to).collect()
    }

    /// Earliest instant from `after` on at which the set allows the call or is not in force.
    fn opens(&self, search: &Search<'_>, after: Timestamp, limit: Timestamp) -> Option<Timestamp> {
        let mut day = self.zone.local(Wall(after.as_microsecond()))?.date;
        loop {
            let start = self.zone.midnight(day)?;
            if start > limit {
                return None;
            }
            let tomorrow = day.tomorrow().ok()?;
            if !self.set.effective_on(day) {
                if after.max(start) < self.zone.midnight(tomorrow)? {
                    return Some(after.max(start));
                }
            } else {
                let spans = self.spans(search, day);
                if let Some((from, _)) = spans.into_iter().find(|(from, to)| after.max(*from) < *to)
                {
                    return Some(after.max(from));
                }
            }
            day = tomorrow;
        }
    }

    /// End of the part that holds `at`, which [`View::opens`] found.
    fn closes(&self, search: &Search<'_>, at: Timestamp) -> Option<Timestamp> {
        let day = self.zone.local(Wall(at.as_microsecond()))?.date;
        if !self.set.effective_on(day) {
            return self.zone.midnight(day.tomorrow().ok()?);
        }
        let spans = self.spans(search, day);
        spans.into_iter().find(|(from, to)| (*from..*to).contains(&at)).map(|(_, to)| to)
    }
}
