//! The answer of `gate explain`.

use super::*;

fn ask(number: &'static str, at: &'static str) -> ExplainAsk<'static> {
    ExplainAsk {
        number,
        purpose: Some("service"),
        at,
        ruleset: None,
        list_key: None,
        given: Given::default(),
        deadline: None,
    }
}

fn answer(question: &ExplainAsk<'_>) -> Result<Explanation, ExplainError> {
    let plan = Normalizer::new(DialPlan { internal: vec!["8XXX".into()], ..DialPlan::default() });
    explain(&seed_book(), &DncList::default(), &plan.unwrap(), question)
}

#[test]
fn json_of_a_holiday() {
    let found = answer(&ask("138-0013-8000", "2026-10-05T10:00:00+08:00")).unwrap();
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["verdict"], "deny");
    assert_eq!(json["number"], "138****8000");
    assert_eq!(json["day_class"], "holiday");
    assert_eq!(json["next_allowed_at"], "2026-10-08T08:30:00+08:00");
    assert_eq!(json["zone"], "Asia/Shanghai");
    assert_eq!(json["local_time"], "2026-10-05T10:00:00+08:00");
    assert_eq!(json["ruleset"], "cn-seed-service");
    assert_eq!(json["exempt"], serde_json::Value::Null);
    let rules = json["rules"].as_array().unwrap();
    let holiday = rules.iter().find(|rule| rule["id"] == "statutory-holiday").unwrap();
    assert_eq!(holiday["verdict"], "deny");
    assert_eq!(holiday["inputs"], "date=2026-10-05 class=holiday scope=block");
    assert!(holiday["citation"].as_str().unwrap().starts_with("001 "));
    assert!(!json.to_string().contains("00138000"), "{json}");
}

#[test]
fn text_for_people_has_the_same() {
    let text = answer(&ask("13800138000", "2026-10-05T10:00:00+08:00")).unwrap().text();
    for word in ["DENY", "138****8000", "statutory-holiday", "2026-10-08T08:30:00+08:00", "holiday"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains("00138000"), "{text}");
    let exempt = answer(&ask("110", "2026-10-05T10:00:00+08:00")).unwrap();
    assert_eq!((exempt.verdict, exempt.exempt), ("allow", Some("emergency")));
    assert!(exempt.text().contains("not gated (emergency)"), "{}", exempt.text());
    let inside = answer(&ask("8001", "2026-10-05T10:00:00+08:00")).unwrap();
    assert_eq!(inside.exempt, Some("internal"));
}

#[test]
fn a_foreign_number_says_why() {
    let found = answer(&ask("+85223456789", "2026-01-05T10:00:00+08:00")).unwrap();
    assert_eq!((found.verdict, found.next_allowed_at), ("deny", None));
    assert_eq!(found.rules[0].id, "no_ruleset");
    assert!(found.rules[0].inputs.contains("region=HK"), "{:?}", found.rules[0]);
    assert_eq!(found.zone, "Asia/Hong_Kong");
}

#[test]
fn questions_that_make_no_sense() {
    let at = "2026-10-05T10:00:00+08:00";
    let bad_set = ExplainAsk { ruleset: Some("cn"), ..ask("13800138000", at) };
    let told = answer(&bad_set).unwrap_err().to_string();
    assert_eq!(told, "no rule set is called \"cn\"; there are: cn-seed-service");
    for bad in ["", "now", "2026-10-05", "2026-10-05T10:00:00", "2026-13-05T10:00:00Z"] {
        let question = ExplainAsk { at: bad, ..ask("13800138000", at) };
        assert_eq!(answer(&question), Err(ExplainError::BadInstant { text: bad.to_owned() }));
    }
    for bad in ["", "Service", "service call", "a..b", "a."] {
        let question = ExplainAsk { purpose: Some(bad), ..ask("13800138000", at) };
        assert_eq!(answer(&question), Err(ExplainError::BadPurpose { text: bad.to_owned() }));
    }
    let none = ExplainAsk { purpose: None, ..ask("13800138000", at) };
    assert_eq!(answer(&none).unwrap().rules[0].inputs, "missing");
}

#[test]
fn the_list_is_asked_by_key() {
    let mut list = DncList::default();
    list.insert(key(3), Some("2026-01-20")).unwrap();
    let plan = Normalizer::new(DialPlan::default()).unwrap();
    let by = |dialed: &Dialed| dialed.list_key().map(|_| key(3));
    let question =
        ExplainAsk { list_key: Some(&by), ..ask("13800138000", "2026-01-05T10:00:00+08:00") };
    let found = explain(&seed_book(), &list, &plan, &question).unwrap();
    assert_eq!(found.verdict, "deny");
    assert_eq!(found.next_allowed_at.as_deref(), Some("2026-01-21T08:30:00+08:00"));
    let rule = found.rules.iter().find(|rule| rule.id == "dnc").unwrap();
    assert_eq!(rule.inputs, "blocked through 2026-01-20");
}
