//! The profiles that are delivered, rule by rule.

use super::*;

/// Editions of that day of all registers, with the numbers of these keys.
fn registers(issued: &str, listed: &[u8]) -> DncList {
    let mut list = DncList::default();
    for name in ["au-dncr", "ca-national-dncl", "fr-bloctel", "uk-tps", "us-national-dnc"] {
        list.set_register(edition(name, issued, listed));
    }
    list
}

/// Rows: number, purpose, claims, what happened, local time with offset | verdict.
#[track_caller]
fn check(sets: &[&str], table: &str) {
    let names: Vec<String> = sets.iter().map(|name| (*name).to_owned()).collect();
    let book = Book::shipped().unwrap().keep(&names).unwrap();
    for (cells, expected) in rows(table) {
        let [number, purpose, claims, past, at] = cells[..] else { panic!("{cells:?}") };
        let number = dialed(number);
        let claims: Claims = claims.split(',').filter_map(Claim::parse_name).collect();
        let event = |text: &str| {
            let (what, day) = text.split_once('@').unwrap();
            let kind = match what {
                "attempt" => PastKind::Attempt,
                what => PastKind::Action(what.to_owned()),
            };
            Past::new(wall(&format!("{day}{}", &at[at.len() - 6..])), kind)
        };
        let past: Vec<Past> = past.split(',').filter(|text| *text != "-").map(event).collect();
        let given = Given { claims, past: &past, ..Given::default() };
        let ask = Ask {
            dialed: &number,
            purpose: Some(purpose),
            ruleset: None,
            number_ref: Some(key(1)),
            given,
        };
        let ruling = book.decide(&registers(&at[..10], &[9]), &ask, wall(at));
        assert_eq!(say(&ruling), expected, "{cells:?}");
    }
}

#[test]
fn cn_insurance_sales() {
    check(
        &["cn-insurance-sales"],
        "
        13800138000 sales - - 2026-01-05T07:59:59+08:00 | deny night sales-night window
        13800138000 sales - - 2026-01-05T08:30:00+08:00 | deny sales-night window
        13800138000 sales - - 2026-01-05T08:59:59+08:00 | deny sales-night window
        13800138000 sales - - 2026-01-05T09:00:00+08:00 | allow
        13800138000 sales.life - - 2026-01-05T12:00:00+08:00 | allow
        13800138000 sales - - 2026-01-05T17:28:59+08:00 | allow
        13800138000 sales - - 2026-01-05T17:29:00+08:00 | deny guard
        13800138000 sales - - 2026-01-05T17:30:00+08:00 | deny window
        13800138000 sales - - 2026-01-05T20:00:00+08:00 | deny night window
        13800138000 sales - - 2026-01-05T21:00:00+08:00 | deny night sales-night window
        # a declared workday, a Saturday, the break
        13800138000 sales - - 2026-02-14T17:28:59+08:00 | allow
        13800138000 sales - - 2026-01-10T16:58:59+08:00 | allow
        13800138000 sales - - 2026-01-10T16:59:00+08:00 | deny guard
        13800138000 sales - - 2026-10-05T10:00:00+08:00 | deny statutory-holiday window
        # the year's end until the next notice, and the year after
        13800138000 sales - - 2026-12-28T10:00:00+08:00 | deny calendar-gap
        13800138000 sales - - 2027-03-10T10:00:00+08:00 | deny calendar-gap
        # six months
        13800138000 sales - action:do_not_disturb@2026-01-05T10:00:00 2026-07-03T10:00:00+08:00 | deny do-not-disturb
        13800138000 sales - action:do_not_disturb@2026-01-05T10:00:00 2026-07-06T10:00:00+08:00 | allow
        13800138000 sales - label:refused@2026-01-05T10:00:00 2026-07-03T10:00:00+08:00 | deny refused
        13800138000 sales - label:refused@2026-01-05T10:00:00 2026-07-06T10:00:00+08:00 | allow
        13800138000 service - - 2026-01-05T10:00:00+08:00 | deny no_ruleset
    ",
    );
}

