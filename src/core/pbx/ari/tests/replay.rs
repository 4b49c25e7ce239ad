//! What recordings come to.

use super::super::AriSession;
use super::recordings;
use super::rig::{Rig, settings};
use super::words::Words;
use crate::pbx::{ChannelId, Fact};
use std::collections::HashSet;

/// `expected` has one fact a line; blanks around it do not count.
fn check(name: &str, expected: &str) {
    let mut rig = Rig::observing();
    rig.replay(recordings::of(name), 1);
    let lines: Vec<_> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(Words::table(&rig.facts()), lines.join("\n"), "{name}");
}

#[test]
fn answered() {
    // A customer reaches an agent and hangs up.
    check(
        "asterisk-22/01-inbound-answered",
        "
        channel trunk-in in
        channel 1001 out
        offered 1001 by trunk-in
        ringing 1001
        answered 1001
        answered trunk-in
        bridged 1001 A
        bridged trunk-in A
        unbridged trunk-in A
        unbridged 1001 A
        ended 1001 by pbx q850=16 sip=-
        ended trunk-in by party q850=16 sip=-
        ",
    );
}

#[test]
fn abandoned() {
    // The status of a leg that was given up means nothing: Asterisk made it of its own cause.
    check(
        "asterisk-22/03-inbound-abandoned",
        "
        channel trunk-in in
        channel 1001 out
        offered 1001 by trunk-in
        ringing 1001
        ended trunk-in by party q850=- sip=487
        ended 1001 by pbx q850=- sip=-
        ",
    );
}

#[test]
fn declined() {
    // Who refuses is told with its own status; the caller was answered another.
    check(
        "asterisk-22/05-inbound-agent-decline-603",
        "
        channel trunk-in in
        channel 1001 out
        offered 1001 by trunk-in
        ringing 1001
        ended 1001 by party q850=21 sip=603
        ended trunk-in by pbx q850=21 sip=403
        ",
    );
}

#[test]
fn queue_no_answer_then_answer() {
    // Two ends of one offer are one miss; the wait ends when the bridge is entered.
    check(
        "asterisk-22/06-queue-noanswer-then-answer",
        "
        channel trunk-in in
        answered trunk-in
        channel 1001 out
        queued trunk-in support
        offered 1001 by trunk-in
        ringing 1001
        missed support PJSIP/1001 trunk-in
        ended 1001 by pbx q850=- sip=-
        channel 1001#2 out
        offered 1001#2 by trunk-in
        ringing 1001#2
        answered 1001#2
        bridged 1001#2 A
        dequeued trunk-in support Answered
        bridged trunk-in A
        unbridged 1001#2 A
        unbridged trunk-in A
        ended 1001#2 by party q850=16 sip=-
        ended trunk-in by pbx q850=16 sip=-
        ",
    );
}

#[test]
fn queue_abandoned() {
    // The caller leaves the queue.
    check(
        "asterisk-22/07-queue-abandoned",
        "
        channel trunk-in in
        answered trunk-in
        channel 1001 out
        queued trunk-in support
        offered 1001 by trunk-in
        ringing 1001
        missed support PJSIP/1001 trunk-in
        ended 1001 by pbx q850=- sip=-
        channel 1001#2 out
        offered 1001#2 by trunk-in
        ringing 1001#2
        ended 1001#2 by pbx q850=- sip=-
        dequeued trunk-in support Abandoned
        ended trunk-in by party q850=- sip=-
        ",
    );
}

#[test]
fn early_media() {
    // Early media is no ringing.
    check(
        "asterisk-22/17-outbound-early-media-183",
        "
        channel 1001 in
        channel carrier out
        offered carrier by 1001
        progress carrier
        answered carrier
        answered 1001
        bridged carrier A
        bridged 1001 A
        unbridged 1001 A
        unbridged carrier A
        ended carrier by pbx q850=16 sip=-
        ended 1001 by party q850=16 sip=-
        ",
    );
}

