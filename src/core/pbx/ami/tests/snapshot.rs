//! Snapshots, and what happens while one is taken.

use super::peer::Peer;
use crate::pbx::Order;
use crate::pbx::ami::AmiSettings;

const CUSTOMER: &str = "Event: Status\nChannel: PJSIP/carrier-00000001\nChannelState: 6\n\
    CallerIDNum: +491701234567\nUniqueid: 100.9\nLinkedid: 100.9\nDNID: 4930200\n\
    BridgeID: b-one\nApplication: Queue\nVariable: CHANNEL(onhold)=0\n\
    Variable: TRUNKLINE_MARK=(null)";
const AGENT: &str = "Event: Status\nChannel: PJSIP/1001-00000002\nChannelState: 6\n\
    CallerIDNum: 1001\nUniqueid: 100.10\nLinkedid: 100.9\nDNID: \nBridgeID: b-one\n\
    Application: AppQueue\nVariable: CHANNEL(onhold)=1\nVariable: TRUNKLINE_MARK=m1";
const RINGING: &str = "Event: Status\nChannel: PJSIP/1002-00000003\nChannelState: 5\n\
    CallerIDNum: 1002\nUniqueid: 100.11\nLinkedid: 100.9\nDNID: \nBridgeID: \n\
    Application: AppDial\nVariable: CHANNEL(onhold)=0\nVariable: TRUNKLINE_MARK=";
const MEMBER: &str = "Event: QueueMember\nQueue: support\nName: Agent One\n\
    Location: Local/1001@agents\nStateInterface: PJSIP/1001\nStatus: 2\nPaused: 1\n\
    PausedReason: lunch\nWrapuptime: 0\nInCall: 1\nLastCall: 0";
const WAITS: &str = "Event: QueueEntry\nQueue: support\nPosition: 2\n\
    Channel: PJSIP/carrier-00000001\nUniqueid: 100.9\nWait: 12";

fn settings() -> AmiSettings {
    let trunks = vec!["PJSIP/carrier".into()];
    AmiSettings { trunks, ..AmiSettings::new("cti", "secret") }
}

/// Logged in; a snapshot was ordered and its lists wait.
fn asked() -> Peer {
    let mut peer = Peer::up(settings());
    peer.told();
    peer.order(9, &Order::Snapshot);
    peer
}

/// The facts of the one snapshot that was told, and all else.
fn snapshot(peer: &mut Peer) -> (Vec<String>, Vec<String>) {
    let (snapshots, rest): (Vec<_>, Vec<_>) =
        peer.told().into_iter().partition(|line| line.starts_with("snapshot "));
    assert_eq!(snapshots.len(), 1, "{rest:?}");
    let lines = snapshots[0].lines().skip(1).map(|line| line.trim().trim_matches([',', '"', ']']));
    (lines.filter(|line| !line.is_empty()).map(str::to_owned).collect(), rest)
}

#[test]
fn a_snapshot_tells_all_that_holds_callers_first() {
    let mut peer = asked();
    peer.lists(&[RINGING, AGENT, CUSTOMER], &[MEMBER, WAITS]);
    let getvar = "Action: Getvar|Channel: PJSIP/carrier-00000001|Variable: CHANNEL(pjsip,call-id)";
    assert_eq!(peer.asked(), [getvar], "only the trunk's channel has one that we know");
    assert!(peer.told().is_empty(), "not before the Call-ID is known");
    peer.answers("Getvar", "Success", "Variable: CHANNEL(pjsip,call-id)\nValue: abc@host");
    let (facts, rest) = snapshot(&mut peer);
    let want = [
        "100.9 is PJSIP/carrier calling number=+491701234567 dialed=4930200 call-id=abc@host \
         group=100.9",
        "100.9 answered",
        "100.9 in b-one",
        "100.9 queued support 2",
        "100.10 is PJSIP/1001 called number=1001 mark=m1 group=100.9",
        "100.10 offered by 100.9",
        "100.10 answered",
        "100.10 holds",
        "100.10 in b-one",
        "100.11 is PJSIP/1002 called number=1002 group=100.9",
        "100.11 offered by 100.9",
        "100.11 rings",
    ];
    assert_eq!(facts, want);
    assert_eq!(rest, ["done 9 Done"]);
    // What the member is called by the queue is learnt.
    peer.order(
        1,
        &Order::Pause { device: "PJSIP/1001".into(), paused: false, reason: String::new() },
    );
    assert_eq!(peer.asked(), ["Action: QueuePause|Interface: Local/1001@agents|Paused: false"]);
}

