//! Calls through the real binary: sipp and hand-driven user agents on either side.

#![allow(clippy::unwrap_used)]

mod support;

mod api;
mod bad_lists;
mod bad_rules;
mod callers;
mod caps;
mod checkers;
mod clock;
mod commands;
mod cuts;
mod disk;
mod failover;
mod hostile;
mod inbound;
mod lines;
mod lines_orders;
mod lines_register;
mod lists;
mod midcall;
mod names;
mod on_record;
mod outbound;
mod overrides;
mod permits;
mod permits_speed;
mod prefixes;
mod races;
mod real_peers;
mod reconcile;
mod records;
mod restart;
mod restart_many;
mod rules;
mod shadow;
mod stories;
mod time;
mod tokens;
mod transports;
mod transports_hostile;
mod webhooks;
