//! sled 0.34.7, with what it needs to keep its word.
//!
//! Its `flush` calls `sync_file_range`, which promises nothing after a power cut, so each commit
//! adds an fdatasync of the log; `conf` and the directory are synced once at creation. Values go
//! in pieces of 2 KiB: larger nodes would become blob files, which sled never syncs. One tree
//! with a prefix byte, because its batches are per tree. No background flush, no `flush_async`.

use super::{Batch, Engine, KEY_END, Op, Order, Row, SqliteEngine, Sync, Table, TableFile};
use crate::store::StoreError;
use crate::store::engine_dir::sync_dir;
use sled::{Db, IVec};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const SUFFIX: &str = ".sled";
const CACHE_BYTES: u64 = 64 << 20;
/// A leaf holds up to 33 items before it is split and must stay below 128 KiB.
const PIECE_BYTES: usize = 2048;
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);
const PIECES: u8 = 0x80;
const WHOLE: u8 = 0;
const SPLIT: u8 = 1;

/// A directory of sled databases.
pub struct SledEngine {
    dir: PathBuf,
    sync: bool,
}

impl SledEngine {
    /// Files go into `dir`, which exists.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), sync: true }
    }

    /// sled as it is shipped: NOT durable. The control run of the power-cut test, which must fail.
    pub fn without_sync(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), sync: false }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.join(format!("{file}{SUFFIX}"))
    }

    /// Makes a database beside its place and moves it there when all of it is on disk: sled does
    /// not open one whose first files were torn.
    fn create(&self, path: &Path) -> Result<(), StoreError> {
        let beside = path.with_extension("sled-new");
        match std::fs::remove_dir_all(&beside) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io(beside, e));
            }
            _ => {}
        }
        let failed = |what: String| StoreError::Engine { file: path.display().to_string(), what };
        let db = open_patiently(&config(&beside)).map_err(failed)?;
        db.flush().map_err(|e| failed(e.to_string()))?;
        drop(db);
        let log = sync_file(&beside.join("db"))?;
        // Its threads let go of the log when they have ended.
        log.lock().and_then(|()| log.unlock()).map_err(|e| StoreError::io(&beside, e))?;
        for entry in std::fs::read_dir(&beside).map_err(|e| StoreError::io(&beside, e))? {
            sync_file(&entry.map_err(|e| StoreError::io(&beside, e))?.path())?;
        }
        sync_dir(&beside)?;
        std::fs::rename(&beside, path).map_err(|e| StoreError::io(path, e))?;
        sync_dir(&self.dir)
    }
}

fn config(path: &Path) -> sled::Config {
    sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None)
}

fn sync_file(path: &Path) -> Result<File, StoreError> {
    let file = File::open(path).and_then(|f| f.sync_all().map(|()| f));
    file.map_err(|e| StoreError::io(path, e))
}

/// sled takes whatever begins with `snap.` for a snapshot, also the half of one that a power cut
/// left behind, and then does not open. The log holds all that a snapshot does.
fn drop_unfinished_snapshots(path: &Path) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(path).map_err(|e| StoreError::io(path, e))? {
        let file = entry.map_err(|e| StoreError::io(path, e))?.path();
        if file.extension().is_some_and(|e| e == "generating") {
            std::fs::remove_file(&file).map_err(|e| StoreError::io(&file, e))?;
        }
    }
    Ok(())
}

