//! The do-not-call list by itself.

use super::*;
use crate::model::{DncEntry, DncRemoval, DncScope, Party, Pii};
use proptest::prelude::*;

#[test]
fn an_insertion_never_shortens() {
    let mut list = DncList::default();
    assert_eq!(list.insert(key(1), Some("2026-05-30")), Ok(Inserted::New));
    assert_eq!(list.insert(key(1), Some("2026-05-29")), Ok(Inserted::Kept));
    assert_eq!(list.insert(key(1), Some("2026-05-30")), Ok(Inserted::Kept));
    assert_eq!(list.insert(key(1), Some("2026-06-01")), Ok(Inserted::Extended));
    assert_eq!(list.insert(key(1), None), Ok(Inserted::Extended));
    assert_eq!(list.insert(key(1), Some("9999-12-31")), Ok(Inserted::Kept));
    assert_eq!(list.len(), 1);
}

#[test]
fn a_bad_day_changes_nothing() {
    let mut list = DncList::default();
    for bad in ["", "2026-5-30", "20260530", "2026-02-29", "2026-05-30T00:00:00", "never"] {
        assert_eq!(list.insert(key(1), Some(bad)), Err(BadDay(bad.to_owned())));
    }
    assert!(list.is_empty());
}

/// A list rebuilt in another order is the same list.
#[test]
fn the_version_names_the_content() {
    let entries = [(1, Some("2026-05-30")), (2, None), (3, Some("2026-01-01"))];
    let (mut forth, mut back) = (DncList::default(), DncList::default());
    for (byte, until) in entries {
        forth.insert(key(byte), until).unwrap();
    }
    for (byte, until) in entries.iter().rev() {
        back.insert(key(*byte), Some("2025-01-01")).unwrap();
        back.insert(key(*byte), *until).unwrap();
    }
    assert_eq!(forth.version(), back.version());
    let before = forth.version();
    forth.insert(key(1), Some("2026-05-31")).unwrap();
    assert_ne!(forth.version(), before);
    assert_ne!(DncList::default().version(), before);
}

fn entry(scope: DncScope, byte: u8, purpose: Option<&str>, until: Option<&str>) -> DncEntry {
    DncEntry {
        scope,
        number: Party {
            e164: None,
            raw: Pii::new(byte.to_string()),
            display: None,
            masked: String::new(),
            number_ref: key(byte),
        },
        purpose: purpose.map(str::to_owned),
        until: until.map(str::to_owned),
        reason: "complaint".to_owned(),
        source: "test".to_owned(),
        asked_at: Wall(0),
        added_by: "test".to_owned(),
        removed: None,
    }
}

/// Rows: purpose, customer's key (`-`: no customer, `?`: one without a key) | verdict. Listed are
/// number 1 for sales, customer 2 for all, and number 3 for all through a day that is over.
#[test]
fn an_entry_holds_for_its_purpose_and_its_customer() {
    let book = book_of(OPEN_ALL_HOURS);
    let mut list = DncList::default();
    for entry in [
        entry(DncScope::Number, 1, Some("sales"), Some("2026-12-31")),
        entry(DncScope::Customer, 2, None, None),
        entry(DncScope::Number, 3, None, Some("2026-01-04")),
    ] {
        assert_eq!(list.insert_entry(&entry), Ok(Inserted::New));
    }
    let number = dialed("13800138000");
    let at = wall("2026-01-05T02:00:00Z");
    for (cells, expected) in rows(
        "
        1 sales      - | deny dnc
        1 sales.life - | deny dnc
        1 salesman   - | allow
        1 service    - | allow
        1 -          - | deny purpose dnc
        1 service    9 | allow
        1 service    2 | deny dnc
        4 service    2 | deny dnc
        4 sales      2 | deny dnc
        4 service    - | allow
        4 service    ? | deny dnc
        3 sales      - | allow
        2 service    - | deny dnc
    ",
    ) {
        let [asked, purpose, customer] = cells[..] else { panic!("{cells:?}") };
        let given = Given {
            customer: (customer != "-").then_some("C-1"),
            customer_ref: customer.parse().ok().map(key),
            ..Given::default()
        };
        let ask = Ask {
            dialed: &number,
            purpose: Some(purpose).filter(|purpose| *purpose != "-"),
            ruleset: None,
            number_ref: asked.parse().ok().map(key),
            given,
        };
        assert_eq!(say(&book.decide(&list, &ask, at)), expected, "{cells:?}");
        let alone = list.only([ask.number_ref, given.customer_ref]);
        assert_eq!(say(&book.decide(&alone, &ask, at)), expected, "{cells:?}");
    }
}

#[test]
fn a_removal_takes_every_block_of_the_key() {
    let mut list = DncList::default();
    let empty = list.version();
    list.insert_entry(&entry(DncScope::Number, 1, None, None)).unwrap();
    list.insert_entry(&entry(DncScope::Number, 1, Some("sales"), None)).unwrap();
    list.insert_entry(&entry(DncScope::Number, 2, None, Some("2026-01-01"))).unwrap();
    let removal =
        DncRemoval { at: Wall(0), reason: "r".into(), by: "a".into(), approved_by: "b".into() };
    let gone = DncEntry { removed: Some(removal), ..entry(DncScope::Number, 1, None, None) };
    list.insert_entry(&gone).unwrap();
    assert!(list.entries_of(key(1)).is_empty());
    assert_eq!(list.len(), 1);
    assert!(list.remove(key(2)) && !list.remove(key(2)));
    assert_eq!(list.version(), empty);
}

