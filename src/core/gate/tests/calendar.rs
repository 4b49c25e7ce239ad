//! The calendar: what a day is, and what its files may not say.

use super::super::calendar::{Calendar, load};
use super::*;
use crate::model::DayClass;
use jiff::civil::{Date, Weekday, date};
use std::collections::BTreeMap;
use tyme4rs::tyme::lunar::LunarDay;
use tyme4rs::tyme::solar::{SolarDay, SolarTerm};

fn shipped() -> Calendar {
    chinese(&shipped_calendars())
}

fn chinese(sources: &[Source<'_>]) -> Calendar {
    let set = CalendarSet { shipped: sources, ..CalendarSet::default() };
    load(&set).unwrap().remove("CN").unwrap()
}

/// What was known by then, and nothing later.
fn known_at(instant: &str) -> Calendar {
    let shipped = shipped_calendars();
    let known_at = Some(instant.parse().unwrap());
    let set = CalendarSet { shipped: &shipped, known_at, ..CalendarSet::default() };
    load(&set).unwrap().remove("CN").unwrap()
}

/// The delivered file of that year.
fn year(number: i16) -> Source<'static> {
    let name = format!("calendar-cn-{number}.toml");
    shipped_calendars().into_iter().find(|source| source.name == name).unwrap()
}

fn days(from: Date, to: Date) -> impl Iterator<Item = Date> {
    from.series(jiff::Span::new().days(1)).take_while(move |day| *day <= to)
}

fn weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The law's dates by an independent lunar calendar: ten up to 2007, eleven up to 2024 (with the eve
/// of the lunar year up to 2013, the third day instead from 2014), thirteen from 2025.
fn by_lunar_calendar(year: i16) -> Vec<Date> {
    let solar = |day: SolarDay, year: i16| date(year, day.get_month() as i8, day.get_day() as i8);
    let lunar =
        |month, day| solar(LunarDay::from_ymd(year.into(), month, day).get_solar_day(), year);
    let new_year = lunar(1, 1);
    let term = SolarTerm::from_name(year.into(), "清明");
    let clear = solar(term.get_solar_day(), year);
    let mut dates = vec![date(year, 1, 1), new_year, lunar(1, 2)];
    dates.extend([date(year, 5, 1), date(year, 10, 1), date(year, 10, 2), date(year, 10, 3)]);
    if !(2008..2014).contains(&year) {
        dates.push(lunar(1, 3));
    }
    if (2008..2014).contains(&year) || year >= 2025 {
        dates.push(new_year.yesterday().unwrap());
    }
    if year >= 2008 {
        dates.extend([clear, lunar(5, 5), lunar(8, 15)]);
    }
    match year {
        ..2008 => dates.extend([date(year, 5, 2), date(year, 5, 3)]),
        2025.. => dates.push(date(year, 5, 2)),
        _ => {}
    }
    dates.sort();
    dates.dedup();
    dates
}

/// `guard` with no days around is "is a statutory date".
#[test]
fn statutory_dates_are_those_of_the_law() {
    use super::super::calendar::Guard;
    let calendar = shipped();
    for year in 2007..=2030 {
        let table: Vec<Date> = days(date(year, 1, 1), date(year, 12, 31))
            .filter(|day| calendar.guard(*day, 0, 0) == Guard::Near(*day))
            .collect();
        assert_eq!(table, by_lunar_calendar(year), "{year}");
    }
    assert_eq!(calendar.guard(date(2031, 6, 1), 0, 0), Guard::NoTable(2031));
    assert_eq!(calendar.guard(date(2006, 6, 1), 0, 0), Guard::NoTable(2006));
}

/// Three times a notice changed the year in its course. Before it was out nobody could know.
#[test]
fn an_amendment_counts_from_the_day_it_was_made_public() {
    let is = |calendar: &Calendar, day| calendar.class(day, HolidayScope::Block);
    for (before, after, day, old, new) in [
        ("2015-05-12", "2015-05-13", date(2015, 9, 3), DayClass::Workday, DayClass::Holiday),
        ("2015-05-12", "2015-05-13", date(2015, 9, 6), DayClass::Rest, DayClass::Makeup),
        ("2019-03-21", "2019-03-22", date(2019, 5, 2), DayClass::Workday, DayClass::Holiday),
        ("2019-03-21", "2019-03-22", date(2019, 5, 5), DayClass::Rest, DayClass::Makeup),
        // signed on the 26th, made public on the 27th at 07:22 in Beijing
        ("2020-01-26", "2020-01-27", date(2020, 1, 31), DayClass::Workday, DayClass::Holiday),
        ("2020-01-26", "2020-01-27", date(2020, 2, 1), DayClass::Makeup, DayClass::Holiday),
        ("2020-01-26", "2020-01-27", date(2020, 2, 3), DayClass::Workday, DayClass::Workday),
    ] {
        let (old_one, new_one) =
            (known_at(&format!("{before}T23:59:59Z")), known_at(&format!("{after}T00:00:00Z")));
        assert_eq!(is(&old_one, day), old, "{day} as known on {before}");
        assert_eq!(is(&new_one, day), new, "{day} as known on {after}");
        assert_eq!(is(&shipped(), day), new, "{day} today");
        assert_ne!(old_one.version, new_one.version, "a decision names what it rested on");
    }
}

