//! Calls, agents, lines and links for who asks once: what a socket of the same caller would show.

mod body;
mod claims;
mod commands;
mod dnc;
mod door;
mod gate;
mod gate_ask;
mod lists;
mod query;
mod rate;
mod sight;
mod snapshot;

pub(super) use claims::{record, recorded, withdraw};
pub(super) use commands::{give, standing};
pub(super) use dnc::{block, free, listed};
pub(super) use door::{Limits, openapi};
pub(super) use gate::{check, explain, permit};
pub(super) use lists::{agent, agents, call, calls, line, lines, links};
pub(super) use snapshot::snapshot;
