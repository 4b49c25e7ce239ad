//! Claims on record: which calls they exempt, until when, and that nothing crosses over.

use super::*;
use crate::model::{ClaimEnd, ClaimEntry, ClaimId, DncScope, Party, Pii};
use proptest::prelude::*;
use uuid::Uuid;

const RULES: &str = r#"
schema = 1
[ruleset.norm]
applies = { region = ["CN-mainland"], purpose = ["*"] }
calendar = "CN"
zone = { source = "callee" }
purpose = { cite = "t" }
dnc = { cite = "t" }
hard_ban = [{ id = "night", spans = [["00:00", "08:00"], ["20:00", "24:00"]], cite = "t" }]
window = [
    { classes = ["workday", "makeup"], spans = [["08:30", "17:30"]], cite = "t" },
    { classes = ["rest", "holiday"], spans = [["09:00", "22:00"]], given = ["customer_requested_callback"], cite = "t" },
]
calendar_gap = { provisional = "deny", unknown = "deny", guard_days = { before = 0, after = 0 }, cite = "t" }
[[ruleset.norm.ban]]
id = "statutory-holiday"
classes = ["holiday"]
exemptions = ["customer_requested_callback"]
cite = "t"
[ruleset.sales]
applies = { region = ["CN-mainland"], purpose = ["sales", "sales.*"] }
layer = "law"
zone = { source = "callee" }
purpose = { cite = "t" }
dnc = { cite = "t" }
window = [{ classes = ["any"], spans = [["00:00", "24:00"]], cite = "t" }]
[[ruleset.sales.requires]]
id = "opt-in"
any = ["consent", "running_contract"]
cite = "t"
"#;

const NUMBER: u8 = 1;
const CUSTOMER: u8 = 2;

fn entry(n: u128, whose: u8, claim: Claim) -> ClaimEntry {
    let number = Party {
        e164: None,
        raw: Pii::new("x".into()),
        display: None,
        masked: String::new(),
        number_ref: key(whose),
    };
    ClaimEntry {
        id: ClaimId(Uuid::from_u128(n)),
        claim,
        scope: if whose == NUMBER { DncScope::Number } else { DncScope::Customer },
        number,
        purpose: None,
        case: None,
        until: None,
        call: None,
        evidence: "form 7".into(),
        source: "api".into(),
        given_at: Wall(0),
        added_by: "user:anna".into(),
        withdrawn: None,
    }
}

fn withdrawn(entry: &ClaimEntry) -> ClaimEntry {
    let end = ClaimEnd { at: Wall(1), by: "user:ben".into(), reason: "asked".into() };
    ClaimEntry { withdrawn: Some(end), ..entry.clone() }
}

/// A call and what is on record of it.
#[derive(Clone, Copy)]
struct Call<'a> {
    purpose: Option<&'a str>,
    case: Option<&'a str>,
    recorded: &'a [Recorded],
}

fn with_ask<T>(call: Call<'_>, then: impl FnOnce(&Ask<'_>) -> T) -> T {
    let number = dialed("13800138000");
    then(&Ask {
        dialed: &number,
        purpose: call.purpose,
        ruleset: None,
        number_ref: Some(key(NUMBER)),
        given: Given {
            case: call.case,
            recorded: call.recorded,
            customer: Some("C"),
            customer_ref: Some(key(CUSTOMER)),
            ..Given::default()
        },
    })
}

fn decide(book: &Book, call: Call<'_>, at: &str) -> Ruling {
    with_ask(call, |ask| book.decide(&DncList::default(), ask, wall(at)))
}

