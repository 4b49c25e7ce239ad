//! New calls: inbound straight on, outbound through the gate.

use super::input::{ExplainJob, Explained, Outputs};
use super::writer::Engine;
use crate::call::{CallInput, CallMachine, Start};
use crate::gate::{
    Ask, Decided, DecisionParts, DialRight, Dialed, ExemptReason, NotReleased, Ruling, Waiting,
};
use crate::model::{
    CallId, Detail, Dialog, Direction, Entity, EventKind, Mono, Now, Party, Pos, RuleOutcome,
    SystemState, Verdict,
};
use crate::sip::{AskId, Offer, Refusal, RoutePlan};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Longest wait of a gated INVITE for its decision to be durable.
const COMMIT_WAIT: Duration = Duration::from_millis(500);
/// Longest wait of a refusal for its next allowed instant.
const EXPLAIN_WAIT: Duration = Duration::from_millis(50);
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

impl Dialing {
    pub(super) fn len(&self) -> usize {
        self.permits.len() + self.denials.len() + self.challenged.len()
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        let permit = self.permits.front().map(|p| p.deadline);
        let denial = self.denials.values().map(|d| d.deadline).min();
        let challenge = self.challenged.values().map(|c| c.0).min();
        [permit, denial, challenge].into_iter().flatten().min()
    }
}

impl Engine {
    /// A call from a carrier.
    pub(super) fn inbound(&mut self, now: Now, ask: AskId, offer: Offer, out: &mut Outputs) {
        let trunk = self.config.neighbours.get(&offer.peer).map(|n| n.name.clone());
        let device = offer.dialed.clone();
        let to = self.desk_parties.party(&offer.dialed, "");
        let start = self.start(now, Direction::Inbound, &offer, to, device, trunk);
        let Some(call) = self.begin(now, ask, start, out) else { return };
        self.totals.calls_inbound += 1;
        let _ = call;
        let plan = RoutePlan { hops: self.config.inbound.clone(), strip: Vec::new() };
        self.core.route(now, ask, plan, &mut self.sip);
    }

    /// A call from the PBX: asked of the gate before anything leaves.
    pub(super) fn outbound(&mut self, now: Now, ask: AskId, offer: Offer, out: &mut Outputs) {
        let default = || self.config.neighbours.get(&offer.peer)?.default_purpose.clone();
        let purpose = offer.purpose.clone().or_else(default);
        let dialed = self.desk_parties.read(&offer.dialed);
        let list_key = dialed.list_key().map(|k| self.config.list_refs.number_ref(k));
        let question = Ask {
            dialed: &dialed,
            purpose: purpose.as_deref(),
            ruleset: self.config.ruleset.as_deref(),
            number_ref: list_key,
        };
        let ruling = self.config.book.decide(&self.list, &question, now.wall);
        let direction = match &ruling {
            Ruling::Exempt(e) if e.reason() == ExemptReason::Internal => Direction::Internal,
            Ruling::Exempt(_) | Ruling::Decided(_) => Direction::Outbound,
        };
        let to = self.desk_parties.with(&offer.dialed, "", &dialed);
        let device = offer.from_user.clone();
        let mut start = self.start(now, direction, &offer, to.clone(), device, None);
        start.purpose.clone_from(&purpose);
        let Some(call) = self.begin(now, ask, start, out) else { return };
        self.totals.calls_outbound += 1;
        match ruling {
            Ruling::Exempt(exemption) => {
                self.totals.gate_exempt += 1;
                self.dial(now, ask, DialRight::Exempt(exemption));
            }
            Ruling::Decided(decided) => {
                self.feed(now, call, CallInput::Requested, out);
                let parts = self.parts(now, call, purpose, to, &offer);
                match decided.verdict {
                    Verdict::Allow => self.allowed(now, ask, call, decided, parts, out),
                    Verdict::Deny => {
                        self.denied(now, ask, call, decided, parts, dialed, list_key, out);
                    }
                }
            }
        }
    }

    fn start(
        &mut self,
        now: Now,
        direction: Direction,
        offer: &Offer,
        to: Party,
        device: String,
        trunk: Option<String>,
    ) -> Start {
        let caller = offer.asserted_user.as_deref().unwrap_or(&offer.from_user);
        Start {
            id: self.ids.call(now),
            direction,
            purpose: None,
            from: self.desk_parties.party(caller, &offer.from_display),
            dialed: to.clone(),
            to,
            device,
            trunk: trunk.unwrap_or_default(),
            dialog: Dialog {
                call_id: offer.ids.call_id.clone(),
                caller_tag: offer.ids.from_tag.clone(),
                callee_tag: String::new(),
            },
            arrival: offer.arrival,
        }
    }

