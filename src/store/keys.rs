//! The master key file: 32 bytes that open everything else.

use super::StoreError;
use super::engine_dir::sync_dir;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use trunkline_core::vault::Secret;
use zeroize::Zeroizing;

const KEY_BYTES: u64 = 32;
/// Modes a master key file may have.
const MODES: [u32; 2] = [0o600, 0o400];

/// Makes a new master key from the system's entropy, mode 0600, and never replaces one.
///
/// # Errors
/// If the file exists already or cannot be written.
pub fn init(path: &Path) -> Result<(), StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut())
        .map_err(|e| StoreError::io(path, std::io::Error::other(e.to_string())))?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes.as_ref()).and_then(|()| file.sync_all()));
    written.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => key_error(path, "exists already and is not replaced"),
        _ => StoreError::io(path, e),
    })?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    sync_dir(parent.unwrap_or(Path::new(".")))
}

/// Reads a master key.
///
/// # Errors
/// If the file is not as [`StoreError::KeyFile`] says.
pub fn load(path: &Path) -> Result<Secret, StoreError> {
    let mut file = File::open(path).map_err(|e| StoreError::io(path, e))?;
    let meta = file.metadata().map_err(|e| StoreError::io(path, e))?;
    if !meta.is_file() {
        return Err(key_error(path, "is no regular file"));
    }
    let mode = meta.mode() & 0o7777;
    if !MODES.contains(&mode) {
        return Err(key_error(path, format!("has mode {mode:04o}")));
    }
    if meta.uid() != nix::unistd::geteuid().as_raw() {
        return Err(key_error(path, format!("belongs to user {}", meta.uid())));
    }
    if meta.len() != KEY_BYTES {
        return Err(key_error(path, format!("has {} bytes", meta.len())));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    file.read_exact(bytes.as_mut()).map_err(|e| StoreError::io(path, e))?;
    Ok(Secret::new(*bytes))
}

fn key_error(path: &Path, problem: impl Into<String>) -> StoreError {
    StoreError::KeyFile { path: path.to_owned(), problem: problem.into() }
}
