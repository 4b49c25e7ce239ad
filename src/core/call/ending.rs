//! How a call ends: BYE, refusal, failure, silence.

use super::cause::{ReasonText, cause_of_bye, cause_of_cancel};
use super::input::{Fact, Party2};
use super::legs::is_inbound;
use super::machine::{CALLEE, CALLER, CallMachine};
use crate::model::{
    Arrival, Cause, ConnectionState as S, CstaCause, EventKind as K, Leg, LegRole, Moment, Now,
    Released, Repair, TimeQuality,
};

impl CallMachine {
    pub(super) fn bye(
        &mut self,
        now: Now,
        by: Party2,
        reason: Option<ReasonText>,
        arrival: Arrival,
        out: &mut Vec<Fact>,
    ) {
        if self.call.answered.is_none() {
            // BYE in an early dialog (RFC 3261 §15): the INVITE's 487 follows.
            self.cancelled.get_or_insert_with(|| Box::new((reason, arrival)));
            return;
        }
        let at = Moment::measured(arrival, now);
        let released = self.released_by(by.index());
        let mut cause = cause_of_bye(reason.as_ref());
        if self.transferred && cause.csta == CstaCause::NormalClearing {
            cause.csta = CstaCause::Transfer;
        }
        if by.index() == CALLER && is_inbound(&self.call) && self.is_unserved() {
            self.emit(K::CallAbandoned, self.detail(CALLER, None, Some(at)), out);
        }
        self.end(at, released, cause, by.index(), out);
    }

    /// A control link has shown where the caller is, and that no agent has answered: the PBX's own
    /// answer for a queue or menu is none. The trunk alone cannot tell.
    fn is_unserved(&self) -> bool {
        let agent = |l: &&Leg| l.role.is_inside() && l.channel.is_some();
        let mut agents = self.call.legs.iter().filter(agent).peekable();
        let shown = self.call.queue.is_some() || agents.peek().is_some();
        shown && agents.all(|l| l.answered.is_none())
    }

    pub(super) fn rejected(
        &mut self,
        now: Now,
        cause: Cause,
        local: bool,
        arrival: Arrival,
        out: &mut Vec<Fact>,
    ) {
        if self.call.answered.is_some() {
            return; // a fork was refused after another answered
        }
        if let Some(cancelled) = self.cancelled.take() {
            let (reason, cancelled_at) = *cancelled;
            let at = Moment::measured(cancelled_at, now);
            let released = self.released_by(CALLER);
            self.count_ring(at.pbx_time);
            self.edit().released_by = Some(released);
            self.edit().cause = Some(cause_of_cancel(reason.as_ref()));
            if is_inbound(&self.call) {
                self.emit(K::CallAbandoned, self.detail(CALLER, Some(487), Some(at)), out);
            }
            let cause = cause_of_cancel(reason.as_ref());
            return self.end(at, released, cause, CALLER, out);
        }
        let at = if local { Moment::own(now) } else { Moment::measured(arrival, now) };
        let released = match (local, cause.csta) {
            (true, CstaCause::PolicyDenied) => Released::System,
            (true, _) => Released::Network,
            (
                false,
                CstaCause::Busy
                | CstaCause::CallRejected
                | CstaCause::CallNotAnswered
                | CstaCause::DestNotObtainable,
            ) => self.released_by(CALLEE),
            (false, _) => Released::Network,
        };
        self.fail(at, released, cause, out);
    }

    pub(super) fn denied(&mut self, now: Now, status: u16, text: String, out: &mut Vec<Fact>) {
        let (csta, text) = (CstaCause::PolicyDenied, text.into());
        let cause = Cause { csta, sip_status: Some(status), q850: Some(21), text };
        self.fail(Moment::own(now), Released::System, cause, out);
    }

    pub(super) fn fail(
        &mut self,
        at: Moment,
        released: Released,
        cause: Cause,
        out: &mut Vec<Fact>,
    ) {
        let status = cause.sip_status;
        self.whose_phone();
        self.count_ring(at.pbx_time);
        self.edit().state = S::Fail;
        self.edit().cause = Some(cause.clone());
        self.edit().released_by = Some(released);
        if self.originated() {
            self.edit().legs[CALLEE].state = S::Fail;
            self.edit().legs[CALLEE].since = at.pbx_time;
        }
        let leg = if self.originated() { CALLEE } else { CALLER };
        self.emit(K::CallFailed, self.detail(leg, status, Some(at)), out);
        self.end(at, released, cause, CALLEE, out);
    }

    /// A refusal may be quicker than the link that would show the caller's leg: a device of an
    /// agent is the agent's all the same.
    fn whose_phone(&mut self) {
        let caller = &self.call.legs[CALLER];
        let known = caller.role == LegRole::Trunk && caller.agent.is_some();
        if known && !is_inbound(&self.call) {
            self.edit().legs[CALLER].role = LegRole::Agent;
        }
    }

    pub(super) fn stale(&mut self, now: Now, out: &mut Vec<Fact>) {
        let at = Moment { quality: TimeQuality::Reconciled, ..Moment::own(now) };
        if self.drop_untold(at) {
            return;
        }
        let cause = Cause::plain(CstaCause::LostSync);
        let from = out.len();
        self.edit().released_by = Some(Released::System);
        self.edit().cause = Some(cause.clone());
        for index in 0..self.call.legs.len() {
            if self.call.legs[index].ended.is_none() {
                self.clear(at, index, cause.clone(), out);
            }
        }
        self.finish(at, out);
        for fact in &mut out[from..] {
            fact.detail.repair = Some(Repair::StaleCallClosed);
        }
    }

    /// Clears the legs, `first` before the other, then the call.
    pub(super) fn end(
        &mut self,
        at: Moment,
        released: Released,
        cause: Cause,
        first: usize,
        out: &mut Vec<Fact>,
    ) {
        self.count_hold(at.pbx_time);
        self.count_talk(&at);
        self.edit().released_by = Some(released);
        self.edit().cause = Some(cause.clone());
        for index in [first, CALLEE - first] {
            if index == CALLEE && !self.originated() {
                continue; // that party was never asked
            }
            if self.call.legs[index].ended.is_none() {
                self.clear(at, index, cause.clone(), out);
            }
        }
        self.trunk_ended(at, out);
    }
}
