//! Control links of the real binary, against scripted PBXs on real sockets.

#![allow(clippy::unwrap_used)]

mod ami;
mod ari;
mod ari_server;
mod check;
mod commands;
mod esl;
mod esl_calls;
mod manager;
mod site;
#[allow(dead_code, unused_imports)] // what the tests of the trunk share with these
#[path = "../sip/support/mod.rs"]
mod support;
