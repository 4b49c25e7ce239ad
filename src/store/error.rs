//! What can go wrong with the store.

use std::path::{Path, PathBuf};
use trunkline_core::vault::{ChainFault, VaultError};
use trunkline_core::wire::DecodeError;

/// A failed operation of the store. Never holds personal data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system said no.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// File or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key file is not as it must be.
    #[error(
        "key file {path}: {problem}; it must be a regular file of 32 bytes, mode 0600 or 0400, \
         owned by the user that runs trunkline",
        path = .path.display()
    )]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Another process has the directory open.
    #[error("{path} is locked: another trunkline uses this data directory", path = .path.display())]
    Locked {
        /// Lock file.
        path: PathBuf,
    },
    /// sled without consent.
    #[error("engine sled is beta and lost data in tests: set accept_beta_store = true to use it")]
    BetaRefused,
    /// Not built in.
    #[error("this binary was built without the feature store-sled")]
    EngineMissing,
    /// The directory was made with another engine.
    #[error("{path} was made with engine {found}", path = .path.display())]
    OtherEngine {
        /// Directory.
        path: PathBuf,
        /// Its engine.
        found: String,
    },
    /// The engine failed.
    #[error("{file}: {what}")]
    Engine {
        /// File of the store.
        file: String,
        /// The engine's own words.
        what: String,
    },
    /// A sealed row did not open, or a key is missing.
    #[error("{file}: {source}")]
    Vault {
        /// File of the store.
        file: String,
        /// Why.
        source: VaultError,
    },
    /// A row has a form this version does not know, or is damaged.
    #[error("{file}: row of unknown form ({what})")]
    Row {
        /// File of the store.
        file: String,
        /// Which part.
        what: &'static str,
    },
    /// An opened row is no event of ours.
    #[error("{file}: {source}")]
    Decode {
        /// File of the store.
        file: String,
        /// Why.
        source: DecodeError,
    },
    /// The journal is older than the audit log says: data was lost or an old copy was put back.
    #[error(
        "the journal ends at commit {journal}, but commit {witness} was acknowledged: the data \
         directory was rolled back or damaged; restore it, or set accept_rollback to go on"
    )]
    RolledBack {
        /// Newest commit found.
        journal: u64,
        /// Newest commit known to the audit log.
        witness: u64,
    },
    /// A file is older than what was written to it, and the journal begins too late to make the
    /// difference again.
    #[error(
        "records end at commit {found}, but the journal begins at {journal}: a file was damaged \
         or put back; restore the data directory from its backup"
    )]
    Behind {
        /// Newest commit in the file.
        found: u64,
        /// Oldest commit in the journal.
        journal: u64,
    },
    /// The audit log does not verify.
    #[error("audit log: {0}")]
    Audit(ChainFault),
    /// The journal thread has ended.
    #[error("the journal is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { path: path.as_ref().to_owned(), source }
    }

    pub(super) fn vault(file: impl Into<String>, source: VaultError) -> Self {
        Self::Vault { file: file.into(), source }
    }

    pub(super) fn row(file: impl Into<String>, what: &'static str) -> Self {
        Self::Row { file: file.into(), what }
    }
}
