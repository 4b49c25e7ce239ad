//! A desk client of `trunkline.v1.json`: says hello, follows the stream, answers heartbeats, checks
//! that nothing is missing, and comes back with `resume` after a cut.

mod client;
mod messages;
mod progress;

pub use client::{play, run};
pub use messages::{DeskCommand, DeskReport, DeskSub};
