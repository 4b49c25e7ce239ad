//! The one place that says who a desk is.

use super::issuer::Issuer;
use super::revoked::{Revocation, Revocations};
use super::tickets::{TICKET_LIFE, TicketError, Tickets};
use crate::io::desk::registry::Registry;
use crate::io::desk::token::{TOKEN_BYTES_MAX, TokenError, TokenKey, Verified};
use jsonwebtoken::Algorithm;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use trunkline_core::model::Wall;

/// Who may come in: the site's own tokens, those of an issuer, tickets; and who may not any more.
pub struct DeskAuth {
    own: TokenKey,
    issuer: Option<Issuer>,
    revoked: RwLock<Revocations>,
    tickets: Mutex<Tickets>,
    registry: OnceLock<Arc<Registry>>,
}

impl DeskAuth {
    /// Tokens of the site alone.
    pub fn new(own: TokenKey) -> Self {
        Self {
            own,
            issuer: None,
            revoked: RwLock::default(),
            tickets: Mutex::default(),
            registry: OnceLock::new(),
        }
    }

    /// Tokens of an issuer too.
    #[must_use]
    pub fn with_issuer(self, issuer: Issuer) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    /// What was revoked before.
    #[must_use]
    pub fn with_revoked(self, revoked: Vec<Revocation>) -> Self {
        let mut table = Revocations::default();
        revoked.into_iter().for_each(|r| table.add(r));
        Self { revoked: RwLock::new(table), ..self }
    }

    /// Sockets that a revocation closes.
    pub(crate) fn attach(&self, registry: Arc<Registry>) {
        let _ = self.registry.set(registry); // one server has one registry
    }

    /// Verifies a token at `now`. Which key verifies it is decided by its algorithm and key id,
    /// and each key is good for one algorithm.
    ///
    /// # Errors
    /// If it is not a token of this site, not of this time, or revoked.
    pub fn verify(&self, token: &str, now: Wall) -> Result<Verified, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Refused("too long"));
        }
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| TokenError::Refused("no signed token"))?;
        if header.crit.is_some() {
            return Err(TokenError::Refused("crit")); // RFC 7515 §4.1.11: none is understood
        }
        let verified = match (header.alg, &self.issuer) {
            (Algorithm::HS256, _) => self.own.verify(token, now)?,
            (_, Some(issuer)) => issuer.verify(token, &header, self.own.site(), now)?,
            (_, None) => return Err(TokenError::Refused("algorithm")),
        };
        self.check(&verified)?;
        Ok(verified)
    }

    /// The same; asks the issuer for newer keys if the token's is not known.
    pub(crate) async fn admit(&self, token: &str, now: Wall) -> Result<Verified, TokenError> {
        match (self.verify(token, now), &self.issuer) {
            (Err(TokenError::UnknownKey), Some(issuer)) if issuer.newer().await => {
                self.verify(token, now)
            }
            (done, _) => done,
        }
    }

    /// Whether it was revoked since.
    pub(crate) fn check(&self, verified: &Verified) -> Result<(), TokenError> {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        match revoked.hits(verified) {
            true => Err(TokenError::Revoked),
            false => Ok(()),
        }
    }

    /// From here on it is refused, and its sockets are closed with 4503. Gives how many.
    pub fn revoke(&self, revocation: Revocation) -> usize {
        {
            let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
            revoked.add(revocation);
        }
        // Who is just coming in looks at the table again once the registry knows it.
        let hit = |verified: &Verified| self.check(verified).is_err();
        self.registry.get().map_or(0, |registry| registry.revoke(hit))
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket for who has shown a token, and how long it is good.
    pub(crate) fn ticket(
        &self,
        verified: Verified,
        origin: &str,
        now: Wall,
    ) -> Result<(String, Duration), TicketError> {
        Ok((self.tickets().issue(verified, origin, now)?, TICKET_LIFE))
    }

    /// Whose ticket it is. It is used up.
    pub(crate) fn redeem(
        &self,
        ticket: &str,
        origin: &str,
        now: Wall,
    ) -> Result<Verified, TicketError> {
        self.tickets().redeem(ticket, origin, now)
    }

    /// Looks for newer keys of the issuer; `false`: there is none.
    pub fn reload(&self) -> bool {
        self.issuer.as_ref().map(Issuer::reload).is_some()
    }
}
