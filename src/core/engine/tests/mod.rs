//! The engine against SIP text, a virtual clock and a journal that confirms when told to.

#![allow(clippy::unwrap_used)]

mod agents;
mod bench_site;
mod bypass;
mod caps;
mod claims;
mod clock;
mod commands;
mod dialled;
mod gate;
mod handover;
mod journal;
mod lines;
mod links;
mod listing;
mod on_record;
mod overrides;
mod people;
mod permits;
mod shadow;
mod switch;
