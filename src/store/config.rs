//! `[store]`: where the data lives and how long the journal is kept.

use std::path::PathBuf;
use std::time::Duration;

/// Which storage engine holds the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// SQLite, WAL, synchronous=FULL.
    #[default]
    Sqlite,
    /// sled 0.34.7: needs the build feature `store-sled` and `accept_beta_store`.
    Sled,
}

/// How to open a data directory.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Data directory; created with mode 0700 if absent.
    pub dir: PathBuf,
    /// File of the master key: 32 bytes, mode 0600 or 0400.
    pub master_key: PathBuf,
    /// Engine. A directory keeps the engine it was made with.
    pub engine: EngineKind,
    /// Says yes to an engine whose authors call it beta. Default no: `Sled` is then refused.
    pub accept_beta_store: bool,
    /// Tenant, bound into every sealed row.
    pub tenant: String,
    /// Site.
    pub site: String,
    /// Journal files whose last day is older than this are removed once every projection is past
    /// them. Default 24 h. Desks that were away longer get a snapshot.
    pub journal_keep: Duration,
    /// Second place for the signed head of the audit log, best on another disk. Default none:
    /// a copy of the whole directory put back is then not seen.
    pub audit_head_copy: Option<PathBuf>,
    /// Opens although the audit log knows of newer commits than the journal holds. Default no.
    pub accept_rollback: bool,
}

impl StoreConfig {
    /// A directory with every default.
    pub fn new(dir: impl Into<PathBuf>, master_key: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            master_key: master_key.into(),
            engine: EngineKind::default(),
            accept_beta_store: false,
            tenant: "default".to_owned(),
            site: "default".to_owned(),
            journal_keep: Duration::from_secs(24 * 3600),
            audit_head_copy: None,
            accept_rollback: false,
        }
    }
}
