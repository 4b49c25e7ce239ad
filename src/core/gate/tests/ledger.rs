//! What a running server remembers for caps.

use super::*;
use crate::model::CallId;

const CAPPED: &str = "[[ruleset.open-all-hours.cap]]\nid = \"two\"\nmax = 2\n\
                      per = \"rolling:PT24H\"\nkey = [\"callee\"]\ncite = \"c\"\n";
const HOUR: i64 = 3_600_000_000;

fn call(n: u128) -> CallId {
    CallId(uuid::Uuid::from_u128(n))
}

fn allows(book: &Book, ledger: &Ledger, ref_: NumberRef, at: Wall) -> bool {
    let number = dialed("+12125550123");
    let given = Given { past: ledger.past(Some(ref_)), ..Given::default() };
    let ask =
        Ask { dialed: &number, purpose: Some("x"), ruleset: None, number_ref: Some(ref_), given };
    verdict(book.decide(&DncList::default(), &ask, at)) == Verdict::Allow
}

#[test]
fn a_place_is_taken_given_back_and_forgotten() {
    let book = book_of(&format!("{OPEN_ALL_HOURS}{CAPPED}"));
    let mut ledger = Ledger::default();
    let start = wall("2026-06-10T12:00:00Z");
    let later = |hours: i64| Wall(start.0 + hours * HOUR);
    for n in 0..2 {
        assert!(allows(&book, &ledger, key(1), later(n)));
        let past = Past::attempt(later(n));
        ledger.reserve(&book, key(1), call(u128::try_from(n).unwrap()), past);
    }
    assert!(!allows(&book, &ledger, key(1), later(2)));
    assert!(allows(&book, &ledger, key(2), later(2)), "another callee");
    ledger.release(call(1));
    ledger.release(call(1));
    assert_eq!(ledger.len(), 1);
    assert!(allows(&book, &ledger, key(1), later(2)));
    ledger.reserve(&book, key(1), call(3), Past::attempt(later(2)));
    assert!(!allows(&book, &ledger, key(1), later(23)));
    assert!(allows(&book, &ledger, key(1), later(24)));
    // Beyond the time that some cap looks back nothing is kept.
    ledger.reserve(&book, key(3), call(4), Past::attempt(later(60)));
    assert_eq!((ledger.len(), ledger.past(Some(key(1))).len()), (1, 0));
    let uncapped = book_of(OPEN_ALL_HOURS);
    ledger.reserve(&uncapped, key(3), call(5), Past::attempt(later(61)));
    assert!(ledger.is_empty(), "no cap, no memory");
}
