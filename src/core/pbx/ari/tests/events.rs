//! Single events, and what is none.

use super::super::{AriSession, AriSettings, EVENT_BYTES_MAX};
use super::rig::{Rig, channel, event, id, settings, talking, up};
use super::words::Words;
use crate::pbx::{DeviceState, Fact, Lane, News, Session};
use std::time::Duration;

#[test]
fn what_is_no_event_is_counted_and_told_once() {
    let mut rig = up();
    let odd = ["", "7", "[]", "{", r#"{"type":7}"#, r#"{"no":"type"}"#, "\u{0}"];
    odd.iter().for_each(|message| rig.hear(message));
    rig.hear(r#"{"type":"ChannelHold","channel":"not an object"}"#);
    assert_eq!(rig.session.counters().malformed, 8);
    assert_eq!(rig.news().len(), 1);
    rig.hear(r#"{"type":"SomethingNew","channel":"of another shape"}"#);
    assert_eq!((rig.session.counters().malformed, rig.session.counters().unused), (8, 1));
    assert!(rig.facts().is_empty());
}

#[test]
fn an_event_beyond_the_limit_is_a_loss() {
    let mut rig = up();
    let long = event("ChannelUserevent", "{}", "").replace("{}", &" ".repeat(EVENT_BYTES_MAX));
    rig.hear(&long);
    let news = rig.news();
    assert!(matches!(&news[..], [News::Warning(_), News::Lost(1, _)]), "{news:?}");
    assert_eq!(rig.requests().len(), 3);
}

#[test]
fn variables_and_our_user_events_are_data_once_a_value() {
    let settings = AriSettings { variables: vec!["CASE".into()], ..settings() };
    assert!(!settings.filter().contains("ChannelVarset"));
    let mut rig = Rig::new(AriSession::observing(settings));
    let caller = channel("7", "PJSIP/trunk-00000001", "Ring", "Dial", "4930100");
    rig.hear(&event("ChannelCreated", &caller, ""));
    rig.facts();
    for (name, value) in [("__CASE", "4711"), ("CASE", "4711"), ("OTHER", "x"), ("CASE", "")] {
        let more = format!(r#""variable":"{name}","value":"{value}","#);
        rig.hear(&event("ChannelVarset", &caller, &more));
    }
    let said =
        r#""eventname":"Trunkline","userevent":{"eventname":"Trunkline","vip":"yes","n":7},"#;
    rig.hear(&event("ChannelUserevent", &caller, said));
    rig.hear(&event("ChannelUserevent", &caller, &said.replace("Trunkline", "Other")));
    assert_eq!(Words::table(&rig.facts()), "data ?7 CASE=4711\ndata ?7 vip=yes");
    rig.hear(&event("ChannelVarset", &caller, r#""variable":"__TRUNKLINE_MARK","value":"m-1","#));
    let facts = rig.facts();
    assert!(matches!(&facts[..], [Fact::Channel(_, info)] if info.mark.as_deref() == Some("m-1")));
}

#[test]
fn devices_are_told_and_nothing_else_that_has_a_state() {
    let mut rig = Rig::observing();
    let say = |name: &str, state: &str| {
        format!(
            r#"{{"type":"DeviceStateChanged","device_state":{{"name":"{name}","state":"{state}"}}}}"#
        )
    };
    for name in ["Queue:support", "Custom:x", "Local/1@c", "PJSIP/carrier"] {
        rig.hear(&say(name, "INUSE"));
    }
    assert!(rig.facts().is_empty());
    let states = [
        ("NOT_INUSE", DeviceState::Idle),
        ("INUSE", DeviceState::InUse),
        ("BUSY", DeviceState::InUse),
        ("ONHOLD", DeviceState::InUse),
        ("RINGINUSE", DeviceState::InUse),
        ("RINGING", DeviceState::Ringing),
        ("UNAVAILABLE", DeviceState::Unavailable),
        ("INVALID", DeviceState::Unavailable),
        ("UNKNOWN", DeviceState::Unknown),
    ];
    for (word, state) in states {
        rig.hear(&say("PJSIP/1001", word));
        assert_eq!(rig.facts(), [Fact::Device { device: "PJSIP/1001".into(), state }], "{word}");
    }
    let endpoint = |kind: &str, state: &str, channels: &str| {
        format!(
            r#"{{"type":"{kind}","endpoint":{{"technology":"PJSIP","resource":"1001",
            "state":"{state}","channel_ids":[{channels}]}}}}"#
        )
    };
    let unavailable = Fact::Device { device: "PJSIP/1001".into(), state: DeviceState::Unavailable };
    for kind in ["EndpointStateChange", "PeerStatusChange", "ContactStatusChange"] {
        rig.hear(&endpoint(kind, "offline", ""));
        assert_eq!(rig.facts(), std::slice::from_ref(&unavailable), "{kind}");
    }
    rig.hear(&endpoint("EndpointStateChange", "online", r#""7""#));
    assert!(rig.facts().is_empty(), "its call says more");
}

#[test]
fn the_end_of_a_hold_is_told_late_or_before_the_next() {
    let mut rig = Rig::observing();
    let agent = channel("8", "PJSIP/1001-00000002", "Down", "AppDial", "");
    rig.hear(&event("ChannelCreated", &agent, ""));
    let hold = event("ChannelHold", &agent, r#""musicclass":"default","#);
    let unhold = event("ChannelUnhold", &agent, "");
    rig.facts();
    rig.hear(&unhold);
    rig.pass(Duration::from_secs(1));
    assert!(rig.facts().is_empty(), "an end without a beginning is nothing");
    rig.hear(&hold);
    rig.hear(&unhold);
    assert_eq!(rig.facts(), [Fact::Held(id("8"))]);
    rig.pass(Duration::from_millis(99));
    assert!(rig.facts().is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.facts(), [Fact::Retrieved(id("8"))]);
    rig.hear(&hold);
    rig.hear(&unhold);
    rig.hear(&hold);
    let expected = [Fact::Held(id("8")), Fact::Retrieved(id("8")), Fact::Held(id("8"))];
    assert_eq!(rig.facts(), expected);
}

/// `PJSIP_TRANSFER_HANDLING`: asked for is not done.
#[test]
fn a_transfer_left_to_an_application_counts_when_its_target_has_answered() {
    let mut rig = Rig::observing();
    let agent = channel("8", "PJSIP/1001-00000002", "Up", "Stasis", "");
    let customer = channel("7", "PJSIP/trunk-00000001", "Up", "Stasis", "");
    let asked = |state: &str| {
        format!(
            r#"{{"type":"ChannelTransfer","timestamp":"2026-11-21T21:00:01.000+0000",{state}
            "refer_to":{{"requested_destination":{{"destination":"1002"}}}},
            "referred_by":{{"source_channel":{agent},"connected_channel":{customer}}}}}"#
        )
    };
    rig.hear(&asked(""));
    assert!(rig.facts().is_empty());
    rig.hear(&asked(r#""state":"channel_answered","#));
    let expected = "transferred blind ?8: ?7 with - to 1002";
    assert_eq!(Words::table(&rig.facts()), expected);
}

#[test]
fn nothing_comes_back_after_its_end() {
    let mut rig = Rig::observing();
    let agent = channel("8", "PJSIP/1001-00000002", "Down", "AppDial", "");
    rig.hear(&event("ChannelCreated", &agent, ""));
    rig.hear(&event("ChannelDestroyed", &agent, r#""cause":16,"#));
    rig.facts();
    for kind in ["ChannelCreated", "ChannelDialplan", "ChannelDestroyed", "ChannelStateChange"] {
        rig.hear(&event(kind, &agent, r#""cause":16,"#));
        assert!(rig.facts().is_empty(), "{kind}");
    }
    assert!(rig.session.facts.known.is_empty());
}

#[test]
fn who_is_parked_hears_nobody() {
    let mut rig = talking();
    let customer = channel("7", "PJSIP/trunk-00000001", "Up", "Park", "700");
    let bridge = r#""bridge":{"id":"lot","bridge_type":"holding"},"#;
    rig.hear(&event("ChannelEnteredBridge", &customer, bridge));
    assert!(!rig.facts().iter().any(|fact| matches!(fact, Fact::Bridged(..))));
}

proptest::proptest! {
    /// Whatever comes, nothing panics, and what is told of a message is bounded.
    #[test]
    fn garbage_never_panics(
        kind in 0..20_usize,
        fields in proptest::collection::vec((0..16_usize, ".{0,12}"), 0..6),
        raw in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
    ) {
        const KINDS: [&str; 20] = [
            "ChannelCreated", "ChannelStateChange", "ChannelDestroyed", "ChannelHangupRequest",
            "ChannelDialplan", "StasisStart", "Dial", "ChannelEnteredBridge", "ChannelLeftBridge",
            "ChannelHold", "ChannelUnhold", "ChannelDtmfReceived", "ChannelVarset",
            "ChannelUserevent", "BridgeBlindTransfer", "BridgeAttendedTransfer", "ChannelTransfer",
            "DeviceStateChanged", "EndpointStateChange", "RESTResponse",
        ];
        const FIELDS: [&str; 16] = [
            "channel", "peer", "caller", "bridge", "digit", "variable", "value", "exten", "result",
            "dialstatus", "timestamp", "state", "endpoint", "device_state", "request_id", "musicclass",
        ];
        let mut rig = up();
        rig.session.received(rig.now, Lane::Events, &raw, &mut rig.out);
        let mut event = serde_json::json!({ "type": KINDS[kind] });
        for (field, value) in fields {
            let nested = serde_json::json!({ "id": value, "name": value, "state": "Up" });
            let inner = field < 4 || FIELDS[field] == "endpoint" || FIELDS[field] == "device_state";
            event[FIELDS[field]] = if inner { nested } else { value.into() };
        }
        rig.hear(&event.to_string());
        rig.pass(Duration::from_secs(1));
        proptest::prop_assert!(rig.facts().len() <= 8);
    }
}

#[test]
fn a_channel_that_nobody_announced_is_not_followed() {
    let mut rig = up();
    let unknown = channel("8", "PJSIP/1001-00000002", "Up", "Dial", "1002");
    rig.hear(&event("ChannelHold", &unknown, r#""musicclass":"default","#));
    assert_eq!(rig.facts().last(), Some(&Fact::Held(id("8"))));
    assert!(rig.session.facts.known.is_empty());
}
