//! New calls: inbound straight on, outbound through the gate.

use super::input::Outputs;
use super::overrides::Caller;
use super::rights::Asked;
use super::table::Entry;
use super::writer::Engine;
use crate::call::{CallInput, CallMachine, ReasonText, Start};
use crate::gate::{CallFacts, DecisionParts, DialRight, ExemptReason, Ruling, ShownCaller};
use crate::line::NoLine;
use crate::model::{CallId, Dialog, Direction, Now, Party, SystemState, Verdict};
use crate::sip::{AskId, FACT_HEADERS, MARK_HEADER, Offer, Refusal, RoutePlan};
use std::sync::Arc;

impl Engine {
    /// A call from a carrier.
    pub(super) fn inbound(&mut self, now: Now, ask: AskId, offer: Offer, out: &mut Outputs) {
        if !self.line_takes(now, offer.peer, out) {
            return self.core.refuse(now, ask, unavailable(&[]), &mut self.sip);
        }
        let trunk = self.config.neighbours.get(&offer.peer).map(|n| n.name.clone());
        let device = offer.dialed.as_str().into();
        let to = self.known_parties.party(&self.desk_parties, &offer.dialed, "");
        let start = self.start(now, Direction::Inbound, &offer, to, device, trunk);
        let Some(call) = self.begin(now, ask, start, out) else { return };
        self.totals.calls_inbound += 1;
        self.line_came_in(now, call, offer.peer);
        let plan = RoutePlan {
            targets: self.config.inbound.clone(),
            post_dial_max: None,
            strip: Vec::new(),
        };
        self.core.route(now, ask, plan, &mut self.sip);
    }

