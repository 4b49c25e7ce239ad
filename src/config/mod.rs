//! R5: the configuration file: one TOML, unknown keys refused, errors with file, line and key.

mod address;
mod agent;
mod desk;
mod dns;
mod error;
mod esl;
mod file;
mod http;
mod line;
mod pbx;
mod people;
mod reconcile;
#[cfg(test)]
mod sample;
mod sip;
mod validate;
mod webhook;

pub use address::{Address, HostName};
pub use agent::{AfterCall, Agent, Agents, RingNoAnswer};
pub use dns::Dns;
pub use error::ConfigError;
pub use esl::Esl;
pub use file::*;
pub use http::{Http, Issuer, Service};
pub use line::{Account, Alive, Probe, Register, Trunk};
pub use pbx::{Ami, Ari, LinkAddress, LinkUrl, Pbx};
pub use people::{Identity, Pop, Record, Window};
pub use reconcile::{Reconcile, contexts_in, machine_zone};
pub use sip::*;
pub use webhook::Webhook;
