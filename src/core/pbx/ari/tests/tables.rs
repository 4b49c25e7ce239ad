//! What recordings come to, fact by fact.

use super::recordings;
use super::rig::Rig;
use super::words::Words;

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
        queued trunk-in support
        channel 1001 out
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
        queued trunk-in support
        channel 1001 out
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
