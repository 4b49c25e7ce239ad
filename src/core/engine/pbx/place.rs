//! Which call a channel belongs to.

use super::board::{Chan, Place};
use super::timers::{Due, INVITE_WAIT};
use crate::call::{LegInput, NewLeg};
use crate::engine::input::{Outputs, PbxIx};
use crate::engine::writer::Engine;
use crate::model::{Call, CallId, Channel, Direction, Leg, LegId, LegRole, Moment, Now};
use crate::pbx::ChannelId;

impl Engine {
    /// Finds the call of a channel, as far as it can be known now.
    pub(super) fn place(&mut self, now: Now, ix: PbxIx, id: &ChannelId, out: &mut Outputs) {
        let Some(board) = self.boards.get(ix) else { return };
        let Some(chan) = board.get(id) else { return };
        if chan.is_pipe() {
            return self.place_those_behind(now, ix, id, out);
        }
        match chan.place {
            Place::Open => {}
            Place::End(call) => return self.join_dialler(now, ix, id, call, out),
            Place::Leg(..) | Place::Done => return self.refine(ix, id),
        }
        if chan.info.endpoint.is_empty() {
            return; // only its name has been heard so far
        }
        if board.proxied && board.is_trunk(chan) && !chan.astray {
            return self.await_invite(now, ix, id, out);
        }
        let born = chan.born;
        match chan.by.clone() {
            Some(Some(by)) => {
                let root = board.root(&by).and_then(|root| board.get(root)).and_then(Chan::call);
                let call = root.or_else(|| self.of_group(ix, id));
                if let Some(call) = call {
                    self.join_call(now, ix, id, call, out);
                }
            }
            // What it is held together with says more than that nobody asked for it.
            Some(None) => match self.of_mates(ix, id).or_else(|| self.of_group(ix, id)) {
                Some(call) => self.join_call(now, ix, id, call, out),
                None => self.start_for(now, ix, id, born, out),
            },
            None if chan.called() => self.start_for(now, ix, id, born, out),
            None => {
                if let Some(call) = self.of_mates(ix, id) {
                    self.join_call(now, ix, id, call, out);
                }
            }
        }
    }

    /// Channels that wait for a call of the one they were made for.
    pub(super) fn place_children(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        out: &mut Outputs,
    ) {
        let Some(board) = self.boards.get(ix) else { return };
        let mine = |by: &ChannelId| by == id || board.root(by) == Some(id);
        let its =
            |c: &Chan| !c.is_pipe() && c.by.as_ref().and_then(Option::as_ref).is_some_and(mine);
        let children: Vec<ChannelId> =
            board.open.iter().filter(|id| board.get(id).is_some_and(its)).cloned().collect();
        for child in children {
            self.place(now, ix, &child, out);
        }
    }

    /// More is known of a pipe: so of whom it leads to.
    fn place_those_behind(&mut self, now: Now, ix: PbxIx, id: &ChannelId, out: &mut Outputs) {
        let Some(board) = self.boards.get(ix) else { return };
        let Some(root) = board.root(id).cloned() else { return };
        self.place_children(now, ix, &root, out);
    }

    /// More is known of a channel that has its place.
    fn refine(&mut self, ix: PbxIx, id: &ChannelId) {
        let Some(chan) = self.boards.find(ix, id) else { return };
        let Place::Leg(call, leg) = chan.place else { return };
        let Some(sip_call_id) = chan.info.sip_call_id.clone() else { return };
        if let Some(entry) = self.table.entry(call) {
            let known = entry.machine.call().leg(leg).is_some_and(|l| l.sip_call_id.is_some());
            if !known {
                entry.machine.annotate(|call| {
                    if let Some(leg) = call.legs.iter_mut().find(|l| l.id == leg) {
                        leg.sip_call_id = Some(sip_call_id.into());
                    }
                });
            }
        }
    }

    /// A channel of a trunk whose calls come by here: it is the PBX's end of one of them.
    fn await_invite(&mut self, now: Now, ix: PbxIx, id: &ChannelId, out: &mut Outputs) {
        let Some(chan) = self.boards.find(ix, id) else { return };
        let Some(call_id) = chan.info.sip_call_id.clone() else { return };
        if let Some(call) = self.table.of_call_id(&call_id) {
            return self.join_trunk(now, ix, id, call, out);
        }
        let waiting = self.boards.awaited.entry(call_id).or_default();
        if !waiting.contains(&(ix, id.clone())) {
            waiting.push((ix, id.clone()));
            self.boards.timers.set(now.mono.after(INVITE_WAIT), Due::Invite(ix, id.clone()));
        }
    }

