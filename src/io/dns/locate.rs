//! From a name to endpoints (RFC 3263 §4).

use super::client::{Client, Naptr};
use super::config::Question;
use super::order::order;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use trunkline_core::sip::{Endpoint, Transport};

/// Endpoints of one name; further ones are left out.
const ENDPOINTS_MAX: usize = 32;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    /// In order of preference: on failure the next one is tried (RFC 3263 §4.3).
    pub endpoints: Vec<Endpoint>,
    /// How long the answer lives; `None`: nothing says it.
    pub ttl: Option<Duration>,
}

/// One lookup, several questions.
struct Lookup<'a> {
    client: &'a Client,
    question: &'a Question,
    located: Located,
    /// Targets whose addresses could not be asked for.
    failed: Option<String>,
}

/// Looks a name up. A server that cannot be asked is an error, unless enough was found without.
pub(super) async fn locate(client: &Client, question: &Question) -> Result<Located, String> {
    let located = Located { endpoints: Vec::new(), ttl: None };
    let mut lookup = Lookup { client, question, located, failed: None };
    lookup.run().await?;
    match (lookup.located.endpoints.is_empty(), lookup.failed) {
        (true, Some(failed)) => Err(failed),
        (true, None) => Err(format!("{} has no addresses that can be reached", question.host)),
        (false, _) => Ok(lookup.located),
    }
}

impl Lookup<'_> {
    async fn run(&mut self) -> Result<(), String> {
        let Question { host, port, transport, .. } = self.question;
        if let Some(port) = port {
            // §4.2: with a port there is no SRV; §4.1: UDP where no transport is named.
            self.addresses(transport.unwrap_or_default(), host, *port).await;
            return Ok(());
        }
        let mut some = false;
        for (transport, service) in self.services().await? {
            let found = self.client.srv(&service).await?;
            self.lives(found.ttl);
            some |= !found.records.is_empty();
            for server in order(found.records, random) {
                self.addresses(transport, &server.target, server.port).await;
            }
        }
        if !some {
            // §4.2: without SRV records the name's own addresses.
            let transport = transport.unwrap_or_default();
            self.addresses(transport, host, transport.default_port()).await;
        }
        Ok(())
    }

    /// Transports with the names of their SRV records, in order of preference (§4.1).
    async fn services(&mut self) -> Result<Vec<(Transport, String)>, String> {
        let Question { host, transport, .. } = self.question;
        if let Some(transport) = transport {
            return Ok(service(*transport, host).into_iter().collect());
        }
        let found = self.client.naptr(host).await?;
        self.lives(found.ttl);
        let rules = rules(found.records, |t| self.question.can(t));
        if !rules.is_empty() {
            return Ok(rules);
        }
        let usual = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let usual = usual.into_iter().filter(|t| self.question.can(*t));
        Ok(usual.filter_map(|t| service(t, host)).collect())
    }

    /// Adds what a host name stands for, IPv4 first.
    async fn addresses(&mut self, transport: Transport, host: &str, port: u16) {
        let name = transport.is_secure().then(|| Arc::from(self.question.host.as_str()));
        for v4 in [true, false] {
            if !self.question.reaches(transport, v4) {
                continue;
            }
            match self.client.addresses(host, v4).await {
                Ok(found) => {
                    self.lives(found.ttl);
                    let mut ips = found.records;
                    ips.sort(); // servers rotate them, which is no change
                    for ip in ips {
                        let addr = SocketAddr::new(ip, port);
                        let endpoint = Endpoint { transport, addr, name: name.clone() };
                        let known = &mut self.located.endpoints;
                        if known.len() < ENDPOINTS_MAX && !known.contains(&endpoint) {
                            known.push(endpoint);
                        }
                    }
                }
                Err(error) => self.failed = Some(error),
            }
        }
    }

    fn lives(&mut self, ttl: Option<Duration>) {
        let before = self.located.ttl;
        self.located.ttl = before.into_iter().chain(ttl).min();
    }
}

/// The rules that we can follow, best first.
fn rules(mut records: Vec<Naptr>, can: impl Fn(Transport) -> bool) -> Vec<(Transport, String)> {
    records.sort_by_key(|r| (r.order, r.preference));
    let usable = |r: &Naptr| {
        let transport = match r.service.as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            _ => return None, // other applications and transports
        };
        let fits = r.flags == "S" && !r.replacement.is_empty() && can(transport);
        fits.then(|| (transport, r.replacement.clone()))
    };
    records.iter().filter_map(usable).collect()
}

/// Name of the SRV records; WebSocket has none.
fn service(transport: Transport, host: &str) -> Option<(Transport, String)> {
    let prefix = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws | Transport::Wss => return None,
    };
    Some((transport, format!("{prefix}.{host}")))
}

fn random() -> u64 {
    getrandom::u64().unwrap_or(0) // without entropy the first of each priority is taken
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: RFC 3263 §4.1
    #[test]
    fn rules_are_followed_in_order_as_far_as_we_can() {
        let rule = |order, preference, flags: &str, service: &str, to: &str| Naptr {
            order,
            preference,
            flags: flags.to_owned(),
            service: service.to_owned(),
            replacement: to.to_owned(),
        };
        let records = vec![
            rule(90, 50, "S", "SIP+D2U", "_sip._udp.x"),
            rule(50, 60, "S", "SIP+D2T", "_sip._tcp.x"),
            rule(50, 50, "S", "SIPS+D2T", "_sips._tcp.x"),
            rule(10, 1, "U", "E2U+SIP", ""),
            rule(10, 1, "S", "SIP+D2S", "_sip._sctp.x"),
        ];
        let all = rules(records.clone(), |_| true);
        let expected = [
            (Transport::Tls, "_sips._tcp.x"),
            (Transport::Tcp, "_sip._tcp.x"),
            (Transport::Udp, "_sip._udp.x"),
        ];
        assert_eq!(all, expected.map(|(t, n)| (t, n.to_owned())));
        let plain = rules(records, |t| t == Transport::Udp);
        assert_eq!(plain, [(Transport::Udp, "_sip._udp.x".to_owned())]);
    }
}
