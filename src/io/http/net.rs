//! Sockets: options of accepted connections, TLS.

use super::config::{HttpError, TlsFiles};
use crate::io::desk::DeskConfig;
use nix::sys::socket::{setsockopt, sockopt};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Small frames at once, little hidden in the kernel, dead peers noticed.
pub(super) fn tune(stream: &TcpStream, config: &DeskConfig) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::SndBuf, &config.send_buffer_bytes)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &config.user_timeout_ms)?;
    Ok(())
}

/// TLS 1.2 and 1.3 with the certificate and key of the files; HTTP/1.1 only.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, HttpError> {
    let refuse = |path: &Path, why: String| HttpError::Tls { path: path.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(|certs| certs.collect::<Result<Vec<_>, _>>())
        .map_err(|e| refuse(&files.cert, e.to_string()))?;
    if chain.is_empty() {
        return Err(refuse(&files.cert, "holds no certificate".to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|e| refuse(&files.key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| refuse(&files.cert, e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| refuse(&files.key, e.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
