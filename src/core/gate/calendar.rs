//! Kinds of days, from the texts of published notices.

use super::values::{Day, HolidayScope};
use super::{GateFileError, Source};
use crate::model::DayClass;
use jiff::civil::{Date, Weekday};
use std::collections::{BTreeMap, BTreeSet};

/// First day of December that the next year's notice may still change. Notices reached back as far
/// as 29 December (2007, 2018), and the published data sets end on the 25th.
const PROVISIONAL_FROM: (i8, i8) = (12, 26);

/// The calendar of one country.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    pub(super) version: String,
    marks: BTreeMap<Date, Mark>,
    /// Years with a notice.
    covered: BTreeSet<i16>,
    /// Statutory dates of covered and computed years.
    statutory: BTreeMap<i16, Vec<Date>>,
    /// The law fixes its days: no notice changes a year at its end.
    by_law: bool,
}

/// What a notice says of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Weekend day worked.
    Work,
    /// Day of a break.
    Off { statutory: bool, substitute: bool },
}

/// Where an unknown day stands to the statutory dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// None near.
    Clear,
    /// Near this one.
    Near(Date),
    /// The statutory dates of this year are not known.
    NoTable(i16),
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    calendar: String,
    year: Option<i16>,
    notice: Option<Notice>,
    #[serde(default, rename = "break")]
    breaks: Vec<Break>,
    #[serde(default)]
    computed: Vec<Computed>,
    /// Years whose holidays the law itself fixes; weekends stay rest days.
    law: Option<ByLaw>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ByLaw {
    cite: String,
    url: String,
    years: Vec<LawYear>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LawYear {
    year: i16,
    holidays: Vec<Day>,
}

/// Where a year's data comes from: data without a source is not believed.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Notice {
    number: String,
    title: String,
    #[serde(rename = "date")]
    _date: Day,
    url: String,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Break {
    name: String,
    days: (Day, Day),
    #[serde(default)]
    work: Vec<Day>,
    statutory: Vec<Day>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Computed {
    year: i16,
    statutory: Vec<Day>,
}

/// Reads calendar files; the years of one calendar may be spread over many.
pub(super) fn load(sources: &[Source<'_>]) -> Result<BTreeMap<String, Calendar>, GateFileError> {
    let mut calendars: BTreeMap<String, (Calendar, Vec<&str>)> = BTreeMap::new();
    for source in sources {
        let fail = |message: String| GateFileError::new(source.name, message);
        let file: File = toml::from_str(source.text).map_err(|err| fail(err.to_string()))?;
        if file.schema != 1 {
            return Err(fail(format!("schema = {}: only 1 is known", file.schema)));
        }
        let (calendar, texts) = calendars.entry(file.calendar.clone()).or_default();
        calendar.add(file).map_err(fail)?;
        texts.push(source.text);
    }
    let seal = |(name, (mut calendar, mut texts)): (String, (Calendar, Vec<&str>))| {
        texts.sort_unstable(); // the version names the content, not the order of loading
        calendar.version = calendar.named_version(&name, &texts);
        (name, calendar)
    };
    Ok(calendars.into_iter().map(seal).collect())
}

impl Calendar {
    pub(super) fn class(&self, day: Date, scope: HolidayScope) -> DayClass {
        let mark = self.marks.get(&day).copied();
        if let Some(Mark::Off { statutory, substitute }) = mark
            && (scope == HolidayScope::Block
                || statutory
                || (substitute && scope == HolidayScope::StatutoryAndSubstitute))
        {
            return DayClass::Holiday;
        }
        if !self.covered.contains(&day.year()) {
            return DayClass::Unknown;
        }
        let late = (day.month(), day.day()) >= PROVISIONAL_FROM;
        if late && !self.by_law && !self.covered.contains(&(day.year() + 1)) {
            return DayClass::Provisional;
        }
        match mark {
            Some(Mark::Work) => DayClass::Makeup,
            Some(Mark::Off { .. }) => DayClass::Rest,
            None if is_weekend(day) => DayClass::Rest,
            None => DayClass::Workday,
        }
    }

    /// Whether `day` lies at most `before` days before or `after` days after a statutory date.
    pub(super) fn guard(&self, day: Date, before: u8, after: u8) -> Guard {
        let step = |days: i16| jiff::Span::new().try_days(days).ok();
        let from = step(-i16::from(after)).and_then(|span| day.checked_add(span).ok());
        let to = step(before.into()).and_then(|span| day.checked_add(span).ok());
        let (Some(from), Some(to)) = (from, to) else { return Guard::NoTable(day.year()) };
        for year in from.year()..=to.year() {
            let Some(dates) = self.statutory.get(&year) else { return Guard::NoTable(year) };
            if let Some(near) = dates.iter().find(|date| (from..=to).contains(*date)) {
                return Guard::Near(*near);
            }
        }
        Guard::Clear
    }

    /// Years with a notice.
    pub(super) fn years(&self) -> impl Iterator<Item = i16> + '_ {
        self.covered.iter().copied()
    }

    fn named_version(&self, name: &str, texts: &[&str]) -> String {
        let years = match (self.covered.first(), self.covered.last()) {
            (Some(first), Some(last)) => format!("{first}-{last}"),
            _ => "none".to_owned(),
        };
        let hash = super::book::sha256_hex(texts);
        format!("{name}-{years}-{}", hash.get(..12).unwrap_or(&hash))
    }

    fn add(&mut self, file: File) -> Result<(), String> {
        if let Some(law) = &file.law {
            let alone = file.year.is_none() && file.notice.is_none() && file.breaks.is_empty();
            return match alone && file.computed.is_empty() && self.marks.is_empty() {
                true => self.add_law(law),
                false => Err("law: the only table of its calendar".to_owned()),
            };
        }
        for computed in &file.computed {
            self.add_statutory(computed.year, &computed.statutory)?;
        }
        match (file.year, &file.notice) {
            (Some(year), Some(notice)) => {
                if [&notice.number, &notice.title, &notice.url].iter().any(|s| s.is_empty()) {
                    return Err("notice: number, title and url are all needed".to_owned());
                }
                self.add_year(year, &file.breaks)
            }
            (None, None) if file.breaks.is_empty() && !file.computed.is_empty() => Ok(()),
            _ => Err("a year needs [notice] and [[break]], or only [[computed]] stands".to_owned()),
        }
    }

    fn add_law(&mut self, law: &ByLaw) -> Result<(), String> {
        if [&law.cite, &law.url].iter().any(|text| text.is_empty()) {
            return Err("law: cite and url are both needed".to_owned());
        }
        self.by_law = true;
        for LawYear { year, holidays } in &law.years {
            if !self.covered.insert(*year) || holidays.is_empty() {
                return Err(format!("law: year {year} is there twice, or empty"));
            }
            for Day(day) in holidays {
                self.mark(*year, *day, Mark::Off { statutory: true, substitute: false })?;
            }
            self.statutory.insert(*year, holidays.iter().map(|day| day.0).collect());
        }
        Ok(())
    }

    fn add_year(&mut self, year: i16, breaks: &[Break]) -> Result<(), String> {
        if !self.covered.insert(year) {
            return Err(format!("year {year} is there twice"));
        }
        let mut statutory = Vec::new();
        let mut balance = 0_i32;
        for item in breaks {
            balance += self.add_break(year, item).map_err(|err| format!("{}: {err}", item.name))?;
            statutory.extend_from_slice(&item.statutory);
        }
        // Weekdays off minus weekend days worked are the statutory days: a slip of the pen in
        // the data nearly always breaks this sum. Since 2025 the law counts 13, before 11.
        let expected = if year >= 2025 { 13 } else { 11 };
        if balance != expected {
            return Err(format!(
                "year {year}: weekdays off minus weekend days worked are {balance}, not {expected}"
            ));
        }
        self.add_statutory(year, &statutory)
    }

    fn add_break(&mut self, year: i16, item: &Break) -> Result<i32, String> {
        let (Day(first), Day(last)) = item.days;
        let length = (last - first).get_days();
        if !(0..=14).contains(&length) {
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
        // A date short where a lunar date falls on another holiday; before 2025 the law had 11.
        if dates.len() != days.len() || !(10..=13).contains(&dates.len()) {
            return Err(format!("year {year}: {} statutory dates", dates.len()));
        }
        if let Some(stray) = dates.iter().find(|date| date.year() != year) {
            return Err(format!("statutory {stray} is not of {year}"));
        }
        // A notice replaces what was computed; two computed years must agree.
        let dates: Vec<Date> = dates.into_iter().collect();
        match self.statutory.insert(year, dates.clone()) {
            Some(other) if other != dates => {
                Err(format!("year {year}: statutory dates differ from those of another file"))
            }
            _ => Ok(()),
        }
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}