    /// An INVITE has come: channels that waited for it belong to its call.
    pub(in crate::engine) fn pbx_invited(
        &mut self,
        now: Now,
        call_id: &str,
        call: CallId,
        out: &mut Outputs,
    ) {
        for (ix, id) in self.boards.awaited.remove(call_id).unwrap_or_default() {
            self.join_trunk(now, ix, &id, call, out);
        }
    }

    /// A channel is the PBX's end of a call on the trunk.
    fn join_trunk(&mut self, now: Now, ix: PbxIx, id: &ChannelId, call: CallId, out: &mut Outputs) {
        self.boards.set_place(ix, id, Place::End(call));
        self.join_dialler(now, ix, id, call, out);
        let queued = self.boards.find(ix, id).and_then(|c| c.queued.clone());
        if let Some((queue, at)) = queued {
            self.leg_input(now, ix, id, at, LegInput::Queued(queue), out);
        }
        self.place_children(now, ix, id, out);
    }

    /// The PBX's end of a call on the trunk was made on somebody's behalf.
    fn join_dialler(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        call: CallId,
        out: &mut Outputs,
    ) {
        let by = self.boards.find(ix, id).and_then(|c| c.by.clone()).flatten();
        let root = |by: ChannelId| self.boards.get(ix)?.root(&by).cloned();
        if let Some(root) = by.and_then(root) {
            self.join_caller(now, ix, &root, call, out);
            if let Some(board) = self.boards.board(ix) {
                board.open.remove(id);
            }
        }
    }

    /// Who dials a call on the trunk is known: the first leg is that device's.
    pub(super) fn join_caller(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        call: CallId,
        out: &mut Outputs,
    ) {
        let Some(new) = self.new_leg(ix, id, LegRole::Agent) else { return };
        let Some(chan) = self.boards.find(ix, id) else { return };
        let before = chan.place;
        let dials = |l: &Leg| l.id == LegId(1) && l.role == LegRole::Trunk && l.channel.is_none();
        let Some(entry) = self.table.entry(call) else { return };
        if !entry.machine.call().legs.iter().any(dials) {
            return;
        }
        entry.machine.attach(LegId(1), new);
        match before {
            Place::Leg(old, leg) if old != call => {
                let Some(others) = self.table.get(old).map(|e| e.machine.call()) else { return };
                let alone = others.legs.iter().all(|l| l.id == leg || l.ended.is_some());
                if !alone {
                    return; // it asks somebody outside, and its own call goes on
                }
                self.boards.set_place(ix, id, Place::Leg(call, LegId(1)));
                self.feed_leg(now, old, leg, Moment::own(now), LegInput::Moved, out);
            }
            _ => self.boards.set_place(ix, id, Place::Leg(call, LegId(1))),
        }
    }

    /// A further leg of a call.
    pub(super) fn join_call(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        call: CallId,
        out: &mut Outputs,
    ) {
        let Some(board) = self.boards.get(ix) else { return };
        let (Some(chan), Some(entry)) = (board.get(id), self.table.get(call)) else { return };
        let trunk = board.is_trunk(chan);
        let role = match trunk {
            true if has_customer(entry.machine.call()) => LegRole::External,
            true => LegRole::Customer,
            false => self.role_inside(ix, call, id),
        };
        let (at, astray) = (chan.offered.unwrap_or(chan.born), chan.astray);
        let Some(new) = self.new_leg(ix, id, role) else { return };
        if role == LegRole::Customer {
            self.goes_out(ix, id, call);
        } else if !trunk {
            self.called_inside(ix, id, call);
        }
        if role == LegRole::Consult
            && let Some(about) = self.asked_beside(ix, call, id)
        {
            self.asks_about(call, about);
        }
        let added =
            self.feed_with(now, call, out, |machine, facts| machine.add_leg(at, new, facts));
        let Some(leg) = added.flatten() else { return };
        self.boards.set_place(ix, id, Place::Leg(call, leg));
        self.rings_in_a_fault(call);
        if trunk {
            self.reached_outside(now, ix, id, (call, leg), astray, out);
        }
        self.replay(now, ix, id, out);
        self.place_children(now, ix, id, out);
    }

