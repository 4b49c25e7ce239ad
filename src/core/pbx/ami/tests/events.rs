//! Single events, row by row.

use super::peer::Peer;
use super::say::say;
use crate::model::{Mono, Now, Wall};
use crate::pbx::ami::{AmiSession, AmiSettings};
use crate::pbx::*;
use std::time::Duration;

const START: i64 = 1_795_295_366;

fn settings() -> AmiSettings {
    AmiSettings {
        trunks: vec!["PJSIP/trunk-*".into()],
        call_id_variable: Some("SIP_CALL_ID".into()),
        ..AmiSettings::new("cti", "secret")
    }
}

/// A session that knows a customer (1.1) and the agent (1.2) offered to it.
struct Known {
    session: AmiSession,
    now: Now,
}

impl Known {
    fn new() -> Self {
        let now = Now { mono: Mono(1_000), wall: Wall(START * 1_000_000) };
        let mut known = Self { session: AmiSession::observing(settings()), now };
        known.says("Newchannel|Channel: PJSIP/trunk-in-00000001|ChannelState: 4|Uniqueid: 1.1");
        known.says("Newchannel|Channel: PJSIP/1001-00000002|ChannelState: 0|Uniqueid: 1.2");
        known.says("DialBegin|Uniqueid: 1.1|Channel: PJSIP/trunk-in-00000001|DestUniqueid: 1.2");
        known
    }

    /// What an event says; `|` is the end of a line.
    fn says(&mut self, event: &str) -> Vec<String> {
        let (name, rest) = event.split_once('|').unwrap();
        let block = format!("Event: {name}|Timestamp: {START}.000000|{rest}||");
        let block = block.replace('|', "\r\n");
        let mut out = LinkOutputs::default();
        self.session.received(self.now, Lane::Events, block.as_bytes(), &mut out);
        out.reports.iter().map(say).collect()
    }

    fn passes(&mut self, wait: Duration) -> Vec<String> {
        let mut out = LinkOutputs::default();
        let end = self.now.mono.after(wait);
        while let Some(due) = self.session.next_deadline().filter(|due| *due <= end) {
            self.now.mono = due;
            self.session.tick(self.now, &mut out);
        }
        self.now.mono = end;
        out.reports.iter().map(say).collect()
    }
}

/// Rows of `event => what it says`, each for a session that knows the two channels. Several
/// events are parted by `//`, what they say by ` / `.
fn check(rows: &str) {
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (events, want) = row.split_once("=>").unwrap();
        let mut known = Known::new();
        let mut told = Vec::new();
        for event in events.split("//") {
            told.extend(known.says(event.trim()));
        }
        assert_eq!(told.join(" / "), want.trim(), "{events}");
    }
}

#[test]
fn calls_row_by_row() {
    check(
        "
        Newstate|ChannelState: 5|Uniqueid: 1.2 => 1.2 rings
        Newstate|ChannelState: 5|Uniqueid: 1.2 // DialState|DestUniqueid: 1.2|DialStatus: RINGING => 1.2 rings
        DialState|DestUniqueid: 1.2|DialStatus: PROGRESS => 1.2 progress
        DialState|DestUniqueid: 1.2|DialStatus: PROCEEDING =>
        Newstate|ChannelState: 6|Uniqueid: 1.2 // Newstate|ChannelState: 5|Uniqueid: 1.2 => 1.2 answered
        DialEnd|DestUniqueid: 1.2|DialStatus: ANSWER // Newstate|ChannelState: 6|Uniqueid: 1.2 => 1.2 answered
        DialBegin|Uniqueid: 1.1|Channel: PJSIP/trunk-in-00000001|DestUniqueid: 1.2 =>
        DialBegin|DestUniqueid: 9.9|DestChannel: PJSIP/1003-00000009|DestChannelState: 0 => 9.9 is PJSIP/1003 called / 9.9 offered by -
        BridgeEnter|Uniqueid: 1.1|BridgeUniqueid: b1 // BridgeEnter|Uniqueid: 1.1|BridgeUniqueid: b1 => 1.1 in b1
        BridgeEnter|Uniqueid: 1.1|BridgeUniqueid: b1 // BridgeLeave|Uniqueid: 1.1|BridgeUniqueid: b1 => 1.1 in b1 / 1.1 out of b1
        BridgeEnter|Uniqueid: 1.1|BridgeUniqueid: b2 // BridgeLeave|Uniqueid: 1.1|BridgeUniqueid: b1 => 1.1 in b2
        BridgeEnter|Uniqueid: 1.1|BridgeUniqueid: b1|BridgeTechnology: holding_bridge // BridgeLeave|Uniqueid: 1.1|BridgeUniqueid: b1 =>
        DTMFEnd|Uniqueid: 1.1|Digit: #|Direction: Received => 1.1 key #
        DTMFEnd|Uniqueid: 1.1|Digit: #|Direction: Sent =>
        BlindTransfer|Result: Success|TransfererUniqueid: 1.2|TransfereeUniqueid: 1.1|Extension: 1002 => 1.2 transfers Blind 1.1 to - 1002
        BlindTransfer|Result: Fail|TransfererUniqueid: 1.2|TransfereeUniqueid: 1.1|Extension: 1002 =>
        AttendedTransfer|Result: Success|OrigTransfererUniqueid: 1.2|SecondTransfererUniqueid: 1.3 => 1.2 transfers Attended - to - -
        AttendedTransfer|Result: Success|DestType: Threeway|OrigTransfererUniqueid: 1.2 =>
        Pickup|Channel: PJSIP/1003-00000003|Uniqueid: 1.3|TargetChannel: PJSIP/1001-00000002|TargetUniqueid: 1.2 => 1.2 replaced by 1.3
        UserEvent|Uniqueid: 1.1|UserEvent: trunkline|ticket: 42|level: gold => 1.1 data ticket=42 / 1.1 data level=gold
        UserEvent|Uniqueid: 1.1|UserEvent: other|ticket: 42 =>
        Newstate|ChannelState: 6|Uniqueid: 7.7 =>
        Newstate|ChannelState: 6|Uniqueid: 7.7|Channel: PJSIP/x-00000007 => 7.7 is PJSIP/x / 7.7 answered
        Newchannel|Uniqueid: 8.1|Channel: UnicastRTP/127.0.0.9:48388-0x7f5508032190|ChannelState: 0 // BridgeEnter|Uniqueid: 8.1|Channel: UnicastRTP/127.0.0.9:48388-0x7f5508032190|BridgeUniqueid: b1 =>
        Nonsense|Uniqueid: 1.1 =>
        ",
    );
}

