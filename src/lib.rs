//! trunkline: CTI middleware between a PBX, its carriers and the agent desktops.
//!
//! The pure half is the crate `trunkline_core`; this one holds what touches the machine
//! (rows R4-R5 of docs/architecture.md).

pub mod app;
pub mod cli;
pub mod config;
pub mod io;
pub mod sim;
pub mod store;
pub mod telemetry;
