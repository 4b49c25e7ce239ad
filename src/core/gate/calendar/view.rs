//! A year as people read it, and how two differ.

use super::super::Book;
use super::super::values::HolidayScope;
use super::days::{Calendar, Year};
use super::draft::Draft;
use crate::model::{DayClass, Named};
use jiff::civil::{Date, date};

/// One year of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CalendarYear {
    /// Calendar: `CN`.
    pub calendar: String,
    /// Year.
    pub year: i16,
    /// Version of the whole calendar, as decisions name it.
    pub version: String,
    /// `notice`, `imported`, `law`, `computed`, or `unknown`: nobody said anything of that year.
    pub status: &'static str,
    /// What it rests on: number or clause, title, day it was made public, address.
    pub sources: Vec<CalendarSource>,
    /// People who imported and confirmed it.
    pub approved_by: Vec<String>,
    /// Days that are no ordinary workday or weekend, in their order; from 26 December of the year
    /// before where its notice reaches back.
    pub days: Vec<CalendarDay>,
}

/// A notice or law.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CalendarSource {
    /// Number of the notice, or clause of the law.
    pub number: String,
    /// Title; empty for a law.
    pub title: String,
    /// `YYYY-MM-DD`; empty for a law.
    pub published: String,
    /// Address.
    pub url: String,
}

/// A day of interest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CalendarDay {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// `mon` to `sun`.
    pub weekday: &'static str,
    /// `holiday`, `makeup`, `provisional`...
    pub class: &'static str,
    /// A date of the law, not only a day of its break.
    pub statutory: bool,
    /// Holiday it belongs to; may be empty.
    pub name: String,
}

/// A day on which two calendars differ.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CalendarChange {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// Class by what is in force.
    pub current: &'static str,
    /// Class by the other.
    pub other: &'static str,
}

impl Book {
    pub(super) fn calendar(&self, name: &str) -> Option<&Calendar> {
        self.calendars.get(name).map(AsRef::as_ref)
    }

    /// A year of a calendar; `None`: there is no calendar of that name.
    pub fn calendar_year(&self, name: &str, year: i16) -> Option<CalendarYear> {
        let calendar = self.calendar(name)?;
        let (status, sources, approved_by) = origin(calendar, year);
        Some(CalendarYear {
            calendar: name.to_owned(),
            year,
            version: calendar.version.clone(),
            status,
            sources,
            approved_by,
            days: days(calendar, year),
        })
    }

    /// Days on which `draft` says something else than the calendar in force, in the widest reading
    /// of a holiday.
    ///
    /// # Errors
    /// If the draft cannot be used.
    pub fn calendar_changes(&self, draft: &Draft) -> Result<Vec<CalendarChange>, String> {
        let other = draft.alone()?;
        let year = draft.year();
        let class = |calendar: &Calendar, day| calendar.class(day, HolidayScope::Block);
        let current = |day| {
            let known = self.calendar(draft.calendar());
            known.map_or(DayClass::Unknown, |known| class(known, day))
        };
        // The end of the year before stays what it was unless this notice names it, and the end of
        // this one is provisional in both.
        let named = |day: &Date| day.year() == year || other.marks.contains_key(day);
        let pairs = all_days(year).filter(named).map(|day| (day, current(day), class(&other, day)));
        let mut out = Vec::new();
        for (day, old, new) in pairs {
            let told = new != DayClass::Provisional || other.marks.contains_key(&day);
            if old != new && told {
                let date = day.to_string();
                out.push(CalendarChange { date, current: old.name(), other: new.name() });
            }
        }
        Ok(out)
    }

    /// Whether the calendar knows that year. Rule sets close days that it does not know.
    pub fn calendar_covers(&self, name: &str, year: i16) -> bool {
        self.calendar(name).is_some_and(|calendar| calendar.years.contains_key(&year))
    }
}

fn origin(calendar: &Calendar, year: i16) -> (&'static str, Vec<CalendarSource>, Vec<String>) {
    match calendar.years.get(&year) {
        None => ("unknown", Vec::new(), Vec::new()),
        Some(Year::Law(law)) => {
            let status = if law.computed_by.is_some() { "computed" } else { "law" };
            let title = law.computed_by.as_ref().map(|by| format!("computed by {by}"));
            let source = CalendarSource {
                number: law.cite.clone(),
                title: title.unwrap_or_default(),
                published: String::new(),
                url: law.url.clone(),
            };
            (status, vec![source], Vec::new())
        }
        Some(Year::Notice(file)) => {
            let source = |one: &super::file::Notice| CalendarSource {
                number: one.number.clone(),
                title: one.title.clone(),
                published: one.known_from().to_string(),
                url: one.url.clone(),
            };
            let people = file.import.iter().flat_map(|import| {
                [Some(&import.by), import.confirmed_by.as_ref()].into_iter().flatten()
            });
            let people: Vec<String> = people.map(|word| word.0.clone()).collect();
            let status = if people.is_empty() { "notice" } else { "imported" };
            (status, file.notices().map(source).collect(), people)
        }
    }
}

/// From 26 December of the year before on.
fn all_days(year: i16) -> impl Iterator<Item = Date> {
    let first = date(year.saturating_sub(1), 12, 26);
    first.series(jiff::Span::new().days(1)).take_while(move |day| day.year() <= year)
}

fn days(calendar: &Calendar, year: i16) -> Vec<CalendarDay> {
    let file = match calendar.years.get(&year) {
        Some(Year::Notice(file)) => Some(file),
        Some(Year::Law(_)) | None => None,
    };
    let breaks = file.and_then(|file| file.breaks_in_force().ok()).unwrap_or_default();
    let name = |day: Date| {
        let holds = |one: &&&super::file::Break| {
            (one.days.0.0..=one.days.1.0).contains(&day)
                || one.work.iter().any(|work| work.0 == day)
        };
        breaks.iter().find(holds).map(|one| one.name.clone()).unwrap_or_default()
    };
    let mut out = Vec::new();
    for day in all_days(year) {
        let class = calendar.class(day, HolidayScope::Block);
        let plain = matches!(class, DayClass::Workday | DayClass::Rest | DayClass::Unknown);
        let name = name(day);
        if !plain && (day.year() == year || !name.is_empty()) {
            out.push(CalendarDay {
                date: day.to_string(),
                weekday: weekday(day),
                class: class.name(),
                statutory: calendar.class(day, HolidayScope::Statutory) == DayClass::Holiday,
                name,
            });
        }
    }
    out
}

fn weekday(day: Date) -> &'static str {
    use jiff::civil::Weekday as W;
    match day.weekday() {
        W::Monday => "mon",
        W::Tuesday => "tue",
        W::Wednesday => "wed",
        W::Thursday => "thu",
        W::Friday => "fri",
        W::Saturday => "sat",
        W::Sunday => "sun",
    }
}