#[test]
fn united_states() {
    let all = ["us-federal", "us-fl", "us-ok", "us-wa", "us-tx", "us-tx-central"];
    check(
        &all,
        "
        +12125550123 sales - - 2026-06-10T07:59:59-04:00 | deny window
        +12125550123 sales - - 2026-06-10T08:00:00-04:00 | allow
        +12125550123 sales - - 2026-06-10T20:58:59-04:00 | allow
        +12125550123 sales - - 2026-06-10T20:59:00-04:00 | deny guard
        +12125550123 sales - - 2026-06-10T21:00:00-04:00 | deny window
        +12125550123 sales - action:do_not_disturb@2016-01-05T10:00:00 2026-06-10T12:00:00-04:00 | deny do-not-call
        # Florida to 20:00; 850 lies in two zones
        +13055550123 sales - - 2026-06-10T19:59:59-04:00 | allow
        +13055550123 sales - - 2026-06-10T20:00:00-04:00 | deny window
        +18505550123 sales - - 2026-06-10T08:30:00-04:00 | deny window window
        +18505550123 sales - - 2026-06-10T09:00:00-04:00 | allow
        +13055550123 sales - attempt@2026-06-10T09:00:00,attempt@2026-06-10T10:00:00,attempt@2026-06-10T11:00:00 2026-06-11T08:59:59-04:00 | deny three-a-day
        +13055550123 sales - attempt@2026-06-10T09:00:00,attempt@2026-06-10T10:00:00,attempt@2026-06-10T11:00:00 2026-06-11T09:00:00-04:00 | allow
        +14055550123 sales - attempt@2026-06-10T09:00:00,attempt@2026-06-10T10:00:00,attempt@2026-06-10T11:00:00 2026-06-10T12:00:00-05:00 | deny three-a-day
        +14055550123 sales - - 2026-06-10T20:00:00-05:00 | deny window
        # Washington
        +12065550123 sales - - 2026-06-10T19:59:59-07:00 | allow
        +12065550123 sales - - 2026-06-10T20:00:00-07:00 | deny window
        +12065550123 sales - action:do_not_disturb@2026-06-09T10:00:00 2026-06-10T12:00:00-07:00 | deny do-not-call do-not-call
        # Texas: Saturday from 9, Sunday from noon; El Paso waits for Central time, too
        +15125550123 sales - - 2026-06-13T08:59:59-05:00 | deny window window
        +15125550123 sales - - 2026-06-13T09:00:00-05:00 | allow
        +15125550123 sales - - 2026-06-14T11:59:59-05:00 | deny window window
        +15125550123 sales - - 2026-06-14T12:00:00-05:00 | allow
        +19155550123 sales - - 2026-06-12T20:30:00-06:00 | deny window
        # another country, and a number without a place
        +14165550123 sales - - 2026-06-10T12:00:00-04:00 | deny no_ruleset
        +18005550123 sales - - 2026-06-10T12:00:00-04:00 | deny no_ruleset
    ",
    );
}

#[test]
fn france() {
    check(
        &["fr"],
        "
        # 2026-06-10 is a Wednesday
        +33123456789 sales - - 2026-06-10T09:59:59+02:00 | deny window
        +33123456789 sales - - 2026-06-10T10:00:00+02:00 | allow
        +33123456789 sales - - 2026-06-10T12:58:59+02:00 | allow
        +33123456789 sales - - 2026-06-10T12:59:00+02:00 | deny guard
        +33123456789 sales - - 2026-06-10T13:00:00+02:00 | deny window
        +33123456789 sales - - 2026-06-10T14:00:00+02:00 | allow
        +33123456789 sales - - 2026-06-10T20:00:00+02:00 | deny window
        +33123456789 sales - - 2026-06-13T11:00:00+02:00 | deny window
        # Whit Monday, 14 July, 25 December
        +33123456789 sales - - 2026-05-25T11:00:00+02:00 | deny public-holiday window
        +33123456789 sales - - 2026-07-14T11:00:00+02:00 | deny public-holiday window
        +33123456789 sales running_contract - 2026-12-25T11:00:00+01:00 | deny public-holiday window
        +33123456789 sales running_contract - 2026-12-28T11:00:00+01:00 | allow
        # consent lifts days and hours, and no source names a night: that rule sleeps
        +33123456789 sales consent - 2026-06-13T11:00:00+02:00 | allow
        +33123456789 sales consent - 2026-07-14T20:30:00+02:00 | allow
        +33123456789 sales consent - 2026-06-10T21:00:00+02:00 | allow
        # from 2026-08-11 on
        +33123456789 sales - - 2026-08-10T11:00:00+02:00 | allow
        +33123456789 sales - - 2026-08-11T11:00:00+02:00 | deny opt-in
        +33123456789 sales running_contract - 2026-08-11T11:00:00+02:00 | allow
        +33123456789 sales consent - 2026-08-11T11:00:00+02:00 | allow
        # four in thirty days, sixty days after a refusal
        +33123456789 sales - attempt@2026-05-12T10:00:00,attempt@2026-06-01T10:00:00,attempt@2026-06-02T10:00:00,attempt@2026-06-03T10:00:00 2026-06-10T11:00:00+02:00 | deny four-in-thirty-days
        +33123456789 sales - attempt@2026-05-11T10:00:00,attempt@2026-06-01T10:00:00,attempt@2026-06-02T10:00:00,attempt@2026-06-03T10:00:00 2026-06-10T11:00:00+02:00 | allow
        +33123456789 sales - label:refused@2026-04-10T10:00:00 2026-06-09T11:00:00+02:00 | deny refused
        +33123456789 sales - label:refused@2026-04-10T10:00:00 2026-06-10T11:00:00+02:00 | allow
        +33123456789 sales consent action:do_not_disturb@2020-04-10T10:00:00 2026-06-10T11:00:00+02:00 | deny do-not-call
        # no list of holidays
        +33123456789 sales consent - 2034-06-12T11:00:00+02:00 | deny calendar-gap
        +33123456789 sales - - 2023-02-28T11:00:00+01:00 | deny no_ruleset
    ",
    );
}

