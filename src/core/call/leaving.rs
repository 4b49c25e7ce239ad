//! How legs end that control links show.
//!
//! A PBX that clears a call tells the legs' ends in its own order, often the one that is cleared
//! before the one that hung up. So an end that nobody at that leg caused waits until it is known
//! what caused it: somebody else's act, the end of all, or a grace without either.

use super::cause::{cause_of_leg, is_refusal};
use super::figures::observed;
use super::input::{Ender, Fact, LegEnd};
use super::legs::is_inbound;
use super::machine::{CALLER, CallMachine};
use crate::model::{
    Cause, ConnectionState as S, CstaCause, Detail, EventKind as K, Leg, LegId, LegRole, Moment,
    Released, Repair, Wall,
};
use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

/// What a machine keeps of legs beside the entity, made when there is something to keep: a call
/// that no control link shows has none of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Option<Box<SeenLegs>>);

impl Seen {
    fn take_release(&mut self) -> Option<Box<Release>> {
        self.0.as_mut()?.release.take()
    }

    /// Who ended the call is open again.
    pub(super) fn forget_release(&mut self) {
        self.take_release();
    }
}

impl Deref for Seen {
    type Target = SeenLegs;

    fn deref(&self) -> &SeenLegs {
        static NOTHING: SeenLegs = SeenLegs {
            leaving: Vec::new(),
            left: Vec::new(),
            release: None,
            asked_first: false,
            conferenced: None,
            faults: BTreeSet::new(),
        };
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Seen {
    fn deref_mut(&mut self) -> &mut SeenLegs {
        self.0.get_or_insert_default()
    }
}

/// See [`Seen`].
#[derive(Clone, Debug, Default)]
pub(super) struct SeenLegs {
    /// Ended, for a reason that is not known yet; in the order of their ends.
    leaving: Vec<Leaving>,
    /// Have left their place to another.
    pub(super) left: Vec<LegId>,
    /// Who ended the call by an act of its own, as far as it stands.
    pub(super) release: Option<Box<Release>>,
    /// The first leg was asked for by the PBX: it did not call.
    pub(super) asked_first: bool,
    /// The newest party that made it a conference.
    pub(super) conferenced: Option<LegId>,
    /// Something here did not work while they rang.
    pub(super) faults: BTreeSet<LegId>,
}

#[derive(Clone, Debug)]
struct Leaving {
    leg: LegId,
    at: Moment,
    end: LegEnd,
}

/// The first end by a party's own act.
#[derive(Clone, Debug)]
pub(super) struct Release {
    by: Released,
    cause: Cause,
    at: Moment,
}

/// Why legs that wait are cleared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The other party left, or another took the call.
    GivenUp,
    /// Nobody answered.
    RangOut,
}

impl CallMachine {
    /// Ends of legs wait for what explains them.
    pub fn leaving(&self) -> usize {
        self.seen.leaving.len()
    }

    /// Whether the end of this leg waits.
    pub fn leaves(&self, leg: LegId) -> bool {
        self.seen.leaving.iter().any(|l| l.leg == leg)
    }

    /// Nothing explains the ends that wait and were seen until `before`: the grace is over.
    pub fn settle(&mut self, before: Wall, out: &mut Vec<Fact>) {
        self.flush(Why::RangOut, |_, at| at.observed_at <= before, out);
    }

    pub(super) fn leg_ended(&mut self, at: Moment, index: usize, end: LegEnd, out: &mut Vec<Fact>) {
        let id = self.call.legs[index].id;
        if self.leaves(id) || self.ends_on_trunk(index) {
            return;
        }
        if !self.told && is_inbound(&self.call) {
            self.tell(self.call.started, out);
        }
        if self.drop_untold(at) {
            return;
        }
        if self.seen.left.contains(&id) {
            let cause = Cause { csta: CstaCause::Transfer, ..cause_of_leg(&end, true) };
            self.clear(at, index, cause, out);
        } else if end.lost {
            self.lost(at, index, out);
        } else if is_refusal(&end) && self.was_asked(index) && !self.talked(index) {
            self.refused(at, index, &end, out);
        } else if end.by == Ender::Party {
            self.hung_up(at, index, &end, out);
        } else if self.seen.release.is_some() || self.trunk_over() {
            let why = Why::GivenUp;
            let cause = self.cause_of_waiting(index, &end, why);
            self.clear(at, index, cause, out);
        } else {
            self.seen.leaving.push(Leaving { leg: id, at, end });
        }
        self.finish(at, out);
    }

