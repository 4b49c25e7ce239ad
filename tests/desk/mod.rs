//! A listening server, a log that feeds it, and a client that counts.
#![allow(dead_code, clippy::unwrap_used)]

pub mod client;
pub mod site;

pub use client::*;
pub use site::*;
