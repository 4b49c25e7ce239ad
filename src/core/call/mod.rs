//! R2: the call as the trunk shows it: one machine a call, fed with what SIP signalling means.
//!
//! What each input means is in docs/events.md. Late, duplicate and reordered input changes
//! nothing: at most one `delivered` and one `established`, one `connection_cleared` a leg,
//! `cleared` last and once.

mod cause;
mod ending;
mod input;
mod machine;
#[cfg(test)]
mod tests;

pub use cause::{ReasonText, cause_of_bye, cause_of_cancel, cause_of_status};
pub use input::{CallInput, Fact, Party2, Replaced, Settings, Start};
pub use machine::CallMachine;
