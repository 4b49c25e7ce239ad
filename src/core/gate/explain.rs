//! Why a call may or may not be made, for people and programs.

use super::{
    Ask, Book, Decided, Dialed, DncList, ExemptReason, Exemption, Given, InvalidNumber, Normalizer,
    Ruling, TZDB_VERSION, is_purpose,
};
use crate::model::{Named, NumberRef, RuleVerdict, Verdict, Wall, mask};
use std::fmt::Write as _;

/// Blind index of what was dialled, under the list's own key.
pub type ListKey<'a> = dyn Fn(&Dialed) -> Option<NumberRef> + 'a;

/// A question of `trunkline gate explain`.
#[derive(Clone, Copy)]
pub struct ExplainAsk<'a> {
    /// Number as typed.
    pub number: &'a str,
    /// Purpose.
    pub purpose: Option<&'a str>,
    /// Instant, RFC 3339 with offset or `Z`.
    pub at: &'a str,
    /// Rule set; `None`: all that apply.
    pub ruleset: Option<&'a str>,
    /// Makes the key of the do-not-call list; `None`: no list at hand.
    pub list_key: Option<&'a ListKey<'a>>,
    /// What else is known of the call.
    pub given: Given<'a>,
    /// Asks for the last lawful time before this instant, RFC 3339 with offset or `Z`.
    pub deadline: Option<&'a str>,
}

/// One rule in an explanation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedRule {
    /// Rule id.
    pub id: String,
    /// `allow`, `deny` or `not_applicable`.
    pub verdict: &'static str,
    /// Clause.
    pub citation: String,
    /// What it looked at.
    pub inputs: String,
}

/// The answer; serialises to the JSON of `trunkline gate explain --json`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// `allow` or `deny`.
    pub verdict: &'static str,
    /// `emergency` or `internal` where the call is not gated.
    pub exempt: Option<&'static str>,
    /// Number as everybody may see it.
    pub number: String,
    /// String as it was dialled, masked; null where it is no outside number.
    pub dialed: Option<String>,
    /// PBX or trunk whose dial plan read it; null: the site's.
    pub trunk: Option<String>,
    /// Purpose asked with.
    pub purpose: Option<String>,
    /// Kind of day at the callee.
    pub day_class: Option<&'static str>,
    /// Rules in order of precedence.
    pub rules: Vec<ExplainedRule>,
    /// Earliest allowed instant, RFC 3339 with the callee's offset.
    pub next_allowed_at: Option<String>,
    /// The last lawful time ends there, RFC 3339 with the callee's offset; null: none, or not asked.
    pub latest_allowed_before: Option<String>,
    /// Callee's zone.
    pub zone: String,
    /// Callee's local time.
    pub local_time: String,
    /// Rule sets asked.
    pub ruleset: String,
    /// SHA-256 of their files.
    pub ruleset_hash: String,
    /// Calendar.
    pub calendar_version: String,
    /// Do-not-call list.
    pub list_version: String,
    /// tz database.
    pub tzdb_version: String,
}

/// A question that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// No rule set of that name.
    #[error("no rule set is called {name:?}; there are: {known}")]
    UnknownRuleset {
        /// Asked for.
        name: String,
        /// Loaded, joined by `, `.
        known: String,
    },
    /// Not an instant.
    #[error(
        "{text:?} is no instant: write RFC 3339 with an offset, e.g. 2026-10-05T10:00:00+08:00"
    )]
    BadInstant {
        /// As typed.
        text: String,
    },
    /// Not a purpose.
    #[error(
        "{text:?} is no purpose: lower-case words joined by dots, e.g. service, callback.routine"
    )]
    BadPurpose {
        /// As typed.
        text: String,
    },
}

/// Decides and says why.
pub fn explain(
    book: &Book,
    list: &DncList,
    plan: &Normalizer,
    ask: &ExplainAsk<'_>,
) -> Result<Explanation, ExplainError> {
    let at = parse_instant(ask.at)?;
    let deadline = ask.deadline.map(parse_instant).transpose()?;
    check_words(book, ask)?;
    let reading = plan.look(ask.number);
    let dialed = &reading.dialed;
    let question = Ask {
        dialed,
        purpose: ask.purpose,
        ruleset: ask.ruleset,
        number_ref: ask.list_key.and_then(|key| key(dialed)),
        given: ask.given,
    };
    let mut found = Explanation {
        number: masked(dialed),
        dialed: dialed.list_key().map(|_| mask(ask.number)),
        trunk: Some(plan.name().to_owned()).filter(|name| !name.is_empty()),
        purpose: ask.purpose.map(str::to_owned),
        ..match book.decide(list, &question, at) {
            Ruling::Exempt(exemption) => exempt(&exemption, list),
            Ruling::Decided(mut decided) => {
                reading.rule().into_iter().for_each(|rule| decided.also(rule));
                decided_on(&decided)
            }
        }
    };
    let shown = |at: Wall| match found.exempt {
        Some(_) => at.rfc3339(),
        None => book.rfc3339_local(&question, at),
    };
    let next = book.next_allowed(list, &question, at).map(shown);
    let latest = deadline
        .and_then(|deadline| book.latest_allowed_before(list, &question, at, deadline))
        .map(shown);
    found.next_allowed_at = next;
    found.latest_allowed_before = latest;
    Ok(found)
}

