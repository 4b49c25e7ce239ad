//! From the configuration file to each room's own configuration.

use super::dial_plans::dial_plans;
use super::{AppError, rules};
use crate::config::{Address, Config, HostName, Source, StoreEngine};
use crate::io::sip::{StreamConfig, StreamError, StreamLimits, Tls, TlsFiles};
use crate::store::{EngineKind, Opened, StoreConfig};
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use trunkline_core::call::Settings;
use trunkline_core::engine::{EngineConfig, Neighbour};
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
    store.audit_head_copy.clone_from(&config.store.audit_head_copy);
    store.journal_keep = Duration::from_secs(config.store.journal_hours * 3600);
    store
}

/// The proxy core's and the engine's configuration. `listen` are the bound addresses.
///
/// # Errors
/// As [`rules::in_force`] and [`dial_plans`].
pub(super) fn engine(
    config: &Config,
    listen: Vec<Listen>,
    opened: &Opened,
    entropy: [u8; 16],
) -> Result<EngineConfig, AppError> {
    let (mut peers, neighbours) = peers(config);
    super::lines::identify(config, &mut peers)?;
    let hop = |kind: PeerKind, name: &str| {
        peers.iter().find(|p| p.kind == kind && p.name == name).map(|p| p.id)
    };
    // The same for all: the configuration was checked.
    let pbx = config.pbx.values().next();
    let purpose_header = pbx.map(|p| p.purpose_header.clone()).unwrap_or_default();
    let inbound = config.trunk.inbound(&config.pbx);
    let inbound = inbound.iter().filter_map(|name| hop(PeerKind::Pbx, name)).collect();
    let order = config.trunk.order();
    let outbound = order.iter().filter_map(|name| hop(PeerKind::Carrier, name)).collect();
    let lines = super::lines::lines(config, |name| hop(PeerKind::Carrier, name));
    let post_dial = config.trunk.post_dial_s;
    let (book, ruleset) = rules::in_force(Some(config))?;
    let seed = u64::from_le_bytes(std::array::from_fn(|i| entropy[i]));
    let epoch = u32::from_le_bytes(std::array::from_fn(|i| entropy[8 + i]));
    Ok(EngineConfig {
        switches: super::links::switches(config, |name| hop(PeerKind::Pbx, name)),
        agents: super::agents::agents(config),
        people: super::people::people(config),
        plans: dial_plans(Some(config), &book)?,
        sip: CoreConfig {
            listen,
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
            tenant: config.site.tenant.as_str().into(),
            site: config.site.name.as_str().into(),
            ring_period_ms: config.site.ring_period_ms,
            answer_norm_ms: config.site.answer_norm_ms,
            people: super::people::rules(config),
        },
        call_age_max: Duration::from_secs(config.sip.call_hours_max * 3600),
        calls_max: CALLS_MAX,
        book,
        ruleset,
        shadow: None,
        desk_refs: opened.refs.desk.clone(),
        list_refs: opened.refs.list.clone(),
        seed,
    })
}

/// Everything about a neighbour that is not its name.
struct Written<'a> {
    address: &'a Address,
    sources: &'a [Source],
    tls_names: &'a [String],
    trusted_identity: bool,
    default_purpose: Option<&'a str>,
}

fn written(config: &Config) -> Vec<(PeerKind, &String, Written<'_>)> {
    let pbxs = config.pbx.iter().filter_map(|(name, p)| {
        let written = Written {
            address: p.address.as_ref()?,
            sources: &p.sources,
            tls_names: &p.tls_names,
            trusted_identity: p.trusted_identity,
            default_purpose: p.default_purpose.as_deref(),
        };
        Some((PeerKind::Pbx, name, written))
    });
    let carriers = config.carrier.iter().map(|(name, c)| {
        let written = Written {
            address: &c.address,
            sources: &c.sources,
            tls_names: &c.tls_names,
            trusted_identity: c.trusted_identity,
            default_purpose: None,
        };
        (PeerKind::Carrier, name, written)
    });
    pbxs.chain(carriers).collect()
}

