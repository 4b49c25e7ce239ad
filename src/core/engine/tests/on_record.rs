//! Claims on record, by every way of dialling.

use super::bench_site::*;
use crate::engine::{Input, PermitAnswer, PermitRequest, Restored};
use crate::gate::{Book, CallFacts, Claim, ClaimBook, Claims, Source};
use crate::model::{
    ClaimEnd, ClaimEntry, ClaimId, DncScope, Entity, Event, EventKind, Party, Pii, Wall,
};
use crate::vault::{BlindIndex, Secret};
use std::sync::Arc;

const NUMBER: &str = "13800138000";
const OTHER: &str = "13900139000";
/// The first day of a published break.
const HOLIDAY: &str = "2026-10-05T10:00:00+08:00";

const RULES: &str = r#"
schema = 1
[ruleset.cn-seed-service]
applies = { region = ["CN-mainland"], purpose = ["*"] }
zone = { source = "callee" }
purpose = { cite = "t" }
dnc = { cite = "t" }
window = [{ classes = ["any"], spans = [["08:00", "20:00"]], cite = "t" }]
[[ruleset.cn-seed-service.requires]]
id = "opt-in"
any = ["consent"]
cite = "t"
"#;

/// A holiday is open to who was asked to call.
const CALLBACK: &str = r#"
schema = 1
[ruleset.cn-seed-service]
applies = { region = ["CN-mainland"], purpose = ["*"] }
calendar = "CN"
zone = { source = "callee" }
purpose = { cite = "t" }
dnc = { cite = "t" }
window = [
    { classes = ["workday"], spans = [["08:30", "17:30"]], cite = "t" },
    { classes = ["holiday"], spans = [["08:00", "20:00"]], given = ["customer_requested_callback"], cite = "t" },
]
calendar_gap = { provisional = "deny", unknown = "deny", guard_days = { before = 0, after = 0 }, cite = "t" }
[[ruleset.cn-seed-service.ban]]
id = "statutory-holiday"
classes = ["holiday"]
exemptions = ["customer_requested_callback"]
cite = "t"
"#;

fn site(at: &str, rules: &str, claims: ClaimBook) -> Site {
    let restored = Restored { clean: true, claims, ..Restored::default() };
    let mut site = Site::restored(at, restored);
    let book = Book::load_rules(&[Source { name: "t.toml", text: rules }]).unwrap();
    site.give(Input::Rules(Arc::new(book)));
    site.kinds();
    site
}

/// `whose`: a number, or `customer:NAME`.
fn entry(n: u128, whose: &str, claim: Claim, case: Option<&str>) -> ClaimEntry {
    // The key of the bench's list.
    let index = BlindIndex::new(&Secret::new([2; 32]));
    let (scope, number_ref) = match whose.strip_prefix("customer:") {
        Some(name) => (DncScope::Customer, index.customer_ref(name)),
        None => (DncScope::Number, index.number_ref(&format!("+86{whose}"))),
    };
    let raw = Pii::new(whose.to_owned());
    ClaimEntry {
        id: ClaimId(uuid::Uuid::from_u128(n)),
        claim,
        scope,
        number: Party { e164: None, raw, display: None, masked: String::new(), number_ref },
        purpose: None,
        case: case.map(str::to_owned),
        until: None,
        call: None,
        evidence: "form 7".into(),
        source: "api".into(),
        given_at: Wall(0),
        added_by: "user:anna".into(),
        withdrawn: None,
    }
}

fn ended(entry: &ClaimEntry) -> ClaimEntry {
    let end = ClaimEnd { at: Wall(1), by: "user:ben".into(), reason: String::new() };
    ClaimEntry { withdrawn: Some(end), ..entry.clone() }
}

/// Dials; the rules that refused, or the text of the one that named a claim.
fn dial(site: &mut Site, number: &str, name: &str, headers: &str) -> String {
    site.events.clear();
    site.receive(PBX, &invite(number, name, &format!("X-Purpose: service\n{headers}")));
    site.pass(51);
    site.durable();
    said(&site.events)
}

fn said(events: &[Event]) -> String {
    let decision = events.iter().rev().find_map(|event| match &event.entity {
        Entity::Decision(decision) => Some(decision),
        _ => None,
    });
    let rules = &decision.unwrap().rules;
    let refused = events.iter().rev().find_map(decision_rule);
    let named = rules.iter().find(|rule| rule.inputs.contains("claim="));
    refused.unwrap_or_else(|| named.map(|rule| rule.inputs.clone()).unwrap_or_default())
}

#[test]
fn a_claim_opens_the_trunk_at_once_and_its_withdrawal_closes_it_at_once() {
    let mut site = site(MONDAY_10, RULES, ClaimBook::default());
    assert_eq!(dial(&mut site, NUMBER, "a", ""), "opt-in");
    let consent = entry(1, NUMBER, Claim::Consent, None);
    site.kinds();
    site.give(Input::Claims { entries: vec![consent.clone()], ticket: 5 });
    assert_eq!(site.kinds(), ["claim.recorded"]);
    assert_eq!(site.out.tickets, [(5, site.last_pos())]);
    let shown = format!("shown=consent claim={} needed=consent", consent.id);
    assert_eq!(dial(&mut site, NUMBER, "b", ""), shown);
    assert_eq!(dial(&mut site, OTHER, "c", ""), "opt-in", "another number has none");
    site.give(Input::Claims { entries: vec![ended(&consent)], ticket: 6 });
    assert_eq!(site.events.last().unwrap().kind, EventKind::ClaimWithdrawn);
    assert_eq!(dial(&mut site, NUMBER, "d", ""), "opt-in");
}

