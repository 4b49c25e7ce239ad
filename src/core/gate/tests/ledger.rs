//! What a running server remembers for caps and cool-downs.

use super::*;
use crate::model::{Attempt, AttemptNote, CallTopic, DecisionId, Place};

const CAPPED: &str = "[[ruleset.open-all-hours.cap]]\nid = \"two\"\nmax = 2\n\
                      per = \"rolling:PT24H\"\nkey = [\"callee\"]\ncite = \"c\"\n";
/// A refusal stops calls with the same purpose about the same thing.
const REFUSED: &str = "[[ruleset.open-all-hours.cooldown]]\nid = \"refused\"\n\
                       trigger = \"label:refused\"\nscope = [\"number\", \"customer\"]\n\
                       key = [\"purpose\", \"subject\"]\nperiod = \"P90D\"\ncite = \"c\"\n";
const HOUR: i64 = 3_600_000_000;

fn id(n: u128) -> DecisionId {
    DecisionId(uuid::Uuid::from_u128(n))
}

fn at(number: u8) -> Place {
    Place { number: key(number), customer: None }
}

fn facts(purpose: &str, subject: &str) -> (String, CallFacts) {
    let subject = Some(subject.to_owned());
    (purpose.to_owned(), CallFacts { subject, ..CallFacts::default() })
}

/// Rules that refuse a call to that number or customer.
fn refused_by(
    book: &Book,
    ledger: &Ledger,
    place: Place,
    (purpose, facts): &(String, CallFacts),
    at: Wall,
) -> Vec<String> {
    let number = dialed("+12125550123");
    let past = ledger.past(Some(place.number), place.customer);
    let given = Given { past: &past, known_since: ledger.known_since(), ..facts.given(&past) };
    let ask = Ask {
        dialed: &number,
        purpose: Some(purpose),
        ruleset: None,
        number_ref: Some(place.number),
        given,
    };
    let list = DncList::default();
    let Ruling::Decided(decided) = book.decide(&list, &ask, at) else { panic!() };
    let refused = decided.rules.iter().filter(|r| r.outcome == RuleOutcome::Deny);
    let refused: Vec<String> = refused.map(|r| r.id.to_string()).collect();
    // What refuses is what the next allowed instant waits for.
    let next = book.next_allowed(&list, &ask, at);
    assert_eq!(refused.is_empty(), next == Some(at), "{refused:?} {next:?}");
    refused
}

fn allows(book: &Book, ledger: &Ledger, place: Place, at: Wall) -> bool {
    refused_by(book, ledger, place, &facts("x", "y"), at).is_empty()
}

fn later(hours: i64) -> Wall {
    Wall(wall("2026-06-10T12:00:00Z").0 + hours * HOUR)
}

fn past(hours: i64, (purpose, facts): &(String, CallFacts)) -> Past {
    Past {
        purpose: Some(purpose.clone()),
        subject: facts.subject.clone(),
        ..Past::attempt(later(hours))
    }
}

#[test]
fn a_place_is_taken_given_back_and_forgotten() {
    let book = book_of(&format!("{OPEN_ALL_HOURS}{CAPPED}"));
    let mut ledger = Ledger::default();
    for n in 0..2 {
        assert!(allows(&book, &ledger, at(1), later(n)));
        let past = Past::attempt(later(n));
        ledger.reserve(&book, id(u128::try_from(n).unwrap()), at(1), past);
    }
    assert!(!allows(&book, &ledger, at(1), later(2)));
    assert!(allows(&book, &ledger, at(2), later(2)), "another callee");
    ledger.note(&book, id(1), &AttemptNote::GivenBack);
    ledger.release(id(1));
    assert_eq!(ledger.len(), 1);
    assert!(allows(&book, &ledger, at(1), later(2)));
    ledger.reserve(&book, id(3), at(1), Past::attempt(later(2)));
    assert!(!allows(&book, &ledger, at(1), later(23)));
    assert!(allows(&book, &ledger, at(1), later(24)));
    // Beyond the time that some cap looks back nothing is kept.
    ledger.reserve(&book, id(4), at(3), Past::attempt(later(60)));
    assert_eq!((ledger.len(), ledger.past(Some(key(1)), None).len()), (1, 0));
    let uncapped = book_of(OPEN_ALL_HOURS);
    ledger.reserve(&uncapped, id(5), at(3), Past::attempt(later(61)));
    assert!(ledger.is_empty(), "no cap, no memory");
}

/// What had to be forgotten for want of room is not taken for nothing: rules that look back to it
/// refuse, until they no longer do.
#[test]
fn a_full_ledger_refuses_what_it_cannot_count() {
    let book = book_of(&format!("{OPEN_ALL_HOURS}{CAPPED}"));
    let mut ledger = Ledger::of_size(3);
    for n in 0..3 {
        ledger.reserve(&book, id(n), at(u8::try_from(n).unwrap()), Past::attempt(later(0)));
    }
    assert!(allows(&book, &ledger, at(9), later(1)), "all is known");
    ledger.reserve(&book, id(9), at(9), Past::attempt(later(1)));
    assert_eq!(ledger.len(), 3);
    assert_eq!(ledger.known_since(), Some(Wall(later(0).0 + 1)));
    for number in [0, 1, 9, 77] {
        assert!(!allows(&book, &ledger, at(number), later(2)), "{number}");
        assert!(!allows(&book, &ledger, at(number), later(24)), "{number}");
    }
    assert!(allows(&book, &ledger, at(0), Wall(later(24).0 + 1)), "no cap looks back to it");
    let uncapped = book_of(OPEN_ALL_HOURS);
    assert!(allows(&uncapped, &ledger, at(0), later(2)), "nothing is counted here");
}

