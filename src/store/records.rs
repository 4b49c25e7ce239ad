//! Looking records up.

use trunkline_core::model::{CallId, Cause, DecisionId, Direction, DncEntry, Party, Wall};

/// Which records.
#[derive(Clone, Debug)]
pub struct RecordQuery {
    /// Caller's or callee's number: E.164, or the raw form where it is none.
    pub number: Option<String>,
    /// Inside device.
    pub device: Option<String>,
    /// Started at or after.
    pub from: Wall,
    /// Started before.
    pub to: Wall,
    /// At most so many, newest first.
    pub limit: usize,
}

/// One record in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Call.
    pub id: CallId,
    /// Which way.
    pub direction: Direction,
    /// Caller.
    pub from: Party,
    /// Callee.
    pub to: Party,
    /// Inside device.
    pub device: String,
    /// Carrier line.
    pub trunk: String,
    /// INVITE received.
    pub started: Wall,
    /// Answered.
    pub answered: Option<Wall>,
    /// Over.
    pub ended: Option<Wall>,
    /// Ring to answer or end.
    pub ring_ms: Option<u64>,
    /// Answer to end.
    pub talk_ms: Option<u64>,
    /// Why it ended.
    pub cause: Option<Cause>,
    /// Gate decision.
    pub decision_id: Option<DecisionId>,
}

/// One number of the do-not-call list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DncRow {
    /// Entry as it came in, with the longest block asked for.
    pub entry: DncEntry,
}
