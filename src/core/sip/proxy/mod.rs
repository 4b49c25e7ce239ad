//! The proxy core of RFC 3261 §16: stateful, record-routing, serial forking.
//!
//! A server transaction owns its response context (`state::Pending`) while it has no final answer.
//! After that only what retransmissions need stays. Files follow the way of a message: `request`
//! sorts, `invite` asks and answers, `fork` sends to targets, `response` brings answers back,
//! `dialog` moves everything that is inside a call, `late` serves what outlived its transaction.

mod cancel;
mod core;
mod dialog;
mod failure;
mod flows;
mod fork;
mod identity;
mod invite;
mod known;
mod late;
mod own;
mod peers;
mod reach;
mod request;
mod response;
mod routing;
mod state;
mod timers;
mod trust;
mod unsent;
mod way;

pub use core::Core;
