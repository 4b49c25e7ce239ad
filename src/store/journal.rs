//! The way into the journal: a bounded ring that never blocks, and a health that is computed
//! without a lock even while the writer hangs in a commit.

use super::StoreError;
use super::writer::Item;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use trunkline_core::model::{Epoch, Event};

/// The journal is degraded when its oldest event waits longer. A gated call waits 500 ms for its
/// commit at most, so beyond this no gated call goes out.
pub const UNDURABLE_MAX: Duration = Duration::from_millis(500);
/// How long `close` waits for the disk.
const CLOSE_MAX: Duration = Duration::from_secs(30);

/// Whether events become durable in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalState {
    /// Commits return in time.
    Enabled,
    /// The oldest event waits too long, or commits fail.
    Degraded {
        /// For how long.
        lasting: Duration,
    },
}

/// State of the journal.
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

/// What writer and handle share. Instants are nanoseconds after `base`, plus one; 0 is "none".
pub(super) struct Shared {
    base: Instant,
    oldest: AtomicU64,
    failing_since: AtomicU64,
    failures: AtomicU64,
    closing_since: AtomicU64,
    pub(super) clean: AtomicBool,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            base: Instant::now(),
            oldest: AtomicU64::new(0),
            failing_since: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            closing_since: AtomicU64::new(0),
            clean: AtomicBool::new(false),
        }
    }

    fn stamp(&self, at: Instant) -> u64 {
        let ns = at.saturating_duration_since(self.base).as_nanos();
        u64::try_from(ns).unwrap_or(u64::MAX - 1) + 1
    }

    fn age(&self, cell: &AtomicU64) -> Option<Duration> {
        let at = cell.load(Ordering::Acquire);
        let now = self.stamp(Instant::now());
        (at != 0).then(|| Duration::from_nanos(now.saturating_sub(at)))
    }

    /// The writer holds events of which the oldest was pushed then.
    pub(super) fn holds(&self, pushed: Instant) {
        self.oldest.store(self.stamp(pushed), Ordering::Release);
    }

    /// The writer holds nothing.
    pub(super) fn idle(&self) {
        self.oldest.store(0, Ordering::Release);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::AcqRel);
        let now = self.stamp(Instant::now());
        let _ = self.failing_since.compare_exchange(0, now, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Says whether commits had failed.
    pub(super) fn succeeded(&self) -> bool {
        self.failing_since.swap(0, Ordering::AcqRel) != 0
    }

    /// How long ago `close` was called.
    pub(super) fn closing(&self) -> Option<Duration> {
        self.age(&self.closing_since)
    }
}

/// The way into a started journal. Dropping it without `close` leaves an unclean stop behind.
pub struct JournalHandle {
    ring: Sender<Item>,
    shared: Arc<Shared>,
    ended: Receiver<Result<(), StoreError>>,
    /// Position the next event must have; 0: any.
    next: AtomicU64,
}

impl JournalHandle {
    pub(super) fn new(
        ring: Sender<Item>,
        shared: Arc<Shared>,
        ended: Receiver<Result<(), StoreError>>,
        next: u64,
    ) -> Self {
        Self { ring, shared, ended, next: AtomicU64::new(next) }
    }

    /// Queues an event; never blocks.
    ///
    /// # Errors
    /// Gives the event back when the ring is full or the journal closed.
    ///
    /// # Panics
    /// If the position does not follow the last accepted one within the epoch: a gap would be
    /// told to desks as "nothing happened".
    #[allow(clippy::result_large_err)] // what finds no place goes back to who made it
    pub fn try_push(&self, event: Event) -> Result<(), Event> {
        let (pos, next) = (event.pos.0, self.next.load(Ordering::Acquire));
        assert!(pos != 0 && (next == 0 || pos == next), "event at {pos}, expected {next}");
        match self.ring.try_send(Item::Event(Instant::now(), event)) {
            Ok(()) => {
                self.next.store(pos + 1, Ordering::Release);
                Ok(())
            }
            Err(TrySendError::Full(item) | TrySendError::Disconnected(item)) => match item {
                Item::Event(_, event) => Err(event),
                Item::Epoch(_) => Ok(()), // An event was sent, an event comes back.
            },
        }
    }

    /// State of the journal; lock-free.
    pub fn health(&self) -> JournalHealth {
        let undurable = self.shared.age(&self.shared.oldest);
        let failing = self.shared.age(&self.shared.failing_since);
        let late = undurable.and_then(|age| age.checked_sub(UNDURABLE_MAX));
        let state = match failing.max(late) {
            Some(lasting) => JournalState::Degraded { lasting },
            None => JournalState::Enabled,
        };
        let failures = self.shared.failures.load(Ordering::Acquire);
        JournalHealth { state, undurable, queued: self.ring.len(), failures }
    }

    /// Starts a new epoch after everything queued so far; the next event may have any position.
    ///
    /// # Errors
    /// Gives the epoch back when the ring is full or the journal closed: try again later.
    pub fn new_epoch(&self, epoch: Epoch) -> Result<(), Epoch> {
        self.ring.try_send(Item::Epoch(epoch)).map_err(|_| epoch)?;
        self.next.store(0, Ordering::Release);
        Ok(())
    }

    /// Drains the ring, brings the projections up, checkpoints and marks the stop as clean.
    ///
    /// # Errors
    /// If that cannot be done within 30 s; what was committed stays committed.
    pub fn close(self) -> Result<(), StoreError> {
        self.shared.clean.store(true, Ordering::Release);
        let now = self.shared.stamp(Instant::now());
        self.shared.closing_since.store(now, Ordering::Release);
        drop(self.ring);
        self.ended.recv_timeout(CLOSE_MAX).unwrap_or(Err(StoreError::Closed))
    }
}
