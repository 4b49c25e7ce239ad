//! What holds for every recording.

use super::super::{AriSession, AriSettings};
use super::recordings;
use super::rig::{Rig, settings};
use crate::pbx::{ChannelId, Fact, LinkReport};
use std::collections::HashSet;

fn of_channel(fact: &Fact) -> Option<&ChannelId> {
    match fact {
        Fact::Channel(id, _)
        | Fact::Progress(id)
        | Fact::Ringing(id)
        | Fact::Answered(id)
        | Fact::Bridged(id, _)
        | Fact::Unbridged(id, _)
        | Fact::Held(id)
        | Fact::Retrieved(id)
        | Fact::Dtmf(id, _)
        | Fact::Lost(id)
        | Fact::Ended(id, _) => Some(id),
        Fact::Offered { channel, .. }
        | Fact::Queued { channel, .. }
        | Fact::Dequeued { channel, .. }
        | Fact::Data { channel, .. } => Some(channel),
        Fact::Missed { .. }
        | Fact::Transferred { .. }
        | Fact::Replaced { .. }
        | Fact::Member(_)
        | Fact::Device { .. }
        | Fact::Snapshot(_) => None,
    }
}

/// Each channel begins with what is known of it and ends once, and nothing is told of it before or
/// after; at the end nothing is left in the table.
#[test]
fn every_channel_begins_and_ends_once() {
    for (name, text) in recordings::ALL {
        let mut rig = Rig::observing();
        rig.replay(text, 1);
        let (mut alive, mut ended) = (HashSet::new(), 0);
        for fact in rig.facts() {
            let Some(id) = of_channel(&fact) else { continue };
            match &fact {
                Fact::Channel(id, _) => drop(alive.insert(id.clone())),
                Fact::Ended(id, _) => {
                    assert!(alive.remove(id), "{name}: {fact:?}");
                    ended += 1;
                }
                _ => assert!(alive.contains(id), "{name}: {fact:?}"),
            }
        }
        assert!(alive.is_empty() && ended > 0, "{name}: {alive:?}");
        assert!(rig.session.facts.known.is_empty(), "{name}");
        assert_eq!(rig.session.counters().malformed, 0, "{name}");
        assert!(rig.requests().is_empty(), "{name}: an observer asks nothing");
    }
}

/// Overlapping subscriptions bring every event twice, and that changes nothing.
#[test]
fn events_that_come_twice_are_told_once() {
    let all = |times: usize, text: &str| {
        let mut rig = Rig::observing();
        rig.replay(text, times);
        let mut facts = rig.facts();
        facts.retain(|fact| !matches!(fact, Fact::Device { .. }));
        facts
    };
    for (name, text) in recordings::ALL {
        assert_eq!(all(1, text), all(2, text), "{name}");
    }
}

/// Every stamp of a fact is one of the recording, to the millisecond.
#[test]
fn facts_carry_the_stamps_of_asterisk() {
    let mut rig = Rig::observing();
    rig.replay(recordings::of("asterisk-22/30-hold-unhold-by-agent"), 1);
    let stamped = |report: &LinkReport| match report {
        LinkReport::Fact(observed) => match &observed.fact {
            Fact::Held(_) | Fact::Retrieved(_) => observed.pbx_time.map(|at| at.rfc3339()),
            _ => None,
        },
        _ => None,
    };
    let stamps: Vec<_> = rig.out.reports.iter().filter_map(stamped).collect();
    assert_eq!(stamps, ["2026-11-21T20:26:05.685000Z", "2026-11-21T20:26:07.688000Z"]);
}

#[test]
fn what_is_known_of_a_channel_grows() {
    let mut rig = Rig::observing();
    rig.replay(recordings::of("asterisk-22/01-inbound-answered"), 1);
    let infos: Vec<_> = rig
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Channel(id, info) if &*id.0 == "1795295366.2" => Some(info),
            _ => None,
        })
        .collect();
    let (first, last) = (infos.first().unwrap(), infos.last().unwrap());
    assert_eq!((first.incoming, first.sip_call_id.as_deref()), (Some(true), None));
    assert_eq!(last.sip_call_id.as_deref(), Some("1-32580@127.0.0.2"));
    assert_eq!(last.endpoint, "PJSIP/trunk-in");
    assert_eq!(last.name, "PJSIP/trunk-in-00000001");
    assert_eq!(last.number.as_ref().unwrap().reveal(), "+491701234567");
    assert_eq!(last.display.as_ref().unwrap().reveal(), "Customer");
    assert_eq!(last.dialed.as_ref().unwrap().reveal(), "4930100");
    assert_eq!(last.group.as_deref(), Some("1795295366.2"));
    assert_eq!(last.created.unwrap().rfc3339(), "2026-11-21T21:09:26.326000Z");
}

#[test]
fn an_originated_leg_keeps_its_own_number() {
    let mut rig = Rig::observing();
    rig.replay(recordings::of("asterisk-22/50-ami-originate-click-to-dial"), 1);
    let numbers: HashSet<_> = rig
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Channel(id, info) if &*id.0 == "cti-agentleg-1" => Some(info.number),
            _ => None,
        })
        .map(|number| number.unwrap().reveal().clone())
        .collect();
    assert_eq!(numbers, ["1001".to_owned()].into());
}

#[test]
fn queues_are_left_to_another_link_if_so_set() {
    let settings = AriSettings { queues: false, ..settings() };
    let mut rig = Rig::new(AriSession::observing(settings));
    rig.replay(recordings::of("asterisk-22/06-queue-noanswer-then-answer"), 1);
    let of_queues = |fact: &Fact| {
        matches!(fact, Fact::Queued { .. } | Fact::Dequeued { .. } | Fact::Missed { .. })
    };
    let facts = rig.facts();
    assert!(!facts.is_empty() && !facts.iter().any(of_queues));
}
