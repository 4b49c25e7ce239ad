//! Calls between their INVITE and their fate: permits that wait for the disk, refusals that wait
//! for their explanation, challenges that wait for credentials.

use super::input::{ExplainJob, Explained, Outputs};
use super::writer::Engine;
use crate::call::CallInput;
use crate::gate::{
    Ask, Book, CallFacts, Decided, DecisionParts, DialRight, Dialed, Given, NotReleased, Past,
    Reading, Ruling, Waiting,
};
use crate::model::{
    CallId, Detail, Entity, EventKind, Mono, Now, NumberRef, Place, Pos, SystemState,
};
use crate::sip::{AskId, Refusal};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait of a gated INVITE for its decision to be durable.
pub(super) const COMMIT_WAIT: Duration = Duration::from_millis(500);
/// Longest wait of a refusal for its next allowed instant.
pub(super) const EXPLAIN_WAIT: Duration = Duration::from_millis(50);
/// A challenged INVITE (401, 407) comes again within this time, or the call has failed.
const CHALLENGE_WAIT: Duration = Duration::from_secs(10);

/// Calls between their INVITE and their fate.
#[derive(Default)]
pub(super) struct Dialing {
    /// Allowed, not durable yet, in order of position.
    permits: VecDeque<Permitted>,
    /// Denied, next instant not known yet.
    denials: BTreeMap<AskId, Denied>,
    /// Challenged by the carrier: the same call comes again with credentials.
    challenged: BTreeMap<CallId, (Mono, CallInput)>,
    /// The journal is late: gated calls are refused at once.
    closed: bool,
}

struct Permitted {
    ask: AskId,
    call: CallId,
    waiting: Waiting,
    deadline: Mono,
}

struct Denied {
    call: CallId,
    decided: Decided,
    parts: DecisionParts,
    deadline: Mono,
}

/// A number, and what the gate says of calling it now.
pub(super) struct Asked {
    pub(super) dialed: Dialed,
    /// Its key in the do-not-call list.
    pub(super) list_key: Option<NumberRef>,
    /// Where it counts for caps.
    pub(super) place: Option<Place>,
    pub(super) ruling: Ruling,
}

impl Dialing {
    /// No gated call may be made.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn len(&self) -> usize {
        self.permits.len() + self.denials.len() + self.challenged.len()
    }

    /// The same call is expected again, with credentials; else it ends with `failure`.
    pub(super) fn challenge(&mut self, now: Now, call: CallId, failure: CallInput) {
        self.challenged.insert(call, (now.mono.after(CHALLENGE_WAIT), failure));
    }

    /// The same call is expected again, with credentials.
    pub(super) fn is_challenged(&self, call: CallId) -> bool {
        self.challenged.contains_key(&call)
    }

    /// It came again.
    pub(super) fn answer_challenge(&mut self, call: CallId) -> bool {
        self.challenged.remove(&call).is_some()
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        let permit = self.permits.front().map(|p| p.deadline);
        let denial = self.denials.values().map(|d| d.deadline).min();
        let challenge = self.challenged.values().map(|c| c.0).min();
        [permit, denial, challenge].into_iter().flatten().min()
    }
}

impl Engine {
    /// Asks the gate about a number.
    pub(super) fn ask_gate(
        &mut self,
        now: Now,
        number: Reading,
        purpose: Option<&str>,
        facts: &CallFacts,
    ) -> Asked {
        let list_key = self.list_key(&number.dialed);
        let customer = self.customer_ref(facts.customer.as_deref());
        let place = list_key.map(|number| Place { number, customer });
        let ruleset = self.config.ruleset.as_deref();
        let past = self.ledger.past(list_key, customer);
        let known_since = self.ledger.known_since();
        let clock = self.clock.fault().map(|fault| fault.to_string());
        let clock = clock.as_deref();
        let recorded = self.on_record([list_key, customer]);
        let given = Given {
            known_since,
            customer_ref: customer,
            recorded: &recorded,
            clock,
            ..facts.given(&past)
        };
        let ask = Ask { dialed: &number.dialed, purpose, ruleset, number_ref: list_key, given };
        let mut ruling = self.config.book.decide(&self.list, &ask, now.wall);
        let again = self.shadow_look(&ask, facts, &ruling, now.wall);
        drop(past);
        self.look_again(again);
        if let (Ruling::Decided(decided), Some(rule)) = (&mut ruling, number.rule()) {
            decided.also(rule);
        }
        Asked { dialed: number.dialed, list_key, place, ruling }
    }

    pub(super) fn customer_ref(&self, customer: Option<&str>) -> Option<NumberRef> {
        customer.map(|name| self.config.list_refs.customer_ref(name))
    }

