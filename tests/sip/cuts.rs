//! Desks of a server that is killed again and again, and whose own sockets are cut as well: what
//! each of them was told is the log, without a gap, a duplicate or a step back.
//!
//! TRUNKLINE_CUTS sets how often the process is killed, TRUNKLINE_SEED where.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::{Gateway, Load, Mood, Site, SiteOptions, Ua, WORKDAY_MORNING};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use trunkline_core::model::Dice;

/// What docs/desk-protocol.md asks of a client, and the record of what it was given.
struct Follower {
    server: SocketAddr,
    hello: Value,
    random: Dice,
    /// Epoch and applied position; `None` before a whole snapshot.
    at: Option<(String, u64)>,
    /// Position of the one snapshot.
    start: u64,
    events: Vec<Value>,
    /// Times it was let in.
    welcomes: Arc<AtomicU64>,
    /// The position up to which it is to follow; 0: not known yet.
    until: Arc<AtomicU64>,
}

impl Follower {
    fn is_done(&self) -> bool {
        let until = self.until.load(SeqCst);
        until > 0 && self.at.as_ref().is_some_and(|(_, at)| *at >= until)
    }

    fn follow(mut self) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            while !self.is_done() {
                self.connect().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        self
    }

    /// One connection, until somebody cuts it.
    async fn connect(&mut self) -> Option<()> {
        let mut request = format!("ws://{}/v1/events", self.server).into_client_request().unwrap();
        let protocol = "trunkline.v1.json".parse().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.ok()?;
        let mut hello = self.hello.clone();
        if let Some((epoch, pos)) = &self.at {
            hello["resume"] = json!({"epoch": epoch, "pos": pos.to_string()});
        }
        socket.send(Message::text(hello.to_string())).await.ok()?;
        // It cuts its socket itself after so many frames, and at the end when nothing comes.
        let (mut left, mut epoch, mut count) = (self.random.throw() % 120, String::new(), 0);
        let patience = || match self.until.load(SeqCst) {
            0 => Duration::from_secs(30),
            _ => Duration::from_millis(500),
        };
        while left > 0 && !self.is_done() {
            left -= 1;
            let message = tokio::time::timeout(patience(), socket.next()).await.ok()??;
            let Message::Text(text) = message.ok()? else { return None };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["t"].as_str().unwrap() {
                "welcome" => {
                    frame["epoch"].as_str().unwrap().clone_into(&mut epoch);
                    assert_eq!(frame["resumed"], self.at.is_some(), "{frame}");
                    self.welcomes.fetch_add(1, SeqCst);
                }
                "snap" if frame["last"] == true => {
                    self.at = Some((epoch.clone(), position(&frame["pos"])));
                    self.start = position(&frame["pos"]);
                }
                "snap" => left += 1,
                "ev" => {
                    count += 1;
                    let (_, at) = self.at.as_mut().expect("no event before the cut is whole");
                    let pos = position(&frame["pos"]);
                    assert!(pos > *at, "a duplicate or a step back after {at}: {frame}");
                    *at = pos;
                    self.events.push(frame);
                }
                "replayed" => {
                    assert_eq!(frame["count"], count, "{frame}");
                    self.at.as_mut().unwrap().1 = position(&frame["to"]);
                }
                "hb" => {
                    assert_eq!(frame["n"], count, "{frame}");
                    socket.send(Message::text(text)).await.ok()?;
                }
                "goaway" => return None,
                "sub.ok" => {}
                _ => panic!("{frame}"),
            }
        }
        Some(())
    }
}

