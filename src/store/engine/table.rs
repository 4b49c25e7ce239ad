//! What an engine must do; the conformance suite in `tests/store_conformance.rs` says it in tests.

use crate::store::StoreError;
use std::path::Path;
use std::sync::Arc;

/// A table of a file. Keys are unique and ordered by bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Watermarks, epochs, flags.
    State = 0,
    /// Journal frames.
    Frame = 1,
    /// Call records.
    Rec = 2,
    /// Gate decisions.
    Decision = 3,
    /// Blind index over numbers.
    Phone = 4,
    /// Blind index over devices.
    Device = 5,
    /// Wrapped keys.
    Key = 6,
    /// Do-not-call list.
    Dnc = 7,
    /// Checkpoint of live calls.
    Live = 8,
    /// Calls out that count for caps.
    Attempt = 9,
    /// Where rules tried out would have decided otherwise.
    Shadow = 10,
    /// Claims on record.
    Claim = 11,
}

impl Table {
    /// Name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Frame => "frame",
            Self::Rec => "rec",
            Self::Decision => "decision",
            Self::Phone => "phone",
            Self::Device => "device",
            Self::Key => "key",
            Self::Dnc => "dnc",
            Self::Live => "live",
            Self::Attempt => "attempt",
            Self::Shadow => "shadow",
            Self::Claim => "claim",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Insert or replace.
    Put(Table, Vec<u8>, Vec<u8>),
    /// Remove; nothing happens if the key is absent.
    Delete(Table, Vec<u8>),
}

impl Op {
    /// The table it changes.
    pub fn table(&self) -> Table {
        match self {
            Self::Put(table, ..) | Self::Delete(table, _) => *table,
        }
    }
}

/// Changes that become durable together or not at all; later ones win over earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch(pub Vec<Op>);

impl Batch {
    /// Adds a row.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.0.push(Op::Put(table, key.into(), value.into()));
    }

    /// Removes a row.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.0.push(Op::Delete(table, key.into()));
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Up,
    /// Largest key first.
    Down,
}

/// Key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A directory of files.
pub trait Engine: Send + std::marker::Sync {
    /// Name, kept in the directory.
    fn name(&self) -> &'static str;

    /// Rows a commit should hold at most, so that memory stays bounded.
    fn group_rows_max(&self) -> usize;

    /// Opens or creates a file with these tables; its name is durable on return.
    ///
    /// # Errors
    /// If the engine cannot open it; nothing is deleted then.
    fn open(&self, file: &str, tables: &[Table]) -> Result<Arc<dyn TableFile>, StoreError>;

    /// Files there are, in order of name.
    ///
    /// # Errors
    /// If the directory cannot be read.
    fn list(&self) -> Result<Vec<String>, StoreError>;

    /// Unlinks a file that nobody will use again.
    ///
    /// # Errors
    /// If it cannot be unlinked.
    fn remove(&self, file: &str) -> Result<(), StoreError>;
}

/// An open file. Every method may be called from any thread.
pub trait TableFile: Send + std::marker::Sync {
    /// Makes a batch durable. After an error the same batch can be committed again. An engine may
    /// show a batch to readers before it is durable: they go by what `commit` has returned.
    ///
    /// # Errors
    /// If it is not known to be durable.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Like [`TableFile::commit`], but durable only with the next `commit` of this file. After a
    /// power cut the batch is there whole or not at all, and not without those before it.
    ///
    /// # Errors
    /// As `commit`.
    fn commit_soon(&self, batch: &Batch) -> Result<(), StoreError> {
        self.commit(batch)
    }

    /// The values of keys, for the thread that commits: cheaper there than `get`, which may have
    /// to read again what a commit has changed, but it waits for commits of others.
    ///
    /// # Errors
    /// As `get`.
    fn get_to_write(
        &self,
        table: Table,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(table, key)).collect()
    }

    /// The value of a key.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows with `from <= key < to`, at most `limit`.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// Background work (checkpoints); never blocks a commit for long.
    ///
    /// # Errors
    /// If it fails; commits are not affected.
    fn maintain(&self) -> Result<(), StoreError>;

    /// Removes what deleted rows left behind in this file.
    ///
    /// # Errors
    /// If it fails; it can be tried again.
    fn scour(&self) -> Result<(), StoreError>;

    /// Checks the structure of the file.
    ///
    /// # Errors
    /// If it is damaged.
    fn scrub(&self) -> Result<(), StoreError>;

    /// Copies the file as of one commit into a SQLite file (`to` ends in `.db`), while it is in
    /// use.
    ///
    /// # Errors
    /// If the copy cannot be written.
    fn backup(&self, to: &Path) -> Result<(), StoreError>;
}

/// Smallest key above every key we write.
pub const KEY_END: &[u8] = &[0xff; 64];
