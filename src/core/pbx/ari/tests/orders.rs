//! Orders: what is asked of Asterisk, and what its answers mean.

use super::super::AriSession;
use super::rig::{Rig, channel, event, id, settings, talking, text, up};
use crate::pbx::{Fact, Method, News, Order, OrderId, OrderResult};
use std::time::Duration;

#[test]
fn agents_are_called_first_and_the_number_stays_out_of_the_path() {
    let mut rig = up();
    let order = Order::Dial {
        channel: id("tl/1"),
        device: "PJSIP/1001".into(),
        to: text("004915112345"),
        mark: "m-1".into(),
        purpose: Some("service".into()),
        ring_s: 20,
    };
    rig.order(1, &order);
    let asked = rig.requests().remove(0);
    assert_eq!((asked.method, &*asked.path), (Method::Post, "/channels/tl%2F1"));
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    let expected = serde_json::json!({
        "endpoint": "PJSIP/1001", "context": "from-agents", "extension": "004915112345",
        "priority": 1, "timeout": 20,
        "variables": {"__TRUNKLINE_MARK": "m-1", "__TRUNKLINE_PURPOSE": "service"},
    });
    assert_eq!(body, expected);
    assert!(rig.news().is_empty(), "no result before the answer");
    rig.answer(asked.ticket, 200, "{}");
    assert_eq!(rig.news(), [News::Done(OrderId(1), OrderResult::Done)]);
}

#[test]
fn refusals_are_told_in_asterisks_words_and_silence_as_silence() {
    let mut rig = up();
    let hangup = Order::Hangup { channel: id("8"), q850: 16 };
    rig.order(1, &hangup);
    let asked = rig.requests().remove(0);
    assert_eq!((asked.method, &*asked.path), (Method::Delete, "/channels/8?reason_code=16"));
    rig.answer(asked.ticket, 404, r#"{"message":"Channel not found"}"#);
    let rejected = OrderResult::Rejected("Channel not found".into());
    assert_eq!(rig.news(), [News::Done(OrderId(1), rejected)]);
    rig.order(2, &hangup);
    rig.pass(Duration::from_secs(11));
    assert_eq!(rig.news(), [News::Done(OrderId(2), OrderResult::TimedOut)]);
    let late = rig.requests()[0].ticket;
    rig.answer(late, 204, "");
    assert!(rig.news().is_empty(), "one result an order");
}

#[test]
fn a_call_of_the_dialplan_needs_ami_for_most() {
    let mut rig = up();
    let in_dialplan = channel("8", "PJSIP/1001-00000002", "Ring", "Dial", "1002");
    rig.hear(&event("ChannelCreated", &in_dialplan, ""));
    let channel = || id("8");
    let orders = [
        Order::Answer(channel()),
        Order::Hold(channel()),
        Order::Retrieve(channel()),
        Order::TransferBlind { by: channel(), peer: None, to: text("1002") },
        Order::Consult { by: channel(), to: text("1002") },
        Order::TransferComplete { by: channel() },
        Order::ConsultCancel { by: channel() },
        Order::Conference { by: channel() },
        Order::Dtmf { channel: channel(), digits: "1".into() },
        Order::SetData { channel: channel(), key: "k".into(), value: text("v") },
        Order::QueueMember { queue: "q".into(), device: "PJSIP/1".into(), present: true },
        Order::Pause { device: "PJSIP/1".into(), paused: true, reason: String::new() },
    ];
    for order in &orders {
        rig.order(1, order);
        let news = rig.news();
        let [News::Done(_, OrderResult::Unsupported(why))] = &news[..] else {
            panic!("{order:?}: {news:?}")
        };
        assert!(why.contains("AMI"), "{why}");
    }
    assert!(rig.requests().is_empty());
}

#[test]
fn a_hold_in_stasis_tells_the_other_party_to_wait() {
    let mut rig = talking();
    rig.order(1, &Order::Hold(id("8")));
    let asked = rig.requests().remove(0);
    assert_eq!((asked.method, &*asked.path), (Method::Post, "/channels/7/hold"));
    rig.answer(asked.ticket, 204, "");
    assert_eq!(rig.facts(), [Fact::Held(id("8"))], "ARI sends no event of it");
    rig.order(2, &Order::Retrieve(id("8")));
    let asked = rig.requests().remove(0);
    assert_eq!((asked.method, &*asked.path), (Method::Delete, "/channels/7/hold"));
    rig.answer(asked.ticket, 204, "");
    assert_eq!(rig.facts(), [Fact::Retrieved(id("8"))]);
    rig.order(3, &Order::Hold(id("8")));
    let asked = rig.requests().remove(0);
    rig.answer(asked.ticket, 412, r#"{"message":"Channel in invalid state"}"#);
    assert!(rig.facts().is_empty());
}

#[test]
fn a_transfer_in_stasis_sends_the_other_party_into_the_dialplan() {
    let mut rig = talking();
    rig.order(1, &Order::TransferBlind { by: id("8"), peer: None, to: text("1002") });
    let asked = rig.requests().remove(0);
    assert_eq!((asked.method, &*asked.path), (Method::Post, "/channels/7/continue"));
    assert!(asked.body.contains(r#""extension":"1002""#), "{}", asked.body);
    rig.answer(asked.ticket, 204, "");
    let end = rig.requests().remove(0);
    assert_eq!((end.method, &*end.path), (Method::Delete, "/channels/8"));
    rig.answer(end.ticket, 204, "");
    let reports = rig.out.reports.clone();
    assert_eq!(rig.news(), [News::Done(OrderId(1), OrderResult::Done)]);
    rig.out.reports = reports;
    let facts = rig.facts();
    assert!(
        matches!(&facts[..], [Fact::Transferred { moved: Some(moved), .. }] if *moved == id("7"))
    );
}

#[test]
fn keys_data_and_answers_reach_channels_in_stasis() {
    let mut rig = talking();
    rig.order(1, &Order::Dtmf { channel: id("8"), digits: "12#".into() });
    rig.order(2, &Order::SetData { channel: id("8"), key: "k".into(), value: text("v") });
    rig.order(3, &Order::Answer(id("7")));
    let asked: Vec<_> = rig.requests().into_iter().map(|r| (r.path, r.body)).collect();
    let expected = [
        ("/channels/7/dtmf", r##"{"dtmf":"12#"}"##),
        ("/channels/8/variable", r#"{"value":"v","variable":"k"}"#),
        ("/channels/7/answer", ""),
    ];
    assert_eq!(asked, expected.map(|(path, body)| (path.to_owned(), body.to_owned())));
    rig.order(4, &Order::Answer(id("8")));
    assert!(matches!(&rig.news()[..], [News::Done(_, OrderResult::Unsupported(_))]));
}

#[test]
fn orders_before_the_login_meet_no_link() {
    let mut rig = Rig::new(AriSession::new(settings()));
    rig.order(1, &Order::Snapshot);
    assert_eq!(rig.news(), [News::Done(OrderId(1), OrderResult::LinkDown)]);
}
