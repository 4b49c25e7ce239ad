//! Blind index: equality of numbers without the numbers.

use crate::model::NumberRef;

/// Keyed hash of numbers and devices.
#[derive(Clone)]
pub struct BlindIndex {}

impl BlindIndex {
    /// An index under a secret key.
    pub fn new(_key: &[u8; 32]) -> Self {
        todo!()
    }

    /// Reference of a number.
    pub fn number_ref(&self, _number: &str) -> NumberRef {
        todo!()
    }
}
