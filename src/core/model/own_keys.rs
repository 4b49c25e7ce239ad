//! Tables whose keys come from ourselves.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A table of keys that nobody outside can choose: our ids, our handles, our configuration. So no
/// one can make them collide on purpose, and they need no hash that withstands it. What peers
/// name (Call-IDs, tags, numbers) stays in a `HashMap` with its secret seed.
pub type OwnMap<K, V> = HashMap<K, V, BuildHasherDefault<OwnHasher>>;

/// The same without values.
pub type OwnSet<K> = HashSet<K, BuildHasherDefault<OwnHasher>>;

/// Multiplies and rotates.
#[derive(Clone, Copy, Default)]
pub struct OwnHasher(u64);

/// Odd, and its bits look like chance: 2^64 divided by the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for OwnHasher {
    fn finish(&self) -> u64 {
        // The table takes both ends of the word; a product is best in its upper half.
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(FACTOR);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CallId, IdSource, Mono, Now, Wall};
    use std::hash::{BuildHasher, Hash};

    /// How many of 128 places the upper seven bits and the lower seven bits reach.
    fn spread(keys: &[impl Hash]) -> (usize, usize) {
        let build = BuildHasherDefault::<OwnHasher>::default();
        let places = |shift: u32| {
            let place = |key| build.hash_one(key) >> shift & 127;
            keys.iter().map(place).collect::<std::collections::HashSet<u64>>().len()
        };
        (places(57), places(0))
    }

    #[test]
    fn ids_and_handles_are_spread_over_both_ends_of_the_word() {
        let mut ids = IdSource::new(7);
        let at = Now { mono: Mono(0), wall: Wall(1_795_399_200_000_000) };
        let calls: Vec<CallId> = (0..1024).map(|_| ids.call(at)).collect();
        let handles: Vec<u64> = (0..1024).map(|n| 1 << 32 | n).collect();
        for (upper, lower) in [spread(&calls), spread(&handles)] {
            // 1024 keys at random leave one of 128 places empty once in 25 draws.
            assert!(upper > 120 && lower > 120, "{upper} {lower}");
        }
    }
}
