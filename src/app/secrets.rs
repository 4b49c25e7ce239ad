//! Passwords in files of their own.

use crate::config::{Config, ConfigError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Longest password.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Reads the file that `key` of a section names; white space at its end is not part of the password.
///
/// # Errors
/// If the file cannot be read, may be read by others, or holds no password.
pub(super) fn password(
    config: &Config,
    section: &str,
    key: &str,
    path: &Path,
) -> Result<Zeroizing<String>, ConfigError> {
    let bad = |allowed: &str| config.origin.error(section, key, &path, allowed);
    let meta = std::fs::metadata(path).map_err(|e| bad(&format!("a file to read: {e}")))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(bad("a file of mode 0600: others can read it"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| bad(&format!("a text file: {e}")))?;
    let text = Zeroizing::new(text);
    let password = text.trim_end();
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(bad("a file with a password of 1 to 1024 bytes"));
    }
    if password.contains(|c: char| c.is_control()) {
        return Err(bad("a file with a password on one line"));
    }
    Ok(Zeroizing::new(password.to_owned()))
}
