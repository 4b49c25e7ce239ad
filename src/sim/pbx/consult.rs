//! Transfers and consultations, as Asterisk's own features make them.

use super::channel::{Channel, Consult, Kind, State, Uid};
use super::switch::{Made, Switch};
use super::text::Block;
use trunkline_core::model::Mono;

impl Switch {
    /// Sends the other party of `by` to `exten`.
    pub(super) fn transfer(&mut self, now: Mono, by: &Uid, exten: &str) -> Result<(), String> {
        let peer = self.partner(by).filter(|peer| !self.is_pipe(peer));
        let peer = peer.ok_or("the channel talks with nobody who could be sent")?;
        let block = Block::event("BlindTransfer").with("Result", "Success");
        let block = block.with("TransfererUniqueid", by).with("TransfereeUniqueid", &peer);
        self.tell(block.with("IsExternal", "Yes").with("Extension", exten));
        self.bridge_leave(by);
        self.bridge_leave(&peer);
        self.gone(now, by, 16, None);
        if let Some(channel) = self.channels.get_mut(&peer) {
            channel.caller = None;
        }
        self.enter(now, &peer, exten);
        Ok(())
    }

    fn is_pipe(&self, uid: &str) -> bool {
        self.channels.get(uid).is_some_and(|c| matches!(c.kind, Kind::Pipe { .. }))
    }

    /// Holds the other party of `by` and calls `exten` by a pipe.
    pub(super) fn consult(&mut self, now: Mono, by: &Uid, exten: &str) -> Result<(), String> {
        let held = self.partner(by).ok_or("the channel talks with nobody")?;
        let asker = self.channels.get(by).filter(|c| c.consult.is_none());
        let asker = asker.ok_or("the channel asks somebody already")?.clone();
        let (one, two) = self.make_pipe(now, by, exten);
        self.inherit(&asker, &two);
        let bridge = self.new_bridge();
        self.bridge_enter(&one, &bridge);
        let kept = self.bridge_leave(by).unwrap_or_default();
        if let Some(peer) = self.channels.get_mut(&held) {
            peer.parked = true;
        }
        self.bridge_enter(by, &bridge);
        if let Some(asker) = self.channels.get_mut(by) {
            let (one, two) = (one, two.clone());
            asker.consult = Some(Consult { held, bridge: kept, one, two });
        }
        self.enter(now, &two, exten);
        Ok(())
    }

    /// Both halves of a Local channel.
    fn make_pipe(&mut self, now: Mono, by: &Uid, exten: &str) -> (Uid, Uid) {
        let name = self.new_bridge();
        let serial = name.rsplit('-').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        let common = format!("Local/{exten}@from-agents-{serial:08x}");
        let half = |this: &mut Self, half: u8, state: State| {
            let kind = Kind::Pipe { other: Uid::new() };
            let endpoint = format!("{common};{half}");
            let (caller, number, uid) = (Some(by), "<unknown>", None);
            this.create(now, Made { endpoint, kind, state, number, exten, caller, uid })
        };
        let one = half(self, 1, State::Down);
        let two = half(self, 2, State::Ring);
        for (this, other) in [(&one, &two), (&two, &one)] {
            if let Some(channel) = self.channels.get_mut(this) {
                channel.kind = Kind::Pipe { other: other.clone() };
                channel.caller = None;
            }
        }
        (one, two)
    }

    /// What the asker's leg carries goes on with the call that asks.
    fn inherit(&mut self, asker: &Channel, two: &str) {
        if let Some(channel) = self.channels.get_mut(two) {
            asker.number.clone_into(&mut channel.number);
            channel.variables = asker.variables.clone();
            channel.variables.remove("TRUNKLINE_MARK"); // that of another call
        }
    }

    /// The asker leaves: who was held talks with who was asked.
    pub(super) fn complete(&mut self, now: Mono, by: &Uid) {
        let Some(consult) = self.channels.get_mut(by).and_then(|c| c.consult.take()) else {
            return;
        };
        let Consult { held, bridge, one, two } = consult;
        self.bridge_leave(by);
        self.bridge_leave(&one);
        self.bridge_enter(&one, &bridge);
        self.unpark(&held);
        self.attended(by, &held, &one, "Bridge");
        self.gone(now, by, 16, None);
        let up = self.channels.get(&two).is_some_and(|channel| channel.state == State::Up);
        match (up, self.channels.get_mut(&two)) {
            (true, _) => self.optimise(now, &held, &two),
            (false, Some(channel)) => channel.awaited_by = Some(held),
            (false, None) => {}
        }
    }

    /// The pipe is taken out: `held` takes the place of its second half.
    pub(super) fn optimise(&mut self, now: Mono, held: &Uid, two: &Uid) {
        let Some(Kind::Pipe { other: one }) = self.channels.get(two).map(|c| c.kind.clone()) else {
            return;
        };
        self.bridge_leave(held);
        if let Some(bridge) = self.bridge_leave(two) {
            self.bridge_enter(held, &bridge);
        }
        self.bridge_leave(&one);
        self.gone(now, &one, 16, None);
    }

    /// Back to who was held; who was asked goes.
    pub(super) fn cancel(&mut self, now: Mono, by: &Uid) -> Result<(), String> {
        let consult = self.channels.get(by).and_then(|channel| channel.consult.clone());
        let consult = consult.ok_or("nobody was asked")?;
        self.gone(now, &consult.two, 16, None);
        Ok(())
    }

    /// Nobody is asked any more: the asker is back with who was held.
    pub(super) fn back(&mut self, by: &Uid) {
        let Some(consult) = self.channels.get_mut(by).and_then(|c| c.consult.take()) else {
            return;
        };
        self.bridge_leave(by);
        self.unpark(&consult.held);
        self.bridge_enter(by, &consult.bridge);
    }

    /// All three hear each other.
    pub(super) fn three(&mut self, by: &Uid) -> Result<(), String> {
        let consult = self.channels.get_mut(by).and_then(|channel| channel.consult.take());
        let Consult { held, bridge, one, .. } = consult.ok_or("nobody was asked")?;
        for uid in [by, &one] {
            self.bridge_leave(uid);
            self.bridge_enter(uid, &bridge);
        }
        self.unpark(&held);
        self.attended(by, &held, &one, "Threeway");
        Ok(())
    }

    fn unpark(&mut self, held: &str) {
        if let Some(channel) = self.channels.get_mut(held) {
            channel.parked = false;
        }
    }

    fn attended(&mut self, by: &str, held: &str, target: &str, kind: &str) {
        let block = Block::event("AttendedTransfer").with("Result", "Success");
        let block = block.with("OrigTransfererUniqueid", by).with("SecondTransfererUniqueid", by);
        let block = block.with("TransfereeUniqueid", held).with("TransferTargetUniqueid", target);
        self.tell(block.with("DestType", kind));
    }
}
