//! R2: carrier lines: is one alive, may a call take it, in which order are they tried.
//!
//! A line is judged by evidence of three kinds: probes of ours (OPTIONS), our registration, and
//! what becomes of real calls. `down_after` failures in a row of one kind take it out of service,
//! `up_after` successes bring it back; one that flaps is held back until its penalty has decayed
//! (RFC 2439). Nothing here knows SIP messages or a clock: the engine brings outcomes and the
//! present moment, and does what [`LineFact`] asks for.

mod damping;
mod health;
mod load;
mod machine;
mod probe;
mod ratio;
mod register;
mod set;
mod settings;

#[cfg(test)]
mod tests;

pub use load::Way;
pub use machine::{CallOutcome, LineFact, LineMachine};
pub use ratio::Ending;
pub use set::{LineIx, Lines, NoLine};
pub use settings::{
    CallLimits, DampingSettings, HealthSettings, LineSettings, ProbeAlive, ProbeSettings,
    RegisterSettings,
};
