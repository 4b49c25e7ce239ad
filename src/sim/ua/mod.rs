//! A small scripted SIP user agent over UDP (RFC 3261 §8, §12-15, §17), IPv4 and IPv6 literals.
//!
//! [`Ua`] is sans-IO: datagrams, commands and the time go in, datagrams and reports come out.
//! [`drive`] runs it on a socket. It places and answers calls by script: ring, early media,
//! answer, reject, never answer, cancel, hold, hang up. Not spoken: forking towards several
//! targets, TCP, TLS, authentication, reliable provisional responses, media.

mod agenda;
mod agent;
mod build;
mod call;
mod dialog;
mod drive;
mod message;
mod midcall;
mod script;
mod txn;
mod uac;
mod uas;

pub use agent::{Outputs, Ua};
pub use drive::{DriveError, Spawned, drive, spawn};
pub use message::{Message, ReadError, Start};
pub use script::{Behaviour, Command, Dial, Hold, Outcome, Progress, Report, Side};

#[cfg(test)]
mod tests;
