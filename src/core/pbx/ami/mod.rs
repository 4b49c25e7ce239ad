//! Asterisk Manager Interface: a session over one TCP or TLS connection.
//!
//! Order of what is said: banner, `Challenge`, `Login`, `FullyBooted`, `Filter`, `CoreSettings`,
//! `CoreStatus`, `Getvar`, `Events`; then events flow and a snapshot is taken. Every action has an answer
//! within its time or the connection is given up. Formats are those of Asterisk 16 to 22 as
//! observed, and of their sources (`main/manager*.c`, `apps/app_queue.c`).

mod action;
mod answers;
mod block;
mod board;
mod call_ids;
mod calls;
mod channel;
mod frame;
mod login;
mod orders;
mod pending;
mod queues;
mod replay;
mod session;
mod settings;
mod snapshot;
mod taking;

pub use replay::replay;
pub use session::AmiSession;
pub use settings::AmiSettings;

#[cfg(test)]
mod tests;
