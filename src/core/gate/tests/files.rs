//! Rule set files: what may stand in them, and what errors say.

use super::*;

const GOOD: &str = r#"
schema = 1

[ruleset.all]
applies = { region = ["US-TX", "+33"], purpose = ["sales.*"], campaign = ["c1"] }
layer = "campaign"
mode = "enforce"
zone = { source = "callee", unknown = "deny" }
purpose = { cite = "p" }
dnc = { cite = "d" }
requires = [{ id = "opt-in", any = ["consent"], cite = "r" }]
hard_ban = [{ id = "night", spans = [["00:00", "08:00"]], cite = "h" }]
ban = [{ id = "sunday", weekdays = ["sun"], exemptions = ["consent"], cite = "b" }]
window = [{ classes = ["any"], spans = [["08:00", "20:00"]], given = ["consent"], cite = "w" }]
cap = [{ id = "three", max = 3, per = "rolling:PT24H", key = ["callee", "subject"], cite = "c" }]
cooldown = [{ trigger = "label:refused", scope = ["number"], period = "forever", cite = "c" }]
guard = { last_start_before_end = "60s", decision_ttl = "5s" }

[[blackout]]
id = "flood"
region = ["US-TX"]
from = "2026-06-10T11:00:00+02:00"
until = "2026-06-11T12:00:00Z"
approved_by = ["ann", "bob"]
cite = "order"
"#;

fn error_of(name: &str, text: &str) -> String {
    Book::load(&[Source { name, text }], &shipped_calendars()).unwrap_err().to_string()
}

/// One key changed at a time; the message holds every word given.
#[test]
fn errors_name_the_key_and_what_is_allowed() {
    book_of(GOOD);
    let cases: [(&str, &str, &[&str]); 27] = [
        ("\"US-TX\", ", "\"US-XX\", ", &["line 5", "US-XX", "US-TX"]),
        ("layer = \"campaign\"", "layer = \"state\"", &["line 6", "law", "customer"]),
        ("\"enforce\"", "\"off\"", &["line 7", "dry_run"]),
        ("any = [\"consent\"]", "any = [\"yes\"]", &["line 11", "running_contract"]),
        ("any = [\"consent\"]", "any = []", &["ruleset.all.requires", "at least one"]),
        ("\"opt-in\"", "\"Opt in\"", &["requires", "lower-case"]),
        ("\"opt-in\"", "\"dnc\"", &["requires", "dnc", "gate's own"]),
        ("\"opt-in\"", "\"night\"", &["requires", "night", "twice"]),
        ("[\"sun\"]", "[\"sunday\"]", &["line 13", "mon", "sun"]),
        ("exemptions = [\"consent\"]", "exemptions = [\"boss\"]", &["line 13", "consent"]),
        ("id = \"sunday\"", "id = \"sunday\", spans = []", &["ban", "whole day"]),
        ("[\"any\"], spans = [[\"08:00\", \"20:00\"]]", "[\"any\"], spans = []", &["window"]),
        ("max = 3", "max = 0", &["cap \"three\"", "1 to 1000"]),
        ("max = 3", "max = -1", &["line 15", "u16"]),
        ("PT24H", "P24H", &["line 15", "rolling:PT24H", "calendar:week"]),
        ("\"callee\", \"subject\"", "\"caller_id\"", &["line 15", "never one"]),
        ("\"callee\", \"subject\"", "\"subject\"", &["cap \"three\"", "callee or customer"]),
        ("\"number\"", "\"site\"", &["line 16", "customer"]),
        ("[\"number\"]", "[\"customer\"]", &["cooldown", "scope", "number"]),
        ("\"forever\"", "\"always\"", &["line 16", "P90D"]),
        ("key = [", "keys = [", &["line 15", "unknown field", "keys", "key"]),
        ("\"ann\", \"bob\"", "\"ann\", \"ann\"", &["blackout \"flood\"", "two different"]),
        ("\"ann\", \"bob\"", "\"ann\"", &["blackout \"flood\"", "two different"]),
        ("2026-06-11T12", "2026-06-10T08", &["blackout \"flood\"", "after from"]),
        ("2026-06-11T12", "2029-06-11T12", &["blackout \"flood\"", "366 days"]),
        ("12:00:00Z", "12:00:00", &["line 23", "offset"]),
        (
            "cite = \"b\"",
            "cite = \"b\", effective = { from = \"2026-02-01\", until = \"2026-01-01\" }",
            &["ban.effective", "until"],
        ),
    ];
    for (old, new, words) in cases {
        let text = GOOD.replacen(old, new, 1);
        assert_ne!(text, GOOD, "{old}");
        let err = error_of("my.toml", &text);
        assert!(err.starts_with("my.toml: "), "{err}");
        for word in words {
            assert!(err.contains(word), "{old} -> {new}: no {word:?} in: {err}");
        }
    }
}