    fn parts(
        &mut self,
        now: Now,
        call: CallId,
        purpose: Option<String>,
        to: Party,
        offer: &Offer,
    ) -> DecisionParts {
        DecisionParts {
            id: self.ids.decision(now),
            call_id: Some(call),
            purpose,
            to,
            device: offer.from_user.clone(),
            next_allowed_at: None,
        }
    }

    /// Puts the call into the table; an INVITE that repeats a challenged one is the same call.
    fn begin(&mut self, now: Now, ask: AskId, start: Start, out: &mut Outputs) -> Option<CallId> {
        let ids = crate::sip::DialogIds {
            call_id: start.dialog.call_id.clone(),
            from_tag: start.dialog.caller_tag.clone(),
            to_tag: String::new(),
        };
        if let Some((call, _)) = self.table.of_dialog(&ids)
            && self.dialing.challenged.remove(&call).is_some()
        {
            self.table.bind_ask(call, ask);
            return Some(call);
        }
        if self.table.len() >= self.config.calls_max {
            let refusal = Refusal {
                status: 503,
                phrase: "Service Unavailable".to_owned(),
                headers: vec!["Retry-After: 10".to_owned()],
            };
            self.core.refuse(now, ask, refusal, &mut self.sip);
            let limit = self.config.calls_max;
            let reason = format!("{limit} calls in progress: new calls get 503");
            self.status(now, SystemState::OverloadReached, reason, 0, out);
            return None;
        }
        let machine = CallMachine::start(&self.config.call, start, now);
        let entry =
            super::table::Entry { machine, seen: now.mono, ask: Some(ask), proposals: Vec::new() };
        Some(self.table.insert(entry))
    }

    fn allowed(
        &mut self,
        now: Now,
        ask: AskId,
        call: CallId,
        mut decided: Decided,
        parts: DecisionParts,
        out: &mut Outputs,
    ) {
        self.totals.gate_allowed += 1;
        let id = parts.id;
        let permit = decided.permit(id, call, now.wall);
        self.feed(now, call, CallInput::Decided { decision: id }, out);
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        let pos = self.emit(now, EventKind::OutboundAllowed, entity, Detail::default(), out);
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

    #[allow(clippy::too_many_arguments)] // one refusal and its question
    fn denied(
        &mut self,
        now: Now,
        ask: AskId,
        call: CallId,
        decided: Decided,
        parts: DecisionParts,
        dialed: Dialed,
        list_key: Option<crate::model::NumberRef>,
        out: &mut Outputs,
    ) {
        self.totals.gate_denied += 1;
        out.explain.push(ExplainJob {
            ask,
            dialed,
            purpose: parts.purpose.clone(),
            ruleset: self.config.ruleset.clone(),
            list_key,
            list: self.list.only(list_key),
            at: now.wall,
            book: self.config.book.clone(),
        });
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
        let rule = decided.rules.iter().find(|r| r.outcome == RuleOutcome::Deny);
        let rule = rule.map_or("policy", |r| r.id.as_str());
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
                Ok(permit) => self.dial(now, ask, DialRight::Committed(permit)),
                Err(NotReleased::NotYet(_) | NotReleased::Expired { .. }) => {
                    self.not_durable(now, ask, call, out);
                }
            }
        }
    }

    /// The one place where an outbound INVITE leaves: it takes a right and uses it up.
    fn dial(&mut self, now: Now, ask: AskId, right: DialRight) {
        let (DialRight::Committed(_) | DialRight::Exempt(_)) = right; // used up
        let strip = vec![self.config.purpose_header.clone()];
        let plan = RoutePlan { hops: self.config.outbound.clone(), strip };
        self.core.route(now, ask, plan, &mut self.sip);
    }

    /// The attempt is over with a final response.
    pub(super) fn rejected(
        &mut self,
        now: Now,
        ask: AskId,
        status: u16,
        input: CallInput,
        out: &mut Outputs,
    ) {
        self.forget_waiting(now, ask, out);
        let Some(call) = self.table.of_ask(ask) else { return };
        self.table.release_ask(ask);
        if matches!(status, 401 | 407 | 422) {
            let until = now.mono.after(CHALLENGE_WAIT);
            self.dialing.challenged.insert(call, (until, input));
            return;
        }
        self.feed(now, call, input, out);
    }

    /// A caller who gave up needs no right any more; a decision that was made is still told.
    pub(super) fn forget_waiting(&mut self, now: Now, ask: AskId, out: &mut Outputs) {
        self.dialing.permits.retain(|p| p.ask != ask);
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
