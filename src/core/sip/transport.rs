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
    /// As a Via writes it (RFC 3261 §20.42, RFC 7118 §5.2.1).
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

    /// Of a Via's or a URI's word for it, without regard to case.
    pub fn of_word(word: &[u8]) -> Option<Self> {
        let all = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];
        all.into_iter().find(|t| t.via_name().as_bytes().eq_ignore_ascii_case(word))
    }

    /// Does only the other side connect (RFC 7118 §4)?
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// Is it under TLS?
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Port where none is written (RFC 3261 §19.1.2, RFC 7118 §5.5).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// URI parameter that asks for it; a URI without one means UDP. There is one word for both
    /// kinds of WebSocket (RFC 7118 §5.2).
    pub fn uri_param(self) -> &'static str {
        match self {
            Self::Udp => "",
            Self::Tcp => ";transport=tcp",
            Self::Tls => ";transport=tls",
            Self::Ws | Self::Wss => ";transport=ws",
        }
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
