//! Legs that control links show: who was asked, rings, answers, talks, holds.

use super::input::{Fact, LegInput, NewLeg, SeenStart, Settings};
use super::machine::{CALLER, CallMachine, leg};
use crate::model::{
    AlertingBasis, Call, Channel, ConnectionState as S, DATA_KEY_BYTES_MAX, DATA_KEYS_MAX,
    DATA_VALUE_BYTES_MAX, Detail, Dialog, Direction, EventKind as K, Leg, LegId, LegRole, Moment,
    Origin, Pii, Repair, Transferred,
};
use std::sync::Arc;

/// Legs kept of one call. Beyond: those that ended first are dropped, never the first two.
const LEGS_MAX: usize = 16;

impl CallMachine {
    /// A call that only control links show. It says nothing until somebody was asked for, or its
    /// caller waits or was answered.
    pub fn start_seen(settings: &Settings, start: SeenStart) -> Self {
        let origin = Origin {
            id: start.id,
            tenant: settings.tenant.clone(),
            site: settings.site.clone(),
            direction: start.direction,
            purpose: None,
            from: start.from,
            dialed: start.to.clone(),
            to: start.to,
            device: start.device,
            thread_id: start.id,
            parent_id: None,
            signalling: None,
            started: start.at,
        };
        let asked = start.leg.asked;
        let legs = vec![seen_leg(1, start.leg, start.at)];
        let call = Call::begun(origin, start.trunk, Dialog::default(), legs);
        let mut machine = Self::restore(settings, call);
        (machine.told, machine.mark) = (false, None);
        if asked {
            machine.seen.asked_first = true;
        }
        machine
    }

    /// Whether anything was said about the call.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// The next event is marked so, unless it has a mark of its own.
    pub fn mark_next(&mut self, repair: Repair) {
        self.mark = self.mark.or(Some(repair));
    }

    /// Changes what was known at the beginning; events from now on show it.
    pub fn correct(&mut self, change: impl FnOnce(&mut Origin)) {
        change(Arc::make_mut(&mut self.edit().origin));
    }

    /// Changes what belongs to the call as a whole and is no event by itself.
    pub fn annotate(&mut self, change: impl FnOnce(&mut Call)) {
        change(self.edit());
    }

    /// Says `kind` about the call as a whole.
    pub fn say(&mut self, kind: K, detail: Detail, out: &mut Vec<Fact>) {
        if !self.is_over() {
            self.emit(kind, detail, out);
        }
    }

    /// The leg of a channel.
    pub fn leg_of(&self, channel: &Channel) -> Option<LegId> {
        let mine = |l: &&Leg| l.channel.as_deref() == Some(channel);
        self.call.legs.iter().rev().find(mine).map(|l| l.id)
    }

    /// An agent talks to another party, and has not left its place.
    pub fn is_served(&self) -> bool {
        let stays = |l: &Leg| l.role == LegRole::Agent && !self.seen.left.contains(&l.id);
        let agent =
            (0..self.call.legs.len()).any(|at| self.talked(at) && stays(&self.call.legs[at]));
        agent && self.is_talk()
    }

    /// Two parties hear each other.
    pub fn is_talk(&self) -> bool {
        let party = |at: &usize| self.call.legs[*at].role != LegRole::Trunk && self.talked(*at);
        (0..self.call.legs.len()).filter(party).count() > 1
    }

    /// This leg talks or holds, in a conversation.
    pub fn in_talk(&self, id: LegId) -> bool {
        let at = self.call.legs.iter().position(|l| l.id == id);
        at.is_some_and(|at| self.talked(at)) && self.is_talk()
    }

    /// A further party was asked for. `None`: the call is over, or has had too many.
    pub fn add_leg(&mut self, at: Moment, new: NewLeg, out: &mut Vec<Fact>) -> Option<LegId> {
        if self.is_over() || (self.on_trunk() && !self.originated()) {
            return None;
        }
        let id = self.call.legs.iter().map(|l| l.id.0).max().unwrap_or(0).checked_add(1)?;
        self.rang_out(out);
        if self.is_over() {
            return None;
        }
        self.seen.forget_release(); // the call goes on
        self.edit().legs.push(seen_leg(id, new, at));
        self.drop_old_legs();
        self.tell(at, out);
        Some(LegId(id))
    }

    /// A party that talked in another call is in this one now. Whoever leaves says so.
    pub fn move_in(&mut self, mut moved: Leg, role: LegRole) -> Option<LegId> {
        if self.is_over() {
            return None;
        }
        let id = self.call.legs.iter().map(|l| l.id.0).max().unwrap_or(0).checked_add(1)?;
        (moved.id, moved.role) = (LegId(id), role);
        self.edit().legs.push(moved);
        self.drop_old_legs();
        Some(LegId(id))
    }