/// Reads an instant: RFC 3339 with an offset or `Z`, nothing looser.
pub fn parse_instant(text: &str) -> Result<Wall, ExplainError> {
    let shape = text.len() >= 20 && text.as_bytes().get(10).is_some_and(|b| b"Tt ".contains(b));
    let parsed = shape.then(|| text.parse::<jiff::Timestamp>().ok()).flatten();
    parsed
        .map(|at| Wall(at.as_microsecond()))
        .ok_or_else(|| ExplainError::BadInstant { text: text.to_owned() })
}

fn check_words(book: &Book, ask: &ExplainAsk<'_>) -> Result<(), ExplainError> {
    if let Some(text) = ask.purpose.filter(|purpose| !is_purpose(purpose)) {
        return Err(ExplainError::BadPurpose { text: text.to_owned() });
    }
    let known = book.ruleset_names();
    match ask.ruleset {
        Some(name) if !known.contains(&name) => {
            Err(ExplainError::UnknownRuleset { name: name.to_owned(), known: known.join(", ") })
        }
        _ => Ok(()),
    }
}

/// What was dialled as everybody may see it; nothing of what is no number.
fn masked(dialed: &Dialed) -> String {
    match dialed {
        Dialed::Number(number) => mask(number.as_str()),
        Dialed::Short(code) => code.clone(),
        Dialed::Emergency(_) => "emergency number".to_owned(),
        Dialed::Internal(_) => "internal extension".to_owned(),
        Dialed::Invalid(why) => invalid(*why).to_owned(),
    }
}

fn invalid(why: InvalidNumber) -> &'static str {
    match why {
        InvalidNumber::Empty => "nothing",
        InvalidNumber::FeatureCode => "feature code",
        InvalidNumber::NoAreaCode => "local number",
        InvalidNumber::NotDialable | InvalidNumber::TooLong | InvalidNumber::Unassigned => {
            "not a number"
        }
    }
}

fn exempt(exemption: &Exemption, list: &DncList) -> Explanation {
    Explanation {
        verdict: Verdict::Allow.name(),
        exempt: Some(match exemption.reason() {
            ExemptReason::Emergency => "emergency",
            ExemptReason::Internal => "internal",
        }),
        number: String::new(),
        dialed: None,
        trunk: None,
        purpose: None,
        day_class: None,
        rules: Vec::new(),
        next_allowed_at: None,
        latest_allowed_before: None,
        zone: String::new(),
        local_time: String::new(),
        ruleset: String::new(),
        ruleset_hash: String::new(),
        calendar_version: String::new(),
        list_version: list.version(),
        tzdb_version: TZDB_VERSION.to_owned(),
    }
}

fn decided_on(decided: &Decided) -> Explanation {
    let rule = |rule: &RuleVerdict| ExplainedRule {
        id: rule.id.to_string(),
        verdict: rule.outcome.name(),
        citation: rule.citation.to_string(),
        inputs: rule.inputs.clone(),
    };
    Explanation {
        verdict: decided.verdict.name(),
        exempt: None,
        number: String::new(),
        dialed: None,
        trunk: None,
        purpose: None,
        day_class: decided.day_class.map(Named::name),
        rules: decided.rules.iter().map(rule).collect(),
        next_allowed_at: None,
        latest_allowed_before: None,
        zone: decided.zone.clone(),
        local_time: decided.local_time.clone(),
        ruleset: decided.ruleset.clone(),
        ruleset_hash: decided.ruleset_hash.clone(),
        calendar_version: decided.calendar_version.clone(),
        list_version: decided.list_version.clone(),
        tzdb_version: decided.tzdb_version.to_owned(),
    }
}

impl Explanation {
    /// For a terminal: the answer first, then the rules, then what it rests on.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let verdict = self.verdict.to_uppercase();
        match self.exempt {
            Some(reason) => writeln!(out, "{verdict}  {}: not gated ({reason})", self.number)?,
            None => writeln!(
                out,
                "{verdict}  {} purpose {} at {}",
                self.number,
                self.purpose.as_deref().unwrap_or("(none)"),
                or_unknown(&self.local_time),
            )?,
        }
        for rule in &self.rules {
            let (id, verdict, inputs) = (&rule.id, rule.verdict, &rule.inputs);
            writeln!(out, "  {verdict:<14} {id:<18} {inputs}")?;
            if !rule.citation.is_empty() {
                writeln!(out, "  {:<14} {:<18} [{}]", "", "", rule.citation)?;
            }
        }
        if self.exempt.is_some() {
            return Ok(());
        }
        let next = self.next_allowed_at.as_deref().unwrap_or("not within 400 days");
        writeln!(out, "next allowed   {next}")?;
        if let Some(latest) = &self.latest_allowed_before {
            writeln!(out, "last chance    before {latest}")?;
        }
        writeln!(
            out,
            "day            {} in {}",
            self.day_class.unwrap_or("unknown"),
            or_unknown(&self.zone)
        )?;
        writeln!(out, "rule set       {} {}", or_unknown(&self.ruleset), self.ruleset_hash)?;
        writeln!(out, "calendar       {}", or_unknown(&self.calendar_version))?;
        writeln!(out, "list           {}", self.list_version)?;
        writeln!(out, "tz database    {}", self.tzdb_version)
    }
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}
