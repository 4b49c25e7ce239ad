//! What a desk sees: hello, welcome, snapshot, events, resume, heartbeats.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;
use trunkline::io::desk::{DeskConfig, Health};
use trunkline_core::hub::{HubLimits, Role};
use trunkline_core::model::{DncEntry, DncScope, Entity, EventKind, SystemState, SystemStatus};

#[tokio::test]
async fn hello_welcome_snapshot_events() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    site.commit(1, &["100"]);
    site.until("applied", |s| s.hub.stats().hub.calls == 1).await;
    let (mut desk, first) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let kinds: Vec<_> = first.iter().map(|f| f["t"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["welcome", "sub.ok", "snap"]);
    let welcome = &first[0];
    assert_eq!(welcome["epoch"], epoch(0).to_string());
    assert_eq!((&welcome["resumed"], &welcome["why"]), (&json!(false), &json!("none")));
    assert_eq!((&welcome["pos"], &welcome["health"]), (&json!("1"), &json!("enabled")));
    assert_eq!(welcome["hb_ms"], 10_000);
    let snap = &first[2];
    assert_eq!(snap["objs"][0]["device"], "100");
    assert_eq!(snap["objs"].as_array().unwrap().len(), 1);
    site.commit(3, &["100"]);
    let frames = [desk.next().await.frame(), desk.next().await.frame(), desk.next().await.frame()];
    let kinds: Vec<_> = frames.iter().map(|f| f["k"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["call.delivered", "call.established", "call.originated"]);
    assert_eq!(frames.iter().map(pos).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(frames[0]["o"]["state"], "alerting");
}

#[tokio::test]
async fn an_agent_is_masked_and_sees_own_calls_only() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let subs = [("1", "calls:own", ""), ("2", "site:calls", ""), ("3", "calls:own", "full")];
    let (mut agent, first) = Desk::open(site.addr, &hello(&site.agent(), &subs, None)).await;
    let refused: Vec<_> = of(&first, "err").into_iter().map(|e| (&e["ref"], &e["code"])).collect();
    let forbidden = json!("FORBIDDEN");
    assert_eq!(refused, [(&json!("2"), &forbidden), (&json!("3"), &forbidden)]);
    let boss = site.token("boss", Role::Supervisor, &[]);
    let subs = [("1", "site:calls", ""), ("2", "site:health", "")];
    let (mut boss, _) = Desk::open(site.addr, &hello(&boss, &subs, None)).await;
    let ops = site.token("ops", Role::Ops, &[]);
    let (mut ops, _) = Desk::open(site.addr, &hello(&ops, &[("1", "site:calls", "")], None)).await;

    site.commit(40, &["100", "200"]);
    let entry = DncEntry {
        scope: DncScope::Number,
        purpose: None,
        source: "test".into(),
        removed: None,
        number: party("+8613900139000"),
        until: None,
        reason: "asked".into(),
        asked_at: START,
        added_by: "boss".into(),
    };
    site.commit_entity(EventKind::DncAdded, Entity::Dnc(vec![entry]));
    let status = SystemStatus { state: SystemState::Normal, reason: "test".into(), lost: 0 };
    site.commit_entity(EventKind::SystemStatus, Entity::System(status.into()));

    let mine = site.own_positions(&["100"], 0);
    assert!(mine.len() > 10 && mine.len() < 30, "{}", mine.len());
    let mut seen = Vec::new();
    for _ in &mine {
        let frame = agent.next_of("ev").await;
        assert_eq!(frame["o"]["device"], "100");
        assert!(!frame.to_string().contains("13800138000"), "{frame}");
        assert!(frame["o"]["from"]["masked"] == "138****8000");
        seen.push(pos(&frame));
    }
    assert_eq!(seen, mine);
    let (mut all, mut masked) = (Vec::new(), Vec::new());
    for _ in 0..42 {
        let frame = boss.next_of("ev").await;
        if pos(&frame) <= 40 {
            assert_eq!(frame["o"]["from"]["e164"], "+8613800138000");
        }
        all.push(pos(&frame));
    }
    for _ in 0..41 {
        let frame = ops.next_of("ev").await;
        let text = frame.to_string();
        assert!(!text.contains("13800138000") && !text.contains("13900139000"), "{text}");
        masked.push(pos(&frame));
    }
    assert_eq!(all, (1..=42).collect::<Vec<_>>());
    assert_eq!(masked, (1..=41).collect::<Vec<_>>());
}

#[tokio::test]
async fn resume_in_the_ring_replays_own_events_and_says_so() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    site.commit(100, &["100", "200"]);
    site.until("applied", |s| s.hub.stats().hub.ring_events == 100).await;
    let at = Some((epoch(0).to_string(), 37));
    let at = at.as_ref().map(|(e, p)| (e.as_str(), *p));
    let (mut desk, first) = Desk::open(site.addr, &hello(&site.agent(), OWN, at)).await;
    assert_eq!((&first[0]["resumed"], &first[0]["why"]), (&json!(true), &json!("ok")));
    assert_eq!(first[0]["pos"], "37");
    let want = site.own_positions(&["100"], 37);
    assert_eq!(of(&first, "ev").into_iter().map(pos).collect::<Vec<_>>(), want);
    let replayed = first.last().unwrap();
    let said = (&replayed["from"], &replayed["to"], &replayed["count"]);
    assert_eq!(said, (&json!("37"), &json!("100"), &json!(want.len())));
    assert!(of(&first, "snap").is_empty());
    site.commit(8, &["100"]);
    let next = site.own_positions(&["100"], 100);
    for want in next {
        assert_eq!(pos(&desk.next_of("ev").await), want);
    }
    assert_eq!(site.journal_reads.load(SeqCst), 0);
}

