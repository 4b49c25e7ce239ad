//! What the resolver is given, `[dns]`.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use trunkline_core::sip::{Listen, Transport};

/// Where the system names its servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Servers and times.
#[derive(Clone, Debug)]
pub struct DnsConfig {
    /// Servers, in order. Empty: those of the system.
    pub servers: Vec<SocketAddr>,
    /// Time for one answer. Default 2 s; there are two attempts.
    pub timeout: Duration,
    /// An answer is looked up again after this at the earliest. Default 5 s.
    pub ttl_min: Duration,
    /// And after this at the latest. Default 1 h.
    pub ttl_max: Duration,
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout: Duration::from_secs(2),
            ttl_min: Duration::from_secs(5),
            ttl_max: Duration::from_secs(3600),
        }
    }
}

impl DnsConfig {
    /// The servers to ask.
    pub(super) fn servers(&self) -> Vec<SocketAddr> {
        if !self.servers.is_empty() {
            return self.servers.clone();
        }
        let found = of_system(Path::new(RESOLV_CONF));
        // As the C library does without any.
        if found.is_empty() { vec![SocketAddr::from(([127, 0, 0, 1], 53))] } else { found }
    }
}

/// The `nameserver` lines. Search lists are not for us: names are whole.
fn of_system(path: &Path) -> Vec<SocketAddr> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let address = |line: &str| {
        let ip = line.trim().strip_prefix("nameserver")?.trim();
        let ip: IpAddr = ip.split('%').next()?.parse().ok()?;
        Some(SocketAddr::new(ip, 53))
    };
    text.lines().filter_map(address).collect()
}

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Name, without a final dot. A certificate must have it (RFC 5922 §4).
    pub host: String,
    /// With a port only addresses are looked up (RFC 3263 §4.2).
    pub port: Option<u16>,
    /// Without one, NAPTR and SRV decide (RFC 3263 §4.1).
    pub transport: Option<Transport>,
    /// What we can send from: other transports and families are passed over.
    pub listen: Vec<Listen>,
}

impl Question {
    pub(super) fn can(&self, transport: Transport) -> bool {
        self.listen.iter().any(|l| l.transport == transport)
    }

    /// Can we reach IPv4 (or IPv6) addresses that way?
    pub(super) fn reaches(&self, transport: Transport, v4: bool) -> bool {
        self.listen.iter().any(|l| l.transport == transport && l.addr.is_ipv4() == v4)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn servers_of_the_system_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resolv.conf");
        let text = "# x\nsearch a.example\nnameserver 192.0.2.53\n nameserver\tfe80::1%eth0\n";
        std::fs::write(&path, text).unwrap();
        let expected: Vec<SocketAddr> =
            ["192.0.2.53:53", "[fe80::1]:53"].map(|a| a.parse().unwrap()).into();
        assert_eq!(of_system(&path), expected);
        assert!(of_system(&dir.path().join("absent")).is_empty());
    }
}
