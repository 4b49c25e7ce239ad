//! `trunkline demo`: a working day on loopback with nothing else installed.
//!
//! The server is the ordinary one, run in this process through the entry point of `serve` with a
//! clock that the demo may move. Carrier, phones and desks are processes of their own (`trunkline
//! peer ...`) that speak SIP over UDP and `trunkline.v1.json` over WebSocket to it. What is printed
//! is what the supervisor's desk was told; at the end it is compared with what carrier and phones
//! saw on the wire.

mod account;
mod args;
mod check;
mod command;
mod day;
mod echo;
mod frames;
pub(super) mod out;
mod peer;
mod procs;
mod run;
pub(super) mod site;
pub(super) mod stop;
mod story;
mod summary;
pub(super) mod wiring;

pub use args::DemoArgs;
pub(super) use command::{demo, peer};
pub use peer::PeerArgs;
