//! R4: logs. Metrics are made from committed state in `app`.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Logs to stderr: text on a terminal, JSON otherwise. `TRUNKLINE_LOG` sets the level (default
/// `info`). Personal data is never logged above DEBUG and only through `Pii`.
pub fn init() {
    let filter =
        EnvFilter::try_from_env("TRUNKLINE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call (the demo in one process with tests) leaves the first in force.
    let _ = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().try_init()
    };
}
