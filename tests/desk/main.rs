//! Desktops against a listening server.

#![allow(clippy::unwrap_used)]

use trunkline_core::wire::Codec;

/// tests/desk_pb has the other one.
const CODEC: Codec = Codec::Json;

mod api;
mod auth;
mod boards;
mod claims;
mod confirm;
mod dnc;
mod gate;
mod issuer;
mod kit;
mod limits;
mod orders;
mod relay;
mod schema;
mod stream;
mod subs;
mod text;
mod tls;
mod token;
mod web;