    /// Where nobody was asked for there was no call: nothing is said of its end.
    pub(super) fn drop_untold(&mut self, at: Moment) -> bool {
        if self.told || self.on_trunk() {
            return false;
        }
        self.told = true;
        let call = self.edit();
        call.state = S::Null;
        call.ended = Some(at);
        call.legs.iter_mut().for_each(|leg| leg.ended = leg.ended.or(Some(at)));
        true
    }

    /// The party has sent another on; its own end may have come before.
    pub(super) fn transfer_leaver(&mut self, index: usize, out: &mut Vec<Fact>) {
        let id = self.call.legs[index].id;
        if let Some(place) = self.seen.leaving.iter().position(|l| l.leg == id) {
            let Leaving { at, end, .. } = self.seen.leaving.remove(place);
            let cause = Cause { csta: CstaCause::Transfer, ..cause_of_leg(&end, true) };
            self.clear(at, index, cause, out);
            self.finish(at, out);
        }
    }

    /// Its party goes on in another call.
    pub(super) fn moved_out(&mut self, at: Moment, index: usize, out: &mut Vec<Fact>) {
        let id = self.call.legs[index].id;
        if self.leaves(id) {
            self.seen.leaving.retain(|l| l.leg != id);
        }
        if self.drop_untold(at) {
            return;
        }
        let cause = Cause::plain(CstaCause::Transfer);
        self.note_release(at, self.released_by(index), &cause);
        self.clear(at, index, cause, out);
        self.finish(at, out);
    }

    /// Unanswered legs whose end waits have rung out: the call went on without them.
    pub(super) fn rang_out(&mut self, out: &mut Vec<Fact>) {
        self.flush(Why::RangOut, |talked, _| !talked, out);
    }

    /// Unanswered legs whose end waits were given up: another took the call.
    pub(super) fn given_up(&mut self, out: &mut Vec<Fact>) {
        self.flush(Why::GivenUp, |talked, _| !talked, out);
    }

    /// The trunk's call is over: whoever waits was given up.
    pub(super) fn trunk_ended(&mut self, at: Moment, out: &mut Vec<Fact>) {
        self.flush(Why::GivenUp, |_, _| true, out);
        self.finish(at, out);
    }

    fn flush(&mut self, why: Why, which: impl Fn(bool, &Moment) -> bool, out: &mut Vec<Fact>) {
        if self.seen.leaving.is_empty() {
            return;
        }
        let mut newest = None;
        for Leaving { leg, at, end } in std::mem::take(&mut self.seen.leaving) {
            let Some(index) = self.call.legs.iter().position(|l| l.id == leg) else { continue };
            if !which(self.talked(index), &at) {
                self.seen.leaving.push(Leaving { leg, at, end });
                continue;
            }
            let cause = self.cause_of_waiting(index, &end, why);
            self.clear(at, index, cause, out);
            newest = Some(at);
        }
        if let Some(at) = newest {
            self.finish(at, out);
        }
    }

