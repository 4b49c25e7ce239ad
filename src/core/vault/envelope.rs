//! The envelope of a sealed row: `ver(1) suite(1) dek_id(4) nonce(12) ciphertext tag(16)`.
//!
//! The associated data names the row's place, so a row that is moved, re-labelled or re-indexed
//! does not open. It cannot show that an older valid row was put back: `rev` and the audit log do.

use super::fields::FieldWriter;
use super::{KeyId, Secret, VaultError};
use crate::model::Wall;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Bytes a sealed row has on top of its plain text.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;
/// Seals one key may do: with random 96-bit nonces NIST SP 800-38D §8.3 allows 2^32.
pub const SEALS_MAX: u64 = 1 << 32;

const VERSION: u8 = 1;
const SUITE_AES_256_GCM: u8 = 1;
const HEADER_BYTES: usize = 18;
const TAG_BYTES: usize = 16;

/// Place of a row; all of it is bound into the seal.
#[derive(Clone, Copy, Debug)]
pub struct RecordContext<'a> {
    /// Tenant.
    pub tenant: &'a str,
    /// Table, e.g. `rec`.
    pub table: &'a str,
    /// Key of the row in its table.
    pub record_id: &'a [u8],
    /// Revision of the row.
    pub rev: u64,
    /// Its instant.
    pub ts: Wall,
    /// Blind reference of the agent's device; empty where the row has none.
    pub agent: &'a [u8],
    /// Blind references of its numbers; empty where the row has none.
    pub phone_ix: &'a [u8],
}

impl RecordContext<'_> {
    fn aad(&self, suite: u8, dek: KeyId) -> Vec<u8> {
        FieldWriter::default()
            .bytes(b"trunkline-rec-v1")
            .bytes(&[suite])
            .bytes(&dek.0.to_be_bytes())
            .bytes(self.tenant.as_bytes())
            .bytes(self.table.as_bytes())
            .bytes(self.record_id)
            .u64(self.rev)
            .i64(self.ts.0)
            .bytes(self.agent)
            .bytes(self.phone_ix)
            .done()
    }
}

/// A data encryption key, ready for use; counts its seals.
pub struct Dek {
    id: KeyId,
    key: LessSafeKey,
    seals: u64,
}

impl Dek {
    /// A key that has sealed nothing in this process.
    ///
    /// # Errors
    /// If the library fails.
    pub fn new(id: KeyId, secret: &Secret) -> Result<Self, VaultError> {
        Ok(Self { id, key: aes_key(secret)?, seals: 0 })
    }

    /// Its id in the key table.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Seals a row. `nonce` must be fresh from a CSPRNG.
    ///
    /// # Errors
    /// After 2^32 seals, or if the library fails.
    pub fn seal(
        &mut self,
        nonce: [u8; 12],
        context: &RecordContext<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let mut out = Vec::with_capacity(plain.len() + OVERHEAD_BYTES);
        self.seal_into(nonce, context, plain, &mut out)?;
        Ok(out)
    }

    /// Seals a row to the end of `out`, for buffers that are used again.
    ///
    /// # Errors
    /// As [`Dek::seal`]; a key that is worn out writes nothing.
    pub fn seal_into(
        &mut self,
        nonce: [u8; 12],
        context: &RecordContext<'_>,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), VaultError> {
        if self.seals >= SEALS_MAX {
            return Err(VaultError::Exhausted { id: self.id.0 });
        }
        self.seals += 1;
        out.reserve(plain.len() + OVERHEAD_BYTES);
        out.extend_from_slice(&[VERSION, SUITE_AES_256_GCM]);
        out.extend_from_slice(&self.id.0.to_be_bytes());
        out.extend_from_slice(&nonce);
        let text = out.len();
        out.extend_from_slice(plain);
        let aad = context.aad(SUITE_AES_256_GCM, self.id);
        let tag = seal_in_place(&self.key, nonce, &aad, &mut out[text..])?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// Opens a row sealed by this key for this place.
    ///
    /// # Errors
    /// If one bit of the row or of its place differs.
    pub fn open(
        &self,
        context: &RecordContext<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        if dek_id_of(sealed)? != self.id {
            return Err(VaultError::Forged);
        }
        let (header, body) =
            sealed.split_first_chunk::<HEADER_BYTES>().ok_or(VaultError::Forged)?;
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&header[6..]);
        open(&self.key, nonce, &context.aad(header[1], self.id), body)
    }
}

/// Which key a sealed row needs.
///
/// # Errors
/// If version or suite are unknown, or the row is too short.
pub fn dek_id_of(sealed: &[u8]) -> Result<KeyId, VaultError> {
    if sealed.len() < OVERHEAD_BYTES {
        return Err(VaultError::Format { what: "sealed row" });
    }
    match sealed {
        [VERSION, SUITE_AES_256_GCM, a, b, c, d, ..] => {
            Ok(KeyId(u32::from_be_bytes([*a, *b, *c, *d])))
        }
        _ => Err(VaultError::Format { what: "sealed row" }),
    }
}

pub(super) fn aes_key(secret: &Secret) -> Result<LessSafeKey, VaultError> {
    let key = UnboundKey::new(&AES_256_GCM, secret.reveal()).map_err(|_| VaultError::Library)?;
    Ok(LessSafeKey::new(key))
}

pub(super) fn seal_in_place(
    key: &LessSafeKey,
    nonce: [u8; 12],
    aad: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG_BYTES], VaultError> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), text)
        .map_err(|_| VaultError::Library)?;
    tag.as_ref().try_into().map_err(|_| VaultError::Library)
}

