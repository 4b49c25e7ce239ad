//! The pure rooms of trunkline (rows R0-R3 of docs/architecture.md).
//!
//! Nothing here sees a socket, file, thread, clock, entropy, lock or channel: time, randomness and
//! keys come in as arguments, effects go out as values.

pub mod agent;
pub mod call;
pub mod cdr;
pub mod duty;
pub mod engine;
pub mod gate;
pub mod hub;
pub mod line;
pub mod model;
pub mod pbx;
pub mod sip;
pub mod vault;
pub mod wire;
