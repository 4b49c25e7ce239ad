//! Sessions of Asterisk: recordings, single events, logins, orders.
#![allow(clippy::unwrap_used)]

mod events;
mod login;
mod orders;
mod peer;
mod recordings;
mod say;
mod snapshot;
