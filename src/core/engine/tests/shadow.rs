//! Rules that are tried out beside those in force: they are asked, and nothing follows from it.

use super::bench_site::*;
use crate::engine::{EngineConfig, Input, Restored, Shadow, ShadowNews};
use crate::gate::{Book, Source};
use crate::model::{
    DecisionId, Entity, Event, EventKind, ShadowDiff, SystemState, SystemStatus, Verdict,
};
use proptest::prelude::*;
use std::sync::Arc;

const NUMBER: &str = "13800138000";
const OTHER: &str = "13900139000";

fn shadow(more: &str) -> Shadow {
    let text = format!(
        r#"schema = 1
[ruleset.tried]
applies = {{ region = ["CN-mainland"], purpose = ["service"] }}
zone = {{ source = "callee" }}
purpose = {{ cite = "t" }}
dnc = {{ cite = "t" }}
window = [{{ classes = ["any"], spans = [["09:00", "22:00"]], cite = "t" }}]
{more}"#
    );
    let book = Book::load_rules(&[Source { name: "tried.toml", text: &text }]).unwrap();
    Shadow { book: Arc::new(book), ruleset: Some("tried".into()) }
}

const CAP: &str = "[[ruleset.tried.cap]]\nid = \"two-a-day\"\nmax = 2\nper = \"calendar:day\"\n\
                   key = [\"callee\"]\ncite = \"t\"\n";

fn site(at: &str, shadow: Option<Shadow>) -> Site {
    let clean = Restored { clean: true, ..Restored::default() };
    Site::with(EngineConfig { shadow, ..config() }, at, clean)
}

/// One call out; what the rules tried out would have said otherwise.
fn dial(site: &mut Site, number: &str, name: &str, purpose: &str) -> Option<ShadowDiff> {
    site.receive(PBX, &invite(number, name, &format!("X-Purpose: {purpose}\n")));
    let job = site.out.shadow.pop();
    site.durable();
    job.and_then(crate::engine::ShadowJob::run)
}

fn decision(events: &[Event]) -> Option<DecisionId> {
    events.iter().rev().find_map(|event| match &event.entity {
        Entity::Decision(decision) => Some(decision.id),
        _ => None,
    })
}

/// What is told of a call: verdict and rules of both sides.
#[test]
fn where_the_verdicts_differ_both_are_told() {
    let ban = "hard_ban = [{ id = \"late\", spans = [[\"09:30\", \"10:30\"]], cite = \"t\" }]\n";
    for (at, purpose, more, expected) in [
        // in force: 08:30 to 17:30; tried out: 09:00 to 22:00
        (MONDAY_10, "service", "", ""),
        (MONDAY_21, "service", "", "newly_allowed by night, window"),
        (MONDAY_10, "service", ban, "newly_denied by late"),
        ("2026-11-23T08:45:00+08:00", "service", "", "newly_denied by window"),
        ("2026-11-23T23:00:00+08:00", "service", "", ""),
        (MONDAY_10, "survey", "", "newly_denied by purpose"),
        // Neither knows it.
        (MONDAY_10, "sales", "", ""),
    ] {
        let mut site = site(at, Some(shadow(more)));
        let found = dial(&mut site, NUMBER, "a", purpose);
        let told = found.as_ref().map(|d| format!("{} by {}", d.change(), d.rules().join(", ")));
        assert_eq!(told.unwrap_or_default(), expected, "{at} {purpose}");
        if let Some(found) = found {
            assert_eq!(found.purpose.as_deref(), Some(purpose));
            let (a, b) = (found.refused_by.is_empty(), found.shadow_refused_by.is_empty());
            assert_eq!((a, b), (found.verdict == Verdict::Allow, found.verdict == Verdict::Deny));
        }
    }
}

#[test]
fn what_only_the_rules_tried_out_refuse_leaves_all_the_same() {
    let ban = "hard_ban = [{ id = \"never\", spans = [[\"00:00\", \"24:00\"]], cite = \"t\" }]\n";
    let mut site = site(MONDAY_10, Some(shadow(ban)));
    let found = dial(&mut site, NUMBER, "a", "service").unwrap();
    assert_eq!(first_lines(&site.sent_to(MAIN)), ["INVITE sip:13800138000@carrier.test SIP/2.0"]);
    assert_eq!(Some(found.decision), decision(&site.events), "it names the decision");
    site.kinds();
    site.sent.clear();
    site.give(Input::Shadow(ShadowNews::Differs(Box::new(found.clone()))));
    let told = site.events.pop().unwrap();
    assert_eq!(told.kind, EventKind::GateShadowDiffers);
    assert_eq!(told.entity, Entity::Shadow(Box::new(found)));
    assert!(site.sent.is_empty(), "and nothing follows from it");
}

