//! What a fact about a channel means.

use super::board::{Chan, Place};
use super::timers::{Due, GRACE};
use crate::call::{CallMachine, Ender, Fact as Told, LegEnd, LegInput};
use crate::engine::input::{Outputs, PbxIx};
use crate::engine::writer::Engine;
use crate::model::{CallId, Direction, LegId, Moment, Now};
use crate::pbx::{ChannelEnd, ChannelId, Dequeued, EndedBy, Fact};
use std::sync::Arc;

impl Engine {
    pub(super) fn pbx_fact(
        &mut self,
        now: Now,
        ix: PbxIx,
        at: Moment,
        fact: Fact,
        out: &mut Outputs,
    ) {
        let Some(board) = self.boards.board(ix) else { return };
        match fact {
            Fact::Channel(id, info) => {
                board.learn(&id, info, at, now.mono);
                self.place(now, ix, &id, out);
            }
            Fact::Offered { channel, by } => {
                let Some(chan) = board.ensure(&channel, at, now.mono) else { return };
                if chan.by.is_none() || by.is_some() {
                    chan.by = Some(by);
                }
                chan.offered.get_or_insert(at);
                self.place(now, ix, &channel, out);
            }
            Fact::Progress(id) => {
                self.first(now, ix, &id, at, |c| &mut c.progress, LegInput::Progress, out);
            }
            Fact::Ringing(id) => {
                self.first(now, ix, &id, at, |c| &mut c.ringing, LegInput::Ringing, out);
            }
            Fact::Answered(id) => {
                self.first(now, ix, &id, at, |c| &mut c.answered, LegInput::Answered, out);
                self.hears(now, ix, &id, at, out);
            }
            Fact::Bridged(id, bridge) => {
                if board.ensure(&id, at, now.mono).is_some() {
                    board.enter(&id, &bridge);
                    self.bridged(now, ix, &id, &bridge, at, out);
                }
            }
            Fact::Unbridged(id, bridge) => board.leave(&id, &bridge),
            Fact::Held(id) => {
                self.first(now, ix, &id, at, |c| &mut c.held, LegInput::Held, out);
            }
            Fact::Retrieved(id) => {
                if let Some(chan) = board.chan(&id) {
                    chan.held = None;
                    self.leg_input(now, ix, &id, at, LegInput::Retrieved, out);
                }
            }
            Fact::Dtmf(id, digit) => self.leg_input(now, ix, &id, at, LegInput::Dtmf(digit), out),
            fact @ (Fact::Queued { .. } | Fact::Dequeued { .. } | Fact::Missed { .. }) => {
                self.queue_fact(now, ix, at, fact, out);
            }
            Fact::Transferred { by, kind, moved, target, .. } => {
                self.transferred(now, ix, at, (&by, kind, moved.as_ref(), target.as_ref()), out);
            }
            Fact::Replaced { old, new } => self.taken_over(now, ix, &old, &new, at, out),
            Fact::Data { channel, key, value } => {
                self.leg_input(now, ix, &channel, at, LegInput::Data { key, value }, out);
            }
            Fact::Ended(id, end) => self.ended(now, ix, &id, at, end, out),
            Fact::Lost(id) => self.lose(now, ix, vec![id], out),
            // Devices and members are the agents', snapshots are compared as a whole.
            Fact::Member(_) | Fact::Device { .. } | Fact::Snapshot(_) => {}
        }
    }

    /// Waiting in queues.
    fn queue_fact(&mut self, now: Now, ix: PbxIx, at: Moment, fact: Fact, out: &mut Outputs) {
        match fact {
            Fact::Queued { channel, queue, .. } => {
                if let Some(chan) = self.boards.chan(ix, &channel) {
                    let queue: Arc<str> = queue.into();
                    chan.queued = Some((queue.clone(), at));
                    self.leg_input(now, ix, &channel, at, LegInput::Queued(queue), out);
                }
            }
            Fact::Dequeued { channel, why, .. } => {
                if let Some(chan) = self.boards.chan(ix, &channel) {
                    chan.queued = None;
                    chan.gave_up = why == Dequeued::Abandoned;
                    if why != Dequeued::Abandoned {
                        self.leg_input(now, ix, &channel, at, LegInput::Dequeued, out);
                    }
                }
            }
            Fact::Missed { caller: Some(caller), .. } => {
                self.leg_input(now, ix, &caller, at, LegInput::Missed, out);
            }
            _ => {} // no other fact is about a queue's callers
        }
    }

