//! What orders become, and what comes of them.

use super::peer::Peer;
use crate::model::Pii;
use crate::pbx::ami::AmiSettings;
use crate::pbx::{ChannelId, Order};
use std::time::Duration;

/// An agent (1.2) in a call with an outside line (1.1).
fn talking() -> Peer {
    talking_to("22.10.0")
}

fn talking_to(version: &str) -> Peer {
    let settings =
        AmiSettings { trunks: vec!["PJSIP/carrier".into()], ..AmiSettings::new("cti", "secret") };
    let mut peer = Peer::up_with(settings, version);
    for (id, name) in [("1.1", "IAX2/carrier-00000001"), ("1.2", "PJSIP/1001-00000002")] {
        let channel = format!("Channel: {name}\nUniqueid: {id}\n");
        peer.says(&format!("Event: Newchannel\nChannelState: 4\n{channel}"));
        peer.says(&format!("Event: Newstate\nChannelState: 6\n{channel}"));
        peer.says(&format!("Event: BridgeEnter\nBridgeUniqueid: b-one\n{channel}"));
    }
    peer.told();
    assert!(peer.asked().is_empty());
    peer
}

/// The agent asks somebody by Asterisk's own feature: a pipe shares the bridge.
fn consulting() -> Peer {
    let mut peer = talking();
    let pipe = "Channel: Local/1002@from-agents-00000000;1\nUniqueid: 1.3\n";
    peer.says(&format!("Event: Newchannel\nChannelState: 0\n{pipe}"));
    peer.says(&format!("Event: BridgeEnter\nBridgeUniqueid: b-two\n{pipe}"));
    let agent = "Channel: PJSIP/1001-00000002\nUniqueid: 1.2\n";
    peer.says(&format!("Event: BridgeLeave\nBridgeUniqueid: b-one\n{agent}"));
    peer.says(&format!("Event: BridgeEnter\nBridgeUniqueid: b-two\n{agent}"));
    peer.told();
    peer
}

fn id(id: &str) -> ChannelId {
    ChannelId(id.into())
}

fn number(number: &str) -> Pii<String> {
    Pii::new(number.to_owned())
}

fn dial(to: &str) -> Order {
    Order::Dial {
        channel: id("tl-7"),
        device: "PJSIP/1001".into(),
        to: number(to),
        mark: "m42".into(),
        purpose: Some("sales".into()),
        ring_s: 20,
    }
}

#[test]
fn orders_become_actions_and_the_answer_is_their_result() {
    let agent = || id("1.2");
    let device = || "PJSIP/1001".to_owned();
    let rows = [
        (Order::Answer(agent()), "PJSIPNotify|Channel: PJSIP/1001-00000002|Variable: Event=talk"),
        (Order::Hold(agent()), "PJSIPNotify|Channel: PJSIP/1001-00000002|Variable: Event=hold"),
        (Order::Retrieve(agent()), "PJSIPNotify|Channel: PJSIP/1001-00000002|Variable: Event=talk"),
        (
            Order::TransferBlind { by: agent(), peer: Some(id("1.1")), to: number("1002") },
            "BlindTransfer|Channel: PJSIP/1001-00000002|Exten: 1002|Context: from-agents",
        ),
        (
            Order::Hangup { channel: agent(), q850: 21 },
            "Hangup|Channel: PJSIP/1001-00000002|Cause: 21",
        ),
        (
            Order::QueueMember { queue: "support".into(), device: device(), present: true },
            "QueueAdd|Queue: support|Interface: PJSIP/1001",
        ),
        (
            Order::QueueMember { queue: "support".into(), device: device(), present: false },
            "QueueRemove|Queue: support|Interface: PJSIP/1001",
        ),
        (
            Order::Pause { device: device(), paused: true, reason: "lunch".into() },
            "QueuePause|Interface: PJSIP/1001|Paused: true|Reason: lunch",
        ),
        (
            Order::Pause { device: device(), paused: false, reason: String::new() },
            "QueuePause|Interface: PJSIP/1001|Paused: false",
        ),
    ];
    let mut peer = talking();
    for (order, want) in rows {
        let action = want.split('|').next().unwrap();
        peer.order(1, &order);
        assert_eq!(peer.asked(), [format!("Action: {want}")]);
        assert!(peer.told().is_empty(), "no result before the answer");
        peer.answers(action, "Success", "Message: done");
        assert_eq!(peer.told(), ["done 1 Done"]);
        peer.order(2, &order);
        peer.answers(action, "Error", "Message: No such thing");
        assert_eq!(peer.told(), ["done 2 Rejected(\"No such thing\")"]);
    }
}

