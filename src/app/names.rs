//! Neighbours that are known by a name: looked up on the runtime, told to the SIP thread.

use super::build;
use super::error::AppError;
use super::orders::{Order, Orders};
use crate::config::{Config, HostName};
use crate::io::dns::{self, DnsConfig, DnsStats, Job, Question, Tell};
use crate::io::sip::Admission;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use trunkline_core::sip::{Endpoint, Listen, PeerId};

/// Starts the lookups. Neighbours without `sources` are also heard from what is found.
pub(super) fn follow(
    config: &Config,
    listen: &[Listen],
    orders: Orders,
    admission: Arc<Admission>,
    stats: &Arc<DnsStats>,
) -> Result<Vec<JoinHandle<()>>, AppError> {
    let jobs: Vec<Job> = build::names(config)
        .into_iter()
        .map(|(peer, label, HostName { host, port, transport })| {
            let question = Question { host, port, transport, listen: listen.to_vec() };
            Job { peer, label, question }
        })
        .collect();
    let known = build::streams(config).known;
    let found: Mutex<HashMap<PeerId, HashSet<IpAddr>>> = Mutex::default();
    let tell: Tell = Arc::new(move |peer: PeerId, endpoints: &[Endpoint]| {
        let ips = endpoints.iter().map(|e| e.addr.ip()).collect();
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(peer, ips);
        let all = found.values().flatten().chain(&known).copied().collect();
        admission.set_known(all);
        orders.give(Order::Endpoints { peer, endpoints: endpoints.to_vec() })
    });
    let dns = &config.dns;
    let config = DnsConfig {
        servers: dns.servers.clone(),
        timeout: Duration::from_millis(dns.timeout_ms),
        ttl_min: Duration::from_secs(dns.ttl_min_s),
        ttl_max: Duration::from_secs(dns.ttl_max_s),
    };
    let failed =
        |why: String| AppError::Io { what: "[dns]".to_owned(), source: std::io::Error::other(why) };
    dns::watch(&config, jobs, stats, &tell).map_err(failed)
}
