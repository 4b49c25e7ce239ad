//! A snapshot: three lists and some questions about single channels, merged with what events told
//! meanwhile, so that one list older than another is no contradiction.

use super::facts::{Facts, tell};
use super::known::{Fresh, Known};
use super::raw::{Bridge, Channel, Endpoint};
use crate::pbx::asterisk;
use crate::pbx::{
    BridgeId, ChannelId, DeviceState, Fact, LinkOutputs, Observed, OrderId, Snapshot,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A snapshot under way.
#[derive(Debug, Default)]
pub(super) struct Shot {
    /// Who ordered it.
    pub orders: Vec<OrderId>,
    /// Answers that are still to come.
    pub open: usize,
    /// Events were lost meanwhile: another must follow.
    pub again: bool,
    listed: HashSet<Arc<str>>,
    bridges: HashMap<Arc<str>, BridgeId>,
    endpoints: Vec<(String, String, Vec<String>)>,
    /// Channels that hear their other party's hold.
    waiting: Vec<Arc<str>>,
}

/// What is to be asked about one channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Is it held?
    OnHold(ChannelId),
    /// What did it dial, if it did?
    Dialed(ChannelId),
}

impl Shot {
    /// Begins: from here, what events tell counts as fresh.
    pub(super) fn begin(facts: &mut Facts, orders: Vec<OrderId>) -> Self {
        facts.pending = true;
        facts.known.values_mut().for_each(|known| known.fresh = Fresh::default());
        Self { orders, ..Self::default() }
    }

    /// `GET /channels`; `None`: that is no list of channels.
    pub(super) fn channels(&mut self, facts: &mut Facts, body: &[u8]) -> Option<Vec<Detail>> {
        let list: Vec<Channel<'_>> = serde_json::from_slice(body).ok()?;
        let mut details = Vec::new();
        for raw in &list {
            if raw.id.is_empty() || !asterisk::matters(&raw.name) || facts.gone.contains(&raw.id) {
                continue;
            }
            let Some(id) = facts.listed(raw) else { continue };
            self.listed.insert(Arc::clone(&id));
            let Some(known) = facts.known.get_mut(&id) else { continue };
            known.found(raw);
            if known.info.pipe.is_some() {
                continue;
            }
            if known.info.incoming.is_none() {
                details.push(Detail::Dialed(ChannelId(Arc::clone(&id))));
            }
            if known.answered {
                details.push(Detail::OnHold(ChannelId(id)));
            }
        }
        Some(details)
    }

    /// `GET /bridges`; false: that is no list of bridges.
    pub(super) fn bridges(&mut self, body: &[u8]) -> bool {
        let Ok(list) = serde_json::from_slice::<Vec<Bridge<'_>>>(body) else { return false };
        for bridge in list.iter().filter(|bridge| bridge.joins()) {
            let id = BridgeId(Arc::from(&*bridge.id));
            for channel in &bridge.channels {
                self.bridges.insert(Arc::from(&**channel), id.clone());
            }
        }
        true
    }

    /// `GET /endpoints`; false: that is no list of endpoints.
    pub(super) fn endpoints(&mut self, facts: &Facts, body: &[u8]) -> bool {
        let Ok(list) = serde_json::from_slice::<Vec<Endpoint<'_>>>(body) else { return false };
        for endpoint in list {
            let device = format!("{}/{}", endpoint.technology, endpoint.resource);
            if asterisk::matters(&device) && !facts.settings.is_trunk(&device) {
                let channels = endpoint.channel_ids.iter().map(|id| id.to_string()).collect();
                self.endpoints.push((device, endpoint.state.to_string(), channels));
            }
        }
        true
    }

    /// Value of `CHANNEL(onhold)`: true of the channel that is *told* to wait, so that the holder
    /// is the other one in its bridge.
    pub(super) fn on_hold(&mut self, channel: &ChannelId, value: &str) {
        if value == "1" {
            self.waiting.push(Arc::clone(&channel.0));
        }
    }

    /// All answers are there: tells the snapshot, then the devices.
    pub(super) fn finish(self, facts: &mut Facts, out: &mut LinkOutputs) -> (Vec<OrderId>, bool) {
        facts.pending = false;
        facts.known.retain(|id, known| self.listed.contains(id) || known.fresh.alive);
        for (id, known) in &mut facts.known {
            if !known.fresh.bridge {
                known.bridge = self.bridges.get(id).cloned();
            }
            if !known.fresh.hold {
                known.held = false;
            }
            known.announced = true;
            known.served |= known.bridge.is_some() && known.queue_entered().is_some();
        }
        for id in &self.waiting {
            facts.hold_of_the_other(id);
        }
        let snapshot = Snapshot { channels: facts.all(), ..Snapshot::default() };
        tell(None, Fact::Snapshot(snapshot), out);
        for (device, state, channels) in self.endpoints {
            let state = facts.endpoint_state(&state, &channels);
            tell(None, Fact::Device { device, state }, out);
        }
        (self.orders, self.again)
    }
}