fn position(pos: &Value) -> u64 {
    pos.as_str().unwrap().parse().unwrap()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// A desk that is followed, and how often it was let in.
struct Followed {
    thread: JoinHandle<Follower>,
    welcomes: Arc<AtomicU64>,
}

impl Followed {
    fn met(&self) -> u64 {
        self.welcomes.load(SeqCst)
    }
}

fn follow(site: &Site, seed: u64, role: &str, sub: &Value, until: &Arc<AtomicU64>) -> Followed {
    let welcomes = Arc::new(AtomicU64::new(0));
    let subject = format!("{role}{seed}");
    let mint = ["token", "mint", "--subject", &subject, "--role", role, "--at", WORKDAY_MORNING];
    let token = String::from_utf8(site.run(&mint).stdout).unwrap();
    let follower = Follower {
        server: site.net.http(),
        hello: json!({
            "t": "hello", "auth": {"token": token.trim()},
            "client": {"name": "cuts", "ver": "1", "inst": subject}, "subs": [sub],
        }),
        random: Dice::new(seed),
        at: None,
        start: 0,
        events: Vec::new(),
        welcomes: welcomes.clone(),
        until: until.clone(),
    };
    Followed { thread: std::thread::spawn(move || follower.follow()), welcomes }
}

/// Calls that come and end until they are told to stop.
fn calls(site: &Site, stop: &Arc<AtomicBool>) -> JoinHandle<usize> {
    let carrier = Ua::bind(site.carrier(), site.carrier_side());
    let stop = stop.clone();
    std::thread::spawn(move || {
        let mut load = Load::new(carrier, "13800138000", "95519", "cuts");
        let mut made = 0;
        while !stop.load(SeqCst) {
            load.run(10, 40, Duration::from_millis(300), |_| {});
            made += 10;
        }
        made
    })
}

#[test]
fn what_desks_are_told_is_the_log_however_often_the_process_is_killed() {
    let (cuts, seed) = (number("TRUNKLINE_CUTS", 8), number("TRUNKLINE_SEED", 7));
    println!("{cuts} cuts, seed {seed}");
    let keys = "pending_max = 100000\npending_per_source_max = 100000\ndrain_s = 0";
    let site = Site::with(&SiteOptions { sip_keys: keys, ..SiteOptions::default() });
    let _pbx = Gateway::start(site.net.pbx(), site.net.trunkline(), Mood::FINE);
    let mut server = site.serve(WORKDAY_MORNING);
    let (until, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let full = json!({"id": "1", "topic": "site:calls"});
    let masked = json!({"id": "1", "topic": "site:calls", "view": "masked"});
    let own = json!({"id": "1", "topic": "calls:own"});
    let followers = [
        follow(&site, seed, "supervisor", &full, &until),
        follow(&site, seed + 1, "service", &full, &until),
        follow(&site, seed + 2, "supervisor", &masked, &until),
        follow(&site, seed + 3, "agent", &own, &until),
    ];
    let load = calls(&site, &stop);
    let (mut random, mut before) = (Dice::new(seed), [0; 4]);
    for cut in 1..=cuts {
        std::thread::sleep(Duration::from_millis(200 + random.throw() % 900));
        // Nobody sleeps through a run.
        let met = || followers.iter().zip(before).all(|(follower, before)| follower.met() > before);
        assert!(poll_until(Duration::from_secs(20), met), "a desk is not let in");
        server.kill();
        before = followers.each_ref().map(Followed::met);
        // Each run begins after the one before.
        server = site.serve(&format!("2026-11-23T1{}:{:02}:00+08:00", cut / 60, cut % 60));
    }
    stop.store(true, SeqCst);
    let made = load.join().unwrap();

    let mut tail = site.tail(Some(0));
    let log = tail.settle(Duration::from_secs(1)).to_vec();
    let is_call = |e: &&Value| e["k"].as_str().unwrap().starts_with("call.");
    let head = position(&log.last().unwrap()["pos"]);
    until.store(head, SeqCst);
    let told = followers.map(|follower| follower.thread.join().unwrap());
    let after = |start: u64| {
        let later = move |e: &&Value| position(&e["pos"]) > start;
        log.iter().filter(is_call).filter(later).cloned().collect::<Vec<_>>()
    };
    for full in &told[..2] {
        assert_eq!(upto(&full.events, head), after(full.start));
    }
    let positions = |events: &[Value]| -> Vec<u64> {
        events.iter().map(|event| position(&event["pos"])).collect()
    };
    let masked = upto(&told[2].events, head);
    assert_eq!(positions(&masked), positions(&after(told[2].start)));
    let text = serde_json::to_string(&masked).unwrap();
    assert!(!text.contains("13800138000"), "a masked view shows a number");
    assert_eq!(told[3].events, Vec::<Value>::new(), "an agent sees calls of others");
    let ids: BTreeSet<_> = log.iter().filter(is_call).map(|e| e["o"]["id"].to_string()).collect();
    println!("{made} calls made, {} in the log, {} events", ids.len(), log.len());
}

/// A desk may have been told more than the log held when it was read.
fn upto(events: &[Value], head: u64) -> Vec<Value> {
    events.iter().filter(|event| position(&event["pos"]) <= head).cloned().collect()
}
