//! R2: read model, subscriptions, snapshots and resume for desks.
//!
//! Fed with committed frames only: no desk sees what is not durable. Positions are those of the
//! site's log; a subscriber's stream is the log filtered by what its token allows.

mod access;
mod agents;
mod boards;
mod calls;
mod filter;
#[allow(clippy::module_inception)]
mod hub;
mod index;
mod interest;
mod lines;
mod look;
mod ring;
mod seen;
mod subs;
#[cfg(test)]
mod tests;
mod types;

pub use access::{Grant, GrantView, Principal, Refusal, RefusalCode, Role, SubRequest, Topic};
pub use filter::{FILTER_ID_BYTES_MAX, FILTER_IDS_MAX, FILTER_LABELS, Filter};
pub use hub::Hub;
pub use interest::Interest;
pub use look::{Finding, Found, Look, Pick, Sight, Which};
pub use ring::{Frame, Gone};
pub use types::{
    Advance, AdvanceState, Change, Cut, Delivery, HubError, HubLimits, HubSizes, Kept, ResumePoint,
    SlotId, Start, SubSnap, Subscribed, Why,
};
