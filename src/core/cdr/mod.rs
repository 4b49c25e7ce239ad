//! R1: a PBX's own call records: read, boiled down to legs that went out, and held against calls
//! that this site knows.
//!
//! Nobody here asks the gate or knows numbers: [`Reads`] comes from the caller. What a file holds
//! is a peer's: any bytes are read or refused by line and column, none panic.

mod columns;
mod freeswitch;
mod legs;
mod pairs;
mod reader;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod time;

pub use columns::{BadColumn, Columns, Format};
pub use legs::{Edge, Legs, OutLeg, Reads, legs};
pub use pairs::{Known, Match, Pairing, pair};
pub use reader::{FAULTS_MAX, Fault, Reader, Reading};
pub use row::{Row, Way};
