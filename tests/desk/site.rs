//! A site in one process: a log of synthetic calls, the hub's task and the HTTP port.

#[path = "list_door.rs"]
pub mod list_door;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use trunkline::io::desk::token::TokenKey;
use trunkline::io::desk::{DeskAuth, DeskConfig, DeskHub, Health, Issuer};
use trunkline::io::http::{
    GateDeps, GiveGateOrder, HttpConfig, HttpDeps, HttpServer, ServiceCert, TlsFiles, serve,
};
use trunkline_core::gate::{DialPlan, DialPlans, Normalizer};
use trunkline_core::hub::{Hub, HubLimits, Principal, Role};
use trunkline_core::model::*;
use trunkline_core::vault::{BlindIndex, Secret};
use uuid::Uuid;

/// 2026-01-05T02:30:00Z.
pub const START: Wall = Wall(1_767_580_200_000_000);
pub const SECRET: [u8; 32] = [7; 32];

pub fn epoch(n: u128) -> Epoch {
    Epoch(Uuid::from_u128(0xe0_0000 + n))
}

pub fn party(number: &str) -> Party {
    Party {
        e164: E164::parse(number).map(Pii::new),
        raw: Pii::new(number.to_owned()),
        display: None,
        masked: mask(number),
        number_ref: NumberRef([number.len() as u8; 16]),
    }
}

pub fn moment(at: Wall) -> Moment {
    Moment { pbx_time: at, observed_at: at, quality: TimeQuality::Measured }
}

pub fn call(id: u128, device: &str, at: Wall) -> Call {
    let origin = Origin {
        id: CallId(Uuid::from_u128(id)),
        tenant: "t".into(),
        site: "s".into(),
        direction: Direction::Inbound,
        purpose: None,
        from: party("+8613800138000").into(),
        to: party("1001").into(),
        dialed: party("1001").into(),
        device: device.into(),
        thread_id: CallId(Uuid::from_u128(id)),
        parent_id: None,
        signalling: None,
        started: moment(at),
    };
    let dialog = Dialog {
        call_id: format!("{id}@example"),
        caller_tag: "a".into(),
        callee_tag: String::new(),
    };
    Call { rev: 1, ..Call::begun(origin, "carrier-a".into(), dialog, Vec::new()) }
}

/// What a step of a call changes.
pub fn step(call: &mut Call, kind: EventKind, at: Wall) {
    call.rev += 1;
    match kind {
        EventKind::CallDelivered => {
            call.state = ConnectionState::Alerting;
            call.alerting = Some(moment(at));
        }
        EventKind::CallEstablished => {
            call.state = ConnectionState::Connected;
            call.answered = Some(moment(at));
        }
        EventKind::CallCleared => {
            call.state = ConnectionState::Null;
            call.ended = Some(moment(at));
            call.cause = Some(Cause::plain(CstaCause::NormalClearing));
        }
        _ => {}
    }
}

pub fn principal(user: &str, role: Role, devices: &[&str]) -> Principal {
    let devices = devices.iter().map(|d| (*d).to_owned()).collect();
    Principal { user: user.to_owned(), role, devices, agent: String::new(), teams: Vec::new() }
}

/// A leg of the house that a control link shows.
pub fn leg(n: u8, device: &str, agent: Option<&str>) -> Leg {
    Leg {
        id: LegId(n),
        role: LegRole::Agent,
        device: device.into(),
        agent: agent.map(Into::into),
        channel: Some(Box::new(Channel { pbx: "pbx".into(), id: "1".into() })),
        sip_call_id: None,
        state: ConnectionState::Alerting,
        alerting_basis: None,
        since: START,
        alerting: None,
        answered: None,
        held_since: None,
        ended: None,
        cause: None,
        pop: None,
    }
}

pub struct Log {
    pub events: Vec<Event>,
    pub open: Vec<Call>,
    next_call: u128,
}

pub struct Site {
    pub addr: std::net::SocketAddr,
    pub hub: DeskHub,
    pub log: Arc<Mutex<Log>>,
    pub clock: Arc<AtomicI64>,
    pub health: watch::Sender<Health>,
    pub shutdown: watch::Sender<bool>,
    pub tokens: Arc<TokenKey>,
    pub auth: Arc<DeskAuth>,
    pub server: HttpServer,
    /// Positions up to here are not in the journal.
    pub journal_from: Arc<AtomicU64>,
    pub journal_reads: Arc<AtomicU64>,
    pub epoch: Mutex<Epoch>,
}

#[derive(Default)]
pub struct Setup {
    pub give: Give,
    pub gate: GiveGate,
    pub desk: DeskConfig,
    pub hub: HubLimits,
    pub tls: Option<TlsFiles>,
    pub client_ca: Option<std::path::PathBuf>,
    pub services: Vec<ServiceCert>,
    pub issuer: Option<Issuer>,
    pub staff: Vec<AgentSettings>,
    /// Events in the log before the hub starts.
    pub history: usize,
}

