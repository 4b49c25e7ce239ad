//! FreeSWITCH's Event Socket: one connection for events and one for commands (`session`), and
//! connections that FreeSWITCH opens for calls (`calls`).
//!
//! Bytes are cut into frames (`frame`), a frame's body is read as far as we need it (`event`), and
//! the model (`model`, `transfers`, `agents`) makes facts of it, some of them a moment later
//! (`late`). Orders become commands (`orders`), whose values are checked (`names`); their results
//! come as events on the connection for commands (`jobs`).

mod agents;
mod calls;
mod channels;
mod connection;
mod event;
mod frame;
mod jobs;
mod late;
mod lists;
mod model;
mod names;
mod orders;
mod session;
mod settings;
mod snapshot;
mod transfers;

pub use calls::{CallOutputs, CallSocket, EslCalls};
pub use session::EslSession;
pub use settings::EslSettings;

#[cfg(test)]
mod tests;
