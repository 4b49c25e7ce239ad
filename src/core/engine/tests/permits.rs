//! Permits that programs fetch before they dial.

use super::bench_site::*;
use crate::engine::{Input, PermitAnswer, PermitRequest};
use crate::gate::{Book, CallFacts, Claim, Claims, ExemptReason, Source};
use crate::model::{DecisionId, Entity, Pii, RuleOutcome, Verdict};
use std::sync::Arc;

const NUMBER: &str = "13800138000";

/// Two calls a day, and on holidays and at other hours only who has a claim.
const RULES: &str = r#"
schema = 1
[ruleset.cn-seed-service]
applies = { region = ["*"], purpose = ["*"] }
zone = { source = "callee" }
purpose = { cite = "t" }
dnc = { cite = "t" }
window = [
    { classes = ["any"], spans = [["08:00", "20:00"]], cite = "t" },
    { classes = ["any"], spans = [["20:00", "22:00"]], given = ["consent"], cite = "t" },
]
[[ruleset.cn-seed-service.cap]]
id = "two-a-day"
count = "attempt"
max = 2
per = "rolling:PT24H"
key = ["callee"]
cite = "t"
"#;

fn site(instant: &str) -> Site {
    let mut site = Site::at(instant);
    let book = Book::load_rules(&[Source { name: "t.toml", text: RULES }]).unwrap();
    site.give(Input::Rules(Arc::new(book)));
    site.kinds();
    site
}

fn request() -> PermitRequest {
    PermitRequest {
        number: Pii::new(NUMBER.to_owned()),
        trunk: None,
        purpose: Some("service".to_owned()),
        facts: CallFacts::default(),
        agent: None,
        device: None,
        who: "dialler".to_owned(),
    }
}

/// Asks, and takes what is answered before anything else happens.
fn ask(site: &mut Site, request: PermitRequest) -> Option<PermitAnswer> {
    site.give(Input::Permit { request: Box::new(request), ticket: 7 });
    answer(site)
}

fn answer(site: &mut Site) -> Option<PermitAnswer> {
    let (ticket, answer) = site.out.permits.pop()?;
    assert_eq!((ticket, site.out.permits.len()), (7, 0));
    Some(answer)
}

fn granted(site: &mut Site, request: PermitRequest) -> String {
    assert_eq!(ask(site, request), None, "nothing is said before it is durable");
    site.durable();
    match answer(site) {
        Some(PermitAnswer::Granted { permit, .. }) => permit,
        other => panic!("{other:?}"),
    }
}

/// Dials with that mark; whether the INVITE reached a carrier, and what refused it if not.
fn dial(site: &mut Site, number: &str, call: &str, headers: &str) -> Result<(), String> {
    site.sent.clear();
    site.events.clear();
    site.receive(PBX, &invite(number, call, headers));
    if let Some(job) = site.out.explain.pop() {
        site.give(Input::Explained(job.run()));
    }
    let told: Vec<_> = site.events.iter().filter_map(decision_rule).collect();
    site.durable();
    match (site.sent_to(MAIN).as_slice(), told.as_slice()) {
        ([one], []) => {
            assert!(!one.contains("permit-"), "the permit stays inside");
            Ok(())
        }
        ([], [rule]) => Err(rule.clone()),
        other => panic!("{other:?}"),
    }
}

fn mark(permit: &str) -> String {
    format!("X-Trunkline-Mark: {permit}\n")
}

#[test]
fn a_permit_is_told_when_it_is_durable_and_dials_once() {
    let mut site = site(MONDAY_10);
    let permit = granted(&mut site, request());
    assert!(permit.starts_with("permit-"), "{permit}");
    assert_eq!(site.kinds(), ["outbound.allowed"]);
    assert_eq!(dial(&mut site, NUMBER, "a", &mark(&permit)), Ok(()), "its purpose comes with it");
    assert_eq!(dial(&mut site, NUMBER, "b", &mark(&permit)), Err("permit".to_owned()));
    let refusal = site.events.iter().find_map(|event| match &event.entity {
        Entity::Decision(decision) => Some((decision.verdict, decision.rules[0].clone())),
        _ => None,
    });
    let (verdict, rule) = refusal.unwrap();
    assert_eq!((verdict, rule.outcome), (Verdict::Deny, RuleOutcome::Deny));
    assert_eq!(rule.inputs, "was used");
}

