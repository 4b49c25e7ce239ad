//! Revocations of desk tokens: a row each in `meta`, by the digest of the name, so that no name of
//! a person is at rest.

use super::StoreError;
use super::engine::{Batch, Order, Table};
use super::mark::Cut;
use super::meta;
use super::store::Store;
use std::time::Duration;
use trunkline_core::model::Wall;

/// Prefix of a row: kind (one byte) and digest -> instant.
const REVOKED: &[u8] = b"revoked/";
const REVOKED_END: &[u8] = b"revoked0";
/// No token lives longer than 366 days, so that a revocation is forgotten then.
const KEPT: Duration = Duration::from_secs(367 * 86_400);
/// Revocations in force. Beyond: refused; change the key that signs tokens instead.
const ROWS_MAX: usize = 100_000;

/// A revocation as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedRow {
    /// All tokens of a user; else one token.
    pub subject: bool,
    /// Digest of the user's or the token's name.
    pub name: [u8; 32],
    /// When.
    pub at: Wall,
}

impl Store {
    /// Keeps a revocation; it is audited, and durable on return.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn revoke(&self, row: RevokedRow, who: &str) -> Result<(), StoreError> {
        let what = if row.subject { "subject" } else { "token" };
        if self.revoked(row.at)?.len() >= ROWS_MAX {
            return Err(StoreError::row(meta::FILE, "one more revocation: there are too many"));
        }
        let short: String = row.name[..8].iter().map(|b| format!("{b:02x}")).collect();
        self.audit(who, "token.revoke", &format!("{what}:{short}"), row.at)?;
        let mut batch = Batch::default();
        batch.put(Table::State, key(&row), row.at.0.to_be_bytes());
        self.inner.meta.commit(&batch)
    }

    /// Revocations in force; those that can hit no token any more are forgotten.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn revoked(&self, now: Wall) -> Result<Vec<RevokedRow>, StoreError> {
        let state = Table::State;
        let rows = self.inner.meta.scan(state, REVOKED, REVOKED_END, Order::Up, usize::MAX)?;
        let (mut kept, mut old) = (Vec::new(), Batch::default());
        for (key, value) in rows {
            let row = read(&key, &value).ok_or(StoreError::row(meta::FILE, "revocation"))?;
            if now > row.at.after(KEPT) {
                old.delete(state, key);
            } else {
                kept.push(row);
            }
        }
        self.inner.meta.commit(&old)?;
        Ok(kept)
    }
}

fn key(row: &RevokedRow) -> Vec<u8> {
    [REVOKED, if row.subject { b"s" } else { b"i" }, &row.name].concat()
}

fn read(key: &[u8], value: &[u8]) -> Option<RevokedRow> {
    let (kind, name) = key.get(REVOKED.len()..)?.split_first()?;
    let at = Wall(i64::from_be_bytes(Cut(value).array()?));
    let subject = match kind {
        b's' => true,
        b'i' => false,
        _ => return None,
    };
    Some(RevokedRow { subject, name: name.try_into().ok()?, at })
}