#[test]
fn refused_without_a_cause() {
    // A cause of 127 says nothing, the status does.
    check(
        "asterisk-22/18-outbound-607",
        "
        channel 1001 in
        channel carrier out
        offered carrier by 1001
        ended carrier by party q850=- sip=607
        ended 1001 by pbx q850=- sip=500
        ",
    );
}

#[test]
fn attended_transfer() {
    // The hold that Asterisk takes back at the transfer is not retrieved.
    check(
        "asterisk-22/41-attended-transfer-refer-replaces",
        "
        channel trunk-in in
        channel 1001 out
        offered 1001 by trunk-in
        ringing 1001
        answered 1001
        answered trunk-in
        bridged 1001 A
        bridged trunk-in A
        held 1001
        channel 1001#2 in
        channel 1002 out
        offered 1002 by 1001#2
        ringing 1002
        answered 1002
        answered 1001#2
        bridged 1002 B
        bridged 1001#2 B
        unbridged trunk-in A
        unbridged 1001#2 B
        bridged trunk-in B
        transferred attended 1001: trunk-in with 1002 to -
        unbridged 1001 A
        ended 1001 by pbx q850=16 sip=-
        ended 1001#2 by pbx q850=16 sip=-
        unbridged trunk-in B
        unbridged 1002 B
        ended 1002 by pbx q850=16 sip=-
        ended trunk-in by party q850=16 sip=-
        ",
    );
}

#[test]
fn blind_transfer_by_keys() {
    // The music of a feature menu is no hold.
    check(
        "asterisk-22/42-blind-transfer-dtmf-feature",
        "
        channel trunk-in in
        channel 1001 out
        offered 1001 by trunk-in
        ringing 1001
        answered 1001
        answered trunk-in
        bridged 1001 A
        bridged trunk-in A
        key 1001 *
        key 1001 1
        key 1001 1
        key 1001 0
        key 1001 0
        key 1001 2
        transferred blind 1001: trunk-in with - to 1002
        unbridged 1001 A
        unbridged trunk-in A
        ended 1001 by pbx q850=16 sip=-
        channel 1002 out
        offered 1002 by trunk-in
        ringing 1002
        answered 1002
        bridged 1002 B
        bridged trunk-in B
        unbridged trunk-in B
        unbridged 1002 B
        ended 1002 by pbx q850=16 sip=-
        ended trunk-in by party q850=16 sip=-
        ",
    );
}

#[test]
fn attended_transfer_by_keys() {
    // A Local channel is a pipe, told with its other half.
    check(
        "asterisk-22/43-attended-transfer-dtmf-feature",
        "
        channel trunk-in in
        channel 1001 out
        offered 1001 by trunk-in
        ringing 1001
        answered 1001
        answered trunk-in
        bridged 1001 A
        bridged trunk-in A
        key 1001 *
        key 1001 2
        key 1001 1
        key 1001 0
        key 1001 0
        key 1001 2
        channel 1002@from-agents;1 out
        channel 1002@from-agents;2 in
        bridged 1002@from-agents;1 B
        unbridged 1001 A
        bridged 1001 B
        channel 1002 out
        offered 1002 by 1002@from-agents;2
        ringing 1002
        ringing 1002@from-agents;1
        key 1001 2
        key 1001 2
        key 1002@from-agents;2 2
        key 1001 #
        key 1002@from-agents;2 #
        answered 1002
        answered 1002@from-agents;2
        bridged 1002 C
        bridged 1002@from-agents;2 C
        answered 1002@from-agents;1
        unbridged 1001 B
        unbridged 1002@from-agents;1 B
        bridged 1002@from-agents;1 A
        transferred attended 1001: trunk-in with 1002@from-agents;1 to -
        ended 1001 by party q850=16 sip=-
        unbridged trunk-in A
        unbridged 1002@from-agents;2 C
        bridged trunk-in C
        unbridged 1002@from-agents;1 A
        ended 1002@from-agents;2 by ? q850=16 sip=-
        ended 1002@from-agents;1 by ? q850=16 sip=-
        unbridged trunk-in C
        unbridged 1002 C
        ended trunk-in by party q850=16 sip=-
        ended 1002 by pbx q850=16 sip=-
        ",
    );
}

