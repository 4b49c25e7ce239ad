//! What every connection has, whatever its transport: times, counters, and its end.

use super::config::StreamLimits;
use super::event::{Event, Inbox};
use super::queue::{Aside, Item, Outbox};
use super::stats::StreamStats;
use super::tls::Tls;
use crate::io::clock::Clock;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use trunkline_core::model::Arrival;
use trunkline_core::sip::{FlowId, FrameError, Transport};

/// CRLF CRLF and its answer (RFC 5626 §3.5.1, §4.4.1).
pub(super) const PING: &[u8] = b"\r\n\r\n";
pub(super) const PONG: &[u8] = b"\r\n";

/// What all connections share.
pub(super) struct Context {
    pub limits: StreamLimits,
    pub tls: Option<Arc<Tls>>,
    pub stats: Arc<StreamStats>,
    pub inbox: Inbox,
    pub clock: Clock,
    pub flows: AtomicU64,
    /// Gone when the last task has ended.
    pub alive: mpsc::Sender<()>,
}

impl Context {
    /// A number that no connection had.
    pub(super) fn new_flow(&self) -> FlowId {
        FlowId(self.flows.fetch_add(1, Relaxed))
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Why {
    #[error("closed by the peer")]
    Peer,
    #[error("closed by us")]
    Ours,
    #[error("silent for too long")]
    Idle,
    #[error("a message did not end in time")]
    Stalled,
    #[error("the peer does not read")]
    Slow,
    #[error("{0}")]
    Framing(#[from] FrameError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("websocket: {0}")]
    WebSocket(Box<tokio_tungstenite::tungstenite::Error>),
}

/// One connection, seen by its loops.
pub(super) struct Conn {
    pub context: Arc<Context>,
    pub flow: FlowId,
    pub transport: Transport,
    /// We opened it: we send pings and do not answer any.
    pub ours: bool,
    aside: Aside,
    opened: Instant,
    /// Milliseconds since `opened`, plus 1; 0: none.
    heard_ms: AtomicU64,
    said_ms: AtomicU64,
    inside_ms: AtomicU64,
    writing_ms: AtomicU64,
}

impl Conn {
    pub(super) fn new(
        context: Arc<Context>,
        flow: FlowId,
        transport: Transport,
        ours: bool,
        outbox: &Outbox,
    ) -> Self {
        let none = || AtomicU64::new(0);
        Self {
            context,
            flow,
            transport,
            ours,
            aside: outbox.aside(),
            opened: Instant::now(),
            heard_ms: none(),
            said_ms: none(),
            inside_ms: none(),
            writing_ms: none(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Bytes came; the moment of it.
    pub(super) fn heard(&self) -> Arrival {
        self.heard_ms.store(self.now_ms(), Relaxed);
        self.context.clock.now()
    }

    /// After a read: a message is begun (anew, if one was completed just now), or none is.
    pub(super) fn inside(&self, inside: bool, anew: bool) {
        if !inside {
            self.inside_ms.store(0, Relaxed);
        } else if anew || self.inside_ms.load(Relaxed) == 0 {
            self.inside_ms.store(self.now_ms(), Relaxed);
        }
    }

    /// A message came. Waits while the SIP thread is behind.
    pub(super) async fn message(&self, bytes: Vec<u8>, at: Arrival) {
        self.context.stats.of(self.transport).messages_in.up();
        let event = Event::Message { flow: self.flow, bytes, at };
        if !self.context.inbox.tell(event).await {
            // The SIP thread has ended, and our queue with it: what waits there goes out first.
            std::future::pending::<()>().await;
        }
    }

    /// The peer asks whether we are there.
    pub(super) fn pinged(&self) {
        if !self.ours {
            self.aside.say(PONG);
        }
    }

    pub(super) fn writing(&self) {
        self.writing_ms.store(self.now_ms(), Relaxed);
    }

    pub(super) fn wrote(&self, batch: &[Item]) {
        self.writing_ms.store(0, Relaxed);
        self.said_ms.store(self.now_ms(), Relaxed);
        let messages = batch.iter().filter(|i| i.bytes.len() > PING.len()).count();
        self.context.stats.of(self.transport).messages_out.add(messages as u64);
    }

    /// Ends with the first loop that ends, or when a time has run out.
    pub(super) async fn run(
        &self,
        read: impl Future<Output = Why>,
        write: impl Future<Output = Why>,
    ) -> Why {
        let why = tokio::select! {
            () = self.aside.aborted() => Why::Slow,
            why = read => why,
            why = write => why,
            why = self.patrol() => why,
        };
        // An abort has ended the queue too, and the writer may have called that orderly.
        if self.aside.is_aborted() { Why::Slow } else { why }
    }

    async fn patrol(&self) -> Why {
        let limits = &self.context.limits;
        let shortest = limits.idle.min(limits.message).min(limits.write);
        let shortest = shortest.min(limits.keepalive.unwrap_or(limits.idle));
        let period = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(5));
        loop {
            tokio::time::sleep(period).await;
            let now = self.now_ms();
            let past = |since: u64, limit: Duration| {
                u128::from(now.saturating_sub(since)) > limit.as_millis()
            };
            let load = |at: &AtomicU64| at.load(Relaxed);
            let (heard, said) = (load(&self.heard_ms), load(&self.said_ms));
            let (inside, writing) = (load(&self.inside_ms), load(&self.writing_ms));
            if writing > 0 && past(writing, limits.write) {
                return Why::Slow;
            }
            if inside > 0 && past(inside, limits.message) {
                return Why::Stalled;
            }
            if past(heard.max(said), limits.idle) {
                return Why::Idle;
            }
            if self.ours && limits.keepalive.is_some_and(|wait| past(said, wait)) {
                self.aside.say(PING);
            }
        }
    }

    /// Counts and tells the end.
    pub(super) async fn ended(self, why: Why, unsent: Vec<u64>) {
        let stats = &self.context.stats;
        match &why {
            Why::Idle => stats.closed_idle.up(),
            Why::Stalled => stats.closed_stalled.up(),
            Why::Slow => stats.closed_slow.up(),
            Why::Framing(_) => stats.closed_framing.up(),
            Why::Peer | Why::Ours | Why::Io(_) | Why::WebSocket(_) => {}
        }
        stats.of(self.transport).open.down();
        tracing::debug!(flow = self.flow.0, transport = ?self.transport, %why, "connection ended");
        let why = why.to_string();
        self.context.inbox.tell(Event::Gone { flow: self.flow, why, unsent }).await;
    }
}
