//! SQLite: one database a file, WAL, `synchronous=FULL`.
//!
//! Tables with long values are rowid tables with an index over the keys: in a `WITHOUT ROWID` table
//! a search compares whole rows, so each step of it would read a row of many pages.
//!
//! Three connections a file: one commits, one reads, one checkpoints. A failed commit is rolled
//! back and tried again on the same connection: it then rewrites the very same WAL frames. Opening
//! anew after a failed fdatasync could build on frames that never reached the disk.

use super::{Batch, Engine, KEY_END, Op, Order, Row, Table, TableFile};
use crate::store::StoreError;
use crate::store::engine_dir::sync_dir;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const SUFFIX: &str = ".db";
/// "trkl": marks our files for `file(1)` and for us.
const APPLICATION_ID: i32 = 0x7472_6b6c;
const FORMAT: i32 = 1;
/// Bytes of the log that are not in the database yet at which the background checkpoint starts, and
/// its length at which a commit waits for one.
const WAL_CHECKPOINT_BYTES: u64 = 16 << 20;
/// What a page takes in the log, a little less.
const PAGE_BYTES: u64 = 4096;
const WAL_BYTES_MAX: u64 = 256 << 20;
const COMMITS_PER_LOOK: u64 = 64;
/// Pages that a connection keeps in memory. Records have indexes whose keys come in no order: a
/// month of some 200,000 calls fits. The other files are written at their ends, where a larger
/// cache would only be fresh memory for each page.
const CACHE_RECORDS_KIB: u32 = 32 * 1024;
const CACHE_KIB: u32 = 2 * 1024;

/// How a commit reaches the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// `synchronous=FULL`: one fdatasync of the WAL a commit.
    #[default]
    Full,
    /// `synchronous=NORMAL`: NOT durable. The control run of the power-cut test, which must fail.
    Normal,
}

/// A directory of SQLite databases.
pub struct SqliteEngine {
    dir: PathBuf,
    sync: Sync,
}

impl SqliteEngine {
    /// Files go into `dir`, which exists.
    pub fn new(dir: impl Into<PathBuf>, sync: Sync) -> Self {
        Self { dir: dir.into(), sync }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.join(format!("{file}{SUFFIX}"))
    }
}

impl Engine for SqliteEngine {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn group_rows_max(&self) -> usize {
        512
    }

    fn open(&self, file: &str, tables: &[Table]) -> Result<Arc<dyn TableFile>, StoreError> {
        let path = self.path(file);
        let fresh = !path.exists();
        let failed = |e| engine_error(file, &e);
        let cache_kib = match tables.contains(&Table::Rec) {
            true => CACHE_RECORDS_KIB,
            false => CACHE_KIB,
        };
        let connect = || connect(&path, cache_kib).map_err(failed);
        let writer = connect()?;
        prepare(&writer, self.sync, tables).map_err(failed)?;
        check_format(&writer, file)?;
        let (reader, checkpointer) = (connect()?, connect()?);
        if fresh {
            sync_dir(&self.dir)?;
        }
        Ok(Arc::new(SqliteFile {
            name: file.to_owned(),
            wal: path.with_extension("db-wal"),
            writer: Mutex::new(Writer { connection: writer, full: self.sync == Sync::Full }),
            sync: self.sync,
            reader: Mutex::new(reader),
            checkpointer: Mutex::new(checkpointer),
            commits: AtomicU64::new(0),
        }))
    }

    fn list(&self) -> Result<Vec<String>, StoreError> {
        let mut out = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(|e| StoreError::io(&self.dir, e))? {
            let entry = entry.map_err(|e| StoreError::io(&self.dir, e))?;
            if let Some(name) = entry.file_name().to_str().and_then(|n| n.strip_suffix(SUFFIX)) {
                out.push(name.to_owned());
            }
        }
        out.sort();
        Ok(out)
    }

    fn remove(&self, file: &str) -> Result<(), StoreError> {
        let path = self.path(file);
        // The log first: a WAL without its database would be replayed into a later one.
        for part in [path.with_extension("db-wal"), path.with_extension("db-shm"), path] {
            match std::fs::remove_file(&part) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io(part, e));
                }
                _ => {}
            }
        }
        sync_dir(&self.dir)
    }
}

