//! A desktop confirms the event that shows it a call which it is to take over, by the heartbeat
//! that every desktop answers.

use crate::kit::*;
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use trunkline::io::desk::{DeskConfig, DeskOrder};
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::*;

/// Heartbeats that nobody asks for come too late for a test.
fn seldom() -> DeskConfig {
    DeskConfig { heartbeat_ms: 60_000, ..quick() }
}

async fn site() -> (Site, Receiver<DeskOrder>) {
    let (sender, orders) = channel();
    let sender = Mutex::new(sender);
    let give = Give(Arc::new(move |order| sender.lock().unwrap().send(order).is_ok()));
    (Site::start(Setup { give, desk: seldom(), ..Setup::default() }).await, orders)
}

fn bob() -> Principal {
    Principal { agent: "bob".into(), ..principal("bob", Role::Agent, &["200"]) }
}

/// Positions that the application was told, by agent.
fn applied(orders: &Receiver<DeskOrder>) -> Vec<(String, u64)> {
    let applied = |order| match order {
        DeskOrder::Applied { agent, pos } => Some((agent, pos.0)),
        _ => None,
    };
    orders.try_iter().filter_map(applied).collect()
}

async fn until_applied(orders: &Receiver<DeskOrder>) -> (String, u64) {
    for _ in 0..1000 {
        if let Some(told) = applied(orders).pop() {
            return told;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the application heard nothing within 10 s")
}

/// A call at device 200 whose data the agents are to confirm.
fn shows(site: &Site, agents: &[&str]) -> u64 {
    let id = u128::from(site.head()) + 1000;
    let mut shown = call(id, "200", START);
    shown.data.insert("contract".into(), Pii::new("K-1".into()));
    let confirm_by = agents.iter().map(|agent| (*agent).into()).collect();
    let detail = Detail { confirm_by, ..Detail::default() };
    site.commit_event(EventKind::CallDelivered, Entity::Call(Arc::new(shown)), detail)
}

async fn answer(desk: &mut Desk, pos: u64) {
    desk.say(&json!({"t": "hb", "pos": pos.to_string(), "n": 0})).await;
}

/// What the desk is told next up to a frame of its own asking shows that all before was served.
async fn flush(desk: &mut Desk) -> Vec<Value> {
    desk.say(&json!({"t": "unsub", "id": "nothing"})).await;
    let mut before = Vec::new();
    loop {
        let frame = desk.next().await.frame();
        if frame["t"] == "err" {
            return before;
        }
        before.push(frame);
    }
}

#[tokio::test]
async fn the_answer_to_the_heartbeat_behind_the_event_confirms_it() {
    let (site, orders) = site().await;
    let token = site.token_of(&bob());
    let (mut desk, _) = Desk::open(site.addr, &hello(&token, OWN, None)).await;
    assert_eq!(desk.next().await.frame()["t"], "hb", "what it starts from is to be confirmed");
    answer(&mut desk, site.head()).await;
    assert_eq!(until_applied(&orders).await, ("bob".into(), site.head()));

    let pos = shows(&site, &["bob"]);
    let ev = desk.next().await.frame();
    assert_eq!(
        (&ev["d"]["confirm_by"][0], &ev["o"]["data"]["contract"]),
        (&json!("bob"), &json!("K-1"))
    );
    let hb = desk.next().await.frame();
    assert_eq!((&hb["t"], hb["pos"].as_str()), (&json!("hb"), Some(pos.to_string().as_str())));
    for early in [0, pos - 1] {
        answer(&mut desk, early).await;
    }
    flush(&mut desk).await;
    assert_eq!(applied(&orders), [], "it has not come so far");
    answer(&mut desk, pos).await;
    assert_eq!(until_applied(&orders).await, ("bob".into(), pos));
    answer(&mut desk, pos).await;
    flush(&mut desk).await;
    assert_eq!(applied(&orders), [], "once is enough");
}

#[tokio::test]
async fn only_the_desktops_of_the_named_agent_that_see_the_call_are_asked() {
    let (site, orders) = site().await;
    let (other, blind) = (Principal { agent: "carol".into(), ..bob() }, bob());
    let (other, blind) = (site.token_of(&other), site.token_of(&blind));
    let (mut other, _) = Desk::open(site.addr, &hello(&other, OWN, None)).await;
    assert_eq!(other.next().await.frame()["t"], "hb");
    let own: &[_] = &[("1", "agent:self", "")];
    let (mut blind, _) = Desk::open(site.addr, &hello(&blind, own, None)).await;
    shows(&site, &["bob"]);
    assert_eq!(other.next().await.frame()["t"], "ev");
    assert_eq!(flush(&mut other).await, [] as [Value; 0], "it is asked for nothing");
    answer(&mut blind, site.head()).await;
    assert_eq!(flush(&mut blind).await, [] as [Value; 0]);
    assert_eq!(applied(&orders), [], "who sees no calls confirms none");
    // As soon as it does, it is asked.
    blind.say(&json!({"t": "sub", "id": "2", "topic": "calls:own"})).await;
    let mut asked = blind.next().await.frame();
    while asked["t"] != "hb" {
        asked = blind.next().await.frame();
    }
    answer(&mut blind, site.head()).await;
    assert_eq!(until_applied(&orders).await, ("bob".into(), site.head()));
}

#[tokio::test]
async fn what_was_missed_is_confirmed_after_the_resume() {
    let (site, orders) = site().await;
    let token = site.token_of(&bob());
    let (mut desk, first) = Desk::open(site.addr, &hello(&token, OWN, None)).await;
    let epoch = first[0]["epoch"].as_str().unwrap().to_owned();
    let pos = shows(&site, &[]);
    desk.next_of("ev").await;
    drop(desk);
    let missed = shows(&site, &["bob"]);
    let (mut desk, replay) = Desk::open(site.addr, &hello(&token, OWN, Some((&epoch, pos)))).await;
    assert_eq!(of(&replay, "ev").len(), 1);
    assert_eq!(desk.next().await.frame()["t"], "hb");
    answer(&mut desk, missed).await;
    assert_eq!(until_applied(&orders).await, ("bob".into(), missed));
}