#[test]
fn a_dial_is_done_when_its_channel_is_there() {
    let mut peer = talking();
    peer.order(5, &dial("04915112345"));
    let want = "Action: Originate|Channel: PJSIP/1001|Context: from-agents|Exten: 04915112345|\
                Priority: 1|Timeout: 20000|Async: true|ChannelId: tl-7|\
                Variable: __TRUNKLINE_MARK=m42|Variable: __TRUNKLINE_PURPOSE=sales";
    assert_eq!(peer.asked(), [want]);
    let originate = peer.id("Originate", true);
    peer.says(&format!("Response: Success\nActionID: {originate}\nMessage: queued\n"));
    assert!(peer.told().is_empty());
    peer.says("Event: Newchannel\nChannel: PJSIP/1001-00000009\nChannelState: 0\nUniqueid: tl-7\n");
    let told = peer.told();
    assert_eq!(told, ["tl-7 is PJSIP/1001 called", "done 5 Done"]);
    // Its outcome is told by the channel.
    peer.says(&format!(
        "Event: OriginateResponse\nActionID: {originate}\nResponse: Failure\nReason: 3\n"
    ));
    assert!(peer.told().is_empty());
}

#[test]
fn a_dial_to_a_device_that_is_not_there_is_rejected() {
    let mut peer = talking();
    peer.order(5, &dial("1002"));
    let originate = peer.id("Originate", true);
    peer.says(&format!("Response: Success\nActionID: {originate}\n"));
    // Another session's outcome has another id.
    peer.says("Event: OriginateResponse\nActionID: trunkline-0-4\nResponse: Failure\n");
    assert!(peer.told().is_empty());
    peer.says(&format!(
        "Event: OriginateResponse\nActionID: {originate}\nResponse: Failure\nReason: 0\n"
    ));
    let want = "done 5 Rejected(\"the device cannot be called (Originate, reason 0)\")";
    assert_eq!(peer.told(), [want]);
}

#[test]
fn an_order_without_answer_times_out_once() {
    let mut peer = talking();
    peer.order(3, &Order::Hangup { channel: id("1.2"), q850: 16 });
    let hangup = peer.id("Hangup", true);
    peer.passes(Duration::from_millis(4999));
    assert!(peer.told().is_empty());
    peer.passes(Duration::from_millis(1));
    assert_eq!(peer.told(), ["done 3 TimedOut"]);
    peer.says(&format!("Response: Success\nActionID: {hangup}\nMessage: Channel Hungup\n"));
    assert!(peer.told().is_empty(), "the answer comes too late");
    assert_eq!(peer.closed(), None);
}

#[test]
fn a_consultation_reads_its_number_from_a_variable_that_is_cleared_after_it() {
    let mut peer = talking();
    let consult = |to: &str| Order::Consult { by: id("1.2"), to: number(to) };
    let set = "Action: Setvar|Channel: PJSIP/1001-00000002|Variable: TRANSFER_EXTEN|Value: ";
    peer.order(1, &consult("+4930"));
    assert_eq!(peer.asked(), [format!("{set}+4930")]);
    peer.answers("Setvar", "Success", "");
    let begin = "Action: Atxfer|Channel: PJSIP/1001-00000002|Exten: D|Context: from-agents";
    assert_eq!(peer.asked(), [begin]);
    peer.answers("Atxfer", "Success", "");
    assert_eq!(peer.told(), ["done 1 Done"]);
    let key = "Event: DTMFEnd\nUniqueid: 1.2\nDigit: *\nDirection: Received\n";
    peer.says(key);
    assert!(peer.told().iter().all(|line| !line.contains("key")), "the party pressed nothing");
    peer.passes(Duration::from_millis(1999));
    assert!(peer.asked().is_empty());
    peer.passes(Duration::from_millis(1));
    assert_eq!(peer.asked(), [set]);
    peer.id("Setvar", true);
    peer.passes(Duration::from_millis(1));
    peer.says(key);
    assert_eq!(peer.told(), ["1.2 key *"]);
    peer.passes(Duration::from_secs(6));
    assert_eq!(peer.closed(), None, "the answer to it is not missed");
    peer.order(2, &consult("1002"));
    peer.answers("Setvar", "Error", "Message: No such channel");
    assert_eq!(peer.told(), ["done 2 Rejected(\"No such channel\")"]);
}

#[test]
fn an_older_asterisk_is_given_the_keys_of_the_number() {
    let mut peer = talking_to("16.28.0");
    peer.order(1, &Order::Consult { by: id("1.2"), to: number("1002") });
    let want = "Action: Atxfer|Channel: PJSIP/1001-00000002|Exten: 1002|Context: from-agents";
    assert_eq!(peer.asked(), [want]);
    peer.order(2, &Order::Consult { by: id("1.2"), to: number("+49") });
    assert_eq!(peer.told(), ["done 2 Rejected(\"there are no such keys\")"]);
}

