//! Certificates for SIP: loaded, and loaded anew without a connection being dropped.

use super::config::TlsFiles;
use super::identity::SipServerVerifier;
use crate::io::trust;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("[sip.tls] {key} {}: {why}", path.display())]
pub struct TlsError {
    /// Key in `[sip.tls]`.
    pub key: &'static str,
    /// File.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// Both sides' settings; connections keep those they began with.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub server: Arc<ServerConfig>,
    pub client: Arc<ClientConfig>,
}

/// The settings in force.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Setup>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Names key and file.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = RwLock::new(setup(&files)?);
        Ok(Self { files, current })
    }

    /// Reads the files again; new connections use what is in them.
    ///
    /// # Errors
    /// If one of them cannot be used. Then nothing changes.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = setup(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(super) fn current(&self) -> Setup {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn setup(files: &TlsFiles) -> Result<Setup, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates("cert", &files.cert)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|e| refuse("key", &files.key, e.to_string()))?;
    Ok(Setup {
        server: Arc::new(server(files, chain.clone(), key.clone_key(), &provider)?),
        client: Arc::new(client(files, chain, key, &provider)?),
    })
}

fn refuse(key: &'static str, path: &Path, why: impl ToString) -> TlsError {
    TlsError { key, path: path.to_owned(), why: why.to_string() }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    trust::certificates(path).map_err(|why| refuse(key, path, why))
}

fn roots(key: &'static str, path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    trust::roots(path).map_err(|why| refuse(key, path, why))
}

fn server(
    files: &TlsFiles,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| refuse("cert", &files.cert, e))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = roots("client_ca", path)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
            let verifier = match files.require_client_cert {
                true => verifier,
                false => verifier.allow_unauthenticated(),
            };
            let verifier = verifier.build().map_err(|e| refuse("client_ca", path, e))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    // Says so if the key is not the certificate's.
    builder.with_single_cert(chain, key).map_err(|e| refuse("key", &files.key, e))
}

fn client(
    files: &TlsFiles,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &Arc<CryptoProvider>,
) -> Result<ClientConfig, TlsError> {
    let roots = match &files.ca {
        Some(path) => roots("ca", path)?,
        None => trust::system_roots(),
    };
    let verifier = Arc::new(SipServerVerifier { roots, provider: provider.clone() });
    ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| refuse("cert", &files.cert, e))?
        .dangerous() // rustls' word for a verifier that is not its own; see `identity`
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, key)
        .map_err(|e| refuse("key", &files.key, e))
}
