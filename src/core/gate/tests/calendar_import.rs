//! Years brought from outside: what is understood, and what is refused with its place.

use super::*;
use jiff::civil::{Date, date};

const AT: &str = "2026-11-23T10:00:00+08:00";

/// Texts of nine notices, in the words of their time: 公休日调至 (2007 to 2009), 放假调休, 与周末连休,
/// 补休, Chinese numerals in the date, full-width signs, weekdays as 星期 and 周.
const NOTICES: [(i16, &str); 9] = [
    (2007, include_str!("notices/2007.txt")),
    (2008, include_str!("notices/2008.txt")),
    (2009, include_str!("notices/2009.txt")),
    (2012, include_str!("notices/2012.txt")),
    (2014, include_str!("notices/2014.txt")),
    (2018, include_str!("notices/2018.txt")),
    (2023, include_str!("notices/2023.txt")),
    (2025, include_str!("notices/2025.txt")),
    (2026, include_str!("notices/2026.txt")),
];

/// Days of 2024 as lists have them: without the weekends beside 元旦 and 端午.
const DAYS_OF_2024: &str = "
    元旦 off 2024-01-01 2024-01-01
    春节 on 2024-02-04 2024-02-04
    春节 off 2024-02-10 2024-02-17
    春节 on 2024-02-18 2024-02-18
    清明节 off 2024-04-04 2024-04-06
    清明节 on 2024-04-07 2024-04-07
    劳动节 on 2024-04-28 2024-04-28
    劳动节 off 2024-05-01 2024-05-05
    劳动节 on 2024-05-11 2024-05-11
    端午节 off 2024-06-10 2024-06-10
    中秋节 on 2024-09-14 2024-09-14
    中秋节 off 2024-09-15 2024-09-17
    国庆节 on 2024-09-29 2024-09-29
    国庆节 off 2024-10-01 2024-10-07
    国庆节 on 2024-10-12 2024-10-12
";

fn shipped() -> &'static Book {
    static BOOK: std::sync::LazyLock<Book> = std::sync::LazyLock::new(|| Book::shipped().unwrap());
    &BOOK
}

fn provenance() -> Provenance {
    Provenance {
        number: Some("国办发明电〔2023〕7号".to_owned()),
        date: Some(date(2023, 10, 25)),
        url: Some("https://www.gov.cn/notice".to_owned()),
        ..Provenance::default()
    }
}

fn at_an_address() -> Provenance {
    Provenance { url: Some("https://www.gov.cn/notice".to_owned()), ..Provenance::default() }
}

fn read(name: &str, text: &str, given: &Provenance) -> Result<Draft, String> {
    let source = Source { name, text };
    Draft::read(&source, given, shipped()).map_err(|err| err.to_string())
}

/// Rows of [`DAYS_OF_2024`]: name, off, first, last.
fn spans() -> impl Iterator<Item = (&'static str, bool, Date, Date)> {
    DAYS_OF_2024.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let [name, kind, first, last] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        (name, kind == "off", first.parse().unwrap(), last.parse().unwrap())
    })
}

fn holiday_cn() -> String {
    let mut days = Vec::new();
    for (name, off, first, last) in spans() {
        for day in first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last) {
            days.push(
                serde_json::json!({ "name": name, "date": day.to_string(), "isOffDay": off }),
            );
        }
    }
    let papers = ["https://www.gov.cn/zhengce/zhengceku/202310/content_6911528.htm"];
    serde_json::json!({ "year": 2024, "papers": papers, "days": days }).to_string()
}

fn ics() -> String {
    let mut out = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n".to_owned();
    for (name, off, first, last) in spans() {
        let summary =
            if off { format!("{name}假期") } else { format!("上班(补{name}假期)") };
        let (first, end) = (first.strftime("%Y%m%d"), last.tomorrow().unwrap().strftime("%Y%m%d"));
        // A fold in the middle of the summary (RFC 5545 §3.1).
        let half = summary.char_indices().nth(2).map_or(0, |(at, _)| at);
        let (a, b) = summary.split_at(half);
        out += &format!(
            "BEGIN:VEVENT\r\nSUMMARY;LANGUAGE=zh:{a}\r\n {b}\r\nDTSTART;VALUE=DATE:{first}\r\n\
             DTEND;VALUE=DATE:{end}\r\nEND:VEVENT\r\n"
        );
    }
    out + "END:VCALENDAR\r\n"
}

