//! From a question to a ruling, without a search.

use super::answer::{Answer, own, rule};
use super::asked::Asked;
use super::numbering::{Place, UNKNOWN};
use super::ruleset::RuleSet;
use super::values::is_purpose;
use super::zone::{Local, TZDB_VERSION, Zone};
use super::{
    Ask, Book, Decided, Dialed, DncList, ExemptReason, Exemption, Findings, OverridePolicy, Ruling,
};
use crate::model::{RuleOutcome, RuleVerdict, Text, Verdict, Wall};
use jiff::Timestamp;
use std::time::Duration;

/// Where the rule about the clock is written down: no law has it, all laws need it.
const CLOCK_CITE: Text = Text::fixed("docs/gate.md#the-clock");

/// Where the callee is.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) e164: Option<&'a str>,
    pub(super) region: &'static str,
    /// All zones it may be in; none: nobody knows.
    pub(super) zones: &'a [Zone],
}

impl Book {
    /// Verdict for dialling at `at`. Does not search.
    pub fn decide(&self, list: &DncList, ask: &Ask<'_>, at: Wall) -> Ruling {
        let target = match self.target(ask) {
            Ok(target) => target,
            Err(ruling) => {
                return ruling.map_or_else(
                    |reason| Ruling::Decided(self.refused(list, None, at, vec![reason])),
                    Ruling::Exempt,
                );
            }
        };
        // Once for all sets: reading the callee's clock costs more than most rules.
        let locals: Vec<Option<Local>> = target.zones.iter().map(|zone| zone.local(at)).collect();
        let policy = self.override_policy();
        let mut asked = Asked::new(list, ask);
        let mut answers: Vec<Answer<'_>> = self
            .candidates(ask, &target)
            .filter_map(|set| set.strictest(&mut asked, &target, &locals, at, policy))
            .collect();
        let mut first: Vec<RuleVerdict> = ask.given.clock.map(clock_rule).into_iter().collect();
        first.extend(self.blackout_rules(ask, &target, at));
        if !answers.iter().any(|answer| answer.set.is_base()) {
            first.push(self.no_ruleset(ask, &target));
        }
        if target.zones.len() > 1 {
            first.push(zones_rule(target.zones));
        }
        first
            .extend(policy.and_then(|policy| policy.speak(&first, &mut answers, ask.given.waived)));
        if answers.is_empty() {
            return Ruling::Decided(self.refused(list, target.zones.first(), at, first));
        }
        Ruling::Decided(combine(first, answers, list, at))
    }

    /// Where the callee is; else why there is nothing to ask: exempt, or a refusing rule.
    pub(super) fn target<'a>(
        &'a self,
        ask: &Ask<'a>,
    ) -> Result<Target<'a>, Result<Exemption, RuleVerdict>> {
        let at =
            |place: &'a Place, e164| Target { e164, region: place.region, zones: &place.zones };
        let target = match ask.dialed {
            Dialed::Emergency(_) => return Err(Ok(Exemption::new(ExemptReason::Emergency))),
            Dialed::Internal(_) if self.internal => {
                return Err(Ok(Exemption::new(ExemptReason::Internal)));
            }
            Dialed::Internal(_) => {
                let inputs = "internal numbers are gated: always_allow.internal".to_owned();
                return Err(Err(own("number", RuleOutcome::Deny, inputs)));
            }
            Dialed::Invalid(why) => {
                return Err(Err(own("number", RuleOutcome::Deny, why.to_string())));
            }
            Dialed::Short(code) if self.always_allow().iter().any(|known| known == code) => {
                return Err(Ok(Exemption::new(ExemptReason::Emergency)));
            }
            // A short code belongs to the numbering plan of the home region.
            Dialed::Short(_) => at(self.numbering.mainland(), None),
            Dialed::Number(number) => {
                let e164 = Some(number.as_str());
                match self.numbering.place(number.as_str()) {
                    Some(place) => at(place, e164),
                    None => Target { e164, region: UNKNOWN, zones: &[] },
                }
            }
        };
        Ok(target.narrowed(ask.given.zone))
    }

    /// Rule sets to ask: the one named, or all that apply to the call. A purpose that is missing
    /// or malformed selects by the rest alone, so that the `purpose` rule can say so.
    pub(super) fn candidates<'a>(
        &'a self,
        ask: &'a Ask<'_>,
        target: &'a Target<'_>,
    ) -> impl Iterator<Item = &'a RuleSet> {
        let purpose = ask.purpose.filter(|purpose| is_purpose(purpose));
        self.of_region(target.region).filter(move |set| {
            let chosen = match ask.ruleset {
                Some(name) => set.name == name,
                None => purpose.is_none_or(|purpose| set.covers(purpose)),
            };
            let mut regions = set.spec.applies.region.iter();
            chosen
                && regions.any(|region| region.matches(target.e164, target.region))
                && set.concerns(ask)
        })
    }

    fn blackout_rules(&self, ask: &Ask<'_>, target: &Target<'_>, at: Wall) -> Vec<RuleVerdict> {
        let Ok(now) = Timestamp::from_microsecond(at.0) else { return Vec::new() };
        let stops = self.blackouts.iter().filter(|one| {
            one.covers(target.e164, target.region, ask.purpose)
                && (one.from()..one.until()).contains(&now)
        });
        let told = stops.map(|one| {
            let inputs = format!("id={} until={}", one.spec.id, one.until());
            rule(Text::fixed("blackout"), RuleOutcome::Deny, &one.spec.cite, inputs)
        });
        told.collect()
    }

    fn no_ruleset(&self, ask: &Ask<'_>, target: &Target<'_>) -> RuleVerdict {
        let purpose = match ask.purpose {
            Some(purpose) if is_purpose(purpose) => purpose,
            Some(_) => "malformed",
            None => "missing",
        };
        let asked = ask.ruleset.map_or("any", |name| {
            if self.sets.iter().any(|set| set.name == name) { name } else { "unknown" }
        });
        let inputs = format!("region={} purpose={purpose} ruleset={asked}", target.region);
        own("no_ruleset", RuleOutcome::Deny, inputs)
    }

    fn refused(
        &self,
        list: &DncList,
        zone: Option<&Zone>,
        at: Wall,
        rules: Vec<RuleVerdict>,
    ) -> Decided {
        let findings = Findings {
            verdict: Verdict::Deny,
            rules,
            ruleset: String::new(),
            ruleset_hash: String::new(),
            calendar_version: String::new(),
            list_version: list.version(),
            tzdb_version: TZDB_VERSION,
            local_time: zone.map(|zone| zone.rfc3339(at)).unwrap_or_default(),
            zone: zone.map(|zone| zone.name().to_owned()).unwrap_or_default(),
            day_class: None,
            ttl: Duration::ZERO,
        };
        Decided::new(findings, at)
    }
}

