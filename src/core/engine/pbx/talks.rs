//! Who hears whom.

use super::board::Place;
use super::timers::{Due, GRACE};
use crate::call::LegInput;
use crate::engine::input::{Outputs, PbxIx};
use crate::engine::writer::Engine;
use crate::model::{CallId, Moment, Now};
use crate::pbx::{BridgeId, ChannelId};

impl Engine {
    /// A channel has entered a bridge.
    pub(super) fn bridged(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        bridge: &BridgeId,
        at: Moment,
        out: &mut Outputs,
    ) {
        if self.boards.find(ix, id).is_some_and(|c| c.place == Place::Done)
            && let Some(call) = self.of_mates(ix, id)
        {
            self.join_call(now, ix, id, call, out); // it had left, and is back
        }
        self.place(now, ix, id, out);
        let Some(board) = self.boards.get(ix) else { return };
        let parties = board.parties(bridge);
        // Whoever was there without a call belongs to the newcomer's.
        for party in &parties {
            let open = self.boards.find(ix, party).is_some_and(|c| c.place == Place::Open);
            if open && party != id {
                self.place(now, ix, party, out);
            }
        }
        let calls = self.calls_in(ix, &parties);
        if calls.len() > 1 {
            self.bridge_joins(now, ix, bridge, &calls, at, out);
        } else if parties.len() > 2 {
            self.boards.timers.set(now.mono.after(GRACE), Due::Bridge(ix, bridge.clone()));
        }
        self.hear_each_other(now, ix, bridge, at, out);
    }

    /// Calls of these channels, the oldest first.
    pub(super) fn calls_in(&self, ix: PbxIx, parties: &[ChannelId]) -> Vec<CallId> {
        let call = |id: &ChannelId| self.boards.find(ix, id)?.call();
        let mut calls: Vec<CallId> = parties.iter().filter_map(call).collect();
        calls.sort_by_key(|id| self.age(*id));
        calls.dedup();
        calls
    }

    /// A channel has answered: those in its bridge may hear it now.
    pub(super) fn hears(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        at: Moment,
        out: &mut Outputs,
    ) {
        let bridge = self.boards.find(ix, id).and_then(|c| c.bridge.clone());
        if let Some(bridge) = bridge {
            self.hear_each_other(now, ix, &bridge, at, out);
        }
    }

    /// Everybody in the bridge who has answered talks, if there is another who listens: one that
    /// has answered too, or that calls. A tone that is played before is nobody.
    pub(super) fn hear_each_other(
        &mut self,
        now: Now,
        ix: PbxIx,
        bridge: &BridgeId,
        at: Moment,
        out: &mut Outputs,
    ) {
        let Some(board) = self.boards.get(ix) else { return };
        let mut parties: Vec<(Place, ChannelId, bool, bool)> = board
            .parties(bridge)
            .into_iter()
            .filter_map(|id| {
                let chan = board.get(&id)?;
                Some((chan.place, id, chan.answered.is_some(), chan.called()))
            })
            .collect();
        parties.sort_by_key(|(place, id, ..)| {
            let leg = match place {
                Place::Leg(call, leg) => Some((*call, *leg)),
                Place::End(_) | Place::Open | Place::Done => None,
            };
            (leg, id.clone())
        });
        let listening = parties.iter().filter(|(_, _, answered, calls)| *answered || *calls);
        if listening.count() < 2 {
            return;
        }
        for (place, id, answered, _) in parties {
            if answered && matches!(place, Place::Leg(..)) {
                self.leg_input(now, ix, &id, at, LegInput::Talks, out);
            }
        }
    }

    /// More than two in one bridge, or parties of several calls, for longer than a transfer takes.
    pub(super) fn bridge_settled(
        &mut self,
        now: Now,
        ix: PbxIx,
        bridge: &BridgeId,
        out: &mut Outputs,
    ) {
        let Some(board) = self.boards.get(ix) else { return };
        let parties = board.parties(bridge);
        let at = Moment::own(now);
        let calls = self.calls_in(ix, &parties);
        if let [keep, others @ ..] = calls.as_slice() {
            for other in others {
                self.merge(now, ix, *keep, *other, at, out);
            }
            self.hear_each_other(now, ix, bridge, at, out);
            self.conference(now, ix, *keep, &parties, out);
        }
    }

    /// The newest of more than two parties that talk makes it a conference, once.
    fn conference(
        &mut self,
        now: Now,
        ix: PbxIx,
        call: CallId,
        parties: &[ChannelId],
        out: &mut Outputs,
    ) {
        let mut legs: Vec<_> = parties
            .iter()
            .filter_map(|id| match self.boards.find(ix, id)?.place {
                Place::Leg(its, leg) if its == call => Some(leg),
                Place::Leg(..) | Place::End(_) | Place::Open | Place::Done => None,
            })
            .collect();
        let trunk = parties
            .iter()
            .any(|id| self.boards.find(ix, id).is_some_and(|c| c.place == Place::End(call)));
        legs.sort_unstable();
        let Some(entry) = self.table.get(call) else { return };
        legs.retain(|leg| entry.machine.in_talk(*leg));
        if legs.len() + usize::from(trunk) > 2
            && let Some(newest) = legs.last()
        {
            self.feed_leg(now, call, *newest, Moment::own(now), LegInput::Conferenced, out);
        }
    }
}
