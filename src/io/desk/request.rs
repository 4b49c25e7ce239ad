//! What desks ask of the hub's task.

use super::queue::DeskQueue;
use std::sync::Arc;
use tokio::sync::oneshot;
use trunkline_core::hub::{
    Advance, Change, Cut, Principal, ResumePoint, SlotId, SubRequest, SubSnap, Subscribed, Why,
};
use trunkline_core::model::Pos;
use trunkline_core::wire::Codec;

/// A question; whoever does not wait for the answer any more unsubscribes by itself.
pub(super) enum Request {
    Subscribe {
        who: Principal,
        subs: Vec<SubRequest>,
        resume: Option<ResumePoint>,
        /// How frames are written, and whether the client takes `batch` frames.
        form: (Codec, bool),
        queue: Arc<DeskQueue>,
        reply: oneshot::Sender<Subscribed>,
    },
    Restart {
        slot: SlotId,
        why: Why,
        resume: Option<ResumePoint>,
        reply: oneshot::Sender<Option<Cut>>,
    },
    Advance {
        slot: SlotId,
        from: Pos,
        /// The desk wants to know in the end what it sees.
        list: bool,
        reply: oneshot::Sender<Option<Advance>>,
    },
    Change {
        slot: SlotId,
        wish: Wish,
        reply: oneshot::Sender<Option<Change>>,
    },
    Figures {
        slot: SlotId,
        reply: oneshot::Sender<Vec<SubSnap>>,
    },
    Unsubscribe(SlotId),
}

/// What a desk wants to be different about what it sees.
pub(super) enum Wish {
    Sub(SubRequest),
    Unsub(String),
    Reauthorise(Principal),
}
