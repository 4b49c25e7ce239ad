//! Rules over calls of the past.

use super::*;
use crate::model::{
    ClaimEnd, ClaimEntry, ClaimId, DecisionId, DncEntry, DncScope, Party, Pii, mask,
};
use uuid::Uuid;

/// At most two calls a day.
const TWO_A_DAY: &str = r#"
schema = 1
[ruleset.tried]
applies = { region = ["CN-mainland"], purpose = ["service"] }
zone = { source = "callee" }
purpose = { cite = "t" }
dnc = { cite = "t" }
window = [{ classes = ["any"], spans = [["09:00", "12:00"]], cite = "t" }]
[[ruleset.tried.cap]]
id = "two-a-day"
count = "attempt"
max = 2
per = "rolling:PT24H"
key = ["callee"]
cite = "t"
"#;

fn key(number: &str) -> NumberRef {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(number.bytes().rev()).for_each(|(to, from)| *to = from);
    NumberRef(bytes)
}

/// Each row: instant, number, who, and what refused it then.
fn replayed(rows: &[(&str, &str, &str, &str)], listed: &[(&str, &str)]) -> Replayed {
    let book = Book::load_rules(&[Source { name: "t.toml", text: TWO_A_DAY }]).unwrap();
    let plan = Normalizer::new(DialPlan::default()).unwrap();
    let entries = listed.iter().map(|(number, asked_at)| DncEntry {
        number: Party {
            e164: None,
            raw: Pii::new((*number).to_owned()),
            display: None,
            masked: mask(number),
            number_ref: key(number),
        },
        scope: DncScope::Number,
        purpose: None,
        until: None,
        removed: None,
        source: "test".to_owned(),
        reason: "test".to_owned(),
        asked_at: parse_instant(asked_at).unwrap(),
        added_by: "test".to_owned(),
    });
    let mut replay = Replay::new(&book, None, entries.collect());
    for (n, (at, number, who, refused)) in (1..).zip(rows) {
        let dialed = plan.read(number);
        let refused_by: Vec<String> = refused.split_whitespace().map(str::to_owned).collect();
        replay.take(PastCall {
            id: DecisionId(Uuid::from_u128(n)),
            customer: None,
            facts: &CallFacts::default(),
            answered: false,
            label: None,
            key: dialed.list_key().map(|_| key(number)),
            dialed: &dialed,
            purpose: Some("service"),
            at: parse_instant(at).unwrap(),
            who,
            refused_by: &refused_by,
        });
    }
    replay.found()
}

const A: &str = "13800138000";
const B: &str = "13900139000";

#[test]
fn what_went_out_is_counted_by_what_would_stop_it() {
    let found = replayed(
        &[
            ("2026-11-23T10:00:00+08:00", A, "anna", ""),
            ("2026-11-23T13:00:00+08:00", A, "anna", ""),
            ("2026-11-23T11:00:00+08:00", B, "ben", "dnc night"),
            ("2026-11-24T08:00:00+08:00", B, "ben", "night"),
            ("2026-11-24T10:00:00+08:00", "120", "ben", ""),
        ],
        &[],
    );
    let counts = &found.counts;
    assert_eq!((counts.calls, counts.allowed, counts.denied), (4, 1, 1));
    assert_eq!((counts.newly_denied, counts.newly_allowed, found.exempt), (1, 1, 1));
    assert_eq!(counts.newly_denied_by, [("window".to_owned(), 1)].into());
    assert_eq!(counts.newly_allowed_by.len(), 2, "both rules that refused it then");
    let day = |name: &str| found.by_day[name];
    assert_eq!(day("2026-11-23"), Row { calls: 3, newly_denied: 1, newly_allowed: 1 });
    assert_eq!(day("2026-11-24"), Row { calls: 1, ..Row::default() });
    assert_eq!(found.by_agent["anna"], Row { calls: 2, newly_denied: 1, newly_allowed: 0 });
}

/// A call that these rules would have stopped takes no place under their caps.
#[test]
fn caps_count_what_would_have_gone_out() {
    let found = replayed(
        &[
            ("2026-11-23T08:00:00+08:00", A, "anna", ""), // outside the hours: not counted
            ("2026-11-23T09:00:00+08:00", A, "anna", ""),
            ("2026-11-23T09:10:00+08:00", A, "anna", "dnc"), // never dialled: not counted
            ("2026-11-23T09:20:00+08:00", A, "anna", ""),
            ("2026-11-23T09:30:00+08:00", A, "anna", ""), // the third
            ("2026-11-23T09:40:00+08:00", B, "anna", ""),
            ("2026-11-24T09:00:00+08:00", A, "anna", ""), // the first is a day old
        ],
        &[],
    );
    let by = &found.counts.newly_denied_by;
    assert_eq!(*by, [("two-a-day".to_owned(), 1), ("window".to_owned(), 1)].into());
    assert_eq!((found.counts.allowed, found.counts.newly_allowed), (4, 1));
}

