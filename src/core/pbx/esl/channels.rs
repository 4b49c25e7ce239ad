//! What the session remembers of each channel: enough to say a fact once, to see a transfer, and
//! to answer for a snapshot.

use super::event::{DATA_PREFIX, EslEvent};
use super::names;
use super::settings::EslSettings;
use crate::model::{Mono, Pii, Wall};
use crate::pbx::{BridgeId, ChannelId, ChannelInfo, Fact, Observed, OrderId};
use std::collections::BTreeMap;

/// Channels in the table. Beyond: the newest are not followed, and a warning says so.
pub(super) const CHANNELS_MAX: usize = 20_000;
/// Entries of a transfer history that are remembered per channel.
pub(super) const HISTORY_MAX: usize = 16;

/// A blind transfer that we ordered: FreeSWITCH tells nothing of it on a leg that it called.
#[derive(Debug)]
pub(super) struct Ordered {
    /// The order.
    pub id: OrderId,
    /// Who sends.
    pub by: ChannelId,
    /// Where to.
    pub to: Pii<String>,
    /// Until when a parting is the transfer's.
    pub until: Mono,
}

/// One channel.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// As it was told.
    pub info: ChannelInfo,
    /// The outside world is at its far end.
    pub trunk: bool,
    /// Somebody is to be reached by it, on whose behalf.
    pub offered: Option<Option<ChannelId>>,
    /// It rings since.
    pub ringing: Option<Option<Wall>>,
    /// It has answered.
    pub answered: Option<Option<Wall>>,
    /// Its party holds.
    pub held: bool,
    /// Bridge it is in, and who else is.
    pub bridge: Option<(BridgeId, ChannelId)>,
    /// Whom it was last bridged with, and since when no more.
    pub left: Option<(ChannelId, Mono)>,
    /// Queue it waits in.
    pub queue: Option<String>,
    /// Entries of its transfer history that were read.
    pub history: Vec<String>,
    /// A transfer that was told explains what is new in its history, until then.
    pub explained: Option<Mono>,
    /// It was ordered to be sent elsewhere.
    pub ordered: Option<Ordered>,
    /// A consultation was ordered on it; this leg is held meanwhile.
    pub consults: Option<ChannelId>,
    /// Data that was told.
    pub data: BTreeMap<String, Pii<String>>,
    /// Count of events when the last one about it came.
    pub touched: u64,
}

impl Known {
    /// With whom it talks, or talked until `since`.
    pub fn partner(&self, since: Mono) -> Option<&ChannelId> {
        if let Some((_, partner)) = &self.bridge {
            return Some(partner);
        }
        self.left.as_ref().filter(|(_, at)| *at >= since).map(|(partner, _)| partner)
    }

    /// Takes what an event says; true if something is known that was not.
    pub fn learn(&mut self, settings: &EslSettings, id: &ChannelId, event: &EslEvent<'_>) -> bool {
        let mut news = false;
        let incoming = match event.text("Call-Direction") {
            Some("inbound") => Some(true),
            Some("outbound") => Some(false),
            _ => None,
        };
        if let Some((endpoint, trunk)) = names::endpoint(settings, event)
            && self.info.endpoint.is_empty()
        {
            self.info.name = format!("{endpoint}/{}", id.0);
            self.info.endpoint = endpoint;
            self.trunk = trunk;
            news = true;
        }
        let info = &mut self.info;
        news |= fill(&mut info.incoming, incoming);
        // Number and name change with every transfer: what counts is who the channel was made for.
        let (number, name) = match info.incoming {
            Some(true) => ("Caller-Caller-ID-Number", "Caller-Caller-ID-Name"),
            _ => ("Caller-Callee-ID-Number", "Caller-Callee-ID-Name"),
        };
        let personal = |field| event.text(field).map(|text| Pii::new(text.to_owned()));
        let display = personal(name).filter(|name| name.reveal() != "Outbound Call");
        news |= fill(&mut info.number, personal(number));
        news |= fill(&mut info.display, display);
        news |= fill(&mut info.dialed, personal("Caller-Destination-Number"));
        let owned = |field| event.text(field).map(str::to_owned);
        news |= fill(&mut info.sip_call_id, owned("variable_sip_call_id"));
        news |= fill(&mut info.group, owned("Channel-Call-UUID"));
        news |= fill(&mut info.created, event.wall("Caller-Channel-Created-Time"));
        news |= self.learn_pipe(event);
        let info = &mut self.info;
        if self.trunk {
            // FreeSWITCH copies headers from one leg to the next: only the trunk's own counts.
            let mut headers = event.with_prefix("variable_sip_h_");
            let mark = headers.find(|(name, _)| name.eq_ignore_ascii_case(&settings.mark_header));
            news |= fill(&mut info.mark, mark.map(|(_, value)| value.to_owned()));
        }
        news
    }

