//! Screens: figures, and nothing with a person in it.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use serde_json::json;
use std::time::{Duration, Instant};
use trunkline_core::hub::Role;
use trunkline_core::model::*;

fn board(kind: &str, id: &str, calls: serde_json::Value) -> serde_json::Value {
    json!({"kind": kind, "id": id, "calls": calls})
}

#[tokio::test]
async fn a_wallboard_gets_figures_and_no_entity() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    site.begin_call("100", |call| call.queue = Some("q".into()));
    let token = site.token("screen", Role::Wallboard, &["100"]);
    let subs = [("1", "site:calls", ""), ("2", "calls:own", ""), ("3", "site:calls", "masked")];
    let mut say = hello(&token, &subs, None);
    say["caps"] = json!(["batch"]);
    let (mut desk, first) = Desk::open(site.addr, &say).await;
    assert_eq!(of(&first, "sub.ok")[0]["view"], "aggregate");
    let refused: Vec<_> = of(&first, "err").iter().map(|e| e["ref"].as_str().unwrap()).collect();
    assert_eq!(refused, ["2", "3"]);
    let snap = of(&first, "snap")[0];
    assert_eq!(snap["objs"], json!([]));
    let figures = snap["figures"].as_array().unwrap();
    let names: Vec<_> = figures.iter().map(|f| (f["kind"].clone(), f["id"].clone())).collect();
    assert_eq!(names.len(), 3, "the site, its queue, its line: {names:?}");
    for figure in figures {
        assert_eq!(figure["calls"], json!({"initiated": 1}));
    }
    assert!(!format!("{first:?}").contains("138"), "no number of any form");
    // The newest figures alone, in one message, ten times a second at most.
    let began = Instant::now();
    for _ in 0..10 {
        site.commit(200, &["100", "200"]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut want = serde_json::Map::new();
    for call in &site.log.lock().unwrap().open {
        let n = want.get(call.state.name()).and_then(|n| n.as_u64()).unwrap_or(0);
        want.insert(call.state.name().to_owned(), json!(n + 1));
    }
    let (mut frames, mut newest) = (0, json!({"initiated": 1}));
    while newest != json!(want) || frames == 0 {
        let frame = desk.next_of("batch").await;
        frames += 1;
        for item in frame["items"].as_array().unwrap() {
            assert_eq!(item["t"], "count");
            if item["o"]["kind"] == "site" {
                newest = item["o"]["calls"].clone();
            }
        }
    }
    let most = began.elapsed().as_millis() / 100 + 2;
    assert!(frames <= most, "{frames} rounds in {:?}", began.elapsed());
}

#[tokio::test]
async fn an_agent_sees_the_figures_of_its_queues_alone_and_each_in_a_frame() {
    let staff = vec![works("anna", "", &["q"])];
    let site = Site::start(Setup { desk: quick(), staff, ..Setup::default() }).await;
    let mut anna = principal("anna", Role::Agent, &["100"]);
    anna.agent = "anna".into();
    let subs = [
        ("1", "queue:q", ""),
        ("2", "queue:q", "masked"),
        ("3", "queue:other", "aggregate"),
        ("4", "calls:own", ""),
    ];
    let (mut desk, first) = Desk::open(site.addr, &hello(&site.token_of(&anna), &subs, None)).await;
    let refused: Vec<_> = of(&first, "err").iter().map(|e| e["ref"].as_str().unwrap()).collect();
    assert_eq!(refused, ["2", "3"]);
    let call = site.begin_call("200", |call| {
        call.queue = Some("q".into());
        call.state = ConnectionState::Queued;
    });
    let mut count = desk.next_of("count").await["o"].clone();
    count.as_object_mut().unwrap().remove("as_of");
    assert_eq!(count, board("queue", "q", json!({"queued": 1})));
    site.change_call(call, |call| call.state = ConnectionState::Null);
    let count = desk.next_of("count").await["o"].clone();
    assert_eq!(count["calls"], json!(null), "zero is left out: {count}");
    // A resume brings the missed events, then the figures as they are.
    let scope = first[0]["scope"].clone();
    drop(desk);
    let mine = site.begin_call("100", |call| call.queue = Some("q".into()));
    let mut again = hello(&site.token_of(&anna), &subs, None);
    again["resume"] = json!({"epoch": first[0]["epoch"], "pos": "2", "scope": scope});
    let mut desk = Desk::connect(site.addr).await;
    desk.say(&again).await;
    assert_eq!(desk.next_of("welcome").await["resumed"], true);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|f: &serde_json::Value| f["t"] != "snap") {
        seen.push(desk.next().await.frame());
    }
    assert_eq!(of(&seen, "ev")[0]["o"]["id"], mine.to_string());
    let kinds: Vec<_> = seen.iter().map(|f| f["t"].as_str().unwrap()).collect();
    assert_eq!(kinds[kinds.len() - 2..], ["replayed", "snap"]);
    assert_eq!(seen.last().unwrap()["figures"][0]["calls"], json!({"initiated": 1}));
}
