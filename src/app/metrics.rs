//! Figures for `/metrics` (Prometheus text format 0.0.4) and `/healthz`.

use crate::io::desk::DeskStats;
use crate::io::dns::DnsStats;
use crate::io::pbx::LinkStats;
use crate::io::sip::{Count, STREAM_TRANSPORTS, StreamStats, TransportStats};
use crate::store::{JournalHealth, JournalState};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use trunkline_core::engine::{ClockState, Engine, Totals};
use trunkline_core::model::{AgentState, Line, Link, Named, Now, Pos};
use trunkline_core::sip::{Counters, Sizes};

/// What the SIP thread publishes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Snapshot {
    pub totals: Totals,
    pub sip: Counters,
    pub sizes: Sizes,
    pub calls: usize,
    pub list: usize,
    pub list_unavailable: bool,
    pub registers_due: (usize, usize),
    pub clock: ClockState,
    pub rules_refused: bool,
    pub pos: Pos,
    pub kernel_drops: u64,
    pub send_errors: u64,
}

/// Read by the runtime.
pub(super) struct Shared {
    snapshot: Mutex<Snapshot>,
    lines: Mutex<Vec<Line>>,
    links: Mutex<Vec<Link>>,
    agents: Mutex<Vec<AgentState>>,
    /// Figures of the drivers of control links, by name.
    pub link_stats: Vec<(String, Arc<LinkStats>)>,
    /// Capacity of the ring to the journal.
    pub ring_events: usize,
}

impl Shared {
    /// What an engine that has just begun shows.
    pub(super) fn new(
        engine: &Engine,
        now: Now,
        ring_events: usize,
        link_stats: Vec<(String, Arc<LinkStats>)>,
    ) -> Self {
        Self {
            snapshot: Mutex::default(),
            lines: Mutex::new(engine.lines(now)),
            links: Mutex::new(engine.links()),
            agents: Mutex::new(engine.agent_states()),
            link_stats,
            ring_events,
        }
    }

    pub(super) fn publish_links(&self, links: Vec<Link>) {
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = links;
    }

    pub(super) fn publish_agents(&self, agents: Vec<AgentState>) {
        *self.agents.lock().unwrap_or_else(PoisonError::into_inner) = agents;
    }

