//! Rules that are tried out beside those in force.
//!
//! Every decision is judged once more by them, with the same number, purpose, facts and list, at
//! the same instant, and after the same calls: those that really went out. They reserve nothing
//! and release nothing, so a call that they would have stopped counts for their caps, because it
//! was made. The judging itself is not done here: a job is cut for another thread.

use super::input::Outputs;
use super::writer::Engine;
use crate::gate::{Ask, Book, CallFacts, Decided, Dialed, Ruling, Slice, SliceAsk};
use crate::model::{
    DecisionId, Detail, Entity, EventKind, Now, NumberRef, RuleOutcome, ShadowDiff, SystemState,
    Verdict, Wall,
};
use std::sync::Arc;

/// Rules that are tried out.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// They.
    pub book: Arc<Book>,
    /// The one rule set that counts; `None`: all that apply.
    pub ruleset: Option<String>,
}

/// News of the rules that are tried out.
#[derive(Clone, Debug)]
pub enum ShadowNews {
    /// They were read anew: judge by these from here on.
    Rules(Shadow),
    /// They could not be used, for this reason: those of before go on, if there are any.
    Refused(String),
    /// A job found a difference.
    Differs(Box<ShadowDiff>),
}

/// A decision to be judged again: not on the engine's thread.
#[derive(Clone, Debug)]
pub struct ShadowJob {
    decision: DecisionId,
    look: Box<Look>,
}

/// What the decision was about, before its call took its place under the caps.
#[derive(Clone, Debug)]
pub(super) struct Look {
    dialed: Dialed,
    list_key: Option<NumberRef>,
    purpose: Option<String>,
    facts: CallFacts,
    slice: Slice,
    at: Wall,
    verdict: Verdict,
    refused_by: Vec<String>,
}

/// What waits to be judged again.
#[derive(Default)]
pub(super) struct Shadowing {
    /// Of the question asked last, until its decision has an id.
    look: Option<Box<Look>>,
    jobs: Vec<ShadowJob>,
}

impl ShadowJob {
    /// Judges by the rules tried out. `None`: they say the same.
    pub fn run(self) -> Option<ShadowDiff> {
        let look = *self.look;
        let ask = SliceAsk {
            dialed: &look.dialed,
            list_key: look.list_key,
            purpose: look.purpose.as_deref(),
            facts: &look.facts,
        };
        let (shadow_verdict, shadow_refused_by) = match look.slice.decide(ask, look.at) {
            Ruling::Exempt(_) => (Verdict::Allow, Vec::new()),
            Ruling::Decided(decided) => (decided.verdict, refusing(&decided)),
        };
        (shadow_verdict != look.verdict).then(|| ShadowDiff {
            decision: self.decision,
            purpose: look.purpose,
            verdict: look.verdict,
            refused_by: look.refused_by,
            shadow_verdict,
            shadow_refused_by,
            shadow_hash: look.slice.book.hash().to_owned(),
        })
    }
}

fn refusing(decided: &Decided) -> Vec<String> {
    let denies = decided.rules.iter().filter(|rule| rule.outcome == RuleOutcome::Deny);
    denies.map(|rule| rule.id.to_string()).collect()
}

impl Engine {
    /// Keeps what the rules tried out need to judge a question again, until its decision has an
    /// id; the question asked before it had none.
    pub(super) fn look_again(&mut self, look: Option<Box<Look>>) {
        self.shadowing.look = look;
    }

    /// Cuts that out of the state, before the call counts. `None`: nothing is tried out, or the
    /// question was not gated.
    pub(super) fn shadow_look(
        &self,
        ask: &Ask<'_>,
        facts: &CallFacts,
        ruling: &Ruling,
        at: Wall,
    ) -> Option<Box<Look>> {
        let (Some(shadow), Ruling::Decided(decided)) = (&self.config.shadow, ruling) else {
            return None;
        };
        let customer_ref = ask.given.customer_ref;
        let slice = Slice {
            book: shadow.book.clone(),
            ruleset: shadow.ruleset.clone(),
            list: self.list.only([ask.number_ref, customer_ref]),
            customer_ref,
            list_version: String::new(), // no text is made of it
            recorded: ask.given.recorded.to_vec(),
            past: ask.given.past.to_vec(),
            known_since: ask.given.known_since,
            clock: ask.given.clock.map(str::to_owned),
        };
        Some(Box::new(Look {
            dialed: ask.dialed.clone(),
            list_key: ask.number_ref,
            purpose: ask.purpose.map(str::to_owned),
            facts: facts.clone(),
            slice,
            at,
            verdict: decided.verdict,
            refused_by: refusing(decided),
        }))
    }

    /// An id for the decision about the question asked last.
    pub(super) fn decision_id(&mut self, now: Now) -> DecisionId {
        let decision = self.ids.decision(now);
        if let Some(look) = self.shadowing.look.take() {
            self.shadowing.jobs.push(ShadowJob { decision, look });
        }
        decision
    }

    pub(super) fn shadow_settle(&mut self, out: &mut Outputs) {
        out.shadow.append(&mut self.shadowing.jobs);
    }

    pub(super) fn shadow_news(&mut self, now: Now, news: ShadowNews, out: &mut Outputs) {
        match news {
            ShadowNews::Rules(shadow) => {
                let reason = format!("the rules tried out were read anew, {}", shadow.book.hash());
                self.ledger.keep_for(shadow.book.looks_back());
                self.config.shadow = Some(shadow);
                self.tell(now, SystemState::Normal, reason, out);
            }
            ShadowNews::Refused(why) => {
                let kept = match &self.config.shadow {
                    Some(shadow) => format!("{} go on", shadow.book.hash()),
                    None => "none are tried out".to_owned(),
                };
                let reason = format!("rules to be tried out were refused, {kept}: {why}");
                self.tell(now, SystemState::PartiallyDisabled, reason, out);
            }
            ShadowNews::Differs(one) => {
                let (kind, entity) = (EventKind::GateShadowDiffers, Entity::Shadow(one));
                self.emit(now, kind, entity, Detail::default(), out);
            }
        }
    }
}