/// JSON of the same shape is the same rule set; its errors name the line, too.
#[test]
fn json_is_read_as_toml_is() {
    let value: serde_json::Value = toml::from_str(GOOD).unwrap();
    let text = serde_json::to_string_pretty(&value).unwrap();
    let json = Book::load(&[Source { name: "r.json", text: &text }], &shipped_calendars()).unwrap();
    let toml = book_of(GOOD);
    let (json, toml) = (&json.sets[0], &toml.sets[0]);
    assert_eq!(format!("{:?}", json.spec), format!("{:?}", toml.spec));
    let bad = text.replace("\"mon\"", "\"x\"").replace("\"sun\"", "\"sunday\"");
    let err = error_of("r.json", &bad);
    for word in ["r.json: ", "line ", "\"sunday\"", "mon, tue"] {
        assert!(err.contains(word), "no {word:?} in: {err}");
    }
    let twice = r#"{"schema": 1, "ruleset": {"a": {}, "a": {}}}"#;
    let err = error_of("r.json", twice);
    assert!(err.contains("line 1"), "{err}");
    let set = serde_json::to_string(&value["ruleset"]["all"]).unwrap();
    let twice = format!("{{\"schema\": 1, \"ruleset\": {{\"a\": {set}, \"a\": {set}}}}}");
    assert!(error_of("r.json", &twice).contains("\"a\" stands there twice"));
}

#[test]
fn only_the_sets_named_are_kept() {
    let two = format!("{OPEN_ALL_HOURS}{}", shipped_rules()[0].text.replace("schema = 1", ""));
    let kept = book_of(&two).keep(&["open-all-hours".to_owned()]).unwrap();
    assert_eq!(kept.ruleset_names(), ["open-all-hours"]);
    assert_eq!(kept.always_allow(), ["110", "112", "119", "120", "122"]);
    assert_eq!(book_of(&two).keep(&["other".to_owned()]).unwrap_err(), "other");
}

/// Rules that sleep say so, and decide nothing.
#[test]
fn a_rule_that_is_off_says_why() {
    let text = OPEN_ALL_HOURS.replace(
        "[[ruleset.open-all-hours.window]]",
        "[[ruleset.open-all-hours.hard_ban]]\nid = \"night\"\nspans = [[\"00:00\", \"24:00\"]]\n\
         cite = \"test\"\ndisabled = \"no source was seen\"\n[[ruleset.open-all-hours.window]]",
    );
    let book = book_of(&text);
    let number = dialed("+12125550123");
    let ask = Ask {
        dialed: &number,
        purpose: Some("x"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    let at = wall("2026-03-01T03:00:00Z");
    let Ruling::Decided(decided) = book.decide(&DncList::default(), &ask, at) else { panic!() };
    assert_eq!(decided.verdict, Verdict::Allow);
    let night = decided.rules.iter().find(|rule| rule.id == "night").unwrap();
    assert_eq!(night.inputs, "disabled: no source was seen");
    assert_eq!(night.outcome, RuleOutcome::NotApplicable);
    assert_eq!(book.next_allowed(&DncList::default(), &ask, at), Some(at));
}
