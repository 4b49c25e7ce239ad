//! Tokens of an identity provider: signed with keys of a JWK set that is kept up to date.

use super::jwks;
use super::keys::{Found, KeySet};
use crate::io::desk::token::{Claims, TokenError, Verified, judge};
use jsonwebtoken::{Header, Validation};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use trunkline_core::model::Wall;

/// A `hello` whose key is not known waits so long for a newer set.
const NEWER_WAIT: Duration = Duration::from_secs(3);

/// Where the keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A file; read again when it changes.
    File(PathBuf),
    /// `https://..`, or `http://` on loopback.
    Url {
        /// Address.
        url: String,
        /// Who signs its certificate; `None`: the authorities that the system trusts.
        ca: Option<PathBuf>,
    },
}

/// An identity provider.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// Keys.
    pub source: KeySource,
    /// Value that `iss` must have.
    pub issuer: String,
    /// Value that must be in `aud`.
    pub audience: String,
    /// Time between two looks at a URL. Files are looked at every two seconds.
    pub refresh: Duration,
}

/// Why the keys of an issuer cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The file cannot be used.
    #[error("{path}: {why}")]
    File {
        /// File.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The URL cannot be used.
    #[error("{url}: {why}")]
    Url {
        /// Address.
        url: String,
        /// What is wrong.
        why: String,
    },
}

/// Verifies tokens of one identity provider.
pub struct Issuer {
    issuer: String,
    audience: String,
    keys: watch::Receiver<Arc<KeySet>>,
    wanted: Arc<Notify>,
}

/// Claims as a provider writes them: times may have a fraction (RFC 7519 §2), and issuer and
/// audience have been checked.
#[derive(Deserialize)]
struct Foreign {
    sub: String,
    role: String,
    #[serde(default)]
    devices: Vec<String>,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    teams: Vec<String>,
    #[serde(default)]
    jti: String,
    site: String,
    iat: f64,
    exp: f64,
    nbf: Option<f64>,
}

impl Issuer {
    /// Reads the keys and keeps them up to date until it is dropped. Call it inside a tokio
    /// runtime. A URL is asked in the background: until it has answered, no token is good.
    ///
    /// # Errors
    /// If the file cannot be used, or the URL is none that may be asked.
    pub fn start(config: IssuerConfig) -> Result<Self, IssuerError> {
        let wanted = Arc::new(Notify::new());
        let keys = jwks::follow(config.source, config.refresh, wanted.clone())?;
        Ok(Self { issuer: config.issuer, audience: config.audience, keys, wanted })
    }

    pub(super) fn verify(
        &self,
        token: &str,
        header: &Header,
        site: &str,
        now: Wall,
    ) -> Result<Verified, TokenError> {
        let keys = self.keys.borrow().clone();
        let (alg, key) = match keys.find(header) {
            Found::One(alg, key) => (alg, key),
            Found::Unknown => return Err(TokenError::UnknownKey),
            Found::Wrong => return Err(TokenError::Refused("no key of its algorithm")),
        };
        let mut rules = Validation::new(alg); // this one and no other
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Judged below, by the clock of the application.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let data = jsonwebtoken::decode::<Foreign>(token, key, &rules)
            .map_err(|_| TokenError::Refused("signature or claims"))?;
        judge(data.claims.into(), site, now)
    }

    /// Asks for a newer set and waits for the answer, whatever it is; `false`: none came in time.
    pub(super) async fn newer(&self) -> bool {
        let mut keys = self.keys.clone();
        keys.mark_unchanged();
        self.wanted.notify_one();
        matches!(timeout(NEWER_WAIT, keys.changed()).await, Ok(Ok(())))
    }

    /// Looks at the source now, as an operator wants it.
    pub fn reload(&self) {
        self.wanted.notify_one();
    }
}

impl From<Foreign> for Claims {
    fn from(claims: Foreign) -> Self {
        // Saturates, and what is no number is 1970.
        let seconds = |time: f64| time.floor() as i64;
        Self {
            sub: claims.sub,
            role: claims.role,
            devices: claims.devices,
            agent: claims.agent,
            teams: claims.teams,
            jti: claims.jti,
            site: claims.site,
            iat: seconds(claims.iat),
            exp: seconds(claims.exp),
            nbf: claims.nbf.map(seconds),
            iss: String::new(),
            aud: String::new(),
        }
    }
}
