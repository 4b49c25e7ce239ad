//! From a question to a ruling, without a search.

use super::calendar::Guard;
use super::ruleset::{DayPlan, Gap, RuleSet};
use super::spans;
use super::values::{GapPolicy, is_purpose};
use super::zone::{Local, TZDB_VERSION, Zone};
use super::{Ask, Book, Decided, Dialed, DncList, ExemptReason, Exemption, Findings, Ruling};
use crate::model::{DayClass, Named, RuleOutcome, RuleVerdict, Verdict, Wall};
use std::time::Duration;

/// Where the callee is.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    e164: Option<&'a str>,
    mainland: bool,
    region: &'static str,
    pub(super) zone: Option<&'a Zone>,
}

/// One set's answer.
struct Answer<'a> {
    set: &'a RuleSet,
    rules: Vec<RuleVerdict>,
    day_class: Option<DayClass>,
}

impl Book {
    /// Verdict for dialling at `at`. Does not search.
    pub fn decide(&self, list: &DncList, ask: &Ask<'_>, at: Wall) -> Ruling {
        let target = match self.target(ask.dialed) {
            Ok(target) => target,
            Err(ruling) => {
                return ruling.map_or_else(
                    |reason| Ruling::Decided(self.refused(list, None, at, vec![reason])),
                    Ruling::Exempt,
                );
            }
        };
        let sets = self.candidates(ask, &target);
        let mut answers = Vec::with_capacity(sets.len());
        for set in sets {
            let Some((zone, local)) = set.zone(target.zone).and_then(|z| Some((z, z.local(at)?)))
            else {
                let inputs = format!("region={}", target.region);
                let rules = vec![rule("unknown_zone", RuleOutcome::Deny, "", inputs)];
                answers.push(Answer { set, rules, day_class: None });
                continue;
            };
            if set.effective_on(local.date) {
                answers.push(set.answer(list, ask, zone, &local));
            }
        }
        if answers.is_empty() {
            let reason = self.no_ruleset(ask, &target);
            return Ruling::Decided(self.refused(list, target.zone, at, vec![reason]));
        }
        Ruling::Decided(combine(answers, list, &target, at))
    }

