//! The hash chain of the audit log: `h_i = SHA-256(h_{i-1} || canonical entry)`, its head signed.
//!
//! A chain shows what was changed, dropped or swapped inside it; that its end is missing shows
//! only the signed head, and that chain and head are both old shows only a copy kept elsewhere.

use super::fields::{FieldReader, FieldWriter};
use super::{Secret, VaultError};
use crate::model::Wall;
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// Length of a hash.
pub const HASH_BYTES: usize = 32;
const ENTRY: &[u8] = b"trunkline-audit-v1";
const HEAD: &[u8] = b"trunkline-audit-head-v1";

/// One line of the audit log. Holds no personal data, so shredding keys leaves it valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// From 1, gapless.
    pub seq: u64,
    /// When.
    pub at: Wall,
    /// Person, token or part of the system.
    pub who: String,
    /// What was done, e.g. `records.show`.
    pub action: String,
    /// To what: an id, a blind reference, a count.
    pub object: String,
    /// SHA-256 of the sealed row it is about; zeros where there is none.
    pub digest: [u8; HASH_BYTES],
    /// Newest durable commit of the journal at that time.
    pub commit: u64,
    /// Commit and position of the event it repeats; zeros where it repeats none.
    pub source: (u64, u64),
}

impl AuditEntry {
    /// Canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        FieldWriter::default()
            .bytes(ENTRY)
            .u64(self.seq)
            .i64(self.at.0)
            .bytes(self.who.as_bytes())
            .bytes(self.action.as_bytes())
            .bytes(self.object.as_bytes())
            .bytes(&self.digest)
            .u64(self.commit)
            .u64(self.source.0)
            .u64(self.source.1)
            .done()
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are of no form known here.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        let what = "audit entry";
        let mut fields = FieldReader::new(bytes, what);
        if fields.bytes()? != ENTRY {
            return Err(VaultError::Format { what });
        }
        let entry = Self {
            seq: fields.u64()?,
            at: Wall(fields.i64()?),
            who: fields.text()?,
            action: fields.text()?,
            object: fields.text()?,
            digest: fields.array()?,
            commit: fields.u64()?,
            source: (fields.u64()?, fields.u64()?),
        };
        fields.end()?;
        Ok(entry)
    }
}

/// Hash after an entry; the chain starts from 32 zero bytes.
pub fn chain_hash(previous: &[u8; HASH_BYTES], entry: &[u8]) -> [u8; HASH_BYTES] {
    sha256(&[previous, entry])
}

pub(super) fn sha256(parts: &[&[u8]]) -> [u8; HASH_BYTES] {
    let mut whole = Sha256::default();
    parts.iter().for_each(|part| whole.update(part));
    whole.finish()
}

/// SHA-256 of what comes in pieces.
#[derive(Clone)]
pub struct Sha256(Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Sha256 {
    /// The next piece.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The hash of all of them.
    pub fn finish(self) -> [u8; HASH_BYTES] {
        let mut out = [0; HASH_BYTES];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

/// What a signature vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// Newest entry.
    pub seq: u64,
    /// Hash after it.
    pub hash: [u8; HASH_BYTES],
    /// Newest durable commit of the journal.
    pub commit: u64,
    /// When it was signed.
    pub at: Wall,
    signature: [u8; 64],
}

impl SignedHead {
    pub(super) fn from_parts(
        (seq, hash): (u64, [u8; HASH_BYTES]),
        commit: u64,
        at: Wall,
        signature: [u8; 64],
    ) -> Self {
        Self { seq, hash, commit, at, signature }
    }

    pub(super) fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// What the signature is made over.
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        Self::message(self.seq, &self.hash, self.commit, self.at)
    }

    fn message(seq: u64, hash: &[u8; HASH_BYTES], commit: u64, at: Wall) -> Vec<u8> {
        FieldWriter::default().bytes(HEAD).u64(seq).bytes(hash).u64(commit).i64(at.0).done()
    }

    /// Form on disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        FieldWriter::default().bytes(&self.signed_bytes()).bytes(&self.signature).done()
    }

    /// Reads a head and checks its signature.
    ///
    /// # Errors
    /// If it is of no form known here or not signed by that key.
    pub fn from_bytes(bytes: &[u8], public_key: &[u8; 32]) -> Result<Self, VaultError> {
        let what = "audit head";
        let mut outer = FieldReader::new(bytes, what);
        let message = outer.bytes()?;
        let signature: [u8; 64] = outer.array()?;
        outer.end()?;
        UnparsedPublicKey::new(&ED25519, public_key)
            .verify(message, &signature)
            .map_err(|_| VaultError::Forged)?;
        let mut fields = FieldReader::new(message, what);
        if fields.bytes()? != HEAD {
            return Err(VaultError::Format { what });
        }
        let head = Self {
            seq: fields.u64()?,
            hash: fields.array()?,
            commit: fields.u64()?,
            at: Wall(fields.i64()?),
            signature,
        };
        fields.end()?;
        Ok(head)
    }
}

