//! Ends a pause of the projections early: somebody waits for them.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::time::Duration;

/// Rings once however often it is rung before it is heard.
pub(super) struct Bell {
    ring: Sender<()>,
    heard: Receiver<()>,
}

impl Bell {
    pub(super) fn new() -> Self {
        let (ring, heard) = bounded(1);
        Self { ring, heard }
    }

    /// Ends the pause under way, or the next one.
    pub(super) fn ring(&self) {
        let _ = self.ring.try_send(()); // full: it rings already
    }

    /// Pauses until it rings.
    pub(super) fn pause(&self, longest: Duration) {
        let _ = self.heard.recv_timeout(longest); // the pause is over, or it rang
    }
}
