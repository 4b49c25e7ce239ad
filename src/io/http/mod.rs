//! The one HTTP port: health, metrics and the desk WebSocket, plain or TLS.

mod ari;
mod config;
mod net;
mod routes;
mod server;
mod upgrade;

pub use config::{AriDoor, HttpConfig, HttpDeps, HttpError, HttpServer, TlsFiles};
pub use server::serve;