/// On the eve of a notice the next year is unknown and the end of this one provisional.
#[test]
fn a_year_is_unknown_until_its_notice_is_out() {
    let (before, after) = (known_at("2025-11-03T23:59:59Z"), known_at("2025-11-04T00:00:00Z"));
    let is = |calendar: &Calendar, day| calendar.class(day, HolidayScope::Block);
    assert_eq!(is(&before, date(2026, 3, 10)), DayClass::Unknown);
    assert_eq!(is(&before, date(2025, 12, 26)), DayClass::Provisional);
    assert_eq!(is(&before, date(2025, 12, 25)), DayClass::Workday);
    assert_eq!(is(&after, date(2026, 3, 10)), DayClass::Workday);
    assert_eq!(is(&after, date(2025, 12, 26)), DayClass::Workday);
    assert_eq!(after.version, shipped().version);
    assert_eq!(is(&known_at("2006-12-17T00:00:00Z"), date(2007, 1, 1)), DayClass::Unknown);
}

/// The sum of weekdays off less weekend days worked: 10, 11 and 13 by the law of the year, and one
/// and two days more by the amendments of 2015 and 2020. A file that hides them is refused.
#[test]
fn days_beyond_those_of_the_law_must_be_declared() {
    for (number, extra, told) in
        [(2015, "extra_days = 1\n", "are 12, not 11"), (2020, "extra_days = 2\n", "are 13, not 11")]
    {
        let text = year(number).text.replace(extra, "");
        assert_ne!(text, year(number).text);
        let one = [Source { name: "a", text: &text }];
        let set = CalendarSet { shipped: &one, ..CalendarSet::default() };
        let err = load(&set).unwrap_err();
        assert!(err.message.contains(told), "{}", err.message);
    }
    let text = year(2019).text.replace("replaces = [\"劳动节\"]", "replaces = [\"五一\"]");
    let one = [Source { name: "a", text: &text }];
    let set = CalendarSet { shipped: &one, ..CalendarSet::default() };
    assert!(load(&set).unwrap_err().message.contains("there are 元旦, 春节"));
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
        days = ["2027-05-01", "2027-05-03"]
        statutory = ["2027-05-01", "2027-05-02"]
        [[break]]
        name = "three single days"
        days = ["2027-04-05", "2027-04-05"]
        statutory = ["2027-04-05"]
        [[break]]
        name = "the second"
        days = ["2027-06-09", "2027-06-09"]
        statutory = ["2027-06-09"]
        [[break]]
        name = "the third"
        days = ["2027-09-15", "2027-09-15"]
        statutory = ["2027-09-15"]
        [[break]]
        name = "October"
        days = ["2027-10-01", "2027-10-04"]
        work = ["2027-10-09"]
        statutory = ["2027-10-01", "2027-10-02", "2027-10-03"]
    "#;
    let alone = chinese(&[Source { name: "2027", text: next }]);
    assert_eq!(alone.class(date(2026, 12, 31), HolidayScope::Block), DayClass::Holiday);
    assert_eq!(alone.class(date(2026, 12, 30), HolidayScope::Block), DayClass::Unknown);
    assert_eq!(alone.class(date(2027, 12, 25), HolidayScope::Block), DayClass::Rest);
    assert_eq!(alone.class(date(2027, 12, 31), HolidayScope::Block), DayClass::Provisional);
    let both = chinese(&[year(2025), year(2026), source(next)]);
    assert_eq!(both.class(date(2026, 12, 30), HolidayScope::Block), DayClass::Workday);
    assert_eq!(both.class(date(2026, 12, 31), HolidayScope::Block), DayClass::Holiday);
    assert_ne!(both.version, shipped().version);
}

/// Every slip is refused, and the message names the place.
#[test]
fn slips_in_a_calendar_are_refused() {
    let good = year(2026).text;
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
        let one = [Source { name: "2026", text: &text }];
        let set = CalendarSet { shipped: &one, ..CalendarSet::default() };
        let err = load(&set).unwrap_err();
        assert!(err.message.contains(told), "{old}: {}", err.message);
    }
    let twice = [source(good), source(good)];
    let set = CalendarSet { shipped: &twice, ..CalendarSet::default() };
    assert!(load(&set).unwrap_err().message.contains("year 2026 is there twice"));
}