    /// A control link shows who is at a leg of the trunk call.
    pub fn attach(&mut self, id: LegId, new: NewLeg) {
        if let Some(leg) = self.edit().legs.iter_mut().find(|l| l.id == id) {
            leg.role = new.role;
            leg.device = new.device;
            leg.agent = new.agent;
            leg.pop = new.pop;
            leg.channel = new.channel.map(Box::new);
            leg.sip_call_id = new.sip_call_id.or(leg.sip_call_id.take());
        }
    }

    /// Takes what a link shows of a leg; facts go to `out` in order. Input that changes nothing
    /// adds none.
    pub fn leg(&mut self, at: Moment, id: LegId, input: LegInput, out: &mut Vec<Fact>) {
        use LegInput as I;
        if self.is_over() || (self.on_trunk() && !self.originated()) {
            return;
        }
        let Some(index) = self.call.legs.iter().position(|l| l.id == id) else { return };
        if self.call.legs[index].ended.is_some() {
            return; // nothing revives a leg
        }
        match input {
            I::Progress => self.progress(at, index, out),
            I::Ringing => self.ringing(at, index, out),
            I::Answered => self.leg_answered(at, index, out),
            I::Talks => self.talks(at, index, out),
            I::Held => self.hold_leg(at, index, true, out),
            I::Retrieved => self.hold_leg(at, index, false, out),
            I::Dtmf(digit) => self.dtmf(at, index, digit, out),
            I::Queued(queue) => self.queued(at, index, queue, out),
            I::Dequeued => self.dequeued(at, index),
            I::Missed => self.rang_out(out),
            I::Transferred(transfer) => self.leg_left(at, index, transfer, out),
            I::Conferenced => {
                // The same conference is seen again when Asterisk merges its bridges.
                if self.talked(index) && self.seen.conferenced < Some(id) {
                    self.seen.conferenced = Some(id);
                    self.emit(K::CallConferenced, self.detail(index, None, Some(at)), out);
                }
            }
            I::Data { key, value } => self.attach_value(at, index, key, value, out),
            I::Ended(end) => self.leg_ended(at, index, end, out),
            I::Moved => self.moved_out(at, index, out),
        }
    }

    /// `call.originated` comes before everything else.
    pub(super) fn tell(&mut self, at: Moment, out: &mut Vec<Fact>) {
        if !std::mem::replace(&mut self.told, true) {
            self.emit(K::CallOriginated, self.detail(CALLER, None, Some(at)), out);
        }
    }

    /// The leg has heard another party, or was answered by a queue or menu.
    pub(super) fn talked(&self, index: usize) -> bool {
        let leg = &self.call.legs[index];
        match leg.state {
            S::Connected | S::Hold => true,
            S::Queued => leg.answered.is_some(),
            S::Initiated | S::Alerting | S::Fail | S::Null => false,
        }
    }

    /// Whether a control link alone knows the leg: the ends of a trunk call ring, answer and end
    /// by what SIP says.
    pub(super) fn of_link(&self, index: usize) -> bool {
        index > 1 || !self.on_trunk()
    }

    fn progress(&mut self, at: Moment, index: usize, out: &mut Vec<Fact>) {
        let customer = self.call.legs[index].role == LegRole::Customer;
        let early = self.call.network_reached.is_none() && self.call.answered.is_none();
        if customer && early && index != CALLER && self.of_link(index) {
            self.edit().network_reached = Some(at);
            self.tell(at, out);
            self.emit(K::CallNetworkReached, self.detail(index, None, Some(at)), out);
        }
    }

    fn ringing(&mut self, at: Moment, index: usize, out: &mut Vec<Fact>) {
        let leg = &self.call.legs[index];
        if leg.alerting.is_some() || leg.state != S::Initiated || !self.of_link(index) {
            return;
        }
        let leg = &mut self.edit().legs[index];
        leg.state = S::Alerting;
        leg.alerting_basis = Some(AlertingBasis::PbxState);
        leg.alerting = Some(at);
        leg.since = at.pbx_time;
        if self.call.alerting.is_none() {
            self.edit().alerting = Some(at);
        }
        self.restate(at.pbx_time);
        self.tell(at, out);
        self.emit(K::CallDelivered, self.detail(index, None, Some(at)), out);
    }

    fn leg_answered(&mut self, at: Moment, index: usize, out: &mut Vec<Fact>) {
        if self.call.legs[index].answered.is_some() || !self.of_link(index) {
            return;
        }
        let others = self.call.legs.iter().skip(1).any(|l| l.answered.is_some());
        self.edit().legs[index].answered = Some(at);
        if index != CALLER || self.seen.asked_first {
            return; // it talks when it hears somebody
        }
        if others {
            // The PBX passes the answer of whom it asked on to its caller.
            self.connect_leg(at, index);
            return;
        }
        self.establish(at, index, out);
    }

    fn talks(&mut self, now: Moment, index: usize, out: &mut Vec<Fact>) {
        let leg = &self.call.legs[index];
        let (answered, waits) = (leg.answered, leg.state == S::Queued);
        if waits {
            self.dequeued(now, index);
        }
        if let Some(at) = answered
            && !self.talked(index)
            && self.of_link(index)
        {
            self.establish(at, index, out);
        }
    }

