//! Figures of one link.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counters since the start, and what waits at the moment.
#[derive(Debug, Default)]
pub struct LinkStats {
    pub(super) connects: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) reports: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) orders: AtomicU64,
    pub(super) orders_unanswered: AtomicU64,
    pub(super) strangers: AtomicU64,
    pub(super) call_sockets: AtomicUsize,
    pub(super) queued_messages: AtomicUsize,
    pub(super) queued_bytes: AtomicUsize,
}

pub(super) fn up(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl LinkStats {
    /// Counters: name, help, value.
    pub fn counters(&self) -> [(&'static str, &'static str, u64); 7] {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        [
            ("connects", "Connections opened.", read(&self.connects)),
            ("failures", "Connections lost or not opened.", read(&self.failures)),
            ("reports", "Facts and news of it.", read(&self.reports)),
            ("lost", "Messages dropped because the queue was full.", read(&self.lost)),
            ("orders", "Orders to the PBX.", read(&self.orders)),
            (
                "orders_unanswered",
                "Orders that ended with their connection.",
                read(&self.orders_unanswered),
            ),
            (
                "strangers",
                "Connections of calls refused: not of the PBX, or too many.",
                read(&self.strangers),
            ),
        ]
    }

    pub(super) fn gave_up(&self, orders: usize) {
        self.orders_unanswered.fetch_add(orders as u64, Relaxed);
    }

    /// Connections that the PBX holds for its calls.
    pub fn call_sockets(&self) -> usize {
        self.call_sockets.load(Relaxed)
    }

    /// Read and not yet handled: messages and bytes.
    pub fn queued(&self) -> (usize, usize) {
        (self.queued_messages.load(Relaxed), self.queued_bytes.load(Relaxed))
    }
}
