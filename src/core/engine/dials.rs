//! Calls that desks ask for: the agent's phone is called, then the customer.
//!
//! The gate is asked before anything rings, so that a desk hears a refusal at once. Where the
//! PBX's calls pass our trunk this is advice only: the permit is made there, when the customer's
//! INVITE comes with our mark. Where only a control link is there, the permit is made here.

use super::agents::short_device;
use super::commands::CommandKey;
use super::control::DialAsk;
use super::input::{Explained, Outputs};
use super::orders::OrderFor;
use super::overrides::Caller;
use super::rights::Asked;
use super::writer::Engine;
use crate::gate::{
    CallFacts, Decided, DecisionParts, DialRight, Dialed, Ruling, ShownCaller, Waiting,
};
use crate::model::{
    Call, CallId, CallTopic, CommandCode as Code, CommandError, CommandId, CommandStatus,
    ConnectionState, CstaCause, DecisionId, Detail, Entity, EventKind as K, LegRole, Mono, Now,
    NumberRef, Place, Pos, Verdict,
};
use crate::pbx::{ChannelId, Order};
use crate::sip::{AskId, PeerId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The agent has answered; so long until somebody outside is called.
const SETUP_WAIT: Duration = Duration::from_secs(30);
/// Longest wait of a refusal for its next allowed instant, as for an INVITE.
const EXPLAIN_WAIT: Duration = Duration::from_millis(50);
/// Asks of the explainer that are ours and not those of an INVITE.
const OURS: u64 = 1 << 63;

/// A dial on its way.
struct Dial {
    ask: DialAsk,
    mark: String,
    channel: ChannelId,
    deadline: Mono,
    /// The call it has become.
    call: Option<CallId>,
    /// Decided here already, and whom it counts for.
    decision: Option<(DecisionId, Place)>,
}

/// A dial that the gate refused.
struct Refusal {
    key: CommandKey,
    decided: Decided,
    parts: DecisionParts,
    deadline: Mono,
}

/// Dials of all desks.
#[derive(Default)]
pub(super) struct Dials {
    open: BTreeMap<CommandKey, Dial>,
    /// Calls that came of a dial: their events are its doing.
    calls: BTreeMap<CallId, (CommandId, ChannelId)>,
    /// Of these, decisions for the one leg that goes out.
    decided: BTreeMap<CallId, (DecisionId, Place)>,
    refused: BTreeMap<AskId, Refusal>,
    /// Without a trunk of ours: the permit that has to be durable.
    permits: BTreeMap<CommandKey, Waiting>,
    next_ask: u64,
}

impl Dials {
    pub(super) fn is_open(&self, key: &CommandKey) -> bool {
        self.open.contains_key(key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.calls.is_empty()
    }

    pub(super) fn cause_of(&self, call: CallId) -> Option<CommandId> {
        self.calls.get(&call).map(|(command, _)| *command)
    }

    /// The dial is over. Gives back the decision that nothing was done with.
    pub(super) fn forget(&mut self, key: &CommandKey) -> Option<DecisionId> {
        self.permits.remove(key);
        self.open.remove(key)?.decision.map(|(decision, _)| decision)
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        let open = self.open.values().map(|d| d.deadline);
        open.chain(self.refused.values().map(|r| r.deadline)).min()
    }

    fn by_mark(&self, mark: &str) -> Option<(&CommandKey, &Dial)> {
        self.open.iter().find(|(_, dial)| dial.mark == mark)
    }
}

impl Engine {
    /// Asks the gate and, if it agrees, calls the agent's phone.
    pub(super) fn start_dial(
        &mut self,
        now: Now,
        key: CommandKey,
        ask: DialAsk,
        out: &mut Outputs,
    ) {
        let switch = self.config.switches.get(usize::from(ask.pbx.0));
        let peer = switch.and_then(|switch| switch.peer);
        let default = switch.and_then(|switch| switch.default_purpose.clone());
        let purpose = ask.purpose.clone().or(default);
        let device = short_device(&ask.device);
        let agent = self.agent_at(None, device);
        let caller = Caller { agent: agent.as_deref(), device };
        let number = self.plan_of_pbx(ask.pbx).look(ask.to.reveal());
        let waived = self.override_for(now, &number.dialed, purpose.as_deref(), caller);
        let facts = CallFacts { waived: waived.clone(), ..self.dial_facts(&ask) };
        let Asked { dialed, list_key, place, ruling } =
            self.ask_gate(now, number, purpose.as_deref(), &facts);
        let ask = DialAsk { purpose, ..ask };
        match ruling {
            Ruling::Exempt(exemption) => {
                let right = peer.is_none().then_some(DialRight::Exempt(exemption));
                self.ring_agent(now, key, ask, right, out);
            }
            Ruling::Decided(decided) => match (decided.verdict, peer) {
                (Verdict::Deny, _) => {
                    self.dial_denied(now, key, &ask, decided, dialed, list_key, out);
                }
                (Verdict::Allow, Some(_)) => self.ring_agent(now, key, ask, None, out),
                (Verdict::Allow, None) => {
                    self.use_override(now, waived.as_ref(), &decided, (None, None), out);
                    self.permit_dial(now, key, ask, decided, &dialed, place, out);
                }
            },
        }
    }

    fn dial_parts(&mut self, now: Now, ask: &DialAsk, dialed: &Dialed) -> DecisionParts {
        DecisionParts {
            id: self.decision_id(now),
            call_id: None,
            purpose: ask.purpose.clone(),
            to: self.desk_parties.with(ask.to.reveal(), "", dialed),
            device: short_device(&ask.device).to_owned(),
            next_allowed_at: None,
            facts: self.dial_facts(ask),
        }
    }

    /// What the command says of its call. What the callee will see is known when the INVITE comes;
    /// where none does, never.
    fn dial_facts(&self, ask: &DialAsk) -> CallFacts {
        let switch = self.config.switches.get(usize::from(ask.pbx.0));
        let comes_by = switch.is_some_and(|switch| switch.peer.is_some());
        let caller = if comes_by { ShownCaller::Later } else { ShownCaller::Unknown };
        CallFacts { caller, ..ask.topic.clone().into() }
    }

    /// Denied: the desk is told when the same call would be allowed.
    #[allow(clippy::too_many_arguments)] // one refusal and its question
    fn dial_denied(
        &mut self,
        now: Now,
        key: CommandKey,
        ask: &DialAsk,
        decided: Decided,
        dialed: Dialed,
        list_key: Option<NumberRef>,
        out: &mut Outputs,
    ) {
        let parts = self.dial_parts(now, ask, &dialed);
        self.commands.dials.next_ask += 1;
        let id = AskId(OURS | self.commands.dials.next_ask);
        out.explain.push(self.explain_job(now, id, &parts, dialed, list_key));
        let deadline = now.mono.after(EXPLAIN_WAIT);
        self.commands.dials.refused.insert(id, Refusal { key, decided, parts, deadline });
    }

    /// The explainer's answer, if it is about a dial of a desk.
    pub(super) fn dial_explained(
        &mut self,
        now: Now,
        answer: &Explained,
        out: &mut Outputs,
    ) -> bool {
        let Some(refusal) = self.commands.dials.refused.remove(&answer.ask) else {
            return answer.ask.0 & OURS != 0; // it came too late
        };
        self.tell_dial_denied(now, refusal, answer.next_allowed_at.clone(), out);
        true
    }

    fn tell_dial_denied(
        &mut self,
        now: Now,
        refusal: Refusal,
        next_allowed_at: Option<String>,
        out: &mut Outputs,
    ) {
        let Refusal { key, decided, mut parts, .. } = refusal;
        let error = CommandError {
            decision_id: Some(parts.id),
            next_allowed_at: next_allowed_at.clone(),
            ..CommandError::plain(Code::PolicyDenied, format!("rule {}", decided.denying_rule()))
        };
        parts.next_allowed_at = next_allowed_at;
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        let detail = Detail { caused_by: Some(Box::new(key.id)), ..Detail::default() };
        self.emit(now, K::OutboundDenied, entity, detail, out);
        self.command_failed(now, &key, error, out);
    }

    /// Nobody asks the gate again on the way: the decision is made and journaled here.
    #[allow(clippy::too_many_arguments)] // one decision and its question
    fn permit_dial(
        &mut self,
        now: Now,
        key: CommandKey,
        ask: DialAsk,
        mut decided: Decided,
        dialed: &Dialed,
        place: Option<Place>,
        out: &mut Outputs,
    ) {
        let parts = self.dial_parts(now, &ask, dialed);
        let (id, call) = (parts.id, self.ids.call(now));
        let permit = decided.permit(id, call, now.wall);
        let noted = self.note_attempt(now, place, &parts);
        let entity = Entity::Decision(Box::new(decided.into_decision(parts)));
        let detail = Detail { caused_by: Some(Box::new(key.id)), ..noted };
        let pos = self.emit(now, K::OutboundAllowed, entity, detail, out);
        let Some(permit) = permit else {
            let error = CommandError::plain(Code::Internal, "the decision has run out");
            return self.command_failed(now, &key, error, out);
        };
        self.commands.dials.permits.insert(key.clone(), permit.wait(pos));
        self.note_dial(now, key.clone(), ask);
        if let Some(dial) = self.commands.dials.open.get_mut(&key) {
            dial.decision = place.map(|place| (id, place));
        }
    }

    /// Permits that are durable.
    pub(super) fn dials_durable(&mut self, now: Now, through: Pos, out: &mut Outputs) {
        let permits = &self.commands.dials.permits;
        let ready = permits.iter().filter(|(_, waiting)| waiting.pos() <= through);
        let ready: Vec<CommandKey> = ready.map(|(key, _)| key.clone()).collect();
        for key in ready {
            let Some(waiting) = self.commands.dials.permits.remove(&key) else { continue };
            match waiting.release(through, now.wall) {
                Ok(permit) => self.originate(now, key, DialRight::Committed(permit), out),
                Err(_) => {
                    let error = CommandError::plain(Code::Internal, "the decision has run out");
                    self.command_failed(now, &key, error, out);
                }
            }
        }
    }

    /// The one place where a call leaves a PBX whose calls do not pass our trunk: it takes a right
    /// and uses it up.
    fn originate(&mut self, now: Now, key: CommandKey, right: DialRight, out: &mut Outputs) {
        match right {
            DialRight::Committed(_) | DialRight::Exempt(_) => self.order_dial(now, key, out),
        }
    }

    fn ring_agent(
        &mut self,
        now: Now,
        key: CommandKey,
        ask: DialAsk,
        right: Option<DialRight>,
        out: &mut Outputs,
    ) {
        self.note_dial(now, key.clone(), ask);
        match right {
            Some(right) => self.originate(now, key, right, out),
            // The customer's INVITE asks the gate again, and gets its right there.
            None => self.order_dial(now, key, out),
        }
    }

    fn note_dial(&mut self, now: Now, key: CommandKey, ask: DialAsk) {
        let ring = Duration::from_secs(ask.ring_s.into());
        let mark = self.ids.uuid(now).to_string();
        let channel = ChannelId(self.ids.uuid(now).to_string().into());
        let deadline = now.mono.after(ring).after(SETUP_WAIT);
        let dial = Dial { ask, mark, channel, deadline, call: None, decision: None };
        self.commands.dials.open.insert(key, dial);
    }

    fn order_dial(&mut self, now: Now, key: CommandKey, out: &mut Outputs) {
        let Some(dial) = self.commands.dials.open.get(&key) else { return };
        let pbx = dial.ask.pbx;
        let order = Order::Dial {
            channel: dial.channel.clone(),
            device: dial.ask.device.clone(),
            to: dial.ask.to.clone(),
            mark: dial.mark.clone(),
            purpose: dial.ask.purpose.clone(),
            ring_s: dial.ask.ring_s,
        };
        if !self.give_order(now, pbx, order, OrderFor::Command(key.clone()), out) {
            let error = CommandError::plain(Code::SwitchUnavailable, "no link is up");
            self.command_failed(now, &key, error, out);
        }
    }

    /// An INVITE of this PBX with that mark: the purpose of the dial it belongs to.
    pub(super) fn dial_purpose(&self, peer: PeerId, mark: Option<&str>) -> Option<String> {
        let (_, dial) = self.dial_of(peer, mark?)?;
        dial.ask.purpose.clone()
    }

    /// What the command says of a call with that mark.
    pub(super) fn dial_topic(&self, peer: PeerId, mark: Option<&str>) -> Option<CallTopic> {
        let (_, dial) = self.dial_of(peer, mark?)?;
        Some(dial.ask.topic.clone())
    }

    /// The decision that a call comes of, from its next event on.
    pub(super) fn decided_by(&mut self, call: CallId, decision: DecisionId) {
        if let Some(entry) = self.table.entry(call) {
            entry.machine.annotate(|call| call.decision_id = Some(decision));
        }
    }

    /// The decision that lets a leg of this call out to that number, once.
    pub(super) fn dial_decision(
        &mut self,
        call: CallId,
        number: Option<NumberRef>,
    ) -> Option<DecisionId> {
        let (_, place) = self.commands.dials.decided.get(&call)?;
        if Some(place.number) != number {
            return None;
        }
        self.commands.dials.decided.remove(&call).map(|(decision, _)| decision)
    }

    /// The call in which the phone of a dial waits for its customer's INVITE: this one.
    pub(super) fn dial_that_waits(&self, peer: PeerId, mark: Option<&str>) -> Option<CallId> {
        let (_, dial) = self.dial_of(peer, mark?)?;
        dial.call.filter(|call| self.table.get(*call).is_some_and(|e| e.machine.awaits_invite()))
    }

    /// The call that the trunk has already seen of the dial for which this channel was called: the
    /// link is behind.
    pub(super) fn call_ahead_of(&self, id: &ChannelId) -> Option<CallId> {
        let mut calls = self.commands.dials.calls.iter();
        let call = calls.find(|(_, (_, channel))| channel == id).map(|(call, _)| *call)?;
        let caller = self.table.get(call)?.machine.call().legs.first()?;
        (caller.role == LegRole::Trunk && caller.channel.is_none()).then_some(call)
    }

    /// Whom a desk has this channel called for, and why.
    pub(super) fn dialled_by_desk(&self, id: &ChannelId) -> Option<(Dialed, &DialAsk)> {
        let (_, dial) = self.commands.dials.open.iter().find(|(_, dial)| dial.channel == *id)?;
        let plan = self.plan_of_pbx(dial.ask.pbx);
        Some((plan.read(dial.ask.to.reveal()), &dial.ask))
    }

    /// A mark is believed only from the PBX that was given it.
    fn dial_of(&self, peer: PeerId, mark: &str) -> Option<(&CommandKey, &Dial)> {
        let (key, dial) = self.commands.dials.by_mark(mark)?;
        let switch = self.config.switches.get(usize::from(dial.ask.pbx.0))?;
        (switch.peer == Some(peer)).then_some((key, dial))
    }

    /// The customer's INVITE of a dial has come to the trunk as this call.
    pub(super) fn join_dial(&mut self, peer: PeerId, mark: Option<&str>, call: CallId) {
        let found = mark.and_then(|mark| self.dial_of(peer, mark)).map(|(key, _)| key.clone());
        if let Some(key) = found {
            self.dial_became(&key, call);
        }
    }

    fn dial_became(&mut self, key: &CommandKey, call: CallId) {
        let Some(dial) = self.commands.dials.open.get_mut(key) else { return };
        if dial.call != Some(call) {
            dial.call = Some(call);
            let came_of = (key.id, dial.channel.clone());
            let decided = dial.decision.take();
            if let Some((decision, place)) = decided {
                self.commands.dials.decided.insert(call, (decision, place));
                self.decided_by(call, decision);
            }
            self.commands.dials.calls.insert(call, came_of);
            self.command_call(key, call);
        }
    }

    /// What an event of a call means for the dial it came of: before the event is told, so that
    /// it names its command.
    pub(super) fn watch_dials(&mut self, call: &Call) {
        if self.commands.dials.open.is_empty() {
            return;
        }
        // A leg that has moved into the call on the trunk says nothing of the one it left.
        let here = call.legs.iter().filter(|leg| leg.ended.is_none());
        let channels = here.filter_map(|leg| leg.channel.as_ref());
        let ours = |dial: &Dial| channels.clone().any(|c| c.id == dial.channel.0);
        let found = self.commands.dials.open.iter().find(|(_, dial)| ours(dial));
        if let Some(key) = found.map(|(key, _)| key.clone()) {
            self.dial_became(&key, call.id);
        }
    }

    /// After an event of a call: is the dial done, or has it failed?
    pub(super) fn judge_dials(&mut self, now: Now, kind: K, call: &Arc<Call>, out: &mut Outputs) {
        if self.commands.dials.is_empty() {
            return;
        }
        let open = &self.commands.dials.open;
        let key = open.iter().find(|(_, d)| d.call == Some(call.id)).map(|(key, _)| key.clone());
        if let Some(key) = key {
            let outside = |role| matches!(role, LegRole::Customer | LegRole::External);
            let live = |state| !matches!(state, ConnectionState::Null | ConnectionState::Fail);
            let called = call.legs.iter().any(|leg| outside(leg.role) && live(leg.state));
            if called && kind != K::OutboundRequested {
                self.commands.dials.open.remove(&key);
                self.command_done(now, &key, CommandStatus::Ok, None, out);
            } else if matches!(kind, K::CallFailed | K::CallCleared) && !has_moved(call) {
                let error = failure(call);
                self.commands.dials.open.remove(&key);
                self.command_failed(now, &key, error, out);
            }
        }
        if kind == K::CallCleared {
            self.commands.dials.calls.remove(&call.id);
            if let Some((decision, _)) = self.commands.dials.decided.remove(&call.id) {
                self.ledger.release(decision); // nobody outside was called
            }
        }
    }

    pub(super) fn dials_tick(&mut self, now: Now, out: &mut Outputs) {
        let late: Vec<AskId> = self
            .commands
            .dials
            .refused
            .iter()
            .filter(|(_, r)| r.deadline <= now.mono)
            .map(|(ask, _)| *ask)
            .collect();
        for ask in late {
            if let Some(refusal) = self.commands.dials.refused.remove(&ask) {
                self.tell_dial_denied(now, refusal, None, out);
            }
        }
        let open = &self.commands.dials.open;
        let late = open.iter().filter(|(_, dial)| dial.deadline <= now.mono);
        let late: Vec<CommandKey> = late.map(|(key, _)| key.clone()).collect();
        for key in late {
            let error = CommandError::plain(Code::Timeout, "nobody outside was called in time");
            self.command_failed(now, &key, error, out);
        }
    }
}

/// The agent's leg goes on in another call: that of the customer, on the trunk.
fn has_moved(call: &Call) -> bool {
    call.cause.as_ref().is_some_and(|c| c.csta == CstaCause::Transfer)
}

/// Why a call that a desk asked for came to nothing.
fn failure(call: &Call) -> CommandError {
    let cause = call.cause.as_ref().or(call.legs.iter().find_map(|leg| leg.cause.as_deref()));
    let denied = cause.is_some_and(|c| c.csta == CstaCause::PolicyDenied);
    let code = if denied { Code::PolicyDenied } else { Code::SwitchRejected };
    let text = cause.map_or("the call was not made", |c| crate::model::Named::name(c.csta));
    CommandError {
        sip_status: cause.and_then(|c| c.sip_status),
        q850: cause.and_then(|c| c.q850),
        decision_id: call.decision_id.filter(|_| denied),
        ..CommandError::plain(code, text)
    }
}