    fn cause_of_waiting(&self, index: usize, end: &LegEnd, why: Why) -> Cause {
        let talked = self.heard(index);
        let mut cause = cause_of_leg(end, talked);
        if cause.csta == CstaCause::Other && !self.was_asked(index) {
            // The PBX clears its caller because of what became of whom it had asked.
            let legs = self.call.legs.iter().rev();
            let before = legs.filter_map(|l| Some((l.ended?.observed_at, l.cause.as_ref()?.csta)));
            let before = before.max_by_key(|(at, _)| *at).map(|(_, csta)| csta);
            let said = self.seen.release.as_ref().map(|r| r.cause.csta).or(before);
            cause.csta = said.unwrap_or(CstaCause::Other);
        }
        if !talked && self.was_asked(index) {
            cause.sip_status = None; // that of a cancelled leg is the PBX's own
            let said = cause.csta == CstaCause::CallNotAnswered;
            cause.csta = match why {
                Why::GivenUp if !said => CstaCause::CallCancelled,
                Why::GivenUp | Why::RangOut => CstaCause::CallNotAnswered,
            };
        }
        cause
    }

    /// Talked itself, or called and was heard by somebody.
    fn heard(&self, index: usize) -> bool {
        let answered = |l: &Leg| l.answered.is_some() && l.id != self.call.legs[index].id;
        self.talked(index)
            || (!self.was_asked(index)
                && self.call.answered.is_some()
                && self.call.legs.iter().any(answered))
    }

    /// Was asked for, and did not call.
    fn was_asked(&self, index: usize) -> bool {
        index != CALLER || self.seen.asked_first
    }

    /// A leg of the trunk's dialog ends by what SIP says, unless it has left its place.
    fn ends_on_trunk(&self, index: usize) -> bool {
        !self.of_link(index) && !self.seen.left.contains(&self.call.legs[index].id)
    }

    /// The dialog on the trunk is over.
    pub(super) fn trunk_over(&self) -> bool {
        self.on_trunk() && self.call.legs.iter().take(2).all(|l| l.ended.is_some())
    }

    /// Busy, declined, unreachable, not allowed.
    fn refused(&mut self, at: Moment, index: usize, end: &LegEnd, out: &mut Vec<Fact>) {
        let cause = cause_of_leg(end, false);
        let by = match cause.csta {
            CstaCause::TrunksBusy | CstaCause::NetworkCongestion | CstaCause::NumberUnallocated => {
                Released::Network
            }
            _ if end.by == Ender::Switch => Released::Network,
            _ => self.released_by(index),
        };
        self.note_release(at, by, &cause);
        let leg = &mut self.edit().legs[index];
        leg.state = S::Fail;
        leg.since = at.pbx_time;
        leg.cause = Some(Box::new(cause.clone()));
        self.restate(at.pbx_time);
        let status = cause.sip_status;
        self.emit(K::CallFailed, self.detail(index, status, Some(at)), out);
        self.clear(at, index, cause, out);
    }

    /// By its own act.
    fn hung_up(&mut self, at: Moment, index: usize, end: &LegEnd, out: &mut Vec<Fact>) {
        let talked = self.heard(index);
        let mut cause = cause_of_leg(end, talked);
        if !talked && cause.csta != CstaCause::CallNotAnswered {
            cause.csta = CstaCause::CallCancelled;
        }
        self.note_release(at, self.released_by(index), &cause);
        let customer = self.call.legs[index].role == LegRole::Customer && is_inbound(&self.call);
        let served = |l: &Leg| l.role != LegRole::Customer && l.answered.is_some();
        if customer && !self.call.legs.iter().any(served) {
            self.emit(K::CallAbandoned, self.detail(index, None, Some(at)), out);
        }
        self.clear(at, index, cause, out);
        self.flush(Why::GivenUp, |_, _| true, out);
    }

    fn lost(&mut self, at: Moment, index: usize, out: &mut Vec<Fact>) {
        self.clear(at, index, Cause::plain(CstaCause::LostSync), out);
    }

    fn note_release(&mut self, at: Moment, by: Released, cause: &Cause) {
        if self.seen.release.is_none() {
            self.seen.release = Some(Box::new(Release { by, cause: cause.clone(), at }));
        }
    }

