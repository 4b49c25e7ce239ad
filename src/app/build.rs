//! From the configuration file to each room's own configuration.

use super::AppError;
use crate::config::{Config, Source, StoreEngine};
use crate::store::{EngineKind, Opened, StoreConfig};
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use trunkline_core::call::Settings;
use trunkline_core::engine::{EngineConfig, Neighbour};
use trunkline_core::gate::{self, Book, DialPlan, Normalizer};
use trunkline_core::sip::{CoreConfig, Endpoint, Limits, Listen, Peer, PeerId, PeerKind, Timers};

/// Calls in the table; beyond, new INVITEs get 503.
const CALLS_MAX: usize = 200_000;

/// `[store]` and `[site]` for the store.
pub fn store_config(config: &Config) -> StoreConfig {
    let mut store = StoreConfig::new(&config.site.data_dir, &config.site.master_key);
    store.engine = match config.store.engine {
        StoreEngine::Sqlite => EngineKind::Sqlite,
        StoreEngine::Sled => EngineKind::Sled,
    };
    store.accept_beta_store = config.store.accept_beta_store;
    store.tenant.clone_from(&config.site.tenant);
    store.site.clone_from(&config.site.name);
    store.journal_keep = Duration::from_secs(config.store.journal_hours * 3600);
    store
}

/// The rule sets in force and the name of the one to use: the shipped sets, or those of the
/// configured file, with the shipped calendars. Without a configuration: the shipped ones.
///
/// # Errors
/// If the file cannot be read or used, or the named set is not in it.
pub fn book(config: Option<&Config>) -> Result<(Arc<Book>, String), AppError> {
    let gate = config.map(|c| c.gate.clone()).unwrap_or_default();
    let book = match &gate.file {
        None => Book::shipped()?,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(AppError::io(format!("[gate] file {}", path.display())))?;
            Book::load_rules(&[gate::Source { name: &path.to_string_lossy(), text: &text }])?
        }
    };
    let names = book.ruleset_names();
    let name = match (&gate.ruleset, names.as_slice()) {
        (Some(name), _) => name.clone(),
        (None, [only]) => (*only).to_owned(),
        (None, _) => "cn-seed-service".to_owned(),
    };
    if let Some(config) = config.filter(|_| !names.contains(&name.as_str())) {
        let allowed = format!("one of the rule sets: {}", names.join(", "));
        return Err(config.origin.error("gate", "ruleset", &name, &allowed).into());
    }
    Ok((Arc::new(book), name))
}

/// How the site dials.
///
/// # Errors
/// If a pattern cannot be read.
pub fn normalizer(config: Option<&Config>, book: &Book) -> Result<Normalizer, AppError> {
    let gate = config.map(|c| c.gate.clone()).unwrap_or_default();
    let mut plan = DialPlan {
        outside_prefix: gate.outside_prefix,
        home_area: gate.home_area,
        internal: gate.internal,
        ..DialPlan::default()
    };
    if !book.always_allow().is_empty() {
        plan.emergency = book.always_allow().to_vec();
    }
    Normalizer::new(plan).map_err(|error| match config {
        Some(config) => config.origin.error("gate", error.key, &error.value, error.allowed).into(),
        None => error.into(),
    })
}