impl Known {
    /// A list holds this channel.
    fn found(&mut self, raw: &Channel<'_>) {
        if self.info.incoming.is_none() {
            self.learn_direction(raw);
        }
        if !self.fresh.alive {
            self.learn(raw);
        }
        self.answered |= raw.state == "Up";
        self.ringing |= raw.state == "Ringing";
    }

    /// Its state as facts, in the order in which it came to be.
    fn as_facts(&self, id: &ChannelId, by: Option<ChannelId>, queues: bool) -> Vec<Observed> {
        let channel = || id.clone();
        let offered = by.map(|by| Fact::Offered { channel: channel(), by: Some(by) });
        let waits = queues && self.bridge.is_none() && !self.served;
        let queue = self.queue_entered().filter(|_| waits).map(|queue| Fact::Queued {
            channel: channel(),
            queue: queue.to_owned(),
            position: None,
        });
        let facts = [
            offered,
            (self.ringing && !self.answered).then(|| Fact::Ringing(channel())),
            self.answered.then(|| Fact::Answered(channel())),
            self.held.then(|| Fact::Held(channel())),
            self.bridge.clone().map(|bridge| Fact::Bridged(channel(), bridge)),
            queue,
        ];
        let made = Observed {
            pbx_time: self.info.created,
            fact: Fact::Channel(channel(), self.info.clone()),
        };
        let rest = facts.into_iter().flatten().map(|fact| Observed { pbx_time: None, fact });
        std::iter::once(made).chain(rest).collect()
    }
}

impl Facts {
    /// Follows a channel of a list; `None`: there are too many.
    fn listed(&mut self, raw: &Channel<'_>) -> Option<Arc<str>> {
        if let Some((id, _)) = self.known.get_key_value(&*raw.id) {
            return Some(Arc::clone(id));
        }
        if self.known.len() >= super::settings::CHANNELS_MAX {
            self.overflow = true;
            return None;
        }
        let id: Arc<str> = Arc::from(&*raw.id);
        self.known.insert(Arc::clone(&id), Known::default());
        Some(id)
    }

    /// This channel waits: the other one in its bridge holds, if there is just one.
    fn hold_of_the_other(&mut self, id: &Arc<str>) {
        let Some(bridge) = self.known.get(id).and_then(|known| known.bridge.clone()) else {
            return;
        };
        let others = self.others(&bridge, id);
        if let [other] = &others[..]
            && let Some(known) = self.known.get_mut(other)
            && !known.fresh.hold
            && known.info.pipe.is_none()
        {
            known.held = true;
        }
    }

    /// Who else is in this bridge.
    pub(super) fn others(&self, bridge: &BridgeId, id: &str) -> Vec<Arc<str>> {
        let inside = |(other, known): &(&Arc<str>, &Known)| {
            known.bridge.as_ref() == Some(bridge) && &***other != id
        };
        let mut others: Vec<_> =
            self.known.iter().filter(inside).map(|(other, _)| Arc::clone(other)).collect();
        others.sort();
        others
    }

    fn all(&mut self) -> Vec<(ChannelId, Vec<Observed>)> {
        let queues = self.settings.queues;
        let mut all: Vec<_> = self.known.iter().collect();
        all.sort_by_key(|(id, known)| (known.info.created, Arc::clone(id)));
        let told = all
            .iter()
            .map(|(id, known)| {
                let id = ChannelId(Arc::clone(id));
                let facts = known.as_facts(&id, self.offered_by(&id, known), queues);
                (id, facts)
            })
            .collect();
        for known in self.known.values_mut() {
            let waits = queues && known.bridge.is_none() && !known.served;
            known.queue = known.queue_entered().filter(|_| waits).map(str::to_owned);
        }
        told
    }

    /// On whose behalf a channel was called: that of the first of its group, whose id is the
    /// group's. Not told where the group is not known, because the lists do not say it.
    fn offered_by(&self, id: &ChannelId, known: &Known) -> Option<ChannelId> {
        let group = known.info.group.as_deref().filter(|group| **group != *id.0)?;
        let (first, _) = self.known.get_key_value(group)?;
        (known.info.incoming == Some(false)).then(|| ChannelId(Arc::clone(first)))
    }

    fn endpoint_state(&self, state: &str, channels: &[String]) -> DeviceState {
        let known: Vec<_> = channels.iter().filter_map(|id| self.known.get(&**id)).collect();
        match state {
            "offline" => DeviceState::Unavailable,
            "online" if channels.is_empty() => DeviceState::Idle,
            "online" if !known.is_empty() && known.iter().all(|k| k.ringing && !k.answered) => {
                DeviceState::Ringing
            }
            "online" => DeviceState::InUse,
            _ => DeviceState::Unknown,
        }
    }
}