#[test]
fn united_kingdom_and_germany() {
    check(
        &["uk", "de"],
        "
        # the laws name no hours: the night's rule sleeps
        +442079460123 sales - - 2026-06-10T07:59:59+01:00 | allow
        +442079460123 sales - - 2026-06-10T08:00:00+01:00 | allow
        +442079460123 sales - - 2026-06-10T21:00:00+01:00 | allow
        +442079460123 sales - action:do_not_disturb@2020-04-10T10:00:00 2026-06-10T11:00:00+01:00 | deny do-not-call
        +493012345678 sales - - 2026-06-10T11:00:00+02:00 | deny consent
        +493012345678 sales running_contract - 2026-06-10T11:00:00+02:00 | deny consent
        +493012345678 sales consent - 2026-06-10T11:00:00+02:00 | allow
        +493012345678 sales consent - 2026-06-10T21:00:00+02:00 | allow
        +493012345678 sales consent action:do_not_disturb@2020-04-10T10:00:00 2026-06-10T11:00:00+02:00 | deny do-not-call
    ",
    );
}

/// Rows: number, claims, issue of the edition, whether the number is on it, local time | verdict.
#[test]
fn registers_of_the_profiles() {
    let names = ["us-federal", "uk", "fr", "au", "au-research", "ca"].map(str::to_owned);
    let book = Book::shipped().unwrap().keep(&names).unwrap();
    for (cells, expected) in rows(
        "
        +12125550123 sales - 2026-05-10 no  2026-06-10T12:00:00-04:00 | allow
        +12125550123 sales - 2026-05-10 no  2026-06-11T12:00:00-04:00 | deny us-national-dnc
        +12125550123 sales - 2026-06-10 yes 2026-06-11T12:00:00-04:00 | deny us-national-dnc
        +12125550123 sales consent 2026-06-10 yes 2026-06-11T12:00:00-04:00 | allow
        +442079460123 sales - 2026-05-13 no 2026-06-10T12:00:00+01:00 | allow
        +442079460123 sales - 2026-05-13 no 2026-06-11T12:00:00+01:00 | deny uk-tps
        +442079460123 sales consent 2026-05-13 yes 2026-06-11T12:00:00+01:00 | allow
        # compared once a month; consent did not lift it, a contract did; it ended with the law of 2026
        +33123456789 sales - 2026-05-10 no  2026-06-10T11:00:00+02:00 | allow
        +33123456789 sales - 2026-05-10 no  2026-06-11T11:00:00+02:00 | deny fr-bloctel
        +33123456789 sales - 2026-06-10 yes 2026-06-11T11:00:00+02:00 | deny fr-bloctel
        +33123456789 sales consent 2026-06-10 yes 2026-06-11T11:00:00+02:00 | deny fr-bloctel
        +33123456789 sales running_contract 2026-06-10 yes 2026-06-11T11:00:00+02:00 | allow
        +33123456789 sales - 2026-08-01 yes 2026-08-10T11:00:00+02:00 | deny fr-bloctel
        +33123456789 sales consent 2026-08-01 yes 2026-08-11T11:00:00+02:00 | allow
        # 30 days, for sales and not for research
        +61291234567 sales - 2026-05-11 no  2026-06-10T14:00:00+10:00 | allow
        +61291234567 sales - 2026-05-11 no  2026-06-11T14:00:00+10:00 | deny au-dncr
        +61291234567 sales - 2026-06-10 yes 2026-06-11T14:00:00+10:00 | deny au-dncr
        +61291234567 sales consent 2026-06-10 yes 2026-06-11T14:00:00+10:00 | allow
        +61291234567 survey - 2026-06-10 yes 2026-06-11T14:00:00+10:00 | allow
        # 31 days; consent and a contract in effect
        +14165550123 sales - 2026-05-10 no  2026-06-10T12:00:00-04:00 | allow
        +14165550123 sales - 2026-05-10 no  2026-06-11T12:00:00-04:00 | deny ca-national-dncl
        +14165550123 sales - 2026-06-10 yes 2026-06-11T12:00:00-04:00 | deny ca-national-dncl
        +14165550123 sales consent 2026-06-10 yes 2026-06-11T12:00:00-04:00 | allow
        +14165550123 sales running_contract 2026-06-10 yes 2026-06-11T12:00:00-04:00 | allow
    ",
    ) {
        let [number, purpose, claims, issued, listed, at] = cells[..] else { panic!("{cells:?}") };
        let number = dialed(number);
        let list = registers(issued, if listed == "yes" { &[1] } else { &[9] });
        let claims = claims.split(',').filter_map(Claim::parse_name).collect();
        let given = Given { claims, ..Given::default() };
        let purpose = Some(purpose);
        let ask =
            Ask { dialed: &number, purpose, ruleset: None, number_ref: Some(key(1)), given };
        assert_eq!(say(&book.decide(&list, &ask, wall(at))), expected, "{cells:?}");
    }
}

