//! What the HTTP server is given, `[http]`.

use super::gate::GateDeps;
use crate::io::desk::{DeskAuth, DeskConfig, DeskHub, GiveOrder, Health};
use crate::io::pbx::{BasicLogin, Incoming};
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use trunkline_core::hub::Principal;

/// Certificate and key, PEM.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// Certificate chain, leaf first.
    pub cert: PathBuf,
    /// Private key (PKCS#8, SEC1 or PKCS#1).
    pub key: PathBuf,
}

/// A service that is known by a name in its certificate.
#[derive(Clone, Debug)]
pub struct ServiceCert {
    /// DNS name or URI in the subjectAltName.
    pub san: String,
    /// Who it is.
    pub who: Principal,
}

/// The HTTP port.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Address. Default 127.0.0.1:8443.
    pub listen: SocketAddr,
    /// TLS. Default none: plain, for loopback or behind a proxy.
    pub tls: Option<TlsFiles>,
    /// Who signs certificates of services. Default none: no certificate is asked for.
    pub client_ca: Option<PathBuf>,
    /// Services by certificate. Default none.
    #[serde(skip)]
    pub services: Vec<ServiceCert>,
    /// Connections that are no desks (yet). Default 512. Beyond: closed at once.
    pub plain_connections_max: usize,
    /// Time for the TLS handshake, and for each request's header. Default 10 s.
    pub header_ms: u64,
    /// Desk sockets.
    pub desk: DeskConfig,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            tls: None,
            client_ca: None,
            services: Vec::new(),
            plain_connections_max: 512,
            header_ms: 10_000,
            desk: DeskConfig::default(),
        }
    }
}

/// What the routes ask.
#[derive(Clone)]
pub struct HttpDeps {
    /// Desks.
    pub desk: DeskHub,
    /// Says who a desk is.
    pub tokens: Arc<DeskAuth>,
    /// Takes what desks order; must not block.
    pub give: GiveOrder,
    /// The gate.
    pub gate: GateDeps,
    /// For `/healthz`; must not block.
    pub healthz: Arc<dyn Fn() -> Health + Send + Sync>,
    /// Prometheus text for `/metrics`; must not block.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Control links for `/healthz`: name and state; must not block.
    pub links: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// The do-not-call list.
    pub dnc: DncDoor,
    /// PBXs that connect to us, by name.
    pub ari: Arc<HashMap<String, AriDoor>>,
}

/// What routes ask about the do-not-call list. `whom` has one member: `number`, `customer`, `ref`.
#[derive(Clone, Debug)]
pub enum DncAsk {
    /// Block.
    Add {
        /// `number`, `customer`, `purpose`, `until`, `reason`, `asked_at`: texts.
        entry: Value,
        /// `user:NAME`.
        who: String,
    },
    /// What is listed.
    Show {
        /// Whom.
        whom: Value,
        /// `user:NAME`.
        who: String,
    },
    /// About claims on record.
    Claim(ClaimAsk),
    /// Ask for the removal of what blocks it, or agree to it.
    Remove {
        /// Whom.
        whom: Value,
        /// Why.
        reason: Option<String>,
        /// `user:NAME`.
        who: String,
    },
}

/// What routes ask about claims on record.
#[derive(Clone, Debug)]
pub enum ClaimAsk {
    /// Record.
    Add {
        /// `number` or `customer`, `claim`, `purpose`, `case`, `until`, `call`, `evidence`,
        /// `given_at`: texts.
        entry: Value,
        /// `user:NAME`.
        who: String,
        /// The agent who heard it, where one records it.
        agent: Option<String>,
    },
    /// What is on record.
    Show {
        /// Whom.
        whom: Value,
        /// `user:NAME`.
        who: String,
    },
    /// Withdraw.
    Withdraw {
        /// `id`, or whom; `reason`.
        whom: Value,
        /// `user:NAME`.
        who: String,
    },
}

/// Why such a request was not served; the text is for a person and holds no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DncFault {
    /// A member cannot be used.
    BadRequest(String),
    /// There is no entry.
    NotFound(String),
    /// Somebody else has to agree.
    Conflict(String),
    /// Not now.
    Unavailable(String),
}

/// Serves requests about the do-not-call list.
pub type DncDoor = Arc<
    dyn Fn(DncAsk) -> Pin<Box<dyn Future<Output = Result<Value, DncFault>> + Send>> + Send + Sync,
>;

/// Where a PBX connects to us: `/v1/ari/NAME`.
#[derive(Clone)]
pub struct AriDoor {
    /// What it must say.
    pub login: BasicLogin,
    /// Where its connection goes.
    pub connections: mpsc::Sender<Incoming>,
}

/// A listening server.
#[derive(Debug)]
pub struct HttpServer {
    /// Address in force (the port that the kernel chose for port 0).
    pub addr: SocketAddr,
    /// Ends when all connections are closed after `shutdown`.
    pub task: JoinHandle<()>,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// Address.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or key.
    #[error("tls file {path}: {why}")]
    Tls {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}
