//! Why the program cannot start or stop.

use crate::config::ConfigError;
use crate::io::sip::StreamError;
use crate::store::StoreError;
use trunkline_core::gate::{BadPlan, GateFileError};

/// A failed start or stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Rule sets or calendars.
    #[error(transparent)]
    Gate(#[from] GateFileError),
    /// `[gate]` numbers.
    #[error(transparent)]
    DialPlan(#[from] BadPlan),
    /// Journal, records, keys.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Connections of SIP.
    #[error("[sip] {0}")]
    Streams(#[from] StreamError),
    /// A socket.
    #[error("{what}: {source}")]
    Io {
        /// Which.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// A thread of ours ended early.
    #[error("{0}")]
    Stopped(&'static str),
}

impl AppError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
