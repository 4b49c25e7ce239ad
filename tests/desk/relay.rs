//! Desks behind a relay that cuts their sockets at random bytes: every frame is compared with the
//! log, over hundreds of reconnects. No gap, no duplicate, order kept, nothing of others.
#![allow(clippy::unwrap_used)]

use crate::kit::*;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use trunkline_core::hub::{HubLimits, Role};
use trunkline_core::model::{Dice, Entity, EventKind, SystemState, SystemStatus};
use trunkline_core::wire::{View, event_to_json};

const DEVICES: &[&str] = &["100", "200", "300", "400"];
const CUTS: u64 = 150;

/// Cuts each connection after a seeded number of bytes towards the desk, `calm` ends that.
async fn relay(
    server: SocketAddr,
    seed: u64,
    calm: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut random = Dice::new(seed);
        while let Ok((mut desk, _)) = listener.accept().await {
            let mut left = match random.throw() % 4 {
                0 => random.throw() % 700,
                1 => random.throw() % 3_000,
                _ => random.throw() % 40_000,
            };
            let (calm, cuts) = (calm.clone(), cuts.clone());
            tokio::spawn(async move {
                let mut server = TcpStream::connect(server).await.unwrap();
                let (mut down, mut up) = ([0; 1500], [0; 1500]);
                loop {
                    tokio::select! {
                        n = server.read(&mut down) => {
                            let Ok(n @ 1..) = n else { return };
                            let cut = !calm.load(SeqCst) && n as u64 > left;
                            let pass = if cut { left as usize } else { n };
                            if desk.write_all(&down[..pass]).await.is_err() || cut {
                                cuts.fetch_add(u64::from(cut), SeqCst);
                                return;
                            }
                            left = left.saturating_sub(n as u64);
                        }
                        n = desk.read(&mut up) => {
                            let Ok(n @ 1..) = n else { return };
                            if server.write_all(&up[..n]).await.is_err() { return }
                        }
                    }
                }
            });
        }
    });
    addr
}

/// What docs/desk-protocol.md asks of a client, and the record of what it was given.
struct Follower {
    hello: Value,
    view: View,
    /// Epoch and applied position; `None` before a whole snapshot.
    at: Option<(String, u64)>,
    start: Option<u64>,
    frames: Vec<(u64, String)>,
    reconnects: u64,
    resumed: u64,
}

impl Follower {
    fn new(token: &str, topics: &[(&str, &str, &str)], view: View) -> Self {
        Self {
            hello: hello(token, topics, None),
            view,
            at: None,
            start: None,
            frames: Vec::new(),
            reconnects: 0,
            resumed: 0,
        }
    }

    /// One connection, until it is lost or has reached `until`.
    async fn connect(&mut self, relay: SocketAddr, until: impl Fn() -> Option<u64>) -> bool {
        self.reconnects += 1;
        let Ok(stream) = TcpStream::connect(relay).await else { return false };
        let Ok(mut desk) = Desk::over(relay, stream).await else { return false };
        let mut hello = self.hello.clone();
        if let Some((epoch, pos)) = &self.at {
            hello["resume"] = serde_json::json!({"epoch": epoch, "pos": pos.to_string()});
        }
        if desk.ws.send(message(&hello, crate::CODEC)).await.is_err() {
            return false;
        }
        let (mut epoch, mut open, mut count) = (String::new(), 0, 0);
        loop {
            if let (Some(until), Some((_, at))) = (until(), &self.at)
                && *at >= until
            {
                return true;
            }
            let heard = tokio::time::timeout(WAIT, desk.ws.next()).await.expect("silence");
            let Some(Ok(heard)) = heard else { return false };
            let Some(text) = text_of(&heard, crate::CODEC) else { return false };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["t"].as_str().unwrap() {
                "welcome" => {
                    frame["epoch"].as_str().unwrap().clone_into(&mut epoch);
                    assert_eq!(frame["resumed"], self.at.is_some(), "{frame}");
                    self.resumed += u64::from(self.at.is_some());
                    open = hello["subs"].as_array().unwrap().len();
                }
                "snap" => {
                    open -= usize::from(frame["last"] == true);
                    if open == 0 {
                        self.start.get_or_insert(pos(&frame));
                        self.at = Some((epoch.clone(), pos(&frame)));
                    }
                }
                "ev" => {
                    count += 1;
                    let (_, at) = self.at.as_mut().expect("no event before the cut is whole");
                    assert!(pos(&frame) > *at, "a duplicate or a step back: {frame}");
                    *at = pos(&frame);
                    self.frames.push((pos(&frame), text));
                }
                "replayed" => {
                    assert_eq!(frame["count"], count);
                    let to: u64 = frame["to"].as_str().unwrap().parse().unwrap();
                    self.at.as_mut().unwrap().1 = to;
                }
                "hb" => {
                    assert_eq!(frame["n"], count, "the server counted other events");
                    let at = &mut self.at.as_mut().unwrap().1;
                    *at = (*at).max(pos(&frame));
                    let hb = serde_json::json!({"t":"hb","pos":at.to_string(),"n":count});
                    if desk.ws.send(message(&hb, crate::CODEC)).await.is_err() {
                        return false;
                    }
                }
                "sub.ok" => {}
                other => panic!("unexpected {other}"),
            }
        }
    }

