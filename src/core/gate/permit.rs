//! The right to dial, as types: what was not allowed and made durable does not compile.

use crate::model::{CallId, DecisionId, Pos, Wall};

/// One allowed dial whose decision is not journaled yet. Made by [`super::Decided::permit`] only.
#[derive(Debug)]
pub struct Permit {
    decision: DecisionId,
    call: CallId,
    issued_at: Wall,
    expires_at: Wall,
}

/// A permit that waits for its decision to be durable.
#[derive(Debug)]
pub struct Waiting {
    permit: Permit,
    pos: Pos,
}

/// A value whose journal position is durable.
#[derive(Debug)]
pub struct Committed<T>(T);

/// Why a call is not gated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExemptReason {
    /// An emergency number.
    Emergency,
    /// Stays inside the site.
    Internal,
}

/// One dial that is not gated. Made by [`super::Book::decide`] only.
#[derive(Debug)]
pub struct Exemption(ExemptReason);

/// What a dialler must be handed, and consumes.
#[derive(Debug)]
pub enum DialRight {
    /// Allowed, and the decision is durable.
    Committed(Committed<Permit>),
    /// Not gated.
    Exempt(Exemption),
}

/// Why a permit was not released.
#[derive(Debug)]
pub enum NotReleased {
    /// Not durable yet: try again with this.
    NotYet(Waiting),
    /// Ran out: the call must not be dialled.
    Expired {
        /// Its decision.
        decision: DecisionId,
        /// Its call.
        call: CallId,
    },
}

impl Permit {
    /// Waits until the decision at `pos` is durable.
    pub fn wait(self, pos: Pos) -> Waiting {
        Waiting { permit: self, pos }
    }
}

impl Waiting {
    /// Position that must be durable.
    pub fn pos(&self) -> Pos {
        self.pos
    }

    /// Releases the permit once everything through its position is durable.
    pub fn release(self, _through: Pos, _now: Wall) -> Result<Committed<Permit>, NotReleased> {
        let _ = (self.permit.decision, self.permit.issued_at, self.permit.expires_at);
        todo!()
    }
}

impl Committed<Permit> {
    /// Decision it comes from.
    pub fn decision(&self) -> DecisionId {
        self.0.decision
    }

    /// Call it is for.
    pub fn call(&self) -> CallId {
        self.0.call
    }

    /// Must be used before.
    pub fn expires_at(&self) -> Wall {
        self.0.expires_at
    }
}

impl Exemption {
    pub(super) fn new(reason: ExemptReason) -> Self {
        Self(reason)
    }

    /// Why.
    pub fn reason(&self) -> ExemptReason {
        self.0
    }
}
