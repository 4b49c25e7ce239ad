//! Kinds of days, from the texts of published notices, and the files that carry them.

mod build;
mod days;
mod file;
mod select;

pub(super) use build::load;
pub(super) use days::{Calendar, Guard};
pub use select::{CalendarSet, shipped_calendars};

/// Whether two names are one person's: two approvals by one are none.
fn same_person(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
