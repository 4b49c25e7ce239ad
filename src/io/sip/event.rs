//! What connections tell the SIP thread.

use super::queue::Queue;
use crate::io::wake::Waker;
use tokio::sync::mpsc;
use trunkline_core::model::Arrival;
use trunkline_core::sip::{FlowId, FlowOpened};

/// Events that may wait for the SIP thread; with the longest messages 64 MiB.
pub(super) const RING: usize = 1024;

/// In order for one connection.
pub(super) enum Event {
    /// Somebody connected.
    Accepted {
        /// Who.
        opened: FlowOpened,
        /// The way to it.
        queue: Queue,
    },
    /// One of ours is open.
    Connected {
        /// Which.
        flow: FlowId,
        /// Names of the server's certificate.
        names: Vec<String>,
    },
    /// A message came.
    Message {
        /// On this connection.
        flow: FlowId,
        /// The whole message.
        bytes: Vec<u8>,
        /// When it was read: connections have no kernel stamp.
        at: Arrival,
    },
    /// The connection is gone, or could not be opened.
    Gone {
        /// Which.
        flow: FlowId,
        /// For the operator.
        why: String,
        /// Tickets of what was not written.
        unsent: Vec<u64>,
    },
}

/// The way to the SIP thread; clones share it.
#[derive(Clone)]
pub(super) struct Inbox {
    events: mpsc::Sender<Event>,
    waker: Waker,
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(RING);
        (Self { events, waker }, receiver)
    }

    /// Waits while the ring is full; `false`: the SIP thread has ended.
    pub(super) async fn tell(&self, event: Event) -> bool {
        let told = self.events.send(event).await.is_ok();
        self.waker.wake();
        told
    }
}
