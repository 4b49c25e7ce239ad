//! The task that owns the hub.
//!
//! The journal's thread hands batches over with [`DeskHub::committed`], which never blocks: when
//! the inbox is full the batch is left out and read back from the journal, which holds it
//! already. The task hands frames to bounded queues and never waits for a desk.

use super::close::Close;
use super::counters::{Counters, DeskStats, count};
use super::queue::DeskQueue;
use super::request::{Request, Wish};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use trunkline_core::hub::{Delivery, Hub, HubError, HubSizes, SlotId};
use trunkline_core::model::{Committed, Epoch, Event, Pos, Wall};

/// Batches that may wait for the hub's task.
const INBOX_BATCHES_MAX: usize = 1024;
/// Requests of desks that may wait for the hub's task; more desks wait for a place.
const REQUESTS_MAX: usize = 256;
/// Events read from the journal at once.
pub(super) const JOURNAL_PAGE_EVENTS: usize = 256;

/// Events handed to the queues at once: some 80 KiB for a desk that sees them all.
const STEP_EVENTS_MAX: usize = 64;
/// Time between two rounds of figures: ten a second.
const FIGURES_EVERY: Duration = Duration::from_millis(100);
/// Resumes that may read the journal at once; more wait.
const JOURNAL_READERS_MAX: usize = 2;

/// Reads events after a position, oldest first, at most so many. May block; called on a thread
/// for blocking work. An answer that does not begin at the next position means "not held".
pub type ReadJournal = Arc<dyn Fn(Pos, usize) -> Result<Vec<Event>, String> + Send + Sync>;

/// The application's wall clock.
pub type WallClock = Arc<dyn Fn() -> Wall + Send + Sync>;

/// State of the journal as desks and `/healthz` see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Serving.
    Enabled,
    /// Serving without the journal: no gated call may be made.
    Degraded {
        /// Why; without personal data.
        reason: String,
    },
}

impl Health {
    /// Name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Degraded { .. } => "degraded",
        }
    }
}

struct Shared {
    batches: mpsc::Sender<Committed>,
    missed: watch::Sender<Option<(Epoch, Pos)>>,
    requests: mpsc::Sender<Request>,
    /// Everything up to here has been put into the queues.
    head: AtomicU64,
    sizes: Mutex<HubSizes>,
    counters: Counters,
    journal: ReadJournal,
    readers: Semaphore,
    clock: WallClock,
    health: watch::Receiver<Health>,
}

/// Handle of the hub's task; clones share it. The task ends with the last handle.
#[derive(Clone)]
pub struct DeskHub {
    shared: Arc<Shared>,
}

impl DeskHub {
    /// Starts the task on `runtime`.
    pub fn spawn(
        runtime: &Handle,
        hub: Hub,
        journal: ReadJournal,
        clock: WallClock,
        health: watch::Receiver<Health>,
    ) -> Self {
        let (batches, batch_inbox) = mpsc::channel(INBOX_BATCHES_MAX);
        let (requests, request_inbox) = mpsc::channel(REQUESTS_MAX);
        let (missed, missed_inbox) = watch::channel(None);
        let shared = Arc::new(Shared {
            batches,
            missed,
            requests,
            head: AtomicU64::new(hub.head().0),
            sizes: Mutex::new(hub.sizes()),
            counters: Counters::default(),
            journal,
            readers: Semaphore::new(JOURNAL_READERS_MAX),
            clock,
            health,
        });
        // The task must not keep itself alive through its own senders.
        let task = Task {
            hub,
            queues: HashMap::new(),
            deliveries: Vec::new(),
            figures_at: Instant::now(),
            shared: Arc::downgrade(&shared),
        };
        runtime.spawn(task.run(batch_inbox, missed_inbox, request_inbox));
        Self { shared }
    }

