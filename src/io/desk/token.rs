//! Desk tokens: JWT (RFC 7519), judged by the clock that is passed in. The site's own are HS256
//! under its secret; those of an issuer come by `auth`.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use std::time::Duration;
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::{Named, Wall};

const ISSUER: &str = "trunkline";
const AUDIENCE: &str = "trunkline-desk";
const SECRET_BYTES: usize = 32;
/// A `hello` has 4 KiB; a token longer than this is none of ours.
pub(super) const TOKEN_BYTES_MAX: usize = 3 << 10;
const SUBJECT_BYTES_MAX: usize = 128;
const DEVICES_MAX: usize = 64;
const TEAMS_MAX: usize = 64;
/// Longest life of a token, s: revocations are kept as long.
const LIFE_S_MAX: i64 = 366 * 86_400;

/// Clocks may differ by this much: `hello` takes a token until `exp` plus this.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// An open socket is closed so long after the `exp` of its token, unless it is refreshed.
pub const GRACE: Duration = Duration::from_secs(25);

/// So long before `exp` the client is asked to refresh.
pub const EXPIRING: Duration = Duration::from_secs(60);

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
    /// It names a key that is not known, perhaps not yet.
    #[error("the token is signed by a key that is not known")]
    UnknownKey,
    /// It, or its user, was revoked after it was issued.
    #[error("the token was revoked")]
    Revoked,
    /// Signing failed.
    #[error("the token could not be signed")]
    Sign,
}

/// What a token says. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Claims {
    /// User or program.
    pub sub: String,
    /// agent | supervisor | service | ops | auditor | wallboard.
    pub role: String,
    /// Devices whose calls are "own".
    #[serde(default)]
    pub devices: Vec<String>,
    /// Agent that the user is; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Teams that the holder is bound to; empty: not bound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    /// Id of the token, for revoking it alone; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub jti: String,
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
    /// When it was issued.
    pub issued: Wall,
    /// Its id; empty: none.
    pub id: String,
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
        check_limits(who)?;
        let iat = now.0.div_euclid(1_000_000);
        let claims = Claims {
            sub: who.user.clone(),
            role: who.role.name().to_owned(),
            devices: who.devices.clone(),
            agent: who.agent.clone(),
            teams: who.teams.clone(),
            jti: token_id()?,
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
        judge(data.claims, &self.site, now)
    }

    /// Site whose tokens it signs.
    pub(super) fn site(&self) -> &str {
        &self.site
    }
}

/// Judges claims whose signature, issuer and audience are good.
pub(super) fn judge(claims: Claims, site: &str, now: Wall) -> Result<Verified, TokenError> {
    if claims.site != site {
        return Err(TokenError::Refused("another site"));
    }
    let role = Role::parse_name(&claims.role).ok_or(TokenError::Refused("unknown role"))?;
    if claims.exp.saturating_sub(claims.iat) > LIFE_S_MAX {
        return Err(TokenError::Refused("it lives longer than 366 days"));
    }
    let at = |seconds: i64| Wall(seconds.saturating_mul(1_000_000));
    let expires = at(claims.exp);
    if now > expires.after(LEEWAY) {
        return Err(TokenError::Expired);
    }
    if claims.nbf.is_some_and(|nbf| now < at(nbf).before(LEEWAY)) {
        return Err(TokenError::NotYet);
    }
    let (user, devices, agent) = (claims.sub, claims.devices, claims.agent);
    let who = Principal { user, role, devices, agent, teams: claims.teams };
    check_limits(&who)?;
    if claims.jti.len() > SUBJECT_BYTES_MAX {
        return Err(TokenError::Refused("jti length"));
    }
    Ok(Verified { who, expires, issued: at(claims.iat), id: claims.jti })
}

fn check_limits(who: &Principal) -> Result<(), TokenError> {
    if who.agent.len() > SUBJECT_BYTES_MAX {
        return Err(TokenError::Refused("agent length"));
    }
    if who.user.is_empty() || who.user.len() > SUBJECT_BYTES_MAX {
        return Err(TokenError::Refused("subject length"));
    }
    let bad = |names: &[String], max| names.len() > max || names.iter().any(|n| n.is_empty());
    if bad(&who.devices, DEVICES_MAX) {
        return Err(TokenError::Refused("devices"));
    }
    if bad(&who.teams, TEAMS_MAX) {
        return Err(TokenError::Refused("teams"));
    }
    Ok(())
}

fn token_id() -> Result<String, TokenError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| TokenError::Sign)?;
    Ok(uuid::Builder::from_random_bytes(random).into_uuid().to_string())
}
