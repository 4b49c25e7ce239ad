//! The one HTTP port: health, metrics, the desk WebSocket and the API beside it, plain or TLS.
//!
//! docs/http-api.md describes the API.

mod api;
mod ari;
mod caller;
mod config;
mod cors;
mod gate;
mod net;
mod problem;
mod requests;
mod routes;
mod server;
mod ticket;
mod upgrade;

pub use config::{
    AriDoor, ClaimAsk, DncAsk, DncDoor, DncFault, HttpConfig, HttpDeps, HttpError, HttpServer,
    ServiceCert, TlsFiles,
};
pub use gate::{GateDeps, GateOrder, GiveGateOrder};
pub use routes::routes;
pub use server::serve;
