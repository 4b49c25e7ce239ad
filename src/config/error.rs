//! What is wrong with a configuration, for the person who wrote it.

use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// File.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("{}:{line}: {key}{message}", path.display())]
    Syntax {
        /// File.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The key on that line with a colon, if there is one.
        key: String,
        /// What the reader says; names what is allowed.
        message: String,
    },
    /// A value that does not fit the others.
    #[error("{}:{line}: {key} = {value}: {allowed}", path.display())]
    Value {
        /// File.
        path: PathBuf,
        /// Line of the key, or of its section if the key is not written.
        line: usize,
        /// Dotted key.
        key: String,
        /// What it holds.
        value: String,
        /// What is allowed there.
        allowed: String,
    },
}

/// Line (from 1) of byte `at`.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}

/// Line of `key` in `[section]`, else of the section's header, else 1.
///
/// A key within an inline table (`probe.interval_s`) is on the line of the table; one of a table with
/// a header of its own is on its own line.
pub(super) fn line_of(text: &str, section: &str, key: &str) -> usize {
    let (key, rest) = key.split_once('.').unwrap_or((key, ""));
    let table = format!("{section}.{key}");
    if !rest.is_empty() && text.lines().any(|line| header_of(line) == Some(&table)) {
        return line_of(text, &table, rest);
    }
    let (mut inside, mut header) = (section.is_empty(), 1);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = header_of(line) {
            inside = name == section;
            if inside {
                header = index + 1;
            }
        } else if inside && line.split('=').next().map(str::trim) == Some(key) {
            return index + 1;
        }
    }
    header
}

/// The section that a line begins.
fn header_of(line: &str) -> Option<&str> {
    let name = line.trim().strip_prefix('[')?;
    Some(name.split(']').next().unwrap_or(name).trim())
}

/// Turns the TOML reader's error into ours.
pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    let source = text.lines().nth(line - 1).unwrap_or("").trim();
    let key = match source.split_once('=') {
        Some((key, _)) => format!("{}: ", key.trim()),
        None if source.starts_with('[') => format!("{source}: "),
        None => String::new(),
    };
    ConfigError::Syntax {
        path: path.to_owned(),
        line,
        key,
        message: error.message().replace('\n', "; "),
    }
}
