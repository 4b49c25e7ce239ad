//! A line: a carrier as this site uses it; and what is due when one fails.

use super::{CallId, DutyId, Wall};
use std::sync::Arc;

/// What calls may expect of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineState {
    /// Nothing was heard of it yet; used as if it were in service.
    Unknown,
    /// It answers.
    InService,
    /// It answers, but comes after the others: held back by flap damping, or not registered.
    Degraded,
    /// It does not answer; used only when no other line can be.
    OutOfService,
    /// An operator takes it out: no new calls, those in progress go on.
    Draining,
    /// An operator has taken it out: no new calls, and its failures alarm nobody.
    Maintenance,
}

/// Place of a line among those that calls leave by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineRole {
    /// First of its group.
    Primary,
    /// Another of its group.
    Backup,
    /// In no group: calls only come in by it.
    InboundOnly,
}

/// What an operator has said about a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LineOrder {
    /// Nothing: use it.
    #[default]
    Serve,
    /// No new calls.
    Drain,
    /// No new calls, no alarms.
    Maintain,
}

/// State of our registration with a carrier (RFC 3261 §10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegistrationState {
    /// Not confirmed yet.
    Trying,
    /// In force.
    Registered,
    /// Refused, unanswered or run out.
    Failed,
}

/// Our registration with a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRegistration {
    /// How it stands.
    pub state: RegistrationState,
    /// The newest answer, for a person.
    pub reason: String,
    /// When it ends unless it is renewed.
    pub expires_at: Option<Wall>,
}

/// One probe (OPTIONS, RFC 3261 §11) and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// When its outcome was known.
    pub at: Wall,
    /// Counted as a sign of life.
    pub alive: bool,
    /// Status of the answer, if there was one.
    pub status: Option<u16>,
    /// The answer or its absence, for a person.
    pub text: String,
    /// Send to receive, in microseconds.
    pub rtt_us: Option<u64>,
}

/// A carrier line after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Name in the configuration.
    pub id: String,
    /// Grows by one with each event of this line.
    pub rev: u64,
    /// Place in its group.
    pub role: LineRole,
    /// What calls may expect.
    pub state: LineState,
    /// In this state since.
    pub since: Wall,
    /// Why, for a person.
    pub reason: String,
    /// The newest evidence against it; empty: none.
    pub last_failure: String,
    /// Order in force.
    pub order: LineOrder,
    /// Who gave it; empty: nobody.
    pub ordered_by: String,
    /// Our registration, where the carrier asks for one.
    pub registration: Option<LineRegistration>,
    /// Calls that came in by it.
    pub calls_in: u32,
    /// Calls that went out by it.
    pub calls_out: u32,
    /// Limit of both together.
    pub calls_max: Option<u32>,
    /// Limit of calls in.
    pub calls_in_max: Option<u32>,
    /// Limit of calls out.
    pub calls_out_max: Option<u32>,
    /// Newest round trip of a probe, in microseconds.
    pub rtt_us: Option<u64>,
    /// Probes without a sign of life in a row.
    pub probe_failures: u32,
    /// Calls without a sign of life, or with 503, in a row.
    pub call_failures: u32,
    /// When it is probed next.
    pub next_probe_at: Option<Wall>,
    /// INVITEs sent to it in the last 15 minutes: the seizures of the two ratios.
    pub seizures: u32,
    /// Answer seizure ratio of these 15 minutes (ITU-T E.411), in thousandths.
    pub answer_seizure_permille: Option<u16>,
    /// Network effectiveness ratio of these 15 minutes (ITU-T E.425), in thousandths.
    pub network_effectiveness_permille: Option<u16>,
    /// Answers of this line that came after its call had gone elsewhere; released by us.
    pub late_answers: u32,
    /// Flap damping: penalty (RFC 2439); a thousand a flap, halved each half-life.
    pub penalty: u32,
    /// The newest probes, oldest first; ten at most.
    pub probes: Vec<ProbeResult>,
}

/// Something went from one line, or state, to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Call that moved; `None`: new calls from now on.
    pub call: Option<CallId>,
    /// Line or state before.
    pub from: String,
    /// Line or state after.
    pub to: String,
    /// Why, for a person.
    pub reason: String,
}

/// What has to be done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DutyKind {
    /// The backup line carries calls, or the failed line serves again.
    BackupLine,
    /// The agent has labelled a call after its end.
    CallRecord,
    /// A PBX's call records of a day were held against the decisions.
    Reconciliation,
}

/// How a duty stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DutyState {
    /// Not done, time is left.
    Running,
    /// Done in time.
    Met,
    /// Not done in time.
    Breached,
}

/// One duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Ours.
    pub id: DutyId,
    /// Grows by one with each change.
    pub rev: u64,
    /// What is due.
    pub kind: DutyKind,
    /// Whose: the line's name; the call's id; PBX and day.
    pub subject: String,
    /// Agent who is to do it; empty: none.
    pub agent: Arc<str>,
    /// Since when.
    pub started: Wall,
    /// Until when.
    pub due_at: Wall,
    /// How it stands.
    pub state: DutyState,
    /// When it was met.
    pub met_at: Option<Wall>,
    /// What started or ended it, for a person.
    pub reason: String,
}
