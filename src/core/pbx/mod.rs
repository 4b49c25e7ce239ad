//! R2: control links to PBXs, sans-IO. What a PBX says in its own words (AMI, ARI, ESL) becomes
//! [`Fact`]s about its channels; what the engine wants becomes [`Order`]s in the PBX's words.
//!
//! A session never waits and never decides: it reads what came, in order, and says what it means.
//! The same fact may come twice, from two links to one PBX or from a snapshot; whoever takes facts
//! must not mind. Nothing a PBX sends may panic here.

pub mod ami;
pub mod ari;
mod asterisk;
pub mod esl;
mod fact;
mod order;
mod session;

pub use ami::{AmiSession, AmiSettings};
pub use fact::{
    BridgeId, ChannelEnd, ChannelId, ChannelInfo, Dequeued, DeviceState, EndedBy, Fact, Member,
    Observed, Snapshot,
};
pub use order::{Order, OrderId, OrderResult};
pub use session::{
    Close, HttpRequest, Lane, LinkOutputs, LinkReport, Method, News, PbxIdentity, Session,
};