struct SqliteFile {
    name: String,
    wal: PathBuf,
    writer: Mutex<Writer>,
    sync: Sync,
    reader: Mutex<Connection>,
    checkpointer: Mutex<Connection>,
    commits: AtomicU64,
}

/// The connection that commits.
struct Writer {
    connection: Connection,
    /// Its commits sync the log.
    full: bool,
}

impl Writer {
    /// Switches between commits that sync and commits that a later one syncs.
    fn sync(&mut self, full: bool) -> rusqlite::Result<()> {
        if self.full != full {
            let level = if full { "FULL" } else { "NORMAL" };
            self.connection.execute_batch(&format!("PRAGMA synchronous = {level};"))?;
            self.full = full;
        }
        Ok(())
    }
}

impl SqliteFile {
    fn err(&self, e: &rusqlite::Error) -> StoreError {
        engine_error(&self.name, e)
    }

    fn wal_bytes(&self) -> u64 {
        std::fs::metadata(&self.wal).map_or(0, |m| m.len())
    }

    fn write(&self, batch: &Batch, full: bool) -> Result<(), StoreError> {
        let mut writer = lock(&self.writer);
        let done = writer.sync(full).and_then(|()| apply(&mut writer.connection, batch));
        done.map_err(|e| self.err(&e))?;
        let look = self.commits.fetch_add(1, Ordering::Relaxed).is_multiple_of(COMMITS_PER_LOOK);
        if look && self.wal_bytes() > WAL_BYTES_MAX {
            // The background checkpoint is behind. This one may find the log busy; the batch is
            // as durable as it should be whatever it says.
            let _ = checkpoint(&writer.connection, "RESTART");
        }
        Ok(())
    }

    fn find(
        &self,
        connection: &Connection,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = format!("SELECT v FROM {} WHERE k = ?1", table.name());
        let found = connection
            .prepare_cached(&sql)
            .and_then(|mut query| query.query_row(params![key], |row| row.get(0)));
        match found {
            Ok(value) => Ok(Some(value)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(e) => Err(self.err(&e)),
        }
    }
}

/// Tables whose values are longer than a fraction of a page.
fn has_long_values(table: Table) -> bool {
    match table {
        Table::Frame | Table::Rec | Table::Decision | Table::Live => true,
        Table::State
        | Table::Phone
        | Table::Device
        | Table::Key
        | Table::Dnc
        | Table::Attempt
        | Table::Shadow
        | Table::Claim => false,
    }
}

/// A poisoned connection is still a connection: a transaction left open was rolled back.
fn lock<T>(connection: &Mutex<T>) -> MutexGuard<'_, T> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TableFile for SqliteFile {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.write(batch, self.sync == Sync::Full)
    }

    fn commit_soon(&self, batch: &Batch) -> Result<(), StoreError> {
        self.write(batch, false)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.find(&lock(&self.reader), table, key)
    }

    fn get_to_write(
        &self,
        table: Table,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let writer = lock(&self.writer);
        // Locked once for all of them; it reads only, so dropping it undoes nothing.
        let _reading = writer.connection.unchecked_transaction().map_err(|e| self.err(&e))?;
        keys.iter().map(|key| self.find(&writer.connection, table, key)).collect()
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let way = match order {
            Order::Up => "ASC",
            Order::Down => "DESC",
        };
        let sql = format!(
            "SELECT k, v FROM {} WHERE k >= ?1 AND k < ?2 ORDER BY k {way} LIMIT ?3",
            table.name()
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let reader = lock(&self.reader);
        let rows = reader.prepare_cached(&sql).and_then(|mut query| {
            query
                .query_map(params![from, to, limit], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<Row>>>()
        });
        rows.map_err(|e| self.err(&e))
    }

    fn maintain(&self) -> Result<(), StoreError> {
        // The log keeps its length when it is written from its start again: the length alone would
        // mean a checkpoint, with two syncs, at every look.
        if self.wal_bytes() < WAL_CHECKPOINT_BYTES {
            return Ok(());
        }
        let checkpointer = lock(&self.checkpointer);
        let waiting = waiting_pages(&checkpointer).map_err(|e| self.err(&e))?;
        if waiting * PAGE_BYTES < WAL_CHECKPOINT_BYTES {
            return Ok(());
        }
        checkpoint(&checkpointer, "PASSIVE").map_err(|e| self.err(&e))
    }

    fn scour(&self) -> Result<(), StoreError> {
        // secure_delete has zeroed the pages; the log still holds their older images.
        checkpoint(&lock(&self.checkpointer), "TRUNCATE").map_err(|e| self.err(&e))
    }

    fn scrub(&self) -> Result<(), StoreError> {
        let reader = lock(&self.reader);
        let said: String = reader
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|e| self.err(&e))?;
        if said == "ok" {
            return Ok(());
        }
        Err(StoreError::Engine { file: self.name.clone(), what: said })
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let reader = lock(&self.reader);
        let copied = Connection::open(to).and_then(|mut target| {
            let job = rusqlite::backup::Backup::new(&reader, &mut target)?;
            job.run_to_completion(256, Duration::ZERO, None)
        });
        copied.map_err(|e| self.err(&e))
    }
}