#[test]
fn the_decision_of_the_call_names_that_of_its_permit() {
    let mut site = site(MONDAY_10);
    assert_eq!(ask(&mut site, request()), None);
    site.durable();
    let Some(PermitAnswer::Granted { permit, decision, .. }) = answer(&mut site) else { panic!() };
    let decisions = |site: &Site| -> Vec<(DecisionId, String)> {
        let of = |event: &crate::model::Event| match &event.entity {
            Entity::Decision(d) => Some((d.id, format!("{} {}", d.rules[0].id, d.rules[0].inputs))),
            _ => None,
        };
        site.events.iter().filter_map(of).collect()
    };
    assert_eq!(decisions(&site)[0].0, decision);
    site.events.clear();
    site.receive(PBX, &invite(NUMBER, "a", &mark(&permit)));
    let told = decisions(&site);
    let [(own, rule)] = told.as_slice() else { panic!("{told:?}") };
    assert_ne!(*own, decision, "the call is decided anew");
    assert_eq!(*rule, format!("permit decision={decision}"));
}

#[test]
fn a_permit_fits_only_what_it_was_asked_for() {
    let device = |name: &str| PermitRequest { device: Some(name.to_owned()), ..request() };
    let cases = [
        (request(), "13900139000", "", Err("permit")),
        (request(), NUMBER, "X-Purpose: sales\n", Err("permit")),
        (request(), NUMBER, "X-Purpose: service\n", Ok(())),
        (request(), &format!("+86{NUMBER}"), "", Ok(())),
        (device("8002"), NUMBER, "", Err("permit")),
        (device("8001"), NUMBER, "", Ok(())),
    ];
    for (ix, (request, number, headers, expected)) in cases.into_iter().enumerate() {
        let mut site = site(MONDAY_10);
        let permit = granted(&mut site, request);
        let headers = format!("{headers}{}", mark(&permit));
        let found = dial(&mut site, number, "a", &headers);
        assert_eq!(found, expected.map_err(str::to_owned), "{ix}");
        // Whoever was refused has used it up.
        assert_eq!(dial(&mut site, NUMBER, "b", &mark(&permit)), Err("permit".to_owned()), "{ix}");
    }
}

#[test]
fn a_permit_that_never_was_or_has_run_out_refuses() {
    let mut site = site(MONDAY_10);
    let never = "permit-0198c0de-0000-7000-8000-000000000000";
    for mark_text in [never, "permit-", "permit-nonsense"] {
        let headers = format!("X-Purpose: service\n{}", mark(mark_text));
        assert_eq!(dial(&mut site, NUMBER, mark_text, &headers), Err("permit".to_owned()));
    }
    let permit = granted(&mut site, request());
    site.pass(4999);
    let other = granted(&mut site, request());
    site.pass(1);
    assert_eq!(dial(&mut site, NUMBER, "late", &mark(&permit)), Err("permit".to_owned()));
    assert_eq!(dial(&mut site, NUMBER, "good", &mark(&other)), Ok(()));
    site.pass(61_000);
    site.pass(61_000);
    assert_eq!(site.engine.permits_out(), 0, "forgotten");
    assert_eq!(dial(&mut site, NUMBER, "later", &mark(&other)), Err("permit".to_owned()));
}

