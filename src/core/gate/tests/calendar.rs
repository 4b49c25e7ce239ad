//! The calendar against its sources and two independent ones.

use super::super::calendar::{Calendar, load};
use super::*;
use crate::model::DayClass;
use chinese_holiday::{DayKind, Ymd, chinese_holiday};
use jiff::civil::{Date, Weekday, date};
use std::collections::BTreeMap;
use tyme4rs::tyme::lunar::LunarDay;
use tyme4rs::tyme::solar::{SolarDay, SolarTerm};

fn shipped() -> Calendar {
    load(&shipped_calendars()).unwrap().remove("CN").unwrap()
}

fn days(from: Date, to: Date) -> impl Iterator<Item = Date> {
    from.series(jiff::Span::new().days(1)).take_while(move |day| *day <= to)
}

fn weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The class that `chinese_holiday` gives; glued weekends are holidays there, too.
fn by_chinese_holiday(day: Date) -> DayClass {
    let ymd = Ymd::new(day.year() as u16, day.month() as u8, day.day() as u8);
    let kind = chinese_holiday(ymd);
    match kind {
        DayKind::NormalWorkday => DayClass::Workday,
        DayKind::NormalHoliday => DayClass::Rest,
        _ if kind.is_workday() => DayClass::Makeup,
        _ => DayClass::Holiday,
    }
}

#[test]
fn agrees_with_chinese_holiday_day_by_day() {
    let calendar = shipped();
    let mut compared = 0;
    for day in days(date(2025, 1, 1), date(2026, 12, 25)) {
        assert_eq!(calendar.class(day, HolidayScope::Block), by_chinese_holiday(day), "{day}");
        compared += 1;
    }
    assert_eq!(compared, 365 + 359);
}

/// `tyme4rs` knows days off and days worked, named as in the notice.
#[test]
fn agrees_with_tyme4rs_day_by_day() {
    let calendar = shipped();
    for day in days(date(2025, 1, 1), date(2026, 12, 25)) {
        let solar =
            SolarDay::from_ymd(day.year() as isize, day.month() as usize, day.day() as usize);
        let off = match solar.get_legal_holiday() {
            Some(holiday) => !holiday.is_work(),
            None => weekend(day),
        };
        let class = calendar.class(day, HolidayScope::Block);
        assert_eq!(matches!(class, DayClass::Rest | DayClass::Holiday), off, "{day}: {class:?}");
        if let Some(holiday) = solar.get_legal_holiday() {
            let expected = if holiday.is_work() { DayClass::Makeup } else { DayClass::Holiday };
            assert_eq!(class, expected, "{day}");
        }
    }
}

/// The law's thirteen dates by an independent lunar calendar.
fn by_lunar_calendar(year: i16) -> Vec<Date> {
    let solar = |day: SolarDay, year: i16| date(year, day.get_month() as i8, day.get_day() as i8);
    let lunar =
        |month, day| solar(LunarDay::from_ymd(year.into(), month, day).get_solar_day(), year);
    let new_year = lunar(1, 1);
    let term = SolarTerm::from_name(year.into(), "清明");
    let clear = solar(term.get_solar_day(), year);
    let mut dates = vec![
        date(year, 1, 1),
        new_year.yesterday().unwrap(),
        new_year,
        lunar(1, 2),
        lunar(1, 3),
        clear,
        date(year, 5, 1),
        date(year, 5, 2),
        lunar(5, 5),
        lunar(8, 15),
        date(year, 10, 1),
        date(year, 10, 2),
        date(year, 10, 3),
    ];
    dates.sort();
    dates.dedup();
    dates
}

/// `guard` with no days around is "is a statutory date".
#[test]
fn statutory_dates_are_those_of_the_law() {
    use super::super::calendar::Guard;
    let calendar = shipped();
    for year in 2025..=2030 {
        let table: Vec<Date> = days(date(year, 1, 1), date(year, 12, 31))
            .filter(|day| calendar.guard(*day, 0, 0) == Guard::Near(*day))
            .collect();
        assert_eq!(table, by_lunar_calendar(year), "{year}");
    }
    assert_eq!(calendar.guard(date(2031, 6, 1), 0, 0), Guard::NoTable(2031));
}

