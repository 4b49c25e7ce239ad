//! What a live desk changes about what it watches.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use serde_json::{Value, json};
use trunkline_core::hub::{HubLimits, Role};
use trunkline_core::model::*;

/// Reads up to the frame that closes a change, or an `err`.
async fn change(desk: &mut Desk) -> Vec<Value> {
    let mut seen = Vec::new();
    loop {
        let frame = desk.next().await.frame();
        let last = frame["t"] == "scope" || frame["t"] == "err";
        if frame["t"] != "hb" {
            seen.push(frame);
        }
        if last {
            return seen;
        }
    }
}

fn ids(snap: &Value) -> Vec<&str> {
    snap["objs"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_later_subscription_is_a_cut_of_the_same_stream() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let token = site.token("boss", Role::Supervisor, &[]);
    let (mut desk, first) = Desk::open(site.addr, &hello(&token, &[], None)).await;
    let scope = first[0]["scope"].clone();
    let queued = |call: &mut Call| call.queue = Some("q1".into());
    let mine = site.begin_call("100", queued);
    let other = site.begin_call("200", |_| {});
    site.until("applied", |s| s.hub.stats().hub.calls == 2).await;
    desk.say(&json!({"t": "sub", "id": "q", "topic": "queue:q1", "view": "masked"})).await;
    let told = change(&mut desk).await;
    let kinds: Vec<_> = told.iter().map(|f| f["t"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["sub.ok", "snap", "scope"]);
    assert_eq!((&told[0]["view"], ids(&told[1])), (&json!("masked"), vec![&*mine.to_string()]));
    assert_ne!(told[2]["scope"], scope);
    // Into the queue, out of it, and the end of one that is in it.
    let pos = site.change_call(other, queued);
    let ev = desk.next_of("ev").await;
    assert_eq!((&ev["pos"], &ev["o"]["id"]), (&json!(pos.to_string()), &json!(other.to_string())));
    let pos = site.change_call(mine, |call| call.queue = Some("q2".into()));
    let gone = desk.next_of("gone").await;
    let want = json!({"t": "gone", "pos": pos.to_string(), "kind": "call", "id": mine.to_string(),
        "why": "scope"});
    assert_eq!(gone, want);
    site.change_call(mine, |_| {}); // of no concern any more
    site.change_call(other, |call| call.state = ConnectionState::Null);
    assert_eq!(desk.next_of("ev").await["o"]["state"], "null");
}

#[tokio::test]
async fn a_filter_lets_pass_what_has_its_labels_and_says_what_leaves() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let token = site.token("boss", Role::Supervisor, &[]);
    let mut say = hello(&token, &[("1", "site:calls", "")], None);
    say["subs"][0]["filter"] = json!({"state": ["queued", "alerting"], "trunk": ["carrier-a"]});
    let (mut desk, _) = Desk::open(site.addr, &say).await;
    let call = site.begin_call("100", |call| call.state = ConnectionState::Queued);
    assert_eq!(desk.next_of("ev").await["o"]["id"], call.to_string());
    site.begin_call("100", |_| {}); // initiated: not asked for
    site.change_call(call, |call| call.state = ConnectionState::Connected);
    assert_eq!(desk.next_of("gone").await["why"], "scope");
    site.change_call(call, |call| call.state = ConnectionState::Alerting);
    assert_eq!(desk.next_of("ev").await["o"]["state"], "alerting");
    site.change_call(call, |call| call.state = ConnectionState::Null);
    assert_eq!(desk.next_of("gone").await["why"], "ended");
    for (filter, code) in [
        (json!({"colour": ["red"]}), "BAD_REQUEST"),
        (json!({"queue": vec!["q"; 257]}), "LIMIT_EXCEEDED"),
    ] {
        let sub = json!({"t": "sub", "id": "2", "topic": "site:calls", "filter": filter});
        desk.say(&sub).await;
        let err = desk.next_of("err").await;
        assert_eq!((&err["ref"], &err["code"]), (&json!("2"), &json!(code)));
    }
}

#[tokio::test]
async fn an_ended_subscription_takes_with_it_what_no_other_shows() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let mine = site.begin_call("100", |_| {});
    let other = site.begin_call("200", |_| {});
    let token = site.token("boss", Role::Supervisor, &["100"]);
    let subs = [("own", "calls:own", ""), ("all", "site:calls", "")];
    let (mut desk, _) = Desk::open(site.addr, &hello(&token, &subs, None)).await;
    desk.say(&json!({"t": "unsub", "id": "all"})).await;
    let told = change(&mut desk).await;
    let kinds: Vec<_> = told.iter().map(|f| f["t"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["gone", "sub.ok", "scope"]);
    assert_eq!((&told[0]["id"], &told[0]["why"]), (&json!(other.to_string()), &json!("scope")));
    assert_eq!((&told[1]["id"], &told[1]["view"]), (&json!("all"), &json!("none")));
    site.change_call(other, |_| {});
    let pos = site.change_call(mine, |_| {});
    assert_eq!(desk.next_of("ev").await["pos"], pos.to_string());
    for (id, code) in [("all", "NOT_FOUND"), ("nonsense", "NOT_FOUND")] {
        desk.say(&json!({"t": "unsub", "id": id})).await;
        assert_eq!(desk.next_of("err").await["code"], code);
    }
    desk.say(&json!({"t": "sub", "id": "own", "topic": "calls:own"})).await;
    assert_eq!(desk.next_of("err").await["code"], "BAD_REQUEST");
    for n in 1..16 {
        desk.say(&json!({"t": "sub", "id": n.to_string(), "topic": "calls:own"})).await;
        assert_eq!(change(&mut desk).await[0]["t"], "sub.ok");
    }
    desk.say(&json!({"t": "sub", "id": "17th", "topic": "calls:own"})).await;
    assert_eq!(desk.next_of("err").await["code"], "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_large_cut_on_a_live_socket_loses_and_repeats_nothing() {
    let hub = HubLimits { live_cut_calls_max: 0, ..HubLimits::default() };
    let site = Site::start(Setup { desk: quick(), hub, history: 40, ..Setup::default() }).await;
    let token = site.token("boss", Role::Supervisor, &["100"]);
    let (mut desk, _) = Desk::open(site.addr, &hello(&token, OWN, None)).await;
    site.commit(50, &["100", "200"]);
    desk.say(&json!({"t": "sub", "id": "all", "topic": "site:calls"})).await;
    for _ in 0..20 {
        site.commit(10, &["100", "200"]);
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let (mut cut, mut own, mut after) = (None, Vec::new(), Vec::new());
    while cut.is_none_or(|cut| *after.last().unwrap_or(&cut) < site.head()) {
        let frame = desk.next().await.frame();
        match frame["t"].as_str().unwrap() {
            "snap" => cut = Some(pos(&frame)),
            "ev" if cut.is_none() => own.push(pos(&frame)),
            "ev" => after.push(pos(&frame)),
            _ => {}
        }
    }
    let cut = cut.unwrap();
    let before: Vec<_> =
        site.own_positions(&["100"], 40).into_iter().filter(|p| *p <= cut).collect();
    assert_eq!(own, before);
    assert_eq!(after, (cut + 1..=site.head()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_call_that_moves_to_another_device_is_gone_live_and_in_a_replay() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let (mut desk, first) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let call = site.begin_call("", |call| call.legs.push(leg(1, "100", None)));
    let at = pos(&desk.next_of("ev").await);
    let moved = site.change_call(call, |call| call.legs[0].device = "200".into());
    let gone = desk.next_of("gone").await;
    assert_eq!((&gone["id"], pos(&gone)), (&json!(call.to_string()), moved.0));
    drop(desk);
    let epoch = first[0]["epoch"].as_str().unwrap();
    let (_desk, again) = Desk::open(site.addr, &hello(&site.agent(), OWN, Some((epoch, at)))).await;
    assert_eq!(of(&again, "gone"), [&gone]);
    assert_eq!(of(&again, "replayed")[0]["count"], 0, "only events are counted");
}

#[tokio::test]
async fn after_a_replay_from_the_journal_the_desk_is_told_what_is_left() {
    let hub = HubLimits { ring_bytes_max: 1, ..HubLimits::default() };
    let site = Site::start(Setup { desk: quick(), hub, ..Setup::default() }).await;
    let (desk, first) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let moves = site.begin_call("", |call| call.legs.push(leg(1, "100", None)));
    let stays = site.begin_call("100", |_| {});
    drop(desk);
    site.change_call(moves, |call| call.legs[0].device = "200".into());
    site.change_call(stays, |call| call.state = ConnectionState::Connected);
    let epoch = first[0]["epoch"].as_str().unwrap();
    let (_desk, again) = Desk::open(site.addr, &hello(&site.agent(), OWN, Some((epoch, 2)))).await;
    assert_eq!(again[0]["resumed"], true);
    let replayed = of(&again, "replayed")[0];
    assert_eq!(replayed["kept"], true);
    assert_eq!(replayed["keep"], json!([{"kind": "call", "id": stays.to_string()}]));
}

#[tokio::test]
async fn a_supervisor_bound_to_a_team_sees_its_agents_and_no_others() {
    let staff = vec![works("anna", "day", &[]), works("ben", "night", &[])];
    let site = Site::start(Setup { desk: quick(), staff, ..Setup::default() }).await;
    let mut boss = principal("boss", Role::Supervisor, &[]);
    boss.teams = vec!["day".into()];
    let subs = [
        ("1", "team:day", ""),
        ("2", "team:night", ""),
        ("3", "site:calls", ""),
        ("4", "queue:q", ""),
        ("5", "site:agents", ""),
    ];
    let (mut desk, first) = Desk::open(site.addr, &hello(&site.token_of(&boss), &subs, None)).await;
    let refused: Vec<_> = of(&first, "err").iter().map(|e| e["ref"].as_str().unwrap()).collect();
    assert_eq!(refused, ["2", "3", "4", "5"]);
    let theirs = site.begin_call("", |call| call.legs.push(leg(1, "300", Some("ben"))));
    let ours = site.begin_call("", |call| call.legs.push(leg(1, "200", Some("anna"))));
    assert_eq!(desk.next_of("ev").await["o"]["id"], ours.to_string());
    site.change_call(theirs, |call| call.legs.push(leg(2, "200", Some("anna"))));
    assert_eq!(desk.next_of("ev").await["o"]["id"], theirs.to_string());
}
