//! Transfers, and calls that become one.

use super::board::Place;
use super::place::has_customer;
use super::timers::{Due, GRACE};
use crate::call::LegInput;
use crate::engine::input::{Outputs, PbxIx};
use crate::engine::writer::Engine;
use crate::model::{
    CallId, Direction, Leg, LegId, LegRole, Moment, Now, Transfer, Transferred, Wall,
};
use crate::pbx::{BridgeId, ChannelId};

impl Engine {
    /// A party has sent another on, or joined two others: by whom, how, who, with whom.
    pub(super) fn transferred(
        &mut self,
        now: Now,
        ix: PbxIx,
        at: Moment,
        (by, kind, moved, target): (&ChannelId, Transfer, Option<&ChannelId>, Option<&ChannelId>),
        out: &mut Outputs,
    ) {
        let call = |id: Option<&ChannelId>| self.boards.find(ix, id?)?.call();
        let target = target.and_then(|id| self.boards.get(ix)?.behind(id));
        let mut calls: Vec<CallId> =
            [call(moved), call(target.as_ref()), call(Some(by))].into_iter().flatten().collect();
        calls.sort_by_key(|id| self.age(*id));
        calls.dedup();
        let joined = kind == Transfer::Attended;
        let Some((keep, rest)) = calls.split_first() else { return };
        let keep = if joined { *keep } else { call(moved).or(call(Some(by))).unwrap_or(*keep) };
        let Some(leaver) = self.leaver(ix, keep, by) else { return };
        let mut to_call = None;
        for other in rest.iter().filter(|_| joined) {
            if self.on_trunk(*other) {
                to_call = Some(*other);
            }
            if let Some(leg) = self.leaver(ix, *other, by) {
                self.leave_call(now, ix, *other, leg, at, out);
            }
            self.merge(now, ix, keep, *other, at, out);
        }
        let transfer = Transferred { kind, to_call };
        self.feed_leg(now, keep, leaver, at, LegInput::Transferred(transfer), out);
    }

    /// Order of calls: which of two goes on when they become one.
    pub(super) fn age(&self, id: CallId) -> (Option<Wall>, bool, CallId) {
        let call = self.table.get(id).map(|e| e.machine.call());
        let inbound = call.is_some_and(|c| c.direction == Direction::Inbound);
        (call.map(|c| c.started.pbx_time), !inbound, id)
    }

    /// The leg of who transfers in a call: its own channel's, or that of the same device.
    fn leaver(&self, ix: PbxIx, call: CallId, by: &ChannelId) -> Option<LegId> {
        let chan = self.boards.find(ix, by);
        let entry = self.table.get(call)?;
        let name = self.boards.get(ix)?.name.clone();
        if let Some(Place::Leg(its, leg)) = chan.map(|c| c.place)
            && its == call
        {
            return Some(leg);
        }
        let channel = crate::model::Channel { pbx: name, id: by.0.clone() };
        if let Some(leg) = entry.machine.leg_of(&channel) {
            return Some(leg); // it has ended before the transfer was told
        }
        let device = chan?.device();
        let same = |l: &&Leg| l.role.is_inside() && &*l.device == device && l.ended.is_none();
        entry.machine.call().legs.iter().find(same).map(|l| l.id)
    }

    /// Who transferred is done with this call.
    fn leave_call(
        &mut self,
        now: Now,
        ix: PbxIx,
        call: CallId,
        leg: LegId,
        at: Moment,
        out: &mut Outputs,
    ) {
        self.retire(ix, call, leg);
        self.feed_leg(now, call, leg, at, LegInput::Moved, out);
    }

    /// What the channel of a leg does from here on is not said of the leg.
    fn retire(&mut self, ix: PbxIx, call: CallId, leg: LegId) {
        let Some(board) = self.boards.board(ix) else { return };
        for chan in board.channels.values_mut().filter(|c| c.place == Place::Leg(call, leg)) {
            chan.place = Place::Done;
        }
    }

    /// Channels of two calls are in one bridge. One that is no conversation yet goes into the
    /// older call at once; of two conversations a transfer makes one, which is told within a
    /// moment, or their parties have been brought together without.
    pub(super) fn bridge_joins(
        &mut self,
        now: Now,
        ix: PbxIx,
        bridge: &BridgeId,
        calls: &[CallId],
        at: Moment,
        out: &mut Outputs,
    ) {
        let [keep, others @ ..] = calls else { return };
        for other in others {
            let talk = |id: CallId| self.table.get(id).is_some_and(|e| e.machine.is_talk());
            if talk(*other) && talk(*keep) {
                let due = Due::Bridge(ix, bridge.clone());
                self.boards.timers.set(now.mono.after(GRACE), due);
            } else {
                self.merge(now, ix, *keep, *other, at, out);
            }
        }
    }