/// 2026: 33 days in the block reading, 13 statutory dates, 3 substitutes for those on weekends.
#[test]
fn three_readings_of_a_statutory_holiday() {
    let calendar = shipped();
    let count = |scope| {
        days(date(2026, 1, 1), date(2026, 12, 31))
            .filter(|day| calendar.class(*day, scope) == DayClass::Holiday)
            .count()
    };
    assert_eq!(count(HolidayScope::Block), 33);
    assert_eq!(count(HolidayScope::StatutoryAndSubstitute), 16);
    assert_eq!(count(HolidayScope::Statutory), 13);
    for (day, block, substitute, statutory) in [
        (date(2026, 2, 17), DayClass::Holiday, DayClass::Holiday, DayClass::Holiday),
        (date(2026, 2, 20), DayClass::Holiday, DayClass::Rest, DayClass::Rest),
        (date(2026, 4, 6), DayClass::Holiday, DayClass::Holiday, DayClass::Rest),
        (date(2026, 5, 4), DayClass::Holiday, DayClass::Holiday, DayClass::Rest),
        (date(2026, 10, 5), DayClass::Holiday, DayClass::Holiday, DayClass::Rest),
        (date(2026, 10, 6), DayClass::Holiday, DayClass::Rest, DayClass::Rest),
        (date(2026, 10, 10), DayClass::Makeup, DayClass::Makeup, DayClass::Makeup),
    ] {
        assert_eq!(calendar.class(day, HolidayScope::Block), block, "{day}");
        let narrower = HolidayScope::StatutoryAndSubstitute;
        assert_eq!(calendar.class(day, narrower), substitute, "{day}");
        assert_eq!(calendar.class(day, HolidayScope::Statutory), statutory, "{day}");
    }
}

/// Weekends glued to a break stand in the printed range, so they are holidays (2025-04-05...).
#[test]
fn glued_weekends_are_holidays() {
    let calendar = shipped();
    for day in [date(2025, 4, 5), date(2025, 6, 1), date(2026, 4, 4), date(2026, 9, 27)] {
        assert!(weekend(day));
        assert_eq!(calendar.class(day, HolidayScope::Block), DayClass::Holiday, "{day}");
    }
}

#[test]
fn the_next_notice_ends_the_provisional_days() {
    let next = r#"
        schema = 1
        calendar = "CN"
        year = 2027
        [notice]
        number = "test"
        title = "test"
        date = "2026-11-30"
        url = "https://example.invalid/"
        [[break]]
        name = "New Year, reaching back"
        days = ["2026-12-31", "2027-01-01"]
        statutory = ["2027-01-01"]
        [[break]]
        name = "Spring Festival"
        days = ["2027-02-05", "2027-02-12"]
        statutory = ["2027-02-05", "2027-02-06", "2027-02-07", "2027-02-08"]
        [[break]]
        name = "rest"
        days = ["2027-05-01", "2027-05-06"]
        statutory = ["2027-05-01", "2027-05-02"]
        [[break]]
        name = "October"
        days = ["2027-10-01", "2027-10-04"]
        work = ["2027-10-09"]
        statutory = ["2027-10-01", "2027-10-02", "2027-10-03"]
    "#;
    let only = |text| load(&[Source { name: "2027", text }]).unwrap().remove("CN").unwrap();
    let alone = only(next);
    assert_eq!(alone.class(date(2026, 12, 31), HolidayScope::Block), DayClass::Holiday);
    assert_eq!(alone.class(date(2026, 12, 30), HolidayScope::Block), DayClass::Unknown);
    assert_eq!(alone.class(date(2027, 12, 25), HolidayScope::Block), DayClass::Rest);
    assert_eq!(alone.class(date(2027, 12, 31), HolidayScope::Block), DayClass::Provisional);
    let with: Vec<Source<'_>> =
        [shipped_calendars()[0], shipped_calendars()[1], source(next)].to_vec();
    let both = load(&with).unwrap().remove("CN").unwrap();
    assert_eq!(both.class(date(2026, 12, 30), HolidayScope::Block), DayClass::Workday);
    assert_eq!(both.class(date(2026, 12, 31), HolidayScope::Block), DayClass::Holiday);
    assert_ne!(both.version, shipped().version);
}

/// Every slip is refused, and the message names the place.
#[test]
fn slips_in_a_calendar_are_refused() {
    let good = shipped_calendars()[1].text;
    let slips = BTreeMap::from([
        ("work = [\"2026-01-04\"]", ("work = []", "not 13")),
        ("[\"2026-10-01\", \"2026-10-07\"]", ("[\"2026-10-01\", \"2026-10-08\"]", "not 13")),
        ("work = [\"2026-05-09\"]", ("work = [\"2026-05-08\"]", "no Saturday")),
        ("statutory = [\"2026-04-05\"]", ("statutory = [\"2026-04-07\"]", "outside")),
        ("days = [\"2026-06-19\"", ("days = [\"2026-06-31\"", "line 37")),
        ("number = \"国办发明电〔2025〕7号\"", ("number = \"\"", "notice")),
        ("year = 2026", ("year = 2027", "is not of 2027")),
        ("name = \"端午节\"", ("nam = \"端午节\"", "unknown field `nam`")),
        ("schema = 1", ("schema = 2", "only 1 is known")),
    ]);
    for (old, (new, told)) in slips {
        let text = good.replace(old, new);
        assert_ne!(text, good, "{old}");
        let err = load(&[Source { name: "2026", text: &text }]).unwrap_err();
        assert!(err.message.contains(told), "{old}: {}", err.message);
    }
    assert!(load(&[source(good), source(good)]).is_err(), "the same year twice");
}