/// 2026-11-23 is a workday, 2026-10-05 in a break, 2026-11-28 a Saturday.
#[test]
fn which_calls_a_claim_exempts() {
    let book = book_of(RULES);
    let table = "
        # claim    of_purpose  of_case  until       call      case  at                | verdict
        consent    -           -        -           sales     -     2026-11-23T10:00  | allow
        consent    sales       -        -           sales.x   -     2026-11-23T10:00  | allow
        consent    sales.x     -        -           sales     -     2026-11-23T10:00  | deny opt-in
        consent    survey      -        -           sales     -     2026-11-23T10:00  | deny opt-in
        consent    -           c1       -           sales     c1    2026-11-23T10:00  | allow
        consent    -           c1       -           sales     c2    2026-11-23T10:00  | deny opt-in
        consent    -           c1       -           sales     -     2026-11-23T10:00  | deny opt-in
        consent    -           -        2026-11-23  sales     -     2026-11-23T17:29  | allow
        consent    -           -        2026-11-22  sales     -     2026-11-23T10:00  | deny opt-in
        consent    -           -        soon        sales     -     2026-11-23T10:00  | deny opt-in
        contract   -           -        -           sales     -     2026-11-23T10:00  | allow
        # asked for by the callee: with the case alone, and never across the night
        callback   -           c1       -           service   c1    2026-10-05T10:00  | allow
        callback   -           c1       -           service   c2    2026-10-05T10:00  | deny statutory-holiday window
        callback   -           c1       -           service   -     2026-10-05T10:00  | deny statutory-holiday window
        callback   -           -        -           service   c1    2026-10-05T10:00  | deny statutory-holiday window
        callback   -           c1       -           service   c1    2026-10-05T19:59  | allow
        callback   -           c1       -           service   c1    2026-10-05T20:00  | deny night
        callback   -           c1       2026-10-04  service   c1    2026-10-05T10:00  | deny statutory-holiday window
        callback   -           c1       -           service   c1    2026-11-28T21:00  | deny night
        # it is no consent
        callback   -           c1       -           sales     c1    2026-11-23T10:00  | deny opt-in
        consent    -           -        -           service   -     2026-10-05T10:00  | deny statutory-holiday window
    ";
    for (cells, expected) in rows(table) {
        let word = |n: usize| Some(cells[n]).filter(|text| *text != "-");
        let claim = match cells[0] {
            "consent" => Claim::Consent,
            "contract" => Claim::RunningContract,
            _ => Claim::CustomerRequestedCallback,
        };
        let mut claims = ClaimBook::default();
        claims.take(&ClaimEntry {
            purpose: word(1).map(str::to_owned),
            case: word(2).map(str::to_owned),
            until: word(3).map(str::to_owned),
            ..entry(7, NUMBER, claim)
        });
        let recorded = claims.of([Some(key(NUMBER)), Some(key(CUSTOMER))]);
        let call = Call { purpose: word(4), case: word(5), recorded: &recorded };
        let ruling = decide(&book, call, &format!("{}:00+08:00", cells[6]));
        assert_eq!(say(&ruling), expected, "{cells:?}");
        // A decision that rests on a claim names it.
        let Ruling::Decided(decided) = &ruling else { panic!() };
        let id = format!("claim={}", Uuid::from_u128(7));
        let named = decided.rules.iter().filter(|rule| rule.inputs.contains(&id)).count();
        if expected == "allow" {
            assert!(named > 0, "{cells:?}: {:?}", decided.rules);
        }
    }
}

/// A record of nobody else counts, and one that is withdrawn counts no more.
#[test]
fn claims_are_kept_apart_and_end_at_once() {
    let mut book = ClaimBook::default();
    let (a, b) = (entry(1, NUMBER, Claim::Consent), entry(2, CUSTOMER, Claim::RunningContract));
    let other = entry(3, 9, Claim::Consent);
    for one in [&a, &b, &other, &a] {
        book.take(one);
    }
    assert_eq!(book.len(), 3, "taken twice is once");
    let of = |book: &ClaimBook, number, customer| book.of([number, customer]).len();
    assert_eq!(of(&book, Some(key(NUMBER)), None), 1);
    assert_eq!(of(&book, Some(key(NUMBER)), Some(key(CUSTOMER))), 2);
    assert_eq!(of(&book, Some(key(8)), Some(key(7))), 0);
    assert_eq!(of(&book, None, None), 0);
    book.take(&withdrawn(&a));
    assert_eq!((of(&book, Some(key(NUMBER)), None), book.len()), (0, 2));
    book.take(&withdrawn(&a));
    book.take(&withdrawn(&b));
    book.take(&withdrawn(&other));
    assert!(book.is_empty());
}