/// Rules without a source that was seen sleep; nothing else in the files is odd.
#[test]
fn the_linter_finds_only_what_sleeps() {
    let found = Book::shipped().unwrap().lint();
    let mut told: Vec<String> = found
        .iter()
        .map(|one| format!("{} {} {}", one.kind.name(), one.ruleset, one.rule))
        .collect();
    told.sort_unstable();
    let sleep = [
        "disabled au cooldown do-not-call",
        "disabled ca ban province",
        "disabled cn-insurance-sales requires consent",
        "disabled de hard_ban night",
        "disabled fr hard_ban night",
        "disabled in ban before-ten",
        "disabled in ban preferred-days",
        "disabled jp hard_ban night",
        "disabled uk cap abandoned",
        "disabled uk hard_ban night",
    ];
    assert_eq!(told, sleep);
}

/// Easter by the method of Gauss, in days after 21 March.
fn easter(year: i32) -> jiff::civil::Date {
    let (a, b, c) = (year % 19, year % 4, year % 7);
    let k = year / 100;
    let m = (15 - (13 + 8 * k) / 25 + k - k / 4).rem_euclid(30);
    let n = (4 + k - k / 4) % 7;
    let d = (19 * a + m) % 30;
    let e = (2 * b + 4 * c + 6 * d + n) % 7;
    let late = d == 29 && e == 6 || d == 28 && e == 6 && (11 * m + 11) % 30 < 19;
    let days = 22 + d + e - if late { 7 } else { 0 };
    let march = jiff::civil::date(i16::try_from(year).unwrap(), 3, 1);
    march.checked_add(jiff::Span::new().days(i64::from(days) - 1)).unwrap()
}

#[test]
fn holidays_of_france_are_the_eleven() {
    let book = Book::shipped().unwrap();
    let set = book.sets.iter().find(|set| set.name == "fr").unwrap();
    for year in 2023..=2032_i16 {
        let sunday = easter(year.into());
        let moved = [1, 39, 50].map(|n| sunday.checked_add(jiff::Span::new().days(n)).unwrap());
        let fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
        let fixed = fixed.map(|(month, day)| jiff::civil::date(year, month, day));
        let first = jiff::civil::date(year, 1, 1);
        for day in first.series(jiff::Span::new().days(1)).take_while(|day| day.year() == year) {
            let plan = set.day(day, Claims::default());
            let holiday = plan.class == Some(crate::model::DayClass::Holiday);
            assert_eq!(holiday, moved.contains(&day) || fixed.contains(&day), "{day}");
        }
    }
}