#[test]
fn the_texts_of_nine_notices_give_the_days_we_have() {
    for (year, text) in NOTICES {
        let draft = read("notice.txt", text, &at_an_address()).unwrap();
        assert_eq!(draft.year(), year);
        assert_eq!(shipped().calendar_changes(&draft).unwrap(), [], "{year}");
        let known = shipped().calendar_year("CN", year).unwrap();
        let sealed = sealed(&draft, text);
        for text in [&known.sources[0].number, &known.sources[0].title] {
            assert!(sealed.contains(text.as_str()), "{text} in {sealed}");
        }
    }
}

fn sealed(draft: &Draft, text: &str) -> String {
    let source = Source { name: "notice.txt", text };
    draft.sealed(&source, "zhang.wei", wall(AT), Some("li.na")).unwrap()
}

#[test]
fn lists_of_days_give_the_days_we_have_and_the_weekends_they_leave_out() {
    for (name, text) in [("2024.json", holiday_cn()), ("2024.ics", ics())] {
        let draft = read(name, &text, &provenance()).unwrap();
        assert_eq!(shipped().calendar_changes(&draft).unwrap(), [], "{name}");
        let told = draft.notes().join("\n");
        assert!(told.contains("2023-12-30, 2023-12-31, 2024-06-08, 2024-06-09"), "{told}");
    }
}

/// Our own format goes out and comes in again, in TOML and in JSON.
#[test]
fn schema_1_comes_in_again() {
    let (_, notice) = NOTICES[8];
    let draft = read("notice.txt", notice, &at_an_address()).unwrap();
    let text = sealed(&draft, notice);
    let again = read("2026.toml", &text, &Provenance::default()).unwrap();
    assert_eq!(again.sha256(), draft.sha256());
    let mut value: serde_json::Value = toml::from_str(&text).unwrap();
    value.as_object_mut().unwrap().remove("import");
    let json = read("2026.json", &value.to_string(), &Provenance::default()).unwrap();
    assert_eq!(json.sha256(), draft.sha256());
    assert!(again.sealed(&source("x"), "a", wall(AT), Some("A")).is_err(), "one person twice");
}

/// Each slip: what is changed in the text of 2026, and what is said of it.
#[test]
fn slips_in_a_notice_are_told_with_line_and_day() {
    let (_, good) = NOTICES[8];
    for (old, new, told) in [
        ("1月4日(周日)上班", "1月4日(周六)上班", "line 6: 2026-01-04 is a Sunday"),
        ("5月9日(周六)上班", "5月8日上班", "work 2026-05-08 is no Saturday or Sunday"),
        ("5月9日(周六)上班。", "", "are 14, not 13"),
        ("共9天", "共8天", "line 7: 春节: 8 days are told, 9 are named"),
        ("4月4日(周六)至6日(周一)放假,共3天", "4月3日放假,共1天", "2026-04-05 is a statutory date"),
        ("6月19日(周五)至21日(周日)放假", "6月31日放假", "line 10: 2026-6-31 is no day"),
        ("10月10日(周六)上班", "10月10日(周六)值班", "neither 放假, 补休, 调休 nor 上班"),
        ("9月20日(周日)、10月10日", "9月26日(周六)、10月10日", "2026-09-26 is there twice"),
        ("2026年", "年", "not 关于2026年部分节假日安排的通知"),
        ("部分节假日安排的通知", "国庆节假期调整的通知", "an amendment"),
        ("国办发明电〔2025〕7号", "", "give --number"),
        ("2025年11月4日", "", "give --date"),
    ] {
        let full = |text: &str| -> String {
            text.chars()
                .map(|c| match c {
                    '(' => '\u{ff08}',
                    ')' => '\u{ff09}',
                    ',' => '\u{ff0c}',
                    other => other,
                })
                .collect()
        };
        let text = good.replace(&full(old), &full(new));
        assert_ne!(text, good, "{old}");
        let err = read("notice.txt", &text, &at_an_address()).unwrap_err();
        assert!(err.contains(told), "{old}: {err}");
    }
    let err = read("notice.txt", good, &Provenance::default()).unwrap_err();
    assert!(err.contains("give --url"), "{err}");
    let nowhere = Provenance { url: Some("the web".to_owned()), ..Provenance::default() };
    assert!(read("notice.txt", good, &nowhere).unwrap_err().contains("https://"));
}

