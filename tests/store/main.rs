//! The journal, its projections and their engines, on real files.

#![allow(clippy::unwrap_used)]

mod attempts;
mod audit;
mod child;
mod conformance;
mod crash;
mod cuts;
mod faults;
mod journal;
mod kit;
mod lists;
mod powercut;
mod throughput;
