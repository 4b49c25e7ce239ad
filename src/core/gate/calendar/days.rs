//! What kind of day a date is.

use super::super::values::HolidayScope;
use super::file::{ByLaw, File};
use crate::model::DayClass;
use jiff::civil::{Date, Weekday};
use std::collections::BTreeMap;
use std::sync::Arc;

/// First day of December that the next year's notice may still change. Notices reached back as far
/// as 29 December (2007, 2018), and the published data sets end on the 25th.
pub(super) const PROVISIONAL_FROM: (i8, i8) = (12, 26);

/// The calendar of one country.
#[derive(Debug, Default)]
pub(in super::super) struct Calendar {
    pub(in super::super) version: String,
    pub(super) marks: BTreeMap<Date, Mark>,
    /// Years with a notice, or fixed by the law.
    pub(super) years: BTreeMap<i16, Year>,
    /// Statutory dates of covered and computed years.
    pub(super) statutory: BTreeMap<i16, Vec<Date>>,
    /// The law fixes its days: no notice changes a year at its end.
    pub(super) by_law: bool,
}

/// Where the days of a year come from.
#[derive(Clone, Debug)]
pub(super) enum Year {
    Notice(Arc<File>),
    Law(Arc<ByLaw>),
}

/// What a notice says of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Weekend day worked.
    Work,
    /// Day of a break.
    Off { statutory: bool, substitute: bool },
}

/// Where an unknown day stands to the statutory dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Guard {
    /// None near.
    Clear,
    /// Near this one.
    Near(Date),
    /// The statutory dates of this year are not known.
    NoTable(i16),
}

impl Calendar {
    pub(in super::super) fn class(&self, day: Date, scope: HolidayScope) -> DayClass {
        let mark = self.marks.get(&day).copied();
        if let Some(Mark::Off { statutory, substitute }) = mark
            && (scope == HolidayScope::Block
                || statutory
                || (substitute && scope == HolidayScope::StatutoryAndSubstitute))
        {
            return DayClass::Holiday;
        }
        if !self.years.contains_key(&day.year()) {
            // The next year's notice may name a workday at the end of a year that has none.
            return if mark == Some(Mark::Work) { DayClass::Makeup } else { DayClass::Unknown };
        }
        let late = (day.month(), day.day()) >= PROVISIONAL_FROM;
        if late && !self.by_law && !self.years.contains_key(&(day.year() + 1)) {
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
    pub(in super::super) fn guard(&self, day: Date, before: u8, after: u8) -> Guard {
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

    /// Statutory dates of that year, by its notice or computed.
    pub(super) fn statutory_of(&self, year: i16) -> Option<&[Date]> {
        self.statutory.get(&year).map(Vec::as_slice)
    }

    /// Years with a notice.
    pub(in super::super) fn years(&self) -> impl Iterator<Item = i16> + '_ {
        self.years.keys().copied()
    }

    pub(super) fn named_version(&self, name: &str, texts: &[&str]) -> String {
        let years = match (self.years.keys().next(), self.years.keys().next_back()) {
            (Some(first), Some(last)) => format!("{first}-{last}"),
            _ => "none".to_owned(),
        };
        let hash = super::super::book::sha256_hex(texts);
        format!("{name}-{years}-{}", hash.get(..12).unwrap_or(&hash))
    }
}

pub(super) fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}
