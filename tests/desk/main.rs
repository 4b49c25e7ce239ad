//! Desktops against a listening server.

#![allow(clippy::unwrap_used)]

mod api;
mod auth;
mod boards;
mod issuer;
mod kit;
mod limits;
mod orders;
mod relay;
mod schema;
mod stream;
mod subs;
mod tls;
mod token;
mod web;