/// A mobile of Australia may be anywhere from the Cocos Islands (+06:30) to Lord Howe and Sydney: it is
/// open where all are, 09:00 in the one to 20:00 in the others. A line is in the area of its code.
#[test]
fn australia() {
    check(
        &["au", "au-research"],
        "
        # 2026-06-10 is a Wednesday; in winter Lord Howe (+10:30) ends first
        +61412345678 sales - - 2026-06-10T12:29:59+10:00 | deny window
        +61412345678 sales - - 2026-06-10T12:30:00+10:00 | allow
        +61412345678 sales - - 2026-06-10T19:28:59+10:00 | allow
        +61412345678 sales - - 2026-06-10T19:29:00+10:00 | deny guard
        +61412345678 sales - - 2026-06-10T19:30:00+10:00 | deny window
        +61412345678 survey - - 2026-06-10T19:58:59+10:00 | allow
        +61412345678 survey - - 2026-06-10T19:59:00+10:00 | deny guard
        # Saturday to 17:00; Sunday for research only
        +61412345678 sales - - 2026-06-13T12:30:00+10:00 | allow
        +61412345678 sales - - 2026-06-13T16:28:59+10:00 | allow
        +61412345678 sales - - 2026-06-13T16:29:00+10:00 | deny guard
        +61412345678 sales - - 2026-06-14T13:00:00+10:00 | deny window
        +61412345678 survey - - 2026-06-14T12:29:59+10:00 | deny window
        +61412345678 survey - - 2026-06-14T12:30:00+10:00 | allow
        +61412345678 survey - - 2026-06-14T16:29:00+10:00 | deny guard
        # the clock goes back on Easter Sunday, 2026-04-05, and on again on 2026-10-04
        +61412345678 sales - - 2026-04-02T13:29:59+11:00 | deny window
        +61412345678 sales - - 2026-04-02T13:30:00+11:00 | allow
        +61412345678 sales - - 2026-04-07T12:30:00+10:00 | allow
        +61412345678 sales - - 2026-10-05T13:29:59+11:00 | deny window
        +61412345678 sales - - 2026-10-05T13:30:00+11:00 | allow
        +61412345678 sales - - 2026-10-05T19:58:59+11:00 | allow
        +61412345678 sales - - 2026-10-05T19:59:00+11:00 | deny guard
        # Good Friday, Easter Monday, Australia Day, Anzac Day on a Saturday, a day in lieu
        +61412345678 sales - - 2026-04-03T14:00:00+11:00 | deny public-holiday window
        +61412345678 sales - - 2026-04-06T13:00:00+10:00 | deny public-holiday window
        +61412345678 survey - - 2026-01-26T14:00:00+11:00 | deny public-holiday window
        +61412345678 sales - - 2026-04-25T13:00:00+10:00 | deny public-holiday window
        +61412345678 sales - - 2026-12-28T14:00:00+11:00 | deny public-holiday window
        # consent to another time
        +61412345678 sales consent - 2026-06-14T03:00:00+10:00 | allow
        +61412345678 sales consent - 2026-04-03T14:00:00+11:00 | allow
        +61412345678 sales consent - 2037-06-10T13:00:00+10:00 | deny calendar-gap
        +61412345678 service - - 2026-06-10T13:00:00+10:00 | deny no_ruleset
        # 02 with Lord Howe, 03, 07 with the north of New South Wales, 08 from Cocos to Broken Hill
        +61291234567 sales - - 2026-06-10T08:59:59+10:00 | deny window
        +61291234567 sales - - 2026-06-10T09:00:00+10:00 | allow
        +61291234567 sales - - 2026-06-10T19:29:00+10:00 | deny guard
        +61391234567 sales - - 2026-06-10T19:58:59+10:00 | allow
        +61391234567 sales - - 2026-06-10T20:00:00+10:00 | deny window
        +61731234567 sales - - 2026-12-09T08:59:59+10:00 | deny window
        +61731234567 sales - - 2026-12-09T09:00:00+10:00 | allow
        +61731234567 sales - - 2026-12-09T19:00:00+10:00 | deny window
        +61891234567 sales - - 2026-06-10T09:00:00+08:00 | deny window
        +61891234567 sales - - 2026-06-10T10:30:00+08:00 | allow
        +61891234567 sales - - 2026-06-10T18:00:00+08:00 | deny window
    ",
    );
}

