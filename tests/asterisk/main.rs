//! A real Asterisk (tests/asterisk/get), configured by deploy/asterisk, between trunkline and
//! telephones.

#![allow(clippy::unwrap_used)]

mod agents;
mod consults;
mod desktop;
mod digest;
mod handover;
mod holiday;
mod linked;
mod load;
mod notified;
mod orders;
mod outages;
mod pbx;
mod permits;
mod phone;
mod place;
mod recorded;
mod relay;
mod shut;
#[allow(dead_code, unused_imports)]
#[path = "../sip/support/mod.rs"]
mod support;
mod talking;
mod told;
mod trunk;