    /// Seen by the proxy: its SIP dialog keeps it a call of its own to its end.
    fn on_trunk(&self, call: CallId) -> bool {
        let dialog = |id| self.table.get(id).map(|e| &e.machine.call().dialog);
        dialog(call).is_some_and(|d| !d.call_id.is_empty())
    }

    /// The parties of `other` go on in `keep`.
    pub(super) fn merge(
        &mut self,
        now: Now,
        ix: PbxIx,
        keep: CallId,
        other: CallId,
        at: Moment,
        out: &mut Outputs,
    ) {
        if self.on_trunk(other) {
            return;
        }
        let Some(entry) = self.table.get(other) else { return };
        let gone = entry.machine.shared();
        let stays = |l: &Leg| l.ended.is_some() || entry.machine.leaves(l.id);
        let moves = |l: &&Leg| !stays(l) && l.channel.is_some();
        let moving: Vec<Leg> = gone.legs.iter().filter(moves).cloned().collect();
        self.takes_customer(keep, &gone);
        if let Some(entry) = self.table.entry(keep) {
            entry.machine.take_over(&gone);
        }
        for leg in moving {
            let old = leg.id;
            let role = self.role_in(keep, &leg);
            let moved = self.feed_with(now, keep, out, |m, _| m.move_in(leg, role)).flatten();
            let Some(moved) = moved else { return };
            self.handovers.moved((other, old), (keep, moved));
            if let Some(board) = self.boards.board(ix) {
                let mine =
                    board.channels.values_mut().filter(|c| c.place == Place::Leg(other, old));
                for chan in mine {
                    chan.place = Place::Leg(keep, moved);
                }
            }
            self.feed_leg(now, other, old, at, LegInput::Moved, out);
        }
    }

    /// Part of a leg in the call that it comes into.
    fn role_in(&self, call: CallId, leg: &Leg) -> LegRole {
        let customer = self.table.get(call).is_some_and(|e| {
            let call = e.machine.call();
            has_customer(call) && call.legs.iter().any(|l| l.role == LegRole::Customer)
        });
        match leg.role {
            LegRole::Customer | LegRole::External if customer => LegRole::External,
            LegRole::Customer | LegRole::External => LegRole::Customer,
            LegRole::Consult | LegRole::Agent => LegRole::Agent,
            other @ (LegRole::Trunk | LegRole::Queue | LegRole::Supervisor) => other,
        }
    }

    /// A call that had no customer has the other's.
    fn takes_customer(&mut self, keep: CallId, gone: &crate::model::Call) {
        let Some(entry) = self.table.entry(keep) else { return };
        if has_customer(entry.machine.call()) || gone.direction == Direction::Internal {
            return;
        }
        entry.machine.annotate(|call| call.trunk.clone_from(&gone.trunk));
        entry.machine.correct(|origin| {
            origin.direction = gone.direction;
            origin.to = gone.to.clone();
            origin.dialed = gone.dialed.clone();
        });
    }

    /// One channel has another's place: a call that was picked up elsewhere.
    pub(super) fn taken_over(
        &mut self,
        now: Now,
        ix: PbxIx,
        old: &ChannelId,
        new: &ChannelId,
        at: Moment,
        out: &mut Outputs,
    ) {
        let Some(place) = self.boards.find(ix, old).map(|c| c.place) else { return };
        let Some(chan) = self.boards.find(ix, new).filter(|c| !c.is_pipe()) else { return };
        let (Place::Leg(call, _), before) = (place, chan.place) else { return };
        if chan.call() == Some(call) {
            return;
        }
        if let Place::Leg(its, leg) = before {
            let others = |l: &Leg| l.id != leg && l.ended.is_none();
            if self.table.get(its).is_some_and(|e| e.machine.call().legs.iter().any(others)) {
                return; // it talks to somebody: bridges will say
            }
            self.boards.set_place(ix, new, Place::Open);
            self.feed_leg(now, its, leg, at, LegInput::Moved, out);
        }
        self.join_call(now, ix, new, call, out);
    }
}