#[test]
fn slips_in_lists_are_told_with_their_place() {
    let (json, ics) = (holiday_cn(), ics());
    let empty = r#"{"year": 2027, "papers": [], "days": []}"#;
    let twice = json.replacen("2024-02-11", "2024-02-10", 1);
    let workday = json.replacen("2024-02-04", "2024-02-05", 1);
    let stray = json.replacen("2024-01-01", "2025-01-01", 1);
    let short =
        json.replacen("2024-10-12", "2024-10-13", 1).replacen("2024-10-07", "2024-10-08", 1);
    for (name, text, told) in [
        ("a.json", empty, "no notice for 2027"),
        ("a.json", &twice, "days[3]: 2024-02-10 is there twice"),
        ("a.json", &workday, "2024-02-05 is worked, but no Saturday or Sunday"),
        ("a.json", &stray, "2025-01-01 is not of 2024"),
        ("a.json", &short, "no statutory date lies in 2024-10-08"),
        ("a.ics", &ics.replace("DTSTART;VALUE=DATE:20240101", "DTSTART:20240101T090000"), "line 6"),
        ("a.ics", &ics.replace("VERSION:2.0", "BEGIN:VEVENT\r\nEND:VEVENT"), "without DTSTART"),
        ("a.ics", &ics.replace("20240102", "20250102"), "1 to 31 days"),
        ("a.ics", &ics.replace("DTEND;", "RRULE:FREQ=YEARLY\r\nDTEND;"), "only single all-day"),
        (
            "a.ics",
            &ics.replace("DATE:20241012", "DATE:20251012")
                .replace("DATE:20241013", "DATE:20251013"),
            "give --year",
        ),
        ("a.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no all-day VEVENT"),
    ] {
        let err = read(name, text, &provenance()).unwrap_err();
        assert!(err.contains(told), "{told}: {err}");
    }
    let bare = Provenance::default();
    assert!(read("a.json", &json, &bare).unwrap_err().contains("--number"));
    // A year whose statutory dates nobody computed.
    let far = holiday_cn().replace("2024", "2041");
    assert!(read("a.json", &far, &provenance()).is_err());
}

