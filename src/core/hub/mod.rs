//! R2: read model, subscriptions, snapshots and resume for desks.
//!
//! Fed with committed frames only: no desk sees what is not durable. Positions are those of the
//! site's log; a subscriber's stream is the log filtered by what its token allows.

mod access;
mod agents;
mod calls;
#[allow(clippy::module_inception)]
mod hub;
mod lines;
mod ring;
#[cfg(test)]
mod tests;
mod types;

pub use access::{Grant, Interest, Principal, Refusal, RefusalCode, Role, SubRequest, Topic};
pub use hub::Hub;
pub use ring::Frame;
pub use types::{
    Advance, AdvanceState, Cut, Delivery, HubError, HubLimits, HubSizes, ResumePoint, SlotId,
    Start, SubSnap, Subscribed, Why,
};