    fn establish(&mut self, at: Moment, index: usize, out: &mut Vec<Fact>) {
        self.connect_leg(at, index);
        self.count_answer(index, at);
        self.prompt(index, at);
        self.restate(at.pbx_time);
        self.tell(at, out);
        self.emit(K::CallEstablished, self.detail(index, None, Some(at)), out);
        if index != CALLER {
            self.seen.forget_release(); // the call goes on
            self.given_up(out);
        }
    }

    fn connect_leg(&mut self, at: Moment, index: usize) {
        let leg = &mut self.edit().legs[index];
        leg.state = S::Connected;
        leg.since = at.pbx_time;
    }

    fn hold_leg(&mut self, at: Moment, index: usize, hold: bool, out: &mut Vec<Fact>) {
        if self.talked(index) && self.call.legs[index].state != S::Queued {
            self.hold(at, index, hold, out);
        }
    }

    fn dtmf(&mut self, at: Moment, index: usize, digit: char, out: &mut Vec<Fact>) {
        if digit.is_ascii_digit() || matches!(digit, '*' | '#' | 'A'..='D') {
            self.tell(at, out);
            let detail = Detail { digit: Some(digit), ..self.detail(index, None, Some(at)) };
            self.emit(K::CallDtmf, detail, out);
        }
    }

    fn queued(&mut self, at: Moment, index: usize, queue: Arc<str>, out: &mut Vec<Fact>) {
        let waits = self.call.legs[index].state == S::Queued;
        if waits && self.call.queue.as_ref() == Some(&queue) {
            return;
        }
        self.edit().queue = Some(queue);
        let leg = &mut self.edit().legs[index];
        leg.state = S::Queued;
        leg.since = at.pbx_time;
        leg.held_since = None;
        self.restate(at.pbx_time);
        self.tell(at, out);
        self.emit(K::CallQueued, self.detail(index, None, Some(at)), out);
    }

    fn dequeued(&mut self, at: Moment, index: usize) {
        let leg = &self.call.legs[index];
        if leg.state != S::Queued {
            return;
        }
        let state = match leg.answered.is_some() || self.call.answered.is_some() {
            true => S::Connected,
            false => S::Initiated,
        };
        let leg = &mut self.edit().legs[index];
        leg.state = state;
        leg.since = at.pbx_time;
        self.restate(at.pbx_time);
    }

    fn leg_left(&mut self, at: Moment, index: usize, transfer: Transferred, out: &mut Vec<Fact>) {
        let id = self.call.legs[index].id;
        if !self.talked(index) || self.seen.left.contains(&id) {
            return;
        }
        self.seen.left.push(id);
        let mut detail = self.detail(index, None, Some(at));
        detail.transfer = Some(Box::new(transfer));
        // Who was asked for advice has the leaver's place from here on.
        for leg in &mut self.edit().legs {
            if leg.role == LegRole::Consult && leg.ended.is_none() && leg.id != id {
                leg.role = LegRole::Agent;
            }
        }
        self.emit(K::CallTransferred, detail, out);
        self.transfer_leaver(index, out);
    }

    pub(super) fn attach_value(
        &mut self,
        at: Moment,
        index: usize,
        key: String,
        value: Pii<String>,
        out: &mut Vec<Fact>,
    ) {
        let data = &self.call.data;
        let fits = key.len() <= DATA_KEY_BYTES_MAX
            && value.reveal().len() <= DATA_VALUE_BYTES_MAX
            && (data.contains_key(&key) || data.len() < DATA_KEYS_MAX);
        if key.is_empty() || !fits || data.get(&key) == Some(&value) {
            return;
        }
        self.attach_silently(key.clone(), value);
        if self.told {
            let key = Some(key.into_boxed_str());
            let detail = Detail { key, ..self.detail(index, None, Some(at)) };
            self.emit(K::CallDataUpdated, detail, out);
        }
    }

    fn drop_old_legs(&mut self) {
        while self.call.legs.len() > LEGS_MAX {
            // A device keeps its newest leg as long as others can go: its desk watches the call.
            let rest = self.call.legs.iter().enumerate().skip(2).filter(|(_, l)| l.ended.is_some());
            let again = |(at, leg): &(usize, &Leg)| {
                self.call.legs[at + 1..].iter().any(|l| l.device == leg.device)
            };
            let Some((old, _)) = rest.clone().find(again).or(rest.clone().next()) else { return };
            self.edit().legs.remove(old);
        }
    }
}

fn seen_leg(id: u8, new: NewLeg, at: Moment) -> Leg {
    Leg {
        agent: new.agent,
        pop: new.pop,
        channel: new.channel.map(Box::new),
        sip_call_id: new.sip_call_id,
        ..leg(id, new.role, &new.device, at.pbx_time)
    }
}

/// A call that comes from outside.
pub(super) fn is_inbound(call: &Call) -> bool {
    call.direction == Direction::Inbound
}