/// Who takes the orders of desks; by default nobody.
pub struct Give(pub trunkline::io::desk::GiveOrder);

impl Default for Give {
    fn default() -> Self {
        Self(Arc::new(|_| false))
    }
}

/// Who answers about the gate; by default nobody.
pub struct GiveGate(pub GiveGateOrder);

impl Default for GiveGate {
    fn default() -> Self {
        Self(Arc::new(|_| false))
    }
}

pub fn gate(give: GiveGateOrder) -> GateDeps {
    let plans: DialPlans = Normalizer::new(DialPlan::default()).unwrap().into();
    let plans = Arc::new(move || plans.clone());
    GateDeps { plans, list_refs: BlindIndex::new(&Secret::new([2; 32])), give }
}

/// An agent of a team who works for these queues.
pub fn works(agent: &str, team: &str, queues: &[&str]) -> AgentSettings {
    AgentSettings {
        id: agent.into(),
        team: team.into(),
        queues: queues.iter().map(|queue| (*queue).into()).collect(),
        ..AgentSettings::default()
    }
}

pub fn quick() -> DeskConfig {
    DeskConfig { close_ms: 300, drain_spread_ms: 100, ..DeskConfig::default() }
}

impl Site {
    pub async fn start(setup: Setup) -> Self {
        let log = Arc::new(Mutex::new(Log::new()));
        for _ in 0..setup.history {
            log.lock().unwrap().generate(1, &["100", "200", "300"]);
        }
        let (head, live) = {
            let log = log.lock().unwrap();
            (Pos(log.events.len() as u64), log.open.clone())
        };
        let clock = Arc::new(AtomicI64::new(START.0));
        let journal_from = Arc::new(AtomicU64::new(0));
        let journal_reads = Arc::new(AtomicU64::new(0));
        let reader = {
            let (log, from_min) = (log.clone(), journal_from.clone());
            let reads = journal_reads.clone();
            move |from: Pos, max: usize| {
                reads.fetch_add(1, SeqCst);
                let first = from.0.max(from_min.load(SeqCst)) as usize;
                let log = log.lock().unwrap();
                Ok(log.events.iter().skip(first).take(max).cloned().collect())
            }
        };
        let (health, health_rx) = watch::channel(Health::Enabled);
        let now = clock.clone();
        let mut model = Hub::new(epoch(0), head, live, setup.hub);
        model.know_staff(setup.staff);
        let hub = DeskHub::spawn(
            &tokio::runtime::Handle::current(),
            model,
            Arc::new(reader),
            Arc::new(move || Wall(now.load(SeqCst))),
            health_rx.clone(),
        );
        let tokens = Arc::new(TokenKey::new("s", &SECRET));
        let auth = DeskAuth::new(TokenKey::new("s", &SECRET));
        let auth = Arc::new(match setup.issuer {
            Some(issuer) => auth.with_issuer(issuer),
            None => auth,
        });
        let (shutdown, shutdown_rx) = watch::channel(false);
        let deps = HttpDeps {
            dnc: list_door::door(),
            gate: gate(setup.gate.0),
            links: Arc::new(|| serde_json::json!({})),
            ari: Arc::default(),
            desk: hub.clone(),
            tokens: auth.clone(),
            give: setup.give.0,
            healthz: Arc::new(move || health_rx.borrow().clone()),
            metrics: Arc::new(|| "trunkline_up 1\n".to_owned()),
        };
        let config = HttpConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: setup.tls,
            client_ca: setup.client_ca,
            services: setup.services,
            desk: setup.desk,
            ..HttpConfig::default()
        };
        let server = serve(config, deps, shutdown_rx).await.unwrap();
        Self {
            addr: server.addr,
            hub,
            log,
            clock,
            health,
            shutdown,
            tokens,
            auth,
            server,
            journal_from,
            journal_reads,
            epoch: Mutex::new(epoch(0)),
        }
    }

    pub fn token(&self, user: &str, role: Role, devices: &[&str]) -> String {
        self.token_of(&principal(user, role, devices))
    }

    pub fn token_of(&self, who: &Principal) -> String {
        let now = Wall(self.clock.load(SeqCst));
        self.tokens.mint(who, now, Duration::from_secs(3600)).unwrap()
    }

    /// One more revision of a call that is open, with what `change` makes of it.
    pub fn change_call(&self, id: CallId, change: impl FnOnce(&mut Call)) -> Pos {
        let event = {
            let mut log = self.log.lock().unwrap();
            let call = log.open.iter_mut().find(|c| c.id == id).unwrap();
            call.rev += 1;
            change(call);
            let call = std::sync::Arc::new(call.clone());
            if call.is_over() {
                log.open.retain(|c| c.id != id);
            }
            log.push(EventKind::CallEstablished, Entity::Call(call))
        };
        let pos = event.pos;
        let (epoch, events) = (*self.epoch.lock().unwrap(), [event].into());
        self.hub.committed(Committed { epoch, events });
        pos
    }

    /// A new call at a device; gives its id.
    pub fn begin_call(&self, device: &str, change: impl FnOnce(&mut Call)) -> CallId {
        let (event, id) = {
            let mut log = self.log.lock().unwrap();
            let mut call = call(log.next_call, device, START);
            log.next_call += 1;
            change(&mut call);
            log.open.push(call.clone());
            let id = call.id;
            let call = Entity::Call(std::sync::Arc::new(call));
            (log.push(EventKind::CallOriginated, call), id)
        };
        let (epoch, events) = (*self.epoch.lock().unwrap(), [event].into());
        self.hub.committed(Committed { epoch, events });
        id
    }

    pub fn agent(&self) -> String {
        self.token("anna", Role::Agent, &["100"])
    }

    pub fn head(&self) -> u64 {
        self.log.lock().unwrap().events.len() as u64
    }

    /// Commits `count` events of calls at these devices, as the journal's thread would.
    pub fn commit(&self, count: usize, devices: &[&str]) {
        let events = self.log.lock().unwrap().generate(count, devices);
        self.hub.committed(Committed { epoch: *self.epoch.lock().unwrap(), events: events.into() });
    }

    /// One event that is about no call.
    pub fn commit_entity(&self, kind: EventKind, entity: Entity) {
        self.commit_event(kind, entity, Detail::default());
    }

    /// The same with facts of its own; gives its position.
    pub fn commit_event(&self, kind: EventKind, entity: Entity, detail: Detail) -> u64 {
        let event = {
            let mut log = self.log.lock().unwrap();
            log.push(kind, entity);
            let last = log.events.last_mut().unwrap();
            last.detail = detail;
            last.clone()
        };
        let pos = event.pos.0;
        let events = [event].into();
        self.hub.committed(Committed { epoch: *self.epoch.lock().unwrap(), events });
        pos
    }

    pub fn change_epoch(&self, n: u128) {
        *self.epoch.lock().unwrap() = epoch(n);
    }

    pub async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..1000 {
            if done(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not within 10 s: {what}");
    }

    /// Positions of the log that a viewer of these devices must see; the oracle.
    pub fn own_positions(&self, devices: &[&str], after: u64) -> Vec<u64> {
        let log = self.log.lock().unwrap();
        let mine = |e: &&Event| match &e.entity {
            Entity::Call(c) => devices.contains(&&*c.device),
            Entity::Decision(d) => devices.contains(&d.device.as_str()),
            Entity::Dnc(_)
            | Entity::System(_)
            | Entity::Line(_)
            | Entity::Duty(_)
            | Entity::Link(_)
            | Entity::Agent(_)
            | Entity::Command(_)
            | Entity::Override(_)
            | Entity::Shadow(_)
            | Entity::Claims(_) => false,
        };
        log.events.iter().filter(|e| e.pos.0 > after).filter(mine).map(|e| e.pos.0).collect()
    }
}

