//! `[dns]`: how names of neighbours are looked up.

use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

/// `[dns]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Servers, `IP` or `IP:port`, in order. Default: those of `/etc/resolv.conf`.
    #[serde(deserialize_with = "servers")]
    pub servers: Vec<SocketAddr>,
    /// Time for one answer, in ms. Default 2000; there are two attempts.
    pub timeout_ms: u64,
    /// An answer is looked up again at 80 % of its life, but its life counts as so many s at
    /// least. Default 5.
    pub ttl_min_s: u64,
    /// And as so many s at most. Default 3600.
    pub ttl_max_s: u64,
}

impl Default for Dns {
    fn default() -> Self {
        Self { servers: Vec::new(), timeout_ms: 2000, ttl_min_s: 5, ttl_max_s: 3600 }
    }
}

fn servers<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<SocketAddr>, D::Error> {
    let read = |text: &String| {
        let ip = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        let refuse = |_| serde::de::Error::custom(format!("{text:?} is no IP or IP:port"));
        ip.or_else(|_| text.parse()).map_err(refuse)
    };
    Vec::<String>::deserialize(input)?.iter().map(read).collect()
}
