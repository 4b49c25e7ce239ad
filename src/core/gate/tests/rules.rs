//! Reading rule set files, and how several sets combine.

use super::*;

fn error_of(rules: &str) -> String {
    Book::load(&[source(rules)], &shipped_calendars()).unwrap_err().to_string()
}

/// Each change of the shipped file is refused; the message holds every word given.
#[test]
fn bad_files_are_refused_with_line_key_and_choices() {
    let good = shipped_rules()[0].text;
    let cases: [(&str, &str, &[&str]); 19] = [
        ("calendar = \"CN\"", "calender = \"CN\"", &["line 11", "calender", "calendar"]),
        (
            "calendar = \"CN\"",
            "calendar = \"DE\"",
            &["calendar = \"DE\"", "there are: AU, CA, CN, FR"],
        ),
        ("schema = 1", "schema = 2", &["only 1"]),
        ("\"block\"", "\"all\"", &["line 13", "statutory_and_substitute"]),
        ("\"callee\"", "\"fixed:Asia/Nowhere\"", &["line 14", "fixed:Area/City"]),
        ("\"callee\"", "\"fixed:Etc/Unknown\"", &["line 14", "fixed:Area/City"]),
        ("unknown = \"deny\"", "unknown = \"allow\"", &["line 14", "deny"]),
        ("[\"08:30\", \"17:30\"]", "[\"17:30\", \"08:30\"]", &["line 41", "ends before it starts"]),
        ("[\"08:30\", \"17:30\"]", "[\"8:30\", \"17:30\"]", &["line 41", "HH:MM"]),
        ("[\"08:30\", \"17:30\"]", "[\"08:30\", \"24:30\"]", &["line 41", "HH:MM"]),
        ("[\"rest\"]", "[\"sunday\"]", &["line 45", "workday, makeup, rest, holiday"]),
        ("[\"rest\"]", "[\"unknown\"]", &["line 45", "calendar_gap"]),
        ("[\"rest\"]", "[\"any\"]", &["cn-seed-service.window", "without a calendar"]),
        ("unknown = \"intersect\"", "unknown = \"allow\"", &["line 29", "deny", "intersect"]),
        ("\"5s\"", "\"5m\"", &["line 51", "0s to 3600s"]),
        ("\"5s\"", "\"0s\"", &["guard.decision_ttl", "1s to 60s"]),
        ("\"P90D\"", "\"90D\"", &["line 56", "P90D or P6M"]),
        ("\"CN-mainland\"", "\"CN\"", &["line 9", "CN-mainland"]),
        ("\"2025-01-01\"", "\"2025-02-30\"", &["line 10", "YYYY-MM-DD"]),
    ];
    for (old, new, words) in cases {
        let text = good.replacen(old, new, 1);
        assert_ne!(text, good, "{old}");
        let err = error_of(&text);
        assert!(err.starts_with("test.toml: "), "{err}");
        for word in words {
            assert!(err.contains(word), "{old} -> {new}: no {word:?} in: {err}");
        }
    }
}

#[test]
fn what_is_missing_is_refused() {
    let good = shipped_rules()[0].text;
    let cut = |from: &str, to: &str| {
        let (start, end) = (good.find(from).unwrap(), good.find(to).unwrap());
        error_of(&format!("{}{}", &good[..start], &good[end..]))
    };
    let gap = cut("[ruleset.cn-seed-service.calendar_gap]", "[[ruleset.cn-seed-service.ban]]");
    assert!(gap.contains("calendar_gap"), "{gap}");
    let purpose = cut("[ruleset.cn-seed-service.purpose]", "[[ruleset.cn-seed-service.hard_ban]]");
    assert!(purpose.contains("purpose"), "{purpose}");
    let window = cut("[[ruleset.cn-seed-service.window]]", "[ruleset.cn-seed-service.guard]");
    assert!(window.contains("window"), "{window}");
    let twice = Book::load(&[source(good), source(good)], &shipped_calendars()).unwrap_err();
    assert!(twice.message.contains("of that name"), "{twice}");
}

