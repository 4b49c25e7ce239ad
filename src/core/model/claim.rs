//! What a person has said or signed that exempts a call: recorded, with who, when and where.

use super::{CallId, ClaimId, DncScope, NumberRef, Party, Wall};

/// What can be shown for a call, beyond its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// The callee agreed beforehand, on record.
    Consent,
    /// The call concerns a contract that is running.
    RunningContract,
    /// The callee asked for this call; counts with a case only, which holds the request.
    CustomerRequestedCallback,
}

/// One claim on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimEntry {
    /// Ours.
    pub id: ClaimId,
    /// What is claimed.
    pub claim: Claim,
    /// Of one number, or of a person at all numbers.
    pub scope: DncScope,
    /// Number or customer, as in [`super::DncEntry`]; its reference is made with the same key.
    pub number: Party,
    /// Counts for calls with this purpose and its family; `None`: for all.
    pub purpose: Option<String>,
    /// Counts for calls of this case; `None`: for all.
    pub case: Option<String>,
    /// Last local calendar day it counts, `YYYY-MM-DD`; `None`: until it is withdrawn.
    pub until: Option<String>,
    /// Call in which it was said.
    pub call: Option<CallId>,
    /// Where the proof is: a form, a recording, a contract; may name people.
    pub evidence: String,
    /// How it came in: `cli`, `api`, `import`, `desk`.
    pub source: String,
    /// When the person said it. It does not count before.
    pub given_at: Wall,
    /// Who entered it.
    pub added_by: String,
    /// It counts no more; it is kept so that it can be told why.
    pub withdrawn: Option<ClaimEnd>,
}

/// How a claim came to count no more before its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimEnd {
    /// When.
    pub at: Wall,
    /// Who entered it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl ClaimEntry {
    /// Key of the number or customer.
    pub fn key(&self) -> NumberRef {
        self.number.number_ref
    }
}