/// Requirement: no repeated pitch after a refusal; a call for something else is another matter.
#[test]
fn a_refusal_stops_the_same_pitch_and_nothing_else() {
    let book = book_of(&format!("{OPEN_ALL_HOURS}{REFUSED}"));
    let mut ledger = Ledger::default();
    let (motor, home) = (facts("sales", "motor"), facts("sales", "home"));
    let service = facts("service", "motor");
    ledger.reserve(&book, id(1), at(1), past(0, &motor));
    let asked = |ledger: &Ledger, what| refused_by(&book, ledger, at(1), what, later(1));
    assert!(asked(&ledger, &motor).is_empty(), "an attempt is no refusal");
    ledger.note(&book, id(1), &AttemptNote::Answered);
    ledger.note(&book, id(1), &AttemptNote::Label("拒绝".into()));
    assert_eq!(asked(&ledger, &motor), ["refused"]);
    assert!(asked(&ledger, &home).is_empty() && asked(&ledger, &service).is_empty());
    let unknown = ("sales".to_owned(), CallFacts::default());
    assert_eq!(asked(&ledger, &unknown), ["refused"], "what it is about is not known");
    // The newest word counts.
    ledger.note(&book, id(1), &AttemptNote::Label("有效".into()));
    assert!(asked(&ledger, &motor).is_empty());
    ledger.note(&book, id(1), &AttemptNote::Label("拒绝".into()));
    // 2026-06-10 is day 0; day 90 is 2026-09-08.
    let end = wall("2026-09-09T00:00:00Z");
    assert_eq!(refused_by(&book, &ledger, at(1), &motor, Wall(end.0 - 1)), ["refused"]);
    assert!(refused_by(&book, &ledger, at(1), &motor, end).is_empty());
    // It outlives the calls around it.
    ledger.reserve(&book, id(2), at(2), past(24 * 80, &motor));
    assert_eq!(refused_by(&book, &ledger, at(1), &motor, later(24 * 81)), ["refused"]);
}

#[test]
fn a_customer_is_known_at_another_number() {
    let book = book_of(&format!("{OPEN_ALL_HOURS}{REFUSED}"));
    let mut ledger = Ledger::default();
    let motor = facts("sales", "motor");
    let of = |number, customer: u8| Place { number: key(number), customer: Some(key(customer)) };
    ledger.reserve(&book, id(1), of(1, 70), past(0, &motor));
    ledger.note(&book, id(1), &AttemptNote::Label("拒绝".into()));
    assert_eq!(refused_by(&book, &ledger, of(2, 70), &motor, later(1)), ["refused"]);
    assert!(refused_by(&book, &ledger, of(2, 71), &motor, later(1)).is_empty());
    assert!(refused_by(&book, &ledger, at(2), &motor, later(1)).is_empty(), "nobody says who");
    // Given back, the label of the call stays: somebody has said it.
    ledger.note(&book, id(1), &AttemptNote::GivenBack);
    assert_eq!(refused_by(&book, &ledger, of(2, 70), &motor, later(1)), ["refused"]);
}

#[test]
fn answered_calls_count_where_only_they_do() {
    let answered = CAPPED.replace("max = 2", "max = 1\ncount = \"answered\"");
    let book = book_of(&format!("{OPEN_ALL_HOURS}{answered}"));
    let mut ledger = Ledger::default();
    ledger.reserve(&book, id(1), at(1), Past::attempt(later(0)));
    assert!(allows(&book, &ledger, at(1), later(1)));
    ledger.note(&book, id(1), &AttemptNote::Answered);
    ledger.note(&book, id(7), &AttemptNote::Answered); // of a call that nobody knows
    assert!(!allows(&book, &ledger, at(1), later(1)));
    assert!(allows(&book, &ledger, at(1), later(24)));
}

#[test]
fn what_an_earlier_run_left_counts_as_its_own() {
    let book = book_of(&format!("{OPEN_ALL_HOURS}{CAPPED}{REFUSED}"));
    let motor = facts("sales", "motor");
    let attempt = |n: u128, hours, label: Option<&str>| Attempt {
        decision: id(n),
        call: None,
        at: later(hours),
        place: at(1),
        purpose: Some(motor.0.clone()),
        topic: CallTopic { subject: motor.1.subject.clone(), ..CallTopic::default() },
        answered: true,
        label: label.map(Into::into),
    };
    let attempts = vec![attempt(1, -800, Some("拒绝")), attempt(2, 0, None), attempt(3, 1, None)];
    let ledger = Ledger::restore(&book, LooksBack::default(), attempts.clone(), None);
    assert_eq!(refused_by(&book, &ledger, at(1), &motor, later(2)), ["refused", "two"]);
    let mut live = Ledger::default();
    for (n, hours) in [(1, -800), (2, 0), (3, 1)] {
        live.reserve(&book, id(n), at(1), past(hours, &motor));
        live.note(&book, id(n), &AttemptNote::Answered);
        if n == 1 {
            live.note(&book, id(n), &AttemptNote::Label("拒绝".into()));
        }
    }
    assert_eq!(ledger.past(Some(key(1)), None), live.past(Some(key(1)), None));
    let cut = Ledger::restore(&book, LooksBack::default(), attempts, Some(later(0)));
    assert_eq!(refused_by(&book, &cut, at(8), &motor, later(2)), ["refused", "two"]);
}
