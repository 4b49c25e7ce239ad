//! Certificates of authorities.

use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The certificates of a PEM file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|e| e.to_string())?;
    if chain.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    Ok(chain)
}

/// The authorities of a PEM file.
pub(super) fn roots(path: &Path) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|e| e.to_string())?;
    }
    Ok(Arc::new(roots))
}

/// The authorities that the system trusts. Without any, every server is refused.
pub(super) fn system_roots() -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!("the system trusts no certificate authority; name one by the key ca");
    }
    Arc::new(roots)
}

/// TLS towards a server whose certificate must have its name and be signed by an authority of
/// `ca`; without it by one that the system trusts.
pub(super) fn client_config(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let roots = match ca {
        Some(path) => roots(path)?,
        None => system_roots(),
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
