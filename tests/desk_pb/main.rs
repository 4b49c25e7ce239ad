//! Desktops against a listening server once more, with frames in protobuf: the tests of
//! tests/desk, whose desks turn every frame into its JSON form and back.

#![allow(clippy::unwrap_used)]

use trunkline_core::wire::Codec;

const CODEC: Codec = Codec::Protobuf;

#[path = "../desk/auth.rs"]
mod auth;
mod binary;
#[path = "../desk/boards.rs"]
mod boards;
#[path = "../desk/kit.rs"]
mod kit;
#[path = "../desk/limits.rs"]
mod limits;
#[path = "../desk/relay.rs"]
mod relay;
#[path = "../desk/schema.rs"]
mod schema;
#[path = "../desk/stream.rs"]
mod stream;
#[path = "../desk/subs.rs"]
mod subs;
#[path = "../desk/token.rs"]
mod token;
