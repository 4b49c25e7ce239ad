//! What each rule of one set says of one call in one zone.

use super::asked::Asked;
use super::calendar::Guard;
use super::phrase;
use super::register::Registered;
use super::ruleset::{DayPlan, Gap, RuleSet};
use super::schema::{Ban, CallerId, Cap, Cooldown, HardBan, RegisterRule, Requires, Rule};
use super::terms::Claims;
use super::zone::{Local, Zone};
use super::{Ask, DncList};
use crate::model::{DayClass, Named, RuleOutcome, RuleVerdict, Text, Wall};
use jiff::Timestamp;
use jiff::civil::Date;

/// One set's answer.
pub(super) struct Answer<'a> {
    pub(super) set: &'a RuleSet,
    pub(super) zone: Option<&'a Zone>,
    pub(super) day_class: Option<DayClass>,
    /// The day has hours, and time around them that two people may open.
    pub(super) stretches: bool,
    rules: Vec<RuleVerdict>,
}

impl<'a> Answer<'a> {
    /// The set goes by the callee's clock, and nobody knows it.
    pub(super) fn unknown_zone(set: &'a RuleSet, region: &str) -> Self {
        let inputs = format!("region={region}");
        let rules = vec![own("unknown_zone", RuleOutcome::Deny, inputs)];
        Self { set, zone: None, day_class: None, stretches: false, rules }
    }

    /// Rules that spoke.
    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The rules that refuse.
    pub(super) fn refusing(&self) -> impl Iterator<Item = &RuleVerdict> {
        self.rules.iter().filter(|rule| rule.outcome == RuleOutcome::Deny)
    }

    /// People have opened all that refuses.
    pub(super) fn open(&mut self) {
        for rule in self.rules.iter_mut().filter(|rule| rule.outcome == RuleOutcome::Deny) {
            rule.outcome = RuleOutcome::Allow;
            rule.inputs.push_str(" overridden");
        }
    }

    pub(super) fn denies(&self) -> bool {
        self.refusing().next().is_some()
    }

    /// It denies, and its set is not only tried out.
    pub(super) fn stops(&self) -> bool {
        self.set.enforces() && self.denies()
    }

    /// Its verdicts; a refusal of a set that is only tried out stops nothing.
    pub(super) fn into_rules(self) -> Vec<RuleVerdict> {
        let mut rules = self.rules;
        if !self.set.enforces() {
            for rule in rules.iter_mut().filter(|rule| rule.outcome == RuleOutcome::Deny) {
                rule.outcome = RuleOutcome::WouldDeny;
            }
        }
        rules
    }
}

/// A question in one zone.
struct Look<'a> {
    list: &'a DncList,
    ask: &'a Ask<'a>,
    claims: Claims,
    zone: &'a Zone,
    local: &'a Local,
}

