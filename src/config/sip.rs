//! `[sip]`, `[sip.tls]`, `[sip.connections]`.

use super::address::listen_list;
use serde::Deserialize;
use std::path::PathBuf;
use trunkline_core::sip::Listen;

/// `[sip]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sip {
    /// Addresses: `IP:port` for UDP, or with `udp:`, `tcp:`, `tls:`, `ws:` or `wss:` in front.
    /// Several of a kind are allowed. They appear in Via and Record-Route, so a wildcard
    /// (0.0.0.0, ::) is refused. TLS and WSS need `[sip.tls]`.
    #[serde(deserialize_with = "listen_list")]
    pub listen: Vec<Listen>,
    /// Wait for the first provisional answer of a carrier before the next is tried, in ms.
    /// Default 4000.
    #[serde(default = "default_failover_ms")]
    pub failover_ms: u64,
    /// INVITEs without a final answer, in all. Default 10000; beyond: 503 with Retry-After.
    #[serde(default = "default_pending_max")]
    pub pending_max: usize,
    /// The same for one source address. Default 5000.
    #[serde(default = "default_pending_per_source_max")]
    pub pending_per_source_max: usize,
    /// After SIGTERM new calls get 503, and calls in progress have so many s to end; then they
    /// go on without this process until it is started again. Default 2.
    #[serde(default = "default_drain_s")]
    pub drain_s: u64,
    /// A call without any signalling for so many hours is closed with cause `lost_sync`.
    /// Default 24.
    #[serde(default = "default_call_hours_max")]
    pub call_hours_max: u64,
    /// Certificates.
    pub tls: Option<SipTls>,
    /// Sizes and times of connections.
    #[serde(default)]
    pub connections: Connections,
}

/// `[sip.tls]`: PEM files. They are read again on SIGHUP and by `trunkline reload`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SipTls {
    /// Certificate chain, leaf first; shown to clients, and to servers that ask for one.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who signs certificates of clients. Default: clients are not asked for one.
    pub client_ca: Option<PathBuf>,
    /// A client without a certificate is refused. Default false; needs `client_ca`.
    #[serde(default)]
    pub require_client_cert: bool,
    /// Who signs certificates of servers. Default: the authorities that the system trusts.
    pub ca: Option<PathBuf>,
}

/// `[sip.connections]`: TCP, TLS, WS, WSS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {
    /// Connections that others opened, in all. Default 4096; beyond: closed at accept.
    pub max: usize,
    /// The same from one address. Default 1024.
    pub per_source_max: usize,
    /// Time to open one of ours, handshakes included, in ms. Default 4000.
    pub connect_ms: u64,
    /// Time for the TLS and WebSocket handshakes of others, in ms. Default 10000.
    pub handshake_ms: u64,
    /// Time for a message that was begun, in ms. Default 32000; then the connection is closed.
    pub message_ms: u64,
    /// Time for one write, in ms. Default 10000; then the connection is closed: its peer does not
    /// read.
    pub write_ms: u64,
    /// Silence after which a connection is closed, in s. Default 600.
    pub idle_s: u64,
    /// A CRLF keep-alive goes out on our connections after so many s without a message of ours.
    /// Default 0: none.
    pub keepalive_s: u64,
    /// Messages that wait for one connection. Default 8192; beyond: not sent, and an open
    /// connection is closed.
    pub queue_messages: usize,
    /// The same in bytes. Default 8388608.
    pub queue_bytes: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            max: 4096,
            per_source_max: 1024,
            connect_ms: 4000,
            handshake_ms: 10_000,
            message_ms: 32_000,
            write_ms: 10_000,
            idle_s: 600,
            keepalive_s: 0,
            queue_messages: 8192,
            queue_bytes: 8 << 20,
        }
    }
}

fn default_failover_ms() -> u64 {
    4000
}
fn default_pending_max() -> usize {
    10_000
}
fn default_pending_per_source_max() -> usize {
    5_000
}
fn default_drain_s() -> u64 {
    2
}
fn default_call_hours_max() -> u64 {
    24
}
