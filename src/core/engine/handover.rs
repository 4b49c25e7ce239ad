//! A consultation is handed over when the receiver's desktop has the call's data.
//!
//! The event that shows a call's data to who is asked for advice names the agent in
//! `confirm_by`. The desktop's socket answers the heartbeat that follows it, and with that the
//! position which the desktop has applied comes here: a desktop cannot forget to confirm, and
//! cannot confirm what it has not read.

use super::commands::{CommandKey, refused};
use super::control::Refused;
use super::input::Outputs;
use super::people::TransferBarrier;
use super::request::CommandRequest;
use super::writer::Engine;
use crate::gate::Dialed;
use crate::hub::Role;
use crate::model::{
    Call, CallId, CommandCode as Code, CommandError, CommandOp as Op, DeskPresence, Detail,
    EventKind as K, Leg, LegId, LegRole, Moment, Mono, Now, Pii, Pos, Waiver,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longest reason of an override; the rest is cut.
const REASON_BYTES_MAX: usize = 256;
const ALLOWED: &str = "go on with the consultation and try again, or let a supervisor complete it \
                       with args.override and args.reason";

type LegKey = (CallId, LegId);

/// What was shown to who is asked for advice.
struct Shown {
    agent: Option<Arc<str>>,
    /// Event that shows it.
    needs: Pos,
    data: BTreeMap<String, Pii<String>>,
    /// Somebody has taken it upon himself.
    waived: bool,
}

/// Consultations and what waits for them.
#[derive(Default)]
pub(super) struct Handovers {
    shown: BTreeMap<LegKey, Shown>,
    /// Calls that were made to ask about another.
    advice: BTreeMap<CallId, CallId>,
    /// Calls about which somebody of the house is to be asked, by a command: no leg of whom was
    /// seen yet.
    sought: BTreeSet<CallId>,
    /// Commands that wait for a desktop, and until when.
    held: BTreeMap<CommandKey, Mono>,
    /// What was shown by an earlier run stands before this.
    floor: Pos,
    /// To be told when all that led to it has been told.
    unconfirmed: Vec<(CallId, Option<LegId>, String)>,
    /// Calls whose values have changed.
    changed: Vec<CallId>,
}

impl Handovers {
    pub(super) fn new(floor: Pos) -> Self {
        Self { floor, ..Self::default() }
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.held.values().min().copied()
    }

    /// The party at a leg is in another call now.
    pub(super) fn moved(&mut self, from: LegKey, to: LegKey) {
        if let Some(shown) = self.shown.remove(&from) {
            self.shown.insert(to, shown);
        }
    }

    fn of_call(&self, call: CallId) -> impl Iterator<Item = (&LegKey, &Shown)> {
        let (first, last) = ((call, LegId(0)), (call, LegId(u8::MAX)));
        self.shown.range(first..=last)
    }
}

fn unseen() -> CommandError {
    let msg = "no telephone of who is asked was seen yet";
    CommandError::plain(Code::NotSynced, msg)
}

fn is_receiver(leg: &&Leg) -> bool {
    leg.role == LegRole::Consult && leg.ended.is_none()
}

/// Everything that is attached to the call was shown.
fn covers(shown: &BTreeMap<String, Pii<String>>, call: &Call) -> bool {
    call.data.iter().all(|(key, value)| shown.get(key) == Some(value))
}

impl Engine {
    /// Where nobody is an agent there are no desktops to speak of.
    fn watches_handovers(&self) -> bool {
        self.config.people.barrier != TransferBarrier::Off && !self.roster.is_empty()
    }

    /// The event at `pos` shows the call to those who are asked for advice, perhaps anew.
    pub(super) fn show_receivers(&mut self, pos: Pos, call: &Call, detail: &mut Detail) {
        if !self.watches_handovers() {
            return;
        }
        for leg in call.legs.iter().filter(is_receiver) {
            let about = self.handovers.advice.get(&call.id).copied();
            self.handovers.sought.remove(&about.unwrap_or(call.id));
            let key = (call.id, leg.id);
            let known = self.handovers.shown.get(&key);
            if known.is_some_and(|shown| covers(&shown.data, call)) {
                continue;
            }
            let waived = known.is_some_and(|shown| shown.waived);
            let (agent, data) = (leg.agent.clone(), call.data.clone());
            detail.confirm_by.extend(agent.clone());
            self.handovers.shown.insert(key, Shown { agent, needs: pos, data, waived });
        }
    }

    /// What an event of a call means for consultations.
    pub(super) fn watch_handovers(&mut self, kind: K, call: &Call, leg: Option<LegId>) {
        let id = call.id;
        match kind {
            K::CallDataUpdated => self.handovers.changed.push(id),
            K::CallTransferred => self.judge_handover(call),
            K::CallRetrieved => drop(self.handovers.sought.remove(&id)),
            K::CallConnectionCleared => {
                if let Some(leg) = leg {
                    self.handovers.shown.remove(&(id, leg));
                }
            }
            K::CallCleared => {
                self.handovers.sought.remove(&id);
                self.handovers.shown.retain(|(call, _), _| *call != id);
                self.handovers.advice.retain(|asks, about| *asks != id && *about != id);
            }
            _ => {} // no other event ends or changes a consultation
        }
    }

    /// The call has a new agent: by a command, by keys, or because the old one hung up.
    fn judge_handover(&mut self, call: &Call) {
        let mut late = Vec::new();
        for (key, shown) in self.handovers.of_call(call.id) {
            if !shown.waived
                && let Err(why) = self.confirmed(shown.agent.as_ref(), Some(shown), call)
            {
                late.push((key.0, Some(key.1), why.msg));
            }
        }
        if self.handovers.sought.remove(&call.id) {
            late.push((call.id, None, unseen().msg));
        }
        self.handovers.shown.retain(|(id, _), _| *id != call.id);
        self.handovers.unconfirmed.append(&mut late);
    }

    /// Tells what earlier events of the same input have led to.
    pub(super) fn handovers_settle(&mut self, now: Now, out: &mut Outputs) {
        for (call, leg, reason) in std::mem::take(&mut self.handovers.unconfirmed) {
            let waiver = Waiver { by: String::new(), reason };
            self.tell_unconfirmed(now, call, leg, waiver, out);
        }
        for about in std::mem::take(&mut self.handovers.changed) {
            let asks = self.handovers.advice.iter().filter(|(_, x)| **x == about);
            let asks: Vec<CallId> = asks.map(|(asks, _)| *asks).collect();
            let data = self.table.get(about).map(|entry| entry.machine.call().data.clone());
            for call in asks {
                let data = data.clone().unwrap_or_default();
                let at = Moment::own(now);
                self.feed_machine(now, call, out, |m, facts| m.follow(at, &data, facts));
            }
        }
    }

    fn tell_unconfirmed(
        &mut self,
        now: Now,
        call: CallId,
        leg: Option<LegId>,
        waiver: Waiver,
        out: &mut Outputs,
    ) {
        let waiver = Some(Box::new(waiver));
        let detail = Detail { leg, waiver, ..Detail::default() };
        self.feed_machine(now, call, out, |machine, facts| {
            machine.say(K::CallTransferUnconfirmed, detail, facts);
        });
    }

    /// `call` is made to ask about another: what is known there is known here.
    pub(super) fn asks_about(&mut self, call: CallId, about: CallId) {
        let Some(from) = self.table.get(about).map(|entry| entry.machine.shared()) else { return };
        if let Some(entry) = self.table.entry(call) {
            entry.machine.take_over(&from);
            self.handovers.advice.insert(call, about);
        }
    }

    /// Who is asked about a call, in it or in a call of its own.
    fn receivers(&self, call: &Arc<Call>) -> Vec<(Arc<Call>, LegKey)> {
        let asks = self.handovers.advice.iter().filter(|(_, about)| **about == call.id);
        let others = asks.filter_map(|(id, _)| Some(self.table.get(*id)?.machine.shared()));
        let legs = std::iter::once(call.clone()).chain(others).flat_map(|call| {
            let keys: Vec<LegKey> =
                call.legs.iter().filter(is_receiver).map(|leg| (call.id, leg.id)).collect();
            keys.into_iter().map(move |key| (call.clone(), key))
        });
        legs.collect()
    }

    /// The desktop of who is asked has what is attached to the call, or why not.
    fn confirmed(
        &self,
        agent: Option<&Arc<str>>,
        shown: Option<&Shown>,
        about: &Call,
    ) -> Result<(), CommandError> {
        let none = |msg: String| Err(CommandError::plain(Code::NoDesk, msg));
        let Some(agent) = agent else {
            return none("no agent of the site is at the receiver's device".to_owned());
        };
        let seat = self.roster.named(agent);
        let online = seat.and_then(|at| self.roster.agent(at)).map(|agent| agent.desk);
        if online != Some(DeskPresence::Online) {
            return none(format!("no desktop of agent {agent} is connected"));
        }
        let needs = shown.map_or(self.handovers.floor, |shown| shown.needs);
        let all = shown.is_none_or(|shown| covers(&shown.data, about));
        let applied = seat.map_or(Pos(0), |at| self.roster.applied(at));
        if all && applied >= needs {
            return Ok(());
        }
        let msg = format!("the desktop of agent {agent} has not confirmed the call's data");
        Err(CommandError::plain(Code::NotSynced, msg))
    }

    /// Why a call cannot be handed over yet.
    fn unready(&self, call: &Arc<Call>) -> Option<CommandError> {
        let not_ready = |(its, key): &(Arc<Call>, LegKey)| {
            let agent = its.leg(key.1).and_then(|leg| leg.agent.as_ref());
            self.confirmed(agent, self.handovers.shown.get(key), call).err()
        };
        let receivers = self.receivers(call);
        let sought = receivers.is_empty() && self.handovers.sought.contains(&call.id);
        receivers.iter().find_map(not_ready).or_else(|| sought.then(unseen))
    }

    /// A command asks somebody about a call: who is in the house will show a leg.
    pub(super) fn seeks(&mut self, request: &CommandRequest) {
        let plan = self.plan_of_command(request);
        let inside = || match plan.read(request.args.to.reveal()) {
            Dialed::Number(_) | Dialed::Emergency(_) => false,
            Dialed::Internal(_) | Dialed::Short(_) | Dialed::Invalid(_) => true,
        };
        if request.op == Op::CallTransferConsult
            && self.watches_handovers()
            && inside()
            && let Some(call) = request.target.call
        {
            self.handovers.sought.insert(call);
        }
    }

    /// Whether a transfer may be completed: not towards an agent without a desktop.
    pub(super) fn check_handover(
        &self,
        request: &CommandRequest,
        call: &Arc<Call>,
    ) -> Result<(), Refused> {
        if request.op != Op::CallTransferComplete {
            return Ok(());
        }
        if request.args.r#override {
            let role = request.who.role;
            if role == Role::Agent && !self.config.people.agents_override {
                return Err(refused(Code::Forbidden, "args.override needs the role supervisor"));
            }
            if request.args.reason.trim().is_empty() {
                return Err(refused(Code::BadRequest, "args.override needs args.reason"));
            }
            return Ok(());
        }
        if self.config.people.barrier != TransferBarrier::Hold || self.roster.is_empty() {
            return Ok(());
        }
        match self.unready(call).filter(|why| why.code == Code::NoDesk) {
            Some(why) => Err(refused(Code::NoDesk, &format!("{}: {ALLOWED}", why.msg))),
            None => Ok(()),
        }
    }

    /// The command waits for the receiver's desktop: `true`, and it is kept until then.
    pub(super) fn is_held_back(
        &mut self,
        now: Now,
        key: &CommandKey,
        request: &CommandRequest,
    ) -> bool {
        let hold = self.config.people.barrier == TransferBarrier::Hold;
        let hold = hold && !self.roster.is_empty();
        if request.op != Op::CallTransferComplete || !hold || request.args.r#override {
            return false;
        }
        let call = request.target.call.and_then(|id| self.table.get(id));
        let Some(call) = call.map(|entry| entry.machine.shared()) else { return false };
        if self.unready(&call).is_none() {
            return false;
        }
        let mut until = now.mono.after(self.config.people.confirm_within);
        if let Some(not_after) = self.commands.not_after(key) {
            let left = std::time::Duration::from_millis(not_after.ms_since(now.wall));
            until = until.min(now.mono.after(left));
        }
        self.handovers.held.entry(key.clone()).or_insert(until);
        true
    }

    /// The time in which a desktop could have confirmed is over.
    pub(super) fn held_too_long(&mut self, now: Now, key: &CommandKey) -> Option<CommandError> {
        let until = self.handovers.held.get(key)?;
        if *until > now.mono {
            return None;
        }
        self.handovers.held.remove(key);
        let within = self.config.people.confirm_within.as_millis();
        let msg =
            format!("the receiver's desktop has not confirmed the call's data in {within} ms");
        Some(CommandError::plain(Code::NotSynced, format!("{msg}: {ALLOWED}")))
    }

    /// A command does not wait any more.
    pub(super) fn release(&mut self, key: &CommandKey) {
        self.handovers.held.remove(key);
    }

    /// Somebody takes it upon himself that the receiver's desktop has not confirmed.
    pub(super) fn waive(&mut self, now: Now, request: &CommandRequest, out: &mut Outputs) {
        if request.op != Op::CallTransferComplete || !request.args.r#override {
            return;
        }
        let call = request.target.call.and_then(|id| self.table.get(id));
        let Some(call) = call.map(|entry| entry.machine.shared()) else { return };
        if self.unready(&call).is_none() {
            return; // there was nothing to wait for
        }
        let reason = request.args.reason.trim();
        let reason = reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].to_owned();
        let waiver = || Waiver { by: request.who.user.clone(), reason: reason.clone() };
        if self.handovers.sought.remove(&call.id) {
            self.tell_unconfirmed(now, call.id, None, waiver(), out);
        }
        for (_, key) in self.receivers(&call) {
            if let Some(shown) = self.handovers.shown.get_mut(&key) {
                shown.waived = true;
            }
            self.tell_unconfirmed(now, key.0, Some(key.1), waiver(), out);
        }
    }

    /// A desktop of the agent has applied everything up to `pos`.
    pub(super) fn applied(&mut self, now: Now, agent: &str, pos: Pos, out: &mut Outputs) {
        if let Some(at) = self.roster.named(agent) {
            self.roster.note_applied(at, pos);
            self.retry_held(now, out);
        }
    }

    /// Commands that wait: for a desktop, or for their end.
    pub(super) fn retry_held(&mut self, now: Now, out: &mut Outputs) {
        let waiting: Vec<CommandKey> = self.handovers.held.keys().cloned().collect();
        for key in waiting {
            self.carry_out(now, key, out);
        }
    }
}
