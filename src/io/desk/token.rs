//! Desk tokens: JWT, HS256 under the site's secret, judged by the clock that is passed in.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use std::time::Duration;
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::{Named, Wall};

const ISSUER: &str = "trunkline";
const AUDIENCE: &str = "trunkline-desk";
const SECRET_BYTES: usize = 32;
/// A `hello` has 4 KiB; a token longer than this is none of ours.
const TOKEN_BYTES_MAX: usize = 3 << 10;
const SUBJECT_BYTES_MAX: usize = 128;
const DEVICES_MAX: usize = 64;

/// Clocks may differ by this much; a token is good until `exp` plus this, everywhere.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// Why a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this site: signature, form, issuer, audience or site.
    #[error("the token is not one of this site: {0}")]
    Refused(&'static str),
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// Signing failed.
    #[error("the token could not be signed")]
    Sign,
}

/// What a token says. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Claims {
    /// User or program.
    pub sub: String,
    /// agent | supervisor | service | ops | auditor.
    pub role: String,
    /// Devices whose calls are "own".
    #[serde(default)]
    pub devices: Vec<String>,
    /// Agent that the user is; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Site.
    pub site: String,
    /// Issued.
    pub iat: i64,
    /// Ends.
    pub exp: i64,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Always `trunkline`.
    pub iss: String,
    /// Always `trunkline-desk`.
    pub aud: String,
}

/// A verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who.
    pub who: Principal,
    /// When the token ends.
    pub expires: Wall,
}

/// The site's secret: signs and verifies.
pub struct TokenKey {
    site: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({})", self.site)
    }
}

impl TokenKey {
    /// A key from 32 secret bytes.
    pub fn new(site: &str, secret: &[u8; SECRET_BYTES]) -> Self {
        Self {
            site: site.to_owned(),
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
        }
    }

    /// Signs a token for `who`, good from `now` for `ttl` (whole seconds).
    ///
    /// # Errors
    /// If the subject or the devices are over their limits, or signing fails.
    pub fn mint(&self, who: &Principal, now: Wall, ttl: Duration) -> Result<String, TokenError> {
        check_limits(&who.user, &who.devices, &who.agent)?;
        let iat = now.0.div_euclid(1_000_000);
        let claims = Claims {
            sub: who.user.clone(),
            role: who.role.name().to_owned(),
            devices: who.devices.clone(),
            agent: who.agent.clone(),
            site: self.site.clone(),
            iat,
            exp: iat.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)),
            nbf: None,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        };
        self.sign(&claims)
    }

    /// Signs claims as they are.
    ///
    /// # Errors
    /// If signing fails.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .map_err(|_| TokenError::Sign)
    }

    /// Verifies a token at `now`.
    ///
    /// # Errors
    /// If it is not a token of this site, or not of this time.
    pub fn verify(&self, token: &str, now: Wall) -> Result<Verified, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Refused("too long"));
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Its own checks read the system clock; ours read the clock of the application.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let data = jsonwebtoken::decode::<Claims>(token, &self.decoding, &rules)
            .map_err(|_| TokenError::Refused("signature or claims"))?;
        self.judge(data.claims, now)
    }

    fn judge(&self, claims: Claims, now: Wall) -> Result<Verified, TokenError> {
        if claims.site != self.site {
            return Err(TokenError::Refused("another site"));
        }
        check_limits(&claims.sub, &claims.devices, &claims.agent)?;
        let role = Role::parse_name(&claims.role).ok_or(TokenError::Refused("unknown role"))?;
        let at = |seconds: i64| Wall(seconds.saturating_mul(1_000_000));
        let expires = at(claims.exp);
        if now > expires.after(LEEWAY) {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| now < at(nbf).before(LEEWAY)) {
            return Err(TokenError::NotYet);
        }
        let (user, devices, agent) = (claims.sub, claims.devices, claims.agent);
        let who = Principal { user, role, devices, agent };
        Ok(Verified { who, expires })
    }
}

fn check_limits(subject: &str, devices: &[String], agent: &str) -> Result<(), TokenError> {
    if agent.len() > SUBJECT_BYTES_MAX {
        return Err(TokenError::Refused("agent length"));
    }
    if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX {
        return Err(TokenError::Refused("subject length"));
    }
    if devices.len() > DEVICES_MAX || devices.iter().any(|d| d.is_empty()) {
        return Err(TokenError::Refused("devices"));
    }
    Ok(())
}
