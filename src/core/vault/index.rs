//! Blind index: equality of numbers without the numbers.

use super::Secret;
use super::fields::FieldWriter;
use crate::model::NumberRef;
use aws_lc_rs::hmac;

/// Keyed hash of numbers and devices: HMAC-SHA256 over the kind and the length-prefixed value,
/// cut to 16 bytes.
///
/// It shows which rows have equal numbers and how often, nothing else, as long as the key is
/// secret: the space of numbers is small enough to try them all under a known key.
#[derive(Clone)]
pub struct BlindIndex {
    key: hmac::Key,
}

impl std::fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlindIndex")
    }
}

impl BlindIndex {
    /// An index under a secret key.
    pub fn new(key: &Secret) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.reveal()) }
    }

    /// Reference of a number, given in its normalised form.
    pub fn number_ref(&self, number: &str) -> NumberRef {
        NumberRef(self.cut(b"phone", number))
    }

    /// Reference of a device name.
    pub fn device_ref(&self, device: &str) -> [u8; 16] {
        self.cut(b"device", device)
    }

    /// Reference of a customer, as the customer records name them.
    pub fn customer_ref(&self, customer: &str) -> NumberRef {
        NumberRef(self.cut(b"customer", customer))
    }

    /// Salt of a commitment to the number in that record: with it, one number can be shown to be
    /// the right one without giving the key away.
    pub fn salt(&self, record: &[u8]) -> [u8; 32] {
        self.tag(b"salt", record)
    }

    fn cut(&self, kind: &[u8], value: &str) -> [u8; 16] {
        let mut out = [0; 16];
        out.copy_from_slice(&self.tag(kind, value.as_bytes())[..16]);
        out
    }

    fn tag(&self, kind: &[u8], value: &[u8]) -> [u8; 32] {
        let mut input = kind.to_vec();
        input.extend(FieldWriter::default().bytes(value).done());
        let tag = hmac::sign(&self.key, &input);
        zeroize::Zeroize::zeroize(&mut input);
        let mut out = [0; 32];
        out.copy_from_slice(tag.as_ref());
        out
    }
}

/// Commitment to a number: SHA-256 over the fields `"trunkline-callee-v1"`, salt, number. Without
/// the salt it says nothing; with it, it fits one number only.
pub fn commitment(salt: &[u8; 32], number: &str) -> [u8; 32] {
    let fields = FieldWriter::default().bytes(b"trunkline-callee-v1").bytes(salt);
    super::digest(&fields.bytes(number.as_bytes()).done())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value from an independent HMAC: python3 -c 'hmac.new(bytes(range(32)),
    /// b"phone\0\0\0\x0e+8613800138000", "sha256").hexdigest()[:32]'.
    #[test]
    fn number_refs_keep_their_form() {
        let index = BlindIndex::new(&Secret::new(std::array::from_fn(|i| i as u8)));
        let found = index.number_ref("+8613800138000").to_string();
        assert_eq!(found, "3096fe01e846e5b34f918a0eebff81cc");
    }

    #[test]
    fn kind_key_and_value_all_count() {
        let (a, b) =
            (BlindIndex::new(&Secret::new([1; 32])), BlindIndex::new(&Secret::new([2; 32])));
        assert_eq!(a.number_ref("1001"), a.clone().number_ref("1001"));
        assert_ne!(a.number_ref("1001"), b.number_ref("1001"));
        assert_ne!(a.number_ref("1001"), a.number_ref("1002"));
        assert_ne!(a.number_ref("1001").0, a.device_ref("1001"));
        assert_ne!(a.number_ref("1001"), a.customer_ref("1001"));
    }
}
