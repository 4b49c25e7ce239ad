//! Counters of connections.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use trunkline_core::sip::Transport;

/// Transports that have connections, as metrics name them.
pub const STREAM_TRANSPORTS: [(Transport, &str); 4] = [
    (Transport::Tcp, "tcp"),
    (Transport::Tls, "tls"),
    (Transport::Ws, "ws"),
    (Transport::Wss, "wss"),
];

/// One counter.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub(super) fn up(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub(super) fn down(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// Its value.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Of one transport.
#[derive(Debug, Default)]
pub struct TransportStats {
    /// Messages that came.
    pub messages_in: Count,
    /// Messages written to the kernel.
    pub messages_out: Count,
    /// Connections open now.
    pub open: Count,
    /// Connections that others opened, handshakes done.
    pub accepted: Count,
    /// Connections that we opened.
    pub connected: Count,
    /// Connections that we could not open.
    pub connect_failures: Count,
    /// Handshakes of others that failed or took too long.
    pub handshake_failures: Count,
}

/// Of all connections since the start.
#[derive(Debug, Default)]
pub struct StreamStats {
    per: [TransportStats; 4],
    /// Closed at accept: no neighbour has that address.
    pub refused_unknown: Count,
    /// Closed at accept: too many connections.
    pub refused_limit: Count,
    /// `accept` failed: no descriptors, mostly.
    pub accept_errors: Count,
    /// Closed: the stream could not be cut into messages.
    pub closed_framing: Count,
    /// Closed: nothing came or went for too long.
    pub closed_idle: Count,
    /// Closed: a message was begun and not ended.
    pub closed_stalled: Count,
    /// Closed: the peer does not read.
    pub closed_slow: Count,
    /// Messages for connections that were full or gone.
    pub unsent: Count,
}

impl StreamStats {
    /// Of one transport; UDP has none and shares TCP's.
    pub fn of(&self, transport: Transport) -> &TransportStats {
        let at = STREAM_TRANSPORTS.iter().position(|(t, _)| *t == transport);
        &self.per[at.unwrap_or(0)]
    }

    /// Those without a transport, for `/metrics`: name, help, value.
    pub fn rows(&self) -> [(&'static str, &'static str, u64); 8] {
        [
            ("refused_unknown", "Closed at accept: unknown address.", self.refused_unknown.value()),
            ("refused_limit", "Closed at accept: too many.", self.refused_limit.value()),
            ("accept_errors", "accept failed.", self.accept_errors.value()),
            ("closed_framing", "Closed: no messages in it.", self.closed_framing.value()),
            ("closed_idle", "Closed: silent for too long.", self.closed_idle.value()),
            ("closed_stalled", "Closed: a message did not end.", self.closed_stalled.value()),
            ("closed_slow", "Closed: the peer did not read.", self.closed_slow.value()),
            ("unsent", "Messages for a full or ended connection.", self.unsent.value()),
        ]
    }
}
