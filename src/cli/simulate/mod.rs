//! `trunkline simulate`: a site for developers of desktops, on one machine.
//!
//! The server is the ordinary one, started as `serve` does. Carrier and PBX are virtual
//! (`crate::sim`) and spoken to over real sockets, SIP and the Asterisk Manager Interface, so that
//! nothing in the server knows that it is simulated. Agents who have no desktop of the developer's
//! have one here, over the desk protocol like any other.

mod args;
mod command;
mod console;
mod intro;
mod run;
mod site;
mod staff;
mod traffic;
mod watch;

pub use args::SimulateArgs;
pub(super) use args::parse_time;
pub(super) use command::simulate;
