//! A virtual PBX: queues, agents' telephones and a trunk, spoken to as Asterisk is.
//!
//! [`Switch`] is sans-IO: manager actions, reports of the trunk's SIP and the time go in, manager
//! events and orders to the trunk come out. [`serve`] runs it on sockets: SIP towards trunkline by
//! the user agent of this room, and the Asterisk Manager Interface as the product's own link dials
//! it. Its words and their order are those of recorded Asterisk 22 calls, as far as trunkline
//! reads them. Telephones are in here and speak to nobody; there is no media.

mod actions;
mod channel;
mod consult;
mod dialplan;
mod ends;
mod lists;
mod queues;
mod ringing;
mod server;
mod settings;
mod switch;
mod text;

pub use server::{Control, Note, Server, serve};
pub use settings::{PhoneSettings, QueueSettings, SwitchSettings};
pub use switch::Switch;

#[cfg(test)]
mod tests;
