//! SIP over connections: TCP, TLS and WebSocket (RFC 3261 §18, RFC 5626 §4.4.1, RFC 7118).
//!
//! Connections live on the runtime, one task each. The SIP thread has [`Flows`]: the table of
//! connections and one bounded queue to each of them, so that sending never waits. What comes in
//! goes through one bounded ring; while that is full the connections are not read.

mod accept;
mod admit;
mod config;
mod conn;
mod connect;
mod event;
mod flows;
mod framed;
mod identity;
mod queue;
mod start;
mod stats;
#[cfg(test)]
mod tests;
mod tls;
mod websocket;

pub use admit::Admission;
pub use config::*;
pub use flows::{Flows, Heard};
pub use start::{Streams, start};
pub use stats::*;
pub use tls::{Tls, TlsError};
