//! Rules over calls of the past: what they would have stopped.

use super::{
    Ask, Book, CallFacts, Change, Claim, ClaimBook, Claims, Comparison, Dialed, DncList, Given,
    Ledger, Past, PastKind, Register, Ruling, Short,
};
use crate::model::{
    AttemptNote, ClaimEntry, DecisionId, DncEntry, NumberRef, Place, Verdict, Wall,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Days, rules and agents that are counted apart; what comes beyond counts in the totals alone.
const ROWS_MAX: usize = 10_000;

/// A call of the past.
#[derive(Clone, Copy)]
pub struct PastCall<'a> {
    /// Its decision, or an id of its own.
    pub id: DecisionId,
    /// What was dialled.
    pub dialed: &'a Dialed,
    /// A key of the number: the same for the same number, as in the list.
    pub key: Option<NumberRef>,
    /// A key of the customer.
    pub customer: Option<NumberRef>,
    /// What else was known of it.
    pub facts: &'a CallFacts,
    /// Somebody answered.
    pub answered: bool,
    /// Label that was given.
    pub label: Option<&'a str>,
    /// Purpose it was made with.
    pub purpose: Option<&'a str>,
    /// When.
    pub at: Wall,
    /// The agent who made it, else the device.
    pub who: &'a str,
    /// Rules that refused it then; none: it went out.
    pub refused_by: &'a [String],
}

/// Counts of one day or one agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// Calls looked at.
    pub calls: u64,
    /// Went out then, and would be stopped.
    pub newly_denied: u64,
    /// Was stopped then, and would go out.
    pub newly_allowed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// Counts over all calls, with the rules behind the changes.
    #[serde(flatten)]
    pub counts: Comparison,
    /// Calls that no rule speaks of: emergency numbers, extensions.
    pub exempt: u64,
    /// Of the newly denied: would go out if the caller had said a claim then. Such claims are not
    /// kept.
    pub newly_denied_but_for_claims: u64,
    /// By local day of the callee.
    pub by_day: BTreeMap<String, Row>,
    /// By agent, else device.
    pub by_agent: BTreeMap<String, Row>,
}

/// Replays calls in their order. Caps count the calls that went out then and that these rules
/// would have let out; a number is on the list from the day on that it was asked for.
pub struct Replay<'a> {
    book: &'a Book,
    ruleset: Option<&'a str>,
    /// Newest first: the next one to be taken is the last.
    entries: Vec<DncEntry>,
    /// What was recorded or withdrawn when, newest first.
    turns: Vec<(Wall, ClaimEntry)>,
    claims: ClaimBook,
    list: DncList,
    ledger: Ledger,
    found: Replayed,
}

impl<'a> Replay<'a> {
    /// Over these rules. The keys of `entries` are those of the calls.
    pub fn new(book: &'a Book, ruleset: Option<&'a str>, mut entries: Vec<DncEntry>) -> Self {
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.asked_at));
        let (list, ledger) = (DncList::default(), Ledger::default());
        let (turns, claims) = (Vec::new(), ClaimBook::default());
        let found = Replayed::default();
        Self { book, ruleset, entries, turns, claims, list, ledger, found }
    }

    /// With the claims on record: each counts from the instant at which it was given to that of
    /// its withdrawal.
    #[must_use]
    pub fn with_claims(mut self, claims: Vec<ClaimEntry>) -> Self {
        for claim in claims {
            let ends = claim.withdrawn.as_ref().map(|end| end.at);
            self.turns.push((claim.given_at, ClaimEntry { withdrawn: None, ..claim.clone() }));
            self.turns.extend(ends.map(|at| (at, claim)));
        }
        // At one instant the withdrawal comes last, so it is taken last.
        self.turns.sort_by_key(|(at, claim)| std::cmp::Reverse((*at, claim.withdrawn.is_some())));
        self
    }

    /// Takes the next call.
    pub fn take(&mut self, call: PastCall<'_>) {
        let ruling = self.judge(&call);
        let Ruling::Decided(decided) = &ruling else {
            self.found.exempt += 1;
            return;
        };
        let went_out = call.refused_by.is_empty();
        let day = decided.local_time.get(..10).unwrap_or("unknown").to_owned();
        let tried = Short::of(&ruling, call.at);
        let verdict = if went_out { "allow" } else { "deny" };
        let then = Short { verdict, refused_by: call.refused_by.to_vec(), ..tried.clone() };
        let change = self.found.counts.add(&then, &tried);
        if change == Change::NewlyDenied {
            let said = [Claim::Consent, Claim::RunningContract].into_iter().collect();
            let ruling = self.decide(&call, said);
            let goes = matches!(ruling, Ruling::Decided(d) if d.verdict == Verdict::Allow);
            self.found.newly_denied_but_for_claims += u64::from(goes);
        }
        count(&mut self.found.by_day, &day, change);
        count(&mut self.found.by_agent, call.who, change);
        if change == Change::Allowed {
            self.went_out(&call);
        }
    }

    /// What the rules say of a call as of its instant. No earlier call may be judged after it.
    pub fn judge(&mut self, call: &PastCall<'_>) -> Ruling {
        while let Some(entry) = self.entries.pop_if(|entry| entry.asked_at <= call.at) {
            self.list.insert_or_close(&entry);
        }
        while let Some((_, claim)) = self.turns.pop_if(|(at, _)| *at <= call.at) {
            self.claims.take(&claim);
        }
        self.decide(call, call.facts.claims)
    }

    /// With what the caller says can be shown.
    fn decide(&self, call: &PastCall<'_>, claims: Claims) -> Ruling {
        let recorded = self.claims.of([call.key, call.customer]);
        let past = self.ledger.past(call.key, call.customer);
        let facts = CallFacts { claims, ..call.facts.clone() };
        let ask = Ask {
            dialed: call.dialed,
            purpose: call.purpose,
            ruleset: self.ruleset,
            number_ref: call.key,
            given: Given { customer_ref: call.customer, recorded: &recorded, ..facts.given(&past) },
        };
        self.book.decide(&self.list, &ask, call.at)
    }

    /// It went out: from here on it counts for calls to the same callee.
    pub fn went_out(&mut self, call: &PastCall<'_>) {
        let Some(number) = call.key else { return };
        let kind = if call.answered { PastKind::Answered } else { PastKind::Attempt };
        let past = Past {
            purpose: call.purpose.map(str::to_owned),
            subject: call.facts.subject.clone(),
            seller: call.facts.seller.clone(),
            campaign: call.facts.campaign.clone(),
            ..Past::new(call.at, kind)
        };
        let place = Place { number, customer: call.customer };
        self.ledger.reserve(self.book, call.id, place, past);
        if let Some(label) = call.label {
            let note = AttemptNote::Label(label.into());
            self.ledger.note(self.book, call.id, &note);
        }
    }

    /// The edition of a register, whose keys must be made as those of the calls.
    pub fn set_register(&mut self, register: Arc<Register>) {
        self.list.set_register(register);
    }

    /// What came of it.
    pub fn found(self) -> Replayed {
        self.found
    }
}

fn count(rows: &mut BTreeMap<String, Row>, name: &str, change: Change) {
    if !rows.contains_key(name) && rows.len() >= ROWS_MAX {
        return;
    }
    let row = rows.entry(name.to_owned()).or_default();
    row.calls += 1;
    match change {
        Change::NewlyDenied => row.newly_denied += 1,
        Change::NewlyAllowed => row.newly_allowed += 1,
        Change::Allowed | Change::Denied => {}
    }
}