    fn agents(&self) -> Vec<AgentState> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn links(&self) -> Vec<Link> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn publish(&self, snapshot: Snapshot) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    pub(super) fn publish_lines(&self, lines: Vec<Line>) {
        *self.lines.lock().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn clock(&self) -> ClockState {
        self.read().clock
    }

    pub(super) fn read(&self) -> Snapshot {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of `/metrics`.
pub(super) fn text(
    shared: &Shared,
    health: &JournalHealth,
    clamps: u64,
    desks: &DeskStats,
    connections: &StreamStats,
    resolved: &DnsStats,
) -> String {
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
        ("line_failovers", "Calls that went to a later line.", t.line_failovers),
        ("line_refusals", "Calls refused: lines full or taken out.", t.line_refusals),
        ("commands_accepted", "Commands of desks accepted.", t.commands_accepted),
        ("commands_ok", "Of these, done.", t.commands_ok),
        ("commands_failed", "Of these, refused or out of time.", t.commands_failed),
        ("udp_kernel_drops", "Datagrams dropped by the kernel.", snapshot.kernel_drops),
        ("udp_send_errors", "Datagrams not sent.", snapshot.send_errors),
        ("clock_steps", "Times that the wall clock was set.", snapshot.clock.steps),
        ("clock_clamps", "Kernel stamps outside [0, 1 s].", clamps),
        ("journal_commit_failures", "Commits that failed.", health.failures),
        ("desk_welcomes", "Desks let in.", desks.welcomed_total),
        ("desk_resumes", "Of these, continuations.", desks.resumed_total),
        ("desk_auth_failures", "Tokens refused.", desks.auth_failed_total),
        ("desk_refusals", "Upgrades refused.", desks.refused_total),
        ("desk_frames", "Event frames sent.", desks.frames_total),
        ("desk_slow_closed", "Sockets closed as slow.", desks.slow_total),
        (
            "desk_silent_closed",
            "Sockets closed without a sign of life.",
            desks.heartbeat_lost_total,
        ),
    ] {
        metric(&mut out, name, help, "counter", value);
    }
    for (name, value) in snapshot.sip.rows() {
        metric(&mut out, &format!("sip_{name}"), "See docs/sip.md.", "counter", value);
    }
    gauges(&mut out, &snapshot, health, desks);
    let sizes = snapshot.sizes;
    for (name, value) in [
        ("servers", sizes.servers),
        ("clients", sizes.clients),
        ("keys", sizes.keys),
        ("pending", sizes.pending),
        ("timers", sizes.timers),
        ("flows", sizes.flows),
    ] {
        metric(&mut out, &format!("sip_{name}"), "Live entries.", "gauge", value as u64);
    }
    streams(&mut out, connections);
    for (name, help, kind, value) in [
        ("dns_lookups", "Lookups of names.", "counter", resolved.lookups()),
        ("dns_failures", "Lookups without an answer.", "counter", resolved.failures()),
        ("dns_changes", "Answers that were new.", "counter", resolved.changes()),
        ("dns_failing", "Names whose last good answer is in force.", "gauge", resolved.failing()),
    ] {
        metric(&mut out, name, help, kind, value);
    }
    super::line_metrics::write(&mut out, &shared.lines());
    agents(&mut out, &shared.agents());
    super::link_metrics::write(&mut out, &shared.links(), &shared.link_stats);
    out
}

fn gauges(out: &mut String, snapshot: &Snapshot, health: &JournalHealth, desks: &DeskStats) {
    for (name, help, value) in [
        ("calls", "Calls in progress.", snapshot.calls as u64),
        ("desk_sockets", "Desk sockets open.", desks.sockets),
        ("position", "Newest position given out.", snapshot.pos.0),
        ("dnc_entries", "Do-not-call entries, expired ones included.", snapshot.list as u64),
        (
            "dnc_unavailable",
            "1 while the do-not-call list cannot be read whole.",
            u64::from(snapshot.list_unavailable),
        ),
        (
            "registers_ending",
            "Registers that rules need and whose next edition is due.",
            snapshot.registers_due.0 as u64,
        ),
        (
            "registers_closed",
            "Registers that rules need and that are too old or not there.",
            snapshot.registers_due.1 as u64,
        ),
        (
            "rules_refused",
            "1 while the newest rule files could not be used.",
            u64::from(snapshot.rules_refused),
        ),
        (
            "clock_doubted",
            "1 while the wall clock is not believed: no gated calls.",
            u64::from(snapshot.clock.fault.is_some()),
        ),
        ("journal_queued", "Events in the ring to the journal.", health.queued as u64),
        (
            "journal_degraded",
            "1 while the journal does not write.",
            u64::from(health.state != JournalState::Enabled),
        ),
    ] {
        metric(out, name, help, "gauge", value);
    }
}

fn agents(out: &mut String, states: &[AgentState]) {
    if states.is_empty() {
        return;
    }
    out.push_str("# HELP trunkline_agents Agents in the state.\n# TYPE trunkline_agents gauge\n");
    for (state, name) in AgentState::TABLE {
        let count = states.iter().filter(|s| *s == state).count();
        let _ = writeln!(out, "trunkline_agents{{state=\"{name}\"}} {count}");
    }
}

fn streams(out: &mut String, stats: &StreamStats) {
    for (name, help, value) in stats.rows() {
        metric(out, &format!("sip_connections_{name}"), help, "counter", value);
    }
    type Read = fn(&TransportStats) -> &Count;
    let table: [(&str, &str, &str, Read); 7] = [
        ("sip_stream_messages_in_total", "Messages that came.", "counter", |s| &s.messages_in),
        ("sip_stream_messages_out_total", "Messages written.", "counter", |s| &s.messages_out),
        ("sip_connections", "Connections open.", "gauge", |s| &s.open),
        ("sip_connections_accepted_total", "Opened by others.", "counter", |s| &s.accepted),
        ("sip_connections_connected_total", "Opened by us.", "counter", |s| &s.connected),
        ("sip_connect_failures_total", "Not opened.", "counter", |s| &s.connect_failures),
        ("sip_handshake_failures_total", "TLS or WebSocket failed.", "counter", |s| {
            &s.handshake_failures
        }),
    ];
    for (name, help, kind, read) in table {
        let _ = write!(out, "# HELP trunkline_{name} {help}\n# TYPE trunkline_{name} {kind}\n");
        for (transport, label) in STREAM_TRANSPORTS {
            let value = read(stats.of(transport)).value();
            let _ = writeln!(out, "trunkline_{name}{{transport=\"{label}\"}} {value}");
        }
    }
}

fn metric(out: &mut String, name: &str, help: &str, kind: &str, value: u64) {
    let suffix = if kind == "counter" { "_total" } else { "" };
    let _ = write!(
        out,
        "# HELP trunkline_{name}{suffix} {help}\n# TYPE trunkline_{name}{suffix} {kind}\n\
         trunkline_{name}{suffix} {value}\n"
    );
}
