//! What was read and not yet handled: bounded, and never waited for by who reads.

use super::config::LinkLimits;
use super::stats::LinkStats;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use trunkline_core::model::Now;
use trunkline_core::pbx::Lane;

/// What a connection said.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// Bytes, and when they came.
    Bytes { lane: Lane, at: Now, bytes: Vec<u8> },
    /// So many messages were dropped here.
    Dropped(u64),
    /// The connection is over.
    Ended(String),
}

/// The queue between the reader of a connection and the session. Full: whole messages (WebSocket)
/// are dropped and counted, and the session asks for a snapshot; a stream (AMI, ESL) would lose its
/// framing, so its connection is given up, which leads to a snapshot too.
#[derive(Debug)]
pub struct Spill {
    inner: Mutex<Inner>,
    news: Notify,
    messages_max: usize,
    bytes_max: usize,
    stats: Arc<LinkStats>,
}

#[derive(Debug, Default)]
struct Inner {
    heard: VecDeque<Heard>,
    bytes: usize,
    /// Dropped since the newest entry.
    dropped: u64,
}

impl Spill {
    pub(super) fn new(limits: &LinkLimits, stats: Arc<LinkStats>) -> Self {
        Self {
            inner: Mutex::default(),
            news: Notify::new(),
            messages_max: limits.spill_messages_max,
            bytes_max: limits.spill_bytes_max,
            stats,
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut inner);
        self.stats.queued_messages.store(inner.heard.len(), Relaxed);
        self.stats.queued_bytes.store(inner.bytes, Relaxed);
        result
    }

    /// Takes a piece of a stream; `false`: there is no place.
    pub(super) fn bytes(&self, lane: Lane, at: Now, bytes: Vec<u8>) -> bool {
        let taken = self.with(|inner| {
            let fits = self.fits(inner, bytes.len());
            if fits {
                inner.bytes += bytes.len();
                inner.heard.push_back(Heard::Bytes { lane, at, bytes });
            }
            fits
        });
        self.news.notify_one();
        taken
    }

    /// Takes a whole message, or drops and counts it.
    pub(super) fn message(&self, lane: Lane, at: Now, bytes: Vec<u8>) {
        self.with(|inner| {
            if !self.fits(inner, bytes.len()) {
                inner.dropped += 1;
                self.stats.lost.fetch_add(1, Relaxed);
                return;
            }
            if inner.dropped > 0 {
                let dropped = std::mem::take(&mut inner.dropped);
                inner.heard.push_back(Heard::Dropped(dropped));
            }
            inner.bytes += bytes.len();
            inner.heard.push_back(Heard::Bytes { lane, at, bytes });
        });
        self.news.notify_one();
    }

    fn fits(&self, inner: &Inner, bytes: usize) -> bool {
        inner.heard.len() < self.messages_max && inner.bytes + bytes <= self.bytes_max
    }

    /// A stream has lost its place: at least one event, and then the connection.
    pub(super) fn overflowed(&self) {
        self.stats.lost.fetch_add(1, Relaxed);
        self.with(|inner| inner.heard.push_back(Heard::Dropped(1)));
        self.ended("the queue of unread events is full".to_owned());
    }

    /// The connection is over: always has a place.
    pub(super) fn ended(&self, why: String) {
        self.with(|inner| inner.heard.push_back(Heard::Ended(why)));
        self.news.notify_one();
    }

    /// The end is known, or waits to be read.
    pub(super) fn is_over(&self) -> bool {
        self.with(|inner| inner.heard.iter().any(|h| matches!(h, Heard::Ended(_))))
    }

    /// The oldest, if there is one.
    pub(super) fn take(&self) -> Option<Heard> {
        self.with(|inner| {
            let heard = inner.heard.pop_front();
            match &heard {
                Some(Heard::Bytes { bytes, .. }) => inner.bytes -= bytes.len(),
                Some(Heard::Dropped(_) | Heard::Ended(_)) => {}
                None if inner.dropped > 0 => {
                    return Some(Heard::Dropped(std::mem::take(&mut inner.dropped)));
                }
                None => {}
            }
            heard
        })
    }

    /// Returns when something came since the last call.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spill(messages: usize, bytes: usize) -> Spill {
        let limits = LinkLimits {
            spill_messages_max: messages,
            spill_bytes_max: bytes,
            ..LinkLimits::default()
        };
        Spill::new(&limits, Arc::default())
    }

    fn drained(spill: &Spill) -> Vec<String> {
        std::iter::from_fn(|| spill.take())
            .map(|heard| match heard {
                Heard::Bytes { bytes, .. } => String::from_utf8(bytes).unwrap(),
                Heard::Dropped(count) => format!("-{count}"),
                Heard::Ended(why) => why,
            })
            .collect()
    }

    #[test]
    fn dropped_messages_are_told_where_they_would_have_stood() {
        let spill = spill(2, 100);
        let say = |text: &str| spill.message(Lane::Events, Now::default(), text.into());
        ["a", "b", "c", "d"].into_iter().for_each(say);
        assert!(matches!(spill.take(), Some(Heard::Bytes { .. })));
        say("e");
        assert_eq!(drained(&spill), ["b", "-2", "e"]);
        say("f");
        assert_eq!(drained(&spill), ["f"], "told once");
        assert_eq!(spill.stats.lost.load(Relaxed), 2);
    }

    #[test]
    fn a_loss_is_told_although_nothing_follows() {
        let spill = spill(1, 100);
        let say = |text: &str| spill.message(Lane::Events, Now::default(), text.into());
        ["a", "b"].into_iter().for_each(say);
        assert_eq!(drained(&spill), ["a", "-1"]);
    }

    #[test]
    fn bytes_are_bounded_too_and_the_end_always_finds_a_place() {
        let spill = spill(100, 4);
        assert!(spill.bytes(Lane::Events, Now::default(), b"abc".to_vec()));
        assert!(!spill.bytes(Lane::Events, Now::default(), b"de".to_vec()));
        spill.ended("over".into());
        assert_eq!(spill.stats.queued(), (2, 3));
        assert_eq!(drained(&spill), ["abc", "over"]);
        assert_eq!(spill.stats.queued(), (0, 0));
    }
}
