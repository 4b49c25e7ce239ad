//! Starting and stopping the whole.

use super::admin::{Desk, handler};
use super::build;
use super::desks::{self, Told};
use super::error::AppError;
use super::links;
use super::lists::Lists;
use super::metrics::{Shared, text};
use super::names;
use super::orders::{Order, Orders};
use super::reconcile::{Daily, Figures};
use super::rules::Rules;
use super::shadow::{ShadowJobs, ShadowStats, Tried, judge};
use super::sip_thread::SipThread;
use crate::config::Config;
use crate::io::admin::AdminSocket;
use crate::io::clock::Clock;
use crate::io::desk::{DeskAuth, Health};
use crate::io::dns::DnsStats;
use crate::io::sip::{self, Flows, StreamError, Streams, Tls};
use crate::io::udp::UdpPort;
use crate::io::wake::Waker;
use crate::io::webhook::Place;
use crate::store::{self, JournalHandle, Opened};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{broadcast, oneshot, watch};
use trunkline_core::engine::{Engine, ExplainJob, Outputs, Restored, ShadowNews};
use trunkline_core::model::{Committed, Epoch, Pos};
use trunkline_core::sip::{Listen, Transport};

/// Orders that may wait for the SIP thread.
const INBOX: usize = 4096;
/// Refusals that may wait for the explainer.
const EXPLAIN_QUEUE: usize = 1024;
/// Groups of committed events that a slow `tail` may be behind before it reads the journal.
const TAIL_GROUPS: usize = 1024;
/// Time for calls being set up to end after SIGTERM.
const SETUP_WAIT: Duration = Duration::from_secs(2);

/// A serving trunkline.
pub struct Running {
    /// Bound SIP addresses.
    pub sip: Vec<Listen>,
    /// Bound HTTP address.
    pub http: SocketAddr,
    /// Admin socket.
    pub admin: PathBuf,
    orders: Orders,
    streams: Streams,
    auth: Arc<DeskAuth>,
    rules: Arc<Rules>,
    journal: Arc<JournalHandle>,
    shared: Arc<Shared>,
    shutdown: watch::Sender<bool>,
    drain: Duration,
    server: tokio::task::JoinHandle<()>,
    threads: Vec<JoinHandle<()>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    webhooks: Vec<tokio::task::JoinHandle<()>>,
}

fn random<const N: usize>() -> Result<[u8; N], AppError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        let source = std::io::Error::other(e.to_string());
        AppError::Io { what: "the system's random numbers".to_owned(), source }
    })?;
    Ok(bytes)
}

