//! From the first line to the last call.

use super::{
    args::SimulateArgs,
    console::{self, HELP, Order},
    intro::{Tokens, introduce},
    site::{Agent, NAME, Neighbours, People, Site, of_role},
    staff::{self, Dialling},
    traffic::Traffic,
    watch::Watch,
};
use crate::cli::demo::{
    out::{self, say},
    stop::Stop,
    wiring::{self, Server},
};
use crate::io::clock::Clock;
use crate::sim::{
    carrier_plans,
    pbx::{self, Control, Note, Switch},
    ua::{self, Command},
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::Dice;

/// The link must be up within this, or something is wrong.
const LINK_WAIT: Duration = Duration::from_secs(20);
/// A customer who is dialled talks so long.
const DIALLED_TALK_MS: u64 = 12_000;

/// The simulation could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum SimulateError {
    /// A folder, socket or the server failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The server did not log in at the virtual PBX.
    #[error("the control link did not come up within 20 s")]
    NoLink,
    /// A part of it ended although nobody asked.
    #[error("{0} ended")]
    Ended(&'static str),
}

fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> SimulateError {
    move |source| SimulateError::Io { doing, source }
}

/// Everything that runs.
struct Stage {
    pbx: pbx::Server,
    carrier: mpsc::Sender<Command>,
    reports: mpsc::UnboundedReceiver<ua::Report>,
    traffic: Traffic,
    dialling: Dialling,
    dial_gap: Option<Duration>,
    next_dial: Instant,
    next_drop: Option<Instant>,
    watch: Watch,
    args: SimulateArgs,
}

/// Simulates until the time is up, `quit`, SIGINT or SIGTERM.
///
/// # Errors
/// If it cannot be set up, or a part of it fails.
pub(super) async fn run(args: SimulateArgs) -> Result<(), SimulateError> {
    let mut stop = Stop::listen().map_err(io("signals"))?;
    let random = || getrandom::u64().map_err(|e| io("entropy")(std::io::Error::other(e)));
    let seed = match args.seed {
        Some(seed) => seed,
        None => random()? & 0xffff_ffff,
    };
    let secret = format!("{:016x}{:016x}", random()?, random()?);
    let people = People::new(&args);
    let here = SocketAddr::new(args.listen.ip(), 0);
    let switch = Switch::new(people.switch(&args, seed, &secret));
    let mut pbx = pbx::serve(switch, here, here).await.map_err(io("virtual PBX"))?;
    let carrier = ua::spawn(here, seed ^ 0xca11, carrier()).await.map_err(io("virtual carrier"))?;
    let at = Neighbours { carrier: carrier.addr, pbx: pbx.sip, manager: pbx.manager };
    let site = Site::prepare(&args, &people, at, &secret).map_err(io("making the folder"))?;
    let clock = Clock::system();
    let server = Server::start(&site.config, clock.clone()).await.map_err(io("server"))?;
    for trunk in [&carrier.orders] {
        let _ = trunk.send(Command::Server { addr: site.sip }).await;
    }
    let _ = pbx.control.send(Control::Trunk(Command::Server { addr: site.sip })).await;
    linked(&mut pbx).await?;
    let mint = |who: &Principal| {
        wiring::token((NAME, &site.token_key), who, clock.wall(), args.token_time)
            .map_err(io("signing a token"))
    };
    let tokens = tokens(&people.agents, mint)?;
    introduce(&args, &people, &site, &tokens, seed);
    let url = format!("ws://{}/v1/events", args.listen);
    let mut desks = Vec::new();
    for agent in staff::without_desktop(&people.agents) {
        desks.push(staff::seat(url.clone(), mint(&agent.principal())?).await);
    }
    let watcher = mint(&of_role("simulation", Role::Supervisor))?;
    let watch = Watch::start(url, watcher, args.quiet || args.json).await;
    let now = Instant::now();
    let gap = (args.dials_a_minute > 0).then(|| Duration::from_secs(60) / args.dials_a_minute);
    let mut stage = Stage {
        pbx,
        carrier: carrier.orders,
        reports: carrier.reports,
        traffic: Traffic::new(&args, &people, seed, now),
        dialling: Dialling { desks, dice: Dice::new(seed ^ 0xd1a1) },
        dial_gap: gap,
        next_dial: now + gap.unwrap_or_default(),
        next_drop: args.link_drop.map(|drop| now + drop.every),
        watch,
        args,
    };
    let played = tokio::select! {
        played = stage.play() => played,
        () = stop.asked() => Ok(()),
    };
    stage.say(&stage.watch.summary());
    drop(stage); // the neighbours first: their calls end with the server
    server.stop().await.map_err(io("stopping the server"))?;
    played
}

/// How called customers behave.
fn carrier() -> Vec<(String, ua::Behaviour)> {
    let mut plans = carrier_plans();
    for (_, plan) in &mut plans {
        plan.talk_ms = Some(DIALLED_TALK_MS);
    }
    plans
}

async fn linked(pbx: &mut pbx::Server) -> Result<(), SimulateError> {
    let linked = async {
        while let Some(note) = pbx.notes.recv().await {
            if note == Note::Linked {
                return Ok(());
            }
        }
        Err(SimulateError::Ended("the virtual PBX"))
    };
    tokio::time::timeout(LINK_WAIT, linked).await.unwrap_or(Err(SimulateError::NoLink))
}

fn tokens(
    agents: &[Agent],
    mint: impl Fn(&Principal) -> Result<String, SimulateError>,
) -> Result<Tokens, SimulateError> {
    let own = agents.iter().filter(|agent| agent.own);
    let own = own.map(|agent| Ok((agent.name.clone(), mint(&agent.principal())?)));
    Ok(Tokens {
        agents: own.collect::<Result<_, SimulateError>>()?,
        supervisor: mint(&of_role("supervisor", Role::Supervisor))?,
        wallboard: mint(&of_role("wallboard", Role::Wallboard))?,
        service: mint(&of_role("service", Role::Service))?,
    })
}

impl Stage {
    async fn play(&mut self) -> Result<(), SimulateError> {
        let end = self.args.time.map(|time| Instant::now() + time);
        let mut orders = console::orders();
        let mut listening = true;
        while !out::is_closed() {
            let far = Instant::now() + Duration::from_secs(3600);
            let due = [self.traffic.wake_at(), self.next_drop, end];
            let dial = self.dial_gap.map(|_| self.next_dial);
            let wake = due.into_iter().chain([dial]).flatten().min().unwrap_or(far);
            tokio::select! {
                () = tokio::time::sleep_until(wake.into()) => {}
                order = orders.recv(), if listening => match order {
                    Some(Order::Quit) => return Ok(()),
                    Some(order) => self.order(order).await,
                    None => listening = false,
                },
                report = self.reports.recv() => match report {
                    Some(report) => self.traffic.saw(&report),
                    None => return Err(SimulateError::Ended("the virtual carrier")),
                },
                note = self.pbx.notes.recv() => match note {
                    Some(note) => self.note(&note),
                    None => return Err(SimulateError::Ended("the virtual PBX")),
                },
            }
            self.due().await;
            if end.is_some_and(|end| Instant::now() >= end) {
                break;
            }
        }
        Ok(())
    }

    async fn due(&mut self) {
        let now = Instant::now();
        for order in self.traffic.due(now) {
            let _ = self.carrier.send(order).await; // its end is told by its reports
        }
        if let Some(gap) = self.dial_gap.filter(|_| now >= self.next_dial) {
            self.next_dial = now + gap;
            self.dialling.dial().await;
        }
        if let (Some(drop), Some(at)) = (self.args.link_drop, self.next_drop)
            && now >= at
        {
            self.next_drop = Some(now + drop.every);
            self.drop_link(drop.time).await;
        }
    }

    async fn drop_link(&self, time: Duration) {
        self.say(&format!("--- the control link to the PBX breaks for {time:?}"));
        let _ = self.pbx.control.send(Control::Drop(time)).await; // its end is told by its notes
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::Talks { call_id } => self.traffic.talks(call_id, Instant::now()),
            Note::Linked => self.say("--- the control link to the PBX is up"),
            Note::Trouble(text) => self.say(&format!("--- virtual PBX: {text}")),
        }
    }

    async fn order(&mut self, order: Order) {
        match order {
            Order::Call { from, to } => {
                let now = Instant::now();
                let call = self.traffic.call(from.as_deref(), to.as_deref(), now);
                let _ = self.carrier.send(call).await;
            }
            Order::Drop(time) => self.drop_link(time).await,
            Order::Status => say!("{}", self.watch.summary()),
            Order::Help => say!("{HELP}"),
            Order::Unknown(line) => say!("{line:?} is no order:\n{HELP}"),
            Order::Quit => {} // was taken before
        }
    }

    fn say(&self, text: &str) {
        if !self.args.json {
            say!("{text}");
        }
    }
}
