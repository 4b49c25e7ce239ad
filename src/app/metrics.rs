//! Figures for `/metrics` (Prometheus text format 0.0.4) and `/healthz`.

use crate::store::{JournalHealth, JournalState};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use trunkline_core::engine::Totals;
use trunkline_core::model::Pos;
use trunkline_core::sip::{Counters, Sizes};

/// What the SIP thread publishes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Snapshot {
    pub totals: Totals,
    pub sip: Counters,
    pub sizes: Sizes,
    pub calls: usize,
    pub list: usize,
    pub pos: Pos,
    pub kernel_drops: u64,
    pub send_errors: u64,
}

/// Read by the runtime.
pub(super) struct Shared {
    snapshot: Mutex<Snapshot>,
    /// Capacity of the ring to the journal.
    pub ring_events: usize,
}

impl Shared {
    pub(super) fn new(ring_events: usize) -> Self {
        Self { snapshot: Mutex::default(), ring_events }
    }

    pub(super) fn publish(&self, snapshot: Snapshot) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    pub(super) fn read(&self) -> Snapshot {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journal's state in a word or two, `None` when it is well.
pub(super) fn trouble(health: &JournalHealth) -> Option<String> {
    match health.state {
        JournalState::Enabled => None,
        JournalState::Degraded { lasting } => {
            Some(format!("the journal has not written for {:.1} s", lasting.as_secs_f64()))
        }
    }
}

/// The text of `/metrics`, without the desks' part.
pub(super) fn text(shared: &Shared, health: &JournalHealth, clamps: u64) -> String {
    let snapshot = shared.read();
    let mut out = String::with_capacity(8192);
    let t = snapshot.totals;
    for (name, help, value) in [
        ("calls_inbound", "Calls from carriers.", t.calls_inbound),
        ("calls_outbound", "Calls from the PBX.", t.calls_outbound),
        ("gate_allowed", "Outbound calls allowed.", t.gate_allowed),
        ("gate_denied", "Outbound calls denied.", t.gate_denied),
        ("gate_exempt", "Emergency and internal calls.", t.gate_exempt),
        ("gate_not_durable", "Allowed calls refused for want of a commit.", t.gate_not_durable),
        ("events_lost", "Events that found no place in the ring.", t.events_lost),
        ("signalling_strays", "Signalling of no known call.", t.strays),
        ("udp_kernel_drops", "Datagrams dropped by the kernel.", snapshot.kernel_drops),
        ("udp_send_errors", "Datagrams not sent.", snapshot.send_errors),
        ("clock_clamps", "Kernel stamps outside [0, 1 s].", clamps),
        ("journal_commit_failures", "Commits that failed.", health.failures),
    ] {
        metric(&mut out, name, help, "counter", value);
    }
    for (name, value) in snapshot.sip.rows() {
        metric(&mut out, &format!("sip_{name}"), "See docs/sip.md.", "counter", value);
    }
    for (name, help, value) in [
        ("calls", "Calls in progress.", snapshot.calls as u64),
        ("position", "Newest position given out.", snapshot.pos.0),
        ("dnc_entries", "Do-not-call entries, expired ones included.", snapshot.list as u64),
        ("journal_queued", "Events in the ring to the journal.", health.queued as u64),
        ("journal_degraded", "1 while the journal does not write.", trouble(health).is_some().into()),
    ] {
        metric(&mut out, name, help, "gauge", value);
    }
    let sizes = snapshot.sizes;
    for (name, value) in [
        ("servers", sizes.servers),
        ("clients", sizes.clients),
        ("keys", sizes.keys),
        ("pending", sizes.pending),
        ("timers", sizes.timers),
    ] {
        metric(&mut out, &format!("sip_{name}"), "Live entries.", "gauge", value as u64);
    }
    out
}

fn metric(out: &mut String, name: &str, help: &str, kind: &str, value: u64) {
    let suffix = if kind == "counter" { "_total" } else { "" };
    let _ = write!(
        out,
        "# HELP trunkline_{name}{suffix} {help}\n# TYPE trunkline_{name}{suffix} {kind}\n\
         trunkline_{name}{suffix} {value}\n"
    );
}
