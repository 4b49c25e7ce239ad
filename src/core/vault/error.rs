//! What can go wrong with sealed bytes and keys.

/// Why bytes were not sealed or not opened. Never says anything about the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Wrong key, wrong place or changed bytes.
    #[error("sealed bytes do not open under this key for this row")]
    Forged,
}
