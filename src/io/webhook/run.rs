//! One task a webhook: read, deliver, go on.

use super::body::{Delivery, of_events, of_gap};
use super::config::{Webhook, WebhookStats};
use super::place::{Place, Places};
use super::post::{Outcome, Poster};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};
use trunkline_core::model::{Event, Pos, Wall};

/// Events read at once.
const PAGE_EVENTS: usize = 256;
/// A place is kept this often at most: after a crash so much is delivered again.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Wait after a journal or a place that cannot be read.
const DISK_WAIT: Duration = Duration::from_secs(5);
/// Longest wait that a receiver may ask for, and the wait after one that wants no more.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Reads events after a position, oldest first, at most so many. May block.
pub type ReadLog = Arc<dyn Fn(Pos, usize) -> Result<Vec<Event>, String> + Send + Sync>;

/// The log as webhooks see it.
#[derive(Clone)]
pub struct Log {
    /// Reads of the incarnation in force.
    pub read: ReadLog,
    /// Newest durable place.
    pub head: watch::Receiver<Place>,
    /// Where webhooks stand.
    pub places: Arc<dyn Places>,
    /// The application's wall clock.
    pub clock: Arc<dyn Fn() -> Wall + Send + Sync>,
}

/// Starts a webhook's task, which ends when `stop` is true. A webhook without a place goes on at
/// the head.
pub fn spawn(
    webhook: Webhook,
    log: Log,
    mut stop: watch::Receiver<bool>,
    stats: Arc<WebhookStats>,
) -> tokio::task::JoinHandle<()> {
    let poster = Poster::new(&webhook);
    let place = *log.head.borrow();
    let mut task = Task { webhook, log, stats, poster, place, dirty: None };
    tokio::spawn(async move {
        tokio::select! {
            () = task.run() => {}
            _ = stop.wait_for(|stop| *stop) => {} // what is under way comes again
        }
        if task.dirty.is_some() {
            task.save().await;
        }
    })
}

struct Task {
    webhook: Webhook,
    log: Log,
    stats: Arc<WebhookStats>,
    poster: Poster,
    place: Place,
    /// When the place is to be kept; `None`: it is.
    dirty: Option<Instant>,
}

impl Task {
    /// Never ends by itself.
    async fn run(&mut self) {
        self.begin().await;
        loop {
            self.stats.stands(self.place);
            let head = *self.log.head.borrow_and_update();
            if head.epoch != self.place.epoch {
                self.skip(Place { epoch: head.epoch, pos: Pos(0) }).await;
                continue;
            }
            let events = match head.pos > self.place.pos {
                true => self.read().await,
                false => Vec::new(),
            };
            match events.first().map(|e| e.pos) {
                None => self.wait_for_news().await,
                Some(first) if first > self.place.pos.next() => {
                    self.skip(Place { pos: Pos(first.0 - 1), ..self.place }).await;
                    self.deliver(&events).await;
                }
                Some(_) => self.deliver(&events).await,
            }
        }
    }

    async fn begin(&mut self) {
        loop {
            let (places, name) = (self.log.places.clone(), self.webhook.config.name.clone());
            match blocking(move || places.load(&name)).await {
                Ok(Some(place)) => self.place = place,
                // Kept at once: what has begun does not begin again after a restart.
                Ok(None) => self.save().await,
                Err(error) => {
                    let name = &self.webhook.config.name;
                    tracing::error!(webhook = name, error, "the place cannot be read");
                    sleep(DISK_WAIT).await;
                    continue;
                }
            }
            return;
        }
    }

    /// Tells that events are missing: the journal holds them no more.
    async fn skip(&mut self, next: Place) {
        let from = self.place;
        let name = &self.webhook.config.name;
        tracing::error!(webhook = name, from = %from.pos, to = %next.pos, "events are missing");
        self.stats.gap();
        let gap = of_gap(&self.webhook.config, from, next, (self.log.clock)());
        self.insist(&gap).await;
        self.moved(next).await;
    }

    async fn deliver(&mut self, events: &[Event]) {
        let kinds = &self.webhook.config.kinds;
        let wanted = |e: &&Event| kinds.is_empty() || kinds.contains(&e.kind);
        let wanted: Vec<&Event> = events.iter().filter(wanted).collect();
        for group in wanted.chunks(self.webhook.config.batch_max) {
            let delivery = of_events(&self.webhook.config, self.place.epoch, group);
            if let (Some(delivery), Some(last)) = (delivery, group.last()) {
                self.insist(&delivery).await;
                self.moved(Place { pos: last.pos, ..self.place }).await;
            }
        }
        if let Some(last) = events.last() {
            self.moved(Place { pos: last.pos, ..self.place }).await;
        }
    }

    /// Tries until it is delivered: order is kept, and nothing is passed over.
    async fn insist(&self, delivery: &Delivery) {
        let (mut wait, longest) = self.webhook.config.retry;
        loop {
            let now = (self.log.clock)();
            let (why, after) = match self.poster.post(&self.webhook, delivery, now).await {
                Outcome::Delivered => return self.stats.delivered(delivery.events),
                Outcome::Gone => ("it wants no more (410)".to_owned(), Some(RETRY_AFTER_MAX)),
                Outcome::Failed { why, after } => (why, after),
            };
            if self.stats.failed() {
                let name = &self.webhook.config.name;
                tracing::warn!(webhook = name, why, "a webhook fails; it is tried again");
            }
            let asked = after.map(|a| a.min(RETRY_AFTER_MAX)).unwrap_or_default();
            sleep(spread(wait).max(asked)).await;
            wait = (wait * 2).min(longest);
        }
    }

    async fn wait_for_news(&mut self) {
        let due = self.dirty;
        tokio::select! {
            changed = self.log.head.changed() => if changed.is_err() {
                std::future::pending().await // the journal has ended: so will this task
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                self.save().await;
            }
        }
    }

    async fn read(&self) -> Vec<Event> {
        loop {
            let (read, from) = (self.log.read.clone(), self.place.pos);
            match blocking(move || read(from, PAGE_EVENTS)).await {
                Ok(events) => return events,
                Err(error) => {
                    let name = &self.webhook.config.name;
                    tracing::error!(webhook = name, error, "the journal cannot be read");
                    sleep(DISK_WAIT).await;
                }
            }
        }
    }

    async fn moved(&mut self, place: Place) {
        self.place = place;
        self.stats.stands(place);
        let due = *self.dirty.get_or_insert_with(|| Instant::now() + SAVE_EVERY);
        if due <= Instant::now() {
            self.save().await;
        }
    }

    async fn save(&mut self) {
        self.dirty = None;
        let (places, place) = (self.log.places.clone(), self.place);
        let name = self.webhook.config.name.clone();
        if let Err(error) = blocking(move || places.save(&name, place)).await {
            let name = &self.webhook.config.name;
            tracing::error!(webhook = name, error, "the place is not kept: events may come again");
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    spawn_blocking(work).await.map_err(|e| e.to_string()).and_then(|done| done)
}

/// Half to all of it, so that webhooks behind one fault do not ask in step.
fn spread(wait: Duration) -> Duration {
    let mut random = [0; 2];
    // Without entropy all wait for half of it: as good, if less kind.
    let _ = getrandom::fill(&mut random);
    wait / 2 + wait.mul_f64(f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0)
}
