//! What the connections are given, `[sip.connections]` and `[sip.tls]`.

use super::TlsError;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use trunkline_core::sip::{FrameLimits, Listen, Transport};

/// Sizes and times of connections; what happens beyond is written at each field.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// Connections that others opened, in all. Default 4096. Beyond: closed at accept.
    pub connections_max: usize,
    /// The same from one address. Default 1024. Beyond: closed at accept.
    pub per_source_max: usize,
    /// The same from addresses that no neighbour has, while they prove their name by a
    /// certificate. Default 64. Beyond: closed at accept.
    pub strangers_max: usize,
    /// Time to open one of ours, TLS and WebSocket included. Default 4 s. Then what waited for it
    /// is told as unsent.
    pub connect: Duration,
    /// Time for the TLS and WebSocket handshakes of others. Default 10 s.
    pub handshake: Duration,
    /// Without a byte in either direction for so long a connection is closed. Default 10 min.
    pub idle: Duration,
    /// A message that was begun must be complete after this. Default 32 s (64 × T1).
    pub message: Duration,
    /// One write must end within this, otherwise the peer does not read. Default 10 s.
    pub write: Duration,
    /// CRLF CRLF on connections that we opened, after so long without a message of ours
    /// (RFC 5626 §4.4.1). Default none.
    pub keepalive: Option<Duration>,
    /// Messages that wait for one connection. Default 8192. Beyond: unsent, and a connection that
    /// is open is closed, because its peer does not read.
    pub queue_messages_max: usize,
    /// The same in bytes. Default 8 MiB.
    pub queue_bytes_max: usize,
    /// Messages of a stream.
    pub frame: FrameLimits,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            per_source_max: 1024,
            strangers_max: 64,
            connect: Duration::from_secs(4),
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            message: Duration::from_secs(32),
            write: Duration::from_secs(10),
            keepalive: None,
            queue_messages_max: 8192,
            queue_bytes_max: 8 << 20,
            frame: FrameLimits::default(),
        }
    }
}

/// PEM files.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// Certificate chain, leaf first: shown to clients, and to servers that ask for one.
    pub cert: PathBuf,
    /// Its private key (PKCS#8, SEC1 or PKCS#1).
    pub key: PathBuf,
    /// Who signs certificates of clients. `None`: clients are not asked for one.
    pub client_ca: Option<PathBuf>,
    /// A client without a certificate is refused.
    pub require_client_cert: bool,
    /// Who signs certificates of servers. `None`: the authorities of the system.
    pub ca: Option<PathBuf>,
}

/// Everything that `start` needs.
#[derive(Clone, Debug, Default)]
pub struct StreamConfig {
    /// Addresses; UDP is not ours and must not be among them.
    pub listen: Vec<Listen>,
    /// Sizes and times.
    pub limits: StreamLimits,
    /// Needed for TLS and WSS.
    pub tls: Option<TlsFiles>,
    /// Addresses that neighbours send from.
    pub known: HashSet<IpAddr>,
    /// Some neighbour is known by the name in its certificate, so strangers may try TLS.
    pub by_name: bool,
}

/// Why the connections cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The address cannot be listened on.
    #[error("cannot listen on {}:{addr}: {source}", transport.via_name().to_ascii_lowercase())]
    Listen {
        /// How.
        transport: Transport,
        /// Where.
        addr: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
}