#[test]
fn ends_row_by_row() {
    check(
        "
        Hangup|Uniqueid: 1.1|Cause: 16|Cause-txt: Normal Clearing => 1.1 ended q850=16 sip=- by=Some(Pbx) 'Normal Clearing'
        HangupRequest|Uniqueid: 1.1 // SoftHangupRequest|Uniqueid: 1.1 // Hangup|Uniqueid: 1.1|Cause: 16 => 1.1 ended q850=16 sip=- by=Some(Party) ''
        SoftHangupRequest|Uniqueid: 1.1 // HangupRequest|Uniqueid: 1.1 // Hangup|Uniqueid: 1.1|Cause: 16 => 1.1 ended q850=16 sip=- by=Some(Pbx) ''
        Hangup|Uniqueid: 1.1|Cause: 16 // Hangup|Uniqueid: 1.1|Cause: 16 // Newstate|ChannelState: 6|Uniqueid: 1.1|Channel: PJSIP/trunk-in-00000001 => 1.1 ended q850=16 sip=- by=Some(Pbx) ''
        Hangup|Uniqueid: 1.2|Cause: 0|TechCause: 500 => 1.2 ended q850=- sip=- by=Some(Pbx) ''
        Hangup|Uniqueid: 1.2|Cause: 127|TechCause: 500 => 1.2 ended q850=- sip=- by=Some(Pbx) ''
        Hangup|Uniqueid: 1.2|Cause: 26 => 1.2 ended q850=26 sip=- by=Some(Pbx) ''
        DialEnd|DestUniqueid: 1.2|DialStatus: NOANSWER // DialEnd|DestUniqueid: 1.2|DialStatus: CANCEL // Hangup|Uniqueid: 1.2|Cause: 0 => 1.2 ended q850=19 sip=- by=Some(Pbx) ''
        DialEnd|DestUniqueid: 1.2|DialStatus: CANCEL // DialEnd|DestUniqueid: 1.2|DialStatus: NOANSWER // Hangup|Uniqueid: 1.2|Cause: 0 => 1.2 ended q850=- sip=- by=Some(Pbx) ''
        HangupRequest|Uniqueid: 1.2 // DialEnd|DestUniqueid: 1.2|DialStatus: NOANSWER // Hangup|Uniqueid: 1.2|Cause: 127|TechCause: 607 => 1.2 ended q850=- sip=607 by=Some(Party) ''
        Hangup|Uniqueid: 1.1|Cause: 300|TechCause: x => 1.1 ended q850=- sip=- by=Some(Pbx) ''
        ",
    );
}