    /// The question whose answer says when a refused call would be allowed.
    pub(super) fn explain_job(
        &self,
        now: Now,
        ask: AskId,
        parts: &DecisionParts,
        dialed: Dialed,
        list_key: Option<NumberRef>,
    ) -> ExplainJob {
        ExplainJob {
            ask,
            dialed,
            purpose: parts.purpose.clone(),
            list_key,
            facts: parts.facts.clone(),
            slice: self.gate_slice(list_key, parts.facts.customer.as_deref()),
            at: now.wall,
        }
    }

    /// A call that may be dialled counts for the caps from here on. Its decision is journaled with
    /// the detail that this gives back.
    pub(super) fn note_attempt(
        &mut self,
        now: Now,
        place: Option<Place>,
        parts: &DecisionParts,
    ) -> Detail {
        if let Some(place) = place {
            let past = Past {
                purpose: parts.purpose.clone(),
                subject: parts.facts.subject.clone(),
                seller: parts.facts.seller.clone(),
                campaign: parts.facts.campaign.clone(),
                ..Past::attempt(now.wall)
            };
            self.ledger.reserve(&self.config.book, parts.id, place, past);
        }
        Detail { place: place.map(Box::new), ..Detail::default() }
    }

    /// Nothing was dialled for that call: its place is free.
    pub(super) fn give_back(&mut self, call: CallId) {
        let known = self.table.get(call).and_then(|entry| entry.machine.call().decision_id);
        if let Some(decision) = known {
            self.ledger.release(decision);
        }
    }

    /// Allowed: the INVITE waits until the decision is durable.
    #[allow(clippy::too_many_arguments)] // one allow and what it is about
    pub(super) fn allowed(
        &mut self,
        now: Now,
        ask: AskId,
        call: CallId,
        mut decided: Decided,
        parts: DecisionParts,
        place: Option<Place>,
        out: &mut Outputs,
    ) {
        self.totals.gate_allowed += 1;
        let id = parts.id;
        let permit = decided.permit(id, call, now.wall);
        let detail = self.note_attempt(now, place, &parts);
        self.feed(now, call, CallInput::Decided { decision: id }, out);
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        let pos = self.emit(now, EventKind::OutboundAllowed, entity, detail, out);
        let ready = !self.dialing.closed && self.overflow.is_none();
        match permit.filter(|_| ready) {
            Some(permit) => self.dialing.permits.push_back(Permitted {
                ask,
                call,
                waiting: permit.wait(pos),
                deadline: now.mono.after(COMMIT_WAIT),
            }),
            None => self.not_durable(now, ask, call, out),
        }
    }

    /// Denied: the refusal waits for its next allowed instant.
    #[allow(clippy::too_many_arguments)] // one refusal and its question
    pub(super) fn denied(
        &mut self,
        now: Now,
        ask: AskId,
        call: CallId,
        decided: Decided,
        parts: DecisionParts,
        dialed: Dialed,
        list_key: Option<NumberRef>,
        out: &mut Outputs,
    ) {
        self.totals.gate_denied += 1;
        out.explain.push(self.explain_job(now, ask, &parts, dialed, list_key));
        let deadline = now.mono.after(EXPLAIN_WAIT);
        self.dialing.denials.insert(ask, Denied { call, decided, parts, deadline });
    }

    /// The explainer's answer: the refusal goes out.
    pub(super) fn explained(&mut self, now: Now, answer: Explained, out: &mut Outputs) {
        if let Some(denied) = self.dialing.denials.remove(&answer.ask) {
            self.refuse_denied(now, answer.ask, denied, answer.next_allowed_at, out);
        }
    }

    fn refuse_denied(
        &mut self,
        now: Now,
        ask: AskId,
        denied: Denied,
        next: Option<String>,
        out: &mut Outputs,
    ) {
        let Denied { call, decided, mut parts, .. } = denied;
        let rule = decided.denying_rule();
        let text = match &next {
            Some(next) => format!("rule {rule}; next allowed {next}"),
            None => format!("rule {rule}; no allowed time known"),
        };
        parts.next_allowed_at = next;
        self.tell_denied(now, call, decided, parts, out);
        self.refuse(now, ask, call, text, out);
    }

    fn refuse(&mut self, now: Now, ask: AskId, call: CallId, text: String, out: &mut Outputs) {
        // 403, never 503, 480 or 408: those make a PBX try another route.
        let refusal = Refusal {
            status: 403,
            phrase: "Forbidden".to_owned(),
            headers: vec![format!("Reason: Q.850;cause=21;text=\"{}\"", text.replace('"', "'"))],
        };
        self.core.refuse(now, ask, refusal, &mut self.sip);
        self.table.release_ask(ask);
        self.feed(now, call, CallInput::Denied { status: 403, text }, out);
    }