/// Neighbours that are known by a name.
pub(super) fn names(config: &Config) -> Vec<(PeerId, String, HostName)> {
    let (peers, _) = peers(config);
    let all = written(config);
    let named = peers.iter().zip(&all).filter_map(|(peer, (.., written))| match written.address {
        Address::Name(name) => Some((peer.id, peer.name.clone(), name.clone())),
        Address::Literal(_) => None,
    });
    named.collect()
}

fn peers(config: &Config) -> (Vec<Peer>, HashMap<PeerId, Neighbour>) {
    let all = written(config);
    let literal = |w: &Written<'_>| w.address.literal().map(|e| e.addr);
    let shared = |ip: IpAddr| {
        all.iter().filter(|(.., w)| literal(w).is_some_and(|a| a.ip() == ip)).count() > 1
    };
    let mut peers = Vec::new();
    let mut neighbours = HashMap::new();
    for (kind, name, written) in &all {
        let id = peer_id(*kind, name, &neighbours);
        let mut from: Vec<_> =
            written.sources.iter().map(|Source { ip, port }| (*ip, *port)).collect();
        if let Some(endpoint) = written.address.literal().filter(|_| from.is_empty()) {
            // Two peers on one IP can only be told apart by port; what connects has any port.
            let addr = endpoint.addr;
            let fixed = shared(addr.ip()) && !endpoint.transport.is_reliable();
            from.push((addr.ip(), fixed.then_some(addr.port())));
        }
        // What we connect to must have the first of its names, or its IP.
        let expected = written.tls_names.first().map(|n| Arc::from(n.as_str()));
        let endpoint = written.address.literal();
        let endpoints = endpoint.map(|e| Endpoint { name: expected, ..e.clone() });
        peers.push(Peer {
            id,
            kind: *kind,
            name: (*name).clone(),
            sources: from,
            tls_names: written.tls_names.to_vec(),
            endpoints: endpoints.into_iter().collect(),
            trusted_identity: written.trusted_identity,
            credentials: None,
        });
        let default_purpose = written.default_purpose.map(str::to_owned);
        neighbours.insert(id, Neighbour { name: name.as_str().into(), default_purpose });
    }
    (peers, neighbours)
}

/// Reads the certificates of `[sip.tls]`, if there are any.
///
/// # Errors
/// If one cannot be used.
pub fn certificates(config: &Config) -> Result<(), AppError> {
    if let Some(files) = streams(config).tls {
        Tls::load(files).map_err(StreamError::from)?;
    }
    Ok(())
}

/// `[sip.tls]`, `[sip.connections]` and who may connect.
pub(super) fn streams(config: &Config) -> StreamConfig {
    let c = &config.sip.connections;
    let ms = Duration::from_millis;
    let (peers, _) = peers(config);
    StreamConfig {
        listen: config.sip.listen.iter().filter(|l| l.transport.is_reliable()).copied().collect(),
        limits: StreamLimits {
            connections_max: c.max,
            per_source_max: c.per_source_max,
            connect: ms(c.connect_ms),
            handshake: ms(c.handshake_ms),
            idle: Duration::from_secs(c.idle_s),
            message: ms(c.message_ms),
            write: ms(c.write_ms),
            keepalive: (c.keepalive_s > 0).then(|| Duration::from_secs(c.keepalive_s)),
            queue_messages_max: c.queue_messages,
            queue_bytes_max: c.queue_bytes,
            ..StreamLimits::default()
        },
        tls: config.sip.tls.as_ref().map(|tls| TlsFiles {
            cert: tls.cert.clone(),
            key: tls.key.clone(),
            client_ca: tls.client_ca.clone(),
            require_client_cert: tls.require_client_cert,
            ca: tls.ca.clone(),
        }),
        known: peers.iter().flat_map(|p| p.sources.iter().map(|(ip, _)| *ip)).collect(),
        by_name: peers.iter().any(|p| !p.tls_names.is_empty()),
    }
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
