//! The HTTP port and the desks on it.

use super::error::AppError;
use super::orders::{Order, Orders};
use crate::config::Config;
use crate::io::clock::Clock;
use crate::io::desk::{DeskAuth, DeskConfig, DeskHub, Health};
use crate::io::http::{
    self, AriDoor, DncDoor, GateDeps, HttpConfig, HttpDeps, HttpServer, TlsFiles,
};
use crate::store::{Recovery, Store};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use trunkline_core::gate::DialPlans;
use trunkline_core::hub::{Hub, HubLimits};
use trunkline_core::model::{Agent, Line};
use trunkline_core::vault::BlindIndex;

/// Starts the hub where the log stands.
pub(super) fn spawn(
    config: &Config,
    clock: &Clock,
    store: &Store,
    recovery: &Recovery,
    health: watch::Receiver<Health>,
) -> DeskHub {
    let live = recovery.live.clone();
    let ring_bytes_max = config.desk.recent_bytes_max;
    let limits = HubLimits { ring_bytes_max, ..HubLimits::default() };
    let mut hub = Hub::new(recovery.epoch, recovery.head, live, limits);
    // A carrier that is configured no more is no line any more.
    let configured = |line: &&Line| config.carrier.contains_key(&line.id);
    let lines = recovery.lines.iter().filter(configured).cloned().collect();
    hub.know_lines(lines, recovery.duties.clone());
    let employed = |agent: &&Agent| config.agent.contains_key(&*agent.who.id);
    hub.know_staff(super::agents::agents(config).agents);
    hub.know_agents(recovery.agents.iter().filter(employed).cloned().collect());
    let store = store.clone();
    let journal = move |from, limit| store.read(from, limit).map_err(|e| e.to_string());
    let wall = clock.clone();
    let runtime = tokio::runtime::Handle::current();
    DeskHub::spawn(&runtime, hub, Arc::new(journal), Arc::new(move || wall.wall()), health)
}

/// What the HTTP port tells beside desks, and whom it lets in.
pub(super) struct Told {
    /// Text of `/metrics`.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Control links for `/healthz`.
    pub links: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// The do-not-call list.
    pub dnc: DncDoor,
    /// PBXs that connect to us.
    pub doors: HashMap<String, AriDoor>,
    /// How the site dials, by the rules in force.
    pub plans: Arc<dyn Fn() -> DialPlans + Send + Sync>,
    /// Keys of the do-not-call list.
    pub list_refs: BlindIndex,
}

/// Listens and serves until `shutdown`.
pub(super) async fn serve(
    config: &Config,
    desk: DeskHub,
    auth: Arc<DeskAuth>,
    orders: Orders,
    told: Told,
    health: watch::Receiver<Health>,
    shutdown: watch::Receiver<bool>,
) -> Result<HttpServer, AppError> {
    let section = &config.http;
    let tls = match (&section.tls_cert, &section.tls_key) {
        (Some(cert), Some(key)) => Some(TlsFiles { cert: cert.clone(), key: key.clone() }),
        _ => None, // the configuration was checked: both or none
    };
    let http = HttpConfig {
        listen: section.listen,
        tls,
        client_ca: section.client_ca.clone(),
        services: super::auth::services(config),
        desk: DeskConfig { origins: section.origins.clone(), ..config.desk.clone() },
        ..HttpConfig::default()
    };
    let (plans, list_refs) = (told.plans, told.list_refs);
    let asked = orders.clone();
    let give = Arc::new(move |order| asked.give(Order::Gate(order)));
    let deps = HttpDeps {
        gate: GateDeps { plans, list_refs, give },
        desk,
        tokens: auth,
        give: Arc::new(move |order| orders.give(Order::Desk(order))),
        healthz: Arc::new(move || health.borrow().clone()),
        metrics: told.metrics,
        links: told.links,
        dnc: told.dnc,
        ari: Arc::new(told.doors),
    };
    http::serve(http, deps, shutdown)
        .await
        .map_err(|error| AppError::io("[http] listen")(std::io::Error::other(error.to_string())))
}
