//! Asterisk REST Interface: events by a WebSocket, orders by HTTP (or by the same WebSocket).

mod events;
mod facts;
mod known;
mod raw;
mod session;
mod settings;

pub use session::AriSession;
pub use settings::{
    ANSWER_BYTES_MAX, AriSettings, CHANNELS_MAX, EVENT_BYTES_MAX, MARK_VARIABLE, PURPOSE_VARIABLE,
    USER_EVENT,
};
