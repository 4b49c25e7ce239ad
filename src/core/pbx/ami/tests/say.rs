//! Facts as short text, for tests to read.

use crate::pbx::*;

/// A report in a line: what it says, channels by their name without technology.
pub(super) fn say(report: &LinkReport) -> String {
    match report {
        LinkReport::Fact(observed) => fact(&observed.fact),
        LinkReport::News(News::Up(id)) => format!("up {} since {}", id.version, id.instance),
        LinkReport::News(News::Done(id, result)) => format!("done {} {result:?}", id.0),
        LinkReport::News(News::Warning(text)) => format!("warning {text}"),
        other => format!("{other:?}"),
    }
}

/// A fact in a line.
pub(super) fn fact(fact: &Fact) -> String {
    let by = |id: &Option<ChannelId>| id.as_ref().map_or("-", |id| &*id.0).to_owned();
    match fact {
        Fact::Channel(id, info) => channel(id, info),
        Fact::Offered { channel, by: on_behalf } => {
            format!("{} offered by {}", channel.0, by(on_behalf))
        }
        Fact::Progress(id) => format!("{} progress", id.0),
        Fact::Ringing(id) => format!("{} rings", id.0),
        Fact::Answered(id) => format!("{} answered", id.0),
        Fact::Bridged(id, bridge) => format!("{} in {}", id.0, short(&bridge.0)),
        Fact::Unbridged(id, bridge) => format!("{} out of {}", id.0, short(&bridge.0)),
        Fact::Held(id) => format!("{} holds", id.0),
        Fact::Retrieved(id) => format!("{} retrieves", id.0),
        Fact::Dtmf(id, key) => format!("{} key {key}", id.0),
        Fact::Queued { channel, queue, position } => {
            format!("{} queued {queue} {}", channel.0, position.unwrap_or_default())
        }
        Fact::Dequeued { channel, queue, why } => format!("{} dequeued {queue} {why:?}", channel.0),
        Fact::Missed { queue, device, caller } => format!("missed {queue} {device} {}", by(caller)),
        Fact::Transferred { by: who, kind, moved, target, to } => {
            let to = to.as_ref().map_or("-", |to| to.reveal());
            format!("{} transfers {kind:?} {} to {} {to}", who.0, by(moved), by(target))
        }
        Fact::Replaced { old, new } => format!("{} replaced by {}", old.0, new.0),
        Fact::Data { channel, key, value } => {
            format!("{} data {key}={}", channel.0, value.reveal())
        }
        Fact::Ended(id, end) => ended(id, end),
        Fact::Lost(id) => format!("{} lost", id.0),
        Fact::Member(m) => format!(
            "member {} {} present={} paused={} '{}' {:?} wraps={}",
            m.queue, m.device, m.present, m.paused, m.reason, m.state, m.wrapping_up
        ),
        Fact::Device { device, state } => format!("device {device} {state:?}"),
        Fact::Snapshot(snapshot) => {
            let facts = snapshot.channels.iter().flat_map(|(_, facts)| facts);
            let facts: Vec<String> = facts.map(|observed| self::fact(&observed.fact)).collect();
            format!("snapshot members={} {facts:#?}", snapshot.members_known)
        }
    }
}

fn channel(id: &ChannelId, info: &ChannelInfo) -> String {
    let mut said = format!("{} is {}", id.0, info.endpoint);
    said.push_str(match info.incoming {
        Some(true) => " calling",
        Some(false) => " called",
        None => "",
    });
    let personal = [("number", &info.number), ("name", &info.display), ("dialed", &info.dialed)];
    for (name, value) in personal {
        let value = value.as_ref().map(|value| value.reveal());
        value.into_iter().for_each(|value| said.push_str(&format!(" {name}={value}")));
    }
    let rest = [
        ("pipe", &info.pipe),
        ("call-id", &info.sip_call_id),
        ("mark", &info.mark),
        ("group", &info.group),
    ];
    for (name, value) in rest {
        value.iter().for_each(|value| said.push_str(&format!(" {name}={value}")));
    }
    said
}

fn ended(id: &ChannelId, end: &ChannelEnd) -> String {
    let number = |n: Option<u16>| n.map_or("-".to_owned(), |n| n.to_string());
    let (q850, sip) = (number(end.q850.map(u16::from)), number(end.sip_status));
    format!("{} ended q850={q850} sip={sip} by={:?} '{}'", id.0, end.by, end.text)
}

fn short(bridge: &str) -> &str {
    bridge.get(..8).unwrap_or(bridge)
}