    /// One leg is gone.
    pub(super) fn clear(&mut self, at: Moment, index: usize, cause: Cause, out: &mut Vec<Fact>) {
        self.count_missed(index, at);
        let leg = &mut self.edit().legs[index];
        leg.state = S::Null;
        leg.since = at.pbx_time;
        leg.held_since = None;
        leg.ended = Some(at);
        leg.cause = Some(Box::new(cause));
        if !self.ends_by_sip() {
            self.restate(at.pbx_time);
        }
        self.emit(K::CallConnectionCleared, self.detail(index, None, Some(at)), out);
    }

    /// Both parties are those of the dialog on the trunk: its end says the rest.
    fn ends_by_sip(&self) -> bool {
        self.on_trunk() && self.call.legs.len() <= 2
    }

    /// The call is over when its last leg is gone. Where all ends wait, nothing else will explain
    /// them.
    pub(super) fn finish(&mut self, at: Moment, out: &mut Vec<Fact>) {
        self.drop_dialler(at, out);
        if self.is_over() || self.call.legs.iter().any(|l| l.ended.is_none() && !self.leaves(l.id))
        {
            return;
        }
        if self.leaving() > 0 {
            return self.flush(Why::RangOut, |_, _| true, out); // comes back here
        }
        let release = self.seen.take_release();
        let end = release.as_ref().map_or(at, |r| r.at);
        self.count_ring_of_unanswered(&end);
        self.count_talk(&end);
        self.count_hold(at.pbx_time);
        if self.call.cause.is_none() {
            let last = self.call.legs.iter().rev().find_map(|l| l.cause.as_deref().cloned());
            let (by, cause) = match release {
                Some(release) => (release.by, Some(release.cause)),
                None if last.as_ref().is_some_and(|c| c.csta == CstaCause::LostSync) => {
                    (Released::System, last)
                }
                None => (Released::Network, last),
            };
            self.edit().released_by = Some(by);
            self.edit().cause = cause;
        }
        self.edit().state = S::Null;
        self.edit().ended = Some(at);
        let detail = Detail { leg: None, ..self.detail(CALLER, None, Some(at)) };
        self.emit(K::CallCleared, detail, out);
    }

    /// Where the PBX itself dials, its leg ends with the last of the others.
    fn drop_dialler(&mut self, at: Moment, out: &mut Vec<Fact>) {
        let dialler = |l: &Leg| l.channel.is_none() && l.role == LegRole::Trunk;
        if self.on_trunk() || self.is_over() || !self.call.legs.first().is_some_and(dialler) {
            return;
        }
        let [first, others @ ..] = self.call.legs.as_slice() else { return };
        if first.ended.is_none() && others.iter().all(|l| l.ended.is_some()) {
            let cause = others.iter().rev().find_map(|l| l.cause.as_deref().cloned());
            let cause = cause.unwrap_or_else(|| Cause::plain(CstaCause::NormalClearing));
            self.clear(at, CALLER, Cause { sip_status: None, ..cause }, out);
        }
    }

    fn count_ring_of_unanswered(&mut self, end: &Moment) {
        if self.call.answered.is_none() && !self.on_trunk() && observed(end) {
            self.count_ring(end.pbx_time);
        }
    }

    /// Marks what was only learnt.
    pub fn learnt(facts: &mut [Fact], closed: bool) {
        for fact in facts {
            let repair = match fact.kind {
                K::CallEstablished => Repair::MissedAnswerLearnt,
                K::CallDelivered => Repair::MissedRingLearnt,
                K::CallHeld => Repair::MissedHoldLearnt,
                K::CallRetrieved => Repair::MissedRetrieveLearnt,
                K::CallConnectionCleared | K::CallCleared if closed => Repair::StaleCallClosed,
                K::CallConnectionCleared | K::CallCleared => Repair::MissedEndLearnt,
                _ => Repair::BeginningLearnt,
            };
            fact.detail.repair = Some(repair);
        }
    }
}
