//! Gaps and folds: a start waits for the clock to be past it for good, an end comes the first
//! time, and a ban holds both times.

use super::*;

fn book(zone: &str, start: &str, end: &str) -> Book {
    book_of(
        &OPEN_ALL_HOURS
            .replace("fixed:Etc/UTC", &format!("fixed:{zone}"))
            .replace("[\"00:00\", \"24:00\"]", &format!("[\"{start}\", \"{end}\"]")),
    )
}

/// Rows: zone, window, asked at (UTC) | verdict there, and next allowed (local).
#[test]
fn windows_that_meet_a_change_of_the_clock() {
    for (cells, expected) in rows(
        "
        # 2026-03-08 02:00 EST becomes 03:00 EDT
        America/New_York 02:30 05:00 2026-03-08T06:59:59Z | deny 2026-03-08T03:00:00-04:00
        America/New_York 02:30 05:00 2026-03-08T07:00:00Z | allow 2026-03-08T03:00:00-04:00
        America/New_York 01:00 02:30 2026-03-08T06:59:59Z | allow 2026-03-08T01:59:59-05:00
        America/New_York 01:00 02:30 2026-03-08T07:00:00Z | deny 2026-03-09T01:00:00-04:00
        # a window inside the gap does not happen that day
        America/New_York 02:00 03:00 2026-03-08T05:00:00Z | deny 2026-03-09T02:00:00-04:00
        # 2026-11-01 02:00 EDT becomes 01:00 EST
        America/New_York 01:30 05:00 2026-11-01T05:30:00Z | deny 2026-11-01T01:30:00-05:00
        America/New_York 01:30 05:00 2026-11-01T06:29:59Z | deny 2026-11-01T01:30:00-05:00
        America/New_York 01:30 05:00 2026-11-01T06:30:00Z | allow 2026-11-01T01:30:00-05:00
        America/New_York 00:30 01:30 2026-11-01T05:29:59Z | allow 2026-11-01T01:29:59-04:00
        America/New_York 00:30 01:30 2026-11-01T05:30:00Z | deny 2026-11-02T00:30:00-05:00
        America/New_York 00:30 01:30 2026-11-01T06:15:00Z | deny 2026-11-02T00:30:00-05:00
        America/New_York 01:15 01:45 2026-11-01T05:30:00Z | deny 2026-11-02T01:15:00-05:00
        # days that start at 01:00
        America/Havana 00:00 02:00 2026-03-08T04:59:59Z   | deny 2026-03-08T01:00:00-04:00
        America/Havana 00:00 02:00 2026-03-08T05:00:00Z   | allow 2026-03-08T01:00:00-04:00
        America/Santiago 00:00 02:00 2026-09-06T03:59:59Z | deny 2026-09-06T01:00:00-03:00
        Africa/Cairo 00:30 02:00 2026-04-23T21:59:00Z     | deny 2026-04-24T01:00:00+03:00
        Asia/Beirut 00:00 00:30 2026-03-28T21:59:00Z      | deny 2026-03-30T00:00:00+03:00
        # a day that never was, 2011-12-30
        Pacific/Apia 09:00 10:00 2011-12-30T09:59:59Z     | deny 2011-12-31T09:00:00+14:00
        # half an hour
        Australia/Lord_Howe 02:00 02:30 2026-10-03T15:00:00Z | deny 2026-10-05T02:00:00+11:00
        # no change at all
        Asia/Shanghai 08:30 17:30 2026-03-08T00:30:00Z    | allow 2026-03-08T08:30:00+08:00
    ",
    ) {
        let [zone, start, end, at] = cells[..] else { panic!("{cells:?}") };
        let book = book(zone, start, end);
        let number = dialed("+12125550123");
        let ask = Ask {
            dialed: &number,
            purpose: Some("x"),
            ruleset: None,
            number_ref: None,
            given: Given::default(),
        };
        let now = match verdict(book.decide(&DncList::default(), &ask, wall(at))) {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
        };
        let next = book.next_allowed(&DncList::default(), &ask, wall(at)).unwrap();
        let next = book.rfc3339_local(&ask, next);
        assert_eq!(format!("{now} {next}"), expected, "{cells:?}");
    }
}

/// A ban to 01:30 holds until 01:30 is past for the second time.
#[test]
fn a_ban_holds_both_times() {
    let text = OPEN_ALL_HOURS.replace("fixed:Etc/UTC", "fixed:America/New_York").replace(
        "[[ruleset.open-all-hours.window]]",
        "[[ruleset.open-all-hours.hard_ban]]\nid = \"night\"\nspans = [[\"00:00\", \"01:30\"]]\n\
         cite = \"test\"\n[[ruleset.open-all-hours.window]]",
    );
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
        2026-11-01T05:29:59Z | deny night
        2026-11-01T05:45:00Z | deny night
        2026-11-01T06:29:59Z | deny night
        2026-11-01T06:30:00Z | allow
        2026-11-02T06:29:59Z | deny night
        2026-11-02T06:30:00Z | allow
    ",
    ) {
        let ruling = book.decide(&DncList::default(), &ask, wall(cells[0]));
        assert_eq!(say(&ruling), expected, "{}", cells[0]);
    }
    let next = book.next_allowed(&DncList::default(), &ask, wall("2026-11-01T05:40:00Z"));
    assert_eq!(next, Some(wall("2026-11-01T06:30:00Z")));
}
