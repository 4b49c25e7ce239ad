//! What can go wrong with sealed bytes and keys.

/// Why bytes were not sealed or not opened. Never says anything about the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Wrong key, wrong place or changed bytes.
    #[error("sealed bytes do not open under this key for this row")]
    Forged,
    /// The key that came out of the wrapping is not the one that went in.
    #[error("key {id} does not fit its commitment")]
    Commitment {
        /// Key.
        id: u32,
    },
    /// No form that this version knows.
    #[error("{what} is not of a form that this version knows")]
    Format {
        /// Which bytes.
        what: &'static str,
    },
    /// The key has sealed as often as its nonces allow.
    #[error("key {id} has sealed 2^32 times")]
    Exhausted {
        /// Key.
        id: u32,
    },
    /// The key is not in the table: it was shredded.
    #[error("key {id} is gone: what it sealed was shredded")]
    Shredded {
        /// Key.
        id: u32,
    },
    /// The library refused; out of memory is the one way known.
    #[error("the crypto library failed")]
    Library,
}
