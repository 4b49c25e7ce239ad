//! Whole conversations with the core, in virtual time. The cast: `PBX`, carriers `ALPHA` and
//! `BETA`, and the rig between them.
#![allow(clippy::unwrap_used)]

mod auth;
mod basics;
mod dialogs;
mod facts;
mod failover;
mod flows;
mod frame;
mod fuzz;
mod limits;
mod mixed;
mod oddities;
mod oracle;
mod own;
mod protection;
mod restart;
mod rfc;
mod rig;
mod storm;
mod torture;
mod transports;
mod vectors;
