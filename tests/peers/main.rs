//! Programs of ours that play the others: the scripted peers, and the demo as a user runs it.

#![allow(clippy::unwrap_used)]

mod demo;
mod sim;
