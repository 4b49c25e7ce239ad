//! Lists of days: the JSON of holiday-cn, and iCalendar (RFC 5545) feeds of days off and worked.
//!
//! Such lists leave out weekends beside a break or not, each in its own way. Here a weekend that
//! touches a day off belongs to the break unless it is worked: the stricter reading.

use super::super::values::{Day, parse_day};
use super::days::{PROVISIONAL_FROM, is_weekend};
use super::file::Break;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Events of a feed, and days of a list: a feed of many years has some hundred.
const DAYS_MAX: usize = 4096;

/// One line of a list.
#[derive(Debug)]
struct Entry {
    /// Line or element, for errors.
    place: String,
    day: Date,
    name: String,
    off: bool,
}

/// What a list said of one year.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) year: i16,
    pub(super) breaks: Vec<Break>,
    /// Address of the notice, where the list names it.
    pub(super) url: Option<String>,
    /// Weekend days that the list leaves out.
    pub(super) glued: Vec<Date>,
}

#[derive(serde::Deserialize)]
struct HolidayCn {
    year: i16,
    #[serde(default)]
    papers: Vec<String>,
    days: Vec<HolidayCnDay>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct HolidayCnDay {
    name: String,
    date: String,
    is_off_day: bool,
}

/// `{"year": 2026, "papers": [...], "days": [{"name": "元旦", "date": "2026-01-01", "isOffDay": true}]}`.
pub(super) fn holiday_cn(text: &str) -> Result<Listed, String> {
    let file: HolidayCn = serde_json::from_str(text).map_err(|err| err.to_string())?;
    if file.days.is_empty() {
        return Err(format!("days is empty: no notice for {} is in this file yet", file.year));
    }
    if file.days.len() > DAYS_MAX {
        return Err(format!("{} days: {DAYS_MAX} are allowed", file.days.len()));
    }
    let entry = |(index, one): (usize, HolidayCnDay)| {
        let place = format!("days[{index}]");
        let day = parse_day(&one.date)
            .ok_or_else(|| format!("{place}: {:?} is no day: YYYY-MM-DD", one.date))?;
        Ok(Entry { place, day, name: one.name, off: one.is_off_day })
    };
    let days = file.days.into_iter().enumerate().map(entry).collect::<Result<Vec<_>, String>>()?;
    listed(file.year, file.papers.into_iter().next_back(), days)
}

/// All-day events; `year`: of a feed of several years the one that is meant.
pub(super) fn ics(text: &str, year: Option<i16>) -> Result<Listed, String> {
    let mut days = events(text)?;
    let years: BTreeSet<i16> = days.iter().map(|entry| notice_year(entry.day)).collect();
    let year = match (year, years.len()) {
        (Some(year), _) => year,
        (None, 1) => years.first().copied().unwrap_or_default(),
        (None, 0) => return Err("no all-day VEVENT: DTSTART;VALUE=DATE:20260101".to_owned()),
        (None, _) => return Err(format!("days of several years, {years:?}: give --year")),
    };
    days.retain(|entry| notice_year(entry.day) == year);
    if days.is_empty() {
        return Err(format!("no day of {year}: there are {years:?}"));
    }
    listed(year, None, days)
}

/// The year whose notice names that day: the last days of December stand in the next one's.
fn notice_year(day: Date) -> i16 {
    day.year() + i16::from((day.month(), day.day()) >= PROVISIONAL_FROM)
}

/// Properties of one VEVENT that say something here.
#[derive(Default)]
struct Event {
    start: Option<Date>,
    /// The day after the last.
    end: Option<Date>,
    name: String,
    /// `X-APPLE-SPECIAL-DAY`.
    special: String,
}

fn events(text: &str) -> Result<Vec<Entry>, String> {
    let mut days = Vec::new();
    let mut open: Option<(usize, Event)> = None;
    for (line, content) in unfolded(text) {
        let (name, value) = content.split_once(':').unwrap_or((&content, ""));
        let property = name.split(';').next().unwrap_or_default().to_ascii_uppercase();
        let at = |what: String| format!("line {line}: {what}");
        match (property.as_str(), value.trim(), &mut open) {
            ("BEGIN", "VEVENT", _) => open = Some((line, Event::default())),
            ("END", "VEVENT", _) => {
                if let Some((line, event)) = open.take() {
                    event.into_days(line, &mut days)?;
                }
            }
            ("DTSTART", value, Some((_, event))) => event.start = Some(date(value).map_err(at)?),
            ("DTEND", value, Some((_, event))) => event.end = Some(date(value).map_err(at)?),
            ("SUMMARY", value, Some((_, event))) => event.name = unescaped(value),
            ("X-APPLE-SPECIAL-DAY", value, Some((_, event))) => event.special = value.to_owned(),
            ("RRULE" | "RDATE", _, Some(_)) => {
                return Err(at(format!("{property}: only single all-day events are allowed")));
            }
            _ => {}
        }
        if days.len() > DAYS_MAX {
            return Err(format!("line {line}: more than {DAYS_MAX} days"));
        }
    }
    Ok(days)
}

impl Event {
    fn into_days(self, line: usize, out: &mut Vec<Entry>) -> Result<(), String> {
        let place = format!("line {line}");
        let first = self.start.ok_or_else(|| format!("{place}: VEVENT without DTSTART"))?;
        let end = self.end.map_or_else(|| first.tomorrow().map_err(|err| err.to_string()), Ok)?;
        if !(1..=31).contains(&(end - first).get_days()) {
            return Err(format!("{place}: {first} until before {end}: 1 to 31 days are allowed"));
        }
        let works = self.special == "ALTERNATE-WORKDAY" || self.name.contains('班');
        let rests = self.special == "WORK-HOLIDAY" || self.name.contains(['假', '休']);
        if !works && !rests {
            let name = &self.name;
            return Err(format!(
                "{place}: SUMMARY {name:?}: 班 for a workday, 假 or 休 for a day off"
            ));
        }
        let name = plain_name(&self.name);
        let days = first.series(jiff::Span::new().days(1)).take_while(|day| *day < end);
        out.extend(days.map(|day| {
            let (place, name) = (place.clone(), name.clone());
            Entry { place, day, name, off: !works }
        }));
        Ok(())
    }
}

/// `20260101`, and nothing with a time of day.
fn date(value: &str) -> Result<Date, String> {
    let digits = value.len() == 8 && value.bytes().all(|b| b.is_ascii_digit());
    let day = digits.then(|| Date::strptime("%Y%m%d", value).ok()).flatten();
    day.ok_or_else(|| format!("{value:?} is no day: VALUE=DATE, YYYYMMDD"))
}

/// Content lines with their folds undone (RFC 5545 §3.1), numbered from 1.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), out.last_mut()) {
            (Some(rest), Some((_, open))) => open.push_str(rest),
            _ => out.push((index + 1, line.to_owned())),
        }
    }
    out
}