fn connect(path: &Path, cache_kib: u32) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(&format!(
        "PRAGMA mmap_size = 0;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -{cache_kib};"
    ))?;
    Ok(connection)
}

fn prepare(writer: &Connection, sync: Sync, tables: &[Table]) -> rusqlite::Result<()> {
    let level = match sync {
        Sync::Full => "FULL",
        Sync::Normal => "NORMAL",
    };
    writer.execute_batch(&format!(
        "PRAGMA page_size = 4096;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = {level};
         PRAGMA secure_delete = ON;
         PRAGMA journal_size_limit = {WAL_CHECKPOINT_BYTES};"
    ))?;
    let made: i64 = writer.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    let mut sql = "BEGIN IMMEDIATE;".to_owned();
    if made == 0 {
        sql +=
            &format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};");
    }
    // A file of an earlier version has fewer tables.
    for table in tables {
        let (name, kind) =
            (table.name(), if has_long_values(*table) { "" } else { "WITHOUT ROWID" });
        sql += &format!(
            "CREATE TABLE IF NOT EXISTS {name}(k BLOB NOT NULL PRIMARY KEY, v BLOB NOT NULL) {kind};"
        );
    }
    writer.execute_batch(&(sql + "COMMIT;"))?;
    // What a crashed process left in the log goes into the database with an fsync of its own, so
    // nothing that is built on from here rests on a log whose sync may have failed.
    checkpoint(writer, "TRUNCATE")
}

fn check_format(writer: &Connection, file: &str) -> Result<(), StoreError> {
    let pragma = |name: &str| -> rusqlite::Result<i32> {
        writer.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    };
    let id = pragma("application_id").map_err(|e| engine_error(file, &e))?;
    let version = pragma("user_version").map_err(|e| engine_error(file, &e))?;
    if (id, version) == (APPLICATION_ID, FORMAT) {
        return Ok(());
    }
    Err(StoreError::row(file, "file format"))
}

fn apply(writer: &mut Connection, batch: &Batch) -> rusqlite::Result<()> {
    let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // One statement for a run of like changes: finding it costs as much as an insert.
    let mut rest = batch.0.as_slice();
    while let Some(first) = rest.first() {
        let like = |op: &&Op| std::mem::discriminant(*op) == std::mem::discriminant(first);
        let run = rest.iter().take_while(|op| like(op) && op.table() == first.table()).count();
        let name = first.table().name();
        let mut statement = tx.prepare_cached(&match first {
            Op::Put(..) => format!("INSERT OR REPLACE INTO {name}(k, v) VALUES (?1, ?2)"),
            Op::Delete(..) => format!("DELETE FROM {name} WHERE k = ?1"),
        })?;
        for op in &rest[..run] {
            match op {
                Op::Put(_, key, value) => {
                    debug_assert!(key.as_slice() < KEY_END);
                    statement.execute(params![key, value])?;
                }
                Op::Delete(_, key) => {
                    statement.execute(params![key])?;
                }
            }
        }
        rest = &rest[run..];
    }
    tx.commit()
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}

/// Pages of the log that are not in the database yet.
fn waiting_pages(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
        let (log, done): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(u64::try_from(log - done).unwrap_or(0))
    })
}

fn engine_error(file: &str, e: &rusqlite::Error) -> StoreError {
    // Values are sealed and never part of a message; SQL texts of ours are.
    StoreError::Engine { file: file.to_owned(), what: e.to_string() }
}
