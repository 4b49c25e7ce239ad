//! Kinds of days, from the texts of published notices, and the files that carry them.

mod build;
mod days;
mod draft;
mod feed;
mod file;
mod notice;
mod scan;
mod select;
mod view;

pub(super) use build::load;
pub(super) use days::{Calendar, Guard};
pub use draft::{Draft, Provenance};
pub use select::{CalendarSet, shipped_calendars};
pub use view::{CalendarChange, CalendarDay, CalendarSource, CalendarYear};
