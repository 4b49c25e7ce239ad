//! What control links report, as calls. Rules and words are those of docs/links.md.
//!
//! `board` holds what is known of the channels of each PBX, `report` takes reports apart, `facts`
//! says what a fact means, `place` finds the call of a channel, `moves` joins and transfers,
//! `talks` knows who hears whom, `resync` compares with a snapshot.

mod board;
mod bypass;
mod facts;
mod moves;
mod outward;
mod place;
mod report;
mod resync;
mod start;
mod talks;
mod timers;

pub(super) use board::Boards;
