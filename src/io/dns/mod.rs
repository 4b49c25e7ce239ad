//! Names of neighbours to addresses (RFC 3263): looked up in the background, again before an
//! answer ends, and told when it changes. The last good answer stays in force while lookups fail.

mod client;
mod config;
mod locate;
mod order;
mod watch;

pub use config::*;
pub use watch::{DnsStats, Job, Tell, watch};
