//! A question to the gate as one JSON object, and its short answer: for many questions at once.

use super::values::parse_day;
use super::{
    Ask, Book, Claim, DialPlans, DncList, Given, Past, PastKind, Register, Ruling, ShownCaller,
    Via, is_purpose, parse_instant,
};
use crate::model::{Named, NumberRef, RuleOutcome, Verdict, Wall};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Key of the number asked about, in lists that hold nothing else.
const ITSELF: NumberRef = NumberRef([0; 16]);

/// A question. Unknown keys are refused.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Number as dialled.
    pub number: String,
    /// Instant, RFC 3339 with offset or `Z`.
    pub at: String,
    /// PBX or trunk whose dial plan reads the number; left out: the site's.
    pub trunk: Option<String>,
    /// Why the call is made.
    pub purpose: Option<String>,
    /// Rule set; left out: all that apply.
    pub ruleset: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// Case.
    pub case: Option<String>,
    /// Campaign.
    pub campaign: Option<String>,
    /// Customer.
    pub customer: Option<String>,
    /// For whom the call is made.
    pub seller: Option<String>,
    /// Zone of the callee's address.
    pub zone: Option<String>,
    /// Number that the callee will see.
    pub caller: Option<String>,
    /// `consent`, `running_contract`, `customer_requested_callback`.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What happened before.
    #[serde(default)]
    pub past: Vec<PastWords>,
    /// Editions of registers, by name, and whether the number is on them; those left out are not
    /// there.
    #[serde(default)]
    pub registers: BTreeMap<String, RegisterWords>,
    /// Asks for the last lawful time before it.
    pub deadline: Option<String>,
    /// Whether to search the next allowed instant. Default true.
    #[serde(default = "yes")]
    pub next: bool,
}

/// An edition of a register as one number sees it.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterWords {
    /// Day of issue, `YYYY-MM-DD`.
    pub issued: String,
    /// The number is on it.
    #[serde(default)]
    pub listed: bool,
}

/// One earlier event.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastWords {
    /// When.
    pub at: String,
    /// `attempt`, `answered`, or an action: `action:do_not_disturb`, `label:refused`.
    pub what: String,
    /// `number` (default) or `customer`: another number of the same person.
    #[serde(default)]
    pub via: ViaWord,
    /// Its purpose.
    pub purpose: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its seller.
    pub seller: Option<String>,
    /// Its campaign.
    pub campaign: Option<String>,
}

/// `number` or `customer`.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViaWord {
    /// The number itself.
    #[default]
    Number,
    /// Another number of the same person.
    Customer,
}

/// The short answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Short {
    /// `allow` or `deny`.
    pub verdict: &'static str,
    /// Not gated.
    pub exempt: bool,
    /// Rules that refuse, in order of precedence.
    pub refused_by: Vec<String>,
    /// Rules that would refuse if their set were enforced.
    pub would_refuse: Vec<String>,
    /// Kind of day at the callee.
    pub day_class: Option<&'static str>,
    /// Callee's local time.
    pub local_time: String,
    /// Earliest allowed instant, RFC 3339 with the callee's offset.
    pub next_allowed_at: Option<String>,
    /// The last lawful time ends there.
    pub latest_allowed_before: Option<String>,
}

/// A question that cannot be answered: which key, and what may stand there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct QuestionError {
    /// Key.
    pub key: &'static str,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl Short {
    /// The answer without a search, for the instant `at`.
    pub fn of(ruling: &Ruling, at: Wall) -> Self {
        let Ruling::Decided(decided) = ruling else {
            return Self {
                verdict: Verdict::Allow.name(),
                exempt: true,
                refused_by: Vec::new(),
                would_refuse: Vec::new(),
                day_class: None,
                local_time: at.rfc3339(),
                next_allowed_at: None,
                latest_allowed_before: None,
            };
        };
        let ids = |outcome| {
            let rules = decided.rules.iter().filter(move |rule| rule.outcome == outcome);
            rules.map(|rule| rule.id.to_string()).collect()
        };
        Self {
            verdict: decided.verdict.name(),
            exempt: false,
            refused_by: ids(RuleOutcome::Deny),
            would_refuse: ids(RuleOutcome::WouldDeny),
            day_class: decided.day_class.map(Named::name),
            local_time: decided.local_time.clone(),
            next_allowed_at: None,
            latest_allowed_before: None,
        }
    }
}

fn yes() -> bool {
    true
}

