//! R1: sealing, keys, blind index, audit chain.
//!
//! Pure: randomness and keys are arguments. docs/storage.md has the formats.

mod chain;
mod envelope;
mod error;
mod evidence;
mod fields;
mod hex;
mod index;
mod keys;
mod period;

pub use chain::{
    AuditEntry, ChainFault, ChainVerifier, HASH_BYTES, Sha256, SignedHead, Signer, chain_hash,
};
pub use envelope::{Dek, OVERHEAD_BYTES, RecordContext, SEALS_MAX, dek_id_of};
pub use error::VaultError;
pub use evidence::{
    CHECKPOINT, EvidenceWalk, KEY_CHANGED, KeyChange, KeySpan, PublicKey, head_words,
    read_head_words, signed_by,
};
pub use hex::{hex, unhex};
pub use index::{BlindIndex, commitment};
pub use keys::{KeyId, KeyMeta, KeyPurpose, KeyRow, Secret, WrappingKey};
pub use period::{Day, Month};

/// SHA-256 of sealed bytes, as the audit log names them.
pub fn digest(bytes: &[u8]) -> [u8; HASH_BYTES] {
    chain::sha256(&[bytes])
}
