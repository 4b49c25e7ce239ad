//! Configuration of the proxy core: neighbours, timers, limits.

use super::{Endpoint, Listen, PeerId, PeerKind};
use std::net::IpAddr;
use std::time::Duration;

/// Everything the core needs to know when it is built.
#[derive(Clone)]
pub struct CoreConfig {
    /// Sockets of the caller. A target is reached from one of its transport and family: loopback
    /// from loopback, then the one that shares the longest prefix with it, then the first.
    pub listen: Vec<Listen>,
    /// Neighbours. A message from any other source is dropped.
    pub peers: Vec<Peer>,
    /// RFC 3261 §17 timers.
    pub timers: Timers,
    /// Sizes of tables and messages.
    pub limits: Limits,
    /// Key of the MACs in branches, Record-Route parameters and tags. It must survive a restart
    /// and stay secret: who knows it can send requests past the gate.
    pub secret: [u8; 16],
    /// Differs between runs of the process: marks branches of an earlier run.
    pub epoch: u32,
    /// Name of the header that carries the purpose of a call, e.g. `X-Call-Purpose`.
    pub purpose_header: Option<String>,
    /// Value of the Server header of our own answers; empty: none.
    pub server_name: String,
}

/// A configured neighbour.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Handle used in signals and plans; unique.
    pub id: PeerId,
    /// Inside or outside.
    pub kind: PeerKind,
    /// Name in the configuration.
    pub name: String,
    /// Where its messages come from; without a port: any port of that address. All its media
    /// gateways that sign as Contact belong here, otherwise their answers are dropped.
    pub sources: Vec<(IpAddr, Option<u16>)>,
    /// Names of its certificate: a connection with one of them is the neighbour's, whatever its
    /// address. If there are any, a TLS connection without one is not.
    pub tls_names: Vec<String>,
    /// Where its messages go, unless a Route or a Contact says otherwise, in order of preference.
    /// Empty until its name is resolved.
    pub endpoints: Vec<Endpoint>,
    /// Belongs to the trust domain of RFC 3325: what it asserts in P-Asserted-Identity is passed
    /// on, and it gets what `Privacy: id` hides from others. Usually true for PBX and carriers.
    pub trusted_identity: bool,
    /// Answers to its challenges (401, 407); `None`: they are passed through.
    pub credentials: Option<Credentials>,
}

/// User name and password for digest authentication (RFC 7616).
#[derive(Clone)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: zeroize::Zeroizing<String>,
    /// Only challenges of this realm are answered; `None`: any.
    pub realm: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// Timers of RFC 3261 §17 and §16; the others are derived from these.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// Round trip estimate. Default 500 ms.
    pub t1: Duration,
    /// Longest retransmission interval. Default 4 s.
    pub t2: Duration,
    /// Longest life of a message in the network. Default 5 s.
    pub t4: Duration,
    /// Longest wait for a final answer after the last 101-199. Default 190 s; the RFC asks for
    /// more than 3 minutes.
    pub c: Duration,
    /// Longest wait for any provisional answer before the next target is tried. Default 4 s.
    pub no_answer_failover: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            c: Duration::from_secs(190),
            no_answer_failover: Duration::from_secs(4),
        }
    }
}

impl Timers {
    /// 64*T1: timers B, D, F, H, J, L and M over UDP.
    pub fn long(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

/// Sizes; what happens beyond is written at each field.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest message. Default and maximum 65,535. Longer: dropped.
    pub message_bytes_max: usize,
    /// Header lines in a message. Default 128, maximum 250. More: dropped.
    pub headers_max: usize,
    /// INVITEs without a final answer of one neighbour. Default 2,000. Beyond: 503.
    pub pending_per_peer_max: usize,
    /// INVITEs without a final answer in all. Default 5,000. Beyond: 503.
    pub pending_max: usize,
    /// Entries of each transaction table. Default 1,000,000. Beyond: new INVITEs get 503 and other
    /// requests use a reserve of a quarter more, then 503.
    pub transactions_max: usize,
    /// Open connections of neighbours. Default 10,000. Beyond: new ones are closed.
    pub flows_max: usize,
    /// Retry-After of a 503 of ours, in seconds. Default 10.
    pub retry_after_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 65_535,
            headers_max: 128,
            pending_per_peer_max: 2_000,
            pending_max: 5_000,
            transactions_max: 1_000_000,
            flows_max: 10_000,
            retry_after_s: 10,
        }
    }
}
