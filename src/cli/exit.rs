//! Exit codes.

use crate::app::AppError;
use crate::config::ConfigError;
use crate::io::sip::StreamError;
use crate::store::StoreError;
use std::process::ExitCode;

/// Exit codes of every command; clap itself uses 2 for a wrong command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something else failed.
    Failure = 1,
    /// Wrong command line or a value in it.
    Usage = 2,
    /// Wrong configuration, rule set, calendar or key file.
    Config = 3,
    /// The data directory is locked, damaged or rolled back.
    Store = 4,
    /// No server on the admin socket.
    Unreachable = 5,
    /// What was asked for is not there.
    NotFound = 6,
    /// Call records and decisions do not agree.
    Unaccounted = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failed command: what to print and how to exit.
#[derive(Debug)]
pub(super) struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::KeyFile { .. } | StoreError::BetaRefused | StoreError::EngineMissing => {
                Exit::Config
            }
            _ => Exit::Store,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Store(error) => error.into(),
            AppError::Config(error) => error.into(),
            AppError::Gate(_) | AppError::DialPlan(_) | AppError::Streams(StreamError::Tls(_)) => {
                Self::new(Exit::Config, error.to_string())
            }
            AppError::Streams(StreamError::Listen { .. })
            | AppError::Io { .. }
            | AppError::Stopped(_) => Self::new(Exit::Failure, error.to_string()),
        }
    }
}
