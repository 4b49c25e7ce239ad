//! From files to days, with the checks that catch a slip of the pen.

use super::super::GateFileError;
use super::super::values::Day;
use super::days::{Calendar, Mark, PROVISIONAL_FROM, Year, is_weekend};
use super::file::{Break, ByLaw, File, LawYear};
use super::select::{CalendarSet, choose};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longest break, days.
const BREAK_DAYS_MAX: i32 = 15;

/// Reads calendar files; the years of one calendar may be spread over many.
pub(in super::super) fn load(
    set: &CalendarSet<'_>,
) -> Result<BTreeMap<String, Calendar>, GateFileError> {
    let mut calendars: BTreeMap<String, (Calendar, Vec<String>)> = BTreeMap::new();
    for chosen in choose(set)? {
        let fail = |message: String| GateFileError::new(chosen.name, message);
        let (calendar, texts) = calendars.entry(chosen.file.calendar.clone()).or_default();
        calendar.add(chosen.file).map_err(fail)?;
        texts.push(chosen.text);
    }
    let seal = |(name, (mut calendar, mut texts)): (String, (Calendar, Vec<String>))| {
        texts.sort_unstable(); // the version names the content, not the order of loading
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        calendar.version = calendar.named_version(&name, &texts);
        (name, calendar)
    };
    Ok(calendars.into_iter().map(seal).collect())
}

/// Weekdays off that nobody works for: the statutory days of 全国年节及纪念日放假办法, as changed from
/// 2008 (国务院令第513号) and from 2025 (第795号).
pub(super) fn statutory_days(year: i16) -> i32 {
    match year {
        ..2008 => 10,
        2008..2025 => 11,
        2025.. => 13,
    }
}

impl Calendar {
    /// Takes a file in, after all checks.
    pub(super) fn add(&mut self, file: File) -> Result<(), String> {
        if let Some(law) = &file.law {
            let alone = file.year.is_none() && file.notice.is_none() && file.breaks.is_empty();
            return match alone && file.computed.is_empty() && self.years.is_empty() {
                true => self.add_law(law),
                false => Err("law: the only table of its calendar".to_owned()),
            };
        }
        for computed in &file.computed {
            self.add_statutory(computed.year, &computed.statutory)?;
        }
        match (file.year, &file.notice) {
            (Some(year), Some(_)) => self.add_year(year, file),
            (None, None) if file.breaks.is_empty() && !file.computed.is_empty() => Ok(()),
            _ => Err("a year needs [notice] and [[break]], or only [[computed]] stands".to_owned()),
        }
    }

    fn add_law(&mut self, law: &ByLaw) -> Result<(), String> {
        if [&law.cite, &law.url].iter().any(|text| text.is_empty()) {
            return Err("law: cite and url are both needed".to_owned());
        }
        self.by_law = true;
        let law_of = Arc::new(law.clone());
        for LawYear { year, holidays } in &law.years {
            let twice = self.years.insert(*year, Year::Law(law_of.clone())).is_some();
            if twice || holidays.is_empty() {
                return Err(format!("law: year {year} is there twice, or empty"));
            }
            for Day(day) in holidays {
                self.mark(*year, *day, Mark::Off { statutory: true, substitute: false })?;
            }
            self.statutory.insert(*year, holidays.iter().map(|day| day.0).collect());
        }
        Ok(())
    }

    fn add_year(&mut self, year: i16, file: File) -> Result<(), String> {
        file.notices().try_for_each(|notice| notice.check())?;
        let breaks = file.breaks_in_force()?;
        if breaks.is_empty() {
            return Err(format!("year {year}: no [[break]]: a notice without a day off is none"));
        }
        let mut statutory = Vec::new();
        let mut balance = 0_i32;
        for item in breaks {
            balance += self.add_break(year, item).map_err(|err| format!("{}: {err}", item.name))?;
            statutory.extend_from_slice(&item.statutory);
        }
        // Weekdays off minus weekend days worked are the statutory days: a slip of the pen in
        // the data nearly always breaks this sum.
        let extra: i32 = file.amendments.iter().map(|change| i32::from(change.extra_days)).sum();
        let expected = statutory_days(year) + extra;
        if balance != expected {
            return Err(format!(
                "year {year}: weekdays off minus weekend days worked are {balance}, not {expected}"
            ));
        }
        self.add_statutory(year, &statutory)?;
        self.years.insert(year, Year::Notice(Arc::new(file)));
        Ok(())
    }

    fn add_break(&mut self, year: i16, item: &Break) -> Result<i32, String> {
        let (Day(first), Day(last)) = item.days;
        let length = (last - first).get_days();
        if !(0..BREAK_DAYS_MAX).contains(&length) {
            return Err(format!("days {first} to {last}: a break has 1 to 15 days"));
        }
        let statutory: BTreeSet<Date> = item.statutory.iter().map(|day| day.0).collect();
        if let Some(stray) = statutory.iter().find(|day| !(first..=last).contains(*day)) {
            return Err(format!("statutory {stray} is outside {first} to {last}"));
        }
        let mut owed = 0_u32; // statutory dates on weekend days so far, not yet made good
        let mut balance = 0;
        for day in first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last) {
            let weekday = !is_weekend(day);
            let fixed = statutory.contains(&day);
            let substitute = weekday && !fixed && owed > 0;
            owed += u32::from(fixed && !weekday);
            owed -= u32::from(substitute);
            balance += i32::from(weekday);
            self.mark(year, day, Mark::Off { statutory: fixed, substitute })?;
        }
        for Day(day) in &item.work {
            if !is_weekend(*day) {
                return Err(format!("work {day} is no Saturday or Sunday"));
            }
            balance -= 1;
            self.mark(year, *day, Mark::Work)?;
        }
        Ok(balance)
    }

    fn mark(&mut self, year: i16, day: Date, mark: Mark) -> Result<(), String> {
        let reached_back = day.year() == year - 1 && (day.month(), day.day()) >= PROVISIONAL_FROM;
        if day.year() != year && !reached_back {
            return Err(format!("{day} is not of {year}"));
        }
        match self.marks.insert(day, mark) {
            None => Ok(()),
            Some(_) => Err(format!("{day} is there twice")),
        }
    }

    fn add_statutory(&mut self, year: i16, days: &[Day]) -> Result<(), String> {
        let dates: BTreeSet<Date> = days.iter().map(|day| day.0).collect();
        // A date short where a lunar date falls on another holiday.
        let law = statutory_days(year) as usize;
        if dates.len() != days.len() || !(law - 1..=law).contains(&dates.len()) {
            return Err(format!("year {year}: {} statutory dates, not {law}", dates.len()));
        }
        if let Some(stray) = dates.iter().find(|date| date.year() != year) {
            return Err(format!("statutory {stray} is not of {year}"));
        }
        // A notice replaces what was computed; two computed years must agree.
        let dates: Vec<Date> = dates.into_iter().collect();
        match self.statutory.insert(year, dates.clone()) {
            Some(other) if other != dates => {
                let missing = other.iter().find(|day| !dates.contains(day));
                let stray = dates.iter().find(|day| !other.contains(day));
                let say = |day: Option<&Date>| day.map_or("none".to_owned(), Date::to_string);
                let (missing, stray) = (say(missing), say(stray));
                Err(format!(
                    "year {year}: statutory dates differ from the law's: {missing} is missing, \
                     {stray} is none"
                ))
            }
            _ => Ok(()),
        }
    }
}
