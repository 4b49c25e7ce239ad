//! What the types of the schema cannot say.

use super::schema::{BlackoutSpec, CooldownScope, Rule, RuleSpec};
use super::terms::KeyWord;
use super::values::ClassWord;
use crate::model::Text;

/// Longest blackout, in days: a year and a day, so that a slip in the year is seen.
const BLACKOUT_DAYS_MAX: i64 = 366;
/// Calls that a cap may allow.
const CAP_MAX: u16 = 1000;

pub(super) fn always_allow(numbers: &[String]) -> Result<(), String> {
    let fits = |number: &String| {
        (1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
    };
    match numbers.iter().all(fits) {
        true => Ok(()),
        false => Err("always_allow.numbers: one to six digits each".to_owned()),
    }
}

pub(super) fn blackout(spec: &BlackoutSpec) -> Result<(), String> {
    if !is_id(&spec.id) {
        return Err("id: lower-case letters, digits and - only".to_owned());
    }
    if spec.region.is_empty() || spec.purpose.is_empty() {
        return Err("region and purpose list at least one value each".to_owned());
    }
    let length_s = spec.until.0.as_second() - spec.from.0.as_second();
    if !(1..=BLACKOUT_DAYS_MAX * 86_400).contains(&length_s) {
        return Err("until: 1 second to 366 days after from".to_owned());
    }
    match spec.approved_by.as_slice() {
        [a, b] if a != b => Ok(()),
        _ => Err("approved_by: two different people".to_owned()),
    }
}

pub(super) fn spec(name: &str, spec: &RuleSpec) -> Result<(), String> {
    if !is_id(name) {
        return Err("name: lower-case letters, digits and - only".to_owned());
    }
    if spec.applies.region.is_empty() || spec.applies.purpose.is_empty() {
        return Err("applies: region and purpose list at least one value each".to_owned());
    }
    if spec.window.is_empty() {
        return Err("window: without one no call is ever allowed".to_owned());
    }
    if !(1..=60).contains(&spec.guard.decision_ttl.0) {
        return Err("guard.decision_ttl: 1s to 60s".to_owned());
    }
    ids(spec)?;
    days(spec)?;
    calendar(spec)?;
    counts(spec)
}

fn is_id(text: &str) -> bool {
    let sign = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(sign)
}

/// Names of rules, in the order of the file's tables.
fn ids(spec: &RuleSpec) -> Result<(), String> {
    const TAKEN: [&str; 12] = [
        "purpose",
        "dnc",
        "calendar-gap",
        "window",
        "guard",
        "zone",
        "blackout",
        "number",
        "no-ruleset",
        "clock",
        "override",
        "permit",
    ];
    let named = [
        ("hard_ban", spec.hard_ban.iter().map(|rule| &rule.id).collect::<Vec<_>>()),
        ("ban", spec.ban.iter().map(|rule| &rule.id).collect()),
        ("register", spec.register.iter().map(|rule| &rule.name).collect()),
        ("cap", spec.cap.iter().map(|rule| &rule.id).collect()),
        ("cooldown", spec.cooldown.iter().map(|rule| &rule.id).collect()),
        ("requires", spec.requires.iter().map(|rule| &rule.id).collect()),
        ("caller_id", spec.caller_id.iter().map(|rule| &rule.id).collect()),
    ];
    let mut seen: Vec<&Text> = Vec::new();
    for (table, id) in named.iter().flat_map(|(table, ids)| ids.iter().map(move |id| (table, *id)))
    {
        if !is_id(id) {
            return Err(format!("{table}: id {id:?}: lower-case letters, digits and - only"));
        }
        if TAKEN.contains(&id.as_str()) {
            return Err(format!("{table}: id {id:?} is the gate's own: choose another"));
        }
        if seen.contains(&id) {
            return Err(format!("{table}: id {id:?} stands there twice: a verdict names one rule"));
        }
        seen.push(id);
    }
    Ok(())
}

/// Days in force lie in order, and spans and lists are not empty.
fn days(spec: &RuleSpec) -> Result<(), String> {
    fn all<'a, R: Rule + 'a>(table: &'a str, rules: &'a [R]) -> Vec<(&'a str, &'a dyn Rule)> {
        rules.iter().map(|rule| (table, rule as &dyn Rule)).collect()
    }
    let rules = [
        all("window", &spec.window),
        all("hard_ban", &spec.hard_ban),
        all("ban", &spec.ban),
        all("register", &spec.register),
        all("cap", &spec.cap),
        all("cooldown", &spec.cooldown),
        all("requires", &spec.requires),
        all("caller_id", &spec.caller_id),
    ];
    let of_rules = rules.concat().into_iter().map(|(table, rule)| (table, *rule.effective()));
    for (table, effective) in of_rules.chain([("", spec.effective)]) {
        if let (Some(from), Some(until)) = (effective.from, effective.until)
            && until < from
        {
            let dot = if table.is_empty() { "" } else { "." };
            return Err(format!("{table}{dot}effective: until lies before from"));
        }
    }
    if spec.window.iter().any(|window| window.spans.is_empty() || window.classes.is_empty()) {
        return Err("window: classes and spans list at least one value each".to_owned());
    }
    if spec.hard_ban.iter().any(|ban| ban.spans.is_empty())
        || spec.ban.iter().any(|ban| ban.spans.is_empty())
    {
        return Err("ban: spans lists at least one value; leave it out for the whole day".into());
    }
    if spec.caller_id.iter().any(|rule| rule.numbers.is_empty() || rule.purpose.is_empty()) {
        return Err("caller_id: numbers lists at least one value, and purpose, too".to_owned());
    }
    if spec.requires.iter().any(|rule| rule.any.is_empty()) {
        return Err("requires: any lists at least one claim".to_owned());
    }
    Ok(())
}

fn calendar(spec: &RuleSpec) -> Result<(), String> {
    let mut windows = spec.window.iter().flat_map(|window| &window.classes);
    let mut bans = spec.ban.iter().flat_map(|ban| &ban.classes);
    let known = |word: &ClassWord| *word != ClassWord::Any;
    match spec.calendar {
        Some(_) if windows.any(|word| !known(word)) => {
            Err("window: classes = [\"any\"] is for rule sets without a calendar".to_owned())
        }
        None if windows.any(known) || bans.any(known) => {
            Err("window: without a calendar only classes = [\"any\"], also in bans".to_owned())
        }
        None if spec.calendar_gap.is_some() => {
            Err("calendar_gap: there is no calendar to have a gap".to_owned())
        }
        Some(_) if spec.calendar_gap.is_none() => {
            Err("calendar_gap: needed with a calendar, which ends some day".to_owned())
        }
        _ => Ok(()),
    }
}

fn counts(spec: &RuleSpec) -> Result<(), String> {
    for cap in &spec.cap {
        if !(1..=CAP_MAX).contains(&cap.max) {
            return Err(format!("cap {:?}: max: 1 to {CAP_MAX}", cap.id));
        }
        if !cap.key.iter().any(|key| matches!(key, KeyWord::Callee | KeyWord::Customer)) {
            let message = "key: callee or customer is one of its words: a cap protects a person";
            return Err(format!("cap {:?}: {message}", cap.id));
        }
    }
    for rule in &spec.cooldown {
        if rule.trigger.is_empty() || rule.trigger.len() > 64 {
            return Err(format!("cooldown {:?}: trigger: 1 to 64 bytes", rule.id));
        }
        if !rule.scope.contains(&CooldownScope::Number) {
            return Err(format!("cooldown {:?}: scope: number is one of its words", rule.id));
        }
    }
    Ok(())
}
