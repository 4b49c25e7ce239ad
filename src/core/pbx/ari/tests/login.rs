//! Login, snapshot, signs of life.

use super::super::{AriSession, AriSettings, EVENT_BYTES_MAX};
use super::rig::{INFO, Rig, channel, event, settings, up};
use super::words::Words;
use crate::pbx::{
    Close, DeviceState, Fact, Lane, Method, News, Order, OrderId, OrderResult, Session,
};
use std::time::Duration;

#[test]
fn it_asks_who_is_there_then_filters_then_takes_a_snapshot() {
    let mut rig = Rig::new(AriSession::new(settings()));
    rig.session.connected(rig.now, Lane::Events, &mut rig.out);
    let asked = rig.requests();
    assert_eq!((asked.len(), &*asked[0].path), (1, "/asterisk/info"));
    rig.answer(asked[0].ticket, 200, INFO);
    let asked = rig.requests();
    assert_eq!(asked[0].path, "/asterisk/variable?variable=TRUNKLINE_RUN");
    rig.answer(asked[0].ticket, 200, r#"{"value":""}"#);
    let asked = rig.requests();
    let name = "/asterisk/variable?variable=TRUNKLINE_RUN&value=6608b015f3000";
    assert_eq!((asked[0].method, &*asked[0].path), (Method::Post, name));
    rig.answer(asked[0].ticket, 204, "");
    assert!(rig.news().is_empty(), "not up before the filter");
    let asked = rig.requests();
    assert_eq!(asked[0].path, "/applications/cti/eventFilter");
    assert_eq!(asked[0].method, Method::Put);
    assert!(asked[0].body.contains(r#"{"type":"ChannelVarset"}"#), "{}", asked[0].body);
    assert!(!asked[0].body.contains("ChannelDialplan"), "it is the first with a Call-ID");
    rig.answer(asked[0].ticket, 204, "");
    let News::Up(identity) = rig.news().remove(0) else { panic!("not up") };
    assert_eq!(identity.version, "Asterisk 22.10.1");
    assert_eq!(identity.instance, "2026-11-21T20:00:00.000+0000 6608b015f3000");
    let asked = rig.requests();
    let paths: Vec<_> = asked.iter().map(|request| &*request.path).collect();
    assert_eq!(paths, ["/channels", "/bridges", "/endpoints"]);
    assert!(rig.facts().is_empty());
    asked.iter().for_each(|request| rig.answer(request.ticket, 200, "[]"));
    assert_eq!(Words::table(&rig.facts()), "snapshot\n  ");
}

#[test]
fn a_refused_login_says_who_was_refused_and_waits_long() {
    let refused = |status, body: &str| {
        let mut rig = Rig::new(AriSession::new(settings()));
        rig.session.connected(rig.now, Lane::Events, &mut rig.out);
        let ticket = rig.requests()[0].ticket;
        rig.answer(ticket, status, body);
        rig.close().unwrap()
    };
    let Close::Refused(why) = refused(401, r#"{"message":"Authentication required"}"#) else {
        panic!("401")
    };
    assert_eq!(why, "ARI refuses user bridge: Authentication required");
    assert!(matches!(refused(403, ""), Close::Refused(_)));
    assert!(matches!(refused(404, ""), Close::Refused(why) if why.contains("not enabled")));
    assert!(matches!(refused(503, ""), Close::Retry(_)));
    assert!(matches!(refused(0, "connection reset"), Close::Retry(why) if why.contains("reset")));
}

#[test]
fn a_user_that_may_only_read_still_sees_calls() {
    let mut rig = Rig::new(AriSession::new(settings()));
    rig.session.connected(rig.now, Lane::Events, &mut rig.out);
    let ticket = rig.requests()[0].ticket;
    rig.answer(ticket, 200, INFO);
    let ticket = rig.requests()[0].ticket;
    rig.answer(ticket, 200, r#"{"value":""}"#);
    for _ in ["the run's name", "the filter"] {
        let ticket = rig.requests()[0].ticket;
        rig.answer(ticket, 403, r#"{"message":"Write access denied"}"#);
    }
    let news = rig.news();
    assert!(matches!(&news[0], News::Warning(text) if text.contains("bridge may only read")));
    assert!(matches!(&news[1], News::Up(_)) && rig.close().is_none());
}

#[test]
fn a_snapshot_tells_state_in_order_and_who_holds() {
    let lists = [
        &*format!(
            "[{},{},{},{},{}]",
            channel("1", "PJSIP/trunk-00000001", "Up", "Dial", "s"),
            channel("1-b", "PJSIP/1001-00000002", "Up", "AppDial", ""),
            channel("2", "PJSIP/trunk-00000003", "Ring", "Queue", "4930200"),
            channel("2-b", "PJSIP/1002-00000004", "Ringing", "AppDial", ""),
            channel("9", "Snoop/1-00000005", "Up", "Stasis", ""),
        ),
        r#"[{"id":"x","bridge_type":"mixing","channels":["1","1-b"]},
            {"id":"p","bridge_type":"holding","channels":["2"]}]"#,
        r#"[{"technology":"PJSIP","resource":"1001","state":"online","channel_ids":["1-b"]},
            {"technology":"PJSIP","resource":"1002","state":"online","channel_ids":["2-b"]},
            {"technology":"PJSIP","resource":"1003","state":"online","channel_ids":[]},
            {"technology":"PJSIP","resource":"1004","state":"offline","channel_ids":[]},
            {"technology":"PJSIP","resource":"carrier","state":"online","channel_ids":[]}]"#,
    ];
    let mut rig = Rig::new(AriSession::new(settings()));
    // The customer is told to wait, so it is the agent who holds. It dialled 4930100.
    rig.log_in(lists, |path| match path {
        "/channels/1/variable?variable=CHANNEL%28onhold%29" => "1",
        "/channels/1/variable?variable=CALLERID%28dnid%29" => "4930100",
        _ => "0",
    });
    let facts = rig.facts();
    let expected = "snapshot
  channel trunk in
  answered trunk
  bridged trunk A
  channel 1001 out
  offered 1001 by trunk
  answered 1001
  held 1001
  bridged 1001 A
  channel trunk#2 in
  queued trunk#2 support
  channel 1002 out
  offered 1002 by trunk#2
  ringing 1002";
    assert_eq!(Words::table(&facts), expected);
    let Fact::Snapshot(snapshot) = &facts[0] else { panic!("no snapshot first") };
    let Fact::Channel(_, info) = &snapshot.channels[0].1[0].fact else { panic!("no channel") };
    assert_eq!(info.dialed.as_ref().unwrap().reveal(), "4930100");
    assert!(
        snapshot.channels.iter().all(|(_, facts)| facts[1..].iter().all(|f| f.pbx_time.is_none()))
    );
    let devices: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Device { device, state } => Some((&**device, *state)),
            _ => None,
        })
        .collect();
    let expected = [
        ("PJSIP/1001", DeviceState::InUse),
        ("PJSIP/1002", DeviceState::Ringing),
        ("PJSIP/1003", DeviceState::Idle),
        ("PJSIP/1004", DeviceState::Unavailable),
    ];
    assert_eq!(devices, expected, "a trunk is no device");
}

/// The lists are older than what events told since they were asked for.
#[test]
fn events_during_a_snapshot_are_newer_than_its_lists() {
    let mut rig = up();
    let old = channel("1", "PJSIP/1001-00000001", "Up", "Dial", "1002");
    let gone = channel("2", "PJSIP/1002-00000002", "Up", "Dial", "1001");
    let new = channel("3", "PJSIP/1003-00000003", "Ring", "Dial", "1001");
    for channel in [&old, &gone] {
        rig.hear(&event("ChannelCreated", channel, ""));
    }
    rig.facts();
    rig.order(5, &Order::Snapshot);
    let asked = rig.requests();
    let bridge = r#""bridge":{"id":"b","bridge_type":"mixing"},"#;
    rig.hear(&event("ChannelEnteredBridge", &old, bridge));
    rig.hear(&event("ChannelDestroyed", &gone, r#""cause":16,"#));
    rig.hear(&event("ChannelCreated", &new, ""));
    let live = Words::table(&rig.facts());
    assert!(live.contains("channel 1003 in") && live.contains("ended"), "{live}");
    let lists = [format!("[{old},{gone}]"), "[]".into(), "[]".into()];
    for (request, list) in asked.iter().zip(&lists) {
        rig.answer(request.ticket, 200, list);
    }
    for question in rig.requests() {
        rig.answer(question.ticket, 404, r#"{"message":"Provided channel was not found"}"#);
    }
    let reports = rig.out.reports.clone();
    let done = News::Done(OrderId(5), OrderResult::Done);
    assert!(rig.news().contains(&done));
    rig.out.reports = reports;
    let table = Words::table(&rig.facts());
    assert_eq!(
        table.lines().skip(1).collect::<Vec<_>>(),
        ["  channel 1001 ?", "  answered 1001", "  bridged 1001 A", "  channel 1003 in"]
    );
}

#[test]
fn what_a_snapshot_does_not_hold_is_forgotten() {
    let mut rig = up();
    let lost = channel("1", "PJSIP/1001-00000001", "Up", "Dial", "1002");
    rig.hear(&event("ChannelCreated", &lost, ""));
    rig.session.dropped(rig.now, 3, &mut rig.out);
    let asked = rig.requests();
    assert_eq!(asked.len(), 3, "lost events lead to a snapshot");
    assert!(rig.news().iter().any(|news| matches!(news, News::Lost(3, _))));
    asked.iter().for_each(|request| rig.answer(request.ticket, 200, "[]"));
    assert_eq!(Words::table(&rig.facts()), "snapshot\n  ");
    assert!(rig.session.facts.known.is_empty());
}

#[test]
fn a_loss_during_a_snapshot_leads_to_another_and_one_result() {
    let mut rig = up();
    rig.order(1, &Order::Snapshot);
    let first = rig.requests();
    rig.session.dropped(rig.now, 1, &mut rig.out);
    assert!(rig.requests().is_empty(), "one at a time");
    first.iter().for_each(|request| rig.answer(request.ticket, 200, "[]"));
    let done =
        |rig: &mut Rig| rig.news().iter().filter(|news| matches!(news, News::Done(..))).count();
    assert_eq!(done(&mut rig), 0);
    let second = rig.requests();
    assert_eq!(second.len(), 3);
    second.iter().for_each(|request| rig.answer(request.ticket, 200, "[]"));
    assert_eq!(done(&mut rig), 1);
}

#[test]
fn lists_that_do_not_come_end_the_connection() {
    let mut rig = up();
    rig.order(1, &Order::Snapshot);
    let asked = rig.requests();
    rig.answer(asked[1].ticket, 500, r#"{"message":"Allocation failed"}"#);
    assert!(matches!(rig.close(), Some(Close::Retry(why)) if why.contains("Allocation failed")));
}

#[test]
fn another_client_takes_the_application() {
    let mut rig = up();
    rig.hear(r#"{"type":"ApplicationReplaced","application":"cti"}"#);
    let why = "another client took application cti".to_owned();
    assert_eq!(rig.close(), Some(Close::Refused(why)));
}

#[test]
fn a_ping_goes_out_every_15_s_and_must_be_answered_in_5() {
    let mut rig = up();
    rig.pass(Duration::from_secs(14));
    assert!(rig.requests().is_empty());
    rig.pass(Duration::from_secs(2));
    let ping = rig.requests();
    assert_eq!(ping[0].path, "/asterisk/ping");
    rig.answer(ping[0].ticket, 200, r#"{"ping":"pong"}"#);
    rig.pass(Duration::from_secs(16));
    assert_eq!(rig.requests().len(), 1);
    assert!(rig.close().is_none());
    rig.pass(Duration::from_secs(6));
    assert!(matches!(rig.close(), Some(Close::Retry(why)) if why.contains("ping")));
}

#[test]
fn requests_can_go_over_the_websocket() {
    let settings = AriSettings { rest_over_websocket: true, ..settings() };
    let mut rig = Rig::new(AriSession::new(settings));
    rig.session.connected(rig.now, Lane::Events, &mut rig.out);
    let mut paths = Vec::new();
    while let Some((_, sent)) = rig.out.sends.pop() {
        let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap();
        let path = sent["uri"].as_str().unwrap().to_owned();
        let body = match &*path {
            "asterisk/info" => INFO.to_owned(),
            // Longer than an event may be.
            "channels" => format!("[{}]", " ".repeat(EVENT_BYTES_MAX)),
            _ => "[]".to_owned(),
        };
        paths.push(path);
        let answer = serde_json::json!({
            "type": "RESTResponse", "transaction_id": "trunkline",
            "request_id": sent["request_id"], "status_code": 200, "reason_phrase": "OK",
            "uri": sent["uri"], "content_type": "application/json", "message_body": body,
        });
        // Asterisk writes the type first.
        let answer = answer.to_string().replacen('{', r#"{"type":"RESTResponse","#, 1);
        rig.hear(&answer.replace(r#","type":"RESTResponse""#, ""));
    }
    assert!(rig.requests().is_empty());
    assert_eq!(paths.len(), 7, "{paths:?}");
    assert_eq!(Words::table(&rig.facts()), "snapshot\n  ");
}
