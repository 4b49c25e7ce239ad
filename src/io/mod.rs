//! R4: sockets, clock, entropy, TLS, WebSocket, HTTP, admin socket.

pub mod desk;
pub mod http;
