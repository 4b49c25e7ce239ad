//! R4: the journal, its projections (records, do-not-call, live calls, audit) and their keys.
//!
//! A group of events becomes one sealed frame in the journal; only after that commit is durable
//! does anybody hear of them. Projections follow on their own thread and can always be made again
//! from the journal. docs/storage.md has the files, the keys and what is tested.

mod config;
mod error;
mod journal;
pub mod keys;
mod records;
mod recover;
mod store;

pub use config::{EngineKind, StoreConfig};
pub use error::StoreError;
pub use journal::{JournalHandle, JournalHealth, JournalState};
pub use records::{DncRow, RecordQuery, RecordRow};
pub use recover::{Opened, Recovery, RefKeys, open};
pub use store::{AuditReport, Store};
