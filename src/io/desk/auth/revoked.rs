//! What was revoked: tokens of a user issued up to an instant, or one token. Names are kept as
//! digests: no name of a person is needed to compare.

use crate::io::desk::token::Verified;
use std::collections::HashMap;
use trunkline_core::model::Wall;
use trunkline_core::vault::digest;

/// Whom a revocation hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// All tokens of a user that were issued up to then.
    Subject,
    /// The token of an id (`jti`).
    Id,
}

/// One revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whom.
    pub what: Revoked,
    /// Digest of the user's name or the token's id.
    pub name: [u8; 32],
    /// When.
    pub at: Wall,
}

impl Revocation {
    /// Revokes what bears this name.
    pub fn of(what: Revoked, name: &str, at: Wall) -> Self {
        Self { what, name: digest(name.as_bytes()), at }
    }
}

/// All revocations in force.
#[derive(Default)]
pub(super) struct Revocations {
    subjects: HashMap<[u8; 32], Wall>,
    ids: HashMap<[u8; 32], Wall>,
}

impl Revocations {
    pub(super) fn add(&mut self, revocation: Revocation) {
        let map = match revocation.what {
            Revoked::Subject => &mut self.subjects,
            Revoked::Id => &mut self.ids,
        };
        let at = map.entry(revocation.name).or_insert(revocation.at);
        *at = (*at).max(revocation.at);
    }

    /// Tokens say when they were issued in whole seconds: one of the same second is hit too.
    pub(super) fn hits(&self, verified: &Verified) -> bool {
        if self.subjects.is_empty() && self.ids.is_empty() {
            return false;
        }
        let subject = self.subjects.get(&digest(verified.who.user.as_bytes()));
        subject.is_some_and(|at| verified.issued <= *at)
            || (!verified.id.is_empty() && self.ids.contains_key(&digest(verified.id.as_bytes())))
    }
}
