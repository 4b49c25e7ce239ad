//! `trunkline conform`: does a desktop client keep the contract of the desk protocol?
//!
//! A scripted server on the real protocol. It plays the cases of docs/desktop-developers.md: cuts,
//! gaps, closes, tokens that end, frames nobody knows. What the client does then is judged by what
//! it sends, and nothing else: `hello`, heartbeats with position and count, commands, and when it
//! connects. A client needs nothing that it would not have for the real server.

mod args;
mod case;
mod cases;
mod client;
mod command;
mod desk;
mod door;
mod report;
mod run;
mod server;
mod server_socket;
mod site;
mod stage;

pub use args::ConformArgs;
pub(super) use command::conform;