impl RuleSet {
    /// Every rule speaks, in order of precedence, also after the first refusal.
    pub(super) fn answer<'a>(
        &'a self,
        asked: &mut Asked<'_>,
        zone: &'a Zone,
        local: &Local,
    ) -> Answer<'a> {
        let (outcome, listed) = asked.listed(local.date);
        let Asked { list, ask, .. } = *asked;
        let claims = ask.given.claims(ask.purpose, local.date);
        let plan = self.day(local.date, claims);
        let look = Look { list, ask, claims, zone, local };
        let spec = &self.spec;
        let more = spec.hard_ban.len()
            + spec.ban.len()
            + spec.cap.len()
            + spec.cooldown.len()
            + spec.register.len()
            + spec.caller_id.len();
        let mut rules = Vec::with_capacity(6 + more);
        rules.push(self.purpose_rule(asked));
        rules.extend(spec.requires.iter().map(|requires| look.requires(requires)));
        rules.extend(spec.caller_id.iter().map(|caller_id| look.caller_id(caller_id)));
        rules.extend(spec.hard_ban.iter().map(|ban| look.hard_ban(ban)));
        rules.push(rule(Text::fixed("dnc"), outcome, &spec.dnc.cite, listed));
        rules.extend(spec.register.iter().map(|register| look.register(register)));
        rules.extend(spec.cooldown.iter().map(|cooldown| look.cooldown(cooldown)));
        rules.extend(self.gap_rule(&plan));
        rules.extend(spec.ban.iter().map(|ban| look.ban(ban, &plan, self)));
        rules.push(self.window_rule(&plan, ask, zone, local));
        rules.extend(spec.cap.iter().map(|cap| look.cap(cap)));
        let guard = spec.guard.last_start_before_end.0;
        if guard > 0 {
            let mut inputs = at(local, 64);
            inputs.push_str(" last_start_before_end=");
            phrase::number(&mut inputs, guard);
            inputs.push('s');
            rules.push(own("guard", deny_if(plan.guarded(zone, local)), inputs));
        }
        let whole = plan.gap == Gap::None && !plan.hours.windows.is_empty();
        let stretches = whole && self.has_envelope(local.date);
        Answer { set: self, zone: Some(zone), day_class: plan.class, stretches, rules }
    }

    fn purpose_rule(&self, asked: &Asked<'_>) -> RuleVerdict {
        let (outcome, inputs) = match asked.ask.purpose {
            None => (RuleOutcome::Deny, "missing".to_owned()),
            // What is malformed is not repeated: it may hold anything.
            Some(_) if !asked.is_purpose => (RuleOutcome::Deny, "malformed".to_owned()),
            Some(purpose) if self.covers(purpose) => {
                (RuleOutcome::Allow, ["purpose=", purpose].concat())
            }
            Some(purpose) => {
                let covered: Vec<String> =
                    self.spec.applies.purpose.iter().map(ToString::to_string).collect();
                let inputs = format!("purpose={purpose} covered={}", covered.join(", "));
                (RuleOutcome::Deny, inputs)
            }
        };
        rule(Text::fixed("purpose"), outcome, &self.spec.purpose.cite, inputs)
    }

    fn gap_rule(&self, plan: &DayPlan<'_>) -> Option<RuleVerdict> {
        let class = plan.class?.name();
        let cite = self.spec.calendar_gap.as_ref().map(|gap| gap.cite.clone());
        let (outcome, inputs) = match plan.gap {
            Gap::None => (RuleOutcome::NotApplicable, ["class=", class].concat()),
            Gap::Narrowed => (RuleOutcome::Allow, format!("class={class} policy=intersect")),
            Gap::Closed(policy, guard) => {
                let near = match guard {
                    None => String::new(),
                    Some(Guard::Clear) => " near=nothing".to_owned(),
                    Some(Guard::Near(date)) => format!(" near={date}"),
                    Some(Guard::NoTable(year)) => format!(" no statutory dates of {year}"),
                };
                (RuleOutcome::Deny, format!("class={class} policy={}{near}", policy.name()))
            }
        };
        Some(rule(Text::fixed("calendar-gap"), outcome, cite.unwrap_or(NO_CITE), inputs))
    }

    fn window_rule(
        &self,
        plan: &DayPlan<'_>,
        ask: &Ask<'_>,
        zone: &Zone,
        local: &Local,
    ) -> RuleVerdict {
        let windows = &plan.hours.windows;
        let inside = windows.iter().any(|span| zone.open(local, *span));
        let of_day = self.spec.window.iter().find(|window| {
            window.in_force(local.date)
                && window.falls_on(local.date.weekday())
                && plan.class.is_none_or(|class| window.lists(class))
        });
        let cite = of_day.or(self.spec.window.first()).map_or(NO_CITE, |it| it.cite.clone());
        let mut inputs = at(local, 64);
        inputs.push_str(" class=");
        inputs.push_str(plan.class.map_or("none", Named::name));
        inputs.push_str(" windows=");
        phrase::spans(&mut inputs, windows);
        if inside && self.spec.window.iter().any(|window| !window.given.is_empty()) {
            self.name_given(plan, ask, zone, local, &mut inputs);
        }
        rule(Text::fixed("window"), deny_if(!inside), cite, inputs)
    }

    /// Names the claims that hold a window open, where none is open without.
    fn name_given(
        &self,
        plan: &DayPlan<'_>,
        ask: &Ask<'_>,
        zone: &Zone,
        local: &Local,
        inputs: &mut String,
    ) {
        let on = local.date;
        let open = self.spec.window.iter().filter(|window| {
            let listed = plan.class.is_none_or(|class| window.lists(class));
            listed
                && window.in_force(on)
                && window.falls_on(on.weekday())
                && window.spans.iter().any(|span| zone.open(local, *span))
        });
        let open: Vec<_> = open.map(|window| &window.given).collect();
        if open.iter().any(|given| given.is_empty()) {
            return;
        }
        let claims = ask.given.claims(ask.purpose, on);
        let met = open.iter().find(|given| given.iter().all(|claim| claims.has(*claim)));
        for claim in met.into_iter().flat_map(|given| given.iter()) {
            inputs.push_str(" given=");
            inputs.push_str(&ask.shown(*claim, on));
        }
    }
}

