//! The open store.

use super::{DncRow, JournalHandle, RecordQuery, RecordRow, StoreError};
use trunkline_core::model::{Call, CallId, Committed, Decision, DecisionId, Event, Pos, Wall};

/// An open data directory; clones share it.
#[derive(Clone)]
pub struct Store {}

/// What `audit verify` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Entries checked.
    pub entries: u64,
    /// Entries that the signed head vouches for.
    pub signed: u64,
    /// When that head was signed.
    pub signed_at: Wall,
}

impl Store {
    /// Starts the writer and the projection thread. Call it once.
    ///
    /// # Errors
    /// If a thread cannot be started, or the journal was started before.
    pub fn start_journal(
        &self,
        _ring_capacity: usize,
        _clock: impl Fn() -> Wall + Send + Sync + 'static,
        _on_commit: impl FnMut(Committed) + Send + 'static,
    ) -> Result<JournalHandle, StoreError> {
        todo!()
    }

    /// Events of the epoch in force after a position, oldest first.
    pub fn read(&self, _from_exclusive: Pos, _limit: usize) -> Result<Vec<Event>, StoreError> {
        todo!()
    }

    /// Records that fit, newest first. Audited before anything is returned.
    pub fn search(
        &self,
        _query: &RecordQuery,
        _who: &str,
        _now: Wall,
    ) -> Result<Vec<RecordRow>, StoreError> {
        todo!()
    }

    /// One record. Audited before anything is returned.
    pub fn show(&self, _id: CallId, _who: &str, _now: Wall) -> Result<Option<Call>, StoreError> {
        todo!()
    }

    /// One gate decision. Audited before anything is returned.
    pub fn show_decision(
        &self,
        _id: DecisionId,
        _who: &str,
        _now: Wall,
    ) -> Result<Option<Decision>, StoreError> {
        todo!()
    }

    /// The do-not-call list. Audited before anything is returned.
    pub fn dnc_list(&self, _who: &str, _now: Wall) -> Result<Vec<DncRow>, StoreError> {
        todo!()
    }

    /// Writes an act of an operator (export, key work) into the audit log, durable on return.
    pub fn audit(
        &self,
        _who: &str,
        _action: &str,
        _object: &str,
        _now: Wall,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// Checks the whole audit log against its signed head.
    pub fn audit_verify(&self) -> Result<AuditReport, StoreError> {
        todo!()
    }
}