#[test]
fn a_permit_holds_a_place_under_the_cap_until_it_runs_out() {
    let mut site = site(MONDAY_10);
    let first = granted(&mut site, request());
    granted(&mut site, request());
    assert_eq!(ask(&mut site, request()), None);
    let job = site.out.explain.pop().unwrap();
    site.give(Input::Explained(job.run()));
    assert_eq!(answer(&mut site), None, "a refusal is durable, too");
    site.durable();
    let Some(PermitAnswer::Denied { rule, next_allowed_at, .. }) = answer(&mut site) else {
        panic!()
    };
    assert_eq!(rule, "two-a-day");
    assert_eq!(next_allowed_at.as_deref(), Some("2026-11-24T10:00:00+08:00"));
    assert_eq!(dial(&mut site, NUMBER, "a", &mark(&first)), Ok(()), "its own place does not count");
    site.pass(5000);
    granted(&mut site, request()); // the second ran out
    assert_eq!(dial(&mut site, NUMBER, "b", "X-Purpose: service\n"), Err("two-a-day".to_owned()));
}

#[test]
fn the_gate_is_asked_again_when_the_call_comes() {
    let mut site = site("2026-11-23T19:59:58+08:00");
    let permit = granted(&mut site, request());
    site.pass(2500);
    assert_eq!(dial(&mut site, NUMBER, "a", &mark(&permit)), Err("window".to_owned()));
}

#[test]
fn a_permit_brings_its_claims_to_the_trunk() {
    let mut site = site(MONDAY_21);
    assert_eq!(ask(&mut site, request()), None);
    let next = site.out.explain.pop().unwrap().run().next_allowed_at;
    assert_eq!(next.as_deref(), Some("2026-11-24T08:00:00+08:00"));
    let claims: Claims = [Claim::Consent].into_iter().collect();
    let facts = CallFacts { claims, ..CallFacts::default() };
    let permit = granted(&mut site, PermitRequest { facts, ..request() });
    assert_eq!(dial(&mut site, NUMBER, "a", "X-Purpose: service\n"), Err("window".to_owned()));
    assert_eq!(dial(&mut site, NUMBER, "b", &mark(&permit)), Ok(()));
}

#[test]
fn a_challenged_call_comes_again_with_its_permit() {
    let mut site = site(MONDAY_10);
    let permit = granted(&mut site, request());
    site.receive(PBX, &invite(NUMBER, "a", &mark(&permit)));
    site.durable();
    let sent = site.sent_to(MAIN).remove(0);
    let challenge = "407 Proxy Authentication Required";
    site.receive(MAIN, &super::bench_site::answer(&sent, challenge, "c"));
    let again = invite(NUMBER, "a", &mark(&permit))
        .replace("CSeq: 1", "CSeq: 2")
        .replace("branch=z9hG4bKa", "branch=z9hG4bKa2");
    site.events.clear();
    site.receive(PBX, &again);
    assert_eq!(site.events.iter().filter_map(decision_rule).count(), 0);
    site.durable();
    let sent = site.sent_to(MAIN);
    assert!(first_lines(&sent).iter().any(|line| line.starts_with("INVITE")), "{sent:?}");
    let other = dial(&mut site, NUMBER, "b", &mark(&permit));
    assert_eq!(other, Err("permit".to_owned()), "and nobody else");
}

#[test]
fn without_a_journal_nothing_is_promised() {
    let mut site = site(MONDAY_10);
    assert_eq!(ask(&mut site, request()), None);
    site.pass(501);
    assert_eq!(answer(&mut site), Some(PermitAnswer::NotDurable));
    site.durable();
    assert_eq!(answer(&mut site), None);
    site.give(Input::Degraded(true));
    assert_eq!(ask(&mut site, request()), Some(PermitAnswer::NotDurable));
    let emergency = PermitRequest { number: Pii::new("120".to_owned()), ..request() };
    let exempt = Some(PermitAnswer::Exempt(ExemptReason::Emergency));
    assert_eq!(ask(&mut site, emergency), exempt, "it never waits");
}

/// What an earlier process promised is worth nothing: nobody knows whether it was used.
#[test]
fn no_permit_outlives_a_restart() {
    let mut before = site(MONDAY_10);
    let permit = granted(&mut before, request());
    let mut after = site(MONDAY_10);
    let headers = format!("X-Purpose: service\n{}", mark(&permit));
    assert_eq!(dial(&mut after, NUMBER, "a", &headers), Err("permit".to_owned()));
}
