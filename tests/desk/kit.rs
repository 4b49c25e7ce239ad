//! A listening server, a log that feeds it, and a client that counts.

#[path = "client.rs"]
pub mod client;
#[path = "site.rs"]
pub mod site;

pub use client::*;
pub use site::*;
