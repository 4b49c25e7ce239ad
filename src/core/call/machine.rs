//! One call.

use super::cause::{ReasonText, cause_of_status};
use super::input::{CallInput, Fact, Party2, Settings, Start};
use super::leaving::Seen;
use super::people::PeopleRules;
use crate::model::{
    AlertingBasis, Arrival, Call, ConnectionState as S, Detail, Direction, EventKind as K, Leg,
    LegId, LegRole, Moment, Now, Origin, Repair, TimeQuality, Transferred, Wall,
};
use std::sync::Arc;

/// The party that sent the INVITE.
pub(super) const CALLER: usize = 0;
/// The party that was asked for.
pub(super) const CALLEE: usize = 1;

/// The machine of one call.
#[derive(Clone, Debug)]
pub struct CallMachine {
    /// Shared with the newest event.
    pub(super) call: Arc<Call>,
    pub(super) ring_period_ms: u32,
    pub(super) answer_norm_ms: u32,
    pub(super) people: Arc<PeopleRules>,
    pub(super) cancelled: Option<Box<(Option<ReasonText>, Arrival)>>,
    pub(super) held_since: Option<Wall>,
    /// A party has left its place to another: the BYE that follows is part of it.
    pub(super) transferred: bool,
    /// Live before a restart: what was missed may be learnt from later signalling.
    restored: bool,
    /// Why the next event is marked: the first after a restart or a lost link.
    pub(super) mark: Option<Repair>,
    /// `call.originated` was told.
    pub(super) told: bool,
    /// What control links add.
    pub(super) seen: Seen,
    /// The INVITE of a call that began before it.
    invited: Option<Box<Moment>>,
}

impl CallMachine {
    /// A call whose INVITE has just been read.
    pub fn start(settings: &Settings, start: Start, now: Now) -> Self {
        let moment = Moment::measured(start.arrival, now);
        let (role, device) = match start.direction {
            Direction::Inbound => (LegRole::Customer, &start.trunk),
            Direction::Outbound | Direction::Internal => (LegRole::Trunk, &start.device),
        };
        let mut legs = Vec::with_capacity(CALLEE + 1);
        legs.push(leg(1, role, device, moment.pbx_time));
        let origin = Origin {
            id: start.id,
            tenant: settings.tenant.clone(),
            site: settings.site.clone(),
            direction: start.direction,
            purpose: start.purpose.map(String::into_boxed_str),
            from: start.from,
            to: start.to,
            dialed: start.dialed,
            device: start.device,
            thread_id: start.replaces.map_or(start.id, |r| r.thread),
            parent_id: start.replaces.map(|r| r.call),
            signalling: start.signalling,
            started: moment,
        };
        let call = Call::begun(origin, start.trunk, start.dialog, legs);
        Self {
            call: Arc::new(call),
            ring_period_ms: settings.ring_period_ms,
            answer_norm_ms: settings.answer_norm_ms,
            people: settings.people.clone(),
            cancelled: None,
            held_since: None,
            transferred: false,
            restored: false,
            mark: None,
            told: false,
            seen: Seen::default(),
            invited: None,
        }
    }

    /// A call that was live when an earlier run ended.
    pub fn restore(settings: &Settings, call: Call) -> Self {
        let held_since =
            call.legs.iter().filter_map(|l| l.held_since.as_ref().map(|m| m.pbx_time)).min();
        Self {
            call: Arc::new(call),
            ring_period_ms: settings.ring_period_ms,
            answer_norm_ms: settings.answer_norm_ms,
            people: settings.people.clone(),
            cancelled: None,
            held_since,
            transferred: false,
            restored: true,
            mark: Some(Repair::KnownAgain),
            told: true,
            seen: Seen::default(),
            invited: None,
        }
    }

    /// The entity.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The entity, shared.
    pub fn shared(&self) -> Arc<Call> {
        self.call.clone()
    }

