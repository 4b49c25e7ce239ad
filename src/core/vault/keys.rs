//! The key hierarchy: master key -> key encryption key of a month -> keys of a day and purpose.
//!
//! Every key but the master key is random and lies in the key table wrapped by its parent, beside
//! a commitment (GCM alone does not commit to a key). Destroying a row destroys all below it.

use super::envelope::{aes_key, open, seal_in_place};
use super::fields::{FieldReader, FieldWriter};
use super::{Day, VaultError};
use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::{constant_time, hkdf, hmac};
use zeroize::{Zeroize, ZeroizeOnDrop};

const VERSION: u8 = 1;
const COMMIT: &[u8] = b"trunkline-commit";

/// 32 secret bytes, wiped when dropped and never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes the bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes: for ciphers and for wrapping.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    fn commitment(&self) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), COMMIT);
        let mut out = [0; 32];
        out.copy_from_slice(tag.as_ref());
        out
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// Number of a key in the key table; 0 is the master key, which is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

impl KeyId {
    /// The master key.
    pub const MASTER: Self = Self(0);
}

/// What a key is for. The numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum KeyPurpose {
    /// Wraps the keys of a month, or the long-lived ones.
    Kek = 1,
    /// Seals journal frames of a day.
    Event = 2,
    /// Seals records and decisions of a day.
    Rec = 3,
    /// Seals do-not-call entries; long-lived.
    Dnc = 4,
    /// Seals the checkpoint of live calls of a day.
    Checkpoint = 5,
    /// Blind index over the records of a month.
    RecordIndex = 6,
    /// Blind index of the do-not-call list; long-lived.
    ListIndex = 7,
    /// Blind references that desks see; long-lived.
    DeskIndex = 8,
    /// Seed of the Ed25519 key that signs audit heads; long-lived.
    AuditSign = 9,
    /// Secret of the MACs in SIP headers; long-lived.
    SipMac = 10,
}

impl KeyPurpose {
    const ALL: [Self; 10] = [
        Self::Kek,
        Self::Event,
        Self::Rec,
        Self::Dnc,
        Self::Checkpoint,
        Self::RecordIndex,
        Self::ListIndex,
        Self::DeskIndex,
        Self::AuditSign,
        Self::SipMac,
    ];

    fn parse(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|p| *p as u8 == byte)
    }
}

/// What the key table says about a key in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyMeta {
    /// Its number.
    pub id: KeyId,
    /// Key that wraps it.
    pub parent: KeyId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Day it belongs to; the first of the month for keys of a month; `Day(0)` for long-lived ones.
    pub day: Day,
}

/// One row of the key table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// In clear, bound into the wrapping.
    pub meta: KeyMeta,
    nonce: [u8; 12],
    wrapped: [u8; 48],
    commitment: [u8; 32],
}

impl KeyRow {
    /// Form on disk: `ver(1)` and length-prefixed fields.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(
            FieldWriter::default()
                .bytes(&self.meta.id.0.to_be_bytes())
                .bytes(&self.meta.parent.0.to_be_bytes())
                .bytes(&[self.meta.purpose as u8])
                .bytes(&self.meta.day.0.to_be_bytes())
                .bytes(&self.nonce)
                .bytes(&self.wrapped)
                .bytes(&self.commitment)
                .done(),
        );
        out
    }

    /// Reads what `to_bytes` wrote.
    ///
    /// # Errors
    /// If version or form are unknown.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        let bad = VaultError::Format { what: "key row" };
        let (VERSION, fields) = bytes.split_first().map(|(v, f)| (*v, f)).ok_or(bad)? else {
            return Err(bad);
        };
        let mut fields = FieldReader::new(fields, "key row");
        let row = Self {
            meta: KeyMeta {
                id: KeyId(u32::from_be_bytes(fields.array()?)),
                parent: KeyId(u32::from_be_bytes(fields.array()?)),
                purpose: KeyPurpose::parse(fields.array::<1>()?[0]).ok_or(bad)?,
                day: Day(u32::from_be_bytes(fields.array()?)),
            },
            nonce: fields.array()?,
            wrapped: fields.array()?,
            commitment: fields.array()?,
        };
        fields.end()?;
        Ok(row)
    }
}

/// A key that wraps others: the master key or a key encryption key.
pub struct WrappingKey {
    id: KeyId,
    key: LessSafeKey,
}