pub(super) fn open(
    key: &LessSafeKey,
    nonce: [u8; 12],
    aad: &[u8],
    body: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut text = Zeroizing::new(body.to_vec());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let len =
        key.open_in_place(nonce, Aad::from(aad), &mut text).map_err(|_| VaultError::Forged)?.len();
    text.truncate(len);
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    fn place() -> RecordContext<'static> {
        RecordContext {
            tenant: "acme",
            table: "rec",
            record_id: b"0123456789abcdef",
            rev: 7,
            ts: Wall(1_767_225_600_000_000),
            agent: b"device-reference",
            phone_ix: b"number-reference",
        }
    }

    /// Test cases 13, 14 and 16 of "The Galois/Counter Mode of Operation" (McGrew and Viega),
    /// the ones NIST SP 800-38D refers to for 256-bit keys.
    #[test]
    fn gcm_known_answers() {
        let zeros = "00".repeat(32);
        let case16_key = "feffe9928665731c6d6a8f9467308308".repeat(2);
        for (key, nonce, aad, plain, cipher, tag) in [
            (
                zeros.as_str(),
                "000000000000000000000000",
                "",
                "",
                "",
                "530f8afbc74536b9a963b4f1c4cb738b",
            ),
            (
                &zeros,
                "000000000000000000000000",
                "",
                "00000000000000000000000000000000",
                "cea7403d4d606b6e074ec5d3baf39d18",
                "d0d1c8a799996bf0265b98b5d48ab919",
            ),
            (
                &case16_key,
                "cafebabefacedbaddecaf888",
                "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0\
                 e2449a6b525b16aedf5aa0de657ba637b39",
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08\
                 b1056828838c5f61e6393ba7a0abcc9f662",
                "76fc6ece0f4e1768cddf8853bb2d551b",
            ),
        ] {
            let key = aes_key(&Secret::new(hex(key).try_into().unwrap())).unwrap();
            let nonce: [u8; 12] = hex(nonce).try_into().unwrap();
            let mut text = hex(plain);
            let found = seal_in_place(&key, nonce, &hex(aad), &mut text).unwrap();
            assert_eq!((text.clone(), found.to_vec()), (hex(cipher), hex(tag)));
            text.extend(found);
            assert_eq!(open(&key, nonce, &hex(aad), &text).unwrap().to_vec(), hex(plain));
        }
    }

    /// Rows of released versions must open for ever: these bytes never change. They were made by
    /// an independent implementation (pyca/cryptography).
    #[test]
    fn version_one_rows_open() {
        let mut dek = Dek::new(KeyId(9), &Secret::new([5; 32])).unwrap();
        let sealed = dek.seal([3; 12], &place(), b"a call").unwrap();
        assert_eq!(
            sealed,
            hex("01010000000903030303030303030303030367d1e02912c00ec76a9b888432f7b885eeeade75fea8")
        );
        assert_eq!(dek_id_of(&sealed), Ok(KeyId(9)));
        assert_eq!(*dek.open(&place(), &sealed).unwrap(), b"a call");
    }

    #[test]
    fn one_flipped_bit_anywhere_is_noticed() {
        let mut dek = Dek::new(KeyId(9), &Secret::new([5; 32])).unwrap();
        let sealed = dek.seal([3; 12], &place(), b"a call").unwrap();
        for i in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[i / 8] ^= 1 << (i % 8);
            assert!(dek.open(&place(), &bad).is_err(), "bit {i}");
        }
        for len in 0..sealed.len() {
            assert!(dek.open(&place(), &sealed[..len]).is_err(), "cut to {len}");
        }
        let longer = [sealed.as_slice(), &[0]].concat();
        assert!(dek.open(&place(), &longer).is_err());
    }

    #[test]
    fn every_part_of_the_place_is_bound() {
        let mut dek = Dek::new(KeyId(9), &Secret::new([5; 32])).unwrap();
        let sealed = dek.seal([3; 12], &place(), b"a call").unwrap();
        for elsewhere in [
            RecordContext { tenant: "acm", ..place() },
            RecordContext { table: "dnc", ..place() },
            RecordContext { record_id: b"0123456789abcdeg", ..place() },
            RecordContext { rev: 6, ..place() },
            RecordContext { ts: Wall(1_767_225_600_000_001), ..place() },
            RecordContext { agent: b"", ..place() },
            RecordContext { phone_ix: b"number-referencf", ..place() },
            // The same bytes, split elsewhere.
            RecordContext { tenant: "acmer", table: "ec", ..place() },
        ] {
            assert_eq!(dek.open(&elsewhere, &sealed).unwrap_err(), VaultError::Forged);
        }
        let same_id = Dek::new(KeyId(9), &Secret::new([6; 32])).unwrap();
        let same_key = Dek::new(KeyId(8), &Secret::new([5; 32])).unwrap();
        assert!(same_id.open(&place(), &sealed).is_err());
        assert!(same_key.open(&place(), &sealed).is_err());
    }

    #[test]
    fn swapped_rows_do_not_open() {
        let mut dek = Dek::new(KeyId(9), &Secret::new([5; 32])).unwrap();
        let (here, there) = (place(), RecordContext { record_id: b"fedcba9876543210", ..place() });
        let a = dek.seal([1; 12], &here, b"first").unwrap();
        let b = dek.seal([2; 12], &there, b"other").unwrap();
        assert!(dek.open(&here, &b).is_err() && dek.open(&there, &a).is_err());
        assert_eq!(*dek.open(&there, &b).unwrap(), b"other");
    }

    #[test]
    fn a_worn_out_key_seals_nothing() {
        let mut dek = Dek::new(KeyId(9), &Secret::new([5; 32])).unwrap();
        dek.seals = SEALS_MAX - 1;
        assert!(dek.seal([1; 12], &place(), b"last").is_ok());
        let refused = dek.seal([2; 12], &place(), b"one more");
        assert_eq!(refused, Err(VaultError::Exhausted { id: 9 }));
    }
}
