//! Calls that only control links show: how they begin.

use super::board::{Chan, Place};
use super::place::has_customer;
use crate::call::{CallMachine, NewLeg, SeenStart};
use crate::engine::input::{Outputs, PbxIx};
use crate::engine::table::Entry;
use crate::engine::writer::Engine;
use crate::gate::Dialed;
use crate::model::{CallId, Direction, LegId, LegRole, Moment, Now, Party, Pii};
use crate::pbx::ChannelId;
use std::sync::Arc;

impl Engine {
    /// A channel that belongs to no call we know starts one.
    pub(super) fn start_for(
        &mut self,
        now: Now,
        ix: PbxIx,
        id: &ChannelId,
        at: Moment,
        out: &mut Outputs,
    ) {
        let Some(board) = self.boards.get(ix) else { return };
        let Some(chan) = board.get(id) else { return };
        let dials_out = board.is_trunk(chan) && !chan.called();
        let (direction, role) = match (board.is_trunk(chan), chan.called()) {
            (true, true) => (Direction::Inbound, LegRole::Customer),
            (true, false) => (Direction::Outbound, LegRole::Trunk),
            (false, _) => (Direction::Internal, LegRole::Agent),
        };
        if let Some(call) = self.call_ahead_of(id) {
            return self.join_caller(now, ix, id, call, out);
        }
        let name = board.name.clone();
        if self.table.len() >= self.config.calls_max {
            return; // its limit is told when a call on the trunk meets it
        }
        let Some(first) = self.new_leg(ix, id, role) else { return };
        let Some(chan) = self.boards.find(ix, id).cloned() else { return };
        let (from, to) = self.parties_of(ix, direction, &chan);
        let line: Arc<str> = chan.device().into();
        let device = match direction {
            Direction::Inbound => to.raw.reveal().as_str().into(),
            Direction::Outbound => Arc::default(),
            Direction::Internal => line.clone(),
        };
        // What dials without anybody is the PBX itself.
        let leg = match dials_out {
            true => NewLeg {
                device: name,
                agent: None,
                channel: None,
                sip_call_id: None,
                asked: false,
                pop: None,
                ..first
            },
            false => first,
        };
        let trunk = if direction == Direction::Internal { Arc::default() } else { line };
        let call = self.ids.call(now);
        let start = SeenStart { id: call, direction, from, to, device, trunk, leg, at };
        let mut machine = CallMachine::start_seen(&self.config.call, start);
        self.asked_by_desk(id, &mut machine);
        self.table.insert(Entry::new(machine, now.mono));
        if direction == Direction::Inbound {
            self.totals.calls_inbound += 1;
        }
        if dials_out {
            return self.join_call(now, ix, id, call, out);
        }
        self.boards.set_place(ix, id, Place::Leg(call, LegId(1)));
        self.replay(now, ix, id, out);
        self.place_children(now, ix, id, out);
    }

    /// A phone that a desk has called before its customer: whom the call is for is known.
    fn asked_by_desk(&self, id: &ChannelId, machine: &mut CallMachine) {
        let Some((dialed, ask)) = self.dialled_by_desk(id) else { return };
        let to = Arc::new(self.desk_parties.with(ask.to.reveal(), "", &dialed));
        machine.correct(|origin| {
            if !matches!(dialed, Dialed::Internal(_)) {
                origin.direction = Direction::Outbound;
            }
            origin.purpose = ask.purpose.as_deref().map(Box::from);
            origin.to = to.clone();
            origin.dialed = to;
        });
    }

    /// Who calls whom by a channel that calls, or that is called first.
    fn parties_of(
        &mut self,
        ix: PbxIx,
        direction: Direction,
        chan: &Chan,
    ) -> (Arc<Party>, Arc<Party>) {
        let text = |pii: &Option<Pii<String>>| pii.as_ref().map(|p| p.reveal().clone());
        let number = text(&chan.info.number).unwrap_or_else(|| chan.device().to_owned());
        let display = text(&chan.info.display).unwrap_or_default();
        let dialed = text(&chan.info.dialed).unwrap_or_default();
        let from = if chan.called() { number } else { chan.device().to_owned() };
        let maker = &self.desk_parties;
        let from = self.known_parties.party(maker, &from, &display);
        let to = match direction {
            Direction::Inbound => self.known_parties.party(maker, &dialed, ""),
            Direction::Outbound | Direction::Internal => {
                let read = self.plan_of_pbx(ix).read(&dialed);
                Arc::new(self.desk_parties.with(&dialed, "", &read))
            }
        };
        (from, to)
    }

    /// The number that a channel was made to reach.
    fn reached(&self, ix: PbxIx, id: &ChannelId) -> Option<Arc<Party>> {
        let info = &self.boards.find(ix, id)?.info;
        let dialed = info.dialed.as_ref().or(info.number.as_ref())?.reveal();
        let read = self.plan_of_endpoint(ix, &info.endpoint).look_outside(dialed).dialed;
        Some(Arc::new(self.desk_parties.with(dialed, "", &read)))
    }

    /// The customer of a call is asked for: the call goes out.
    pub(super) fn goes_out(&mut self, ix: PbxIx, id: &ChannelId, call: CallId) {
        let to = self.reached(ix, id);
        let line = self.boards.find(ix, id).map(|c| Arc::from(c.device())).unwrap_or_default();
        let Some(entry) = self.table.entry(call) else { return };
        self.totals.calls_outbound += 1;
        entry.machine.annotate(|call| call.trunk = line);
        entry.machine.correct(|origin| {
            origin.direction = Direction::Outbound;
            if let Some(to) = to {
                origin.to = to.clone();
                origin.dialed = to;
            }
        });
    }

    /// A phone of the house is asked for. Whom a call is for that the PBX began is known by then.
    pub(super) fn called_inside(&mut self, ix: PbxIx, id: &ChannelId, call: CallId) {
        let Some(device) = self.boards.find(ix, id).map(|c| c.device().to_owned()) else { return };
        let party = self.known_parties.party(&self.desk_parties, &device, "");
        let Some(entry) = self.table.entry(call) else { return };
        if !has_customer(entry.machine.call()) && entry.machine.call().to.raw.reveal().is_empty() {
            entry.machine.correct(|origin| {
                origin.to = party.clone();
                origin.dialed = party;
            });
        }
    }

    /// The INVITE of a trunk channel did not come by here in time.
    pub(super) fn gone_astray(&mut self, now: Now, ix: PbxIx, id: &ChannelId, out: &mut Outputs) {
        let Some(chan) = self.boards.chan(ix, id) else { return };
        if let Some(call_id) = &chan.info.sip_call_id {
            let call_id = call_id.clone();
            self.boards.awaited.remove(&call_id);
        }
        let Some(chan) = self.boards.chan(ix, id).filter(|c| c.place == Place::Open) else {
            return;
        };
        chan.astray = true;
        self.place(now, ix, id, out);
    }
}
