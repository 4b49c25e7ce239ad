//! R2: read model, subscriptions, snapshots and resume for desks.
//!
//! Fed with committed frames only: no desk sees what is not durable. Positions are those of the
//! site's log; a subscriber's stream is the log filtered by what its token allows.

mod access;
mod calls;
mod hub;
mod ring;
#[cfg(test)]
mod tests;

pub use access::{Grant, Interest, Principal, Refusal, RefusalCode, Role, SubRequest, Topic};
pub use hub::{
    Advance, AdvanceState, Cut, Delivery, Hub, HubError, HubLimits, HubSizes, ResumePoint, SlotId,
    Start, SubSnap, Subscribed, Why,
};
pub use ring::Frame;