#[test]
fn queues_and_devices_row_by_row() {
    check(
        "
        QueueCallerJoin|Uniqueid: 1.1|Queue: support|Position: 3 => 1.1 queued support 3
        QueueCallerJoin|Uniqueid: 1.1|Queue: q // QueueCallerLeave|Uniqueid: 1.1|Queue: q => 1.1 queued q 0 / 1.1 dequeued q Left
        QueueCallerJoin|Uniqueid: 1.1|Queue: q // DialEnd|Uniqueid: 1.1|DialStatus: ANSWER // QueueCallerLeave|Uniqueid: 1.1|Queue: q // AgentConnect|Uniqueid: 1.1|Queue: q => 1.1 queued q 0 / 1.1 dequeued q Answered
        QueueCallerJoin|Uniqueid: 1.1|Queue: q // QueueCallerAbandon|Uniqueid: 1.1|Queue: q // QueueCallerLeave|Uniqueid: 1.1|Queue: q => 1.1 queued q 0 / 1.1 dequeued q Abandoned
        QueueCallerJoin|Uniqueid: 1.1|Queue: q // HangupRequest|Uniqueid: 1.1 // Hangup|Uniqueid: 1.1 => 1.1 queued q 0 / 1.1 dequeued q Abandoned / 1.1 ended q850=- sip=- by=Some(Party) ''
        AgentRingNoAnswer|Uniqueid: 1.1|Queue: support|Interface: PJSIP/1001|RingTime: 4000 => missed support PJSIP/1001 1.1
        QueueMemberStatus|Queue: q|Interface: PJSIP/1001|Status: 6|Paused: 0 => member q PJSIP/1001 present=true paused=false '' Ringing wraps=false
        QueueMemberPause|Queue: q|Interface: PJSIP/1001|Status: 1|Paused: 1|PausedReason: lunch => member q PJSIP/1001 present=true paused=true 'lunch' Idle wraps=false
        QueueMemberAdded|Queue: q|Interface: Local/1@a|StateInterface: PJSIP/1|Status: 5 => member q PJSIP/1 present=true paused=false '' Unavailable wraps=false
        QueueMemberRemoved|Queue: q|Interface: PJSIP/1001|Status: 1 => member q PJSIP/1001 present=false paused=false '' Idle wraps=false
        DeviceStateChange|Device: PJSIP/1001|State: ONHOLD => device PJSIP/1001 InUse
        DeviceStateChange|Device: PJSIP/1001|State: UNAVAILABLE => device PJSIP/1001 Unavailable
        ExtensionStatus|Exten: 1001|Hint: PJSIP/1001|Status: 9 => device PJSIP/1001 InUse
        ExtensionStatus|Exten: 1001|Hint: PJSIP/1001,CustomPresence:x|Status: 8 => device PJSIP/1001 Ringing
        ExtensionStatus|Exten: 1001|Hint: PJSIP/1001|Status: -1 =>
        ExtensionStatus|Exten: 100|Hint: PJSIP/1001&PJSIP/1002|Status: 1 =>
        ContactStatus|EndpointName: 1009|ContactStatus: Removed => device PJSIP/1009 Unavailable
        ContactStatus|EndpointName: 1009|ContactStatus: Updated =>
        ContactStatus|EndpointName: 1001|ContactStatus: Removed =>
        DeviceStateChange|Device: PJSIP/5|State: INUSE // ContactStatus|EndpointName: 5|ContactStatus: Created => device PJSIP/5 InUse
        ",
    );
}

#[test]
fn a_retrieve_is_one_when_no_transfer_follows() {
    let hold = "Hold|Uniqueid: 1.2|MusicClass: default";
    let unhold = "Unhold|Uniqueid: 1.2";
    let mut known = Known::new();
    assert_eq!(known.says(unhold), [""; 0], "nothing was held");
    assert_eq!(known.says("Hold|Uniqueid: 1.2"), [""; 0], "a menu's music");
    assert_eq!(known.says(hold), ["1.2 holds"]);
    assert_eq!(known.says(hold), [""; 0]);
    assert_eq!(known.says(unhold), [""; 0]);
    assert_eq!(known.passes(Duration::from_millis(99)), [""; 0]);
    assert_eq!(known.passes(Duration::from_millis(1)), ["1.2 retrieves"]);
    assert_eq!(known.says(hold), ["1.2 holds"]);
    known.says(unhold);
    assert_eq!(known.says(hold), ["1.2 retrieves", "1.2 holds"], "held again at once");
    known.says(unhold);
    known.says("AttendedTransfer|Result: Success|OrigTransfererUniqueid: 1.9|SecondTransfererUniqueid: 1.2");
    assert_eq!(known.passes(Duration::from_secs(1)), [""; 0], "the transfer took it back");
}

