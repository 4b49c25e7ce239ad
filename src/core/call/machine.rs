//! One call.

use super::cause::{ReasonText, cause_of_bye, cause_of_cancel, cause_of_status};
use super::input::{CallInput, Fact, Party2, Settings, Start};
use crate::model::{
    AlertingBasis, Arrival, Call, Cause, ConnectionState as S, CstaCause, Detail, Direction,
    EventKind as K, Leg, LegId, LegRole, Moment, Now, Released, Repair, ServiceBasis, TimeQuality,
    Wall,
};

/// The party that sent the INVITE.
const CALLER: usize = 0;
/// The party that was asked for.
const CALLEE: usize = 1;

/// The machine of one call.
#[derive(Clone, Debug)]
pub struct CallMachine {
    call: Call,
    ring_period_ms: u32,
    cancelled: Option<(Option<ReasonText>, Arrival)>,
    held_since: Option<Wall>,
    /// Live before a restart: what was missed may be learnt from later signalling.
    restored: bool,
    /// No event since the restart yet.
    silent: bool,
}

impl CallMachine {
    /// A call whose INVITE has just been read.
    pub fn start(settings: &Settings, start: Start, now: Now) -> Self {
        let moment = Moment::measured(start.arrival, now);
        let (role, device) = match start.direction {
            Direction::Inbound => (LegRole::Customer, &start.trunk),
            Direction::Outbound | Direction::Internal => (LegRole::Trunk, &start.device),
        };
        let legs = vec![leg(1, role, device, moment.pbx_time)];
        let call = Call {
            id: start.id,
            rev: 0,
            tenant: settings.tenant.clone(),
            site: settings.site.clone(),
            direction: start.direction,
            state: S::Initiated,
            purpose: start.purpose,
            from: start.from,
            to: start.to,
            dialed: start.dialed,
            trunk: start.trunk,
            device: start.device,
            thread_id: start.id,
            dialog: start.dialog,
            started: moment,
            alerting: None,
            network_reached: None,
            answered: None,
            ended: None,
            ring_ms: None,
            wait_ms: None,
            talk_ms: None,
            hold_ms: None,
            rings: None,
            answered_in_time: None,
            service_basis: ServiceBasis::Trunk,
            released_by: None,
            cause: None,
            decision_id: None,
            legs,
        };
        Self {
            call,
            ring_period_ms: settings.ring_period_ms,
            cancelled: None,
            held_since: None,
            restored: false,
            silent: false,
        }
    }

    /// A call that was live when an earlier run ended.
    pub fn restore(settings: &Settings, call: Call) -> Self {
        let held_since =
            call.legs.iter().filter_map(|l| l.held_since.as_ref().map(|m| m.pbx_time)).min();
        Self {
            call,
            ring_period_ms: settings.ring_period_ms,
            cancelled: None,
            held_since,
            restored: true,
            silent: true,
        }
    }

    /// The entity.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Over: the machine may be dropped.
    pub fn is_over(&self) -> bool {
        self.call.is_over()
    }

