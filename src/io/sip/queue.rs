//! What waits to be written on one connection: bounded in messages and bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, error::TrySendError};

/// One message on its way out.
#[derive(Debug)]
pub(super) struct Item {
    pub bytes: Vec<u8>,
    /// Told if it is not written.
    pub ticket: Option<u64>,
}

/// Why a message was not taken.
#[derive(Debug)]
pub(super) enum Refused {
    /// No place.
    Full(Item),
    /// The connection has ended.
    Ended(Item),
}

#[derive(Debug)]
struct Shared {
    bytes: AtomicUsize,
    bytes_max: usize,
    is_aborted: AtomicBool,
    abort: Notify,
}

/// The sending side. When the last one is dropped the connection is closed after what waits.
#[derive(Debug)]
pub(super) struct Queue {
    items: mpsc::Sender<Item>,
    shared: Arc<Shared>,
}

/// The connection's side.
#[derive(Debug)]
pub(super) struct Outbox {
    items: mpsc::Receiver<Item>,
    own: mpsc::WeakSender<Item>,
    shared: Arc<Shared>,
}

/// Puts the connection's own words between the messages, and hears that it must end.
#[derive(Clone, Debug)]
pub(super) struct Aside {
    items: mpsc::WeakSender<Item>,
    shared: Arc<Shared>,
}

pub(super) fn queue(messages_max: usize, bytes_max: usize) -> (Queue, Outbox) {
    let (items, receiver) = mpsc::channel(messages_max);
    let (bytes, is_aborted) = (AtomicUsize::new(0), AtomicBool::new(false));
    let shared = Arc::new(Shared { bytes, bytes_max, is_aborted, abort: Notify::new() });
    let own = items.downgrade();
    (Queue { items, shared: shared.clone() }, Outbox { items: receiver, own, shared })
}

impl Queue {
    /// Takes a message or says why not; never waits.
    pub(super) fn push(&self, item: Item) -> Result<(), Refused> {
        push(&self.items, &self.shared, item)
    }

    /// Ends the connection now, whatever waits.
    pub(super) fn abort(&self) {
        self.shared.is_aborted.store(true, Relaxed);
        self.shared.abort.notify_one();
    }
}

fn push(items: &mpsc::Sender<Item>, shared: &Shared, item: Item) -> Result<(), Refused> {
    let size = item.bytes.len();
    if shared.bytes.fetch_add(size, Relaxed) + size > shared.bytes_max {
        shared.bytes.fetch_sub(size, Relaxed);
        return Err(if items.is_closed() { Refused::Ended(item) } else { Refused::Full(item) });
    }
    items.try_send(item).map_err(|error| {
        shared.bytes.fetch_sub(size, Relaxed);
        match error {
            TrySendError::Full(item) => Refused::Full(item),
            TrySendError::Closed(item) => Refused::Ended(item),
        }
    })
}

impl Outbox {
    /// Waits for messages; 0: there will be none. `batch` keeps them until `wrote`.
    pub(super) async fn next(&mut self, batch: &mut Vec<Item>, max: usize) -> usize {
        self.items.recv_many(batch, max).await
    }

    /// These are out.
    pub(super) fn wrote(&self, batch: &mut Vec<Item>) {
        let bytes = batch.drain(..).map(|item| item.bytes.len()).sum();
        self.shared.bytes.fetch_sub(bytes, Relaxed);
    }

    /// Takes no more; the tickets of what was not written, `batch` included.
    pub(super) fn end(mut self, batch: Vec<Item>) -> Vec<u64> {
        self.items.close();
        let mut tickets: Vec<u64> = batch.iter().filter_map(|item| item.ticket).collect();
        while let Ok(item) = self.items.try_recv() {
            tickets.extend(item.ticket);
        }
        tickets
    }

    pub(super) fn aside(&self) -> Aside {
        Aside { items: self.own.clone(), shared: self.shared.clone() }
    }
}

impl Aside {
    /// Says a keep-alive; left out if the queue is full or closing.
    pub(super) fn say(&self, bytes: &[u8]) {
        if let Some(items) = self.items.upgrade() {
            let _ = push(&items, &self.shared, Item { bytes: bytes.to_vec(), ticket: None });
        }
    }

    /// The connection must end at once.
    pub(super) fn is_aborted(&self) -> bool {
        self.shared.is_aborted.load(Relaxed)
    }

    /// Returns when the connection must end at once.
    pub(super) async fn aborted(&self) {
        self.shared.abort.notified().await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn item(bytes: usize, ticket: u64) -> Item {
        Item { bytes: vec![0; bytes], ticket: Some(ticket) }
    }

    #[tokio::test]
    async fn both_bounds_hold_and_place_comes_back_when_it_was_written() {
        let (queue, mut outbox) = queue(2, 100);
        queue.push(item(60, 1)).unwrap();
        assert!(matches!(queue.push(item(60, 2)), Err(Refused::Full(_))), "bytes");
        queue.push(item(40, 3)).unwrap();
        assert!(matches!(queue.push(item(0, 4)), Err(Refused::Full(_))), "messages");
        let mut batch = Vec::new();
        assert_eq!(outbox.next(&mut batch, 8).await, 2);
        assert!(matches!(queue.push(item(1, 5)), Err(Refused::Full(_))), "not written yet");
        outbox.wrote(&mut batch);
        queue.push(item(100, 6)).unwrap();
    }

    #[tokio::test]
    async fn what_was_not_written_is_told_and_the_queue_is_ended() {
        let (queue, mut outbox) = queue(8, 100);
        for ticket in 1..=3 {
            queue.push(item(1, ticket)).unwrap();
        }
        let mut batch = Vec::new();
        outbox.next(&mut batch, 1).await;
        assert_eq!(outbox.end(batch), [1, 2, 3]);
        assert!(matches!(queue.push(item(1, 4)), Err(Refused::Ended(_))));
        assert!(matches!(queue.push(item(1000, 5)), Err(Refused::Ended(_))));
    }
}
