//! R4: sockets, clock, entropy, TLS, WebSocket, HTTP, admin socket.

pub mod admin;
pub mod clock;
pub mod desk;
pub mod dns;
pub mod http;
pub mod sip;
pub mod udp;
pub mod wake;