impl<'a> Target<'a> {
    /// At the zone of the callee's address, if the number may be there.
    fn narrowed(self, zone: Option<&str>) -> Self {
        let known = zone.and_then(|name| self.zones.iter().find(|zone| zone.name() == name));
        Self { zones: known.map_or(self.zones, std::slice::from_ref), ..self }
    }
}

impl RuleSet {
    /// Its answer in the zone where it is strictest; `None` where it is in force in none.
    fn strictest<'a>(
        &'a self,
        asked: &mut Asked<'_>,
        target: &Target<'a>,
        locals: &[Option<Local>],
        at: Wall,
        policy: Option<&OverridePolicy>,
    ) -> Option<Answer<'a>> {
        let (mut found, mut open): (Option<Answer<'a>>, Option<Answer<'a>>) = (None, None);
        let zones = self.zones(target.zones);
        let callees = std::ptr::eq(zones, target.zones);
        for (n, zone) in zones.iter().enumerate() {
            let known = locals.get(n).filter(|_| callees);
            let Some(local) = known.copied().unwrap_or_else(|| zone.local(at)) else {
                return Some(Answer::unknown_zone(self, target.region));
            };
            if !self.effective_on(local.date) {
                continue;
            }
            let answer = self.answer(asked, zone, &local);
            if answer.denies() {
                // What people may open in this zone may be closed for good in another.
                match policy {
                    Some(policy) if policy.opens(&answer) => open = open.or(Some(answer)),
                    _ => return Some(answer),
                }
                continue;
            }
            found = found.or(Some(answer));
        }
        match zones.is_empty() {
            true => Some(Answer::unknown_zone(self, target.region)),
            false => open.or(found),
        }
    }
}

/// All must allow; the shortest life counts. Zone and day are those of the first refusing set.
fn combine(first: Vec<RuleVerdict>, answers: Vec<Answer<'_>>, list: &DncList, at: Wall) -> Decided {
    let join = |part: fn(&RuleSet) -> &str| {
        let bytes = answers.iter().map(|answer| part(answer.set).len() + 1).sum();
        let mut joined = String::with_capacity(bytes);
        for (n, answer) in answers.iter().enumerate() {
            if n > 0 {
                joined.push('+');
            }
            joined.push_str(part(answer.set));
        }
        joined
    };
    let (ruleset, ruleset_hash) = (join(|set| &set.name), join(|set| &set.hash));
    let calendar_version =
        join(|set| set.calendar.as_ref().map_or("", |calendar| &calendar.version));
    let ttl = answers.iter().map(|answer| answer.set.spec.guard.decision_ttl.duration()).min();
    let speaker = answers.iter().find(|answer| answer.stops()).or(answers.first());
    let zone = speaker.and_then(|answer| answer.zone);
    let day_class = speaker.and_then(|answer| answer.day_class);
    let mut rules = first;
    rules.reserve_exact(answers.iter().map(Answer::len).sum());
    rules.extend(answers.into_iter().flat_map(Answer::into_rules));
    let denied = rules.iter().any(|rule| rule.outcome == RuleOutcome::Deny);
    let findings = Findings {
        verdict: if denied { Verdict::Deny } else { Verdict::Allow },
        ruleset,
        ruleset_hash,
        calendar_version,
        list_version: list.version(),
        tzdb_version: TZDB_VERSION,
        local_time: zone.map(|zone| zone.rfc3339(at)).unwrap_or_default(),
        zone: zone.map(|zone| zone.name().to_owned()).unwrap_or_default(),
        day_class,
        ttl: ttl.unwrap_or_default(),
        rules,
    };
    Decided::new(findings, at)
}

fn clock_rule(why: &str) -> RuleVerdict {
    rule(Text::fixed("clock"), RuleOutcome::Deny, CLOCK_CITE, why.to_owned())
}

fn zones_rule(zones: &[Zone]) -> RuleVerdict {
    let names: Vec<&str> = zones.iter().map(Zone::name).collect();
    own("zone", RuleOutcome::Allow, format!("all of {}", names.join(", ")))
}
