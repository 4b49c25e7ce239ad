//! What a session remembers of a channel, so that it says a thing once and can tell all it knows.

use super::block::Block;
use crate::model::{Mono, Wall};
use crate::pbx::asterisk::other_half;
use crate::pbx::{BridgeId, ChannelEnd, ChannelId, ChannelInfo, EndedBy, Fact, Observed};

/// The PBX's stamp of a moment, if it gave one.
pub(super) type Stamp = Option<Wall>;

/// `ChannelState` of Asterisk (`include/asterisk/channelstate.h`).
pub(super) mod state {
    /// Made by the PBX, nothing sent yet.
    pub(crate) const DOWN: u8 = 0;
    /// Somebody calls the PBX.
    pub(crate) const RING: u8 = 4;
    /// The PBX calls and it rings there.
    pub(crate) const RINGING: u8 = 5;
    /// Answered.
    pub(crate) const UP: u8 = 6;
}

/// How a dial attempt ended; the first word counts, a queue says a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialEnd {
    /// `NOANSWER`: the time to ring was over, or it was refused.
    NoAnswer,
    /// Any other.
    Other,
}

/// A caller's place in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waits {
    pub(super) queue: String,
    pub(super) position: Option<u32>,
    pub(super) since: Stamp,
    /// An agent has answered the call offered to it.
    pub(super) taken: bool,
}

/// A channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Channel {
    pub(super) info: ChannelInfo,
    /// The outside world is behind it.
    pub(super) trunk: bool,
    /// Made to reach somebody: on whose behalf.
    pub(super) offered: Option<Option<ChannelId>>,
    pub(super) progressed: bool,
    pub(super) rang: Option<Stamp>,
    pub(super) answered: Option<Stamp>,
    pub(super) held: Option<Stamp>,
    /// It seems to be held no longer: when that is certain.
    pub(super) retrieved: Option<(Mono, Stamp)>,
    pub(super) bridge: Option<(BridgeId, Stamp)>,
    pub(super) waits: Option<Waits>,
    pub(super) dial_end: Option<DialEnd>,
    pub(super) ended_by: Option<EndedBy>,
    /// Until then the keys that come in are those of an order.
    pub(super) keys_are_ours: Mono,
    /// Newest snapshot that knows it.
    pub(super) generation: u32,
}

impl Channel {
    /// All that holds now, as facts in the order of a snapshot.
    pub(super) fn facts(&self, id: &ChannelId) -> Vec<Observed> {
        let mut facts = vec![told(None, Fact::Channel(id.clone(), self.info.clone()))];
        if let Some(by) = &self.offered {
            facts.push(told(None, Fact::Offered { channel: id.clone(), by: by.clone() }));
        }
        if let Some(at) = self.rang {
            facts.push(told(at, Fact::Ringing(id.clone())));
        }
        if let Some(at) = self.answered {
            facts.push(told(at, Fact::Answered(id.clone())));
        }
        if let Some(at) = self.held {
            facts.push(told(at, Fact::Held(id.clone())));
        }
        if let Some((bridge, at)) = &self.bridge {
            facts.push(told(*at, Fact::Bridged(id.clone(), bridge.clone())));
        }
        if let Some(waits) = &self.waits {
            let (queue, position) = (waits.queue.clone(), waits.position);
            let fact = Fact::Queued { channel: id.clone(), queue, position };
            facts.push(told(waits.since, fact));
        }
        facts
    }

    /// How it ended, from its `Hangup`.
    ///
    /// Asterisk sets `TechCause` of a leg that it gives up itself before the answer to whatever its
    /// cause maps to (500 for a cancelled one), though no such response was ever sent.
    pub(super) fn end(&self, hangup: &Block<'_>) -> ChannelEnd {
        let by = self.ended_by.unwrap_or(EndedBy::Pbx);
        let given_up = by == EndedBy::Pbx && self.answered.is_none();
        let cause = hangup.int::<u8>("Cause").filter(|cause| !matches!(cause, 0 | 127));
        let rang_out = given_up && self.dial_end == Some(DialEnd::NoAnswer);
        let outgoing = self.info.incoming == Some(false);
        ChannelEnd {
            q850: cause.or(rang_out.then_some(19)),
            sip_status: hangup.int("TechCause").filter(|_| !(given_up && outgoing)),
            by: Some(by),
            text: hangup.value("Cause-txt").unwrap_or_default().to_owned(),
        }
    }
}

