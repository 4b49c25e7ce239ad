//! `cn-seed-service`, second by second.

use super::*;
use crate::model::Named;

const MOBILE: &str = "13800138000";

/// Rows: day, time at the callee, purpose | class, verdict and refusing rules.
#[track_caller]
fn check(table: &str) {
    let book = seed_book();
    let number = dialed(MOBILE);
    for (cells, expected) in rows(table) {
        let [day, time, purpose] = cells[..] else { panic!("{cells:?}") };
        let purpose = Some(purpose).filter(|purpose| *purpose != "none");
        let ask = Ask {
            dialed: &number,
            purpose,
            ruleset: None,
            number_ref: Some(key(1)),
            given: Given::default(),
        };
        let at = wall(&format!("{day}T{time}+08:00"));
        let ruling = book.decide(&DncList::default(), &ask, at);
        let Ruling::Decided(decided) = &ruling else { panic!("exempt: {cells:?}") };
        let class = decided.day_class.map_or("-", Named::name);
        assert_eq!(format!("{class} {}", say(&ruling)), expected, "{day} {time}");
        assert_eq!(decided.zone, "Asia/Shanghai");
    }
}

#[test]
fn edges_of_workday_and_rest_day() {
    check(
        "
        # 2026-01-05 is a Monday, 2026-01-10 a Saturday, 2026-01-11 a Sunday
        2026-01-05  00:00:00         service | workday deny night window
        2026-01-05  07:59:59.999999  service | workday deny night window
        2026-01-05  08:00:00         service | workday deny window
        2026-01-05  08:29:59         service | workday deny window
        2026-01-05  08:29:59.999999  service | workday deny window
        2026-01-05  08:30:00.000     service | workday allow
        2026-01-05  12:00:00         service | workday allow
        2026-01-05  17:29:59.999999  service | workday allow
        2026-01-05  17:30:00.000     service | workday deny window
        2026-01-05  19:59:59         service | workday deny window
        2026-01-05  20:00:00         service | workday deny night window
        2026-01-05  21:01:00         service | workday deny night window
        2026-01-05  23:59:59.999999  service | workday deny night window
        2026-01-10  07:59:59         service | rest deny night window
        2026-01-10  08:30:00         service | rest deny window
        2026-01-10  08:59:59         service | rest deny window
        2026-01-10  09:00:00         service | rest allow
        2026-01-10  16:59:59         service | rest allow
        2026-01-10  17:00:00         service | rest deny window
        2026-01-10  20:00:00         service | rest deny night window
        2026-01-11  09:00:00         service | rest allow
        2026-01-11  17:00:00         service | rest deny window
    ",
    );
}

#[test]
fn declared_workdays_have_the_hours_of_a_workday() {
    check(
        "
        2026-01-04  08:30:00  service | makeup allow
        2026-01-04  17:29:59  service | makeup allow
        2026-01-04  17:30:00  service | makeup deny window
        2026-02-14  08:29:59  service | makeup deny window
        2026-02-14  08:30:00  service | makeup allow
        2026-02-28  17:29:59  service | makeup allow
        2026-05-09  08:30:00  service | makeup allow
        2026-09-20  08:30:00  service | makeup allow
        2026-09-20  17:30:00  service | makeup deny window
        2026-10-10  08:30:00  service | makeup allow
        2025-09-28  08:30:00  service | makeup allow
        2025-10-11  17:29:59  service | makeup allow
    ",
    );
}

#[test]
fn the_whole_break_is_closed() {
    check(
        "
        2026-01-01  10:00:00  service | holiday deny statutory-holiday window
        2026-01-03  10:00:00  service | holiday deny statutory-holiday window
        2026-02-15  10:00:00  service | holiday deny statutory-holiday window
        # swapped days
        2026-02-20  10:00:00  service | holiday deny statutory-holiday window
        2026-02-23  10:00:00  service | holiday deny statutory-holiday window
        2026-10-05  10:00:00  service | holiday deny statutory-holiday window
        2026-10-06  10:00:00  service | holiday deny statutory-holiday window
        2026-10-07  07:59:59  service | holiday deny night statutory-holiday window
        # weekends glued to a holiday, as printed
        2026-04-04  10:00:00  service | holiday deny statutory-holiday window
        2026-06-21  10:00:00  service | holiday deny statutory-holiday window
        2026-09-26  10:00:00  service | holiday deny statutory-holiday window
        # first days after
        2026-02-24  08:30:00  service | workday allow
        2026-10-08  08:30:00  service | workday allow
        2026-06-22  08:30:00  service | workday allow
        2025-01-01  23:59:59  service | holiday deny night statutory-holiday window
        2025-01-02  08:30:00  service | workday allow
    ",
    );
}

