//! Sockets: options of accepted connections, TLS.

use super::config::{HttpError, ServiceCert, TlsFiles};
use crate::io::desk::DeskConfig;
use crate::io::desk::token::Verified;
use crate::io::trust;
use nix::sys::socket::{setsockopt, sockopt};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, ServerConfig};
use trunkline_core::model::Wall;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Small frames at once, little hidden in the kernel, dead peers noticed.
pub(super) fn tune(stream: &TcpStream, config: &DeskConfig) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::SndBuf, &config.send_buffer_bytes)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &config.user_timeout_ms)?;
    Ok(())
}

/// TLS 1.2 and 1.3 with the certificate and key of the files; HTTP/1.1 only. With `client_ca` a
/// client may show a certificate, which must be signed by one of its authorities.
pub(super) fn acceptor(
    files: &TlsFiles,
    client_ca: Option<&Path>,
) -> Result<TlsAcceptor, HttpError> {
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
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| refuse(&files.cert, e.to_string()))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = trust::roots(path).map_err(|why| refuse(path, why))?;
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = verifier.allow_unauthenticated().build();
            let verifier = verifier.map_err(|e| refuse(path, e.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|e| refuse(&files.key, e.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The service that a certificate names; its chain has been checked. It is somebody as long as the
/// certificate is good, and was issued when that began.
pub(super) fn service(
    certificate: &CertificateDer<'_>,
    services: &[ServiceCert],
) -> Option<Verified> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok()??;
    let is = |san: &str| {
        names.value.general_names.iter().any(|name| match name {
            GeneralName::DNSName(dns) => dns.eq_ignore_ascii_case(san),
            GeneralName::URI(uri) => *uri == san,
            _ => false, // no other kind of name is configured
        })
    };
    let service = services.iter().find(|s| is(&s.san))?;
    let at = |time: x509_parser::time::ASN1Time| Wall(time.timestamp().saturating_mul(1_000_000));
    let (issued, expires) = (at(parsed.validity.not_before), at(parsed.validity.not_after));
    Some(Verified { who: service.who.clone(), expires, issued, id: String::new() })
}
