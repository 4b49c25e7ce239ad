//! The do-not-call list by itself.

use super::*;

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
