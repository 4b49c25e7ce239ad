//! Questions to DNS servers, answers as plain values.

use super::config::DnsConfig;
use super::order::Srv;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolverConfig, ServerOrderingStrategy,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};
use std::net::IpAddr;
use std::time::Duration;

/// A rule of a NAPTR set (RFC 3403).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Naptr {
    pub order: u16,
    pub preference: u16,
    pub flags: String,
    pub service: String,
    pub replacement: String,
}

/// Records of one kind and the shortest life among them; without records, `None`.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub records: Vec<T>,
    pub ttl: Option<Duration>,
}

/// Asks the configured servers. Nothing is cached here: who asks knows how long an answer lives.
pub(super) struct Client(TokioResolver);

impl Client {
    pub(super) fn new(config: &DnsConfig) -> Result<Self, String> {
        let servers = config.servers().into_iter().map(|addr| {
            let over = |mut connection: ConnectionConfig| {
                connection.port = addr.port();
                connection
            };
            let connections = vec![over(ConnectionConfig::udp()), over(ConnectionConfig::tcp())];
            NameServerConfig::new(addr.ip(), true, connections)
        });
        let servers = ResolverConfig::from_name_servers(servers.collect());
        let mut builder = Resolver::builder_with_config(servers, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.cache_size = 0;
        options.timeout = config.timeout;
        options.attempts = 2;
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        builder.build().map(Self).map_err(|e| e.to_string())
    }

    async fn ask<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Found<T>, String> {
        let failed = |e: &dyn std::fmt::Display| format!("{kind} {name}: {e}");
        let whole = Name::from_ascii(format!("{name}.")).map_err(|e| failed(&e))?;
        let answer = match self.0.lookup(whole, kind).await {
            Ok(answer) => answer,
            Err(e) if is_nothing(&e) => return Ok(Found { records: Vec::new(), ttl: None }),
            Err(e) => return Err(failed(&e)),
        };
        let mut found = Found { records: Vec::new(), ttl: None };
        for record in answer.answers() {
            // Aliases on the way count too: the answer lives no longer than they do.
            let ttl = Duration::from_secs(record.ttl.into());
            found.ttl = Some(found.ttl.map_or(ttl, |t: Duration| t.min(ttl)));
            found.records.extend(read(&record.data));
        }
        Ok(found)
    }

    pub(super) async fn naptr(&self, name: &str) -> Result<Found<Naptr>, String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_uppercase();
        let read = |data: &RData| match data {
            RData::NAPTR(n) => Some(Naptr {
                order: n.order,
                preference: n.preference,
                flags: text(&n.flags),
                service: text(&n.services),
                replacement: host(&n.replacement),
            }),
            _ => None, // an alias on the way
        };
        self.ask(name, RecordType::NAPTR, read).await
    }

    pub(super) async fn srv(&self, name: &str) -> Result<Found<Srv>, String> {
        let read = |data: &RData| match data {
            RData::SRV(s) => Some(Srv {
                priority: s.priority,
                weight: s.weight,
                port: s.port,
                target: host(&s.target),
            }),
            _ => None, // an alias on the way
        };
        self.ask(name, RecordType::SRV, read).await
    }

    pub(super) async fn addresses(&self, name: &str, v4: bool) -> Result<Found<IpAddr>, String> {
        let kind = if v4 { RecordType::A } else { RecordType::AAAA };
        let read = |data: &RData| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(a) => Some(IpAddr::V6(a.0)),
            _ => None, // an alias on the way
        };
        self.ask(name, kind, read).await
    }
}

/// The server knows that there is nothing.
fn is_nothing(error: &NetError) -> bool {
    error.is_no_records_found() || error.is_nx_domain()
}

/// In lower case, without the final dot; the root is `""`.
fn host(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}
