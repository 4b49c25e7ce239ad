//! Desktops against a listening server.

#![allow(clippy::unwrap_used)]

mod kit;
mod limits;
mod relay;
mod schema;
mod stream;
mod tls;
mod token;
