//! Whole conversations with the core, in virtual time. The cast: `PBX`, carriers `ALPHA` and
//! `BETA`, and the rig between them.
#![allow(clippy::unwrap_used)]

mod basics;
mod dialogs;
mod failover;
mod frame;
mod fuzz;
mod limits;
mod oracle;
mod restart;
mod rig;
mod torture;
mod transports;