    /// Takes a durable batch. From any thread; never blocks. Call it in log order.
    pub fn committed(&self, batch: Committed) {
        let Some(last) = batch.events.last().map(|e| e.pos) else { return };
        let epoch = batch.epoch;
        if self.shared.batches.try_send(batch).is_err() {
            count(&self.shared.counters.batches_missed);
            self.shared.missed.send_replace(Some((epoch, last)));
        }
    }

    /// Counters and sizes, for metrics.
    pub fn stats(&self) -> DeskStats {
        self.shared.counters.read(*lock(&self.shared.sizes))
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    pub(crate) fn now(&self) -> Wall {
        (self.shared.clock)()
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.clone()
    }

    /// A desk that empties its queue after this call has everything up to the answer.
    pub(super) fn head(&self) -> Pos {
        Pos(self.shared.head.load(Ordering::Acquire))
    }

    /// `None`: the hub's task is gone.
    pub(super) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.shared.requests.send(request(reply)).await.ok()?;
        answer.await.ok()
    }

    pub(super) fn unsubscribe(&self, slot: SlotId) {
        let request = Request::Unsubscribe(slot);
        if let Err(mpsc::error::TrySendError::Full(request)) =
            self.shared.requests.try_send(request)
        {
            let requests = self.shared.requests.clone();
            tokio::spawn(async move { requests.send(request).await });
        }
    }

