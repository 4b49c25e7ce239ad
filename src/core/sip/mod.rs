//! R2: SIP message spans, transactions and the proxy core (RFC 3261 §16-17, RFC 6026), without IO.

mod signal;

pub use signal::*;
