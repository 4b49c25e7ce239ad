//! Asterisk REST Interface: events by a WebSocket, orders by HTTP (or by the same WebSocket).

mod events;
mod facts;
mod known;
mod orders;
mod raw;
mod rest;
mod session;
mod settings;
mod snapshot;

pub use session::{AriCounters, AriSession};
pub use settings::{
    ANSWER_BYTES_MAX, AriSettings, CHANNELS_MAX, EVENT_BYTES_MAX, MARK_VARIABLE, PURPOSE_VARIABLE,
    USER_EVENT,
};
