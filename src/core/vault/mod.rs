//! R1: sealing, keys, blind index, audit chain.
//!
//! Pure: randomness and keys are arguments. docs/storage.md has the formats.

mod chain;
mod error;
mod index;

pub use chain::ChainFault;
pub use error::VaultError;
pub use index::BlindIndex;