#[tokio::test]
async fn resume_older_than_the_ring_reads_the_journal() {
    let hub = HubLimits { ring_bytes_max: 60_000, ..HubLimits::default() };
    let site = Site::start(Setup { desk: quick(), hub, history: 1000, ..Setup::default() }).await;
    site.commit(200, &["100", "200", "300"]);
    site.until("applied", |s| s.hub.stats().hub.ring_events > 0).await;
    assert!(site.hub.stats().hub.ring_events < 100);
    let epoch = epoch(0).to_string();
    for from in [0, 1, 555, 1100] {
        let hello = hello(&site.agent(), OWN, Some((&epoch, from)));
        let (_desk, first) = Desk::open(site.addr, &hello).await;
        assert_eq!(first[0]["why"], "ok", "{from}");
        let want = site.own_positions(&["100"], from);
        assert_eq!(of(&first, "ev").into_iter().map(pos).collect::<Vec<_>>(), want, "{from}");
        assert_eq!(first.last().unwrap()["count"], want.len());
    }
    assert!(site.journal_reads.load(SeqCst) > 4);
}

#[tokio::test]
async fn too_old_ahead_and_another_epoch_start_from_a_snapshot_with_the_reason() {
    let hub = HubLimits { ring_bytes_max: 60_000, ..HubLimits::default() };
    let site = Site::start(Setup { desk: quick(), hub, ..Setup::default() }).await;
    site.commit(400, &["100", "200"]);
    site.until("applied", |s| s.hub.stats().hub.ring_events > 0).await;
    site.journal_from.store(300, SeqCst);
    let (ours, other) = (epoch(0).to_string(), epoch(9).to_string());
    for (epoch, from, why) in [(&ours, 10, "too_old"), (&ours, 9999, "ahead"), (&other, 5, "epoch")]
    {
        let hello = hello(&site.agent(), OWN, Some((epoch.as_str(), from)));
        let (_desk, first) = Desk::open(site.addr, &hello).await;
        assert_eq!((&first[0]["resumed"], &first[0]["why"]), (&json!(false), &json!(why)));
        assert_eq!(first[0]["pos"], "400");
        let snaps = of(&first, "snap");
        let live = snaps.last().unwrap();
        let open = site.log.lock().unwrap().open.iter().filter(|c| &*c.device == "100").count();
        assert!(open > 0);
        assert_eq!(live["objs"].as_array().unwrap().len(), open, "{why}");
        let gap: Vec<_> = snaps.iter().filter(|s| s["gap"] == true).collect();
        assert_eq!(gap.is_empty(), why != "too_old");
        for object in gap.iter().flat_map(|s| s["objs"].as_array().unwrap()) {
            assert_eq!((&object["state"], &object["device"]), (&json!("null"), &json!("100")));
        }
    }
}

#[tokio::test]
async fn a_scope_that_grew_is_not_resumed() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    site.commit(5, &["100", "200"]);
    let (_old, first) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    let (epoch, scope) = (first[0]["epoch"].clone(), first[0]["scope"].clone());
    for (devices, why) in [(&["100", "200"][..], "scope"), (&["100"][..], "ok")] {
        let token = site.token("anna", Role::Agent, devices);
        let mut hello = hello(&token, OWN, None);
        hello["resume"] = json!({"epoch": epoch, "pos": "3", "scope": scope});
        let (_desk, first) = Desk::open(site.addr, &hello).await;
        assert_eq!(first[0]["why"], why);
    }
}

