//! R5: the configuration file: one TOML, unknown keys refused, errors with file, line and key.

mod error;
mod file;
mod line;
mod validate;

pub use error::ConfigError;
pub use file::*;
pub use line::{Account, Alive, Probe, Register, Trunk};
