//! The directory itself: lock, engine marker, durable names.

use super::{StoreConfig, StoreError};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

const LOCK: &str = "LOCK";
const FORMAT: &str = "FORMAT";

/// Makes names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    let synced = File::open(dir).and_then(|d| d.sync_all());
    synced.map_err(|e| StoreError::io(dir, e))
}

/// Makes the directory if needed and takes its lock, which lives as long as the file.
pub(super) fn lock(config: &StoreConfig) -> Result<File, StoreError> {
    let dir = &config.dir;
    match DirBuilder::new().recursive(true).mode(0o700).create(dir) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(StoreError::io(dir, e)),
        _ => {}
    }
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|e| StoreError::io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(e)) => Err(StoreError::io(path, e)),
    }
}

/// A directory keeps the engine it was made with.
pub(super) fn check_engine(dir: &Path, engine: &str) -> Result<(), StoreError> {
    let path = dir.join(FORMAT);
    let line = format!("trunkline-store 1 {engine}\n");
    match std::fs::read_to_string(&path) {
        Ok(found) if found == line => Ok(()),
        Ok(found) => Err(StoreError::OtherEngine { path: dir.into(), found: found.trim().into() }),
        Err(e) if e.kind() == ErrorKind::NotFound => replace_file(&path, line.as_bytes()),
        Err(e) => Err(StoreError::io(path, e)),
    }
}

/// Replaces a small file as a whole, durable on return: an old or the new content, never a part.
pub(super) fn replace_file(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let fresh = path.with_extension("new");
    let written = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|e| StoreError::io(path, e))?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}
