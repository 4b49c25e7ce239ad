//! A scripted FreeSWITCH: login, subscription, results, and how a link ends.

use super::peer::*;
use crate::model::Pii;
use crate::pbx::esl::EslSession;
use crate::pbx::{
    ChannelId, Close, Fact, Lane, LinkOutputs, News, Order, OrderId, OrderResult, PbxIdentity,
    Session,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

const ASKED: &str = "Content-Type: auth/request\n\n";

fn reply(text: &str) -> String {
    format!("Content-Type: command/reply\nReply-Text: {text}\n\n")
}

fn refused(desk: &Desk, part: &str) {
    let Some(Close::Refused(why)) = &desk.out.close else { panic!("{:?}", desk.out.close) };
    assert!(why.contains(part), "{why}");
}

fn retried(desk: &Desk, part: &str) {
    let Some(Close::Retry(why)) = &desk.out.close else { panic!("{:?}", desk.out.close) };
    assert!(why.contains(part), "{why}");
}

/// Logged in, told its version, and its empty snapshot taken.
fn up() -> Desk {
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.log_in();
    let empty = |command: &str| {
        Some(match command {
            "version short" => "1.11.1\n".to_owned(),
            show if show.starts_with("show") => "{\"row_count\":0}".to_owned(),
            _ => "-ERR callcenter_config Command not found!\n".to_owned(),
        })
    };
    assert_eq!(desk.answer(empty), ["version short"]);
    assert_eq!(desk.answer(empty).len(), 5);
    desk
}

#[test]
fn login_subscribes_each_lane_to_what_it_is_for() {
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.connect(Lane::Events);
    assert!(desk.out.sends.is_empty(), "FreeSWITCH speaks first");
    desk.says(Lane::Events, ASKED);
    assert_eq!(desk.sent(Lane::Events), ["auth secret\n\n"]);
    desk.says(Lane::Events, &reply("+OK accepted"));
    let subscribed = desk.sent(Lane::Events);
    assert!(subscribed[0].starts_with("event json HEARTBEAT CHANNEL_CREATE "));
    let custom = subscribed[0].split_once(" CUSTOM ").unwrap().1;
    assert!(custom.split_whitespace().all(|kind| kind.contains("::")), "CUSTOM is the last");
    desk.connect(Lane::Commands);
    desk.says(Lane::Commands, ASKED);
    desk.says(Lane::Commands, &reply("+OK accepted"));
    assert_eq!(desk.sent(Lane::Commands), ["auth secret\n\n", "event json BACKGROUND_JOB\n\n"]);
}

#[test]
fn a_user_of_the_directory_logs_in_by_name() {
    let settings = crate::pbx::esl::EslSettings { user: Some("cti@pbx.test".into()), ..settings() };
    let mut desk = Desk::new(EslSession::new(settings.clone()));
    desk.connect(Lane::Events);
    desk.says(Lane::Events, ASKED);
    assert_eq!(desk.sent(Lane::Events), ["userauth cti@pbx.test:secret\n\n"]);
    let password = zeroize::Zeroizing::new("a\n\napi fsctl shutdown".to_owned());
    assert!(!format!("{settings:?}").contains("secret"));
    let settings = crate::pbx::esl::EslSettings { password, ..settings };
    let mut desk = Desk::new(EslSession::new(settings));
    desk.connect(Lane::Events);
    desk.says(Lane::Events, ASKED);
    refused(&desk, "control character");
    assert!(desk.out.sends.is_empty());
}

#[test]
fn refusals_name_their_cause() {
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.connect(Lane::Events);
    desk.says(Lane::Events, ASKED);
    desk.says(Lane::Events, &reply("-ERR invalid"));
    refused(&desk, "refused the password: invalid");

    let mut desk = Desk::new(EslSession::new(settings()));
    desk.connect(Lane::Events);
    let rude = "Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n";
    desk.says(Lane::Events, rude);
    refused(&desk, "apply-inbound-acl");

    let mut desk = Desk::new(EslSession::new(settings()));
    desk.connect(Lane::Commands);
    desk.says(Lane::Commands, "Asterisk Call Manager/11.0.0\r\n");
    refused(&desk, "no FreeSWITCH event socket: it says `Asterisk Call Manager/11.0.0`");

    let mut desk = Desk::new(EslSession::new(settings()));
    desk.connect(Lane::Events);
    desk.says(Lane::Events, ASKED);
    desk.says(Lane::Events, &reply("+OK accepted"));
    desk.says(Lane::Events, &reply("-ERR no keywords supplied"));
    refused(&desk, "refused the subscription of events: no keywords supplied");
}

#[test]
fn up_comes_with_version_and_instance_before_the_snapshot() {
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.log_in();
    desk.answer(|_| Some("1.11.1\n".into()));
    let identity = PbxIdentity { version: "FreeSWITCH 1.11.1".into(), instance: "core-1".into() };
    assert_eq!(desk.news(), [News::Up(identity)]);
    let listed = desk.answer(|command| {
        Some(if command.starts_with("show") { "{\"row_count\":0}" } else { "+OK\n" }.into())
    });
    assert!(listed.contains(&"show channels as json".to_owned()), "{listed:?}");
    let facts = desk.facts();
    let [Fact::Snapshot(snapshot)] = facts.iter().map(|f| &f.fact).collect::<Vec<_>>()[..] else {
        panic!("{facts:?}")
    };
    assert!(snapshot.channels.is_empty() && snapshot.members_known);
}

#[test]
fn silence_a_restart_or_a_farewell_end_the_link() {
    let mut desk = up();
    desk.wait(Duration::from_secs(44));
    assert_eq!(desk.out.close, None);
    desk.event(r#"{"Event-Name":"HEARTBEAT","Core-UUID":"core-1"}"#);
    desk.wait(Duration::from_secs(44));
    assert_eq!(desk.out.close, None);
    desk.wait(Duration::from_secs(2));
    retried(&desk, "no event");
    assert_eq!(desk.session.next_deadline(), None);

    let mut desk = up();
    desk.event(r#"{"Event-Name":"HEARTBEAT","Core-UUID":"core-2"}"#);
    retried(&desk, "restarted");

    let mut desk = up();
    let text = "Content-Type: text/disconnect-notice\nContent-Length: 14\n\nDisconnected.\n";
    desk.says(Lane::Events, text);
    retried(&desk, "closes the connection");

    let mut desk = Desk::new(EslSession::new(settings()));
    desk.connect(Lane::Events);
    desk.wait(Duration::from_secs(11));
    retried(&desk, "no login");
}

fn hangup(channel: &str) -> Order {
    Order::Hangup { channel: ChannelId(channel.into()), q850: 16 }
}

#[test]
fn results_come_by_our_own_ids_in_any_order() {
    let mut desk = up();
    desk.news();
    desk.order(1, hangup("a"));
    desk.order(2, hangup("b"));
    desk.order(3, hangup("c"));
    let sent = desk.sent(Lane::Commands);
    assert!(sent.iter().all(|text| text.starts_with("bgapi uuid_kill ")), "{sent:?}");
    let job = |text: &String| text.split_once("Job-UUID: ").unwrap().1.trim().to_owned();
    desk.says(Lane::Commands, &reply("+OK Job-UUID: x"));
    desk.says(Lane::Commands, &reply("-ERR permission denied"));
    desk.says(Lane::Commands, &reply("+OK Job-UUID: y"));
    desk.result("somebody-elses", "+OK\n");
    desk.result(&job(&sent[2]), "-ERR No such channel!\n");
    desk.result(&job(&sent[0]), "+OK\n");
    desk.result(&job(&sent[0]), "+OK\n");
    let rejected = |why: &str| OrderResult::Rejected(why.into());
    assert_eq!(
        desk.news(),
        [
            News::Done(OrderId(2), rejected("permission denied")),
            News::Done(OrderId(3), rejected("No such channel!")),
            News::Done(OrderId(1), OrderResult::Done),
        ]
    );
    desk.order(4, hangup("d"));
    desk.wait(Duration::from_secs(11));
    assert_eq!(desk.news(), [News::Done(OrderId(4), OrderResult::TimedOut)]);
}

fn dial(channel: &str) -> Order {
    Order::Dial {
        channel: ChannelId(channel.into()),
        device: "sofia/internal/1001".into(),
        to: Pii::new("04915112345".into()),
        mark: "cmd-7".into(),
        purpose: Some("service".into()),
        ring_s: 20,
    }
}

/// FreeSWITCH answers an `originate` when the phone was picked up: too late to be told.
#[test]
fn a_dial_is_done_when_its_channel_is_there_or_refused_by_its_result() {
    let mut desk = up();
    desk.news();
    desk.order(1, dial("mine"));
    let event = r#"{"Event-Name":"CHANNEL_CREATE","Unique-ID":"mine","Core-UUID":"core-1"}"#;
    desk.event(event);
    let job = desk.sent(Lane::Commands)[0].split_once("Job-UUID: ").unwrap().1.trim().to_owned();
    desk.result(&job, "-ERR NO_ANSWER\n");
    assert_eq!(desk.news(), [News::Done(OrderId(1), OrderResult::Done)]);
    desk.order(2, dial("another"));
    desk.answer(|_| Some("-ERR USER_NOT_REGISTERED\n".into()));
    let why = OrderResult::Rejected("USER_NOT_REGISTERED".into());
    assert_eq!(desk.news(), [News::Done(OrderId(2), why)]);
}

#[test]
fn what_was_lost_is_said_and_listed_again() {
    let mut desk = up();
    desk.news();
    desk.session.dropped(desk.now, 17, &mut desk.out);
    assert!(matches!(&desk.news()[..], [News::Lost(17, _)]));
    assert_eq!(desk.sent(Lane::Commands).len(), 5);

    let mut desk = up();
    desk.news();
    let long = 2 * 1024 * 1024;
    desk.says(Lane::Events, &format!("Content-Length: {long}\nContent-Type: a\n\n"));
    desk.says(Lane::Events, &"x".repeat(long));
    assert!(matches!(&desk.news()[..], [News::Warning(_), News::Lost(1, _)]));
    desk.event(r#"{"Event-Name":"DTMF","Unique-ID":"a","DTMF-Digit":"5"}"#);
    assert_eq!(desk.facts().len(), 1, "the stream goes on behind it");
}

#[test]
fn no_orders_before_the_link_is_up() {
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.order(1, hangup("a"));
    assert_eq!(desk.news(), [News::Done(OrderId(1), OrderResult::LinkDown)]);
    let mut desk = Desk::observing();
    desk.order(1, hangup("a"));
    assert!(matches!(&desk.news()[..], [News::Done(_, OrderResult::Unsupported(_))]));
}

/// mod_loopback joins the parties at its ends by `uuid_bridge` and goes.
#[test]
fn a_pipe_that_goes_is_no_transfer() {
    let mut desk = Desk::observing();
    let channels = [
        ("a", "sofia/internal/1001@h", ""),
        ("la", "loopback/1002-a", "lb"),
        ("lb", "loopback/1002-b", "la"),
        ("b", "sofia/internal/1002@h", ""),
    ];
    for (id, name, other) in channels {
        let event = serde_json::json!({
            "Event-Name": "CHANNEL_CREATE", "Unique-ID": id, "Channel-Name": name,
            "variable_other_loopback_leg_uuid": other,
        });
        desk.event(&event.to_string());
    }
    let facts = desk.facts();
    let pipes: Vec<_> = facts
        .iter()
        .filter_map(|said| match &said.fact {
            Fact::Channel(_, info) => info.pipe.clone().map(|pipe| (info.name.clone(), pipe)),
            _ => None,
        })
        .collect();
    let half =
        |own: &str, other: &str| (format!("loopback/1002/{own}"), format!("loopback/1002/{other}"));
    assert_eq!(pipes, [half("la", "lb"), half("lb", "la")]);
    let bridge = |desk: &mut Desk, a: &str, b: &str, history: &str| {
        let event = serde_json::json!({
            "Event-Name": "CHANNEL_BRIDGE", "Unique-ID": a, "Bridge-A-Unique-ID": a,
            "Bridge-B-Unique-ID": b, "variable_transfer_history": history,
        });
        desk.event(&event.to_string());
    };
    bridge(&mut desk, "a", "la", "");
    bridge(&mut desk, "lb", "b", "");
    desk.event(r#"{"Event-Name":"CHANNEL_HANGUP_COMPLETE","Unique-ID":"la"}"#);
    bridge(&mut desk, "a", "b", "1:x:uuid_br:b");
    desk.event(r#"{"Event-Name":"CHANNEL_HANGUP_COMPLETE","Unique-ID":"lb"}"#);
    let facts = desk.facts();
    assert!(!facts.iter().any(|said| matches!(said.fact, Fact::Transferred { .. })), "{facts:?}");
}

fn piece() -> impl Strategy<Value = String> {
    let words = vec![
        "Content-Type: ",
        "Content-Length: ",
        "Reply-Text: ",
        "auth/request",
        "command/reply",
        "text/event-json",
        "text/disconnect-notice",
        "+OK accepted",
        "-ERR",
        "\n",
        "\n\n",
        "{\"Event-Name\":\"DTMF\",\"Unique-ID\":\"a\",\"DTMF-Digit\":\"5\"}",
        "54",
        "0",
        "{}",
    ];
    prop_oneof![4 => proptest::sample::select(words).prop_map(str::to_owned), 1 => ".{0,6}"]
}

/// Names of events and of channels, at random, with any fields.
fn event() -> impl Strategy<Value = String> {
    let names = [
        "CHANNEL_CREATE",
        "CHANNEL_ORIGINATE",
        "CHANNEL_PROGRESS",
        "CHANNEL_ANSWER",
        "CHANNEL_BRIDGE",
        "CHANNEL_UNBRIDGE",
        "CHANNEL_HOLD",
        "CHANNEL_UNHOLD",
        "CHANNEL_HANGUP_COMPLETE",
        "CHANNEL_UUID",
        "DTMF",
    ];
    let id = proptest::sample::select(vec!["a", "b", "c"]);
    let name = proptest::sample::select(names.to_vec());
    let history = proptest::sample::select(vec!["1:x:uuid_br:a", "2:x:bl_xfer:7/c/XML", "::", ""]);
    (name, id.clone(), id.clone(), id, history, any::<bool>()).prop_map(
        |(name, id, a, b, history, out)| {
            serde_json::json!({
                "Event-Name": name, "Unique-ID": id, "Old-Unique-ID": a,
                "Bridge-A-Unique-ID": a, "Bridge-B-Unique-ID": b, "Other-Leg-Unique-ID": b,
                "Call-Direction": if out { "outbound" } else { "inbound" },
                "variable_transfer_history": history,
                "Channel-Name": "sofia/internal/1001@h", "DTMF-Digit": "5",
            })
            .to_string()
        },
    )
}

proptest! {
    /// Whatever a peer says, the session survives it, and says nothing after it has closed.
    #[test]
    fn garbage_is_no_panic(pieces in vec(piece(), 0..60)) {
        let mut desk = Desk::new(EslSession::new(settings()));
        desk.connect(Lane::Events);
        desk.connect(Lane::Commands);
        for (at, piece) in pieces.iter().enumerate() {
            let lane = if at % 3 == 0 { Lane::Commands } else { Lane::Events };
            let closed = desk.out.close.is_some();
            desk.out = LinkOutputs { close: desk.out.close.take(), ..LinkOutputs::default() };
            desk.says(lane, piece);
            if closed {
                prop_assert!(desk.out.sends.is_empty() && desk.out.reports.is_empty());
            }
        }
        desk.wait(Duration::from_secs(100));
    }

    /// In any order of events, a channel ends at most as often as it began, nobody transfers
    /// himself to himself, and in the end nothing is held back.
    #[test]
    fn any_order_of_events_makes_sense(events in vec(event(), 0..80)) {
        let mut desk = Desk::observing();
        for event in &events {
            desk.event(event);
        }
        desk.wait(Duration::from_secs(1));
        prop_assert_eq!(desk.session.next_deadline(), None);
        let facts = desk.facts();
        let begun = facts.iter().filter(|said| matches!(said.fact, Fact::Channel(..))).count();
        let ended = facts.iter().filter(|said| matches!(said.fact, Fact::Ended(..))).count();
        prop_assert!(ended <= begun);
        for said in &facts {
            if let Fact::Transferred { by, moved, target, .. } = &said.fact {
                prop_assert!(Some(by) != moved.as_ref() && moved != target);
            }
        }
    }
}