    /// A call from the PBX: asked of the gate before anything leaves.
    pub(super) fn outbound(&mut self, now: Now, ask: AskId, offer: Offer, out: &mut Outputs) {
        let (permitted, mut facts, said) = match self.take_permit(now, &offer) {
            Some(pass) => (pass.purpose, pass.facts, Some(pass.rule)),
            None => (None, self.facts_of(&offer), None),
        };
        let default = || self.config.neighbours.get(&offer.peer)?.default_purpose.clone();
        let dialled = self.dial_purpose(offer.peer, offer.mark.as_deref());
        let purpose = offer.purpose.clone().or(permitted).or(dialled).or_else(default);
        let agent = self.agent_at(None, &offer.from_user);
        let caller = Caller { agent: agent.as_deref(), device: &offer.from_user };
        facts.caller = self.shown_by(&offer);
        let number = self.plan_of_peer(offer.peer).look(&offer.dialed);
        // A permit may have used one up for this call.
        let waived = match &facts.waived {
            Some(_) => None,
            None => self.override_for(now, &number.dialed, purpose.as_deref(), caller),
        };
        if waived.is_some() {
            facts.waived.clone_from(&waived);
        }
        let Asked { dialed, list_key, place, mut ruling } =
            self.ask_gate(now, number, purpose.as_deref(), &facts);
        if let (Ruling::Decided(decided), Some(rule)) = (&mut ruling, said) {
            decided.also(rule);
        }
        let direction = match &ruling {
            Ruling::Exempt(e) if e.reason() == ExemptReason::Internal => Direction::Internal,
            Ruling::Exempt(_) | Ruling::Decided(_) => Direction::Outbound,
        };
        let to = self.desk_parties.with(&offer.dialed, "", &dialed);
        let device = offer.from_user.as_str().into();
        let mut start = self.start(now, direction, &offer, to.clone().into(), device, None);
        start.purpose.clone_from(&purpose);
        if let Some(dialling) = self.dial_that_waits(offer.peer, offer.mark.as_deref()) {
            start.id = dialling;
        }
        let Some(call) = self.begin(now, ask, start, out) else { return };
        self.totals.calls_outbound += 1;
        self.join_dial(offer.peer, offer.mark.as_deref(), call);
        match ruling {
            Ruling::Exempt(exemption) => {
                self.totals.gate_exempt += 1;
                self.dial(now, ask, call, DialRight::Exempt(exemption), out);
            }
            Ruling::Decided(decided) => {
                self.feed(now, call, CallInput::Requested, out);
                let parts = self.parts(now, call, purpose, facts, to, &offer);
                match decided.verdict {
                    Verdict::Allow => {
                        let of = (Some(call), Some(parts.id));
                        self.use_override(now, waived.as_ref(), &decided, of, out);
                        self.allowed(now, ask, call, decided, parts, place, out);
                    }
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
        to: Arc<Party>,
        device: Arc<str>,
        trunk: Option<Arc<str>>,
    ) -> Start {
        let caller = self.caller(offer);
        let signalling = self.signalling(offer);
        let replaced = self.replaced(offer);
        Start {
            id: self.ids.call(now),
            direction,
            purpose: None,
            from: self.known_parties.party(&self.desk_parties, caller, &offer.from_display),
            dialed: to.clone(),
            to,
            device,
            trunk: trunk.unwrap_or_default(),
            dialog: Dialog {
                call_id: offer.ids.call_id.clone(),
                caller_tag: offer.ids.from_tag.clone(),
                callee_tag: String::new(),
            },
            replaces: replaced,
            signalling,
            arrival: offer.arrival,
        }
    }

    /// What its callee will see.
    fn shown_by(&mut self, offer: &Offer) -> ShownCaller {
        let (number, name) = (self.caller(offer), &offer.from_display);
        let party = self.known_parties.party(&self.desk_parties, number, name);
        let number = party.e164.as_ref().map_or(number, |number| number.reveal().as_str());
        ShownCaller::shown(self.config.plans.shown(), number, name)
    }

    /// What is known of an outbound call: by the command it comes of, else by its PBX.
    fn facts_of(&self, offer: &Offer) -> CallFacts {
        let dialled = self.dial_topic(offer.peer, offer.mark.as_deref());
        dialled.or_else(|| offer.known.as_deref().cloned()).unwrap_or_default().into()
    }

    fn parts(
        &mut self,
        now: Now,
        call: CallId,
        purpose: Option<String>,
        facts: CallFacts,
        to: Party,
        offer: &Offer,
    ) -> DecisionParts {
        DecisionParts {
            id: self.decision_id(now),
            call_id: Some(call),
            purpose,
            to,
            device: offer.from_user.clone(),
            next_allowed_at: None,
            facts,
        }
    }

    /// Puts the call into the table. An INVITE that repeats a challenged one is the same call, and
    /// so is the one that a desk's dial has led to.
    fn begin(&mut self, now: Now, ask: AskId, start: Start, out: &mut Outputs) -> Option<CallId> {
        let ids = crate::sip::DialogIds {
            call_id: start.dialog.call_id.clone(),
            from_tag: start.dialog.caller_tag.clone(),
            to_tag: String::new(),
        };
        if let Some((call, _)) = self.table.of_dialog(&ids)
            && self.dialing.answer_challenge(call)
        {
            self.table.bind_ask(call, ask);
            return Some(call);
        }
        if let Some(entry) = self.table.entry(start.id) {
            let (call, dialog) = (start.id, start.dialog.clone());
            entry.machine.goes_out(start, now);
            self.table.index_dialog(call, &dialog);
            self.table.bind_ask(call, ask);
            self.pbx_invited(now, &ids.call_id, call, out);
            return Some(call);
        }
        if self.table.len() >= self.config.calls_max {
            self.core.refuse(now, ask, unavailable(&[]), &mut self.sip);
            let limit = self.config.calls_max;
            let reason = format!("{limit} calls in progress: new calls get 503");
            self.status(now, SystemState::OverloadReached, reason, 0, out);
            return None;
        }
        let replaces = start.replaces.map(|r| (r.call, r.leaver));
        // Who dials is an agent's phone, perhaps.
        let outward = start.direction != Direction::Inbound;
        let agent = outward.then(|| self.agent_at(None, &start.device)).flatten();
        let mut machine = CallMachine::start(&self.config.call, start, now);
        if agent.is_some() {
            machine.annotate(|call| call.legs.iter_mut().for_each(|leg| leg.agent = agent.clone()));
        }
        if let Some(old) = replaces.and_then(|(old, _)| self.table.get(old)) {
            machine.take_over(&old.machine.shared()); // its customer is the same
        }
        let entry = Entry { ask: Some(ask), replaces, ..Entry::new(machine, now.mono) };
        let call = self.table.insert(entry);
        self.pbx_invited(now, &ids.call_id, call, out);
        Some(call)
    }

    /// The one place where an outbound INVITE leaves: it takes a right and uses it up.
    pub(super) fn dial(
        &mut self,
        now: Now,
        ask: AskId,
        call: CallId,
        right: DialRight,
        out: &mut Outputs,
    ) {
        let urgent = match right {
            DialRight::Exempt(exemption) => exemption.reason() == ExemptReason::Emergency,
            DialRight::Committed(_) => false,
        };
        let targets = match self.line_plan(now, urgent, out) {
            Ok(targets) => targets,
            Err(why) => return self.no_line(now, ask, call, &why, out),
        };
        let mut strip = vec![self.config.purpose_header.clone(), MARK_HEADER.to_owned()];
        strip.extend(FACT_HEADERS.map(str::to_owned));
        let post_dial_max = self.config.post_dial_max;
        self.core.route(now, ask, RoutePlan { targets, post_dial_max, strip }, &mut self.sip);
    }

    /// Q.850 cause 34: no circuit/channel available; 503, so that the PBX may try another way out.
    fn no_line(&mut self, now: Now, ask: AskId, call: CallId, why: &NoLine, out: &mut Outputs) {
        self.totals.line_refusals += 1;
        self.give_back(call);
        let text = match why {
            NoLine::Full => "all lines are full",
            NoLine::Ordered => "all lines are taken out",
        };
        let header = format!("Reason: Q.850;cause=34;text=\"{text}\"");
        self.core.refuse(now, ask, unavailable(&[header]), &mut self.sip);
        self.table.release_ask(ask);
        let input = CallInput::Rejected {
            status: 503,
            phrase: "Service Unavailable".to_owned(),
            reason: Some(ReasonText { q850: Some(34), text: text.to_owned() }),
            local: true,
            arrival: now,
        };
        self.feed(now, call, input, out);
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
            self.give_back(call); // it comes again, and counts then
            self.dialing.challenge(now, call, input);
            return;
        }
        self.feed(now, call, input, out);
    }
}

/// 503 with Retry-After and further header lines (RFC 3261 §21.5.4).
fn unavailable(more: &[String]) -> Refusal {
    let mut headers = vec!["Retry-After: 10".to_owned()];
    headers.extend_from_slice(more);
    Refusal { status: 503, phrase: "Service Unavailable".to_owned(), headers }
}
