#![allow(clippy::unwrap_used)]

mod calls;
mod frames;
mod orders;
mod peer;
mod scripted;
mod snapshots;
mod stories;