impl WrappingKey {
    /// The wrapping key of a secret: HKDF-SHA256, so that the secret has this one use.
    ///
    /// # Errors
    /// If the library fails.
    pub fn new(id: KeyId, secret: &Secret) -> Result<Self, VaultError> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"trunkline-wrap-v1").extract(secret.reveal());
        let info: [&[u8]; 1] = [b"aes-256-gcm"];
        let okm = prk.expand(&info, hkdf::HKDF_SHA256).map_err(|_| VaultError::Library)?;
        let mut derived = Secret::new([0; 32]);
        okm.fill(&mut derived.0).map_err(|_| VaultError::Library)?;
        Ok(Self { id, key: aes_key(&derived)? })
    }

    /// Its own id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Wraps a key. `nonce` must be fresh from a CSPRNG; `meta.parent` is set to this key.
    ///
    /// # Errors
    /// If the library fails.
    pub fn wrap(
        &self,
        tenant: &str,
        meta: KeyMeta,
        nonce: [u8; 12],
        secret: &Secret,
    ) -> Result<KeyRow, VaultError> {
        let meta = KeyMeta { parent: self.id, ..meta };
        let mut text = secret.clone();
        let tag = seal_in_place(&self.key, nonce, &aad(tenant, &meta), &mut text.0)?;
        let mut wrapped = [0; 48];
        wrapped[..32].copy_from_slice(&text.0);
        wrapped[32..].copy_from_slice(&tag);
        Ok(KeyRow { meta, nonce, wrapped, commitment: secret.commitment() })
    }

    /// Unwraps a key.
    ///
    /// # Errors
    /// If the row was wrapped by another key or changed, or the key is not the committed one.
    pub fn unwrap(&self, tenant: &str, row: &KeyRow) -> Result<Secret, VaultError> {
        if row.meta.parent != self.id {
            return Err(VaultError::Forged);
        }
        let text = open(&self.key, row.nonce, &aad(tenant, &row.meta), &row.wrapped)?;
        let secret = Secret::new(text.as_slice().try_into().map_err(|_| VaultError::Forged)?);
        constant_time::verify_slices_are_equal(&secret.commitment(), &row.commitment)
            .map_err(|_| VaultError::Commitment { id: row.meta.id.0 })?;
        Ok(secret)
    }
}

fn aad(tenant: &str, meta: &KeyMeta) -> Vec<u8> {
    FieldWriter::default()
        .bytes(b"trunkline-key-v1")
        .bytes(tenant.as_bytes())
        .bytes(&meta.id.0.to_be_bytes())
        .bytes(&meta.parent.0.to_be_bytes())
        .bytes(&[meta.purpose as u8])
        .bytes(&meta.day.0.to_be_bytes())
        .done()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn row() -> (WrappingKey, KeyRow) {
        let master = WrappingKey::new(KeyId::MASTER, &Secret::new([1; 32])).unwrap();
        let meta = KeyMeta {
            id: KeyId(4),
            parent: KeyId::MASTER,
            purpose: KeyPurpose::Rec,
            day: Day(20_260_105),
        };
        let row = master.wrap("acme", meta, [2; 12], &Secret::new([3; 32])).unwrap();
        (master, row)
    }

    #[test]
    fn a_wrapped_key_comes_back_and_does_not_show() {
        let (master, row) = row();
        assert_eq!(master.unwrap("acme", &row).unwrap().reveal(), &[3; 32]);
        let bytes = row.to_bytes();
        assert!(!bytes.windows(8).any(|w| w == [3; 8]));
        assert_eq!(KeyRow::from_bytes(&bytes).unwrap(), row);
    }

    #[test]
    fn a_changed_row_or_another_tenant_does_not_unwrap() {
        let (master, row) = row();
        assert!(master.unwrap("acme2", &row).is_err());
        let bytes = row.to_bytes();
        for i in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[i / 8] ^= 1 << (i % 8);
            let opened = KeyRow::from_bytes(&bad).and_then(|r| master.unwrap("acme", &r));
            assert!(opened.is_err(), "bit {i}");
        }
        for len in 0..bytes.len() {
            assert!(KeyRow::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
        }
        let other = WrappingKey::new(KeyId::MASTER, &Secret::new([9; 32])).unwrap();
        assert_eq!(other.unwrap("acme", &row).unwrap_err(), VaultError::Forged);
    }

    #[test]
    fn a_key_that_is_not_the_committed_one_is_refused() {
        let (master, mut row) = row();
        row.commitment = Secret::new([8; 32]).commitment();
        let refused = master.unwrap("acme", &row).unwrap_err();
        assert_eq!(refused, VaultError::Commitment { id: 4 });
    }

    #[test]
    fn purposes_keep_their_numbers() {
        for (i, purpose) in KeyPurpose::ALL.into_iter().enumerate() {
            assert_eq!(purpose as usize, i + 1);
            assert_eq!(KeyPurpose::parse(purpose as u8), Some(purpose));
        }
        assert_eq!(KeyPurpose::parse(0), None);
    }
}
