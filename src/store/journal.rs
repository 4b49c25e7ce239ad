//! The journal.

use super::StoreError;
use std::time::Duration;
use trunkline_core::model::{Epoch, Event};

/// Whether events become durable in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalState {
    /// Commits return in time.
    Enabled,
    /// The oldest event waits too long, or a commit failed.
    Degraded {
        /// For how long.
        lasting: Duration,
    },
}

/// State of the journal, computed without a lock even while its thread hangs in a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalHealth {
    /// State.
    pub state: JournalState,
    /// Age of the oldest event that is not durable.
    pub undurable: Option<Duration>,
    /// Events waiting in the ring.
    pub queued: usize,
    /// Failed commits since the start.
    pub failures: u64,
}

/// The way into a started journal.
pub struct JournalHandle {}

impl JournalHandle {
    /// Queues an event; never blocks.
    ///
    /// # Errors
    /// Gives the event back when the ring is full or the journal closed.
    ///
    /// # Panics
    /// If the position does not follow the last accepted one within the epoch.
    pub fn try_push(&self, _event: Event) -> Result<(), Event> {
        todo!()
    }

    /// State of the journal; lock-free.
    pub fn health(&self) -> JournalHealth {
        todo!()
    }

    /// Starts a new epoch after everything queued so far; the next event may have any position.
    ///
    /// # Errors
    /// Gives the epoch back when the ring is full or the journal closed: try again later.
    pub fn new_epoch(&self, _epoch: Epoch) -> Result<(), Epoch> {
        todo!()
    }

    /// Drains the ring, brings the projections up, checkpoints and marks the stop as clean.
    ///
    /// # Errors
    /// If the checkpoint cannot be written.
    pub fn close(self) -> Result<(), StoreError> {
        todo!()
    }
}