/// The proxy core's and the engine's configuration. `listen` are the bound addresses.
///
/// # Errors
/// As [`book`] and [`normalizer`].
pub(super) fn engine(
    config: &Config,
    listen: Vec<SocketAddr>,
    opened: &Opened,
    entropy: [u8; 16],
) -> Result<EngineConfig, AppError> {
    let (mut peers, neighbours) = peers(config);
    super::lines::identify(config, &mut peers)?;
    let hop = |kind: PeerKind, name: &str| {
        peers.iter().find(|p| p.kind == kind && p.name == name).map(|p| p.id)
    };
    let pbx = config.pbx.iter().next();
    let purpose_header = pbx.map(|(_, p)| p.purpose_header.clone()).unwrap_or_default();
    let inbound = pbx.and_then(|(name, _)| hop(PeerKind::Pbx, name)).into_iter().collect();
    let order = config.trunk.order();
    let outbound = order.iter().filter_map(|name| hop(PeerKind::Carrier, name)).collect();
    let lines = super::lines::lines(config, |name| hop(PeerKind::Carrier, name));
    let post_dial = config.trunk.post_dial_s;
    let (book, ruleset) = book(Some(config))?;
    let seed = u64::from_le_bytes(std::array::from_fn(|i| entropy[i]));
    let epoch = u32::from_le_bytes(std::array::from_fn(|i| entropy[8 + i]));
    Ok(EngineConfig {
        normalizer: normalizer(Some(config), &book)?,
        sip: CoreConfig {
            listen: listen.into_iter().map(Listen::udp).collect(),
            peers,
            timers: Timers {
                no_answer_failover: Duration::from_millis(config.sip.failover_ms),
                ..Timers::default()
            },
            limits: Limits {
                pending_per_peer_max: config.sip.pending_per_source_max,
                pending_max: config.sip.pending_max,
                ..Limits::default()
            },
            secret: opened.secret,
            epoch,
            purpose_header: Some(purpose_header.clone()),
            server_name: concat!("trunkline/", env!("CARGO_PKG_VERSION")).to_owned(),
        },
        neighbours,
        inbound,
        outbound,
        lines,
        post_dial_max: (post_dial > 0.0).then(|| Duration::from_secs_f64(post_dial)),
        backup_within: Duration::from_secs(u64::from(config.trunk.backup_line_minutes) * 60),
        purpose_header,
        call: Settings {
            tenant: config.site.tenant.clone(),
            site: config.site.name.clone(),
            ring_period_ms: config.site.ring_period_ms,
        },
        call_age_max: Duration::from_secs(config.sip.call_hours_max * 3600),
        calls_max: CALLS_MAX,
        book,
        ruleset: Some(ruleset),
        desk_refs: opened.refs.desk.clone(),
        list_refs: opened.refs.list.clone(),
        seed,
    })
}

fn peers(config: &Config) -> (Vec<Peer>, HashMap<PeerId, Neighbour>) {
    let pbxs = config
        .pbx
        .iter()
        .map(|(name, p)| (PeerKind::Pbx, name, p.address, &p.sources, p.default_purpose.clone()));
    let carriers = config
        .carrier
        .iter()
        .map(|(name, c)| (PeerKind::Carrier, name, c.address, &c.sources, None));
    let all: Vec<_> = pbxs.chain(carriers).collect();
    let shared =
        |ip: IpAddr| all.iter().filter(|(_, _, address, ..)| address.ip() == ip).count() > 1;
    let mut peers = Vec::new();
    let mut neighbours = HashMap::new();
    for (kind, name, address, sources, default_purpose) in &all {
        let id = peer_id(*kind, name, &neighbours);
        let mut from: Vec<_> = sources.iter().map(|Source { ip, port }| (*ip, *port)).collect();
        if from.is_empty() {
            // Two peers on one IP can only be told apart by port.
            let port = shared(address.ip()).then_some(address.port());
            from.push((address.ip(), port));
        }
        peers.push(Peer {
            id,
            kind: *kind,
            name: (*name).clone(),
            sources: from,
            tls_names: Vec::new(),
            endpoints: vec![Endpoint::udp(*address)],
            trusted_identity: true,
            credentials: None,
        });
        neighbours.insert(
            id,
            Neighbour { name: (*name).clone(), default_purpose: default_purpose.clone() },
        );
    }
    (peers, neighbours)
}

/// Ids stand in Record-Route parameters of live calls, so they come from the name: a neighbour
/// that is added or removed between two runs does not change the others'.
fn peer_id(kind: PeerKind, name: &str, taken: &HashMap<PeerId, Neighbour>) -> PeerId {
    let mut hasher = SipHasher13::new();
    (kind, name).hash(&mut hasher);
    let mut id = PeerId((hasher.finish() & 0xffff) as u16);
    while taken.contains_key(&id) {
        id = PeerId(id.0.wrapping_add(1));
    }
    id
}

/// A file's path for an error text.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}
