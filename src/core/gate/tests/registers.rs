//! Registers: who is on one, how old an edition may be, and what a missing one means.

use super::*;
use proptest::prelude::*;

const OWN: &str = r#"
schema = 1
[ruleset.own]
applies = { region = ["GB"], purpose = ["sales"] }
zone = { source = "callee" }
purpose = { cite = "p" }
dnc = { cite = "d" }
[[ruleset.own.window]]
classes = ["any"]
spans = [["00:00", "24:00"]]
cite = "w"
[[ruleset.own.register]]
name = "tps"
stale_after = "P28D"
grace = "P3D"
warn_days = 5
exemptions = ["consent"]
cite = "r"
"#;

fn ask<'a>(number: &'a Dialed, number_ref: Option<NumberRef>, given: Given<'a>) -> Ask<'a> {
    Ask { dialed: number, purpose: Some("sales"), ruleset: None, number_ref, given }
}

/// Rows: issued (`-`: no edition), key asked with (`-`: none), claims, local time | verdict.
#[test]
fn who_is_on_it_and_how_old_it_may_be() {
    let (book, number) = (book_of(OWN), dialed("+442079460123"));
    for (cells, expected) in rows(
        "
        2026-11-01 1 -       2026-11-10T10:00:00 | allow
        2026-11-01 7 -       2026-11-10T10:00:00 | deny tps
        2026-11-01 7 consent 2026-11-10T10:00:00 | allow
        2026-11-01 - -       2026-11-10T10:00:00 | deny tps
        # 28 days after its issue, and three of grace
        2026-11-01 1 -       2026-11-29T23:59:59 | allow
        2026-11-01 1 -       2026-12-02T23:59:59 | allow
        2026-11-01 1 -       2026-12-03T00:00:00 | deny tps
        2026-11-01 1 consent 2026-12-03T00:00:00 | allow
        # issued tomorrow, by a clock that is ahead
        2026-11-11 1 -       2026-11-10T10:00:00 | allow
        -          1 -       2026-11-10T10:00:00 | deny tps
        -          1 consent 2026-11-10T10:00:00 | allow
    ",
    ) {
        let [issued, asked, claims, at] = cells[..] else { panic!("{cells:?}") };
        let mut list = DncList::default();
        if issued != "-" {
            list.set_register(edition("tps", issued, &[7]));
        }
        let number_ref = asked.parse().ok().map(key);
        let claims = claims.split(',').filter_map(Claim::parse_name).collect();
        let ask = ask(&number, number_ref, Given { claims, ..Given::default() });
        let at = wall(&format!("{at}Z"));
        assert_eq!(say(&book.decide(&list, &ask, at)), expected, "{cells:?}");
        let next = book.next_allowed(&list, &ask, at);
        assert_eq!(next, (expected == "allow").then_some(at), "{cells:?}");
    }
}

#[test]
fn a_refusal_says_which_edition_and_why() {
    let (book, number) = (book_of(OWN), dialed("+442079460123"));
    let inputs = |list: &DncList, at: &str| {
        let ask = ask(&number, Some(key(7)), Given::default());
        let Ruling::Decided(decided) = book.decide(list, &ask, wall(at)) else { panic!() };
        assert!(decided.list_version.contains("tps@") || list.registers().count() == 0);
        let rule = decided.rules.iter().find(|rule| rule.id == "tps").unwrap();
        assert_eq!(rule.citation, "r");
        rule.inputs.clone()
    };
    let mut list = DncList::default();
    assert_eq!(inputs(&list, "2026-11-10T10:00:00Z"), "no edition");
    list.set_register(edition("tps", "2026-11-01", &[7]));
    for (at, expected) in [
        ("2026-11-10T10:00:00Z", "issued=2026-11-01 good through 2026-11-29: on it"),
        ("2026-11-25T10:00:00Z", "issued=2026-11-01 good through 2026-11-29 only: on it"),
        ("2026-11-30T10:00:00Z", "issued=2026-11-01 too old, in grace through 2026-12-02: on it"),
        ("2026-12-03T10:00:00Z", "issued=2026-11-01 too old since the end of 2026-12-02"),
    ] {
        assert_eq!(inputs(&list, at), expected);
    }
}