fn claim() -> impl Strategy<Value = ClaimEntry> {
    let word = |words: &'static [&'static str]| prop::option::of(prop::sample::select(words));
    const KINDS: [Claim; 3] =
        [Claim::Consent, Claim::RunningContract, Claim::CustomerRequestedCallback];
    (
        prop::sample::select(&KINDS[..]),
        any::<bool>(),
        word(&["sales", "service", "sales.x"]),
        word(&["c1", "c2"]),
        prop::option::of(prop::sample::select(&["2026-10-03", "2026-10-06", "2026-11-23"][..])),
    )
        .prop_map(|(claim, of_number, purpose, case, until)| ClaimEntry {
            purpose: purpose.map(str::to_owned),
            case: case.map(str::to_owned),
            until: until.map(str::to_owned),
            ..entry(0, if of_number { NUMBER } else { CUSTOMER }, claim)
        })
}

proptest! {
    /// Withdrawing a claim never lets a call out that was refused; recording one never refuses.
    #[test]
    fn a_withdrawal_only_narrows(
        claims in prop::collection::vec(claim(), 1..6),
        gone in any::<prop::sample::Index>(),
        purpose in prop::option::of(prop::sample::select(&["sales", "service", "sales.x"][..])),
        case in prop::option::of(prop::sample::select(&["c1", "c2"][..])),
        hour in 0..(60 * 24_i64),
    ) {
        let book = book_of(RULES);
        let entries = (1..).zip(claims);
        let entries = entries.map(|(n, one)| ClaimEntry { id: ClaimId(Uuid::from_u128(n)), ..one });
        let entries: Vec<ClaimEntry> = entries.collect();
        let mut all = ClaimBook::default();
        entries.iter().for_each(|one| all.take(one));
        let mut fewer = all.clone();
        fewer.take(&withdrawn(&entries[gone.index(entries.len())]));
        prop_assert_eq!(fewer.len() + 1, all.len());
        let at = Wall(wall("2026-10-01T00:00:00+08:00").0 + hour * 3_600_000_000);
        let keys = [Some(key(NUMBER)), Some(key(CUSTOMER))];
        let verdict_of = |claims: &ClaimBook| {
            let recorded = claims.of(keys);
            let call = Call { purpose, case, recorded: &recorded };
            verdict(with_ask(call, |ask| book.decide(&DncList::default(), ask, at)))
        };
        prop_assert!(verdict_of(&fewer) == Verdict::Deny || verdict_of(&all) == Verdict::Allow);
    }

    /// The next allowed instant is allowed, and nothing from the question to it is, also where a
    /// claim ends in between.
    #[test]
    fn the_search_knows_when_claims_end(
        claims in prop::collection::vec(claim(), 0..4),
        purpose in prop::sample::select(&["sales", "service"][..]),
        hour in 0..(30 * 24_i64),
        between in 0.0..1.0_f64,
    ) {
        let book = book_of(RULES);
        let mut all = ClaimBook::default();
        for (n, one) in (1..).zip(claims) {
            all.take(&ClaimEntry { id: ClaimId(Uuid::from_u128(n)), ..one });
        }
        let recorded = all.of([Some(key(NUMBER)), Some(key(CUSTOMER))]);
        let call = Call { purpose: Some(purpose), case: Some("c1"), recorded: &recorded };
        let at = Wall(wall("2026-09-28T00:30:00+08:00").0 + hour * 3_600_000_000);
        let list = DncList::default();
        let next = with_ask(call, |ask| book.next_allowed(&list, ask, at));
        let on = |at| verdict(with_ask(call, |ask| book.decide(&list, ask, at)));
        let limit = Wall(at.0 + 400 * 86_400_000_000);
        let end = next.unwrap_or(limit);
        if let Some(next) = next {
            prop_assert_eq!(on(next), Verdict::Allow);
        }
        let share = ((end.0 - at.0) as f64 * between) as i64;
        let probe = Wall(at.0 + share);
        if probe < end {
            prop_assert_eq!(on(probe), Verdict::Deny, "{}", probe.rfc3339());
        }
    }
}