impl Engine for SledEngine {
    fn name(&self) -> &'static str {
        "sled"
    }

    /// Memory grows with the batch: 0.58 GB after 1.5 M records in groups of 64, 4.4 GB in
    /// groups of 512.
    fn group_rows_max(&self) -> usize {
        64
    }

    fn open(&self, file: &str, tables: &[Table]) -> Result<Arc<dyn TableFile>, StoreError> {
        let path = self.path(file);
        if !path.exists() {
            self.create(&path)?;
        }
        drop_unfinished_snapshots(&path)?;
        let failed = |what: String| StoreError::Engine { file: file.to_owned(), what };
        let db = open_patiently(&config(&path)).map_err(failed)?;
        let log = sync_file(&path.join("db"))?;
        Ok(Arc::new(SledFile {
            name: file.to_owned(),
            tables: tables.to_vec(),
            db,
            log: self.sync.then_some(log),
            writing: Mutex::new(()),
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
        std::fs::remove_dir_all(&path).map_err(|e| StoreError::io(&path, e))?;
        sync_dir(&self.dir)
    }
}

/// Damaged files make sled panic; and its threads hold the lock of a file for a moment after the
/// last handle is gone. No other process can hold it: the directory has a lock of its own.
fn open_patiently(config: &sled::Config) -> Result<Db, String> {
    let begun = Instant::now();
    loop {
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| config.open()));
        let error = match opened {
            Err(_) => return Err("sled panicked while opening".to_owned()),
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(error)) => error.to_string(),
        };
        if !error.contains("could not acquire lock") || begun.elapsed() > LOCK_WAIT_MAX {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct SledFile {
    name: String,
    tables: Vec<Table>,
    db: Db,
    log: Option<File>,
    writing: Mutex<()>,
}

impl SledFile {
    fn err(&self, e: &sled::Error) -> StoreError {
        StoreError::Engine { file: self.name.clone(), what: e.to_string() }
    }

    fn torn(&self) -> StoreError {
        StoreError::row(&self.name, "a piece of a value is missing")
    }

    /// Pieces a stored head announces.
    fn pieces(&self, head: &[u8]) -> Result<u32, StoreError> {
        match head.split_first() {
            Some((&WHOLE, _)) => Ok(0),
            Some((&SPLIT, count)) => {
                count.try_into().map(u32::from_be_bytes).map_err(|_| self.torn())
            }
            _ => Err(self.torn()),
        }
    }

    fn pieces_of(&self, key: &[u8]) -> Result<u32, StoreError> {
        match self.db.get(key).map_err(|e| self.err(&e))? {
            Some(head) => self.pieces(&head),
            None => Ok(0),
        }
    }

    fn value(&self, table: Table, key: &[u8], head: &IVec) -> Result<Vec<u8>, StoreError> {
        if head.first() == Some(&WHOLE) {
            return Ok(head[1..].to_vec());
        }
        let mut out = Vec::new();
        for n in 0..self.pieces(head)? {
            let piece = self.db.get(piece_key(table, key, n)).map_err(|e| self.err(&e))?;
            out.extend_from_slice(&piece.ok_or_else(|| self.torn())?);
        }
        Ok(out)
    }

    fn batch(&self, batch: &Batch) -> Result<sled::Batch, StoreError> {
        let mut out = sled::Batch::default();
        // Pieces of keys that this batch has touched already.
        let mut touched: HashMap<Vec<u8>, u32> = HashMap::new();
        for op in &batch.0 {
            let (table, key, value) = match op {
                Op::Put(table, key, value) => (*table, key, Some(value)),
                Op::Delete(table, key) => (*table, key, None),
            };
            let full = full_key(table, key);
            let old = match touched.get(&full) {
                Some(old) => *old,
                None => self.pieces_of(&full)?,
            };
            (0..old).for_each(|n| out.remove(piece_key(table, key, n)));
            let count = match value {
                None => {
                    out.remove(full.clone());
                    0
                }
                Some(value) if value.len() <= PIECE_BYTES => {
                    out.insert(full.clone(), [&[WHOLE], value.as_slice()].concat());
                    0
                }
                Some(value) => {
                    let mut count = 0;
                    for piece in value.chunks(PIECE_BYTES) {
                        out.insert(piece_key(table, key, count), piece);
                        count += 1;
                    }
                    let head = [&[SPLIT][..], &count.to_be_bytes()].concat();
                    out.insert(full.clone(), head);
                    count
                }
            };
            touched.insert(full, count);
        }
        Ok(out)
    }
}

impl TableFile for SledFile {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.db.apply_batch(self.batch(batch)?).map_err(|e| self.err(&e))?;
        self.db.flush().map_err(|e| self.err(&e))?;
        match &self.log {
            Some(log) => log.sync_data().map_err(|e| StoreError::io(&self.name, e)),
            None => Ok(()),
        }
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let head = self.db.get(full_key(table, key)).map_err(|e| self.err(&e))?;
        head.map(|head| self.value(table, key, &head)).transpose()
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let (low, high) = (full_key(table, from), full_key(table, to));
        if low >= high {
            return Ok(Vec::new());
        }
        let read = |found: sled::Result<(IVec, IVec)>| {
            let (key, head) = found.map_err(|e| self.err(&e))?;
            let key = key[1..].to_vec();
            let value = self.value(table, &key, &head)?;
            Ok((key, value))
        };
        let range = self.db.range(low..high);
        match order {
            Order::Up => range.take(limit).map(read).collect(),
            Order::Down => range.rev().take(limit).map(read).collect(),
        }
    }

    fn maintain(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Cannot be promised: deleted values stay in the log until its segments are used again. The
    /// key above a deleted one must be destroyed instead.
    fn scour(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn scrub(&self) -> Result<(), StoreError> {
        for table in &self.tables {
            self.scan(*table, &[], KEY_END, Order::Up, usize::MAX)?;
        }
        self.db.verify_integrity().map_err(|e| self.err(&e))
    }

    /// Into a SQLite file: sled has no copy of its own that is consistent while it runs.
    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = to.parent().unwrap_or(Path::new("."));
        let stem = to.file_stem().and_then(|s| s.to_str()).unwrap_or("backup");
        let copy = SqliteEngine::new(dir, Sync::Full).open(stem, &self.tables)?;
        for table in &self.tables {
            let mut batch = Batch::default();
            for (key, value) in self.scan(*table, &[], KEY_END, Order::Up, usize::MAX)? {
                batch.put(*table, key, value);
            }
            copy.commit(&batch)?;
        }
        Ok(())
    }
}

fn full_key(table: Table, key: &[u8]) -> Vec<u8> {
    [&[table as u8], key].concat()
}

/// Keys of one length never share a piece key, and those of different lengths never can.
fn piece_key(table: Table, key: &[u8], n: u32) -> Vec<u8> {
    [&[PIECES | table as u8], key, &n.to_be_bytes()].concat()
}