#[test]
fn a_consultation_is_completed_cancelled_or_made_a_conference() {
    let by = || id("1.2");
    for (order, want) in [
        (Order::TransferComplete { by: by() }, "Hangup|Channel: PJSIP/1001-00000002|Cause: 16"),
        (Order::ConsultCancel { by: by() }, "CancelAtxfer|Channel: PJSIP/1001-00000002"),
        (
            Order::Conference { by: by() },
            "PlayDTMF|Channel: PJSIP/1001-00000002|Digit: *|Duration: 120|Receive: true",
        ),
    ] {
        let mut peer = consulting();
        peer.order(1, &order);
        assert_eq!(peer.asked(), [format!("Action: {want}")]);
        // One that the phone made is no business of AMI.
        let mut peer = talking();
        peer.order(1, &order);
        assert!(peer.asked().is_empty());
        assert!(peer.told()[0].starts_with("done 1 Unsupported(\"no consultation"));
    }
}

#[test]
fn keys_are_pressed_one_by_one() {
    let mut peer = talking();
    peer.order(4, &Order::Dtmf { channel: id("1.1"), digits: "1#".into() });
    for key in ["1", "#"] {
        let want = format!(
            "Action: PlayDTMF|Channel: IAX2/carrier-00000001|Digit: {key}|Duration: 120|Receive: true"
        );
        assert_eq!(peer.asked(), [want]);
        assert!(peer.told().is_empty());
        peer.answers("PlayDTMF", "Success", "");
    }
    assert_eq!(peer.told(), ["done 4 Done"]);
    peer.order(5, &Order::Dtmf { channel: id("1.1"), digits: "12".into() });
    peer.answers("PlayDTMF", "Error", "Message: Channel not found");
    assert_eq!(peer.told(), ["done 5 Rejected(\"Channel not found\")"]);
    assert!(peer.asked().is_empty(), "the rest is not sent");
}

#[test]
fn data_is_told_when_the_pbx_has_it() {
    let mut peer = talking();
    let set = |key: &str| Order::SetData {
        channel: id("1.1"),
        key: key.into(),
        value: Pii::new("gold".into()),
    };
    peer.order(1, &set("level"));
    let want = "Action: Setvar|Channel: IAX2/carrier-00000001|Variable: level|Value: gold";
    assert_eq!(peer.asked(), [want]);
    peer.answers("Setvar", "Success", "");
    assert_eq!(peer.told(), ["1.1 data level=gold", "done 1 Done"]);
    for key in ["SHELL(rm)", "", "a b", "1a"] {
        peer.order(2, &set(key));
        assert!(peer.asked().is_empty());
        assert!(peer.told()[0].starts_with("done 2 Rejected(\"a key is made of"));
    }
}

#[test]
fn what_could_be_read_as_something_else_is_not_sent() {
    let mut peer = talking();
    for to in ["1002\r\nAction: Command", "1002,1", "100&PJSIP/evil", "${SHELL(x)}", "", "1)x"] {
        peer.order(1, &dial(to));
        peer.order(2, &Order::TransferBlind { by: id("1.2"), peer: None, to: number(to) });
        let want = ["done 1", "done 2"]
            .map(|done| format!("{done} Rejected(\"the number cannot be dialled\")"));
        assert_eq!(peer.told(), want, "{to}");
    }
    peer.order(3, &Order::Consult { by: id("1.2"), to: number("10,1") });
    assert_eq!(peer.told(), ["done 3 Rejected(\"the number cannot be dialled\")"]);
    let reason = "a\r\nAction: Command".to_owned();
    peer.order(4, &Order::Pause { device: "PJSIP/1001".into(), paused: true, reason });
    let want = "done 4 Rejected(\"Reason is too long or holds a control character\")";
    assert_eq!(peer.told(), [want]);
    peer.order(5, &Order::Hangup { channel: id("/.*/"), q850: 16 });
    assert_eq!(peer.told(), ["done 5 Rejected(\"no such channel\")"]);
    peer.order(6, &Order::Hold(id("1.1")));
    assert!(peer.told()[0].starts_with("done 6 Unsupported(\"only a PJSIP phone"));
    assert!(peer.asked().is_empty());
}

#[test]
fn before_the_login_no_order_is_taken() {
    let mut peer = Peer::new(AmiSettings::new("cti", "secret"));
    peer.order(1, &Order::Snapshot);
    assert_eq!(peer.told(), ["done 1 LinkDown"]);
    assert!(peer.asked().is_empty());
}
