//! The bounded queue between the hub's task and one desk's task.

use super::close::Close;
use super::config::DeskConfig;
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use tokio::time::Instant;
use trunkline_core::hub::Frame;
use trunkline_core::model::Pos;

#[derive(Default)]
struct Inner {
    frames: VecDeque<(Instant, Frame)>,
    bytes: usize,
    close: Option<Close>,
}

/// Holds nothing while the desk keeps up: an idle desk costs no buffer.
pub(crate) struct DeskQueue {
    inner: Mutex<Inner>,
    ready: AtomicWaker,
    kicked: AtomicWaker,
    bytes_max: usize,
    frames_max: usize,
    age_max: std::time::Duration,
}

impl DeskQueue {
    pub(super) fn new(config: &DeskConfig) -> Self {
        Self {
            inner: Mutex::default(),
            ready: AtomicWaker::new(),
            kicked: AtomicWaker::new(),
            bytes_max: config.queue_bytes_max,
            frames_max: config.queue_frames_max,
            age_max: config.queue_age_max(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never waits. An empty queue takes a frame of any size, so that one large event cannot shut
    /// its readers out for ever. `false`: the desk is to be closed; nothing was dropped silently,
    /// because a closed desk resumes from the position it has applied.
    pub(super) fn push(&self, frame: Frame, now: Instant) -> bool {
        self.push_or(frame, now, Close::SlowConsumer)
    }

    /// The same, with another reason to close.
    pub(super) fn push_or(&self, frame: Frame, now: Instant, slow: Close) -> bool {
        let mut inner = self.lock();
        if inner.close.is_some() {
            return false;
        }
        let bytes = inner.bytes + frame.bytes.len();
        let old = inner.frames.front().is_some_and(|(at, _)| now - *at > self.age_max);
        let full = bytes > self.bytes_max && !inner.frames.is_empty();
        if old || full || inner.frames.len() >= self.frames_max {
            drop(inner);
            self.kick(slow);
            return false;
        }
        inner.bytes = bytes;
        inner.frames.push_back((now, frame));
        drop(inner);
        self.ready.wake();
        true
    }

    /// The desk has taken everything.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().frames.is_empty()
    }

    /// Tells the desk's task to close, once; what is queued is void.
    pub(super) fn kick(&self, close: Close) {
        let mut inner = self.lock();
        if inner.close.is_some() {
            return;
        }
        inner.close = Some(close);
        inner.frames = VecDeque::new();
        inner.bytes = 0;
        drop(inner);
        self.ready.wake();
        self.kicked.wake();
    }

    /// Moves frames of at most `bytes_max` (at least one) to `out`; gives the age of the oldest.
    pub(super) fn take(&self, bytes_max: usize, out: &mut Vec<Frame>) -> Result<Instant, Close> {
        self.take_through(Pos(u64::MAX), bytes_max, out)
    }

    /// The same, but nothing of what happened after `pos`.
    pub(super) fn take_through(
        &self,
        pos: Pos,
        bytes_max: usize,
        out: &mut Vec<Frame>,
    ) -> Result<Instant, Close> {
        let mut inner = self.lock();
        if let Some(close) = inner.close {
            return Err(close);
        }
        let oldest = inner.frames.front().map_or_else(Instant::now, |(at, _)| *at);
        let mut bytes = 0;
        while let Some((_, frame)) = inner.frames.front().filter(|(_, f)| f.pos <= pos) {
            bytes += frame.bytes.len();
            if bytes > bytes_max && !out.is_empty() {
                break;
            }
            inner.bytes -= frame.bytes.len();
            out.extend(inner.frames.pop_front().map(|(_, frame)| frame));
        }
        if inner.frames.is_empty() {
            inner.frames = VecDeque::new();
        }
        Ok(oldest)
    }

    /// Ends when there is something to take, or the desk is to be closed. One waiter.
    pub(super) async fn ready(&self) {
        poll_fn(|context| {
            self.ready.register(context.waker());
            let inner = self.lock();
            match inner.frames.is_empty() && inner.close.is_none() {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Ends when the desk is to be closed. One waiter.
    pub(super) async fn kicked(&self) -> Close {
        poll_fn(|context| {
            self.kicked.register(context.waker());
            self.lock().close.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn frame(pos: u64, bytes: usize) -> Frame {
        Frame {
            pos: Pos(pos),
            bytes: vec![b'x'; bytes].into(),
            is_ev: true,
            confirm_by: Vec::new(),
        }
    }

    fn queue() -> DeskQueue {
        let limits = DeskConfig {
            queue_bytes_max: 100,
            queue_frames_max: 3,
            queue_ms_max: 1000,
            ..DeskConfig::default()
        };
        DeskQueue::new(&limits)
    }

    #[tokio::test]
    async fn each_limit_closes_as_slow() {
        let now = Instant::now();
        let later = now + std::time::Duration::from_millis(1001);
        for (sizes, at) in [(vec![60, 41], now), (vec![1, 1, 1, 1], now), (vec![1, 1], later)] {
            let queue = queue();
            let (last, first) = sizes.split_last().unwrap();
            for (pos, size) in first.iter().enumerate() {
                assert!(queue.push(frame(pos as u64, *size), now));
            }
            assert!(!queue.push(frame(9, *last), at));
            assert_eq!(queue.take(100, &mut Vec::new()), Err(Close::SlowConsumer));
            assert_eq!(queue.kicked().await, Close::SlowConsumer);
        }
    }

    #[tokio::test]
    async fn takes_in_order_up_to_the_bytes_asked_for() {
        let queue = queue();
        for pos in 1..=3 {
            assert!(queue.push(frame(pos, 30), Instant::now()));
        }
        queue.ready().await;
        let mut out = Vec::new();
        queue.take_through(Pos(1), 60, &mut out).unwrap();
        assert_eq!(out.iter().map(|f| f.pos.0).collect::<Vec<_>>(), [1]);
        queue.take_through(Pos(1), 60, &mut out).unwrap();
        assert_eq!(out.len(), 1, "the rest happened later");
        queue.take(30, &mut out).unwrap();
        assert_eq!(out.iter().map(|f| f.pos.0).collect::<Vec<_>>(), [1, 2]);
        queue.take(1, &mut Vec::new()).unwrap();
        assert!(queue.push(frame(4, 100), Instant::now()), "taken bytes make room");
        queue.take(1, &mut Vec::new()).unwrap();
        assert!(queue.push(frame(5, 1000), Instant::now()), "an empty queue takes any frame");
        assert!(!queue.push(frame(6, 1), Instant::now()));
    }
}