/// A TEXT value without its escapes (RFC 5545 §3.3.11).
fn unescaped(value: &str) -> String {
    let mut out = String::new();
    let mut signs = value.trim().chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => out.extend(signs.next().filter(|next| !matches!(next, 'n' | 'N'))),
            sign => out.push(sign),
        }
    }
    out
}

/// `元旦` of `元旦假期`, `上班(补春节假期)`, `春节 补班`.
fn plain_name(summary: &str) -> String {
    let cut = ["假期", "上班", "补班", "调休", "放假", "休息", "班", "补", "休", "假"];
    let mut name = summary.to_owned();
    for word in cut {
        name = name.replace(word, "");
    }
    let name: String =
        name.chars().filter(|c| !c.is_whitespace() && !"()()（）".contains(*c)).collect();
    if name.is_empty() { "假日".to_owned() } else { name }
}

fn listed(year: i16, url: Option<String>, entries: Vec<Entry>) -> Result<Listed, String> {
    let mut days: BTreeMap<Date, (String, bool)> = BTreeMap::new();
    for Entry { place, day, name, off } in entries {
        if !off && !is_weekend(day) {
            return Err(format!("{place}: {day} is worked, but no Saturday or Sunday"));
        }
        if notice_year(day) != year && day.year() != year {
            return Err(format!("{place}: {day} is not of {year}"));
        }
        if days.insert(day, (name, off)).is_some() {
            return Err(format!("{place}: {day} is there twice"));
        }
    }
    let off: BTreeSet<Date> = days.iter().filter(|one| one.1.1).map(|one| *one.0).collect();
    if off.is_empty() {
        return Err(format!("no day off in {year}"));
    }
    let worked = |day: &Date| days.get(day).is_some_and(|one| !one.1);
    let glued: BTreeSet<Date> = off
        .iter()
        .flat_map(|day| {
            let back = std::iter::successors(day.yesterday().ok(), |day| day.yesterday().ok());
            let on = std::iter::successors(day.tomorrow().ok(), |day| day.tomorrow().ok());
            let free = |day: &Date| is_weekend(*day) && !worked(day) && !off.contains(day);
            back.take_while(free).chain(on.take_while(free))
        })
        .collect();
    let all: BTreeSet<Date> = off.union(&glued).copied().collect();
    let mut breaks = runs(&all, |day| days.get(&day).map(|one| one.0.as_str()));
    for (day, (name, _)) in days.iter().filter(|one| !one.1.1) {
        attach(&mut breaks, *day, name);
    }
    Ok(Listed { year, breaks, url, glued: glued.into_iter().collect() })
}

/// Days that follow each other are one break, named by all that is said of them.
fn runs<'a>(days: &BTreeSet<Date>, name: impl Fn(Date) -> Option<&'a str>) -> Vec<Break> {
    let mut out: Vec<Break> = Vec::new();
    for day in days {
        let name = name(*day).unwrap_or_default();
        match out.last_mut() {
            Some(open) if open.days.1.0.tomorrow().is_ok_and(|next| next == *day) => {
                open.days.1 = Day(*day);
                if open.name.is_empty() {
                    open.name = name.to_owned();
                } else if !name.is_empty() && !open.name.contains(name) {
                    open.name = format!("{}、{name}", open.name);
                }
            }
            _ => out.push(Break {
                name: name.to_owned(),
                days: (Day(*day), Day(*day)),
                work: Vec::new(),
                statutory: Vec::new(),
            }),
        }
    }
    out
}

/// A worked day belongs to the break of its name, else to the nearest.
fn attach(breaks: &mut [Break], day: Date, name: &str) {
    let far = |one: &Break| {
        let days = |a: Date, b: Date| (a - b).get_days().abs();
        let strange = !one.name.contains(name);
        (strange, days(one.days.0.0, day).min(days(one.days.1.0, day)))
    };
    if let Some(nearest) = breaks.iter_mut().min_by_key(|one| far(one)) {
        nearest.work.push(Day(day));
    }
}