#[test]
fn canada() {
    check(
        &["ca"],
        "
        +14165550123 sales - - 2026-06-10T08:59:59-04:00 | deny window
        +14165550123 sales - - 2026-06-10T09:00:00-04:00 | allow
        +14165550123 sales - - 2026-06-10T21:28:59-04:00 | allow
        +14165550123 sales - - 2026-06-10T21:29:00-04:00 | deny guard
        +14165550123 sales - - 2026-06-10T21:30:00-04:00 | deny window
        +14165550123 sales - - 2026-06-13T09:59:59-04:00 | deny window
        +14165550123 sales - - 2026-06-13T10:00:00-04:00 | allow
        +14165550123 sales - - 2026-06-13T17:58:59-04:00 | allow
        +14165550123 sales - - 2026-06-13T17:59:00-04:00 | deny guard
        +14165550123 sales - - 2026-06-13T18:00:00-04:00 | deny window
        # the hour that 2026-03-08 lacks, and the one that 2026-11-01 has twice: both Sundays
        +14165550123 sales - - 2026-03-07T10:00:00-05:00 | allow
        +14165550123 sales - - 2026-03-08T09:59:59-04:00 | deny window
        +14165550123 sales - - 2026-03-08T10:00:00-04:00 | allow
        +14165550123 sales - - 2026-03-08T17:59:00-04:00 | deny guard
        +14165550123 sales - - 2026-10-31T10:00:00-04:00 | allow
        +14165550123 sales - - 2026-11-01T10:00:00-04:00 | deny window
        +14165550123 sales - - 2026-11-01T09:59:59-05:00 | deny window
        +14165550123 sales - - 2026-11-01T10:00:00-05:00 | allow
        +14165550123 sales - - 2026-11-01T17:58:59-05:00 | allow
        # 418 has exchanges on Atlantic time, 250 on Mountain time: both must be open
        +14185550123 sales - - 2026-06-10T20:28:59-04:00 | allow
        +14185550123 sales - - 2026-06-10T20:30:00-04:00 | deny window
        +12505550123 sales - - 2026-06-10T09:00:00-06:00 | deny window
        +12505550123 sales - - 2026-06-10T09:00:00-07:00 | allow
        # three years and fourteen days
        +14165550123 sales - action:do_not_disturb@2023-06-10T10:00:00 2026-06-24T12:00:00-04:00 | deny do-not-call
        +14165550123 sales - action:do_not_disturb@2023-06-10T10:00:00 2026-06-25T12:00:00-04:00 | allow
        # a survey is no telemarketing
        +14165550123 survey - - 2026-06-10T12:00:00-04:00 | deny no_ruleset
    ",
    );
}

#[test]
fn india_and_japan() {
    check(
        &["in", "jp", "jp-collection"],
        "
        +919812345678 sales - - 2026-06-10T08:59:59+05:30 | deny window
        # 10 o'clock is only said: that rule sleeps
        +919812345678 sales - - 2026-06-10T09:00:00+05:30 | allow
        +919812345678 sales - - 2026-06-10T20:58:59+05:30 | allow
        +919812345678 sales - - 2026-06-10T20:59:00+05:30 | deny guard
        +919812345678 sales - - 2026-06-10T21:00:00+05:30 | deny window
        +919812345678 service - - 2026-06-10T12:00:00+05:30 | deny no_ruleset
        # the law names no hours for sales: that rule sleeps
        +81312345678 sales - - 2026-06-10T03:00:00+09:00 | allow
        +81312345678 sales - label:refused@2016-06-10T03:00:00 2026-06-10T12:00:00+09:00 | deny refused
        +81312345678 sales consent label:refused@2016-06-10T03:00:00 2026-06-10T12:00:00+09:00 | deny refused
        +81312345678 sales - action:do_not_disturb@2016-06-10T03:00:00 2026-06-10T12:00:00+09:00 | deny do-not-call
        +81312345678 collection - - 2026-06-10T07:59:59+09:00 | deny window
        +81312345678 collection - - 2026-06-10T08:00:00+09:00 | allow
        +81312345678 collection.second - - 2026-06-10T20:59:59+09:00 | allow
        +81312345678 collection - - 2026-06-10T21:00:00+09:00 | deny window
        +81312345678 collection consent - 2026-06-10T22:00:00+09:00 | allow
        +81312345678 collection - label:refused@2016-06-10T03:00:00 2026-06-10T12:00:00+09:00 | allow
    ",
    );
}
