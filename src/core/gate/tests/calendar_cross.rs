//! The days of mainland China against two libraries of other people, day by day.
//!
//! Both are wrong on a few days; each is listed with what the notice says. A difference that is not
//! listed fails, and so does a listed one that is none.

use super::super::calendar::{Calendar, load};
use super::*;
use crate::model::DayClass;
use chinese_holiday::{DayKind, Ymd, chinese_holiday};
use jiff::civil::{Date, Weekday, date};
use std::collections::BTreeMap;
use tyme4rs::tyme::solar::SolarDay;

/// What the list says of it: off, or worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Off,
    Worked,
}

fn shipped() -> Calendar {
    let shipped = shipped_calendars();
    let set = CalendarSet { shipped: &shipped, ..CalendarSet::default() };
    load(&set).unwrap().remove("CN").unwrap()
}

/// All days on which both sides have something to say.
fn days() -> impl Iterator<Item = Date> {
    let last = date(2026, 12, 25);
    date(2007, 1, 1).series(jiff::Span::new().days(1)).take_while(move |day| *day <= last)
}

fn ours(calendar: &Calendar, day: Date) -> Is {
    match calendar.class(day, HolidayScope::Block) {
        DayClass::Workday | DayClass::Makeup => Is::Worked,
        DayClass::Rest | DayClass::Holiday => Is::Off,
        class @ (DayClass::Provisional | DayClass::Unknown) => panic!("{day} is {class:?}"),
    }
}

/// `known`: days on which they are wrong, and what the notice makes of the day.
#[track_caller]
fn compare(theirs: impl Fn(Date) -> Is, known: &[(Date, Is)]) {
    let calendar = shipped();
    let differ: BTreeMap<Date, Is> = days()
        .map(|day| (day, ours(&calendar, day)))
        .filter(|(day, is)| theirs(*day) != *is)
        .collect();
    let listed: BTreeMap<Date, Is> = known.iter().copied().collect();
    assert_eq!(differ, listed);
    assert_eq!(days().count(), 7299);
}

/// From 26 December 2026 on it panics.
#[test]
fn agrees_with_chinese_holiday() {
    let theirs = |day: Date| {
        let ymd = Ymd::new(day.year() as u16, day.month() as u8, day.day() as u8);
        if chinese_holiday(ymd).is_workday() { Is::Worked } else { Is::Off }
    };
    // Its table lacks a workday of the National Day of 2016, and has the eve of 2017 as a day off.
    compare(theirs, &[(date(2016, 10, 9), Is::Worked), (date(2016, 12, 30), Is::Worked)]);
}

/// It knows days off and days worked, named as in the notice; all others go by the weekday.
#[test]
fn agrees_with_tyme4rs() {
    let theirs = |day: Date| {
        let solar =
            SolarDay::from_ymd(day.year() as isize, day.month() as usize, day.day() as usize);
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        match solar.get_legal_holiday() {
            Some(holiday) if holiday.is_work() => Is::Worked,
            Some(_) => Is::Off,
            None if weekend => Is::Off,
            None => Is::Worked,
        }
    };
    // Its table lacks two workdays of 2013, those of Qingming and of the National Day.
    compare(theirs, &[(date(2013, 4, 7), Is::Worked), (date(2013, 10, 12), Is::Worked)]);
}

/// Which days off are holidays, and not only a weekend: where the weekend is glued to a break.
#[test]
fn holidays_are_those_of_chinese_holiday() {
    let calendar = shipped();
    let theirs = |day: Date| {
        let ymd = Ymd::new(day.year() as u16, day.month() as u8, day.day() as u8);
        let kind = chinese_holiday(ymd);
        !kind.is_workday() && kind != DayKind::NormalHoliday
    };
    let ours = |day| calendar.class(day, HolidayScope::Block) == DayClass::Holiday;
    let differ: Vec<(Date, bool)> =
        days().filter(|day| ours(*day) != theirs(*day)).map(|day| (day, ours(day))).collect();
    let known = [
        // 放假 on Sunday and 补休 on Monday: the notice says nothing of the Saturday before.
        (date(2015, 4, 4), false),
        (date(2016, 4, 30), false),
        // Worked, see above.
        (date(2016, 12, 30), false),
        // 与周末连休 without a count of days: the weekend belongs to the break.
        (date(2023, 12, 30), true),
        (date(2023, 12, 31), true),
        (date(2024, 6, 8), true),
        (date(2024, 6, 9), true),
    ];
    assert_eq!(differ, known);
}
