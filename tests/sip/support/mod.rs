//! What the tests of the real binary share: addresses, processes, SIP peers and event assertions.
//!
//! A test owns a `Site`: its own loopback network, folder and configuration. Peers are sipp
//! scenarios (`Sipp`) where a story is told, and a hand-driven `Ua` where the test needs the
//! moment of every datagram.

#![allow(clippy::unwrap_used)]

pub mod baresip;
pub mod desk;
pub mod events;
pub mod gateway;
pub mod kamailio;
pub mod load;
pub mod names;
pub mod net;
pub mod peers;
pub mod pki;
pub mod process;
pub mod server;
pub mod shim;
pub mod sipp;
pub mod tail;
pub mod ua;
pub mod wire;

pub use desk::Desk;
pub use events::Story;
pub use gateway::{Gateway, Mood};
pub use load::Load;
pub use names::NameServer;
pub use net::Net;
pub use peers::Peers;
pub use pki::Pki;
pub use server::{Server, Site, SiteOptions};
pub use sipp::Sipp;
pub use tail::Tail;
pub use ua::{Dialog, Message, Ua};

/// Monday 2026-11-23, 10:00 in Shanghai: a workday within every window of the shipped rules.
pub const WORKDAY_MORNING: &str = "2026-11-23T10:00:00+08:00";
