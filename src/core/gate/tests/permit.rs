//! What a permit needs before it is a right.

use super::*;
use crate::model::{CallId, DecisionId, Pos};
use uuid::Uuid;

const IDS: (DecisionId, CallId) = (DecisionId(Uuid::from_u128(1)), CallId(Uuid::from_u128(2)));

fn decided(at: Wall) -> Decided {
    let book = seed_book();
    let number = dialed("13800138000");
    let ask = Ask {
        dialed: &number,
        purpose: Some("service"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    match book.decide(&DncList::default(), &ask, at) {
        Ruling::Decided(decided) => decided,
        Ruling::Exempt(_) => panic!("exempt"),
    }
}

fn open() -> Wall {
    wall("2026-01-05T10:00:00+08:00")
}

fn seconds(at: Wall, seconds: i64) -> Wall {
    Wall(at.0 + seconds * 1_000_000)
}

#[test]
fn an_allow_gives_one_permit_and_a_deny_none() {
    let mut allowed = decided(open());
    assert!(allowed.permit(IDS.0, IDS.1, open()).is_some());
    assert!(allowed.permit(IDS.0, IDS.1, open()).is_none());
    let mut denied = decided(wall("2026-01-05T21:00:00+08:00"));
    assert!(denied.permit(IDS.0, IDS.1, open()).is_none());
    let mut late = decided(open());
    assert!(late.permit(IDS.0, IDS.1, seconds(open(), 5)).is_none());
}

#[test]
fn a_permit_is_released_when_its_position_is_durable() {
    let permit = decided(open()).permit(IDS.0, IDS.1, open()).unwrap();
    let waiting = permit.wait(Pos(9));
    let waiting = match waiting.release(Pos(8), open()) {
        Err(NotReleased::NotYet(waiting)) => waiting,
        other => panic!("{other:?}"),
    };
    assert_eq!(waiting.pos(), Pos(9));
    let right = waiting.release(Pos(9), seconds(open(), 4)).unwrap();
    assert_eq!((right.decision(), right.call()), IDS);
    assert_eq!(right.expires_at(), seconds(open(), 5));
    assert!(matches!(DialRight::Committed(right), DialRight::Committed(_)));
}

/// Rows: seconds after the decision, durable through | outcome.
#[test]
fn a_permit_runs_out() {
    for (cells, expected) in rows(
        "
        0   9  | released
        4   9  | released
        4   8  | waits
        5   9  | expired
        5   8  | expired
        -5  9  | released
        -6  9  | expired
    ",
    ) {
        let waiting = decided(open()).permit(IDS.0, IDS.1, open()).unwrap().wait(Pos(9));
        let now = seconds(open(), cells[0].parse().unwrap());
        let outcome = match waiting.release(Pos(cells[1].parse().unwrap()), now) {
            Ok(_) => "released",
            Err(NotReleased::NotYet(_)) => "waits",
            Err(NotReleased::Expired { decision, call }) => {
                assert_eq!((decision, call), IDS);
                "expired"
            }
        };
        assert_eq!(outcome, expected, "{cells:?}");
    }
}

#[test]
fn the_model_keeps_the_decision() {
    let decided = decided(open());
    let (rules, local) = (decided.rules.clone(), decided.local_time.clone());
    let to = crate::model::Party {
        e164: None,
        raw: crate::model::Pii::new("x".to_owned()),
        display: None,
        masked: "138****8000".to_owned(),
        number_ref: key(1),
    };
    let decision = decided.into_decision(DecisionParts {
        id: IDS.0,
        call_id: Some(IDS.1),
        purpose: Some("service".to_owned()),
        to,
        device: "PJSIP/8001".to_owned(),
        next_allowed_at: None,
        facts: Default::default(),
    });
    assert_eq!(
        (decision.verdict, decision.rules, decision.local_time),
        (Verdict::Allow, rules, local)
    );
    assert_eq!(decision.expires_at, seconds(open(), 5));
    assert_eq!(decision.zone, "Asia/Shanghai");
}