    /// Where the callee is; else why there is nothing to ask: exempt, or a refusing rule.
    pub(super) fn target<'a>(
        &'a self,
        dialed: &'a Dialed,
    ) -> Result<Target<'a>, Result<Exemption, RuleVerdict>> {
        match dialed {
            Dialed::Emergency(_) => Err(Ok(Exemption::new(ExemptReason::Emergency))),
            Dialed::Internal(_) => Err(Ok(Exemption::new(ExemptReason::Internal))),
            Dialed::Invalid(why) => {
                Err(Err(rule("number", RuleOutcome::Deny, "", why.to_string())))
            }
            Dialed::Short(code) if self.always_allow().iter().any(|known| known == code) => {
                Err(Ok(Exemption::new(ExemptReason::Emergency)))
            }
            // A short code belongs to the numbering plan of the home region.
            Dialed::Short(_) => Ok(self.mainland_target(None)),
            Dialed::Number(number) if number.as_str().starts_with("+86") => {
                Ok(self.mainland_target(Some(number.as_str())))
            }
            Dialed::Number(number) => {
                let region = match number.as_str() {
                    n if n.starts_with("+852") => "HK",
                    n if n.starts_with("+853") => "MO",
                    n if n.starts_with("+886") => "TW",
                    _ => "abroad",
                };
                let e164 = Some(number.as_str());
                Ok(Target { e164, mainland: false, region, zone: None })
            }
        }
    }

    /// Rule sets to ask: the one named, or all that apply to region and purpose. A purpose that is
    /// missing or malformed selects by region alone, so that the `purpose` rule can say so.
    pub(super) fn candidates(&self, ask: &Ask<'_>, target: &Target<'_>) -> Vec<&RuleSet> {
        let purpose = ask.purpose.filter(|purpose| is_purpose(purpose));
        let here = |set: &&RuleSet| {
            let mut regions = set.spec.applies.region.iter();
            regions.any(|region| region.matches(target.e164, target.mainland))
        };
        let chosen = |set: &&RuleSet| match ask.ruleset {
            Some(name) => set.name == name,
            None => purpose.is_none_or(|purpose| set.covers(purpose)),
        };
        self.sets.iter().filter(here).filter(chosen).collect()
    }

    fn mainland_target<'a>(&'a self, e164: Option<&'a str>) -> Target<'a> {
        Target { e164, mainland: true, region: "CN-mainland", zone: Some(&self.mainland) }
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
        rule("no_ruleset", RuleOutcome::Deny, "", inputs)
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

/// All must allow; the shortest life counts. Zone and day are those of the first refusing set.
fn combine(answers: Vec<Answer<'_>>, list: &DncList, target: &Target<'_>, at: Wall) -> Decided {
    let join = |part: fn(&RuleSet) -> &str| {
        answers.iter().map(|answer| part(answer.set)).collect::<Vec<_>>().join("+")
    };
    let (ruleset, ruleset_hash) = (join(|set| &set.name), join(|set| &set.hash));
    let calendar_version =
        join(|set| set.calendar.as_ref().map_or("", |calendar| &calendar.version));
    let ttl = answers.iter().map(|answer| answer.set.spec.guard.decision_ttl.duration()).min();
    let denied = |answer: &Answer<'_>| answer.rules.iter().any(|r| r.outcome == RuleOutcome::Deny);
    let speaker = answers.iter().find(|answer| denied(answer));
    let verdict = if speaker.is_some() { Verdict::Deny } else { Verdict::Allow };
    let speaker = speaker.or(answers.first());
    let zone = speaker.and_then(|answer| answer.set.zone(target.zone));
    let findings = Findings {
        verdict,
        ruleset,
        ruleset_hash,
        calendar_version,
        list_version: list.version(),
        tzdb_version: TZDB_VERSION,
        local_time: zone.map(|zone| zone.rfc3339(at)).unwrap_or_default(),
        zone: zone.map(|zone| zone.name().to_owned()).unwrap_or_default(),
        day_class: speaker.and_then(|answer| answer.day_class),
        ttl: ttl.unwrap_or_default(),
        rules: answers.into_iter().flat_map(|answer| answer.rules).collect(),
    };
    Decided::new(findings, at)
}

impl RuleSet {
    pub(super) fn covers(&self, purpose: &str) -> bool {
        self.spec.applies.purpose.iter().any(|pattern| pattern.matches(purpose))
    }

    /// Every rule speaks, in order of precedence, also after the first refusal.
    fn answer(&self, list: &DncList, ask: &Ask<'_>, zone: &Zone, local: &Local) -> Answer<'_> {
        let plan = self.day(local.date);
        let mut rules = Vec::with_capacity(6 + self.spec.hard_ban.len());
        rules.push(self.purpose_rule(ask));
        for ban in &self.spec.hard_ban {
            let hit = ban.spans.iter().any(|span| zone.banned(local, *span));
            let inputs = format!("local={} banned={}", clock(local), spans::text(&ban.spans));
            rules.push(rule(&ban.id, deny_if(hit), &ban.cite, inputs));
        }
        rules.push(self.dnc_rule(list, ask, local));
        rules.extend(self.gap_rule(&plan));
        for ban in &self.spec.ban {
            let hit = plan.ban.is_some_and(|hit| hit.id == ban.id);
            let class = plan.class.map_or("none", Named::name);
            let scope = self.spec.holiday_scope.name();
            let inputs = format!("date={} class={class} scope={scope}", local.date);
            let outcome = if hit { RuleOutcome::Deny } else { RuleOutcome::NotApplicable };
            rules.push(rule(&ban.id, outcome, &ban.cite, inputs));
        }
        rules.push(self.window_rule(&plan, zone, local));
        if self.spec.guard.last_start_before_end.0 > 0 {
            let guard = self.spec.guard.last_start_before_end.0;
            let inputs = format!("local={} last_start_before_end={guard}s", clock(local));
            rules.push(rule("guard", deny_if(plan.guarded(zone, local)), "", inputs));
        }
        Answer { set: self, rules, day_class: plan.class }
    }

    fn purpose_rule(&self, ask: &Ask<'_>) -> RuleVerdict {
        let cite = &self.spec.purpose.cite;
        match ask.purpose {
            None => rule("purpose", RuleOutcome::Deny, cite, "missing".to_owned()),
            // What is malformed is not repeated: it may hold anything.
            Some(purpose) if !is_purpose(purpose) => {
                rule("purpose", RuleOutcome::Deny, cite, "malformed".to_owned())
            }
            Some(purpose) if self.covers(purpose) => {
                rule("purpose", RuleOutcome::Allow, cite, format!("purpose={purpose}"))
            }
            Some(purpose) => {
                let covered: Vec<String> =
                    self.spec.applies.purpose.iter().map(ToString::to_string).collect();
                let inputs = format!("purpose={purpose} covered={}", covered.join(", "));
                rule("purpose", RuleOutcome::Deny, cite, inputs)
            }
        }
    }

    fn dnc_rule(&self, list: &DncList, ask: &Ask<'_>, local: &Local) -> RuleVerdict {
        let (outcome, inputs) = match ask.number_ref {
            None if list.is_empty() => (RuleOutcome::NotApplicable, "list is empty".to_owned()),
            None => (RuleOutcome::Deny, "no list key".to_owned()),
            Some(key) => match list.blocks(key, local.date) {
                None => (RuleOutcome::Allow, "not blocked".to_owned()),
                Some(None) => (RuleOutcome::Deny, "blocked for ever".to_owned()),
                Some(Some(until)) => (RuleOutcome::Deny, format!("blocked through {until}")),
            },
        };
        rule("dnc", outcome, &self.spec.dnc.cite, inputs)
    }

    fn gap_rule(&self, plan: &DayPlan<'_>) -> Option<RuleVerdict> {
        let class = plan.class?.name();
        let cite = self.spec.calendar_gap.as_ref().map_or("", |gap| &gap.cite);
        let (outcome, inputs) = match plan.gap {
            Gap::None => (RuleOutcome::NotApplicable, format!("class={class}")),
            Gap::Narrowed => (RuleOutcome::Allow, format!("class={class} policy=intersect")),
            Gap::Closed(policy, guard) => {
                let near = match guard {
                    None => String::new(),
                    Some(Guard::Clear) => " near=nothing".to_owned(),
                    Some(Guard::Near(date)) => format!(" near={date}"),
                    Some(Guard::NoTable(year)) => format!(" no statutory dates of {year}"),
                };
                let policy: GapPolicy = policy;
                (RuleOutcome::Deny, format!("class={class} policy={}{near}", policy.name()))
            }
        };
        Some(rule("calendar-gap", outcome, cite, inputs))
    }

    fn window_rule(&self, plan: &DayPlan<'_>, zone: &Zone, local: &Local) -> RuleVerdict {
        let windows = &plan.hours.windows;
        let inside = windows.iter().any(|span| zone.open(local, *span));
        let of_day = self.spec.window.iter().find(|window| match plan.class {
            Some(class) => window.lists(class),
            None => true,
        });
        let cite = of_day.or(self.spec.window.first()).map_or("", |window| &window.cite);
        let class = plan.class.map_or("none", Named::name);
        let inputs =
            format!("local={} class={class} windows={}", clock(local), spans::text(windows));
        rule("window", deny_if(!inside), cite, inputs)
    }
}

fn clock(local: &Local) -> String {
    let second = local.second;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn deny_if(hit: bool) -> RuleOutcome {
    if hit { RuleOutcome::Deny } else { RuleOutcome::Allow }
}

fn rule(id: &str, outcome: RuleOutcome, citation: &str, inputs: String) -> RuleVerdict {
    RuleVerdict { id: id.to_owned(), outcome, citation: citation.to_owned(), inputs }
}