    /// Takes one input; facts go to `out` in order. Input that changes nothing adds none.
    pub fn handle(&mut self, now: Now, input: CallInput, out: &mut Vec<Fact>) {
        use CallInput as I;
        if self.is_over() {
            return; // nothing revives a cleared call
        }
        let needs_callee = matches!(
            input,
            I::Provisional { .. }
                | I::Answered { .. }
                | I::MediaAgreed { .. }
                | I::Bye { .. }
                | I::Seen { .. }
        );
        if needs_callee && !self.originated() {
            return; // nobody was asked: such a message belongs to no state of this call
        }
        match input {
            I::Requested => self.emit(K::OutboundRequested, Detail::default(), out),
            I::Decided { decision } => self.call.decision_id = Some(decision),
            I::Forwarded { line } => self.forwarded(now, line, out),
            I::Provisional { status, sdp, arrival } => {
                self.provisional(Moment::measured(arrival, now), status, sdp, out);
            }
            I::Answered { tag, status, arrival } => {
                let mut at = Moment::measured(arrival, now);
                if self.restored {
                    // Its first copy may have come while this process was away.
                    at.quality = TimeQuality::Reconciled;
                }
                self.answered(at, status, tag, out);
            }
            I::CancelRequested { reason, arrival } => {
                if self.call.answered.is_none() {
                    self.cancelled = Some((reason, arrival));
                }
            }
            I::Rejected { status, phrase, reason, local, arrival } => {
                let cause = cause_of_status(status, &phrase, reason.as_ref());
                self.rejected(now, cause, local, arrival, out);
            }
            I::Denied { status, text } => self.denied(now, status, text, out),
            I::MediaAgreed { by, hold, arrival } => {
                self.media(Moment::measured(arrival, now), by, hold, out);
            }
            I::Bye { by, reason, arrival } => self.bye(now, by, reason, arrival, out),
            I::Seen { callee_tag } => self.learn_answer(now, callee_tag, out),
            I::Stale => self.stale(now, out),
        }
    }

    /// The INVITE has left: there is a callee's leg.
    fn originated(&self) -> bool {
        self.call.legs.len() > CALLEE
    }

    fn forwarded(&mut self, now: Now, line: String, out: &mut Vec<Fact>) {
        let outside = self.call.direction != Direction::Inbound;
        if outside {
            self.call.trunk.clone_from(&line);
        }
        if self.originated() {
            if outside {
                self.call.legs[CALLEE].device = line;
            }
            return; // failover: the next line is tried for the same call
        }
        let (role, device) = match self.call.direction {
            Direction::Inbound => (LegRole::Trunk, self.call.device.clone()),
            Direction::Outbound => (LegRole::Customer, line),
            Direction::Internal => (LegRole::Trunk, line),
        };
        self.call.legs.push(leg(2, role, &device, now.wall));
        let at = Some(self.call.started);
        self.emit(K::CallOriginated, self.detail(CALLER, None, at), out);
    }

    fn provisional(&mut self, at: Moment, status: u16, sdp: bool, out: &mut Vec<Fact>) {
        if self.call.answered.is_some() || self.cancelled.is_some() {
            return;
        }
        if status == 183 && sdp && self.call.network_reached.is_none() {
            self.call.network_reached = Some(at);
            self.emit(K::CallNetworkReached, self.detail(CALLEE, Some(183), Some(at)), out);
        }
        if status == 180 && self.call.alerting.is_none() {
            self.call.alerting = Some(at);
            self.call.state = S::Alerting;
            let leg = &mut self.call.legs[CALLEE];
            leg.state = S::Alerting;
            leg.alerting_basis = Some(AlertingBasis::Sip180);
            leg.alerting = Some(at);
            leg.since = at.pbx_time;
            self.emit(K::CallDelivered, self.detail(CALLEE, Some(180), Some(at)), out);
        }
    }

    fn answered(&mut self, at: Moment, status: u16, tag: String, out: &mut Vec<Fact>) {
        if self.call.answered.is_some() {
            return; // a fork or a retransmission
        }
        // A 2xx that crosses a CANCEL wins (RFC 3261 §9.1): the caller will send BYE.
        self.cancelled = None;
        self.call.dialog.callee_tag = tag;
        self.call.answered = Some(at);
        self.call.state = S::Connected;
        self.count_ring(at.pbx_time);
        for leg in &mut self.call.legs {
            leg.state = S::Connected;
            leg.since = at.pbx_time;
        }
        self.call.legs[CALLEE].answered = Some(at);
        self.emit(K::CallEstablished, self.detail(CALLEE, Some(status), Some(at)), out);
    }

