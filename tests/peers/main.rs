//! Programs of ours that play the others: the scripted peers, the demo, the simulation and
//! the check of desktops, as a user runs them.

#![allow(clippy::unwrap_used)]

mod conform;
mod demo;
mod sim;
mod simulate;
#[allow(dead_code, unused_imports)] // what the tests of the trunk share with these
#[path = "../sip/support/mod.rs"]
mod support;