/// Signs heads.
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl Signer {
    /// The signer of a seed.
    ///
    /// # Errors
    /// If the library fails.
    pub fn new(seed: &Secret) -> Result<Self, VaultError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.reveal());
        Ok(Self { pair: pair.map_err(|_| VaultError::Library)? })
    }

    /// The key that checks.
    pub fn public_key(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.pair.public_key().as_ref());
        out
    }

    /// Signs a head.
    ///
    /// # Errors
    /// If the library fails.
    pub fn sign(
        &self,
        seq: u64,
        hash: [u8; HASH_BYTES],
        commit: u64,
        at: Wall,
    ) -> Result<SignedHead, VaultError> {
        let message = SignedHead::message(seq, &hash, commit, at);
        Ok(SignedHead { seq, hash, commit, at, signature: self.sign_bytes(&message)? })
    }

    /// Signs bytes whose first field says what they are.
    ///
    /// # Errors
    /// If the library fails.
    pub fn sign_bytes(&self, message: &[u8]) -> Result<[u8; 64], VaultError> {
        let signature = self.pair.try_sign(message).map_err(|_| VaultError::Library)?;
        signature.as_ref().try_into().map_err(|_| VaultError::Library)
    }
}

/// First thing wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// The entry does not fit its hash: it was changed.
    #[error("entry {seq} was changed")]
    Changed {
        /// Number of the entry.
        seq: u64,
    },
    /// Another entry stands in this place: one was dropped, added or swapped.
    #[error("entry {found} stands in the place of entry {expected}")]
    Misplaced {
        /// Number that belongs there.
        expected: u64,
        /// Number that is there.
        found: u64,
    },
    /// No entry can be read here.
    #[error("entry {expected} cannot be read")]
    Unreadable {
        /// Number that belongs there.
        expected: u64,
    },
    /// The chain was written anew: it is whole, but not the signed one.
    #[error("the chain up to entry {seq} is not the one that was signed")]
    NotSigned {
        /// Entry the head names.
        seq: u64,
    },
    /// The end is missing.
    #[error("the log ends at entry {last}, but entry {signed} was signed")]
    Truncated {
        /// Newest entry there.
        last: u64,
        /// Newest entry that was signed.
        signed: u64,
    },
    /// The record behind an entry no longer says what the entry says of it.
    #[error("the record behind entry {seq} was changed")]
    Altered {
        /// Number of the entry.
        seq: u64,
    },
    /// A checkpoint or a change of the signing key whose signature does not hold in its place.
    #[error("entry {seq} says that it is signed, and it is not")]
    BadEvidence {
        /// Number of the entry.
        seq: u64,
    },
    /// The head is missing, or not signed by this site's key.
    #[error("the signed head is missing or forged")]
    NoHead,
}

/// Walks a chain from its start.
#[derive(Clone, Debug)]
pub struct ChainVerifier {
    seq: u64,
    hash: [u8; HASH_BYTES],
    signed: Option<SignedHead>,
}

impl ChainVerifier {
    /// Checks against `signed`, whose signature has been checked; `None` before the first head.
    pub fn new(signed: Option<SignedHead>) -> Self {
        Self { seq: 0, hash: [0; HASH_BYTES], signed }
    }

    /// Goes on after an entry whose number and hash are trusted.
    pub fn resume(seq: u64, hash: [u8; HASH_BYTES], signed: Option<SignedHead>) -> Self {
        Self { seq, hash, signed }
    }

    /// Takes the next entry with the hash stored beside it.
    ///
    /// # Errors
    /// The first fault; the walk must end there.
    pub fn push(
        &mut self,
        entry: &[u8],
        stored: &[u8; HASH_BYTES],
    ) -> Result<AuditEntry, ChainFault> {
        let expected = self.seq + 1;
        let parsed =
            AuditEntry::from_bytes(entry).map_err(|_| ChainFault::Unreadable { expected })?;
        if parsed.seq != expected {
            return Err(ChainFault::Misplaced { expected, found: parsed.seq });
        }
        let hash = chain_hash(&self.hash, entry);
        if hash != *stored {
            return Err(ChainFault::Changed { seq: expected });
        }
        if self.signed.as_ref().is_some_and(|head| head.seq == expected && head.hash != hash) {
            return Err(ChainFault::NotSigned { seq: expected });
        }
        (self.seq, self.hash) = (expected, hash);
        Ok(parsed)
    }

    /// Number and hash of the newest entry.
    pub fn tip(&self) -> (u64, [u8; HASH_BYTES]) {
        (self.seq, self.hash)
    }

    /// The end of the log was reached.
    ///
    /// # Errors
    /// If the signed head lies beyond it.
    pub fn finish(&self) -> Result<(), ChainFault> {
        match &self.signed {
            Some(head) if head.seq > self.seq => {
                Err(ChainFault::Truncated { last: self.seq, signed: head.seq })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
