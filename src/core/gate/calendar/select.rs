//! Which files count: what is delivered, what a site imported, and what was known at an instant.

use super::super::{GateFileError, Source};
use super::file::{File, read};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Calendar files to build a book from.
#[derive(Clone, Copy, Debug, Default)]
pub struct CalendarSet<'a> {
    /// Delivered with the program: the same year twice is an error.
    pub shipped: &'a [Source<'a>],
    /// Imported by the site, all versions. Of a year the newest notice counts; of the same notice
    /// the one confirmed last.
    pub own: &'a [Source<'a>],
    /// Leave out what nobody could know then: notices made public on a later day (UTC), and files
    /// confirmed later. `None`: all counts.
    pub known_at: Option<Timestamp>,
}

/// A delivered file by its name.
macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(Source { name: $name, text: include_str!(concat!("../data/", $name)) }),*]
    };
}

/// Calendar files delivered with the program.
pub fn shipped_calendars() -> [Source<'static>; 26] {
    shipped!(
        "calendar-cn-2007.toml",
        "calendar-cn-2008.toml",
        "calendar-cn-2009.toml",
        "calendar-cn-2010.toml",
        "calendar-cn-2011.toml",
        "calendar-cn-2012.toml",
        "calendar-cn-2013.toml",
        "calendar-cn-2014.toml",
        "calendar-cn-2015.toml",
        "calendar-cn-2016.toml",
        "calendar-cn-2017.toml",
        "calendar-cn-2018.toml",
        "calendar-cn-2019.toml",
        "calendar-cn-2020.toml",
        "calendar-cn-2021.toml",
        "calendar-cn-2022.toml",
        "calendar-cn-2023.toml",
        "calendar-cn-2024.toml",
        "calendar-cn-2025.toml",
        "calendar-cn-2026.toml",
        "calendar-cn-statutory.toml",
        "calendar-fr.toml",
        "calendar-au.toml",
        "calendar-ca.toml",
        "calendar-in.toml",
        "calendar-jp.toml",
    )
}

/// A file that counts.
#[derive(Clone, Debug)]
pub(super) struct Chosen<'a> {
    pub(super) name: &'a str,
    pub(super) text: String,
    pub(super) file: File,
}

/// The files that count, one a year of a calendar.
pub(super) fn choose<'a>(set: &CalendarSet<'a>) -> Result<Vec<Chosen<'a>>, GateFileError> {
    let mut others = Vec::new();
    let mut years: BTreeMap<(String, i16), Chosen<'a>> = BTreeMap::new();
    for source in set.shipped {
        let Some(one) = known(source, read(source)?, set.known_at) else { continue };
        let Some(key) = one.key() else {
            others.push(one);
            continue;
        };
        if years.insert(key.clone(), one).is_some() {
            return Err(GateFileError::new(source.name, format!("year {} is there twice", key.1)));
        }
    }
    for source in set.own {
        let file = read(source)?;
        imported(&file).map_err(|message| GateFileError::new(source.name, message))?;
        let Some(one) = known(source, file, set.known_at) else { continue };
        let Some(key) = one.key() else { continue };
        let newer = |old: &Chosen<'_>| one.rank() >= old.rank();
        if years.get(&key).is_none_or(newer) {
            years.insert(key, one);
        }
    }
    Ok(others.into_iter().chain(years.into_values()).collect())
}

/// A file of the site's: one year, brought by one person and confirmed by another, not edited since.
fn imported(file: &File) -> Result<(), String> {
    let Some(import) = &file.import else {
        return Err("no [import]: bring it in with `trunkline calendar import`".to_owned());
    };
    let (Some(other), Some(_)) = (&import.confirmed_by, import.confirmed_at) else {
        return Err("import: nobody confirmed it: `trunkline calendar confirm`".to_owned());
    };
    if super::file::same_person(&import.by.0, &other.0) {
        return Err(format!("import: {} cannot confirm what the same person brought", other.0));
    }
    if file.year.is_none() || file.notice.is_none() {
        return Err("import: one year with its notice is allowed".to_owned());
    }
    let sum = super::super::book::sha256_hex(&[&file.text()]);
    match sum == import.sha256 {
        true => Ok(()),
        false => Err(format!("import: sha256 is {sum}: the file was changed after its import")),
    }
}

/// Without what nobody could know at `at`.
fn known<'a>(source: &Source<'a>, mut file: File, at: Option<Timestamp>) -> Option<Chosen<'a>> {
    let Some(at) = at else {
        return Some(Chosen { name: source.name, text: source.text.to_owned(), file });
    };
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let confirmed = file.import.as_ref().and_then(|import| import.confirmed_at);
    let late = file.notice.as_ref().is_some_and(|notice| notice.known_from() > day);
    if late || confirmed.is_some_and(|confirmed| confirmed.0 > at) {
        return None;
    }
    let all = file.amendments.len();
    file.amendments.retain(|change| change.notice.known_from() <= day);
    let text = if file.amendments.len() == all { source.text.to_owned() } else { file.text() };
    Some(Chosen { name: source.name, text, file })
}

impl Chosen<'_> {
    /// Calendar and year of a year's file.
    fn key(&self) -> Option<(String, i16)> {
        Some((self.file.calendar.clone(), self.file.year?))
    }

    /// The higher counts.
    fn rank(&self) -> (Option<jiff::civil::Date>, Option<Timestamp>) {
        let newest = self.file.notices().map(|notice| notice.known_from()).max();
        (newest, self.file.import.as_ref().and_then(|import| import.confirmed_at).map(|at| at.0))
    }
}
