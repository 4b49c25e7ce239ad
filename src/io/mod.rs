//! R4: sockets, clock, entropy, TLS, WebSocket, HTTP, links to PBXs, admin socket.

pub mod admin;
mod client;
pub mod clock;
pub mod desk;
pub mod dns;
pub mod http;
pub mod pbx;
pub mod sip;
mod trust;
pub mod udp;
pub mod wake;
pub mod webhook;
