//! Lists (`BridgeList`, `Status`, `QueueStatus`) become one snapshot.
//!
//! Lists and events come in one stream, but an event may be older than a list that comes before
//! it. So both are read into the board, and the snapshot is told from the board.

use super::block::Block;
use super::board::Board;
use super::channel::{Waits, state};
use crate::model::{Now, Pii};
use crate::pbx::{BridgeId, ChannelId, Member, Snapshot};
use std::collections::BTreeSet;

/// Says whether the party at a channel holds.
const ON_HOLD: &str = "CHANNEL(onhold)";

/// What the lists hold beside channels.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Bridges in which nobody hears anybody.
    holding: BTreeSet<BridgeId>,
    members: Vec<Member>,
    waiting: BTreeSet<ChannelId>,
    /// `QueueStatus` is complete.
    pub(super) queues_known: bool,
}

impl Board {
    /// What `Status` is asked to tell of each channel.
    pub(super) fn variables(&self) -> String {
        let mut names = vec![ON_HOLD, &self.settings.mark_variable];
        names.extend(self.settings.call_id_variable.as_deref());
        names.join(",")
    }

    /// Reads an item of a list.
    pub(super) fn listed(&mut self, block: &Block<'_>, now: Now, listing: &mut Listing) {
        match block.value("Event") {
            Some("BridgeListItem") => {
                let holding = block.value("BridgeTechnology") == Some("holding_bridge");
                let id = block.value("BridgeUniqueid").filter(|_| holding);
                listing.holding.extend(id.map(|id| BridgeId(id.into())));
            }
            Some("Status") => self.listed_channel(block, listing),
            Some("QueueMember") => {
                let interface = block.value("Location").unwrap_or_default();
                listing.members.extend(self.queues.member(block, interface, now));
            }
            Some("QueueEntry") => self.listed_caller(block, listing),
            _ => {}
        }
    }

    fn listed_channel(&mut self, block: &Block<'_>, listing: &Listing) {
        let Some(id) = Self::id(block, "") else { return };
        if !self.channels.contains_key(&id) && !self.insert(block, "", id.clone()) {
            return;
        }
        let generation = self.generation;
        let (mark, call_id) = {
            let variable = |name: &str| block.variable(name).map(str::to_owned);
            let settings = &self.settings;
            let call_id = settings.call_id_variable.as_deref().and_then(variable);
            (variable(&settings.mark_variable), call_id)
        };
        let call_id = call_id.filter(|value| self.first_with(value));
        let Some(channel) = self.channels.get_mut(&id) else { return };
        channel.generation = generation;
        channel.info.mark = mark.or(channel.info.mark.take());
        channel.info.sip_call_id = channel.info.sip_call_id.take().or(call_id);
        // What `Dial`, `Originate` and `Queue` write on the channels they make.
        let made_to_call = ["AppDial", "AppDial2", "AppQueue"].map(Some);
        let made_to_call = made_to_call.contains(&block.value("Application"));
        if made_to_call {
            channel.info.incoming = Some(false);
        }
        if let Some(dnid) = block.value("DNID").filter(|_| !made_to_call) {
            channel.info.incoming.get_or_insert(true);
            channel.info.dialed.get_or_insert(Pii::new(dnid.to_owned()));
        }
        if channel.info.incoming == Some(false) && channel.offered.is_none() {
            let leader = block.value("Linkedid").filter(|leader| *leader != &*id.0);
            channel.offered = Some(leader.map(|leader| ChannelId(leader.into())));
        }
        match block.int("ChannelState") {
            Some(state::RINGING) => _ = channel.rang.get_or_insert(None),
            Some(state::UP) => _ = channel.answered.get_or_insert(None),
            _ => {}
        }
        match block.variable(ON_HOLD) {
            Some("1") => _ = channel.held.get_or_insert(None),
            Some(_) => channel.held = None,
            None => {}
        }
        let bridge = block.value("BridgeID").map(|bridge| BridgeId(bridge.into()));
        let bridge = bridge.filter(|bridge| !listing.holding.contains(bridge));
        if bridge.as_ref() != channel.bridge.as_ref().map(|(bridge, _)| bridge) {
            channel.bridge = bridge.map(|bridge| (bridge, None));
        }
    }

    /// An inherited variable is no Call-ID of a second channel: the caller was made first.
    fn first_with(&self, call_id: &str) -> bool {
        !self.channels.values().any(|c| c.info.sip_call_id.as_deref() == Some(call_id))
    }

    fn listed_caller(&mut self, block: &Block<'_>, listing: &mut Listing) {
        let (Some(id), Some(queue)) = (self.known(block, ""), block.value("Queue")) else { return };
        let Some(caller) = self.channels.get_mut(&id) else { return };
        let position = block.int("Position");
        match &mut caller.waits {
            Some(waits) if waits.queue == queue => waits.position = position,
            waits => {
                let queue = queue.to_owned();
                *waits = Some(Waits { queue, position, since: None, taken: false });
            }
        }
        listing.waiting.insert(id);
    }

    /// `Status` is complete: a channel that it did not name, and that was not made since, is gone.
    pub(super) fn channels_listed(&mut self) {
        let generation = self.generation;
        let left = self.channels.iter().filter(|(_, channel)| channel.generation < generation);
        let left: Vec<ChannelId> = left.map(|(id, _)| id.clone()).collect();
        for id in left {
            self.remove(&id);
        }
    }

    /// `QueueStatus` is complete.
    pub(super) fn queues_listed(&mut self, listing: &mut Listing) {
        listing.queues_known = true;
        for (id, channel) in &mut self.channels {
            if !listing.waiting.contains(id) {
                channel.waits = None;
            }
        }
    }

    /// All that is known, callers before those who were called for them.
    pub(super) fn snapshot(&self, listing: Listing) -> Snapshot {
        let mut channels: Vec<_> = self.channels.iter().collect();
        channels.sort_by_key(|(id, channel)| (channel.offered.is_some(), made(id)));
        Snapshot {
            channels: channels.iter().map(|(id, c)| ((*id).clone(), c.facts(id))).collect(),
            members: listing.members,
            members_known: listing.queues_known,
        }
    }
}

/// Asterisk's own ids are `[system-]seconds.serial`.
fn made(id: &ChannelId) -> Option<(u64, u64)> {
    let (start, serial) = id.0.rsplit_once('.')?;
    let seconds = start.rsplit('-').next()?;
    Some((seconds.parse().ok()?, serial.parse().ok()?))
}
