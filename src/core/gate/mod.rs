//! R1: may this call be dialled?
//!
//! The gate is a pure function over an immutable [`Book`] (rule sets and calendars) and a
//! [`DncList`]. [`Normalizer`] turns what a PBX dialled into a [`Dialed`]; [`Book::decide`] answers
//! for one instant without searching; [`Book::next_allowed`] and [`explain`] search and belong on
//! another thread. An allow yields one [`Permit`], and only a permit whose decision is durable, or
//! an [`Exemption`], becomes a [`DialRight`].
//!
//! The rules of combination: every applicable rule set must allow, the strictest wins, and what is
//! not known (purpose, region, zone, calendar, list key) is refused.

mod answer;
mod asked;
mod book;
mod calendar;
mod caller;
mod check;
mod china;
mod contradiction;
mod decide;
mod dialplan;
mod dialplans;
mod dnc;
mod emergency;
mod error;
mod explain;
mod file;
mod hours;
mod ledger;
mod lint;
mod next;
mod number;
mod numbering;
mod numtext;
mod past;
mod permit;
mod phrase;
mod question;
mod ranges;
mod reading;
mod record;
mod register;
mod replay;
mod ruleset;
mod schema;
mod shadow;
mod slice;
mod spans;
mod terms;
mod vague;
mod values;
mod verdict;
mod waive;
mod zone;

pub use crate::model::Claim;
pub use book::*;
pub use calendar::{
    CalendarChange, CalendarDay, CalendarSet, CalendarSource, CalendarYear, Draft, Provenance,
    shipped_calendars,
};
pub use caller::ShownCaller;
pub use decide::*;
pub use dialplan::*;
pub use dialplans::*;
pub use dnc::*;
pub use error::*;
pub use explain::*;
pub use ledger::*;
pub use lint::*;
pub use next::{Block, HORIZON_DAYS};
pub use number::*;
pub use past::*;
pub use permit::*;
pub use question::*;
pub use reading::*;
pub use record::{ClaimBook, Recorded};
pub use register::{Freshness, Register, RegisterState};
pub use replay::*;
pub use shadow::*;
pub use slice::*;
pub use terms::Claims;
pub use vague::vague_name;
pub use values::{HolidayScope, is_purpose};
pub use waive::{OverridePolicy, Waived};
pub use zone::TZDB_VERSION;

#[cfg(test)]
mod tests;
