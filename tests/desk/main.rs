//! Desktops against a listening server.

#![allow(clippy::unwrap_used)]

mod auth;
mod boards;
mod confirm;
mod issuer;
mod kit;
mod limits;
mod relay;
mod schema;
mod stream;
mod subs;
mod tls;
mod token;