impl Log {
    fn new() -> Self {
        Self { events: Vec::new(), open: Vec::new(), next_call: 1 }
    }

    fn push(&mut self, kind: EventKind, entity: Entity) -> Event {
        let pos = Pos(self.events.len() as u64 + 1);
        let ts = START.after(Duration::from_millis(pos.0));
        let event = Event { pos, ts, kind, entity, detail: Detail::default() };
        self.events.push(event.clone());
        event
    }

    /// Calls run through originated, delivered, established, cleared; up to six at once.
    fn generate(&mut self, count: usize, devices: &[&str]) -> Vec<Event> {
        (0..count).map(|_| self.next_event(devices)).collect()
    }

    fn next_event(&mut self, devices: &[&str]) -> Event {
        let pos = self.events.len() as u64 + 1;
        let at = START.after(Duration::from_millis(pos));
        if self.open.len() < 6 && (pos.is_multiple_of(4) || self.open.is_empty()) {
            let device = devices[self.next_call as usize % devices.len()];
            let call = call(self.next_call, device, at);
            self.next_call += 1;
            self.open.push(call.clone());
            return self.push(EventKind::CallOriginated, Entity::Call(std::sync::Arc::new(call)));
        }
        let mut call = self.open.remove(0);
        let kind = match call.state {
            ConnectionState::Initiated => EventKind::CallDelivered,
            ConnectionState::Alerting => EventKind::CallEstablished,
            _ => EventKind::CallCleared,
        };
        step(&mut call, kind, at);
        if kind != EventKind::CallCleared {
            self.open.push(call.clone());
        }
        self.push(kind, Entity::Call(std::sync::Arc::new(call)))
    }
}
