//! R2: the call: one machine a call, fed with what SIP signalling on the trunk means
//! ([`CallInput`]) and with what control links show of its legs ([`LegInput`]).
//!
//! What each input means is in docs/events.md and docs/links.md. Late, duplicate and reordered input changes
//! nothing: at most one `delivered` and one `established`, one `connection_cleared` a leg,
//! `cleared` last and once.

mod cause;
mod ending;
mod figures;
mod input;
mod leaving;
mod legs;
#[cfg(test)]
mod link_tests;
mod machine;
mod outward;
mod people;
#[cfg(test)]
mod tests;

pub use cause::{ReasonText, cause_of_bye, cause_of_cancel, cause_of_status};
pub use input::{
    CallInput, Ender, Fact, LegEnd, LegInput, NewLeg, Party2, Replaced, SeenStart, Settings, Start,
};
pub use machine::CallMachine;
pub use people::{FactorRefusal, PeopleRules};
