//! The two threads behind a started journal.

use super::frames::Frame;
use super::journal::Shared;
use super::mark::Mark;
use super::project::Projector;
use super::store::Inner;
use super::{StoreError, meta};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use trunkline_core::model::{Committed, Epoch, Event, Wall};

/// Events of one group at most.
const GROUP_EVENTS_MAX: usize = 512;
/// Commits begin at most this often: an idle journal commits at once, a busy one gathers, because
/// a sync costs the same for one event as for many. It adds at most this to a gated INVITE.
const GATHER: Duration = Duration::from_millis(5);
/// The same after a group of `BUSY_EVENTS` or more.
const GATHER_BUSY: Duration = Duration::from_millis(12);
const BUSY_EVENTS: usize = 32;
/// Wait between attempts of a failing commit: doubles from the first to the last.
const RETRY_FIRST: Duration = Duration::from_millis(10);
const RETRY_MAX: Duration = Duration::from_secs(1);
/// A commit that still fails so long after `close` is given up.
const CLOSE_RETRY_MAX: Duration = Duration::from_secs(10);
/// Projections start a round at most this often while nobody waits for them: a page of an index
/// is then written once for many rows.
const PROJECT_EVERY: Duration = Duration::from_millis(250);
/// The same while reads ask for what is newest.
const PROJECT_HURRIED: Duration = Duration::from_millis(25);
const PROJECT_IDLE: Duration = Duration::from_secs(1);
/// A round ends with the frame that makes it so heavy: what it makes of them is held in memory at
/// once.
const ROUND_WEIGHT: usize = 16_384;

/// What the ring carries.
pub(super) enum Item {
    /// An event and when it was pushed.
    Event(Instant, Event),
    /// A new incarnation of the log begins.
    Epoch(Epoch),
}

/// The clock of a started journal.
pub(super) type Clock = Arc<dyn Fn() -> Wall + Send + Sync>;

/// Commits groups and tells about them.
pub(super) struct Writer<F> {
    pub(super) store: Arc<Inner>,
    pub(super) ring: Receiver<Item>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    pub(super) on_commit: F,
    pub(super) frames: Sender<Frame>,
    pub(super) mark: Mark,
    pub(super) epoch: Epoch,
}

impl<F: FnMut(Committed)> Writer<F> {
    /// Runs until the handle is gone and the ring is empty.
    pub(super) fn run(mut self) {
        self.write();
        let store = self.store.clone();
        drop(self); // the projections see that nothing follows
        store.hurry.ring();
    }

    fn write(&mut self) {
        let mut pending_epoch = None;
        let mut next_commit = Instant::now();
        loop {
            if let Some(epoch) = pending_epoch.take()
                && !self.begin_epoch(epoch)
            {
                return;
            }
            self.shared.idle();
            let mut group = Vec::new();
            match self.ring.recv() {
                Ok(Item::Event(pushed, event)) => {
                    self.shared.holds(pushed);
                    group.push(event);
                }
                Ok(Item::Epoch(epoch)) => {
                    pending_epoch = Some(epoch);
                    continue;
                }
                Err(_) => return,
            }
            std::thread::sleep(next_commit.saturating_duration_since(Instant::now()));
            let rows_max = self.store.engine.group_rows_max().min(GROUP_EVENTS_MAX);
            while group.len() < rows_max && pending_epoch.is_none() {
                match self.ring.try_recv() {
                    Ok(Item::Event(_, event)) => group.push(event),
                    Ok(Item::Epoch(epoch)) => pending_epoch = Some(epoch),
                    Err(_) => break,
                }
            }
            next_commit = match group.len() {
                n if n == rows_max => Instant::now(), // a backlog does not wait
                n if n >= BUSY_EVENTS => Instant::now() + GATHER_BUSY,
                _ => Instant::now() + GATHER,
            };
            if !self.commit(group) {
                return;
            }
        }
    }

