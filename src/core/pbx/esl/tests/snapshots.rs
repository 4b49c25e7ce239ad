//! Snapshots, and what comes while one is taken.

use super::peer::*;
use crate::pbx::esl::EslSession;
use crate::pbx::{Fact, Lane, News, Order, OrderId, OrderResult, Snapshot};
use std::time::Duration;

/// The talk of the first story, cut before its end: as FreeSWITCH would list and dump it.
struct Talk {
    customer: String,
    agent: String,
    dumps: Vec<(String, String)>,
}

fn talk() -> Talk {
    let mut talk = Talk { customer: String::new(), agent: String::new(), dumps: Vec::new() };
    for (_, json) in recorded("01-inbound-answered") {
        let event: serde_json::Value = serde_json::from_str(&json).unwrap();
        let id = event["Unique-ID"].as_str().unwrap_or_default().to_owned();
        match event["Event-Name"].as_str().unwrap() {
            "CHANNEL_BRIDGE" => {
                talk.agent = event["Bridge-B-Unique-ID"].as_str().unwrap().to_owned();
                talk.customer = id.clone();
                talk.dumps.push((id, json));
                return talk;
            }
            "CHANNEL_ANSWER" => talk.dumps.push((id, json)),
            _ => {}
        }
    }
    panic!("the story has a bridge")
}

impl Talk {
    fn answer(&self, command: &str) -> Option<String> {
        Some(match command.split_once(' ')? {
            ("version", _) => "1.11.1".into(),
            ("show", "channels as json") => serde_json::json!({
                "row_count": 2,
                "rows": [{"uuid": self.customer}, {"uuid": self.agent}],
            })
            .to_string(),
            ("show", "calls as json") => serde_json::json!({
                "row_count": 1,
                "rows": [{"uuid": self.customer, "b_uuid": self.agent}],
            })
            .to_string(),
            ("show", _) => serde_json::json!({
                "row_count": 2,
                "rows": [
                    {"reg_user": "1001", "url": "sofia/internal/sip:1001@127.0.0.4:5063"},
                    {"reg_user": "1002", "url": "sofia/internal/sip:1002@127.0.0.4:5064"},
                ],
            })
            .to_string(),
            ("uuid_dump", which) => {
                let id = which.split(' ').next()?;
                let dump = self.dumps.iter().rev().find(|(of, _)| of == id);
                dump.map_or("-ERR No such channel!\n".into(), |(_, json)| json.clone())
            }
            ("callcenter_config", "agent list") => "name|instance_id|status|state\n\
                1001@pbx.test|single_box|On Break|Waiting\n+OK\n"
                .into(),
            _ => {
                "queue|agent|state|level|position\nsupport@pbx.test|1001@pbx.test|Ready|1|1\n+OK\n"
                    .into()
            }
        })
    }
}

fn core_uuid() -> String {
    let (_, json) = &recorded("01-inbound-answered")[0];
    let event: serde_json::Value = serde_json::from_str(json).unwrap();
    event["Core-UUID"].as_str().unwrap().to_owned()
}

fn snapshot(desk: &mut Desk) -> Option<Snapshot> {
    desk.facts().into_iter().find_map(|said| match said.fact {
        Fact::Snapshot(snapshot) => Some(snapshot),
        _ => None,
    })
}

/// Lines of what a snapshot says of channels, and how many of them have no stamp.
fn told(snapshot: &Snapshot) -> (Vec<String>, usize) {
    let mut letters = Letters::default();
    let facts: Vec<_> = snapshot.channels.iter().flat_map(|(_, facts)| facts).collect();
    let unstamped = facts.iter().filter(|said| said.pbx_time.is_none()).count();
    let mut lines: Vec<String> = facts.iter().map(|said| letters.line(&said.fact)).collect();
    lines.sort();
    (lines, unstamped)
}

