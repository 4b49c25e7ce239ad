//! One question, one answer.

use super::{
    CallFacts, Claim, Claims, Dialed, Exemption, Past, Permit, Recorded, ShownCaller, Waived,
};
use crate::model::{
    CallId, DayClass, Decision, DecisionId, NumberRef, Party, RuleOutcome, RuleVerdict, Verdict,
    Wall,
};
use jiff::civil::Date;
use std::time::Duration;

/// A call somebody wants to make.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What was dialled, by [`super::Normalizer`].
    pub dialed: &'a Dialed,
    /// Why: `service`, `callback.routine`, `survey`... Without it every gated call is denied.
    pub purpose: Option<&'a str>,
    /// Name of the one rule set to use; `None`: all that apply to region and purpose.
    pub ruleset: Option<&'a str>,
    /// The callee's key in the do-not-call list. Without it a list that is not empty denies.
    pub number_ref: Option<NumberRef>,
    /// What else is known.
    pub given: Given<'a>,
}

/// What is known of a call beyond number and purpose. What is not known never allows more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// What it is about: a product, a policy line.
    pub subject: Option<&'a str>,
    /// Case it belongs to.
    pub case: Option<&'a str>,
    /// Campaign.
    pub campaign: Option<&'a str>,
    /// Who is called, as the customer records name them.
    pub customer: Option<&'a str>,
    /// For whom the call is made, where a site calls for several.
    pub seller: Option<&'a str>,
    /// The customer's key in the do-not-call list.
    pub customer_ref: Option<NumberRef>,
    /// Zone of the callee's address, IANA name. Believed if the number may be there.
    pub zone: Option<&'a str>,
    /// What the caller says can be shown for the call.
    pub claims: Claims,
    /// What it shows the callee; `None`: not known.
    pub caller: Option<&'a ShownCaller>,
    /// What is on record of the number and the customer.
    pub recorded: &'a [Recorded],
    /// What people have approved for the call.
    pub waived: Option<&'a Waived>,
    /// What happened to the callee before, in any order.
    pub past: &'a [Past],
    /// What happened before this instant is not known: rules that look back further refuse.
    pub known_since: Option<Wall>,
    /// Why the wall clock is not believed: then no instant is.
    pub clock: Option<&'a str>,
}

impl Given<'_> {
    /// The claims that count for a call with that purpose on a local day: those on record, and
    /// those that the caller says; a callback on request only with the case that holds the request.
    pub(super) fn claims(&self, purpose: Option<&str>, on: Date) -> Claims {
        let said = match self.case {
            Some(_) => self.claims,
            None => self.claims.without(Claim::CustomerRequestedCallback),
        };
        self.recorded_on(purpose, on).fold(said, |all, (claim, _)| all.with(claim))
    }
}

/// The gate's answer.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // a box would cost an allocation a call; it is moved once
pub enum Ruling {
    /// Not gated.
    Exempt(Exemption),
    /// Gated: allowed or denied.
    Decided(Decided),
}

/// What a decision found, in words that may be journaled and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Answer.
    pub verdict: Verdict,
    /// Rules looked at, in order of precedence.
    pub rules: Vec<RuleVerdict>,
    /// Names of the rule sets asked, joined by `+`; empty where none applies.
    pub ruleset: String,
    /// SHA-256 of each of their files, hex, joined by `+`.
    pub ruleset_hash: String,
    /// Version of the calendar used; empty where none was.
    pub calendar_version: String,
    /// Version of the do-not-call list.
    pub list_version: String,
    /// Release of the tz database.
    pub tzdb_version: &'static str,
    /// Callee's local time, RFC 3339 with offset; empty where the zone is unknown.
    pub local_time: String,
    /// Callee's zone; empty where unknown.
    pub zone: String,
    /// Kind of day there.
    pub day_class: Option<DayClass>,
    /// An allow may be used for so long.
    pub ttl: Duration,
}

/// A decision that may still yield its one permit. Read it like [`Findings`].
#[derive(Debug)]
pub struct Decided {
    findings: Findings,
    at: Wall,
    permit_left: bool,
}

impl std::ops::Deref for Decided {
    type Target = Findings;
    fn deref(&self) -> &Findings {
        &self.findings
    }
}

/// What the caller knows and the gate does not.
#[derive(Clone, Debug)]
pub struct DecisionParts {
    /// Id of the decision.
    pub id: DecisionId,
    /// Call it was made for.
    pub call_id: Option<CallId>,
    /// Purpose given.
    pub purpose: Option<String>,
    /// Callee.
    pub to: Party,
    /// Device that dialled.
    pub device: String,
    /// Earliest allowed instant, RFC 3339 with offset.
    pub next_allowed_at: Option<String>,
    /// What else is known of the call.
    pub facts: CallFacts,
}

impl Decided {
    /// The rule that denies; `policy` if none is named.
    pub fn denying_rule(&self) -> &str {
        let rule = self.rules.iter().find(|r| r.outcome == RuleOutcome::Deny);
        rule.map_or("policy", |r| r.id.as_str())
    }

    /// One more rule has spoken, before all others. A refusal makes it a deny for good; nothing
    /// makes an allow of a deny.
    pub fn also(&mut self, rule: RuleVerdict) {
        if rule.outcome == RuleOutcome::Deny {
            self.findings.verdict = Verdict::Deny;
            self.permit_left = false;
        }
        self.findings.rules.insert(0, rule);
    }

    pub(super) fn new(findings: Findings, at: Wall) -> Self {
        let permit_left = findings.verdict == Verdict::Allow;
        Self { findings, at, permit_left }
    }

    /// The instant it was made for.
    pub fn at(&self) -> Wall {
        self.at
    }

    /// Until when an allow may be used.
    pub fn expires_at(&self) -> Wall {
        self.at.after(self.findings.ttl)
    }

    /// The one permit of an allow. `None` for a deny, when it was taken, or when it has run out
    /// at `at`.
    pub fn permit(&mut self, id: DecisionId, call: CallId, at: Wall) -> Option<Permit> {
        let fresh = self.permit_left && at < self.expires_at();
        self.permit_left = false;
        fresh.then(|| Permit::new(id, call, self.at, self.expires_at()))
    }

    /// The decision as the model keeps it.
    pub fn into_decision(self, parts: DecisionParts) -> Decision {
        let expires_at = self.expires_at();
        let found = self.findings;
        Decision {
            id: parts.id,
            call_id: parts.call_id,
            verdict: found.verdict,
            rules: found.rules,
            ruleset: found.ruleset,
            ruleset_hash: found.ruleset_hash,
            calendar_version: found.calendar_version,
            list_version: found.list_version,
            tzdb_version: found.tzdb_version.to_owned(),
            local_time: found.local_time,
            zone: found.zone,
            day_class: found.day_class,
            next_allowed_at: parts.next_allowed_at,
            purpose: parts.purpose,
            expires_at,
            to: parts.to,
            device: parts.device,
            topic: parts.facts.topic(),
        }
    }
}