/// The next edition replaces the one before: what it leaves out is free.
#[test]
fn an_edition_replaces_the_one_before() {
    let mut list = DncList::default();
    list.set_register(edition("tps", "2026-10-01", &[7, 7, 8]));
    assert_eq!(list.registers().map(|register| register.len()).collect::<Vec<_>>(), [2]);
    let before = list.version();
    list.set_register(edition("tps", "2026-11-01", &[8]));
    list.set_register(edition("other", "2026-11-01", &[7]));
    assert_ne!(list.version(), before);
    let book = book_of(OWN);
    let number = dialed("+442079460123");
    let at = wall("2026-11-10T10:00:00Z");
    for (byte, expected) in [(7, "allow"), (8, "deny tps")] {
        let ask = ask(&number, Some(key(byte)), Given::default());
        assert_eq!(say(&book.decide(&list, &ask, at)), expected);
        let alone = list.only([Some(key(byte)), None]);
        assert_eq!(say(&book.decide(&alone, &ask, at)), expected);
    }
}

#[test]
fn the_book_says_how_registers_stand() {
    let book = Book::shipped().unwrap().keep(&["uk".to_owned(), "fr".to_owned()]).unwrap();
    let mut list = DncList::default();
    let mut say = |issued: Option<&str>| {
        if let Some(issued) = issued {
            list.set_register(edition("uk-tps", issued, &[]));
        }
        let states = book.registers(&list, wall("2026-11-22T12:00:00Z"));
        let [state] = &states[..] else { panic!("{states:?}") };
        assert_eq!((state.ruleset.as_str(), state.name.as_str()), ("uk", "uk-tps"));
        (state.freshness.to_string(), state.freshness.closes())
    };
    assert_eq!(say(None), ("no edition".to_owned(), true));
    assert_eq!(say(Some("2026-11-20")), ("good through 2026-12-18".to_owned(), false));
    assert_eq!(say(Some("2026-10-29")), ("good through 2026-11-26 only".to_owned(), false));
    let stale = "too old since the end of 2026-11-21".to_owned();
    assert_eq!(say(Some("2026-10-24")), (stale, true));
}

proptest! {
    /// A register, more of its numbers, an older edition or none at all never allow a call.
    #[test]
    fn a_register_never_allows(
        keys in prop::collection::vec(0_u8..6, 0..5),
        more in 0_u8..6,
        asked in 0_u8..6,
        age in 0_i64..40,
        older in 0_i64..40,
    ) {
        let (book, number) = (book_of(OWN), dialed("+442079460123"));
        let plain = OWN.split("[[ruleset.own.register]]").next().unwrap();
        let ask = ask(&number, Some(key(asked)), Given::default());
        let at = wall("2026-11-22T12:00:00Z");
        let verdict_of = |book: &Book, age: Option<i64>, keys: &[u8]| {
            let mut list = DncList::default();
            if let Some(age) = age {
                let issued = jiff::civil::date(2026, 11, 22) - jiff::Span::new().days(age);
                list.set_register(edition("tps", &issued.to_string(), keys));
            }
            verdict(book.decide(&list, &ask, at)) == Verdict::Allow
        };
        let before = verdict_of(&book, Some(age), &keys);
        let with_more = [&keys[..], &[more]].concat();
        prop_assert!(before || !verdict_of(&book, Some(age), &with_more));
        prop_assert!(before || !verdict_of(&book, Some(age + older), &keys));
        prop_assert!(before || !verdict_of(&book, None, &keys));
        prop_assert!(verdict_of(&book_of(plain), Some(age), &keys) || !before);
        prop_assert_eq!(before, age <= 31 && !keys.contains(&asked));
    }
}