#[tokio::test]
async fn a_new_epoch_ends_live_sockets_with_resync() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    site.commit(2, &["100"]);
    desk.next_of("ev").await;
    desk.next_of("ev").await;
    site.change_epoch(1);
    site.commit(1, &["100"]);
    assert_eq!(desk.until_close().await.1, 4009);
    let old = epoch(0).to_string();
    let (_desk, first) = Desk::open(site.addr, &hello(&site.agent(), OWN, Some((&old, 2)))).await;
    assert_eq!(first[0]["why"], "epoch");
    assert_eq!(first[0]["epoch"], epoch(1).to_string());
}

#[tokio::test]
async fn heartbeats_count_events_and_tell_health_at_once() {
    let config = DeskConfig { heartbeat_ms: 100, heartbeat_reply_ms: 5000, ..quick() };
    let site = Site::start(Setup { desk: config, ..Setup::default() }).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    site.commit(50, &["100", "200"]);
    let want = site.own_positions(&["100"], 0).len();
    let mut events = 0;
    let beat = loop {
        let frame = desk.next().await.frame();
        if frame["t"] == "ev" {
            events += 1;
        } else {
            assert_eq!((&frame["t"], &frame["n"]), (&json!("hb"), &json!(events)), "{frame}");
            desk.say(&json!({"t": "hb", "pos": frame["pos"], "n": events})).await;
            if frame["pos"] == "50" {
                break frame;
            }
        }
    };
    assert_eq!((events, &beat["health"]), (want, &json!("enabled")));

    let slow = DeskConfig { heartbeat_ms: 60_000, ..quick() };
    let site = Site::start(Setup { desk: slow, ..Setup::default() }).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    site.health.send(Health::Degraded { reason: "disk".into() }).unwrap();
    assert_eq!(desk.next_of("hb").await["health"], "degraded");
    let (_late, first) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    assert_eq!(first[0]["health"], "degraded");
    site.health.send(Health::Enabled).unwrap();
    assert_eq!(desk.next_of("hb").await["health"], "enabled");
}

#[tokio::test]
async fn a_large_snapshot_comes_in_pages_and_loses_nothing() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    for id in 0..500_u128 {
        let entity = Entity::Call(std::sync::Arc::new(call(1_000_000 + id, "100", START)));
        site.commit_entity(EventKind::CallOriginated, entity);
    }
    site.until("applied", |s| s.hub.stats().hub.calls == 500).await;
    let mut desk = Desk::connect(site.addr).await;
    desk.say(&hello(&site.agent(), OWN, None)).await;
    let mut pages = Vec::new();
    site.commit(40, &["100"]);
    loop {
        let frame = desk.next().await.frame();
        assert!(desk.heard_bytes <= 64 << 10);
        if frame["t"] == "snap" {
            pages.push(frame);
        }
        if pages.last().is_some_and(|p| p["last"] == true) {
            break;
        }
    }
    assert!(pages.len() > 1);
    assert!(pages.iter().enumerate().all(|(n, p)| p["page"] == n));
    let cut = pos(&pages[0]);
    for want in site.own_positions(&["100"], cut) {
        assert_eq!(pos(&desk.next_of("ev").await), want);
    }
}

#[tokio::test]
async fn a_batch_larger_than_every_queue_closes_nobody() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let boss = site.token("boss", Role::Supervisor, &[]);
    let subs = [("1", "site:calls", "")];
    let (mut desk, _) = Desk::open(site.addr, &hello(&boss, &subs, None)).await;
    let reader = tokio::spawn(async move {
        for want in 1..=3000 {
            assert_eq!(pos(&desk.next_of("ev").await), want);
        }
    });
    site.commit(3000, &["100", "200"]);
    reader.await.unwrap();
    assert_eq!(site.hub.stats().slow_total, 0);
}

#[tokio::test]
async fn a_full_inbox_is_read_back_from_the_journal() {
    let site = Site::start(Setup { desk: quick(), ..Setup::default() }).await;
    let (mut desk, _) = Desk::open(site.addr, &hello(&site.agent(), OWN, None)).await;
    // On the test's single thread the hub's task cannot run in between: the inbox overflows.
    for _ in 0..1300 {
        site.commit(1, &["100", "200", "300"]);
    }
    let want = site.own_positions(&["100"], 0);
    for want in want {
        assert_eq!(pos(&desk.next_of("ev").await), want);
    }
    assert!(site.hub.stats().batches_missed_total > 200);
    assert_eq!(site.hub.stats().positions_lost_total, 0);
}