#[test]
fn after_call_time_ends_by_itself() {
    let mut known = Known::new();
    let said = known.says(&format!(
        "QueueMemberStatus|Queue: q|Interface: PJSIP/1|Status: 1|LastCall: {}|Wrapuptime: 10|InCall: 0",
        START - 4
    ));
    assert_eq!(said, ["member q PJSIP/1 present=true paused=false '' Idle wraps=true"]);
    assert_eq!(known.passes(Duration::from_millis(5999)), [""; 0]);
    let want = "member q PJSIP/1 present=true paused=false '' Idle wraps=false";
    assert_eq!(known.passes(Duration::from_millis(1)), [want]);
    assert_eq!(known.session.next_deadline(), None);
}

#[test]
fn variables_of_ours() {
    let set = |id: &str, name: &str, value: &str| {
        format!("VarSet|Uniqueid: {id}|Variable: {name}|Value: {value}")
    };
    let mut known = Known::new();
    let said = known.says(&set("1.1", "__SIP_CALL_ID", "a@b"));
    assert_eq!(said, ["1.1 is PJSIP/trunk-in calling call-id=a@b"]);
    // Inherited by the channel that is made for it.
    assert_eq!(known.says(&set("1.2", "__SIP_CALL_ID", "a@b")), [""; 0]);
    let said = known.says(&set("1.2", "_TRUNKLINE_MARK", "m7"));
    assert_eq!(said, ["1.2 is PJSIP/1001 called mark=m7"]);
    assert_eq!(known.says(&set("1.2", "TRUNKLINE_MARK", "m7")), [""; 0], "said once");
    assert_eq!(known.says(&set("1.2", "DIALSTATUS", "BUSY")), [""; 0]);
}

#[test]
fn call_ids_of_the_trunk_are_asked_for() {
    let mut peer = Peer::up(AmiSettings { call_id_variable: None, ..settings() });
    peer.told();
    peer.says("Event: Newchannel\nChannel: PJSIP/1001-00000001\nChannelState: 4\nUniqueid: 1.1\n");
    peer.says(
        "Event: Newchannel\nChannel: PJSIP/trunk-out-00000002\nChannelState: 0\nUniqueid: 1.2\n",
    );
    let getvar =
        "Action: Getvar|Channel: PJSIP/trunk-out-00000002|Variable: CHANNEL(pjsip,call-id)";
    assert_eq!(peer.asked(), [getvar]);
    peer.told();
    // It is there before its driver knows its call.
    peer.answers("Getvar", "Success", "Variable: CHANNEL(pjsip,call-id)\nValue: ");
    assert_eq!((peer.asked(), peer.told()), (vec![], vec![]));
    peer.passes(Duration::from_millis(50));
    assert_eq!(peer.asked(), [getvar]);
    peer.answers("Getvar", "Error", "Message: No such variable");
    peer.says(
        "Event: DialBegin\nUniqueid: 1.1\nChannel: PJSIP/1001-00000001\nDestUniqueid: 1.2\n\
         DestChannel: PJSIP/trunk-out-00000002\n",
    );
    assert_eq!(peer.asked(), [getvar], "as soon as more is told of it");
    peer.told();
    peer.answers("Getvar", "Success", "Variable: CHANNEL(pjsip,call-id)\nValue: abc@host");
    assert_eq!(peer.told(), ["1.2 is PJSIP/trunk-out called call-id=abc@host"]);
}

#[test]
fn events_without_a_time_are_told_and_complained_of_once() {
    let mut peer = Peer::up(settings());
    peer.told();
    for id in ["1.1", "1.2"] {
        let channel = format!("Channel: PJSIP/1-0000000{}\nUniqueid: {id}\n", &id[2..]);
        peer.says(&format!("Event: Newchannel\nChannelState: 4\n{channel}"));
    }
    let told = peer.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("warning events carry no time"), "{told:?}");
}

/// A channel that never has a Call-ID is not asked for ever, and one that is gone not again.
#[test]
fn call_ids_are_not_asked_for_without_end() {
    let mut peer = Peer::up(AmiSettings { call_id_variable: None, ..settings() });
    let carrier = "Channel: PJSIP/trunk-out-00000002\nUniqueid: 1.2\n";
    peer.says(&format!("Event: Newchannel\nChannelState: 0\n{carrier}"));
    let mut asked = 0;
    while !peer.asked().is_empty() {
        asked += 1;
        peer.answers("Getvar", "Success", "Variable: CHANNEL(pjsip,call-id)\nValue: ");
        peer.passes(Duration::from_millis(50));
    }
    assert_eq!(asked, 20);
    let other = "Channel: PJSIP/trunk-out-00000003\nUniqueid: 1.3\n";
    peer.says(&format!("Event: Newchannel\nChannelState: 0\n{other}"));
    peer.answers("Getvar", "Success", "Variable: CHANNEL(pjsip,call-id)\nValue: ");
    peer.says(&format!("Event: Hangup\nCause: 16\n{other}"));
    peer.passes(Duration::from_millis(50));
    assert!(peer.asked().is_empty());
}
