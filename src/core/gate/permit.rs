//! The right to dial, as types: what was not allowed and made durable does not compile.
//!
//! A permit cannot be built, copied or used before its decision is durable:
//!
//! ```compile_fail,E0423
//! use trunkline_core::gate::{DialRight, Exemption, ExemptReason};
//! let right = DialRight::Exempt(Exemption(ExemptReason::Emergency)); // private field
//! ```
//! ```compile_fail,E0423
//! use trunkline_core::gate::{Committed, DialRight, Permit};
//! fn forge(permit: Permit) -> DialRight {
//!     DialRight::Committed(Committed(permit)) // not released
//! }
//! ```
//! ```compile_fail,E0308
//! use trunkline_core::gate::{DialRight, Permit};
//! fn early(permit: Permit) -> DialRight {
//!     DialRight::Committed(permit) // not released
//! }
//! ```
//! ```compile_fail,E0382
//! use trunkline_core::gate::DialRight;
//! fn dial(right: DialRight) {}
//! fn twice(right: DialRight) {
//!     dial(right);
//!     dial(right); // used up
//! }
//! ```
//! ```compile_fail,E0382
//! use trunkline_core::{gate::Permit, model::Pos};
//! fn twice(permit: Permit) {
//!     let first = permit.wait(Pos(1));
//!     let second = permit.wait(Pos(1)); // used up
//! }
//! ```
//! ```compile_fail,E0594
//! use trunkline_core::{gate::Decided, model::Verdict};
//! fn overrule(mut denied: Decided) {
//!     denied.verdict = Verdict::Allow; // findings are read-only
//! }
//! ```
//! The one way:
//!
//! ```
//! use trunkline_core::gate::{Decided, DialRight};
//! use trunkline_core::model::{CallId, DecisionId, Pos, Wall};
//! fn way(decided: &mut Decided, id: DecisionId, call: CallId, now: Wall) -> Option<DialRight> {
//!     let waiting = decided.permit(id, call, now)?.wait(Pos(7)); // journaled at 7
//!     waiting.release(Pos(7), now).ok().map(DialRight::Committed) // 7 is durable
//! }
//! ```

use crate::model::{CallId, DecisionId, Pos, Wall};

/// One allowed dial whose decision is not journaled yet. Made by
/// [`Decided::permit`](super::Decided::permit) only.
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

/// One dial that is not gated. Made by [`Book::decide`](super::Book::decide) only.
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
    pub(super) fn new(decision: DecisionId, call: CallId, issued: Wall, expires: Wall) -> Self {
        Self { decision, call, issued_at: issued, expires_at: expires }
    }

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

    /// Releases the permit once everything through its position is durable. A clock that was set
    /// back by more than a permit's life makes it run out, too: it must not live on.
    pub fn release(self, through: Pos, now: Wall) -> Result<Committed<Permit>, NotReleased> {
        let Permit { decision, call, issued_at, expires_at } = self.permit;
        let life = expires_at.0.saturating_sub(issued_at.0);
        if now >= expires_at || now.0 < issued_at.0.saturating_sub(life) {
            return Err(NotReleased::Expired { decision, call });
        }
        if through < self.pos {
            return Err(NotReleased::NotYet(self));
        }
        Ok(Committed(self.permit))
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