/// An invented year has the right sum and no source: 13 weekdays off for none worked.
#[test]
fn an_invented_year_has_no_source() {
    let days: Vec<String> =
        "01-01 02-05 02-06 02-07 02-08 02-09 02-10 04-05 05-01 05-02 05-03 05-04 06-09
         09-15 10-01 10-02 10-03 10-04 10-05 10-06"
            .split_whitespace()
            .map(|day| format!(r#"{{"name":"x","date":"2027-{day}","isOffDay":true}}"#))
            .collect();
    let text = format!(r#"{{"year":2027,"papers":[],"days":[{}]}}"#, days.join(","));
    let err = read("2027.json", &text, &Provenance::default()).unwrap_err();
    assert!(err.contains("--number"), "{err}");
}

/// Two people: one who brings, one who confirms.
#[test]
fn a_file_waits_for_a_second_person() {
    let (_, notice) = NOTICES[8];
    let draft = read("notice.txt", notice, &at_an_address()).unwrap();
    let from = Source { name: "notice.txt", text: notice };
    let waiting = draft.sealed(&from, "zhang.wei", wall(AT), None).unwrap();
    let pending = Source { name: "pending.toml", text: &waiting };
    let load = |text: &str| {
        let own = [Source { name: "own.toml", text }];
        let set = CalendarSet { shipped: &shipped_calendars(), own: &own, known_at: None };
        Book::load_with(&shipped_rules(), &set).map_err(|err| err.message)
    };
    assert!(load(&waiting).unwrap_err().contains("nobody confirmed it"));
    let confirm = |who| Draft::confirmed(&pending, who, wall(AT), shipped());
    for same in ["zhang.wei", "Zhang.Wei"] {
        assert!(confirm(same).unwrap_err().message.contains("another person"), "{same}");
    }
    assert!(confirm("two words").unwrap_err().message.contains("is no name"));
    let (_, confirmed) = confirm("li.na").unwrap();
    let book = load(&confirmed).unwrap();
    let year = book.calendar_year("CN", 2026).unwrap();
    assert_eq!(
        (year.status, year.approved_by.join(" ")),
        ("imported", "zhang.wei li.na".to_owned())
    );
    assert_ne!(year.version, shipped().calendar_year("CN", 2026).unwrap().version);
    // By hand afterwards: a day, a name, the record itself.
    for (old, new, told) in [
        ("work = [\"2026-05-09\"]", "work = [\"2026-05-10\"]", "changed after its import"),
        ("confirmed_by = \"li.na\"", "confirmed_by = \"zhang.wei\"", "cannot confirm"),
        ("\n[import]", "\n[imported]", "unknown field"),
    ] {
        let text = confirmed.replace(old, new);
        assert_ne!(text, confirmed);
        let err = load(&text).unwrap_err();
        assert!(err.contains(told), "{told}: {err}");
    }
    let shipped_text = shipped_calendars()[19].text;
    assert!(load(shipped_text).unwrap_err().contains("no [import]"));
}

/// Of the versions that a site keeps, the one confirmed last counts, and an older answer can be had.
#[test]
fn old_versions_answer_for_their_time() {
    let (_, notice) = NOTICES[8];
    let from = Source { name: "notice.txt", text: notice };
    let version = |text: &str, at: &str| {
        let draft = read("notice.txt", text, &at_an_address()).unwrap();
        draft.sealed(&from, "a", wall(at), Some("b")).unwrap()
    };
    let first = version(notice, "2025-11-05T00:00:00Z");
    // The same sum on other days.
    let other = notice.replace("5月9日", "5月10日").replace("5月10日（周六）", "5月10日（周日）");
    let second = version(&other, "2026-03-01T00:00:00Z");
    let own = [Source { name: "2.toml", text: &second }, Source { name: "1.toml", text: &first }];
    let class = |known_at: Option<&str>| {
        let known_at = known_at.map(|at| at.parse().unwrap());
        let mut shipped = shipped_calendars().to_vec();
        shipped.retain(|source| source.name != "calendar-cn-2026.toml");
        let set = CalendarSet { shipped: &shipped, own: &own, known_at };
        let book = Book::load_with(&shipped_rules(), &set).unwrap();
        let year = book.calendar_year("CN", 2026).unwrap();
        let day =
            year.days.iter().find(|day| day.date.starts_with("2026-05") && day.class == "makeup");
        day.map(|day| day.date.clone())
    };
    assert_eq!(class(None).as_deref(), Some("2026-05-10"));
    assert_eq!(class(Some("2026-03-01T00:00:00Z")).as_deref(), Some("2026-05-10"));
    assert_eq!(class(Some("2026-02-28T23:59:59Z")).as_deref(), Some("2026-05-09"));
    assert_eq!(class(Some("2025-11-04T12:00:00Z")), None, "out, but not here yet");
}

proptest::proptest! {
    /// Whatever stands in a file, reading it ends with an answer.
    #[test]
    fn no_file_stops_the_reader(text in "[0-9年月日号一二三、:，。()（）至放假上班补休共天国务院办公厅关于部分节假通知〔〕\\-\n ]{0,200}") {
        for name in ["a.txt", "a.ics", "a.json", "a.toml"] {
            let _ = Draft::read(&Source { name, text: &text }, &provenance(), shipped());
        }
    }

    /// A good text with one sign changed is refused or read as something, never a panic.
    #[test]
    fn a_sign_changed_in_a_notice(at in 0..900_usize, sign in "[0-9年月日至、。（）]") {
        let text: String = NOTICES[8].1.chars().enumerate()
            .map(|(i, c)| if i == at { sign.chars().next().unwrap_or(c) } else { c }).collect();
        let _ = read("notice.txt", &text, &at_an_address());
    }
}
