//! Drivers of control links to PBXs: sockets for the sessions of `core::pbx`.
//!
//! One task a link. What comes is read by tasks that wait for nothing but their socket, because a
//! PBX whose reader is slow suffers: they put it into a bounded queue ([`Spill`]). The link's own
//! task feeds the session from there and hands reports to the engine; while the engine is late, it
//! waits and the queue grows. Connections that FreeSWITCH opens for its calls are served by one task
//! for all (`calls`).

mod calls;
mod config;
mod driver;
mod http;
mod lanes;
#[cfg(test)]
mod rig;
mod run;
mod spill;
mod stats;
mod stream;
#[cfg(test)]
mod tests;
mod web;

pub use calls::spawn_calls;
pub use config::*;
pub use driver::{Link, LinkBatch, Outlet, spawn};
pub use spill::Spill;
pub use stats::LinkStats;
pub use stream::{StreamTls, TlsSetupError};
pub use web::{Accepted, Boxed, Incoming, handed_over};
