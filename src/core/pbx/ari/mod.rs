//! Asterisk REST Interface: events by a WebSocket, orders by HTTP (or by the same WebSocket).
//!
//! A session asks who is there, filters events, says that it is up and takes a snapshot. From then
//! on events become facts as they come, each once: a table knows every channel and what was told
//! of it. Events that come while a snapshot is taken are newer than its lists, and win.
//!
//! What Asterisk says and does is that of its versions 16 and 22; where a comment names a file, it
//! is one of Asterisk's sources.

mod events;
mod facts;
mod known;
mod lists;
mod login;
mod orders;
mod raw;
mod rest;
mod session;
mod settings;
mod snapshot;
#[cfg(test)]
mod tests;
mod transfers;

pub use session::{AriCounters, AriSession};
pub use settings::{
    ANSWER_BYTES_MAX, AriSettings, CHANNELS_MAX, EVENT_BYTES_MAX, MARK_VARIABLE, PURPOSE_VARIABLE,
    USER_EVENT,
};
