//! The numbers and names that a call may show.

use super::*;
use crate::model::Named as _;

const RULES: &str = r#"
schema = 1
[ruleset.own]
applies = { region = ["*"], purpose = ["*"] }
zone = { source = "fixed:Etc/UTC" }
purpose = { cite = "test" }
dnc = { cite = "test" }
window = [{ classes = ["any"], spans = [["00:00", "24:00"]], cite = "test" }]

[[ruleset.own.caller_id]]
id = "sales-number"
purpose = ["sales.*"]
numbers = ["95519", "021-95519"]
names = ["示例保险"]
cite = "test"

[[ruleset.own.caller_id]]
id = "survey-number"
purpose = ["survey"]
numbers = ["+864008001234"]
effective = { from = "2026-12-01" }
cite = "test"
"#;

fn shown(number: &str) -> ShownCaller {
    let plan = DialPlan { home_area: Some("10".into()), ..DialPlan::default() };
    let (number, name) = number.split_once('/').unwrap_or((number, ""));
    ShownCaller::shown(&Normalizer::new(plan).unwrap(), number, name)
}

/// `allow`, or the rule that refuses; and what the rule `id` says.
fn answer(caller: &ShownCaller, purpose: &str, at: &str, id: &str) -> (String, String) {
    let book = Book::load_rules(&[source(RULES)]).unwrap();
    let dialed = dialed("13800138000");
    let given = Given { caller: Some(caller), ..Given::default() };
    let ask =
        Ask { dialed: &dialed, purpose: Some(purpose), ruleset: None, number_ref: None, given };
    let list = DncList::default();
    let Ruling::Decided(decided) = book.decide(&list, &ask, wall(at)) else { unreachable!() };
    let said = decided.rules.iter().find(|rule| rule.id == id);
    let said = said.map(|rule| format!("{} {}", rule.outcome.name(), rule.inputs));
    // What is refused for a number that is shown is refused at any time.
    let next = book.next_allowed(&list, &ask, wall(at));
    match decided.verdict {
        Verdict::Allow => assert_eq!(next, Some(wall(at))),
        Verdict::Deny => assert!(next.is_none_or(|next| next > wall(at))),
    }
    let verdict = match decided.verdict {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Deny => decided.denying_rule().to_owned(),
    };
    (verdict, said.unwrap_or_default())
}

const NOW: &str = "2026-11-23T10:00:00Z";

#[test]
fn only_listed_numbers_are_shown() {
    for (caller, purpose, verdict) in [
        // number/name shown, purpose | verdict
        ("95519", "sales.life", "allow"),
        ("+862195519", "sales.life", "allow"),
        ("02195519", "sales.life", "allow"),
        ("95519/示例保险", "sales.life", "allow"),
        ("95519/客服中心", "sales.life", "sales-number"),
        ("95519/示例保险公司", "sales.life", "sales-number"),
        ("13900139000", "sales.life", "sales-number"),
        ("1001", "sales.life", "sales-number"),
        ("anonymous", "sales.life", "sales-number"),
        ("", "sales.life", "sales-number"),
        ("02195519", "service", "allow"),
        ("13900139000", "service", "allow"),
    ] {
        let (said, _) = answer(&shown(caller), purpose, NOW, "sales-number");
        assert_eq!(said, verdict, "{caller} {purpose}");
    }
    let (_, said) = answer(&shown("13900139000"), "sales.life", NOW, "sales-number");
    assert_eq!(said, "deny shown=139****9000 not listed");
    let (_, said) = answer(&shown("95519/Ann"), "sales.life", NOW, "sales-number");
    assert_eq!(said, "deny shown=95519 listed, name not listed");
    let (_, said) = answer(&shown("95519"), "service", NOW, "sales-number");
    assert_eq!(said, "not_applicable purposes=sales.*");
}

#[test]
fn what_is_not_known_refuses_and_what_comes_later_does_not() {
    let (verdict, said) = answer(&ShownCaller::Unknown, "sales.life", NOW, "sales-number");
    assert_eq!(verdict, "sales-number");
    assert_eq!(said, "deny it is not known what number is shown");
    let (verdict, said) = answer(&ShownCaller::Later, "sales.life", NOW, "sales-number");
    assert_eq!(verdict, "allow");
    assert_eq!(said, "not_applicable judged when the call is at the trunk");
}

#[test]
fn a_rule_about_numbers_has_its_days() {
    let other = shown("95519");
    assert_eq!(answer(&other, "survey", NOW, "survey-number").0, "allow");
    let later = "2026-12-01T00:00:00Z";
    assert_eq!(answer(&other, "survey", later, "survey-number").0, "survey-number");
    assert_eq!(answer(&shown("400-800-1234"), "survey", later, "survey-number").0, "allow");
}

#[test]
fn a_name_that_tells_nobody_who_calls_is_refused_in_the_file() {
    for (from, to, told) in [
        ("示例保险", "客服中心", "客服中心 tells nobody who is calling"),
        ("示例保险", "调查机构", "调查机构 tells nobody who is calling"),
        ("\"95519\", \"021-95519\"", "\"8001\"", "\"8001\" is no number that a network shows"),
        ("numbers = [\"+864008001234\"]", "numbers = []", "numbers lists at least one value"),
        ("sales-number", "window", "is the gate's own"),
    ] {
        let text = RULES.replacen(from, to, 1);
        let error = Book::load_rules(&[source(&text)]).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