/// A fact and its stamp.
pub(super) fn told(pbx_time: Stamp, fact: Fact) -> Observed {
    Observed { pbx_time, fact }
}

/// What an event says of its channel, whose headers begin with `prefix`.
pub(super) fn read(block: &Block<'_>, prefix: &str) -> ChannelInfo {
    let name = block.of(prefix, "Channel").unwrap_or_default();
    let state = block.of(prefix, "ChannelState").and_then(|s| s.parse::<u8>().ok());
    let incoming = match state {
        Some(state::RING) => Some(true),
        Some(state::DOWN | state::RINGING) => Some(false),
        _ => None,
    };
    let exten = block.of(prefix, "Exten").filter(|_| incoming == Some(true)).and_then(number);
    ChannelInfo {
        endpoint: endpoint(name).to_owned(),
        pipe: other_half(name),
        name: name.to_owned(),
        incoming,
        number: block.personal(prefix, "CallerIDNum"),
        display: block.personal(prefix, "CallerIDName"),
        dialed: exten.map(|exten| crate::model::Pii::new(exten.to_owned())),
        group: block.of(prefix, "Linkedid").map(str::to_owned),
        ..ChannelInfo::default()
    }
}

/// An extension that somebody dialled: `s`, `h`, `i`, `t` are the dialplan's own.
fn number(exten: &str) -> Option<&str> {
    (!matches!(exten, "s" | "h" | "i" | "t")).then_some(exten)
}

/// `PJSIP/1001` of `PJSIP/1001-0000002a`; `Local/9@agents` of `Local/9@agents-00000000;1`.
pub(super) fn endpoint(name: &str) -> &str {
    let name = name.split_once(';').map_or(name, |(start, _)| start);
    match name.rsplit_once('-') {
        Some((start, tail)) if is_serial(tail) => start,
        _ => name,
    }
}

fn is_serial(tail: &str) -> bool {
    let digits = tail.strip_prefix("0x").unwrap_or(tail);
    digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The number in a dial string: `4915112345@carrier`, `PJSIP/1001`, `carrier/sip:49@host`.
pub(super) fn dialed(dial_string: &str) -> Option<&str> {
    let from = ["sip:", "sips:", "/"].iter().filter_map(|s| Some(dial_string.rfind(s)? + s.len()));
    let rest = &dial_string[from.max().unwrap_or(0)..];
    let end = rest.find(['@', ';', ':']).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|number| !number.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_channels() {
        for (name, want, half) in [
            ("PJSIP/1001-0000002a", "PJSIP/1001", None),
            ("PJSIP/trunk-in-00000429", "PJSIP/trunk-in", None),
            ("PJSIP/trunk-in", "PJSIP/trunk-in", None),
            ("Local/9@a-00000000;1", "Local/9@a", Some("Local/9@a-00000000;2")),
            ("Local/9@a-00000000;2", "Local/9@a", Some("Local/9@a-00000000;1")),
            ("UnicastRTP/127.0.0.9:48388-0x7f5508032190", "UnicastRTP/127.0.0.9:48388", None),
            ("", "", None),
        ] {
            assert_eq!(endpoint(name), want);
            assert_eq!(other_half(name).as_deref(), half, "{name}");
        }
    }

    #[test]
    fn numbers_in_dial_strings() {
        for (dial_string, want) in [
            ("4915112345@carrier", Some("4915112345")),
            ("1001", Some("1001")),
            ("PJSIP/1001", Some("1001")),
            ("carrier/sip:4915@10.0.0.1:5060", Some("4915")),
            ("PJSIP/carrier/sips:+49@host", Some("+49")),
            ("1002@from-agents", Some("1002")),
            ("", None),
            ("carrier/", None),
        ] {
            assert_eq!(dialed(dial_string), want, "{dial_string}");
        }
    }
}
