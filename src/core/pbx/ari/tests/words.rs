//! Facts in short words, for tables that can be read.

use crate::model::Transfer;
use crate::pbx::{ChannelId, ChannelInfo, EndedBy, Fact, Observed};
use std::collections::HashMap;

/// Names channels by their endpoint, and bridges by letters in the order of their appearance.
#[derive(Default)]
pub(super) struct Words {
    channels: HashMap<ChannelId, String>,
    bridges: Vec<String>,
}

impl Words {
    /// A table of these facts; devices and what more is learnt of a channel are left out.
    pub(super) fn table(facts: &[Fact]) -> String {
        let mut words = Self::default();
        let lines: Vec<_> = facts.iter().filter_map(|fact| words.line(fact)).collect();
        lines.join("\n")
    }

    fn name(&mut self, id: &ChannelId, info: &ChannelInfo) -> bool {
        let known = self.channels.contains_key(id);
        if !known {
            let endpoint = info.endpoint.rsplit('/').next().unwrap();
            let half = info.name.rsplit_once(';').map_or("", |(_, half)| half);
            let like = |name: &&String| name.split('#').next() == Some(endpoint) && half.is_empty();
            let twins = self.channels.values().filter(like).count();
            let twin = if twins > 0 { format!("#{}", twins + 1) } else { String::new() };
            let half = if half.is_empty() { String::new() } else { format!(";{half}") };
            self.channels.insert(id.clone(), format!("{endpoint}{half}{twin}"));
        }
        !known
    }

    fn of(&self, id: &ChannelId) -> String {
        self.channels.get(id).cloned().unwrap_or_else(|| format!("?{}", id.0))
    }

    fn maybe(&self, id: Option<&ChannelId>) -> String {
        id.map_or("-".into(), |id| self.of(id))
    }

    fn bridge(&mut self, id: &str) -> char {
        let at = self.bridges.iter().position(|b| b == id).unwrap_or_else(|| {
            self.bridges.push(id.to_owned());
            self.bridges.len() - 1
        });
        char::from(b'A' + u8::try_from(at).unwrap())
    }

    fn observed(&mut self, observed: &Observed) -> Option<String> {
        self.line(&observed.fact)
    }

    fn line(&mut self, fact: &Fact) -> Option<String> {
        Some(match fact {
            Fact::Channel(id, info) => {
                let new = self.name(id, info);
                let way = match info.incoming {
                    Some(true) => "in",
                    Some(false) => "out",
                    None => "?",
                };
                return new.then(|| format!("channel {} {way}", self.of(id)));
            }
            Fact::Offered { channel, by } => {
                format!("offered {} by {}", self.of(channel), self.maybe(by.as_ref()))
            }
            Fact::Progress(id) => format!("progress {}", self.of(id)),
            Fact::Ringing(id) => format!("ringing {}", self.of(id)),
            Fact::Answered(id) => format!("answered {}", self.of(id)),
            Fact::Bridged(id, bridge) => {
                format!("bridged {} {}", self.of(id), self.bridge(&bridge.0))
            }
            Fact::Unbridged(id, bridge) => {
                format!("unbridged {} {}", self.of(id), self.bridge(&bridge.0))
            }
            Fact::Held(id) => format!("held {}", self.of(id)),
            Fact::Retrieved(id) => format!("retrieved {}", self.of(id)),
            Fact::Dtmf(id, key) => format!("key {} {key}", self.of(id)),
            Fact::Queued { channel, queue, .. } => format!("queued {} {queue}", self.of(channel)),
            Fact::Dequeued { channel, queue, why } => {
                format!("dequeued {} {queue} {why:?}", self.of(channel))
            }
            Fact::Missed { queue, device, caller } => {
                format!("missed {queue} {device} {}", self.maybe(caller.as_ref()))
            }
            Fact::Transferred { by, kind, moved, target, to } => {
                let kind = if *kind == Transfer::Blind { "blind" } else { "attended" };
                let (moved, target) = (self.maybe(moved.as_ref()), self.maybe(target.as_ref()));
                let to = to.as_ref().map_or("-", |to| to.reveal());
                format!("transferred {kind} {}: {moved} with {target} to {to}", self.of(by))
            }
            Fact::Replaced { old, new } => format!("{} replaces {}", self.of(new), self.of(old)),
            Fact::Data { channel, key, value } => {
                format!("data {} {key}={}", self.of(channel), value.reveal())
            }
            Fact::Ended(id, end) => {
                let or = |n: Option<u16>| n.map_or("-".into(), |n| n.to_string());
                let by = match end.by {
                    Some(EndedBy::Party) => "party",
                    Some(EndedBy::Pbx) => "pbx",
                    None => "?",
                };
                let (q850, sip) = (or(end.q850.map(u16::from)), or(end.sip_status));
                format!("ended {} by {by} q850={q850} sip={sip}", self.of(id))
            }
            Fact::Snapshot(snapshot) => {
                let all: Vec<_> = snapshot
                    .channels
                    .iter()
                    .flat_map(|(_, facts)| facts)
                    .filter_map(|observed| self.observed(observed))
                    .collect();
                format!("snapshot\n  {}", all.join("\n  "))
            }
            Fact::Lost(_) | Fact::Member(_) | Fact::Device { .. } => return None,
        })
    }
}
