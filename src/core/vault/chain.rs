//! The hash chain of the audit log.

/// First thing wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// Changed.
    #[error("entry {seq} was changed, or one before it is missing")]
    Broken {
        /// Number of the entry.
        seq: u64,
    },
}