    /// Events after `from`; few readers at a time, so that a storm of resumes leaves the disk to
    /// the journal. An empty answer: not held.
    pub(super) async fn read_journal(&self, from: Pos) -> Result<Vec<Event>, String> {
        let _turn = self.shared.readers.acquire().await.map_err(|e| e.to_string())?;
        read_page(self.shared.journal.clone(), from).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A page that begins at the position after `from` and has no hole, else nothing.
async fn read_page(journal: ReadJournal, from: Pos) -> Result<Vec<Event>, String> {
    let read = tokio::task::spawn_blocking(move || journal(from, JOURNAL_PAGE_EVENTS));
    let mut events = read.await.map_err(|e| e.to_string())??;
    let whole = events.iter().zip(from.0 + 1..).take_while(|(e, pos)| e.pos.0 == *pos).count();
    events.truncate(whole);
    Ok(events)
}

struct Task {
    hub: Hub,
    queues: HashMap<SlotId, Arc<DeskQueue>>,
    deliveries: Vec<Delivery>,
    /// Not before this are figures told again.
    figures_at: Instant,
    shared: std::sync::Weak<Shared>,
}

impl Task {
    async fn run(
        mut self,
        mut batches: mpsc::Receiver<Committed>,
        mut missed: watch::Receiver<Option<(Epoch, Pos)>>,
        mut requests: mpsc::Receiver<Request>,
    ) {
        loop {
            tokio::select! {
                batch = batches.recv() => match batch {
                    Some(batch) => self.batch(batch).await,
                    None => return,
                },
                Ok(()) = missed.changed() => {
                    let seen = *missed.borrow_and_update();
                    if let Some((epoch, upto)) = seen {
                        self.fill(epoch, upto).await;
                    }
                }
                Some(request) = requests.recv() => self.request(request),
                () = tokio::time::sleep_until(self.figures_at), if self.hub.figures_due() => {
                    self.tell_figures();
                }
            }
        }
    }

    async fn batch(&mut self, batch: Committed) {
        let Some(first) = batch.events.first().map(|e| e.pos) else { return };
        let next = self.hub.head().next();
        if first > next {
            self.fill(batch.epoch, Pos(first.0 - 1)).await;
        }
        self.apply(batch).await;
    }

    /// In steps, so that the desks can empty their queues in between.
    async fn apply(&mut self, batch: Committed) {
        let Some(last) = batch.events.last().map(|e| e.pos) else { return };
        loop {
            let applied = self.hub.apply_some(&batch, STEP_EVENTS_MAX, &mut self.deliveries);
            self.deliver();
            match applied {
                Ok(reset) => self.reset(reset),
                Err(HubError::Gap { expected, got }) => {
                    // A batch with a hole inside: the journal's own promise is broken.
                    tracing::error!(%expected, %got, "committed batch has a hole");
                    self.lose(Pos(got.0.saturating_sub(1)));
                }
            }
            self.publish();
            if self.hub.head() >= last {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    fn deliver(&mut self) {
        let now = Instant::now();
        for Delivery { to, frame } in self.deliveries.drain(..) {
            let Some(queue) = self.queues.get(&to) else { continue };
            if !queue.push(frame, now) {
                self.queues.remove(&to);
                self.hub.unsubscribe(to);
            }
        }
    }

    /// Whoever has not taken the last figures yet gets the newest when it has.
    fn tell_figures(&mut self) {
        let now = Instant::now();
        self.figures_at = now + FIGURES_EVERY;
        let queues = &self.queues;
        let ready = |slot: SlotId| queues.get(&slot).is_some_and(|q| q.is_empty());
        self.hub.flush_figures(ready, &mut self.deliveries);
        for Delivery { to, frame } in self.deliveries.drain(..) {
            let Some(queue) = self.queues.get(&to) else { continue };
            if !queue.push_or(frame, now, Close::Resync) {
                self.queues.remove(&to);
                self.hub.unsubscribe(to);
            }
        }
    }

    fn reset(&mut self, slots: Vec<SlotId>) {
        for slot in slots {
            if let Some(queue) = self.queues.remove(&slot) {
                queue.kick(Close::Resync);
            }
        }
    }

    fn publish(&self) {
        if let Some(shared) = self.shared.upgrade() {
            *lock(&shared.sizes) = self.hub.sizes();
            shared.head.store(self.hub.head().0, Ordering::Release);
        }
    }

    /// Reads what was left out, up to `upto`, from the journal.
    async fn fill(&mut self, epoch: Epoch, upto: Pos) {
        while self.hub.head() < upto {
            let Some(journal) = self.shared.upgrade().map(|s| s.journal.clone()) else { return };
            let head = self.hub.head();
            match read_page(journal, head).await {
                Ok(events) if !events.is_empty() => {
                    self.apply(Committed { epoch, events: events.into() }).await;
                }
                Ok(_) => {
                    tracing::error!(after = %head, %upto, "the journal lacks committed events");
                    return self.lose(upto);
                }
                Err(error) => {
                    tracing::error!(after = %head, %upto, error, "the journal cannot be read");
                    return self.lose(upto);
                }
            }
        }
    }

    fn lose(&mut self, upto: Pos) {
        if let Some(shared) = self.shared.upgrade() {
            count(&shared.counters.positions_lost);
        }
        let reset = self.hub.lose(upto);
        self.reset(reset);
        self.publish();
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Subscribe { who, subs, resume, form: (codec, batch), queue, reply } => {
                let subscribed = self.hub.subscribe(&who, &subs, resume.as_ref(), codec);
                let slot = subscribed.slot;
                if batch {
                    self.hub.take_batches(slot);
                }
                self.queues.insert(slot, queue);
                if reply.send(subscribed).is_err() {
                    self.forget(slot);
                }
            }
            // Whoever does not wait for these answers any more unsubscribes by itself.
            Request::Restart { slot, why, resume, reply } => {
                let _ = reply.send(self.hub.restart(slot, why, resume.as_ref()));
            }
            Request::Advance { slot, from, list, reply } => {
                let _ = reply.send(self.hub.advance(slot, from, list));
            }
            Request::Change { slot, wish, reply } => {
                let change = match wish {
                    Wish::Sub(request) => self.hub.sub(slot, request),
                    Wish::Unsub(id) => self.hub.unsub(slot, &id),
                    Wish::Reauthorise(who) => self.hub.reauthorise(slot, who),
                };
                let _ = reply.send(change);
            }
            Request::Figures { slot, reply } => {
                let _ = reply.send(self.hub.figures_of(slot));
            }
            Request::Unsubscribe(slot) => self.forget(slot),
        }
    }

    fn forget(&mut self, slot: SlotId) {
        self.queues.remove(&slot);
        self.hub.unsubscribe(slot);
    }
}