#[test]
fn days_without_a_final_notice_are_narrow_or_closed() {
    check(
        "
        2026-12-25  08:30:00  service | workday allow
        # 26 December on: provisional; three days before 1 January: closed
        2026-12-26  09:00:00  service | provisional allow
        2026-12-28  08:59:59  service | provisional deny window
        2026-12-28  09:00:00  service | provisional allow
        2026-12-28  16:59:59  service | provisional allow
        2026-12-28  17:00:00  service | provisional deny window
        2026-12-29  10:00:00  service | provisional deny calendar-gap
        2026-12-31  10:00:00  service | provisional deny calendar-gap
        2027-01-01  10:00:00  service | unknown deny calendar-gap
        2027-01-08  10:00:00  service | unknown deny calendar-gap
        2027-01-09  09:00:00  service | unknown allow
        2027-01-11  08:59:59  service | unknown deny window
        2027-01-11  17:00:00  service | unknown deny window
        2027-02-01  10:00:00  service | unknown allow
        2027-02-02  10:00:00  service | unknown deny calendar-gap
        2027-02-15  10:00:00  service | unknown deny calendar-gap
        2027-02-16  10:00:00  service | unknown allow
        2030-12-28  10:00:00  service | unknown allow
        # the three days reach into 2031, whose statutory dates nobody computed
        2030-12-29  10:00:00  service | unknown deny calendar-gap
        2031-03-03  10:00:00  service | unknown deny calendar-gap
    ",
    );
}

#[test]
fn a_purpose_is_asked_for() {
    check(
        "
        2026-01-05  10:00:00  none              | workday deny purpose
        2026-01-05  21:00:00  none              | workday deny purpose night window
        2026-01-05  10:00:00  callback.routine  | workday allow
        2026-01-05  10:00:00  survey            | workday allow
        2026-01-05  10:00:00  Service           | workday deny purpose
        2026-01-05  10:00:00  callback.         | workday deny purpose
        2026-01-05  10:00:00  sales             | - deny no_ruleset
        2026-01-05  10:00:00  surveys           | - deny no_ruleset
        # before the rule set's first day
        2024-12-31  10:00:00  service           | - deny no_ruleset
    ",
    );
}

/// Rows: number, rule set | verdict. All at 10:00 on Monday 2026-01-05.
#[test]
fn who_is_gated_by_what() {
    let shipped = seed_book();
    for (cells, expected) in rows(
        "
        13800138000      -                | allow
        +8699112345678   -                | deny number
        +869912345678    -                | allow
        02102345678      -                | deny number
        02161234567      -                | allow
        95519            -                | allow
        10086            -                | allow
        110              -                | exempt
        120              cn-seed-service  | exempt
        8001             -                | exempt
        8001             no-such-set      | exempt
        9001             -                | deny number
        +85223456789     -                | deny no_ruleset
        +85228212345     -                | deny no_ruleset
        +886223456789    -                | deny no_ruleset
        +12125550123     -                | deny no_ruleset
        +12125550123     cn-seed-service  | deny no_ruleset
        13800138000      cn-seed-service  | allow
        13800138000      no-such-set      | deny no_ruleset
        *97              -                | deny number
        abc              -                | deny number
    ",
    ) {
        let [number, ruleset] = cells[..] else { panic!("{cells:?}") };
        let ruleset = Some(ruleset).filter(|name| *name != "-");
        let dialed = dialed(number);
        let ask = Ask {
            dialed: &dialed,
            purpose: Some("service"),
            ruleset,
            number_ref: None,
            given: Given::default(),
        };
        let ruling = shipped.decide(&DncList::default(), &ask, wall("2026-01-05T02:00:00Z"));
        assert_eq!(say(&ruling), expected, "{number}");
    }
}

