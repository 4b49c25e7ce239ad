//! `[desk]`: limits of desktops; the keys are those of [`DeskConfig`].

use super::ConfigError;
use super::validate::Check;
use crate::io::desk::DeskConfig;

/// Nothing may wait for ever, and nothing may have no room at all.
pub(super) fn validate(desk: &DeskConfig, check: &Check<'_>) -> Result<(), ConfigError> {
    let d = desk;
    let bytes = 1024..=16 << 20;
    let times = 100..=600_000;
    let counts = 1..=1_000_000;
    for (key, value, range) in [
        ("hello_bytes_max", d.hello_bytes_max as u64, bytes.clone()),
        ("message_bytes_max", d.message_bytes_max as u64, bytes.clone()),
        ("queue_bytes_max", d.queue_bytes_max as u64, bytes.clone()),
        ("send_buffer_bytes", d.send_buffer_bytes as u64, bytes.clone()),
        ("page_bytes_max", d.page_bytes_max as u64, bytes),
        ("hello_ms", d.hello_ms, times.clone()),
        ("heartbeat_ms", d.heartbeat_ms, times.clone()),
        ("heartbeat_reply_ms", d.heartbeat_reply_ms, times.clone()),
        ("queue_ms_max", d.queue_ms_max, times.clone()),
        ("user_timeout_ms", d.user_timeout_ms.into(), times.clone()),
        ("transfer_confirm_ms", d.transfer_confirm_ms, 100..=60_000),
        ("close_ms", d.close_ms, times),
        ("drain_after_ms", d.drain_after_ms.into(), 0..=600_000),
        ("drain_spread_ms", d.drain_spread_ms.into(), 0..=600_000),
        ("waiting_per_ip_max", d.waiting_per_ip_max as u64, counts.clone()),
        ("waiting_max", d.waiting_max as u64, counts.clone()),
        ("sockets_max", d.sockets_max as u64, counts.clone()),
        ("sockets_per_user_max", d.sockets_per_user_max as u64, counts.clone()),
        ("queue_frames_max", d.queue_frames_max as u64, counts.clone()),
        ("messages_per_s", d.messages_per_s.into(), counts.clone()),
        ("messages_burst", d.messages_burst.into(), counts.clone()),
        ("recent_bytes_max", d.recent_bytes_max as u64, 1 << 20..=64 << 30),
        ("replay_events_max", d.replay_events_max, 0..=100_000_000),
    ] {
        let allowed = format!("{} to {}", range.start(), range.end());
        check.require(range.contains(&value), "desk", key, &value, &allowed)?;
    }
    Ok(())
}
