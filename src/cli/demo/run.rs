//! From the first line to the totals.

use super::{
    account::Account,
    args::{DemoArgs, STORY},
    check::{Desks, Wire},
    day,
    echo::Echo,
    frames::Frame,
    out::{self, say},
    procs::{Peer, Told, Who},
    site::{self, Site},
    stop::Stop,
    story::{self, Beat, Scene},
    summary,
    wiring::{self, Server},
};
use crate::{
    io::clock::Clock,
    sim::{
        DeskCommand, DeskSub,
        ua::{Command, Report},
    },
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use trunkline_core::hub::{Principal, Role};

/// Tokens last longer than the days that the demo skips.
const TOKEN_TIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest wait for a peer to be ready.
const READY_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for calls to end before the calendar moves.
const QUIET_WAIT: Duration = Duration::from_secs(6);
/// No new calls in the last seconds.
const LAST_CALLS: Duration = Duration::from_secs(7);
/// Longest wait for calls to end after everybody was told to hang up.
const LEAVE_WAIT: Duration = Duration::from_secs(4);
/// Events are all told this long after the last call ended.
const SETTLE: Duration = Duration::from_millis(300);

/// The demo could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// A folder, socket, process or the server failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// A peer did not get ready in time.
    #[error("{0} did not get ready")]
    NotReady(&'static str),
    /// A peer ended although nobody asked.
    #[error("the process of {0} ended")]
    PeerGone(String),
    /// The reader of our output went away.
    #[error("nobody reads the demo any more")]
    NobodyReads,
    /// Desk and wire do not agree: a fault of the product.
    #[error("the account and the wire do not agree: see ✗ above")]
    Disagree,
}

fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> DemoError {
    move |source| DemoError::Io { doing, source }
}

/// Plays the demo. Ends when the time is up, or with SIGINT or SIGTERM.
///
/// # Errors
/// If it cannot be set up, or if desk and wire do not agree at the end.
pub(super) async fn run(args: DemoArgs) -> Result<(), DemoError> {
    let mut stop = Stop::listen().map_err(io("signals"))?;
    let mut stage = Stage::set(&args).await?;
    let played = tokio::select! {
        played = stage.play(args.time) => played,
        () = stop.asked() => {
            say!("\nstopped on request");
            Ok(())
        }
    };
    let finished = stage.finish().await;
    played.and(finished)
}

/// Everything that runs.
struct Stage {
    site: Site,
    clock: Clock,
    server: Server,
    peers: BTreeMap<Who, Peer>,
    told: mpsc::Receiver<Told>,
    account: Account,
    echo: Echo,
    wire: Wire,
    desks: Desks,
    began: Instant,
    /// Peers may end from now on.
    leaving: bool,
}

impl Stage {
    /// Starts peers and server and connects the desks.
    async fn set(args: &DemoArgs) -> Result<Self, DemoError> {
        let (sender, mut told) = mpsc::channel(1024);
        let mut peers = BTreeMap::new();
        for who in [Who::Carrier, Who::Phones, Who::Supervisor, Who::Agent] {
            let peer = Peer::start(who, sender.clone()).map_err(io("starting a peer"))?;
            peers.insert(who, peer);
        }
        let (carrier, phones) = addresses(&mut told).await?;
        let site =
            site::prepare(args.dir.as_deref(), carrier, phones).map_err(io("making the folder"))?;
        let scenes = story::scenes();
        let first = scenes.first().and_then(|scene| scene.at.wall());
        let clock = first.map_or_else(Clock::system, Clock::starting_at);
        let server = Server::start(&site.config, clock.clone()).await.map_err(io("server"))?;
        let mut stage = Self {
            site,
            clock,
            server,
            peers,
            told,
            account: Account::default(),
            echo: Echo::default(),
            wire: Wire::default(),
            desks: Desks::default(),
            began: Instant::now(),
            leaving: false,
        };
        summary::introduce(&stage.site, &stage.peers, carrier, phones);
        stage.connect().await?;
        Ok(stage)
    }

    async fn order(&mut self, who: Who, order: &Command) -> Result<(), DemoError> {
        let Some(peer) = self.peers.get_mut(&who) else { return Ok(()) };
        peer.order(order).await.map_err(io("giving a peer an order"))
    }

    async fn connect(&mut self) -> Result<(), DemoError> {
        let addr = self.site.sip;
        for who in [Who::Carrier, Who::Phones] {
            self.order(who, &Command::Server { addr }).await?;
        }
        for (who, plan) in story::plans() {
            self.order(who, &plan).await?;
        }
        self.seat(Who::Supervisor, "demo-supervisor", Role::Supervisor, &[], "site:calls").await?;
        self.seat(Who::Agent, "demo-agent", Role::Agent, &[story::AGENT], "calls:own").await?;
        let mut waiting = vec![Who::Supervisor, Who::Agent];
        let until = Instant::now() + READY_WAIT;
        while !waiting.is_empty() {
            let Some((who, frame)) = self.hear(until).await? else {
                return Err(DemoError::NotReady("a desk"));
            };
            if matches!(frame, Some(Frame::Snap { last: true })) {
                waiting.retain(|w| *w != who);
            }
        }
        Ok(())
    }

    /// Connects a desk. Both ask for the masked view.
    async fn seat(
        &mut self,
        who: Who,
        user: &str,
        role: Role,
        devices: &[&str],
        topic: &str,
    ) -> Result<(), DemoError> {
        let key = (site::NAME, self.site.token_key.as_path());
        let devices = devices.iter().map(|d| (*d).to_owned()).collect();
        let (user, agent, teams) = (user.to_owned(), String::new(), Vec::new());
        let principal = Principal { user, role, devices, agent, teams };
        let token = wiring::token(key, &principal, self.clock.wall(), TOKEN_TIME)
            .map_err(io("signing a token"))?;
        let url = format!("ws://{}/v1/events", self.site.http);
        let sub = |id: &str, topic: &str| DeskSub {
            id: id.to_owned(),
            topic: topic.to_owned(),
            view: "masked".to_owned(),
        };
        let order = DeskCommand::Connect { url, token, subs: vec![sub("calls", topic)] };
        match self.peers.get_mut(&who) {
            Some(peer) => peer.order(&order).await.map_err(io("giving a desk its order")),
            None => Ok(()),
        }
    }

    /// The story, then steady traffic until the time is up.
    async fn play(&mut self, time: Duration) -> Result<(), DemoError> {
        self.began = Instant::now();
        let end = self.began + time;
        for scene in story::scenes() {
            self.quiet(Instant::now() + QUIET_WAIT).await?;
            self.scene(scene).await?;
        }
        let last = end - LAST_CALLS;
        if Instant::now() < last && time > STORY {
            say!("\n--- steady traffic until {} s are over", time.as_secs());
            'traffic: loop {
                for (gap, beat) in story::steady() {
                    if Instant::now() >= last {
                        break 'traffic;
                    }
                    self.beat(beat).await?;
                    self.listen(Instant::now() + Duration::from_millis(gap)).await?;
                }
            }
        }
        self.quiet(end).await?;
        self.listen(end).await
    }

    async fn scene(&mut self, scene: Scene) -> Result<(), DemoError> {
        if let Some(wall) = scene.at.wall() {
            self.clock.move_to(wall);
        }
        let wall = self.clock.wall();
        let offset = day::offset(self.clock.offset_us());
        say!("\n--- {}", scene.title);
        say!("    clock: {} (offset {offset})", day::long(wall));
        let began = Instant::now();
        for (ms, beat) in scene.beats {
            self.listen(began + Duration::from_millis(ms)).await?;
            self.beat(beat).await?;
        }
        self.listen(Instant::now() + SETTLE).await
    }

    async fn beat(&mut self, beat: Beat) -> Result<(), DemoError> {
        match beat {
            Beat::Say(text) => say!("            ({text})"),
            Beat::Order(who, command) => self.order(who, &command).await?,
            Beat::DoNotCall { number, reason } => {
                let socket = self.site.socket.clone();
                let added = move || wiring::do_not_call(&socket, number, reason);
                let added = tokio::task::spawn_blocking(added).await;
                added.unwrap_or_else(|e| Err(e.into())).map_err(io("adding to do-not-call"))?;
            }
            Beat::CutDesk { away_ms } => {
                if let Some(peer) = self.peers.get_mut(&Who::Agent) {
                    let cut = DeskCommand::Cut { away_ms };
                    peer.order(&cut).await.map_err(io("cutting a desk"))?;
                }
            }
        }
        Ok(())
    }

    /// Listens and tells until then.
    async fn listen(&mut self, until: Instant) -> Result<(), DemoError> {
        while self.hear(until).await?.is_some() {}
        Ok(())
    }

    /// Listens until no call is in progress, but not longer than until then.
    async fn quiet(&mut self, until: Instant) -> Result<(), DemoError> {
        while self.account.live() > 0 && self.hear(until).await?.is_some() {}
        let settled = (Instant::now() + SETTLE).min(until);
        self.listen(settled).await?;
        self.echo.leftovers().for_each(|text| say!("{text}"));
        Ok(())
    }

    /// Takes one line of a peer. `None`: the time is up.
    async fn hear(&mut self, until: Instant) -> Result<Option<(Who, Option<Frame>)>, DemoError> {
        if out::is_closed() {
            return Err(DemoError::NobodyReads);
        }
        let next = tokio::time::timeout_at(until.into(), self.told.recv()).await;
        match next {
            Err(_) => Ok(None),
            Ok(Some((who, Some(line)))) => Ok(Some((who, self.take(who, line)))),
            Ok(Some((who, None))) if self.leaving => Ok(Some((who, None))),
            Ok(Some((who, None))) => Err(DemoError::PeerGone(format!("{who:?}"))),
            Ok(None) => Err(DemoError::PeerGone("every peer".to_owned())),
        }
    }

    fn take(&mut self, who: Who, line: Value) -> Option<Frame> {
        match who {
            Who::Carrier | Who::Phones => {
                if let Ok(report) = serde_json::from_value::<Report>(line) {
                    self.wire.saw(who, &report);
                    if who == Who::Phones
                        && let Some(text) = self.echo.phone(&report)
                    {
                        say!("{text}");
                    }
                }
                None
            }
            Who::Supervisor | Who::Agent => self.take_desk(who, line),
        }
    }

    fn take_desk(&mut self, who: Who, mut line: Value) -> Option<Frame> {
        match line["ev"].as_str() {
            Some("frame") => {}
            Some("gap") => {
                self.desks.gaps += 1;
                return None;
            }
            _ => return None,
        }
        let raw = line["frame"].take();
        if who == Who::Agent && Account::shows_a_number(&raw) {
            self.desks.numbers_shown += 1;
        }
        let frame: Frame = serde_json::from_value(raw).ok()?;
        if who == Who::Supervisor {
            for text in self.account.tell(&frame).into_iter().chain(self.echo.desk(&frame)) {
                say!("{text}");
            }
        } else {
            self.take_agent(&frame);
        }
        if let Frame::Err { code, msg } = &frame {
            say!("            desk {who:?}: {code}: {msg}");
        }
        Some(frame)
    }

    fn take_agent(&mut self, frame: &Frame) {
        match frame {
            Frame::Ev(_) => self.desks.agent_events += 1,
            Frame::Welcome { resumed: true, .. } => self.desks.resumed += 1,
            Frame::Welcome { why, .. } if why != "none" && !why.is_empty() => {
                say!("            (the desk of 8001 is back, but begins anew: {why})");
            }
            Frame::Replayed { count } => {
                let n = story::AGENT;
                say!("            (the desk of {n} is back; {count} missed events replayed)");
            }
            _ => {}
        }
    }

    /// Totals, comparison, end of all processes.
    async fn finish(mut self) -> Result<(), DemoError> {
        self.leaving = true;
        for who in [Who::Carrier, Who::Phones] {
            let _ = self.order(who, &Command::Quit).await; // it may be gone already
        }
        let _ = self.quiet(Instant::now() + LEAVE_WAIT).await; // told below if it was not enough
        let complete = self.account.live() == 0;
        let played = self.began.elapsed();
        summary::totals(&self.account.tally, self.desks, played);
        let agreed = !complete || summary::compare(&self.account.tally, &self.wire, self.desks);
        // Desks first: they would take the end of the server for a lost network.
        for who in [Who::Agent, Who::Supervisor, Who::Phones, Who::Carrier] {
            if let Some(mut peer) = self.peers.remove(&who)
                && !peer.dismiss().await
            {
                say!("  ✗ the process of {who:?} had to be killed");
            }
        }
        self.server.stop().await.map_err(io("stopping the server"))?;
        summary::farewell(&self.site);
        if agreed { Ok(()) } else { Err(DemoError::Disagree) }
    }
}

/// Waits for both SIP peers to name their addresses.
async fn addresses(told: &mut mpsc::Receiver<Told>) -> Result<(SocketAddr, SocketAddr), DemoError> {
    let mut found = BTreeMap::new();
    let until = Instant::now() + READY_WAIT;
    while found.len() < 2 {
        match tokio::time::timeout_at(until.into(), told.recv()).await {
            Ok(Some((who, Some(line)))) => {
                if let Ok(Report::Listening { addr }) = serde_json::from_value(line) {
                    found.insert(who, addr);
                }
            }
            Ok(Some((who, None))) => return Err(DemoError::PeerGone(format!("{who:?}"))),
            Ok(None) | Err(_) => return Err(DemoError::NotReady("carrier and phones")),
        }
    }
    match (found.get(&Who::Carrier), found.get(&Who::Phones)) {
        (Some(carrier), Some(phones)) => Ok((*carrier, *phones)),
        _ => Err(DemoError::NotReady("carrier and phones")),
    }
}