/// Asked not to be called on 1 March: blocked that day and the 90 after it.
#[test]
fn do_not_disturb_blocks_ninety_days() {
    let book = seed_book();
    let number = dialed(MOBILE);
    let ask = Ask {
        dialed: &number,
        purpose: Some("service"),
        ruleset: None,
        number_ref: Some(key(7)),
        given: Given::default(),
    };
    let asked_at = wall("2026-03-01T15:00:00+08:00");
    let until = book.blocked_until(&ask, "action:do_not_disturb", asked_at).unwrap();
    assert_eq!(until, "2026-05-30");
    assert_eq!(book.blocked_until(&ask, "action:other", asked_at), None);
    let other_purpose = Ask { purpose: Some("sales"), ruleset: Some("none"), ..ask };
    let same = book.blocked_until(&other_purpose, "action:do_not_disturb", asked_at);
    assert_eq!(same.as_deref(), Some("2026-09-01"), "the law's floor for sales");
    let mut list = DncList::default();
    list.insert(key(7), Some(&until)).unwrap();
    for (cells, expected) in rows(
        "
        2026-03-01T15:00:01  | deny dnc
        2026-03-02T10:00:00  | deny dnc
        2026-05-29T10:00:00  | deny dnc
        2026-05-30T10:00:00  | deny dnc
        2026-05-30T23:59:59  | deny night dnc window
        2026-05-31T00:00:00  | deny night window
        2026-05-31T09:00:00  | allow
    ",
    ) {
        let at = wall(&format!("{}+08:00", cells[0]));
        assert_eq!(say(&book.decide(&list, &ask, at)), expected, "{}", cells[0]);
    }
    let next = book.next_allowed(&list, &ask, asked_at);
    assert_eq!(next, Some(wall("2026-05-31T09:00:00+08:00")));
    let other = Ask { number_ref: Some(key(8)), ..ask };
    assert_eq!(say(&book.decide(&list, &other, wall("2026-03-02T02:00:00Z"))), "allow");
    let unkeyed = Ask { number_ref: None, ..ask };
    assert_eq!(say(&book.decide(&list, &unkeyed, wall("2026-03-02T02:00:00Z"))), "deny dnc");
    assert_eq!(book.next_allowed(&list, &unkeyed, asked_at), None);
    list.insert(key(7), None).unwrap();
    assert_eq!(book.next_allowed(&list, &ask, asked_at), None);
}

/// Rows: asked at | next allowed.
#[test]
fn the_next_allowed_instant() {
    let book = seed_book();
    let number = dialed(MOBILE);
    let ask = Ask {
        dialed: &number,
        purpose: Some("service"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    for (cells, expected) in rows(
        "
        2026-01-05T10:00:00.5  | 2026-01-05T10:00:00.5+08:00
        2026-01-05T08:00:00    | 2026-01-05T08:30:00+08:00
        2026-01-09T17:30:00    | 2026-01-10T09:00:00+08:00
        # a nine-day break, worked on the Saturday before
        2026-02-14T17:29:00    | 2026-02-14T17:29:00+08:00
        2026-02-14T17:30:00    | 2026-02-24T08:30:00+08:00
        2026-09-30T18:00:00    | 2026-10-08T08:30:00+08:00
        2026-12-28T17:00:00    | 2027-01-09T09:00:00+08:00
        2024-12-31T10:00:00    | 2025-01-02T08:30:00+08:00
        2030-12-28T17:00:00    | none
    ",
    ) {
        let at = wall(&format!("{}+08:00", cells[0]));
        let next = book.next_allowed(&DncList::default(), &ask, at);
        let next = next.map_or("none".to_owned(), |next| book.rfc3339_local(&ask, next));
        assert_eq!(next, expected, "{}", cells[0]);
    }
}