    /// Each half of a loopback channel names the other; it is a pipe even before it does.
    fn learn_pipe(&mut self, event: &EslEvent<'_>) -> bool {
        let endpoint = &self.info.endpoint;
        let unnamed = self.info.pipe.as_ref().is_none_or(|pipe| pipe.ends_with('/'));
        if !endpoint.starts_with("loopback/") || !unnamed {
            return false;
        }
        let other = event.text("variable_other_loopback_leg_uuid").unwrap_or_default();
        let pipe = Some(format!("{endpoint}/{other}"));
        let news = self.info.pipe != pipe;
        self.info.pipe = pipe;
        news
    }

    /// Data that is new or has changed.
    pub fn learn_data(&mut self, event: &EslEvent<'_>) -> Vec<(String, Pii<String>)> {
        let prefix = format!("variable_{DATA_PREFIX}");
        let mut news = Vec::new();
        for (key, value) in event.with_prefix(&prefix) {
            let value = Pii::new(value.to_owned());
            if self.data.get(key) != Some(&value) && self.data.len() < HISTORY_MAX {
                self.data.insert(key.to_owned(), value.clone());
                news.push((key.to_owned(), value));
            }
        }
        news
    }

    /// What holds now, as facts.
    pub fn facts(&self, id: &ChannelId) -> Vec<Observed> {
        let unstamped = |fact| Observed { pbx_time: None, fact };
        let stamped = |pbx_time, fact| Observed { pbx_time, fact };
        let mut facts =
            vec![stamped(self.info.created, Fact::Channel(id.clone(), self.info.clone()))];
        if let Some(by) = &self.offered {
            facts.push(unstamped(Fact::Offered { channel: id.clone(), by: by.clone() }));
        }
        if let Some(at) = self.ringing {
            facts.push(stamped(at, Fact::Ringing(id.clone())));
        }
        if let Some(at) = self.answered {
            facts.push(stamped(at, Fact::Answered(id.clone())));
        }
        if self.held {
            facts.push(unstamped(Fact::Held(id.clone())));
        }
        if let Some((bridge, _)) = &self.bridge {
            facts.push(unstamped(Fact::Bridged(id.clone(), bridge.clone())));
        }
        if let Some(queue) = self.queue.clone() {
            facts.push(unstamped(Fact::Queued { channel: id.clone(), queue, position: None }));
        }
        facts
    }
}

/// Fills an empty place; true if it did.
fn fill<T>(place: &mut Option<T>, with: Option<T>) -> bool {
    if place.is_some() || with.is_none() {
        return false;
    }
    *place = with;
    true
}

/// All channels.
#[derive(Debug, Default)]
pub(super) struct Channels {
    table: BTreeMap<ChannelId, Known>,
    /// Events so far.
    pub count: u64,
    /// The table was full.
    pub overflowed: bool,
}

impl Channels {
    /// One channel.
    pub fn get(&self, id: &ChannelId) -> Option<&Known> {
        self.table.get(id)
    }

    /// One channel.
    pub fn get_mut(&mut self, id: &ChannelId) -> Option<&mut Known> {
        self.table.get_mut(id)
    }

    /// One channel that an event is about, made if it is not there; `None` if the table is full.
    pub fn entry(&mut self, id: &ChannelId) -> Option<&mut Known> {
        let count = self.count;
        let known = self.place(id)?;
        known.touched = count;
        Some(known)
    }

    /// One channel, made if it is not there, as untouched as it was.
    pub fn place(&mut self, id: &ChannelId) -> Option<&mut Known> {
        if !self.table.contains_key(id) && self.table.len() >= CHANNELS_MAX {
            self.overflowed = true;
            return None;
        }
        Some(self.table.entry(id.clone()).or_default())
    }

    /// It is gone.
    pub fn remove(&mut self, id: &ChannelId) -> Option<Known> {
        self.table.remove(id)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&ChannelId, &Known)> + Clone {
        self.table.iter()
    }

    /// Changes all.
    pub fn each_mut(&mut self, change: impl FnMut(&mut Known)) {
        self.table.values_mut().for_each(change);
    }

    /// Forgets those for which `keep` is false.
    pub fn retain(&mut self, keep: impl FnMut(&ChannelId, &mut Known) -> bool) {
        self.table.retain(keep);
    }

    /// It is half of a loopback channel.
    pub fn is_pipe(&self, id: &ChannelId) -> bool {
        self.table.get(id).is_some_and(|known| known.info.pipe.is_some())
    }

    /// A channel leaves its bridge: which, and whom.
    pub fn part(&mut self, now: Mono, id: &ChannelId) -> Option<(BridgeId, ChannelId)> {
        let partner = self.table.get(id)?.bridge.as_ref().map(|(_, partner)| partner);
        let behind_pipe = partner.is_some_and(|partner| self.is_pipe(partner));
        let known = self.table.get_mut(id)?;
        let (bridge, partner) = known.bridge.take()?;
        known.left = Some((partner.clone(), now)).filter(|_| !behind_pipe);
        known.touched = self.count;
        Some((bridge, partner))
    }
}
