//! What a session knows of its PBX: the channels that live, and the facts that follow from what it
//! reads. A fact is said once; an event about a channel that has ended says nothing.

use super::block::Block;
use super::channel::{Channel, Stamp, read, told};
use super::queues::Queues;
use super::settings::AmiSettings;
use crate::model::Mono;
use crate::pbx::asterisk::matters;
use crate::pbx::{ChannelId, Fact, Observed};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Channels known at once. Beyond: a new one is not followed.
const CHANNELS_MAX: usize = 20_000;
/// Ended channels that are remembered: an event of another topic may come after `Hangup`.
const GONE_MAX: usize = 256;

/// Channels and queues of a PBX.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) settings: Arc<AmiSettings>,
    pub(super) channels: BTreeMap<ChannelId, Channel>,
    pub(super) queues: Queues,
    /// Major and minor version of Asterisk; zeros: it was not told.
    pub(super) version: (u32, u32),
    /// Counts the snapshots.
    pub(super) generation: u32,
    /// What was said and not yet taken.
    pub(super) facts: Vec<Observed>,
    /// Channels that have appeared and were not yet taken.
    pub(super) appeared: Vec<ChannelId>,
    /// A channel was not followed because there are too many.
    pub(super) full: bool,
    /// Channels that seem to be held no longer, and when that is certain.
    pub(super) settling: VecDeque<(Mono, ChannelId)>,
    gone: VecDeque<ChannelId>,
}

impl Board {
    pub(super) fn new(settings: Arc<AmiSettings>) -> Self {
        Self {
            settings,
            channels: BTreeMap::new(),
            queues: Queues::default(),
            version: (0, 0),
            generation: 0,
            facts: Vec::new(),
            appeared: Vec::new(),
            full: false,
            settling: VecDeque::new(),
            gone: VecDeque::new(),
        }
    }

    pub(super) fn say(&mut self, at: Stamp, fact: Fact) {
        self.facts.push(told(at, fact));
    }

    /// Says what is known of a channel.
    pub(super) fn describe(&mut self, at: Stamp, id: &ChannelId) {
        if let Some(channel) = self.channels.get(id) {
            let info = channel.info.clone();
            self.say(at, Fact::Channel(id.clone(), info));
        }
    }

    /// The id of an event's channel.
    pub(super) fn id(block: &Block<'_>, prefix: &str) -> Option<ChannelId> {
        block.of(prefix, "Uniqueid").map(|id| ChannelId(id.into()))
    }

    /// The id of an event's channel, if it lives.
    pub(super) fn known(&self, block: &Block<'_>, prefix: &str) -> Option<ChannelId> {
        Self::id(block, prefix).filter(|id| self.channels.contains_key(id))
    }

    /// An event's channel, which may have been there before this session was.
    pub(super) fn ensure(&mut self, block: &Block<'_>, prefix: &str) -> Option<ChannelId> {
        let id = Self::id(block, prefix)?;
        if self.channels.contains_key(&id) {
            self.regroup(block, prefix, &id);
            return Some(id);
        }
        self.insert(block, prefix, id.clone()).then(|| {
            self.describe(block.stamp(), &id);
            id
        })
    }

    /// Begins to follow a channel; false if it is not to be followed.
    pub(super) fn insert(&mut self, block: &Block<'_>, prefix: &str, id: ChannelId) -> bool {
        if self.channels.len() >= CHANNELS_MAX {
            self.full = true;
        }
        let party = block.of(prefix, "Channel").is_some_and(matters);
        if self.full || !party || self.gone.contains(&id) {
            return false;
        }
        let info = read(block, prefix);
        let trunk = self.settings.is_trunk(&info.endpoint);
        let channel = Channel { info, trunk, generation: self.generation, ..Channel::default() };
        self.channels.insert(id.clone(), channel);
        self.appeared.push(id);
        true
    }

    /// What Asterisk holds together changes when calls are joined.
    fn regroup(&mut self, block: &Block<'_>, prefix: &str, id: &ChannelId) {
        let (Some(group), Some(channel)) =
            (block.of(prefix, "Linkedid"), self.channels.get_mut(id))
        else {
            return;
        };
        if channel.info.group.as_deref() != Some(group) {
            channel.info.group = Some(group.to_owned());
            self.describe(block.stamp(), id);
        }
    }

    /// Forgets a channel that has ended.
    pub(super) fn remove(&mut self, id: &ChannelId) -> Option<Channel> {
        let channel = self.channels.remove(id)?;
        self.full = false;
        if self.gone.len() == GONE_MAX {
            self.gone.pop_front();
        }
        self.gone.push_back(id.clone());
        Some(channel)
    }

    /// Name of a live channel: what actions call it.
    pub(super) fn name(&self, id: &ChannelId) -> Option<&str> {
        self.channels.get(id).map(|channel| channel.info.name.as_str())
    }

    /// A consultation that Asterisk's own feature made is in progress at this channel: it shares
    /// a bridge with a half of a Local channel.
    pub(super) fn consults(&self, id: &ChannelId) -> bool {
        let bridge = |channel: &Channel| channel.bridge.as_ref().map(|(bridge, _)| bridge.clone());
        let Some(shared) = self.channels.get(id).and_then(bridge) else { return false };
        let mut pipes = self.channels.values().filter(|channel| channel.info.pipe.is_some());
        pipes.any(|pipe| bridge(pipe).as_ref() == Some(&shared))
    }
}