    /// Something that happens to a channel once until it is undone.
    #[allow(clippy::too_many_arguments)] // one fact and where it is kept
    fn first(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        at: Moment,
        place: impl FnOnce(&mut Chan) -> &mut Option<Moment>,
        input: LegInput,
        out: &mut Outputs,
    ) {
        let Some(chan) = self.boards.chan(ix, id) else { return };
        chan.seen = now.mono;
        let kept = place(chan);
        if kept.is_none() {
            *kept = Some(at);
            self.leg_input(now, ix, id, at, input, out);
        }
    }

    /// Gives what is known of a channel to its leg.
    pub(super) fn leg_input(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        at: Moment,
        input: LegInput,
        out: &mut Outputs,
    ) {
        let Some(chan) = self.boards.chan(ix, id) else { return };
        chan.seen = now.mono;
        let asked = !chan.called();
        match (chan.place, &input) {
            // Who calls does not ring.
            (Place::Leg(..), LegInput::Ringing) if !asked => {}
            (Place::Leg(call, leg), _) => self.feed_leg(now, call, leg, at, input, out),
            (
                Place::End(call),
                LegInput::Queued(_)
                | LegInput::Dequeued
                | LegInput::Missed
                | LegInput::Dtmf(_)
                | LegInput::Data { .. },
            ) => {
                let leg = self.customer_leg(call);
                self.feed_leg(now, call, leg, at, input, out);
            }
            // SIP itself says the rest about the ends of a trunk call.
            (Place::End(_) | Place::Open | Place::Done, _) => {}
        }
    }

    /// The leg of the customer of a call on the trunk.
    fn customer_leg(&self, call: CallId) -> LegId {
        let inbound = |m: &CallMachine| m.call().direction == Direction::Inbound;
        let inbound = self.table.get(call).is_some_and(|e| inbound(&e.machine));
        if inbound { LegId(1) } else { LegId(2) }
    }

    pub(super) fn feed_leg(
        &mut self,
        now: Now,
        call: CallId,
        leg: LegId,
        at: Moment,
        input: LegInput,
        out: &mut Outputs,
    ) {
        self.feed_with(now, call, out, |machine, facts| machine.leg(at, leg, input, facts));
    }

    /// Lets a call's machine act, and tells what came of it.
    pub(super) fn feed_with<T>(
        &mut self,
        now: Now,
        call: CallId,
        out: &mut Outputs,
        act: impl FnOnce(&mut CallMachine, &mut Vec<Told>) -> T,
    ) -> Option<T> {
        let learning = self.boards.learning;
        let mut waits = false;
        let done = self.feed_machine(now, call, out, |machine, facts| {
            let before = machine.leaving();
            let done = act(machine, facts);
            if let Some(closed) = learning {
                CallMachine::learnt(facts, closed);
            }
            waits = machine.leaving() > before;
            done
        });
        if waits {
            self.boards.timers.set(now.mono.after(GRACE), Due::Ends(call));
        }
        done
    }

    fn ended(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        at: Moment,
        end: ChannelEnd,
        out: &mut Outputs,
    ) {
        if self.boards.get(ix).is_some_and(|board| board.passed_by(id)) {
            self.gone_astray(now, ix, id, out);
        }
        let Some(chan) = self.boards.board(ix).and_then(|board| board.remove(id)) else { return };
        let by = match end.by {
            Some(EndedBy::Party) => Ender::Party,
            Some(EndedBy::Pbx) => Ender::Switch,
            None if chan.gave_up => Ender::Party,
            None => Ender::Unknown,
        };
        let ChannelEnd { q850, sip_status, text, .. } = end;
        let lost = self.boards.learning == Some(true);
        let end = LegEnd { by, q850, sip_status, text, lost };
        if let Place::Leg(call, leg) = chan.place {
            self.feed_leg(now, call, leg, at, LegInput::Ended(end), out);
        }
    }
}
