//! The session against recordings of real Asterisks and against scripts.

#![allow(clippy::unwrap_used)]

mod recordings;
mod replay;
mod rig;
mod scripts;
mod words;