#[test]
fn the_shipped_book() {
    let book = seed_book();
    assert_eq!(book.ruleset_names(), ["cn-seed-service"]);
    assert_eq!(book.always_allow(), ["110", "112", "119", "120", "122"]);
    let all = Book::shipped().unwrap();
    assert_eq!(
        all.ruleset_names(),
        [
            "au",
            "au-research",
            "ca",
            "cn-insurance-sales",
            "cn-seed-service",
            "de",
            "fr",
            "in",
            "jp",
            "jp-collection",
            "uk",
            "us-federal",
            "us-fl",
            "us-ok",
            "us-tx",
            "us-tx-central",
            "us-wa",
        ]
    );
    let calendars: Vec<_> = book.calendars().collect();
    let names: Vec<&str> = calendars.iter().map(|one| one.0).collect();
    assert_eq!(names, ["AU", "CA", "CN", "FR", "IN", "JP"]);
    let (_, version, years) = &calendars[2];
    assert_eq!(*years, (2007..=2026).collect::<Vec<i16>>());
    assert!(version.starts_with("CN-2007-2026-"), "{version}");
    assert_eq!(version.len(), "CN-2007-2026-".len() + 12);
    assert_eq!(book.hash().len(), 64);
    assert_ne!(book.hash(), book_of(OPEN_ALL_HOURS).hash());
}

