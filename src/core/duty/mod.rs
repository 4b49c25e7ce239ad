//! R1: what is due when, and whether it was done.

mod duties;

pub use duties::Duties;
