//! R2: SIP message spans, transactions and the proxy core (RFC 3261 §16-17, RFC 6026), without IO.

mod config;
mod counters;
mod datagram;
mod digest;
mod edit;
mod facts;
mod frame;
mod mark;
pub mod message;
mod own;
mod proxy;
mod signal;
mod slab;
#[cfg(test)]
mod tests;
mod text;
mod timer;
mod transaction;
mod transport;
mod wire;

pub use config::*;
pub use counters::*;
pub use datagram::*;
pub use frame::*;
pub use proxy::Core;
pub use signal::*;
pub use transport::*;
pub use wire::*;
