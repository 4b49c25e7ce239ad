//! The master key file.

use super::StoreError;
use std::path::Path;

/// Makes a new master key.
///
/// # Errors
/// If the file exists already or cannot be written.
pub fn init(_path: &Path) -> Result<(), StoreError> {
    todo!()
}
