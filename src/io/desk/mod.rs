//! Desktops on WebSocket: tokens, sessions, queues, and the task that owns the hub.
//!
//! One task owns the hub and never waits for a desk; one task and one bounded queue a desk.
//! docs/desk-protocol.md describes the wire.

mod auth;
#[cfg(test)]
mod autobahn;
mod change;
mod close;
mod command;
mod config;
mod counters;
mod frames;
mod hello;
mod hub_task;
mod live;
mod once;
mod pages;
mod queue;
mod registry;
mod replay;
mod request;
mod session;
pub mod token;
#[cfg(test)]
mod vectors;
mod writer;

pub use auth::*;
pub use close::Close;
pub(crate) use command::Desks;
pub use command::{DeskOrder, GiveOrder};
pub use config::{Barrier, DeskConfig, OverrideBy};
pub use counters::DeskStats;
pub use hub_task::{DeskHub, Health, ReadJournal, WallClock};
pub(crate) use once::{Given, order, standing};
pub(crate) use registry::{Admission, Registry, Ticket};
pub(crate) use session::{DeskDeps, PeerFacts, run_session};
