//! Connections to a PBX: TCP and TLS.

use super::config::HostPort;
use super::web::Boxed;
use crate::io::trust;
use nix::sys::socket::{setsockopt, sockopt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

/// Unacknowledged data, or unanswered keep-alives, for so long: the PBX is gone.
const USER_TIMEOUT_MS: u32 = 20_000;
/// Silence after which the kernel asks whether the PBX is still there, and between two questions.
const KEEPALIVE_S: u32 = 10;

/// TLS towards a PBX: its certificate must be signed by a known authority and have its host's name.
#[derive(Clone)]
pub struct StreamTls(Arc<ClientConfig>);

/// A file of authorities that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsSetupError(String);

impl StreamTls {
    /// `ca`: who signs; without it the authorities that the system trusts.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn load(ca: Option<&Path>) -> Result<Self, TlsSetupError> {
        let config = trust::client_config(ca).map_err(TlsSetupError)?;
        Ok(Self(Arc::new(config)))
    }
}

/// Why there is no connection, for a person.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub why: String,
    /// Trying soon would not help.
    pub refused: bool,
}

impl Failed {
    pub(super) fn soon(why: impl Into<String>) -> Self {
        Self { why: why.into(), refused: false }
    }

    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self { why: why.into(), refused: true }
    }
}

/// Opens a connection.
pub(super) async fn open(to: &HostPort, tls: Option<&StreamTls>) -> Result<Boxed, Failed> {
    let failed = |error: std::io::Error| Failed::soon(format!("cannot connect to {to}: {error}"));
    let stream = TcpStream::connect((to.host.as_str(), to.port)).await.map_err(failed)?;
    tune(&stream).map_err(failed)?;
    let Some(StreamTls(config)) = tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(to.host.clone())
        .map_err(|_| Failed::refused(format!("{} is no name of a server", to.host)))?;
    match TlsConnector::from(config.clone()).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(handshake(to, &error)),
    }
}

/// What the other side does not change by itself within seconds is a refusal.
fn handshake(to: &HostPort, error: &std::io::Error) -> Failed {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    let why = format!("TLS with {to} failed: {error}");
    match inner {
        Some(rustls::Error::InvalidMessage(_)) => {
            Failed::refused(format!("{why} (does that port speak TLS?)"))
        }
        Some(_) => Failed::refused(why),
        None => Failed::soon(why),
    }
}

/// Sends at once, and notices a peer that is gone.
pub(super) fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &KEEPALIVE_S)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &KEEPALIVE_S)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &USER_TIMEOUT_MS)?;
    Ok(())
}

/// Gives what does not end in time up.
pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(Failed::soon(format!("{what} took longer than {limit:?}"))),
    }
}
