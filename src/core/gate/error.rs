//! What can be wrong with the gate's data files.

/// A rule set or calendar file that cannot be used. The operator's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct GateFileError {
    /// File as the caller named it.
    pub file: String,
    /// Line, key, and what is allowed there.
    pub message: String,
}

impl GateFileError {
    pub(super) fn new(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), message: message.into() }
    }
}

/// A text file with the name to report it under.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Name for error messages, usually the path.
    pub name: &'a str,
    /// Content.
    pub text: &'a str,
}