fn thread(
    name: &'static str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, AppError> {
    let guarded = move || {
        // A broken assumption of ours must not leave half a server behind: restart is quick.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err() {
            std::process::abort();
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(guarded).map_err(AppError::io(name))
}

/// Opens the store, binds the sockets, starts the threads. Call it inside a tokio runtime.
///
/// # Errors
/// Anything that keeps it from serving; nothing is left running then.
pub async fn start(config: Config, clock: Clock) -> Result<Running, AppError> {
    let waker = Waker::new().map_err(AppError::io("eventfd"))?;
    let (ports, flows, streams) = sockets(&config, &waker, &clock).await?;
    let sip = listening(&config, &ports, &streams);
    let admin = AdminSocket::bind(&config.admin.socket)
        .map_err(AppError::io(format!("[admin] socket {}", build::shown(&config.admin.socket))))?;
    let opened = store::open(&build::store_config(&config), clock.wall(), random()?)?;
    let mut engine_config = build::engine(&config, sip.clone(), &opened, random()?)?;
    let (tried, shadow_refused) = Tried::start(&config);
    engine_config.shadow = tried.last_good();
    let prepared = links::prepare(&config, u64::from_le_bytes(random()?))?;
    let (ready_links, doors) = prepared.bind().await?;
    let Opened { store, recovery, refs, .. } = opened;
    let auth = Arc::new(super::auth::auth(&config, &store, clock.wall())?);
    let (book, ruleset) = (engine_config.book.clone(), engine_config.ruleset.clone());
    let plans = engine_config.plans.clone();
    let rules = Arc::new(Rules::new(&config, (book, plans), ruleset, tried));
    let durable = Arc::new(AtomicU64::new(recovery.head.0));
    let (inbox, orders_in) = crossbeam_channel::bounded(INBOX);
    let orders = Orders::new(inbox, durable.clone(), waker.clone());
    let seed = u64::from_le_bytes(random()?);
    let lists = Lists::new(store.clone(), clock.clone(), orders.clone(), rules.clone(), seed);
    let lists = Arc::new(lists);
    if let Some(why) = &recovery.claims_lost {
        tracing::error!(%why, "claims cannot be read: they do not count");
    }
    for why in &recovery.registers_lost {
        tracing::error!(%why, "an edition cannot be used");
    }
    let (committed, _) = broadcast::channel::<Committed>(TAIL_GROUPS);
    let webhooks = super::webhooks::prepare(&config)?;
    let start = Place { epoch: recovery.epoch, pos: recovery.head };
    let (head_told, head) = watch::channel(start);

    let (health_told, health) = watch::channel(Health::Enabled);
    let hub = desks::spawn(&config, &clock, &store, &recovery, health.clone());
    let on_commit = {
        let (orders, committed, hub) = (orders.clone(), committed.clone(), hub.clone());
        move |group: Committed| {
            if let Some(last) = group.events.last() {
                orders.durable(last.pos);
                head_told.send_replace(Place { epoch: group.epoch, pos: last.pos });
            }
            hub.committed(group.clone());
            let _ = committed.send(group); // nobody may be listening
        }
    };
    let wall = clock.clone();
    let journal =
        Arc::new(store.start_journal(config.store.ring_events, move || wall.wall(), on_commit)?);

    let attempts = rules.attempts(&store, clock.wall())?;
    let restored = Restored {
        attempts: attempts.list,
        known_since: attempts.known_since,
        ended: super::people::unlabelled(&store, &recovery.duties, clock.wall())?,
        head: recovery.head,
        live: recovery.live,
        lines: recovery.lines,
        links: recovery.links,
        duties: recovery.duties,
        agents: recovery.agents,
        commands: recovery.commands,
        overrides: recovery.overrides,
        clock: super::clock::start(&config, &clock, &store, recovery.newest)?,
        dnc: super::lists::restored(&config, recovery.dnc, recovery.dnc_lost)?,
        claims: recovery.claims,
        clean: recovery.clean,
    };
    let mut first = Outputs::default();
    let engine = Engine::new(engine_config, restored, clock.now(), &mut first);
    let links = links::start(ready_links, &clock, &waker);
    let shared = Arc::new(Shared::new(&engine, clock.now(), config.store.ring_events, links.stats));
    let clock_keeper =
        super::clock::keeper(store.clone(), clock.clone(), &engine.clock(), shared.clone())?;
    let (explain, questions) = crossbeam_channel::bounded(EXPLAIN_QUEUE);
    let answers = orders.clone();
    let explainer = thread("explain", move || {
        for job in questions {
            let job: ExplainJob = job;
            answers.give(Order::Explained(job.run()));
        }
    })?;
    let shadow_stats = Arc::new(ShadowStats::default());
    let (shadow, jobs) = ShadowJobs::new(&shadow_stats);
    let (stats, differs) = (shadow_stats.clone(), orders.clone());
    let shadower = thread("shadow", move || judge(jobs, &stats, &differs))?;
    if let Some(why) = shadow_refused {
        orders.give(Order::Shadow(ShadowNews::Refused(why)));
    }
    let sip_thread = SipThread {
        ports,
        flows,
        engine,
        clock: clock.clone(),
        waker,
        inbox: orders_in,
        reports: links.reports,
        link_orders: links.orders,
        durable: durable.clone(),
        journal: journal.clone(),
        explain,
        shadow,
        shared: shared.clone(),
        new_epoch: Box::new(new_epoch(clock.clone())),
        first,
    };
    let sip_thread = thread("sip", move || sip_thread.run())?;

    let (shutdown, stopping) = watch::channel(false);
    let (webhooks, hooked) = super::webhooks::start(webhooks, &store, &clock, &head, &stopping);
    let desk = Arc::new(Desk {
        auth: auth.clone(),
        store,
        clock: clock.clone(),
        orders: orders.clone(),
        committed,
        head: Arc::new(move || Pos(durable.load(Ordering::Acquire))),
        lists: lists.clone(),
        rules: rules.clone(),
        tls: streams.tls.clone(),
    });
    let mut tasks = links.tasks;
    tasks.push(tokio::spawn(clock_keeper));
    let ends = super::calendars::watch(rules.clone(), orders.clone(), clock.clone());
    tasks.push(tokio::spawn(ends));
    let reconciled = Arc::new(Figures::default());
    let daily = Arc::new(Daily {
        store: desk.store.clone(),
        rules: rules.clone(),
        orders: orders.clone(),
        clock: clock.clone(),
        figures: reconciled.clone(),
    });
    tasks.extend(config.reconcile.keys().map(|pbx| tokio::spawn(daily.clone().watch(pbx.clone()))));
    tasks.push(tokio::spawn(admin.serve(handler(desk))));
    let resolved = Arc::new(DnsStats::default());
    // Weak: whoever still asks while we stop must not keep the journal from closing.
    let shadow_stats = (!config.gate.shadow.is_empty()).then_some(shadow_stats);
    let figures = {
        let (journal, hub, shared) = (Arc::downgrade(&journal), hub.clone(), shared.clone());
        let (connections, resolved) = (streams.stats.clone(), resolved.clone());
        move || match journal.upgrade() {
            Some(journal) => {
                let mut out = text(
                    &shared,
                    &journal.health(),
                    clock.clamps(),
                    &hub.stats(),
                    &connections,
                    &resolved,
                );
                super::webhooks::write(&mut out, &hooked);
                reconciled.write(&mut out);
                if let Some(stats) = &shadow_stats {
                    stats.write(&mut out);
                }
                out
            }
            None => String::new(),
        }
    };
    let look = {
        let journal = Arc::downgrade(&journal);
        move || journal.upgrade().map(|j| j.health())
    };
    tasks.push(tokio::spawn(super::health::watch(health_told, look)));
    let admission = streams.admission.clone();
    tasks.extend(names::follow(&config, &sip, orders.clone(), admission, &resolved)?);
    let look = {
        let shared = shared.clone();
        move || super::health::links(&shared.links())
    };
    let plans = {
        let rules = rules.clone();
        Arc::new(move || rules.plans())
    };
    let told = Told {
        metrics: Arc::new(figures),
        links: Arc::new(look),
        dnc: lists.door(),
        doors,
        plans,
        list_refs: refs.list.clone(),
    };
    let server =
        desks::serve(&config, hub, auth.clone(), orders.clone(), told, health, stopping).await?;
    Ok(Running {
        sip,
        http: server.addr,
        admin: config.admin.socket,
        orders,
        streams,
        auth,
        rules,
        journal,
        shared,
        shutdown,
        drain: Duration::from_secs(config.sip.drain_s),
        server: server.task,
        threads: vec![sip_thread, explainer, shadower],
        tasks,
        webhooks,
    })
}

/// Binds every address of `[sip] listen`.
async fn sockets(
    config: &Config,
    waker: &Waker,
    clock: &Clock,
) -> Result<(Vec<UdpPort>, Flows, Streams), AppError> {
    let udp = config.sip.listen.iter().filter(|l| l.transport == Transport::Udp);
    let ports = udp
        .map(|l| UdpPort::bind(l.addr).map_err(AppError::io(format!("[sip] listen {}", l.addr))))
        .collect::<Result<Vec<_>, _>>()?;
    let (flows, streams) = sip::start(build::streams(config), waker.clone(), clock.clone()).await?;
    Ok((ports, flows, streams))
}

/// Bound addresses in the order of the configuration, which decides between equals.
fn listening(config: &Config, ports: &[UdpPort], streams: &Streams) -> Vec<Listen> {
    let mut udp = ports.iter().map(|p| Listen::udp(p.local()));
    let mut connected = streams.listen.iter().copied();
    let bound = |l: &Listen| match l.transport {
        Transport::Udp => udp.next(),
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => connected.next(),
    };
    config.sip.listen.iter().filter_map(bound).collect()
}

async fn wait_while(longest: Duration, busy: impl Fn() -> bool) {
    let until = tokio::time::Instant::now() + longest;
    while busy() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn new_epoch(clock: Clock) -> impl FnMut() -> Epoch + Send {
    move || {
        let seed = random::<8>().map_or(0, u64::from_le_bytes);
        Epoch(trunkline_core::model::IdSource::new(seed).uuid(clock.now()))
    }
}

/// For SIGHUP and for the admin socket.
pub(super) fn reload(tls: Option<&Tls>) -> Result<(), AppError> {
    if let Some(tls) = tls {
        tls.reload().map_err(StreamError::from)?;
        tracing::info!("certificates of sip are read anew");
    }
    Ok(())
}

impl Running {
    /// Reads the gate's rules, the certificates of SIP and the keys of the issuer anew.
    ///
    /// # Errors
    /// If a file cannot be used. Then those of before stay in force.
    pub fn reload(&self) -> Result<(), AppError> {
        self.auth.reload();
        let rules = self.rules.reload(&self.orders);
        reload(self.streams.tls.as_deref())?;
        rules
    }

    /// Takes no new calls, lets calls end for the configured time, makes everything durable, stops.
    /// Calls that go on then lose nothing but what is signalled before the next start: requests
    /// inside a dialog find their way by their Route.
    ///
    /// # Errors
    /// If the journal cannot be closed cleanly; the next start then says so.
    pub async fn stop(self) -> Result<(), AppError> {
        let (done, taken) = oneshot::channel();
        self.orders.give(Order::Drain { done });
        let _ = tokio::time::timeout(SETUP_WAIT, taken).await; // a thread that hangs drains nothing
        wait_while(self.drain, || self.shared.read().calls > 0).await;
        let _ = self.shutdown.send(true); // desks get goaway
        let busy =
            || self.shared.read().sizes.pending > 0 || self.journal.health().undurable.is_some();
        wait_while(SETUP_WAIT, busy).await;
        while !self.orders.give(Order::Stop) && !self.threads.iter().all(JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.streams.stop().await; // what the SIP thread said last goes out
        let _ = self.server.await; // bounded by its own drain time
        for webhook in self.webhooks {
            let _ = tokio::time::timeout(SETUP_WAIT, webhook).await; // keeps its place
        }
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await; // aborted
        }
        drop(self.orders);
        let threads = self.threads;
        let journal = self.journal;
        tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join(); // a panic there has aborted the process
            }
            match Arc::try_unwrap(journal) {
                Ok(journal) => Ok(journal.close()?),
                Err(_) => Err(AppError::Stopped("the journal is still in use")),
            }
        })
        .await
        .map_err(|_| AppError::Stopped("the journal thread ended early"))?
    }
}