/// Emergency numbers and extensions are nobody's to try out.
#[test]
fn what_is_not_gated_is_not_judged() {
    let mut site = site(MONDAY_21, Some(shadow("")));
    for (n, number) in ["120", "8002"].into_iter().enumerate() {
        site.receive(PBX, &invite(number, &format!("e{n}"), ""));
        assert!(site.out.shadow.is_empty(), "{number}");
    }
}

/// Rules in force that look back nowhere: the calls are kept for those tried out. A call that
/// these would have refused was made, so it counts; the call that is judged does not.
#[test]
fn caps_tried_out_count_the_calls_that_went_out() {
    let mut site = site(MONDAY_10, Some(shadow(CAP)));
    let mut told = Vec::new();
    for (n, number) in [NUMBER, NUMBER, OTHER, NUMBER, NUMBER].into_iter().enumerate() {
        let found = dial(&mut site, number, &format!("c{n}"), "service");
        told.push(found.map(|found| found.rules().join(",")));
    }
    let capped = Some("two-a-day".to_owned());
    assert_eq!(told, [None, None, None, capped.clone(), capped.clone()]);
    // What the rules in force refuse does not count.
    let mut late = self::site(MONDAY_21, Some(shadow(CAP)));
    for n in 0..4 {
        let found = dial(&mut late, NUMBER, &format!("d{n}"), "service").unwrap();
        assert_eq!(found.change(), "newly_allowed");
    }
    // Newer rules find the same calls.
    site.give(Input::Shadow(ShadowNews::Rules(shadow(CAP))));
    let found = dial(&mut site, NUMBER, "after", "service");
    assert_eq!(found.map(|found| found.rules().join(",")), capped);
}

fn status(site: &mut Site) -> SystemStatus {
    match site.events.pop().unwrap().entity {
        Entity::System(status) => *status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_file_is_an_alarm_and_the_last_good_goes_on() {
    let mut site = site(MONDAY_10, Some(shadow(CAP)));
    site.give(Input::Shadow(ShadowNews::Refused("line 7".into())));
    let told = status(&mut site);
    assert_eq!(told.state, SystemState::PartiallyDisabled);
    assert!(told.reason.contains("go on: line 7"), "{}", told.reason);
    for n in 0..2 {
        assert_eq!(dial(&mut site, NUMBER, &format!("c{n}"), "service"), None);
    }
    assert!(dial(&mut site, NUMBER, "c2", "service").is_some());

    let mut none = self::site(MONDAY_10, None);
    none.give(Input::Shadow(ShadowNews::Refused("gone".into())));
    assert!(status(&mut none).reason.contains("none are tried out: gone"));
    assert_eq!(dial(&mut none, NUMBER, "a", "service"), None);
    none.give(Input::Shadow(ShadowNews::Rules(shadow(""))));
    assert_eq!(status(&mut none).state, SystemState::Normal);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With rules that are tried out the same messages leave, and the same events are made, as
    /// without them, whatever is dialled.
    #[test]
    fn nothing_follows_from_what_is_tried_out(
        calls in prop::collection::vec((0..4_usize, 0..3_usize, 0..30_u64), 1..20),
        evening in any::<bool>(),
    ) {
        let at = if evening { MONDAY_21 } else { MONDAY_10 };
        let mut sites = [site(at, None), site(at, Some(shadow(CAP)))];
        for (n, (number, purpose, minutes)) in calls.into_iter().enumerate() {
            let number = [NUMBER, OTHER, "120", "+33123456789"][number];
            let purpose = ["service", "survey", "sales"][purpose];
            for site in &mut sites {
                site.receive(PBX, &invite(number, &n.to_string(), &format!("X-Purpose: {purpose}\n")));
                site.pass(51);
                site.durable();
                site.pass(minutes * 60_000);
            }
        }
        let [without, with] = sites;
        prop_assert_eq!(without.sent, with.sent);
        prop_assert_eq!(without.events, with.events);
    }
}