/// What a decision carries to the journal.
#[test]
fn a_decision_names_everything_it_rests_on() {
    let book = seed_book();
    let number = dialed("13800138000");
    let ask = Ask {
        dialed: &number,
        purpose: Some("service"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    let at = wall("2026-10-05T02:00:00.25Z");
    let Ruling::Decided(decided) = book.decide(&DncList::default(), &ask, at) else { panic!() };
    let ids: Vec<&str> = decided.rules.iter().map(|rule| rule.id.as_str()).collect();
    let order =
        ["purpose", "night", "dnc", "cooldown", "calendar-gap", "statutory-holiday", "window"];
    assert_eq!(ids, order);
    assert!(decided.rules.iter().all(|rule| !rule.citation.is_empty()));
    assert_eq!(decided.local_time, "2026-10-05T10:00:00.25+08:00");
    assert_eq!(decided.ruleset, "cn-seed-service");
    // `sha256sum data/cn-seed-service.toml` says the same.
    assert_eq!(decided.ruleset_hash, super::super::book::sha256_hex(&[shipped_rules()[0].text]));
    assert_eq!(decided.list_version, DncList::default().version());
    assert!(decided.tzdb_version.starts_with("20"), "{}", decided.tzdb_version);
    assert_eq!(decided.ttl, std::time::Duration::from_secs(5));
    assert_eq!(decided.expires_at(), wall("2026-10-05T02:00:05.25Z"));
}

/// Every set that applies must allow; a set asked for by name stands alone.
#[test]
fn the_strictest_set_wins() {
    let text = format!("{}{}", OPEN_ALL_HOURS, shipped_rules()[0].text.replace("schema = 1", ""));
    let book = book_of(&text);
    let number = dialed("13800138000");
    let ask = Ask {
        dialed: &number,
        purpose: Some("service"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    let night = wall("2026-01-05T21:00:00+08:00");
    let say_at = |ask: &Ask<'_>| say(&book.decide(&DncList::default(), ask, night));
    assert_eq!(say_at(&ask), "deny night window");
    assert_eq!(say_at(&Ask { ruleset: Some("open-all-hours"), ..ask }), "allow");
    assert_eq!(say_at(&Ask { purpose: Some("sales"), ..ask }), "allow");
    assert_eq!(say_at(&Ask { purpose: None, ..ask }), "deny purpose night window purpose");
    let next = book.next_allowed(&DncList::default(), &ask, night);
    assert_eq!(next, Some(wall("2026-01-06T08:30:00+08:00")));
    let Ruling::Decided(decided) = book.decide(&DncList::default(), &ask, night) else { panic!() };
    assert_eq!(decided.ruleset, "cn-seed-service+open-all-hours");
}

#[test]
fn a_named_set_does_not_reach_beyond_what_it_covers() {
    let book = seed_book();
    let number = dialed("13800138000");
    let ask = Ask {
        dialed: &number,
        purpose: Some("sales"),
        ruleset: Some("cn-seed-service"),
        number_ref: None,
        given: Given::default(),
    };
    let at = wall("2026-01-05T10:00:00+08:00");
    assert_eq!(say(&book.decide(&DncList::default(), &ask, at)), "deny purpose");
    assert_eq!(book.next_allowed(&DncList::default(), &ask, at), None);
}

/// The seconds before the end of a window, `last_start_before_end = "60s"`.
#[test]
fn the_guard_closes_before_the_window_does() {
    let text = shipped_rules()[0]
        .text
        .replace("last_start_before_end = \"0s\"", "last_start_before_end = \"60s\"");
    let book = book_of(&text);
    let number = dialed("13800138000");
    let ask = Ask {
        dialed: &number,
        purpose: Some("service"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    for (cells, expected) in rows(
        "
        17:28:59.999999 | allow
        17:29:00        | deny guard
        17:29:59        | deny guard
        17:30:00        | deny window
    ",
    ) {
        let at = wall(&format!("2026-01-05T{}+08:00", cells[0]));
        assert_eq!(say(&book.decide(&DncList::default(), &ask, at)), expected, "{}", cells[0]);
    }
    let next = book.next_allowed(&DncList::default(), &ask, wall("2026-01-05T17:29:00+08:00"));
    assert_eq!(next, Some(wall("2026-01-06T08:30:00+08:00")));
}

/// A law's floor lengthens a company's cool-down; months clamp to the end of the month.
#[test]
fn the_longer_cool_down_counts() {
    let text = shipped_rules()[0]
        .text
        .replace("floor_by_purpose = { ", "floor_by_purpose = { survey = \"P6M\", ");
    let book = book_of(&text);
    let number = dialed("13800138000");
    let until = |purpose, at| {
        let ask = Ask {
            dialed: &number,
            purpose: Some(purpose),
            ruleset: None,
            number_ref: None,
            given: Given::default(),
        };
        book.blocked_until(&ask, "action:do_not_disturb", wall(at)).unwrap()
    };
    assert_eq!(until("service", "2026-08-31T10:00:00+08:00"), "2026-11-29");
    assert_eq!(until("survey", "2026-08-31T10:00:00+08:00"), "2027-02-28");
    // Day 0 is the callee's day, which began before that of the server in UTC.
    assert_eq!(until("service", "2026-02-28T20:00:00Z"), "2026-05-30");
}

#[test]
fn rules_have_a_first_and_a_last_day() {
    let text = OPEN_ALL_HOURS
        .replace("zone =", "effective = { from = \"2026-03-01\", until = \"2026-03-02\" }\nzone =");
    let book = book_of(&text);
    let number = dialed("+12125550123");
    let ask = Ask {
        dialed: &number,
        purpose: Some("x"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    for (cells, expected) in rows(
        "
        2026-02-28T23:59:59Z | deny no_ruleset
        2026-03-01T00:00:00Z | allow
        2026-03-02T23:59:59Z | allow
        2026-03-03T00:00:00Z | deny no_ruleset
    ",
    ) {
        let ruling = book.decide(&DncList::default(), &ask, wall(cells[0]));
        assert_eq!(say(&ruling), expected, "{}", cells[0]);
    }
    let next = |at| book.next_allowed(&DncList::default(), &ask, wall(at));
    assert_eq!(next("2026-01-01T00:00:00Z"), Some(wall("2026-03-01T00:00:00Z")));
    assert_eq!(next("2026-03-03T00:00:00Z"), None);
}

#[test]
fn a_callee_without_a_zone_is_refused() {
    let book = book_of(&OPEN_ALL_HOURS.replace("fixed:Etc/UTC", "callee"));
    let number = dialed("+18005550123");
    let ask = Ask {
        dialed: &number,
        purpose: Some("x"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    let at = wall("2026-03-01T00:00:00Z");
    let ruling = book.decide(&DncList::default(), &ask, at);
    assert_eq!(say(&ruling), "deny unknown_zone");
    assert_eq!(book.rfc3339_local(&ask, at), "");
    assert_eq!(book.next_allowed(&DncList::default(), &ask, at), None);
    let out_of_range = seed_book();
    let mobile = dialed("13800138000");
    let ask = Ask { dialed: &mobile, purpose: Some("service"), ..ask };
    let ruling = out_of_range.decide(&DncList::default(), &ask, Wall(i64::MAX));
    assert_eq!(say(&ruling), "deny unknown_zone");
    assert_eq!(out_of_range.next_allowed(&DncList::default(), &ask, Wall(i64::MAX)), None);
}
