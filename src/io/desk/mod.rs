//! Desktops on WebSocket: tokens, sessions, queues, and the task that owns the hub.
//!
//! One task owns the hub and never waits for a desk; one task and one bounded queue a desk.
//! docs/desk-protocol.md describes the wire.

#[cfg(test)]
mod autobahn;
mod close;
mod command;
mod config;
mod counters;
mod frames;
mod hello;
mod hub_task;
mod live;
mod queue;
mod registry;
mod replay;
mod session;
pub mod token;
#[cfg(test)]
mod vectors;
mod writer;

pub use close::Close;
pub(crate) use command::Desks;
pub use command::{DeskOrder, GiveOrder};
pub use config::DeskConfig;
pub use counters::DeskStats;
pub use hub_task::{DeskHub, Health, ReadJournal, WallClock};
pub(crate) use registry::{Admission, Registry, Ticket};
pub(crate) use session::{DeskDeps, run_session};

/// Subprotocol on the wire.
pub const SUBPROTOCOL: &str = "trunkline.v1.json";