/// What the action writes: 90 days for all calls, six months for sales.
#[test]
fn do_not_disturb_lasts_longer_for_sales() {
    let number = dialed("13800138000");
    let ask = Ask {
        dialed: &number,
        purpose: None,
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    let blocks = |book: &Book| -> Vec<String> {
        let blocks = book.blocks(&ask, "action:do_not_disturb", wall("2026-03-01T15:00:00+08:00"));
        let text = |block: &Block| {
            let purpose = block.purpose.as_deref().unwrap_or("all");
            format!("{purpose} {}", block.until.as_deref().unwrap_or("forever"))
        };
        blocks.iter().map(text).collect()
    };
    assert_eq!(blocks(&seed_book()), ["all 2026-05-30", "sales 2026-09-01"]);
    let both = ["cn-seed-service".to_owned(), "cn-insurance-sales".to_owned()];
    let both = Book::shipped().unwrap().keep(&both).unwrap();
    assert_eq!(blocks(&both), ["all 2026-09-01"], "what is asked of one is asked of all");
    assert_eq!(blocks(&book_of(OPEN_ALL_HOURS)), ["all forever"], "no rule knows an end");
}

/// Rows: purpose | verdict, while the list cannot be read.
#[test]
fn without_the_list_only_what_the_operator_lets_through_goes() {
    let book = book_of(OPEN_ALL_HOURS);
    let open = OpenFor::parse(&["service".to_owned(), "callback.*".to_owned()]).unwrap();
    let mut list = DncList::default();
    list.insert(key(7), None).unwrap();
    let before = list.version();
    list.set_unavailable(Some(Unavailable { why: "a damaged row".to_owned(), open_for: open }));
    assert_ne!(list.version(), before);
    let (number, emergency) = (dialed("13800138000"), dialed("120"));
    let at = wall("2026-01-05T02:00:00Z");
    for (cells, expected) in rows(
        "
        1 service          | allow
        1 callback.routine | allow
        1 service.renewal  | deny dnc
        1 sales            | deny dnc
        1 survey           | deny dnc
        7 service          | deny dnc
    ",
    ) {
        let number_ref = cells[0].parse().ok().map(key);
        let ask = Ask {
            dialed: &number,
            purpose: Some(cells[1]),
            ruleset: None,
            number_ref,
            given: Given::default(),
        };
        assert_eq!(say(&book.decide(&list, &ask, at)), expected, "{cells:?}");
        let next = book.next_allowed(&list, &ask, at);
        assert_eq!(next, (expected == "allow").then_some(at), "{cells:?}");
        let ask = Ask { dialed: &emergency, ..ask };
        assert_eq!(say(&book.decide(&list, &ask, at)), "exempt");
    }
    for bad in ["*", "sales", "sales.*", "survey", "survey.*", "Service", ""] {
        assert!(OpenFor::parse(&[bad.to_owned()]).is_err(), "{bad}");
    }
}

proptest! {
    /// Entries in any order make the same list, and one more never allows a call.
    #[test]
    fn order_does_not_matter_and_more_never_allows(
        entries in prop::collection::vec((0_u8..3, 0_u8..3, 0_u8..4), 0..12),
        more in (0_u8..3, 0_u8..3, 0_u8..4),
        turn in 0_usize..12,
        asked in 0_u8..3,
        purpose in 0_usize..3,
    ) {
        let made = |(byte, purpose, until): (u8, u8, u8)| {
            let purpose = [None, Some("sales"), Some("survey")][usize::from(purpose)];
            let days = [None, Some("2026-01-01"), Some("2026-01-05"), Some("2026-02-01")];
            entry(DncScope::Number, byte, purpose, days[usize::from(until)])
        };
        let list_of = |entries: &[(u8, u8, u8)]| {
            let mut list = DncList::default();
            for one in entries {
                list.insert_entry(&made(*one)).unwrap();
            }
            list
        };
        let list = list_of(&entries);
        let mut turned = entries.clone();
        turned.rotate_left(turn.min(entries.len()));
        prop_assert_eq!(list.version(), list_of(&turned).version());
        turned.reverse();
        turned.extend_from_slice(&entries);
        prop_assert_eq!(list.version(), list_of(&turned).version(), "twice is once");
        let number = dialed("13800138000");
        let purpose = ["sales.life", "survey", "service"][purpose];
        let ask = Ask {
            dialed: &number,
            purpose: Some(purpose),
            ruleset: None,
            number_ref: Some(key(asked)),
            given: Given::default(),
        };
        let book = book_of(OPEN_ALL_HOURS);
        let at = wall("2026-01-05T02:00:00Z");
        let allows = |list: &DncList| verdict(book.decide(list, &ask, at)) == Verdict::Allow;
        turned.push(more);
        prop_assert!(allows(&list) || !allows(&list_of(&turned)));
    }
}
