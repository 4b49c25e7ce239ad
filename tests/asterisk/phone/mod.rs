//! A telephone: registers with a password, rings, and does what it is told. A thread of its own
//! answers what needs no decision, and obeys its PBX.

mod acts;
mod hears;
mod line;

pub use acts::Phone;
