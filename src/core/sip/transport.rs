//! How messages travel: transports, connections, and where a neighbour is reached.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// RFC 3261 §18, RFC 7118.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// Stream.
    Tcp,
    /// Stream under TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket under TLS.
    Wss,
}

impl Transport {
    /// As a Via writes it.
    pub fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// Does the transport itself repeat what is lost?
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }
}

/// A connection. Numbers are given by `io` and never used twice in a run of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// Where a neighbour is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// How.
    pub transport: Transport,
    /// Where.
    pub addr: SocketAddr,
    /// TLS: the name that the certificate must have (RFC 5922 §7), and SNI.
    pub name: Option<Arc<str>>,
}

impl Endpoint {
    /// Over UDP.
    pub fn udp(addr: SocketAddr) -> Self {
        Self { transport: Transport::Udp, addr, name: None }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.via_name().to_ascii_lowercase(), self.addr)
    }
}

/// A socket of ours: a concrete address, never `0.0.0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// How.
    pub transport: Transport,
    /// Where. Stands in our Via and Record-Route.
    pub addr: SocketAddr,
}

impl Listen {
    /// Over UDP.
    pub fn udp(addr: SocketAddr) -> Self {
        Self { transport: Transport::Udp, addr }
    }
}

/// A connection that opened, by us or by the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowOpened {
    /// Its number.
    pub flow: FlowId,
    /// How.
    pub transport: Transport,
    /// Listen address of ours that it belongs to: the one it came to, or the one in the Via of
    /// what we send on it.
    pub local: SocketAddr,
    /// The other side.
    pub remote: SocketAddr,
    /// We opened it.
    pub ours: bool,
    /// Names of the client's or server's verified certificate: SIP URIs' domains, else DNS names
    /// (RFC 5922 §7.1). Empty without a certificate.
    pub names: Vec<String>,
}
