//! The gate as far as one callee is concerned: it can be asked on any thread.

use super::{
    Ask, Book, Claim, Claims, Dialed, DncList, ExplainAsk, ExplainError, Explanation, Given,
    Normalizer, Past, Recorded, Ruling, ShownCaller, Waived, explain,
};
use crate::model::{CallTopic, NumberRef, Wall};
use std::sync::Arc;

/// What is known of a call beyond number and purpose. [`Given`] borrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFacts {
    /// What it is about.
    pub subject: Option<String>,
    /// Case it belongs to.
    pub case: Option<String>,
    /// Campaign.
    pub campaign: Option<String>,
    /// Who is called, as the customer records name them.
    pub customer: Option<String>,
    /// For whom the call is made.
    pub seller: Option<String>,
    /// Zone of the callee's address, IANA name.
    pub zone: Option<String>,
    /// What the caller says can be shown for the call. That the callee asked for it is believed
    /// from the record alone.
    pub claims: Claims,
    /// What it shows the callee.
    pub caller: ShownCaller,
    /// What people have approved for it.
    pub waived: Option<Waived>,
}

impl CallFacts {
    /// The part that is journaled with a decision; `None`: nothing of it is known.
    pub fn topic(self) -> Option<Box<CallTopic>> {
        let Self { subject, case, campaign, customer, seller, .. } = self;
        let topic = CallTopic { subject, case, campaign, customer, seller };
        (topic != CallTopic::default()).then(|| Box::new(topic))
    }

    /// With what happened to the callee before. Keys of lists are the caller's to add.
    pub fn given<'a>(&'a self, past: &'a [Past]) -> Given<'a> {
        Given {
            subject: self.subject.as_deref(),
            case: self.case.as_deref(),
            campaign: self.campaign.as_deref(),
            customer: self.customer.as_deref(),
            seller: self.seller.as_deref(),
            customer_ref: None,
            zone: self.zone.as_deref(),
            caller: Some(&self.caller),
            claims: self.claims.without(Claim::CustomerRequestedCallback),
            recorded: &[],
            waived: self.waived.as_ref(),
            past,
            known_since: None,
            clock: None,
        }
    }
}

impl From<CallTopic> for CallFacts {
    fn from(topic: CallTopic) -> Self {
        let CallTopic { subject, case, campaign, customer, seller } = topic;
        Self { subject, case, campaign, customer, seller, ..Self::default() }
    }
}

/// A question about the callee of a [`Slice`].
#[derive(Clone, Copy)]
pub struct SliceAsk<'a> {
    /// What was dialled.
    pub dialed: &'a Dialed,
    /// Its key in the do-not-call list: that for which the slice was cut.
    pub list_key: Option<NumberRef>,
    /// Purpose.
    pub purpose: Option<&'a str>,
    /// What else is known.
    pub facts: &'a CallFacts,
}

/// Rules, list and calls before as far as they concern one callee, at one moment.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Rules in force.
    pub book: Arc<Book>,
    /// The one rule set that counts; `None`: all that apply.
    pub ruleset: Option<String>,
    /// The do-not-call list as far as this number and this customer see it.
    pub list: DncList,
    /// The customer's key in it.
    pub customer_ref: Option<NumberRef>,
    /// Version of the whole list.
    pub list_version: String,
    /// What is on record of the callee.
    pub recorded: Vec<Recorded>,
    /// What happened to the callee before.
    pub past: Vec<Past>,
    /// What was before it is not known.
    pub known_since: Option<Wall>,
    /// Why the wall clock is not believed.
    pub clock: Option<String>,
}

impl Slice {
    /// Verdict for dialling at `at`. Does not search.
    pub fn decide(&self, ask: SliceAsk<'_>, at: Wall) -> Ruling {
        self.with(ask, |ask| self.book.decide(&self.list, ask, at))
    }

    /// Earliest allowed instant from `at` on, RFC 3339 with the callee's offset. Searches:
    /// microseconds to a few milliseconds.
    pub fn next_allowed(&self, ask: SliceAsk<'_>, at: Wall) -> Option<String> {
        self.with(ask, |ask| {
            let next = self.book.next_allowed(&self.list, ask, at)?;
            Some(self.book.rfc3339_local(ask, next))
        })
    }

    /// Why, with every rule. Searches. `number` is what `ask` was read from.
    ///
    /// # Errors
    /// If a word of the question cannot be read.
    pub fn explain(
        &self,
        plan: &Normalizer,
        number: &str,
        ask: SliceAsk<'_>,
        when: SliceTime<'_>,
    ) -> Result<Explanation, ExplainError> {
        let question = ExplainAsk {
            number,
            purpose: ask.purpose,
            at: when.at,
            ruleset: when.ruleset.or(self.ruleset.as_deref()),
            list_key: Some(&|_| ask.list_key),
            given: self.given(ask.facts),
            deadline: when.before,
        };
        let found = explain(&self.book, &self.list, plan, &question)?;
        Ok(Explanation { list_version: self.list_version.clone(), ..found })
    }

    fn given<'a>(&'a self, facts: &'a CallFacts) -> Given<'a> {
        let (known_since, customer_ref) = (self.known_since, self.customer_ref);
        let (clock, recorded) = (self.clock.as_deref(), self.recorded.as_slice());
        Given { known_since, customer_ref, clock, recorded, ..facts.given(&self.past) }
    }

    fn with<T>(&self, ask: SliceAsk<'_>, then: impl FnOnce(&Ask<'_>) -> T) -> T {
        then(&Ask {
            dialed: ask.dialed,
            purpose: ask.purpose,
            ruleset: self.ruleset.as_deref(),
            number_ref: ask.list_key,
            given: self.given(ask.facts),
        })
    }
}

/// For which instant an explanation is asked, and by which rules.
#[derive(Clone, Copy, Debug)]
pub struct SliceTime<'a> {
    /// Instant, RFC 3339 with offset or `Z`.
    pub at: &'a str,
    /// Asks for the last lawful time before this instant.
    pub before: Option<&'a str>,
    /// Another rule set than the one in force.
    pub ruleset: Option<&'a str>,
}
