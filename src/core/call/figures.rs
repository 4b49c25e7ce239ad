//! Durations, and the state of the call as a whole.

use super::input::Fact;
use super::machine::{CALLER, CallMachine};
use crate::model::{
    ConnectionState as S, Direction, EventKind as K, Leg, LegRole, Moment, Released, ServiceBasis,
    TimeQuality, Wall,
};

/// Rings within which an agent is to answer.
const RINGS_MAX: u64 = 3;

impl CallMachine {
    /// Ring and wait end here: at the answer, or at the end of a call without one.
    pub(super) fn count_ring(&mut self, end: Wall) {
        if self.call.wait_ms.is_some() {
            return;
        }
        self.edit().wait_ms = Some(top(end.ms_since(self.call.started.pbx_time)));
        if let Some(alerting) = &self.call.alerting {
            let ring_ms = end.ms_since(alerting.pbx_time);
            self.count_rings(ring_ms);
        }
    }

    fn count_rings(&mut self, ring_ms: u64) {
        self.edit().ring_ms = Some(top(ring_ms));
        let period = u64::from(self.ring_period_ms.max(1));
        self.edit().rings = u32::try_from(ring_ms.div_ceil(period)).ok();
    }

    /// The answer of a leg that a control link shows, for the figures of the call: the first
    /// answer of whoever was asked for; an agent's counts for more than that of a queue.
    pub(super) fn count_answer(&mut self, index: usize, at: Moment) {
        let leg = &self.call.legs[index];
        let serves = self.call.direction == Direction::Inbound && leg.role == LegRole::Agent;
        let better = serves && self.call.service_basis == ServiceBasis::Trunk;
        if index == CALLER || (self.call.answered.is_some() && !better) {
            return;
        }
        let alerting = leg.alerting;
        self.edit().answered = Some(at);
        if serves {
            self.edit().service_basis = ServiceBasis::Agent;
            self.edit().alerting = alerting;
        }
        if !observed(&at) {
            return;
        }
        self.edit().wait_ms = Some(top(at.pbx_time.ms_since(self.call.started.pbx_time)));
        let Some(alerting) = alerting.filter(observed) else { return };
        let ring_ms = at.pbx_time.ms_since(alerting.pbx_time);
        self.count_rings(ring_ms);
        if serves {
            self.edit().answered_in_time = Some(self.in_time(ring_ms));
        }
    }

    /// An agent's phone rang longer than the norm allows, and no agent ever answered.
    pub(super) fn count_missed(&mut self, index: usize, at: Moment) {
        let leg = &self.call.legs[index];
        let Some(alerting) = leg.alerting.filter(observed) else { return };
        let agent = leg.role == LegRole::Agent && self.call.direction == Direction::Inbound;
        let late = !self.in_time(at.pbx_time.ms_since(alerting.pbx_time));
        if agent && late && leg.answered.is_none() && self.call.answered_in_time.is_none() {
            self.edit().answered_in_time = Some(false);
        }
    }

    /// The leg rang longer than the norm allows before it answered, as far as that was observed.
    pub(super) fn is_late(&self, index: usize, answered: Moment) -> bool {
        let alerting = self.call.legs[index].alerting.filter(observed);
        let ring = alerting.map(|alerting| answered.pbx_time.ms_since(alerting.pbx_time));
        observed(&answered) && ring.is_some_and(|ring_ms| !self.in_time(ring_ms))
    }

    fn in_time(&self, ring_ms: u64) -> bool {
        let period = u64::from(self.ring_period_ms.max(1));
        ring_ms <= u64::from(self.answer_norm_ms) || ring_ms <= RINGS_MAX * period
    }

    /// Talk ends here. Only what was observed at both ends is a duration.
    pub(super) fn count_talk(&mut self, end: &Moment) {
        if self.call.talk_ms.is_none()
            && let Some(answered) = self.call.answered.filter(observed)
            && observed(end)
        {
            self.edit().talk_ms = Some(top(end.pbx_time.ms_since(answered.pbx_time)));
        }
    }

    pub(super) fn count_hold(&mut self, end: Wall) {
        if let Some(since) = self.held_since.take() {
            let before = self.call.hold_ms.unwrap_or(0);
            let total = before.saturating_add(top(end.ms_since(since)));
            self.edit().hold_ms = Some(total);
        }
    }

    /// A talking party holds the others, or takes them back.
    pub(super) fn hold(&mut self, at: Moment, index: usize, hold: bool, out: &mut Vec<Fact>) {
        let state = self.call.legs[index].state;
        let expected = if hold { S::Connected } else { S::Hold };
        if state != expected {
            return;
        }
        let leg = &mut self.edit().legs[index];
        leg.state = if hold { S::Hold } else { S::Connected };
        leg.since = at.pbx_time;
        leg.held_since = hold.then_some(at);
        self.restate(at.pbx_time);
        let kind = if hold { K::CallHeld } else { K::CallRetrieved };
        self.emit(kind, self.detail(index, None, Some(at)), out);
    }

    /// State of the call from its legs. The site's side of a trunk call says nothing once agents'
    /// legs are known, and a caller in a queue waits although its phone is connected.
    pub(super) fn restate(&mut self, at: Wall) {
        let legs = &self.call.legs;
        let any = |state| legs.iter().any(|l| l.state == state);
        let talking = |l: &&Leg| l.state == S::Connected && l.role != LegRole::Trunk;
        let talking = legs.iter().filter(talking).count();
        let held = any(S::Hold);
        let state = match () {
            () if held => S::Hold,
            () if talking > 1 => S::Connected,
            () if any(S::Alerting) => S::Alerting,
            () if any(S::Queued) => S::Queued,
            () if any(S::Connected) => S::Connected,
            () => S::Initiated,
        };
        self.edit().state = state;
        match (held, self.held_since) {
            (true, None) => self.held_since = Some(at),
            (false, Some(_)) => self.count_hold(at),
            (true, Some(_)) | (false, None) => {}
        }
    }

    pub(super) fn released_by(&self, index: usize) -> Released {
        match self.call.legs[index].role {
            LegRole::Customer | LegRole::External => Released::Customer,
            LegRole::Agent
            | LegRole::Trunk
            | LegRole::Queue
            | LegRole::Consult
            | LegRole::Supervisor => Released::Agent,
        }
    }
}

pub(super) fn observed(moment: &Moment) -> bool {
    moment.quality != TimeQuality::Reconciled
}

/// Milliseconds as a figure of a call, which stays at its top after 49 days.
fn top(ms: u64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}