#[test]
fn what_happens_while_lists_come_is_in_the_snapshot() {
    let mut peer = asked();
    let new = "Channel: PJSIP/1003-00000004\nUniqueid: 101.1\nLinkedid: 101.1\n";
    peer.says(&format!("Event: Newchannel\nChannelState: 4\nExten: 1001\n{new}"));
    peer.lists(&[CUSTOMER, AGENT], &[]);
    // The agent is gone before the snapshot is complete.
    peer.says("Event: Hangup\nChannel: PJSIP/1001-00000002\nUniqueid: 100.10\nCause: 16\n");
    peer.answers("Getvar", "Error", "Message: No such channel");
    let (facts, _) = snapshot(&mut peer);
    let named: Vec<&str> = facts.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(named, ["100.9", "100.9", "100.9", "101.1"]);
    // An event that is older than the list of channels brings nobody back.
    peer.says("Event: Newstate\nChannel: PJSIP/1001-00000002\nUniqueid: 100.10\nChannelState: 6\n");
    assert!(peer.told().is_empty());
}

#[test]
fn a_late_event_tells_the_moment_that_the_list_did_not() {
    let mut peer = asked();
    peer.lists(&[AGENT], &[]);
    snapshot(&mut peer);
    let state =
        "Channel: PJSIP/1001-00000002\nUniqueid: 100.10\nLinkedid: 100.9\nChannelState: 6\n";
    peer.says(&format!("Event: Newstate\nTimestamp: 1795295366.000001\n{state}"));
    assert_eq!(peer.told(), ["100.10 answered"]);
    peer.says(&format!("Event: Newstate\nTimestamp: 1795295366.000002\n{state}"));
    assert!(peer.told().is_empty());
}

#[test]
fn channels_that_a_later_snapshot_does_not_list_are_gone() {
    let mut peer = asked();
    peer.lists(&[CUSTOMER, AGENT], &[WAITS]);
    peer.answers("Getvar", "Success", "Value: abc@host");
    peer.told();
    peer.drops(17);
    assert!(peer.told()[0].contains("Lost(17"));
    peer.lists(&[CUSTOMER], &[]);
    assert!(peer.asked().is_empty(), "its Call-ID is known");
    let (facts, _) = snapshot(&mut peer);
    assert_eq!(facts.len(), 3, "{facts:?}");
    assert!(facts.iter().all(|line| line.starts_with("100.9 ") && !line.contains("queued")));
}

#[test]
fn events_lost_during_a_snapshot_lead_to_another() {
    let mut peer = asked();
    peer.drops(1);
    peer.drops(2);
    peer.order(10, &Order::Snapshot);
    assert_eq!(peer.asked().len(), 3, "one after the other");
    peer.told();
    peer.lists(&[], &[]);
    assert_eq!(peer.told(), ["snapshot members=true []", "done 9 Done"]);
    peer.lists(&[], &[]);
    assert_eq!(peer.told(), ["snapshot members=true []", "done 10 Done"]);
    assert!(peer.asked().is_empty());
}

#[test]
fn a_pbx_without_queues_has_a_snapshot_too() {
    let mut peer = asked();
    peer.answers("QueueStatus", "Error", "Message: Invalid/unknown command: QueueStatus.");
    let id = peer.id("Status", true);
    peer.says(&format!("Event: StatusComplete\nActionID: {id}\nEventList: Complete\n"));
    let id = peer.id("BridgeList", true);
    peer.says(&format!("Event: BridgeListComplete\nActionID: {id}\nEventList: Complete\n"));
    assert_eq!(peer.told(), ["snapshot members=false []", "done 9 Done"]);
}

#[test]
fn a_list_that_does_not_end_is_given_up() {
    let mut peer = asked();
    peer.answers("Status", "Success", "EventList: start");
    for _ in 0..30 {
        assert_eq!(peer.closed(), None);
        peer.passes(std::time::Duration::from_secs(1));
        if peer.asked().iter().any(|asked| asked == "Action: Ping") {
            peer.answers("Ping", "Success", "");
        }
    }
    peer.closed_with("was not complete within 30s");
}

#[test]
fn in_a_holding_bridge_nobody_hears_anybody() {
    let mut peer = asked();
    let id = peer.id("BridgeList", true);
    peer.says(&format!(
        "Event: BridgeListItem\nActionID: {id}\nBridgeUniqueid: b-one\n\
         BridgeTechnology: holding_bridge\n"
    ));
    peer.says(&format!("Event: BridgeListComplete\nActionID: {id}\nEventList: Complete\n"));
    let id = peer.id("Status", true);
    peer.says(&format!("{AGENT}\nActionID: {id}\n"));
    peer.says(&format!("Event: StatusComplete\nActionID: {id}\nEventList: Complete\n"));
    peer.answers("QueueStatus", "Error", "");
    let (facts, _) = snapshot(&mut peer);
    assert!(!facts.iter().any(|line| line.contains(" in ")), "{facts:?}");
}
