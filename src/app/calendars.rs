//! Calendars that a site imported: where they lie, and the alarm before the data ends.

use super::AppError;
use super::orders::{Order, Orders};
use super::rules::Rules;
use crate::config::Config;
use crate::io::clock::Clock;
use jiff::Timestamp;
use jiff::civil::Date;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use trunkline_core::gate::{Book, GateFileError};
use trunkline_core::model::Wall;

/// Versions a folder may hold; of a year there are one to three.
const FILES_MAX: usize = 1000;
/// How often the watch looks at the date.
const LOOK: Duration = Duration::from_secs(600);

/// Folder of imported calendars: `[gate] calendars`, else `calendars` in the data directory.
pub fn calendar_folder(config: &Config) -> PathBuf {
    let own = config.gate.calendars.clone();
    own.unwrap_or_else(|| config.site.data_dir.join("calendars"))
}

/// All versions in a folder, by name. A folder that is not there is empty.
///
/// # Errors
/// If a file cannot be read or is too large, or there are too many.
pub fn imported_calendars(folder: &Path) -> Result<Vec<(String, String)>, AppError> {
    let shown = |what: &Path| format!("[gate] calendars {}", what.display());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(AppError::io(shown(folder))(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(AppError::io(shown(folder)))?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.len() > FILES_MAX {
        let message = format!("{} files: {FILES_MAX} are allowed", paths.len());
        return Err(GateFileError { file: folder.to_string_lossy().into_owned(), message }.into());
    }
    let read = |path: PathBuf| {
        let text = super::rule_text::read(&path)?;
        Ok((path.to_string_lossy().into_owned(), text))
    };
    paths.into_iter().map(read).collect()
}

/// What there is to say on `day` of calendars that end with this year: a warning in November, an
/// alarm in December.
fn ending(book: &Book, day: Date) -> Option<(bool, String)> {
    if day.month() < 11 {
        return None;
    }
    let next = day.year().checked_add(1)?;
    let missing: Vec<&str> =
        book.calendars_in_use().filter(|name| !book.calendar_covers(name, next)).collect();
    if missing.is_empty() {
        return None;
    }
    let text = format!(
        "no notice for {next} in the calendar {}: from 26 December on days are provisional, in \
         {next} unknown; bring it in with `trunkline calendar import`",
        missing.join(", ")
    );
    Some((day.month() == 12, text))
}

/// Once a day, and at the start: tells the log from 1 November, the site's state from 1 December.
pub(super) async fn watch(rules: Arc<Rules>, orders: Orders, clock: Clock) {
    let mut told = None;
    loop {
        let day = local_day(clock.wall());
        if day != told {
            told = day;
            if let Some((alarm, text)) = day.and_then(|day| ending(&rules.book(), day)) {
                tracing::warn!("{text}");
                if alarm {
                    orders.give(Order::GateAlarm(text));
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The day in mainland China, whose notices these are.
fn local_day(now: Wall) -> Option<Date> {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").ok()?;
    Some(Timestamp::from_microsecond(now.0).ok()?.to_zoned(zone).date())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_end_of_the_data_is_told_from_november_and_alarms_from_december() {
        let book = Book::shipped().unwrap();
        let on = |month, day| ending(&book, date(2026, month, day)).map(|told| told.0);
        assert_eq!(on(10, 31), None);
        assert_eq!(on(11, 1), Some(false));
        assert_eq!(on(11, 30), Some(false));
        assert_eq!(on(12, 1), Some(true));
        let (_, text) = ending(&book, date(2026, 12, 31)).unwrap();
        assert!(text.contains("2027") && text.contains("CN"), "{text}");
        assert_eq!(ending(&book, date(2025, 12, 31)), None, "2026 is there");
        // Rule sets that look into no calendar of notices have nothing to fear.
        let uk = Book::shipped().unwrap().keep(&["uk".to_owned(), "fr".to_owned()]).unwrap();
        assert_eq!(ending(&uk, date(2026, 12, 1)), None);
    }

    #[test]
    fn a_folder_that_is_not_there_is_empty_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(imported_calendars(&folder.path().join("none")).unwrap(), []);
        std::fs::write(folder.path().join("b.toml"), "two").unwrap();
        std::fs::write(folder.path().join("a.toml"), "one").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        std::fs::create_dir(folder.path().join("pending")).unwrap();
        let texts: Vec<String> =
            imported_calendars(folder.path()).unwrap().into_iter().map(|one| one.1).collect();
        assert_eq!(texts, ["one", "two"]);
    }
}