    /// A party asked for advice: an agent who talks to somebody has it called, or calls it
    /// itself while it has another conversation.
    fn role_inside(&self, ix: PbxIx, call: CallId, id: &ChannelId) -> LegRole {
        let Some(entry) = self.table.get(call) else { return LegRole::Agent };
        let served = entry.machine.is_served();
        let busy = self.asked_beside(ix, call, id).is_some();
        if served || busy { LegRole::Consult } else { LegRole::Agent }
    }

    /// The other conversation of who calls here.
    fn asked_beside(&self, ix: PbxIx, call: CallId, id: &ChannelId) -> Option<CallId> {
        let caller = self.table.get(call)?.machine.call().legs.first()?;
        self.talks_elsewhere(ix, caller, call, id)
    }

    /// Something here does not work while a phone begins to ring.
    fn rings_in_a_fault(&mut self, call: CallId) {
        if self.incidents.is_open()
            && let Some(entry) = self.table.entry(call)
        {
            entry.machine.note_fault();
        }
    }

    /// The device of this leg is in another conversation too.
    fn talks_elsewhere(
        &self,
        ix: PbxIx,
        leg: &Leg,
        call: CallId,
        not: &ChannelId,
    ) -> Option<CallId> {
        let board = self.boards.get(ix).filter(|_| leg.role == LegRole::Agent)?;
        let mut others = board.channels.iter().filter_map(|(id, chan)| {
            let other = match chan.place {
                Place::Leg(other, leg) if other != call && id != not => Some((other, leg)),
                _ => None,
            };
            let (other, its) = other.filter(|_| chan.device() == &*leg.device)?;
            self.table.get(other).filter(|e| e.machine.in_talk(its)).map(|_| other)
        });
        others.next()
    }

    /// The leg that a channel is.
    pub(super) fn new_leg(&self, ix: PbxIx, id: &ChannelId, role: LegRole) -> Option<NewLeg> {
        let board = self.boards.get(ix)?;
        let chan = board.get(id)?;
        let inside = role.is_inside();
        let agent = self.agent_at(Some(&board.name), chan.device()).filter(|_| inside);
        Some(NewLeg {
            role,
            device: chan.device().into(),
            channel: Some(Channel { pbx: board.name.clone(), id: id.0.clone() }),
            sip_call_id: chan.info.sip_call_id.as_deref().map(Into::into),
            asked: !chan.called(),
            pop: self.pop_of(agent.as_ref()),
            agent,
        })
    }

    /// What a channel did before it had a call.
    pub(super) fn replay(&mut self, now: Now, ix: PbxIx, id: &ChannelId, out: &mut Outputs) {
        let Some(chan) = self.boards.find(ix, id).cloned() else { return };
        let mut did = |at: Option<Moment>, input: LegInput| {
            if let Some(at) = at {
                self.leg_input(now, ix, id, at, input, out);
            }
        };
        did(chan.progress, LegInput::Progress);
        did(chan.ringing, LegInput::Ringing);
        did(chan.answered, LegInput::Answered);
        if let Some((queue, at)) = chan.queued {
            did(Some(at), LegInput::Queued(queue));
        }
        if let Some(bridge) = chan.bridge {
            self.hear_each_other(now, ix, &bridge, Moment::own(now), out);
        }
        if let Some(at) = chan.held {
            self.leg_input(now, ix, id, at, LegInput::Held, out);
        }
    }

    /// The call of whoever is in the same bridge.
    pub(super) fn of_mates(&self, ix: PbxIx, id: &ChannelId) -> Option<CallId> {
        let board = self.boards.get(ix)?;
        let parties = board.parties(board.get(id)?.bridge.as_ref()?);
        parties.iter().filter(|p| *p != id).find_map(|p| board.get(p)?.call())
    }

    /// The call of what the PBX itself holds together with this channel.
    fn of_group(&self, ix: PbxIx, id: &ChannelId) -> Option<CallId> {
        let board = self.boards.get(ix)?;
        let group = board.get(id)?.info.group.as_ref()?;
        let mine = |c: &&Chan| c.info.group.as_ref() == Some(group) && c.call().is_some();
        board.channels.values().find(mine)?.call()
    }
}

pub(super) fn has_customer(call: &Call) -> bool {
    let there = |l: &Leg| l.role == LegRole::Customer;
    call.legs.iter().any(there) || call.direction == Direction::Inbound
}