impl Look<'_> {
    fn requires(&self, rule: &Requires) -> RuleVerdict {
        self.speak(&rule.id, rule, || {
            let needed = rule.any.iter().map(|claim| claim.name()).collect::<Vec<_>>().join(" or ");
            let shown = self.claims.iter().map(|claim| self.ask.shown(claim, self.local.date));
            let shown = shown.collect::<Vec<_>>().join(" or ");
            let shown = if shown.is_empty() { "nothing".to_owned() } else { shown };
            (deny_if(!rule.met(self.claims)), format!("shown={shown} needed={needed}"))
        })
    }

    fn caller_id(&self, rule: &CallerId) -> RuleVerdict {
        self.speak(&rule.id, rule, || match rule.covers(self.ask.purpose) {
            true => rule.says(self.ask.given.caller),
            false => {
                let purposes: Vec<String> = rule.purpose.iter().map(ToString::to_string).collect();
                (RuleOutcome::NotApplicable, format!("purposes={}", purposes.join(", ")))
            }
        })
    }

    fn hard_ban(&self, ban: &HardBan) -> RuleVerdict {
        self.speak(&ban.id, ban, || {
            let hit = ban.spans.iter().any(|span| self.zone.banned(self.local, *span));
            let mut inputs = at(self.local, 48);
            inputs.push_str(" banned=");
            phrase::spans(&mut inputs, &ban.spans);
            (deny_if(hit), inputs)
        })
    }

    fn register(&self, rule: &RegisterRule) -> RuleVerdict {
        self.speak(&rule.name, rule, || {
            let day = self.local.date;
            let said = rule.says(self.list, self.ask, self.claims, day);
            let issued = match self.list.register(&rule.name) {
                Some(register) => format!("issued={} ", register.issued()),
                None => String::new(),
            };
            let stands = rule.freshness(self.list, day);
            let inputs = match said {
                Registered::No => format!("{issued}{stands}: not on it"),
                Registered::Yes => format!("{issued}{stands}: on it"),
                Registered::Closed => format!("{issued}{stands}"),
                Registered::NoKey => format!("{issued}no list key"),
                Registered::Lifted(claim) => {
                    format!("{issued}exempt={}", self.ask.shown(claim, day))
                }
            };
            (deny_if(said.closes()), inputs)
        })
    }

    fn cooldown(&self, cooldown: &Cooldown) -> RuleVerdict {
        self.speak(&cooldown.id, cooldown, || {
            let trigger = &cooldown.trigger;
            if let Some(known) = cooldown.known_from(self.ask).filter(|at| self.before(*at)) {
                return (RuleOutcome::Deny, self.unknown(known));
            }
            match cooldown.over(self.ask, self.zone) {
                None => (RuleOutcome::NotApplicable, ["no ", trigger].concat()),
                Some(over) => {
                    let inputs = format!("trigger={trigger} over={}", self.shown(over));
                    (deny_if(self.before(over)), inputs)
                }
            }
        })
    }

    fn ban(&self, ban: &Ban, plan: &DayPlan<'_>, set: &RuleSet) -> RuleVerdict {
        self.speak(&ban.id, ban, || {
            let day = self.local.date;
            let class = plan.class.map_or("none", Named::name);
            let mut inputs = String::with_capacity(64);
            inputs.push_str("date=");
            phrase::date(&mut inputs, day);
            inputs.push_str(" class=");
            inputs.push_str(class);
            if !ban.classes.is_empty() {
                inputs.push_str(" scope=");
                inputs.push_str(set.spec.holiday_scope.name());
            }
            let hit = ban.speaks_of(plan.class)
                && ban.falls_on(day.weekday())
                && ban.spans.iter().any(|span| self.zone.banned(self.local, *span));
            let outcome = match (hit, ban.lifted_by(self.claims)) {
                (false, _) => RuleOutcome::NotApplicable,
                (true, None) => RuleOutcome::Deny,
                (true, Some(claim)) => {
                    inputs.push_str(" exempt=");
                    inputs.push_str(&self.ask.shown(claim, day));
                    RuleOutcome::Allow
                }
            };
            (outcome, inputs)
        })
    }

    fn cap(&self, cap: &Cap) -> RuleVerdict {
        self.speak(&cap.id, cap, || {
            let ends = cap.ends(self.ask, self.zone);
            let counted = ends.filter(|end| self.before(*end)).count();
            if let Some(known) = cap.known_from(self.ask).filter(|at| self.before(*at)) {
                return (RuleOutcome::Deny, self.unknown(known));
            }
            let hit = counted >= usize::from(cap.max);
            let mut inputs = String::with_capacity(64);
            inputs.push_str("counted=");
            phrase::number(&mut inputs, u32::try_from(counted).unwrap_or(u32::MAX));
            inputs.push_str(" max=");
            phrase::number(&mut inputs, cap.max.into());
            inputs.push_str(" per=");
            cap.per.write(&mut inputs);
            if hit && let Some(frees) = cap.frees(&cap.releases(self.ask, self.zone)) {
                inputs.push_str(" frees=");
                inputs.push_str(&self.shown(frees));
            }
            (deny_if(hit), inputs)
        })
    }

    /// A rule that is not in force says only that.
    fn speak(
        &self,
        id: &Text,
        of: &dyn Rule,
        say: impl FnOnce() -> (RuleOutcome, String),
    ) -> RuleVerdict {
        let day: Date = self.local.date;
        let (outcome, inputs) = match of.disabled() {
            Some(why) => (RuleOutcome::NotApplicable, format!("disabled: {why}")),
            None if !of.effective().on(day) => {
                (RuleOutcome::NotApplicable, format!("not in force on {day}"))
            }
            None => say(),
        };
        rule(id, outcome, of.cite(), inputs)
    }

    fn unknown(&self, known: Timestamp) -> String {
        let since = self.ask.given.known_since.map(|since| self.zone.rfc3339(since));
        let since = since.unwrap_or_default();
        format!("calls before {since} are not known; known from {}", self.shown(known))
    }

    fn before(&self, release: Timestamp) -> bool {
        self.local.at < release
    }

    fn shown(&self, at: Timestamp) -> String {
        if at == Timestamp::MAX {
            return "never".to_owned();
        }
        self.zone.rfc3339(Wall(at.as_microsecond()))
    }
}

/// A rule that no file names has no clause.
const NO_CITE: Text = Text::fixed("");

/// `local=09:30:05`, with room for more.
fn at(local: &Local, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes);
    text.push_str("local=");
    phrase::local_time(&mut text, local);
    text
}

pub(super) fn deny_if(hit: bool) -> RuleOutcome {
    if hit { RuleOutcome::Deny } else { RuleOutcome::Allow }
}

pub(super) fn rule(
    id: impl Into<Text>,
    outcome: RuleOutcome,
    citation: impl Into<Text>,
    inputs: String,
) -> RuleVerdict {
    RuleVerdict { id: id.into(), outcome, citation: citation.into(), inputs }
}

/// A rule of the gate itself.
pub(super) fn own(id: &'static str, outcome: RuleOutcome, inputs: String) -> RuleVerdict {
    rule(Text::fixed(id), outcome, NO_CITE, inputs)
}