    fn not_durable(&mut self, now: Now, ask: AskId, call: CallId, out: &mut Outputs) {
        self.totals.gate_not_durable += 1;
        self.give_back(call);
        let text = "journal: the decision could not be made durable in time".to_owned();
        self.refuse(now, ask, call, text, out);
    }

    /// Releases what is durable.
    pub(super) fn durable(&mut self, now: Now, through: Pos, out: &mut Outputs) {
        while let Some(first) = self.dialing.permits.front()
            && first.waiting.pos() <= through
            && let Some(Permitted { ask, call, waiting, .. }) = self.dialing.permits.pop_front()
        {
            match waiting.release(through, now.wall) {
                Ok(permit) => self.dial(now, ask, call, DialRight::Committed(permit), out),
                Err(NotReleased::NotYet(_) | NotReleased::Expired { .. }) => {
                    self.not_durable(now, ask, call, out);
                }
            }
        }
    }

    /// A caller who gave up needs no right any more; a decision that was made is still told.
    pub(super) fn forget_waiting(&mut self, now: Now, ask: AskId, out: &mut Outputs) {
        if let Some(at) = self.dialing.permits.iter().position(|p| p.ask == ask)
            && let Some(Permitted { call, .. }) = self.dialing.permits.remove(at)
        {
            self.give_back(call);
        }
        if let Some(Denied { call, decided, parts, .. }) = self.dialing.denials.remove(&ask) {
            self.tell_denied(now, call, decided, parts, out);
        }
    }

    fn tell_denied(
        &mut self,
        now: Now,
        call: CallId,
        decided: Decided,
        parts: DecisionParts,
        out: &mut Outputs,
    ) {
        self.feed(now, call, CallInput::Decided { decision: parts.id }, out);
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        self.emit(now, EventKind::OutboundDenied, entity, Detail::default(), out);
    }

    /// No permit that waits can become durable.
    pub(super) fn refuse_waiting(&mut self, now: Now, out: &mut Outputs) {
        for Permitted { ask, call, .. } in std::mem::take(&mut self.dialing.permits) {
            self.not_durable(now, ask, call, out);
        }
    }

    /// The journal is late or fails, or writes again.
    pub(super) fn degraded(&mut self, now: Now, degraded: bool, out: &mut Outputs) {
        if self.dialing.closed == degraded {
            return;
        }
        self.dialing.closed = degraded;
        let (state, reason) = if degraded {
            (SystemState::PartiallyDisabled, "the journal does not write: no new gated calls")
        } else {
            (SystemState::Normal, "the journal writes again")
        };
        self.status(now, state, reason.to_owned(), 0, out);
    }

    /// Calls that were decided keep their decision; the next one is decided by these rules.
    pub(super) fn rules(&mut self, now: Now, book: Arc<Book>, out: &mut Outputs) {
        let reason = format!("the gate's rules were read anew, {}", book.hash());
        self.config.book = book;
        self.rules_refused = false;
        self.status(now, SystemState::Normal, reason, 0, out);
        self.look_at_registers(now, out);
    }

    /// An alarm: what the operator wanted is not in force.
    pub(super) fn rules_refused(&mut self, now: Now, why: &str, out: &mut Outputs) {
        self.rules_refused = true;
        let kept = self.config.book.hash();
        let reason = format!("new rules of the gate were refused, {kept} stay in force: {why}");
        self.status(now, SystemState::PartiallyDisabled, reason, 0, out);
    }

    /// An alarm: the gate still decides, but will refuse more and more.
    pub(super) fn gate_alarm(&mut self, now: Now, text: String, out: &mut Outputs) {
        self.status(now, SystemState::PartiallyDisabled, text, 0, out);
    }

    pub(super) fn dialing_tick(&mut self, now: Now, out: &mut Outputs) {
        while let Some(first) = self.dialing.permits.front()
            && first.deadline <= now.mono
            && let Some(Permitted { ask, call, .. }) = self.dialing.permits.pop_front()
        {
            self.not_durable(now, ask, call, out);
        }
        let due = |deadline: Mono| deadline <= now.mono;
        let late: Vec<AskId> =
            self.dialing.denials.iter().filter(|d| due(d.1.deadline)).map(|d| *d.0).collect();
        for ask in late {
            if let Some(denied) = self.dialing.denials.remove(&ask) {
                self.refuse_denied(now, ask, denied, None, out);
            }
        }
        let given_up: Vec<CallId> =
            self.dialing.challenged.iter().filter(|c| due(c.1.0)).map(|c| *c.0).collect();
        for call in given_up {
            if let Some((_, input)) = self.dialing.challenged.remove(&call) {
                self.feed(now, call, input, out);
            }
        }
    }
}
