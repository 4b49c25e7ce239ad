//! Reading the site's rule and calendar files: regular files of text, of a size that a person writes.

use super::AppError;
use std::io::Read as _;
use std::path::Path;
use trunkline_core::gate::GateFileError;

/// Longest file of rules or of a calendar's year.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file's text; links are followed.
///
/// # Errors
/// Names the file and what is wrong with it: not there, no regular file, too long, no UTF-8.
pub(super) fn read(path: &Path) -> Result<String, AppError> {
    let fail = |message: String| {
        AppError::from(GateFileError { file: path.to_string_lossy().into_owned(), message })
    };
    let io = |error: std::io::Error| fail(error.to_string());
    // A pipe would keep whoever opens it waiting.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(fail("no regular file".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let too_long = |bytes: u64| fail(format!("{bytes} bytes: {FILE_BYTES_MAX} are allowed"));
    if bytes > FILE_BYTES_MAX {
        return Err(too_long(bytes));
    }
    let mut text = Vec::new();
    // It may have grown since.
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(too_long(text.len() as u64));
    }
    String::from_utf8(text).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        fail(format!("line {line}: no UTF-8"))
    })
}
