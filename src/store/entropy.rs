//! Fresh bytes for keys and nonces: the system's, mixed with what the caller brought.

use super::StoreError;
use std::sync::atomic::{AtomicU64, Ordering};
use trunkline_core::vault::{Secret, digest};
use zeroize::Zeroizing;

/// A source of random bytes.
///
/// Every call asks the system's CSPRNG, so a restored snapshot or a fork does not repeat nonces;
/// the caller's seed and a counter are hashed in, so a weak system source alone does no harm.
pub(super) struct Entropy {
    seed: Secret,
    calls: AtomicU64,
}

impl Entropy {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed: Secret::new(seed), calls: AtomicU64::new(0) }
    }

    /// 32 bytes.
    pub(super) fn bytes32(&self) -> Result<[u8; 32], StoreError> {
        let mut input = Zeroizing::new([0; 72]);
        input[..32].copy_from_slice(self.seed.reveal());
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        input[32..40].copy_from_slice(&call.to_be_bytes());
        getrandom::fill(&mut input[40..])
            .map_err(|e| StoreError::io("getrandom", std::io::Error::other(e.to_string())))?;
        Ok(digest(input.as_ref()))
    }

    /// A nonce.
    pub(super) fn nonce(&self) -> Result<[u8; 12], StoreError> {
        let mut out = [0; 12];
        out.copy_from_slice(&self.bytes32()?[..12]);
        Ok(out)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nonces_do_not_repeat_even_with_one_seed() {
        let (a, b) = (Entropy::new([1; 32]), Entropy::new([1; 32]));
        let mut seen = HashSet::new();
        for _ in 0..100_000 {
            assert!(seen.insert(a.nonce().unwrap()));
            assert!(seen.insert(b.nonce().unwrap()));
        }
    }
}