    fn commit(&mut self, group: Vec<Event>) -> bool {
        let Some(last) = group.last() else { return true };
        let mark = Mark { seq: self.mark.seq + 1, pos: last.pos.0, ..self.mark };
        let at = (self.clock)();
        let events: Arc<[Event]> = group.into();
        // Sealed once: an attempt writes the very bytes of the one before it.
        let mut sealed = None;
        let done = self.persist(|store| {
            if sealed.is_none() {
                sealed = Some(store.frames.seal(mark, at, &events)?);
            }
            sealed.as_ref().map_or(Ok(()), |frame| store.frames.append(frame))
        });
        if done {
            self.mark = mark;
            self.store.journal_head.saw(mark);
            self.store.durable.set(mark);
            if let Some(sealed) = sealed {
                self.store.frames.recycle(sealed);
            }
            let frame = Frame { mark, events: events.clone() };
            // A projector that is behind reads the journal instead.
            let _ = self.frames.try_send(frame);
            (self.on_commit)(Committed { epoch: self.epoch, events });
        }
        done
    }

    fn begin_epoch(&mut self, epoch: Epoch) -> bool {
        let number = self.mark.epoch_no + 1;
        let done = self.persist(|store| meta::set_epoch(&store.meta, number, epoch));
        if done {
            self.epoch = epoch;
            self.mark = Mark { epoch_no: number, pos: 0, ..self.mark };
            self.store.durable.set(self.mark);
        }
        done
    }

    /// Tries until it works: nothing is dropped, nothing overtakes. `false` if the journal was
    /// closed meanwhile and the disk does not come back.
    fn persist(&self, mut attempt: impl FnMut(&Inner) -> Result<(), StoreError>) -> bool {
        let mut wait = RETRY_FIRST;
        loop {
            match attempt(&self.store) {
                Ok(()) => {
                    if self.shared.succeeded() {
                        tracing::warn!("journal commits work again");
                    }
                    return true;
                }
                Err(error) => {
                    self.shared.failed();
                    tracing::error!(%error, "journal commit failed; events wait");
                }
            }
            if self.shared.closing().is_some_and(|age| age > CLOSE_RETRY_MAX) {
                self.shared.clean.store(false, Ordering::Release);
                return false;
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(RETRY_MAX);
        }
    }
}

/// Follows the writer. Ends when the writer has ended; returns how the stop went.
pub(super) fn follow(
    mut projector: Projector,
    store: &Inner,
    frames: &Receiver<Frame>,
    shared: &Shared,
    clock: &Clock,
) -> Result<(), StoreError> {
    loop {
        let (group, full) = match frames.recv_timeout(PROJECT_IDLE) {
            Ok(frame) => gather(frame, frames),
            Err(RecvTimeoutError::Timeout) => (Vec::new(), false),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let started = Instant::now();
        let mut done = round(&mut projector, store, &group);
        if done.is_ok() {
            done = projector.housekeeping(clock());
        }
        let pause = match done {
            Ok(()) if full => continue, // a backlog does not wait
            Ok(()) => PROJECT_EVERY,
            Err(error) => {
                tracing::error!(%error, "projections are behind; they catch up from the journal");
                RETRY_MAX
            }
        };
        std::thread::sleep(PROJECT_HURRIED.min(pause).saturating_sub(started.elapsed()));
        store.hurry.pause(pause.saturating_sub(started.elapsed()));
    }
    if !shared.clean.load(Ordering::Acquire) {
        return Err(StoreError::Closed);
    }
    projector.finish(clock())
}

/// What waits, from `first` on, as much as goes into a round; `true`: there may be more.
fn gather(first: Frame, frames: &Receiver<Frame>) -> (Vec<Frame>, bool) {
    let mut weight = first.weight();
    let mut group = vec![first];
    while weight < ROUND_WEIGHT
        && let Ok(next) = frames.try_recv()
    {
        weight += next.weight();
        group.push(next);
    }
    (group, weight >= ROUND_WEIGHT)
}

fn round(projector: &mut Projector, store: &Inner, group: &[Frame]) -> Result<(), StoreError> {
    // Frames that a catch-up has seen are passed over. What the channel had no place for is read
    // from the journal; what is committed meanwhile comes with the next round.
    let known = group.iter().take_while(|f| f.mark.seq <= projector.done().seq).count();
    let group = &group[known..];
    let follows = match group.first() {
        Some(first) => first.mark.seq == projector.done().seq + 1,
        None => known > 0 || projector.done().seq == store.durable.mark().seq,
    };
    let whole = group.windows(2).all(|pair| pair[1].mark.seq == pair[0].mark.seq + 1);
    if follows && whole {
        projector.take(group)?;
    } else {
        projector.catch_up()?;
    }
    store.projected.set(projector.done());
    Ok(())
}