    /// The entity to be changed: a copy, if an event still holds it.
    pub(super) fn edit(&mut self) -> &mut Call {
        Arc::make_mut(&mut self.call)
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
                | I::Transferred { .. }
                | I::Bye { .. }
                | I::Seen { .. }
        );
        if needs_callee && !self.originated() {
            return; // nobody was asked: such a message belongs to no state of this call
        }
        if (!self.on_trunk() || self.trunk_over()) && !matches!(input, CallInput::Stale) {
            return; // no dialog, or none any more: it has no such messages
        }
        match input {
            I::Requested => self.emit(K::OutboundRequested, Detail::default(), out),
            I::Decided { decision } => self.edit().decision_id = Some(decision),
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
                    self.cancelled = Some(Box::new((reason, arrival)));
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
            I::Transferred { by, transfer, arrival } => {
                self.left(Moment::measured(arrival, now), by, transfer, out);
            }
            I::Bye { by, reason, arrival } => self.bye(now, by, reason, arrival, out),
            I::Seen { callee_tag } => self.learn_answer(now, callee_tag, out),
            I::Stale => self.stale(now, out),
        }
    }

    /// The INVITE has left: there is a callee's leg.
    pub(super) fn originated(&self) -> bool {
        self.call.legs.len() > CALLEE
    }

    /// The call was seen on the trunk: its first two legs are the ends of a SIP dialog.
    pub(super) fn on_trunk(&self) -> bool {
        !self.call.dialog.call_id.is_empty()
    }

    fn forwarded(&mut self, now: Now, line: Arc<str>, out: &mut Vec<Fact>) {
        let outside = self.call.direction != Direction::Inbound;
        if outside {
            self.edit().trunk = line.clone();
        }
        if self.originated() {
            if outside {
                self.edit().legs[CALLEE].device = line;
            }
            return; // failover: the next line is tried for the same call
        }
        let (role, device) = match self.call.direction {
            Direction::Inbound => (LegRole::Trunk, self.call.device.clone()),
            Direction::Outbound => (LegRole::Customer, line),
            Direction::Internal => (LegRole::Trunk, line),
        };
        self.edit().legs.push(leg(2, role, &device, now.wall));
        self.told = true;
        let at = Some(self.invited.as_deref().copied().unwrap_or(self.call.started));
        self.emit(K::CallOriginated, self.detail(CALLER, None, at), out);
    }

    fn provisional(&mut self, at: Moment, status: u16, sdp: bool, out: &mut Vec<Fact>) {
        if self.call.answered.is_some() || self.cancelled.is_some() {
            return;
        }
        if status == 183 && sdp && self.call.network_reached.is_none() {
            self.edit().network_reached = Some(at);
            self.emit(K::CallNetworkReached, self.detail(CALLEE, Some(183), Some(at)), out);
        }
        if status == 181 {
            self.emit(K::CallDiverted, self.detail(CALLEE, Some(181), Some(at)), out);
        }
        if status == 182 && self.call.legs[CALLEE].state != S::Queued {
            let leg = &mut self.edit().legs[CALLEE];
            leg.state = S::Queued;
            leg.since = at.pbx_time;
            self.emit(K::CallQueued, self.detail(CALLEE, Some(182), Some(at)), out);
        }
        if status == 180 && self.call.alerting.is_none() {
            self.edit().alerting = Some(at);
            self.edit().state = S::Alerting;
            let leg = &mut self.edit().legs[CALLEE];
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
        self.set_callee_tag(tag);
        self.edit().answered = Some(at);
        self.edit().state = S::Connected;
        self.count_ring(at.pbx_time);
        self.connect(at);
        self.emit(K::CallEstablished, self.detail(CALLEE, Some(status), Some(at)), out);
    }

    /// An INVITE has come for a call that began without: what is seen of its ends from here on is
    /// measured.
    pub(super) fn caller_is_known(&mut self, invited: Moment) {
        self.invited = Some(Box::new(invited));
        self.restored = false;
        if self.seen.asked_first {
            self.seen.asked_first = false;
        }
        self.seen.forget_release();
    }

    fn set_callee_tag(&mut self, tag: String) {
        Arc::make_mut(&mut self.edit().dialog).callee_tag = tag;
    }

    /// Both ends of the dialog on the trunk talk.
    fn connect(&mut self, at: Moment) {
        for leg in &mut self.edit().legs[..=CALLEE] {
            if leg.state != S::Hold {
                leg.state = S::Connected;
                leg.since = at.pbx_time;
            }
        }
        self.edit().legs[CALLEE].answered = Some(at);
    }

    /// A party has left its place to another. Said once a call: its BYE follows.
    fn left(&mut self, at: Moment, by: Party2, transfer: Transferred, out: &mut Vec<Fact>) {
        if self.call.answered.is_none() || std::mem::replace(&mut self.transferred, true) {
            return;
        }
        let mut detail = self.detail(by.index(), None, Some(at));
        detail.transfer = Some(Box::new(transfer));
        self.emit(K::CallTransferred, detail, out);
    }

    /// Mid-dialog signalling of a restored call without an answer proves one: it was missed.
    fn learn_answer(&mut self, now: Now, callee_tag: String, out: &mut Vec<Fact>) {
        if self.call.answered.is_some() || !self.restored {
            return;
        }
        self.set_callee_tag(callee_tag);
        let at =
            Moment { pbx_time: now.wall, observed_at: now.wall, quality: TimeQuality::Reconciled };
        self.cancelled = None;
        self.edit().answered = Some(at);
        self.edit().state = S::Connected;
        self.connect(at);
        let mut detail = self.detail(CALLEE, None, Some(at));
        detail.repair = Some(Repair::MissedAnswerLearnt);
        self.emit(K::CallEstablished, detail, out);
    }

    fn media(&mut self, at: Moment, by: Party2, hold: bool, out: &mut Vec<Fact>) {
        if self.call.answered.is_none() {
            return; // early media changes direction without anybody being held
        }
        self.hold(at, by.index(), hold, out);
    }

    pub(super) fn detail(&self, leg: usize, sip_status: Option<u16>, at: Option<Moment>) -> Detail {
        Detail { leg: Some(self.call.legs[leg].id), sip_status, at, ..Detail::default() }
    }

    pub(super) fn emit(&mut self, kind: K, mut detail: Detail, out: &mut Vec<Fact>) {
        // The first sign of life after a restart or a lost link says so.
        detail.repair = detail.repair.or(self.mark.take());
        self.edit().rev += 1;
        out.push(Fact { kind, call: self.call.clone(), detail });
    }
}

pub(super) fn leg(id: u8, role: LegRole, device: &Arc<str>, since: Wall) -> Leg {
    Leg {
        id: LegId(id),
        role,
        device: device.clone(),
        agent: None,
        channel: None,
        sip_call_id: None,
        state: S::Initiated,
        alerting_basis: None,
        since,
        alerting: None,
        answered: None,
        held_since: None,
        ended: None,
        cause: None,
        pop: None,
    }
}
