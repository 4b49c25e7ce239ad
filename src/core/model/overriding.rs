//! An override: people let one call out although a company's hours refuse it.

use super::{CallId, DecisionId, OverrideId, Party, Wall};

/// How an override stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OverrideState {
    /// Too few have approved.
    Requested,
    /// Good for one call.
    Approved,
    /// A call has used it up.
    Used,
    /// Somebody took it back.
    Revoked,
    /// Its time is over.
    Expired,
}

/// An override after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Ours.
    pub id: OverrideId,
    /// Counts from 1.
    pub rev: u64,
    /// How it stands.
    pub state: OverrideState,
    /// Who may be called.
    pub to: Party,
    /// Why.
    pub purpose: String,
    /// What the call is needed for, in the words of who asked; may name people.
    pub reason: String,
    /// Agent who will call; empty: whoever is at the device.
    pub agent: String,
    /// Device that will call; empty: any of the agent's.
    pub device: String,
    /// User who asked.
    pub requested_by: String,
    /// Users who approved, in that order.
    pub approved_by: Vec<String>,
    /// When it was asked for.
    pub requested_at: Wall,
    /// Not to be used from then on.
    pub expires_at: Wall,
    /// Call that used it.
    pub call_id: Option<CallId>,
    /// Decision that let that call out.
    pub decision_id: Option<DecisionId>,
}

impl Override {
    /// Nothing more can come of it.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, OverrideState::Requested | OverrideState::Approved)
    }
}
