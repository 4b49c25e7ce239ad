//! The one HTTP port: health, metrics and the desk WebSocket, plain or TLS.

mod ari;
mod config;
mod net;
mod routes;
mod server;
mod ticket;
mod upgrade;

pub use config::{AriDoor, HttpConfig, HttpDeps, HttpError, HttpServer, ServiceCert, TlsFiles};
pub use server::serve;
