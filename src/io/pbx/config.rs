//! What the driver of a link is told.

use super::stream::StreamTls;
use super::web::Accepted;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use trunkline_core::engine::{LinkIx, PbxIx};
use trunkline_core::pbx::Session;
use trunkline_core::pbx::esl::EslCalls;
use zeroize::Zeroizing;

/// Makes the session of a new connection.
pub type MakeSession = Box<dyn Fn() -> Box<dyn Session> + Send + Sync>;

/// One link.
pub struct LinkConfig {
    /// For logs: `asterisk/ami`.
    pub name: String,
    /// Its PBX, for the engine.
    pub pbx: PbxIx,
    /// Its place among the PBX's links.
    pub link: LinkIx,
    /// How it is reached.
    pub wire: Wire,
    /// Limits and times.
    pub limits: LinkLimits,
    /// Makes sessions.
    pub make: MakeSession,
    /// Spreads the waits of many links; need not be secret.
    pub seed: u64,
}

/// Makes what understands the connections of calls.
pub type MakeCalls = Box<dyn Fn() -> EslCalls + Send + Sync>;

/// Where a FreeSWITCH connects to us for its calls.
pub struct CallsConfig {
    /// For logs: `freeswitch/esl`.
    pub name: String,
    /// Its PBX, for the engine.
    pub pbx: PbxIx,
    /// Its place among the PBX's links.
    pub link: LinkIx,
    /// Where it connects to.
    pub listen: SocketAddr,
    /// Its addresses. Others are refused.
    pub allowed: Vec<IpAddr>,
    /// Limits and times.
    pub limits: CallLimits,
    /// Makes the one that understands it.
    pub make: MakeCalls,
}

/// Limits and times of the connections of calls.
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// Connections at once; further ones are refused.
    pub sockets_max: usize,
    /// Time for one write.
    pub write: Duration,
    /// A trouble that comes again is told no sooner.
    pub warn_every: Duration,
    /// Wait after a connection that could not be taken.
    pub accept_pause: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            sockets_max: 1000,
            write: Duration::from_secs(10),
            warn_every: Duration::from_secs(60),
            accept_pause: Duration::from_millis(100),
        }
    }
}

/// Host and port as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// How a link is reached.
pub enum Wire {
    /// AMI and ESL: a stream of bytes for events, and with `two` a second one for commands.
    Stream {
        /// Where.
        address: HostPort,
        /// TLS.
        tls: Option<StreamTls>,
        /// Commands have a connection of their own.
        two: bool,
    },
    /// ARI: events by a WebSocket, commands by HTTP.
    Web(WebWire),
    /// ARI: the PBX connects to us.
    Accepted(Accepted),
}

/// An HTTP server that speaks ARI.
#[derive(Clone)]
pub struct WebWire {
    /// Where.
    pub address: HostPort,
    /// TLS.
    pub tls: Option<StreamTls>,
    /// Path before everything: `/ari`, without a slash at its end.
    pub base: String,
    /// Path and query of the events below `base`: `/events?app=...`.
    pub events: String,
    /// Who we are.
    pub login: BasicLogin,
}

/// HTTP Basic credentials (RFC 7617).
#[derive(Clone)]
pub struct BasicLogin {
    /// User.
    pub user: String,
    /// Password.
    pub password: Zeroizing<String>,
}

impl BasicLogin {
    /// The value of an Authorization header.
    pub fn header(&self) -> Zeroizing<String> {
        use base64::Engine as _;
        let plain = Zeroizing::new(format!("{}:{}", self.user, *self.password));
        let coded = base64::engine::general_purpose::STANDARD.encode(plain.as_bytes());
        Zeroizing::new(format!("Basic {coded}"))
    }
}

/// Limits and times of a link.
#[derive(Clone, Copy, Debug)]
pub struct LinkLimits {
    /// Time to connect, handshakes included.
    pub connect: Duration,
    /// Time from the connection to the end of the login.
    pub login: Duration,
    /// Time for one write.
    pub write: Duration,
    /// Time for an HTTP answer.
    pub answer: Duration,
    /// HTTP requests under way at once, each on a connection of its own that is kept.
    pub requests_max: usize,
    /// Bytes read and not yet handled. Beyond: see [`super::Spill`].
    pub spill_bytes_max: usize,
    /// The same in reads (AMI, ESL) or messages (ARI).
    pub spill_messages_max: usize,
    /// Largest WebSocket message and HTTP answer; beyond: the connection is given up.
    pub message_bytes_max: usize,
    /// Messages that wait to be written. Beyond: the PBX does not read, the connection is given up.
    pub unwritten_max: usize,
    /// First wait after a lost connection; doubled up to `retry_max`, give or take a quarter.
    pub retry_min: Duration,
    /// Longest wait between two tries.
    pub retry_max: Duration,
    /// Wait after a refusal.
    pub refused: Duration,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            login: Duration::from_secs(20),
            write: Duration::from_secs(10),
            answer: Duration::from_secs(5),
            requests_max: 4,
            spill_bytes_max: 64 << 20,
            spill_messages_max: 100_000,
            message_bytes_max: 16 << 20,
            unwritten_max: 1024,
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            refused: Duration::from_secs(60),
        }
    }
}