    /// Mid-dialog signalling of a restored call without an answer proves one: it was missed.
    fn learn_answer(&mut self, now: Now, callee_tag: String, out: &mut Vec<Fact>) {
        if self.call.answered.is_some() || !self.restored {
            return;
        }
        self.call.dialog.callee_tag = callee_tag;
        let at =
            Moment { pbx_time: now.wall, observed_at: now.wall, quality: TimeQuality::Reconciled };
        self.cancelled = None;
        self.call.answered = Some(at);
        self.call.state = S::Connected;
        for leg in &mut self.call.legs {
            leg.state = S::Connected;
            leg.since = at.pbx_time;
        }
        self.call.legs[CALLEE].answered = Some(at);
        let mut detail = self.detail(CALLEE, None, Some(at));
        detail.repair = Some(Repair::MissedAnswerLearnt);
        self.emit(K::CallEstablished, detail, out);
    }

    fn media(&mut self, at: Moment, by: Party2, hold: bool, out: &mut Vec<Fact>) {
        let index = by.index();
        if self.call.answered.is_none() {
            return; // early media changes direction without anybody being held
        }
        if hold == (self.call.legs[index].state == S::Hold) {
            return;
        }
        let leg = &mut self.call.legs[index];
        leg.state = if hold { S::Hold } else { S::Connected };
        leg.since = at.pbx_time;
        leg.held_since = hold.then_some(at);
        let any_held = self.call.legs.iter().any(|l| l.state == S::Hold);
        self.call.state = if any_held { S::Hold } else { S::Connected };
        match (any_held, self.held_since) {
            (true, None) => self.held_since = Some(at.pbx_time),
            (false, Some(_)) => self.count_hold(at.pbx_time),
            _ => {}
        }
        let kind = if hold { K::CallHeld } else { K::CallRetrieved };
        self.emit(kind, self.detail(index, None, Some(at)), out);
    }

    fn bye(
        &mut self,
        now: Now,
        by: Party2,
        reason: Option<ReasonText>,
        arrival: Arrival,
        out: &mut Vec<Fact>,
    ) {
        if self.call.answered.is_none() {
            // BYE in an early dialog (RFC 3261 §15): the INVITE's 487 follows.
            self.cancelled.get_or_insert((reason, arrival));
            return;
        }
        let at = Moment::measured(arrival, now);
        let released = self.released_by(by.index());
        let cause = cause_of_bye(reason.as_ref());
        self.end(at, released, cause, by.index(), out);
    }