#[test]
fn a_snapshot_knows_who_talks_since_when() {
    let talk = talk();
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.log_in();
    desk.answer(|command| talk.answer(command));
    desk.answer(|command| talk.answer(command));
    let dumped = desk.answer(|command| talk.answer(command));
    assert_eq!(dumped.len(), 2, "{dumped:?}");
    let reports = desk.facts();
    let mut letters = Letters::default();
    let devices: Vec<String> = reports
        .iter()
        .filter(|said| matches!(said.fact, Fact::Device { .. }))
        .map(|said| letters.line(&said.fact))
        .collect();
    assert_eq!(devices, ["sofia/internal/1001 Idle", "sofia/internal/1002 Idle"]);
    let Some(Fact::Snapshot(snapshot)) = reports.last().map(|said| &said.fact) else {
        panic!("{reports:?}")
    };
    let (lines, unstamped) = told(snapshot);
    let expected = [
        "A answers",
        "A in A",
        "A in sofia/trunk/ +491701234567 to 4930100 call-id mark=cti-1-21456",
        "B answers",
        "B in A",
        "B offered by A",
        "B out sofia/internal/1001 1001 to 1001 call-id",
        "B rings",
    ];
    assert_eq!(lines, expected);
    assert_eq!(unstamped, 3, "offered and bridged have no moment");
    assert!(snapshot.members_known);
    let members: Vec<String> =
        snapshot.members.iter().map(|member| letters.line(&Fact::Member(member.clone()))).collect();
    assert_eq!(members, ["support@pbx.test 1001@pbx.test Idle paused"]);
}

/// The list is older than the end of the call that came meanwhile, and younger than its begin.
#[test]
fn events_during_a_snapshot_win_over_lists() {
    let talk = talk();
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.log_in();
    desk.answer(|_| Some("1.11.1".into()));
    let lists: Vec<String> = desk.sent(Lane::Commands);
    let core = core_uuid();
    let gone = serde_json::json!({
        "Event-Name": "CHANNEL_HANGUP_COMPLETE", "Unique-ID": talk.agent, "Core-UUID": "core-1",
    });
    let fresh = serde_json::json!({
        "Event-Name": "CHANNEL_CREATE", "Unique-ID": "fresh", "Core-UUID": "core-1",
        "Channel-Name": "sofia/internal/1002@pbx.test", "Call-Direction": "inbound",
    });
    assert_ne!(core, "core-1");
    desk.event(&gone.to_string());
    desk.event(&fresh.to_string());
    desk.wait(Duration::from_millis(200));
    desk.out.sends = lists.into_iter().map(|text| (Lane::Commands, text.into_bytes())).collect();
    desk.answer(|command| talk.answer(command));
    desk.answer(|command| talk.answer(command).map(|json| json.replace(&core, "core-1")));
    let snapshot = snapshot(&mut desk).expect("a snapshot");
    let ids: Vec<&str> = snapshot.channels.iter().map(|(id, _)| &*id.0).collect();
    let mut expected = vec![talk.customer.as_str(), "fresh"];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let (lines, _) = told(&snapshot);
    assert!(!lines.iter().any(|line| line.ends_with("in A")), "its partner is gone: {lines:?}");
}

#[test]
fn an_order_for_a_snapshot_is_done_with_it() {
    let talk = talk();
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.log_in();
    for _ in 0..3 {
        desk.answer(|command| talk.answer(command));
    }
    desk.news();
    desk.order(5, Order::Snapshot);
    desk.answer(|command| talk.answer(command));
    assert!(desk.news().is_empty());
    desk.answer(|command| talk.answer(command));
    assert_eq!(desk.news(), [News::Done(OrderId(5), OrderResult::Done)]);
}

/// An unreadable list is no empty list: that would end all calls.
#[test]
fn a_list_that_cannot_be_read_makes_no_snapshot() {
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.log_in();
    desk.answer(|_| Some("1.11.1".into()));
    desk.news();
    desk.order(5, Order::Snapshot);
    desk.answer(|_| Some("<html>".into()));
    let news = desk.news();
    let [News::Warning(_), News::Done(OrderId(5), OrderResult::Rejected(_))] = &news[..] else {
        panic!("{news:?}")
    };
    assert_eq!(snapshot(&mut desk), None);
}

#[test]
fn a_link_that_does_not_answer_lists_is_given_up() {
    let mut desk = Desk::new(EslSession::new(settings()));
    desk.log_in();
    desk.answer(|_| Some("1.11.1".into()));
    desk.wait(Duration::from_secs(31));
    assert!(matches!(desk.out.close, Some(crate::pbx::Close::Retry(_))));
}