#[test]
fn dialled_by_an_application() {
    // An application dials: nobody calls on behalf of anybody.
    check(
        "asterisk-22/52-ari-originate-stasis-bridge",
        "
        channel 1001 out
        offered 1001 by -
        ringing 1001
        answered 1001
        bridged 1001 A
        channel carrier out
        bridged carrier A
        offered carrier by -
        ringing carrier
        answered carrier
        unbridged 1001 A
        ended 1001 by party q850=16 sip=-
        unbridged carrier A
        ended carrier by pbx q850=16 sip=-
        ",
    );
}

#[test]
fn hold_and_key_in_stasis() {
    // A hold and its end, and a key.
    check(
        "asterisk-22/60-stasis-inbound-hold-dtmf",
        "
        channel trunk-in in
        answered trunk-in
        bridged trunk-in A
        channel 1001 out
        offered 1001 by -
        ringing 1001
        answered 1001
        bridged 1001 A
        key 1001 7
        held 1001
        retrieved 1001
        unbridged trunk-in A
        ended trunk-in by party q850=16 sip=-
        unbridged 1001 A
        ended 1001 by pbx q850=16 sip=-
        ",
    );
}

#[test]
fn blind_transfer_in_stasis() {
    // A pipe takes the place of who sends the call on.
    check(
        "asterisk-22/61-stasis-blind-transfer-by-agent",
        "
        channel trunk-in in
        answered trunk-in
        bridged trunk-in A
        channel 1001 out
        offered 1001 by -
        ringing 1001
        answered 1001
        bridged 1001 A
        channel 1002@from-agents;1 out
        channel 1002@from-agents;2 in
        unbridged 1001 A
        bridged 1002@from-agents;1 A
        transferred blind 1001: trunk-in with - to 1002
        channel 1002 out
        offered 1002 by 1002@from-agents;2
        ringing 1002
        ringing 1002@from-agents;1
        answered 1002
        answered 1002@from-agents;1
        answered 1002@from-agents;2
        bridged 1002 B
        bridged 1002@from-agents;2 B
        unbridged trunk-in A
        ended trunk-in by party q850=16 sip=-
        unbridged 1002@from-agents;1 A
        ended 1001 by pbx q850=16 sip=-
        ended 1002@from-agents;1 by ? q850=16 sip=-
        unbridged 1002@from-agents;2 B
        ended 1002@from-agents;2 by ? q850=16 sip=-
        unbridged 1002 B
        ended 1002 by pbx q850=16 sip=-
        ",
    );
}

#[test]
fn external_media() {
    // Media of an application is nobody.
    check(
        "asterisk-22/62-external-media",
        "
        channel trunk-in in
        answered trunk-in
        bridged trunk-in A
        unbridged trunk-in A
        ended trunk-in by party q850=16 sip=-
        ",
    );
}

#[test]
fn abandoned_at_asterisk_16() {
    // Asterisk 16 tells no SIP status.
    check(
        "asterisk-16/03-inbound-abandoned",
        "
        channel trunk-in in
        channel 1001 out
        offered 1001 by trunk-in
        ringing 1001
        ended 1001 by pbx q850=- sip=-
        ended trunk-in by party q850=- sip=-
        ",
    );
}

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
    let stamped = |report: &crate::pbx::LinkReport| match report {
        crate::pbx::LinkReport::Fact(observed) => match &observed.fact {
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
    let settings = super::super::AriSettings { queues: false, ..settings() };
    let mut rig = Rig::new(AriSession::observing(settings));
    rig.replay(recordings::of("asterisk-22/06-queue-noanswer-then-answer"), 1);
    let of_queues = |fact: &Fact| {
        matches!(fact, Fact::Queued { .. } | Fact::Dequeued { .. } | Fact::Missed { .. })
    };
    let facts = rig.facts();
    assert!(!facts.is_empty() && !facts.iter().any(of_queues));
}
