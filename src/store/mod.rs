//! R4: the journal, its projections (records, do-not-call, live calls, audit) and their keys.
//!
//! A group of events becomes one sealed frame in the journal; only after that commit is durable
//! does anybody hear of them. Projections follow on their own thread and can always be made again
//! from the journal. docs/storage.md has the files, the keys and what is tested.

mod attempts;
mod audit;
mod bell;
mod checkpoint;
mod claims;
mod clock;
mod config;
mod dnc;
pub mod engine;
mod engine_dir;
mod entropy;
mod error;
mod export;
mod frames;
mod journal;
mod keyring;
pub mod keys;
mod known;
mod live;
mod mark;
mod meta;
mod months;
mod project;
mod recover;
mod registers;
mod replay;
mod revoked;
mod rows;
mod search;
mod shadow;
mod signing;
mod statement;
#[allow(clippy::module_inception)]
mod store;
mod witness;
mod writer;

pub use attempts::{AttemptQuery, Attempts};
pub use clock::ClockRow;
pub use config::{EngineKind, StoreConfig};
pub use error::StoreError;
pub use export::{Export, ExportQuery};
pub use journal::{JournalHandle, JournalHealth, JournalState, UNDURABLE_MAX};
pub use recover::{Opened, Recovery, RefKeys, open, open_with};
pub use registers::EditionRow;
pub use revoked::RevokedRow;
pub use search::{RecordQuery, RecordRow, SEARCH_ROWS_MAX};
pub use store::{AuditReport, Store};
