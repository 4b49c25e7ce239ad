//! The configuration file: no panic, and an error names its file.

use std::path::Path;
use trunkline::config::Config;

/// Reads `data` as a configuration.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Config::parse(Path::new("fuzzed.toml"), text) {
        let said = error.to_string();
        assert!(said.contains("fuzzed.toml"), "{said}");
    }
}
