//! The session against recordings of real Asterisks and against scripts.

#![allow(clippy::unwrap_used)]

mod events;
mod login;
mod orders;
mod recordings;
mod replay;
mod rig;
mod tables;
mod words;