#[test]
fn a_number_is_listed_from_the_day_on_that_it_was_asked_for() {
    let found = replayed(
        &[
            ("2026-11-23T10:00:00+08:00", A, "anna", ""),
            ("2026-11-24T10:00:00+08:00", A, "anna", ""),
        ],
        &[(A, "2026-11-23T18:00:00+08:00"), (B, "2026-01-01T00:00:00+08:00")],
    );
    assert_eq!(found.counts.newly_denied_by, [("dnc".to_owned(), 1)].into());
    assert_eq!(found.by_day["2026-11-23"].newly_denied, 0);
}

/// Sales need a consent, and a register.
const OPT_IN: &str = r#"
schema = 1
[ruleset.tried]
applies = { region = ["CN-mainland"], purpose = ["service"] }
zone = { source = "callee" }
purpose = { cite = "t" }
dnc = { cite = "t" }
window = [{ classes = ["any"], spans = [["09:00", "12:00"]], cite = "t" }]
[[ruleset.tried.requires]]
id = "opt-in"
any = ["consent"]
cite = "t"
[[ruleset.tried.register]]
name = "industry"
stale_after = "P60D"
cite = "t"
"#;

/// Claims count from the instant at which they were given to that of their withdrawal; what a
/// caller may have said then is told apart; registers are as they are.
#[test]
fn claims_count_as_they_stood_then() {
    let book = Book::load_rules(&[Source { name: "t.toml", text: OPT_IN }]).unwrap();
    let plan = Normalizer::new(DialPlan::default()).unwrap();
    let at = |text: &str| parse_instant(&format!("2026-11-{text}:00+08:00")).unwrap();
    let claim = |number: &str, given: &str, ended: Option<&str>| ClaimEntry {
        id: ClaimId(Uuid::from_u128(given.len() as u128 + u128::from(key(number).0[0]))),
        claim: Claim::Consent,
        scope: DncScope::Number,
        number: Party {
            e164: None,
            raw: Pii::new(number.to_owned()),
            display: None,
            masked: mask(number),
            number_ref: key(number),
        },
        purpose: None,
        case: None,
        until: None,
        call: None,
        evidence: "form".to_owned(),
        source: "test".to_owned(),
        given_at: at(given),
        added_by: "test".to_owned(),
        withdrawn: ended.map(|ended| ClaimEnd {
            at: at(ended),
            by: "test".to_owned(),
            reason: String::new(),
        }),
    };
    let claims = vec![claim(A, "10T10:00", Some("20T10:00")), claim(B, "12T10:00", None)];
    let listed = "14000140000"; // ends as no number of the table does
    let keys = vec![Register::key(key(listed))];
    let register =
        Register::new("industry".into(), "2026-11-01".parse().unwrap(), "x".into(), keys);
    let run = |calls: &[(&str, &str)], registers: Vec<std::sync::Arc<Register>>| {
        let replay = Replay::new(&book, None, Vec::new());
        let mut replay = replay.with_claims(claims.clone());
        registers.into_iter().for_each(|register| replay.set_register(register));
        for (n, (when, number)) in (1..).zip(calls) {
            let dialed = plan.read(number);
            replay.take(PastCall {
                id: DecisionId(Uuid::from_u128(n)),
                customer: None,
                facts: &CallFacts::default(),
                answered: false,
                label: None,
                key: Some(key(number)),
                dialed: &dialed,
                purpose: Some("service"),
                at: at(when),
                who: "anna",
                refused_by: &[],
            });
        }
        replay.found()
    };
    let calls = [
        ("10T09:59", A), // not yet
        ("10T10:00", A),
        ("12T09:30", B), // not yet
        ("13T10:00", B),
        ("19T10:00", A),
        ("20T10:00", A), // no more
        ("21T13:00", A), // outside the hours as well
    ];
    let found = run(&calls, vec![std::sync::Arc::new(register)]);
    assert_eq!((found.counts.allowed, found.counts.newly_denied), (3, 4));
    assert_eq!(found.counts.newly_denied_by["opt-in"], 4);
    assert_eq!(found.newly_denied_but_for_claims, 3, "no claim opens the hours");
    let found = run(&calls, Vec::new());
    assert_eq!(found.counts.newly_denied_by["industry"], 7, "no register, no call");
    assert_eq!(found.newly_denied_but_for_claims, 0);
}
