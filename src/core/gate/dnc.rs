//! The do-not-call list.

use crate::model::{DncEntry, NumberRef};

/// Numbers that must not be called, by blind index, each to a last local day or for ever.
#[derive(Clone, Debug, Default)]
pub struct DncList {}

/// What an insertion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The number was not listed.
    New,
    /// The block lasts longer than before.
    Extended,
    /// The block that stood lasts at least as long, so it stays.
    Kept,
}

/// A day that is not `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("until = {0:?}: a day is written YYYY-MM-DD")]
pub struct BadDay(pub String);

impl DncList {
    /// Blocks `key` through the local day `until` (`YYYY-MM-DD`), or for ever. Never shortens.
    pub fn insert(&mut self, _key: NumberRef, _until: Option<&str>) -> Result<Inserted, BadDay> {
        todo!()
    }

    /// Adds an entry of the model.
    pub fn insert_entry(&mut self, entry: &DncEntry) -> Result<Inserted, BadDay> {
        self.insert(entry.key(), entry.until.as_deref())
    }

    /// Entries, expired ones included.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// No entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names the content: equal lists have equal versions, whatever the order of insertion.
    pub fn version(&self) -> String {
        todo!()
    }
}
