//! Counters of desks, for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use trunkline_core::hub::HubSizes;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(super) opened: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) welcomed: AtomicU64,
    pub(super) resumed: AtomicU64,
    pub(super) auth_failed: AtomicU64,
    pub(super) frames: AtomicU64,
    pub(super) slow: AtomicU64,
    pub(super) heartbeat_lost: AtomicU64,
    pub(super) batches_missed: AtomicU64,
    pub(super) positions_lost: AtomicU64,
    pub(crate) refused: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// A reading of the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeskStats {
    /// Sockets open, with or without `hello`.
    pub sockets: u64,
    /// `welcome` frames sent since start.
    pub welcomed_total: u64,
    /// Of these, continuations.
    pub resumed_total: u64,
    /// Tokens refused.
    pub auth_failed_total: u64,
    /// Upgrades refused (limits, origin, form).
    pub refused_total: u64,
    /// `ev` frames sent.
    pub frames_total: u64,
    /// Sockets closed as slow.
    pub slow_total: u64,
    /// Sockets closed without a sign of life.
    pub heartbeat_lost_total: u64,
    /// Batches that found the hub's inbox full and were read back from the journal.
    pub batches_missed_total: u64,
    /// Times the journal did not hold what the hub had missed: every desk started anew.
    pub positions_lost_total: u64,
    /// Sizes of the hub at its last batch.
    pub hub: HubSizes,
}

impl Counters {
    pub(super) fn sent(&self, frames: usize) {
        self.frames.fetch_add(frames as u64, Relaxed);
    }

    pub(super) fn read(&self, hub: HubSizes) -> DeskStats {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        DeskStats {
            sockets: read(&self.opened).saturating_sub(read(&self.closed)),
            welcomed_total: read(&self.welcomed),
            resumed_total: read(&self.resumed),
            auth_failed_total: read(&self.auth_failed),
            refused_total: read(&self.refused),
            frames_total: read(&self.frames),
            slow_total: read(&self.slow),
            heartbeat_lost_total: read(&self.heartbeat_lost),
            batches_missed_total: read(&self.batches_missed),
            positions_lost_total: read(&self.positions_lost),
            hub,
        }
    }
}