    fn check(&self, site: &Site, sees: impl Fn(&Entity) -> bool) {
        let start = self.start.unwrap();
        let log = site.log.lock().unwrap();
        let want: Vec<_> = log
            .events
            .iter()
            .filter(|e| e.pos.0 > start && sees(&e.entity))
            .map(|e| (e.pos.0, event_to_json(e, self.view)))
            .collect();
        assert!(want.len() > 200, "{}", want.len());
        assert_eq!(self.frames.len(), want.len());
        for (got, want) in self.frames.iter().zip(&want) {
            assert_eq!(got, want);
        }
    }
}

fn of_devices(devices: &'static [&'static str]) -> impl Fn(&Entity) -> bool {
    move |entity| match entity {
        Entity::Call(call) => devices.contains(&&*call.device),
        Entity::Decision(_)
        | Entity::Dnc(_)
        | Entity::System(_)
        | Entity::Line(_)
        | Entity::Duty(_)
        | Entity::Link(_)
        | Entity::Agent(_)
        | Entity::Command(_)
        | Entity::Override(_)
        | Entity::Shadow(_)
        | Entity::Claims(_) => false,
    }
}

async fn scenario(seed: u64) -> (u64, u64) {
    // A ring of some fifty events: resumes come from the ring and from the journal.
    let hub = HubLimits { ring_bytes_max: 100_000, step_frames_max: 16, ..HubLimits::default() };
    let desk = trunkline::io::desk::DeskConfig {
        heartbeat_ms: 40,
        waiting_per_ip_max: 500,
        sockets_per_user_max: 500,
        ..quick()
    };
    let site = Arc::new(Site::start(Setup { desk, hub, history: 50, ..Setup::default() }).await);
    let (calm, cuts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let relay = relay(site.addr, seed, calm.clone(), cuts.clone()).await;
    let feeder = {
        let (site, cuts) = (site.clone(), cuts.clone());
        tokio::spawn(async move {
            let mut random = Dice::new(!seed);
            while cuts.load(SeqCst) < CUTS {
                site.commit(1 + (random.throw() % 6) as usize, DEVICES);
                if random.throw().is_multiple_of(20) {
                    let state = SystemState::OverloadRelieved;
                    let status = SystemStatus { state, reason: "x".into(), lost: 0 };
                    site.commit_entity(EventKind::SystemStatus, Entity::System(status.into()));
                }
                tokio::time::sleep(Duration::from_millis(random.throw() % 4)).await;
            }
        })
    };
    let site_topics = &[("a", "site:calls", ""), ("b", "site:health", "")];
    let followers = [
        Follower::new(&site.token("a", Role::Agent, &["100"]), OWN, View::Masked),
        Follower::new(&site.token("b", Role::Agent, &["200", "300"]), OWN, View::Masked),
        Follower::new(&site.token("c", Role::Supervisor, &[]), site_topics, View::Full),
    ];
    let mut tasks = Vec::new();
    for (n, mut follower) in followers.into_iter().enumerate() {
        let (site, calm) = (site.clone(), calm.clone());
        tasks.push(tokio::spawn(async move {
            let mut random = Dice::new(seed ^ n as u64);
            loop {
                let end = || calm.load(SeqCst).then(|| site.head());
                if follower.connect(relay, end).await {
                    return follower;
                }
                tokio::time::sleep(Duration::from_millis(random.throw() % 30)).await;
            }
        }));
    }
    feeder.await.unwrap(); // the log is whole before the last cut is made
    calm.store(true, SeqCst);
    let mut followers = Vec::new();
    for task in tasks {
        followers.push(tokio::time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap());
    }
    followers[0].check(&site, of_devices(&["100"]));
    followers[1].check(&site, of_devices(&["200", "300"]));
    followers[2].check(&site, |e| matches!(e, Entity::Call(_) | Entity::System(_)));
    assert!(site.journal_reads.load(SeqCst) > 0, "some resumes are older than the ring");
    (cuts.load(SeqCst), followers.iter().map(|f| f.resumed).sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_cut_at_random_bytes_leave_no_trace_in_the_stream() {
    let seeds = match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => vec![1, 2, 3],
    };
    let (mut cuts, mut resumed) = (0, 0);
    for seed in seeds {
        println!("seed {seed}");
        let (c, r) = scenario(seed).await;
        (cuts, resumed) = (cuts + c, resumed + r);
    }
    println!("{cuts} cuts, {resumed} resumes");
    assert!(cuts >= CUTS && resumed >= CUTS / 2);
}
