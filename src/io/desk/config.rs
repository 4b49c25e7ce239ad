//! Limits of desk sockets, `[desk]`.

use std::time::Duration;

/// Limits of desk sockets. Sizes in bytes, times in milliseconds.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeskConfig {
    /// Browser origins that may connect, e.g. `https://desk.example`. Default none. A request
    /// without an Origin header comes from no browser and passes; any other gets 403.
    #[serde(skip)] // `[http] origins`, which tickets are bound to as well
    pub origins: Vec<String>,
    /// Largest first message. Default 4 KiB. Beyond: close 1009.
    pub hello_bytes_max: usize,
    /// Largest later message. Default 16 KiB. Beyond: close 1009.
    pub message_bytes_max: usize,
    /// Time to `hello`. Default 5 s. Beyond: close 4000.
    pub hello_ms: u64,
    /// Sockets without `hello` from one address. Default 64. Beyond: HTTP 503.
    pub waiting_per_ip_max: usize,
    /// Sockets without `hello` in all. Default 512. Beyond: HTTP 503.
    pub waiting_max: usize,
    /// Sockets in all. Default 12,000. Beyond: HTTP 503.
    pub sockets_max: usize,
    /// Sockets of one user. Default 5. Beyond: close 4529.
    pub sockets_per_user_max: usize,
    /// Period of heartbeats, give or take 10 %. Default 10 s.
    pub heartbeat_ms: u64,
    /// Time for any sign of life after a heartbeat. Default 5 s. Beyond: close 4001.
    pub heartbeat_reply_ms: u64,
    /// Bytes waiting for one desk. Default 256 KiB. Beyond: close 4008.
    pub queue_bytes_max: usize,
    /// Frames waiting for one desk. Default 512. Beyond: close 4008.
    pub queue_frames_max: usize,
    /// Age of the oldest frame waiting. Default 3 s. Beyond: close 4008.
    pub queue_ms_max: u64,
    /// Kernel send buffer (the kernel doubles it). Default 64 KiB: what it hides from the queue.
    pub send_buffer_bytes: usize,
    /// Time the kernel may retransmit unacknowledged bytes. Default 15 s. Beyond: connection lost.
    pub user_timeout_ms: u32,
    /// Largest page of a snapshot. Default 64 KiB.
    pub page_bytes_max: usize,
    /// Memory of the newest events, from which desks resume without the journal. Default 32 MiB,
    /// 20,000 events or more; a site whose desks all come back at once wants what they missed in it.
    pub recent_bytes_max: usize,
    /// Events of the log a resume may have to read over. Default 200,000. Beyond: a snapshot.
    pub replay_events_max: u64,
    /// Messages of a client, and requests of a user of the HTTP API, a second. Default 20. Beyond
    /// the burst: close 4529, HTTP 429.
    pub messages_per_s: u32,
    /// The same at once. Default 40.
    pub messages_burst: u32,
    /// When draining: earliest reconnect told to clients. Default 500 ms.
    pub drain_after_ms: u32,
    /// When draining: sockets are closed, and clients come back, spread over this. Default 5 s.
    pub drain_spread_ms: u32,
    /// A consultation is handed over when the receiver's desktop has confirmed the call's data:
    /// `hold` waits for it, `warn` (default) only tells when it was not so, `off` does neither.
    pub transfer_barrier: Barrier,
    /// How long a transfer waits for the receiver's desktop. Default 3 s. Beyond: NOT_SYNCED.
    pub transfer_confirm_ms: u64,
    /// Who may complete a transfer without the desktop's word, with a reason: `supervisor`
    /// (default; a service too) or `agent`.
    pub transfer_override: OverrideBy,
    /// Time for a closing handshake. Default 2 s. Beyond: the connection is cut.
    pub close_ms: u64,
}

/// Whether transfers wait for desktops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Barrier {
    /// They do not.
    Off,
    /// They do not, and it is told.
    Warn,
    /// They do.
    Hold,
}

/// Who may override the barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverrideBy {
    /// A supervisor or a service.
    Supervisor,
    /// The agent too.
    Agent,
}

impl Default for DeskConfig {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            hello_bytes_max: 4 << 10,
            message_bytes_max: 16 << 10,
            hello_ms: 5000,
            waiting_per_ip_max: 64,
            waiting_max: 512,
            sockets_max: 12_000,
            sockets_per_user_max: 5,
            heartbeat_ms: 10_000,
            heartbeat_reply_ms: 5000,
            queue_bytes_max: 256 << 10,
            queue_frames_max: 512,
            queue_ms_max: 3000,
            send_buffer_bytes: 64 << 10,
            user_timeout_ms: 15_000,
            page_bytes_max: 64 << 10,
            recent_bytes_max: 32 << 20,
            replay_events_max: 200_000,
            messages_per_s: 20,
            messages_burst: 40,
            drain_after_ms: 500,
            drain_spread_ms: 5000,
            transfer_barrier: Barrier::Warn,
            transfer_confirm_ms: 3000,
            transfer_override: OverrideBy::Supervisor,
            close_ms: 2000,
        }
    }
}

impl DeskConfig {
    pub(super) fn queue_age_max(&self) -> Duration {
        Duration::from_millis(self.queue_ms_max)
    }

    pub(super) fn close_time_max(&self) -> Duration {
        Duration::from_millis(self.close_ms)
    }
}