    fn rejected(
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
        if let Some((reason, cancelled_at)) = self.cancelled.take() {
            let at = Moment::measured(cancelled_at, now);
            let released = self.released_by(CALLER);
            self.count_ring(at.pbx_time);
            self.call.released_by = Some(released);
            self.call.cause = Some(cause_of_cancel(reason.as_ref()));
            let status = Some(487);
            self.emit(K::CallAbandoned, self.detail(CALLER, status, Some(at)), out);
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

    fn denied(&mut self, now: Now, status: u16, text: String, out: &mut Vec<Fact>) {
        let cause =
            Cause { csta: CstaCause::PolicyDenied, sip_status: Some(status), q850: Some(21), text };
        self.fail(Moment::own(now), Released::System, cause, out);
    }

    fn fail(&mut self, at: Moment, released: Released, cause: Cause, out: &mut Vec<Fact>) {
        let status = cause.sip_status;
        self.count_ring(at.pbx_time);
        self.call.state = S::Fail;
        self.call.cause = Some(cause.clone());
        self.call.released_by = Some(released);
        if self.originated() {
            self.call.legs[CALLEE].state = S::Fail;
            self.call.legs[CALLEE].since = at.pbx_time;
        }
        let leg = if self.originated() { CALLEE } else { CALLER };
        self.emit(K::CallFailed, self.detail(leg, status, Some(at)), out);
        self.end(at, released, cause, CALLEE, out);
    }

    fn stale(&mut self, now: Now, out: &mut Vec<Fact>) {
        let at = Moment { quality: TimeQuality::Reconciled, ..Moment::own(now) };
        let cause = Cause::plain(CstaCause::LostSync);
        let from = out.len();
        self.end(at, Released::System, cause, CALLER, out);
        for fact in &mut out[from..] {
            fact.detail.repair = Some(Repair::StaleCallClosed);
        }
    }

    /// Clears the legs, `first` before the other, then the call.
    fn end(
        &mut self,
        at: Moment,
        released: Released,
        cause: Cause,
        first: usize,
        out: &mut Vec<Fact>,
    ) {
        if self.held_since.is_some() {
            self.count_hold(at.pbx_time);
        }
        let seen = |m: &&Moment| m.quality != TimeQuality::Reconciled;
        if let Some(answered) = self.call.answered.as_ref().filter(seen)
            && seen(&&at)
        {
            // Only what was observed at both ends is a duration.
            self.call.talk_ms = Some(at.pbx_time.ms_since(answered.pbx_time));
        }
        self.call.released_by = Some(released);
        self.call.cause = Some(cause.clone());
        for index in [first, CALLEE - first] {
            if index == CALLEE && !self.originated() {
                continue; // that party was never asked
            }
            let leg = &mut self.call.legs[index];
            leg.state = S::Null;
            leg.since = at.pbx_time;
            leg.held_since = None;
            leg.ended = Some(at);
            leg.cause = Some(cause.clone());
            self.emit(K::CallConnectionCleared, self.detail(index, None, Some(at)), out);
        }
        self.call.state = S::Null;
        self.call.ended = Some(at);
        let detail = Detail { leg: None, ..self.detail(CALLER, None, Some(at)) };
        self.emit(K::CallCleared, detail, out);
    }

    /// Ring and wait end here: at the answer, or at the end of a call without one.
    fn count_ring(&mut self, end: Wall) {
        if self.call.wait_ms.is_some() {
            return;
        }
        self.call.wait_ms = Some(end.ms_since(self.call.started.pbx_time));
        if let Some(alerting) = &self.call.alerting {
            let ring_ms = end.ms_since(alerting.pbx_time);
            self.call.ring_ms = Some(ring_ms);
            let period = u64::from(self.ring_period_ms.max(1));
            self.call.rings = u32::try_from(ring_ms.div_ceil(period)).ok();
        }
    }

    fn count_hold(&mut self, end: Wall) {
        if let Some(since) = self.held_since.take() {
            let total = self.call.hold_ms.unwrap_or(0) + end.ms_since(since);
            self.call.hold_ms = Some(total);
        }
    }

    fn released_by(&self, index: usize) -> Released {
        match self.call.legs[index].role {
            LegRole::Customer | LegRole::External => Released::Customer,
            LegRole::Agent
            | LegRole::Trunk
            | LegRole::Queue
            | LegRole::Consult
            | LegRole::Supervisor => Released::Agent,
        }
    }

    fn detail(&self, leg: usize, sip_status: Option<u16>, at: Option<Moment>) -> Detail {
        Detail { leg: Some(self.call.legs[leg].id), sip_status, at, ..Detail::default() }
    }

    fn emit(&mut self, kind: K, mut detail: Detail, out: &mut Vec<Fact>) {
        if self.silent {
            // The first sign of life after a restart says so.
            self.silent = false;
            detail.repair = detail.repair.or(Some(Repair::KnownAgain));
        }
        self.call.rev += 1;
        out.push(Fact { kind, call: self.call.clone(), detail });
    }
}

fn leg(id: u8, role: LegRole, device: &str, since: Wall) -> Leg {
    Leg {
        id: LegId(id),
        role,
        device: device.to_owned(),
        state: S::Initiated,
        alerting_basis: None,
        since,
        alerting: None,
        answered: None,
        held_since: None,
        ended: None,
        cause: None,
    }
}
