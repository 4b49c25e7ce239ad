//! The key that signs the audit log: which one is in force, and how another takes over.
//!
//! A hand-over is four steps: the new key is made, the chain says so (signed by both), `meta` says
//! so, the old key is destroyed. A process killed between two of them finds its way from what the
//! chain says.

use super::audit::{AuditLog, Draft, Signers};
use super::engine::{Batch, Table, TableFile};
use super::keyring::Keyring;
use super::{Store, StoreError, meta};
use std::sync::Arc;
use trunkline_core::model::Wall;
use trunkline_core::vault::{KeyId, KeyPurpose, PublicKey, Secret, Signer};

/// The keys there are, and the one that `meta` names.
pub(super) fn signers(meta: &Arc<dyn TableFile>, keys: &Keyring) -> Result<Signers, StoreError> {
    let all = keys.all_long_lived(KeyPurpose::AuditSign)?;
    let all = all.iter().map(|(_, secret)| signer(secret)).collect::<Result<_, _>>()?;
    let active = match meta.get(Table::State, meta::AUDIT_KEY)? {
        None => None,
        Some(bytes) => {
            let key = PublicKey::try_from(bytes.as_slice());
            Some(key.map_err(|_| StoreError::row(meta::FILE, "audit key"))?)
        }
    };
    Ok(Signers { all, active })
}

/// Finishes a hand-over that was cut off: `meta` names the key in force, and no other is left.
pub(super) fn settle(
    meta: &Arc<dyn TableFile>,
    keys: &Keyring,
    audit: &mut AuditLog,
    commit: u64,
    now: Wall,
) -> Result<(), StoreError> {
    let all = keys.all_long_lived(KeyPurpose::AuditSign)?;
    if all.len() == 1 {
        return Ok(());
    }
    // The head may still be the old key's, and nobody could check it without that.
    audit.sign_head(commit, now)?;
    name(meta, audit)?;
    let mut others = Vec::new();
    for (id, secret) in &all {
        if signer(secret)?.public_key() != audit.public_key() {
            others.push(*id);
        }
    }
    keys.destroy(&others)
}

/// Key in force and tip in one commit: the tip stands behind the change.
fn name(meta: &Arc<dyn TableFile>, audit: &AuditLog) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(Table::State, meta::AUDIT_KEY, audit.public_key());
    batch.put(Table::State, meta::AUDIT_TIP, audit.tip().to_bytes());
    meta.commit(&batch)
}

fn signer(secret: &Secret) -> Result<Signer, StoreError> {
    Signer::new(secret).map_err(|e| StoreError::vault(meta::FILE, e))
}

impl Store {
    /// The key that checks what this directory signs now.
    pub fn audit_key(&self) -> PublicKey {
        self.inner.audit().public_key()
    }

    /// Makes another signing key and destroys the old one; says the new one. What the old key
    /// signed stays valid: the chain keeps its public half and both signatures of the hand-over.
    ///
    /// `reason` must hold no personal data.
    ///
    /// # Errors
    /// If a step is not durable; the next opening finishes or undoes it.
    pub fn rotate_audit_key(
        &self,
        who: &str,
        reason: &str,
        now: Wall,
    ) -> Result<PublicKey, StoreError> {
        let store = &self.inner;
        let mut audit = store.audit();
        let old = store.keys.all_long_lived(KeyPurpose::AuditSign)?;
        let old: Vec<KeyId> = old.into_iter().map(|(id, _)| id).collect();
        let (_, secret) = store.keys.another(KeyPurpose::AuditSign)?;
        let draft = Draft::new(now, who, "audit.key_change_asked", format!("reason={reason:?}"));
        let commit = store.durable.mark().seq;
        audit.hand_over(signer(&secret)?, vec![draft], commit, now)?;
        name(&store.meta, &audit)?;
        store.keys.destroy(&old)?;
        Ok(audit.public_key())
    }
}