/// A call that is let out by a claim is not out before the claim is durable.
#[test]
fn the_claim_is_durable_before_the_call_leaves() {
    let mut site = site(MONDAY_10, RULES, ClaimBook::default());
    let consent = entry(1, NUMBER, Claim::Consent, None);
    site.give(Input::Claims { entries: vec![consent], ticket: 5 });
    let recorded = site.last_pos();
    site.receive(PBX, &invite(NUMBER, "a", "X-Purpose: service\n"));
    site.give(Input::Durable(crate::model::Pos(recorded.0)));
    assert!(site.sent_to(MAIN).is_empty(), "the decision stands behind the claim");
    site.durable();
    assert_eq!(site.sent_to(MAIN).len(), 1);
}

#[test]
fn a_customers_claim_is_for_calls_that_name_the_customer() {
    let mut claims = ClaimBook::default();
    claims.take(&entry(1, "customer:K7", Claim::Consent, None));
    let mut site = site(MONDAY_10, RULES, claims);
    assert_eq!(dial(&mut site, NUMBER, "a", ""), "opt-in");
    assert_eq!(dial(&mut site, NUMBER, "b", "X-Trunkline-Customer: K8\n"), "opt-in");
    assert!(dial(&mut site, NUMBER, "c", "X-Trunkline-Customer: K7\n").contains("consent claim="));
    assert!(dial(&mut site, OTHER, "d", "X-Trunkline-Customer: K7\n").contains("consent claim="));
    // A number is no customer.
    assert_eq!(dial(&mut site, OTHER, "e", "X-Trunkline-Customer: 13800138000\n"), "opt-in");
}

fn permit(site: &mut Site, claims: Claims, case: Option<&str>) -> bool {
    let facts = CallFacts { claims, case: case.map(str::to_owned), ..CallFacts::default() };
    let request = PermitRequest {
        number: Pii::new(NUMBER.to_owned()),
        purpose: Some("service".to_owned()),
        facts,
        agent: None,
        device: None,
        trunk: None,
        who: "dialler".to_owned(),
    };
    site.give(Input::Permit { request: Box::new(request), ticket: 7 });
    if let Some(job) = site.out.explain.pop() {
        site.give(Input::Explained(job.run()));
    }
    site.durable();
    match site.out.permits.pop() {
        Some((_, PermitAnswer::Granted { .. })) => true,
        Some((_, PermitAnswer::Denied { .. })) => false,
        other => panic!("{other:?}"),
    }
}

/// That somebody asked to be called is believed from the record alone, with the same case.
#[test]
fn a_call_back_on_a_holiday_needs_the_record_of_its_case() {
    let asked = [Claim::CustomerRequestedCallback].into_iter().collect::<Claims>();
    let mut claims = ClaimBook::default();
    let mut none = site(HOLIDAY, CALLBACK, claims.clone());
    assert!(!permit(&mut none, asked, Some("c1")), "said, but not on record");
    claims.take(&entry(1, NUMBER, Claim::CustomerRequestedCallback, Some("c1")));
    let mut site = site(HOLIDAY, CALLBACK, claims);
    for (case, expected) in [(Some("c1"), true), (Some("c2"), false), (None, false)] {
        assert_eq!(permit(&mut site, Claims::default(), case), expected, "permit {case:?}");
        let header = case.map(|case| format!("X-Trunkline-Case: {case}\n")).unwrap_or_default();
        let name = case.unwrap_or("none");
        let told = dial(&mut site, NUMBER, name, &header);
        assert_eq!(told.contains("claim="), expected, "{case:?}: {told}");
    }
    assert!(!permit(&mut none, asked, Some("c1")));
}

/// Off by default: the norm's own rules know no exception.
#[test]
fn the_norm_lifts_nothing() {
    let mut claims = ClaimBook::default();
    claims.take(&entry(1, NUMBER, Claim::CustomerRequestedCallback, Some("c1")));
    let restored = Restored { clean: true, claims, ..Restored::default() };
    let mut site = Site::restored(HOLIDAY, restored);
    let told = dial(&mut site, NUMBER, "a", "X-Trunkline-Case: c1\n");
    assert_eq!(told, "statutory-holiday");
}

/// A search on another thread sees the same claims.
#[test]
fn a_slice_sees_what_the_engine_sees() {
    let mut claims = ClaimBook::default();
    claims.take(&entry(1, NUMBER, Claim::Consent, None));
    let site = site(MONDAY_10, RULES, claims);
    let index = BlindIndex::new(&Secret::new([2; 32]));
    let slice = site.engine.gate_slice(Some(index.number_ref("+8613800138000")), None);
    assert_eq!(slice.recorded.len(), 1);
    assert_eq!(site.engine.claims().len(), 1);
    let slice = site.engine.gate_slice(Some(index.number_ref("+8613900139000")), None);
    assert!(slice.recorded.is_empty());
}