impl Question {
    /// Decides, without a do-not-call list.
    ///
    /// # Errors
    /// If an instant, the purpose or the rule set's name cannot be read.
    pub fn answer(&self, book: &Book, plans: &DialPlans) -> Result<Short, QuestionError> {
        let (at, ruling, next, latest) = self.ask(book, plans, |book, ask, at| {
            let list = self.list()?;
            let ruling = book.decide(&list, ask, at);
            let shown = |at: Wall| match &ruling {
                Ruling::Exempt(_) => at.rfc3339(),
                Ruling::Decided(_) => book.rfc3339_local(ask, at),
            };
            let next = self.next.then(|| book.next_allowed(&list, ask, at)).flatten().map(shown);
            let latest = match instant("deadline", self.deadline.as_deref())? {
                Some(deadline) => book.latest_allowed_before(&list, ask, at, deadline).map(shown),
                None => None,
            };
            Ok((at, ruling, next, latest))
        })?;
        Ok(Short { next_allowed_at: next, latest_allowed_before: latest, ..Short::of(&ruling, at) })
    }

    /// No own entries, and the registers as far as this number sees them.
    fn list(&self) -> Result<DncList, QuestionError> {
        let mut list = DncList::default();
        for (name, words) in &self.registers {
            let issued = parse_day(&words.issued).ok_or_else(|| {
                let message = format!("{:?}: a day is written YYYY-MM-DD", words.issued);
                QuestionError { key: "registers.issued", message }
            })?;
            let keys = words.listed.then(|| Register::key(ITSELF));
            let id = "question".to_owned();
            let edition = Register::new(name.clone(), issued, id, keys.into_iter().collect());
            list.set_register(Arc::new(edition));
        }
        Ok(list)
    }

    /// Reads the words and hands the question on.
    fn ask<T>(
        &self,
        book: &Book,
        plans: &DialPlans,
        then: impl FnOnce(&Book, &Ask<'_>, Wall) -> Result<T, QuestionError>,
    ) -> Result<T, QuestionError> {
        let fail = |key, message: String| QuestionError { key, message };
        let at = instant("at", Some(&self.at))?.unwrap_or(Wall(0));
        if let Some(text) = self.purpose.as_deref().filter(|text| !is_purpose(text)) {
            let message = format!("{text:?} is no purpose: lower-case words joined by dots");
            return Err(fail("purpose", message));
        }
        let known = book.ruleset_names();
        if let Some(name) = self.ruleset.as_deref().filter(|name| !known.contains(name)) {
            let message = format!("{name:?} is no rule set; there are: {}", known.join(", "));
            return Err(fail("ruleset", message));
        }
        let past: Vec<Past> =
            self.past.iter().map(PastWords::read).collect::<Result<_, QuestionError>>()?;
        let plan = plans.asked(self.trunk.as_deref()).map_err(|known| {
            fail("trunk", format!("no trunk of that name has a dial plan; there are: {known}"))
        })?;
        let dialed = plan.read(&self.number);
        let caller = self.caller.as_deref();
        let caller = caller.map(|number| ShownCaller::shown(plans.shown(), number, ""));
        let given = Given {
            caller: caller.as_ref(),
            subject: self.subject.as_deref(),
            case: self.case.as_deref(),
            campaign: self.campaign.as_deref(),
            customer: self.customer.as_deref(),
            customer_ref: None,
            seller: self.seller.as_deref(),
            zone: self.zone.as_deref(),
            claims: self.claims.iter().copied().collect(),
            recorded: &[],
            waived: None,
            known_since: None,
            clock: None,
            past: &past,
        };
        let ask = Ask {
            dialed: &dialed,
            purpose: self.purpose.as_deref(),
            ruleset: self.ruleset.as_deref(),
            number_ref: Some(ITSELF),
            given,
        };
        then(book, &ask, at)
    }
}

impl PastWords {
    fn read(&self) -> Result<Past, QuestionError> {
        let kind = match self.what.as_str() {
            "attempt" => PastKind::Attempt,
            "answered" => PastKind::Answered,
            action if action.contains(':') => PastKind::Action(action.to_owned()),
            other => {
                let message = format!(
                    "{other:?} is nothing that happens: attempt, answered, or an action as \
                     action:do_not_disturb, label:refused"
                );
                return Err(QuestionError { key: "past.what", message });
            }
        };
        Ok(Past {
            at: instant("past.at", Some(&self.at))?.unwrap_or(Wall(0)),
            kind,
            via: match self.via {
                ViaWord::Number => Via::Number,
                ViaWord::Customer => Via::Customer,
            },
            purpose: self.purpose.clone(),
            subject: self.subject.clone(),
            seller: self.seller.clone(),
            campaign: self.campaign.clone(),
        })
    }
}

fn instant(key: &'static str, text: Option<&str>) -> Result<Option<Wall>, QuestionError> {
    let read = |text| {
        parse_instant(text).map_err(|error| QuestionError { key, message: error.to_string() })
    };
    text.map(read).transpose()
}
