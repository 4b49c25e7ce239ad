//! What the linter says of odd rule sets.

use super::*;

const SET: &str = r#"
[ruleset.one]
applies = { region = ["FR"], purpose = ["sales"] }
zone = { source = "callee" }
purpose = { cite = "p" }
dnc = { cite = "d" }
hard_ban = [{ id = "night", spans = [["00:00", "08:00"], ["20:00", "24:00"]], cite = "h" }]
ban = [{ id = "sunday", weekdays = ["sun"], exemptions = [], cite = "b" }]
window = [{ classes = ["any"], spans = [["08:00", "12:00"], ["14:00", "20:00"]], cite = "w" }]
"#;

fn told(text: &str) -> Vec<String> {
    let found = book_of(&format!("schema = 1\n{text}")).lint();
    found.iter().map(|one| format!("{} {} {}", one.kind.name(), one.ruleset, one.rule)).collect()
}

#[test]
fn a_sound_set_has_no_finding() {
    assert_eq!(told(SET), Vec::<String>::new());
}

/// One change each, and what is found then.
#[test]
fn each_kind_is_found() {
    let window = "window = [{ classes = [\"any\"], spans = [[\"08:00\", \"12:00\"], \
                  [\"14:00\", \"20:00\"]], cite = \"w\" }";
    let more = |text: &str| format!("{window}, {text}");
    let late = "{ classes = [\"any\"], spans = [[\"21:00\", \"23:00\"]], cite = \"w\" }";
    let sunday = "{ classes = [\"any\"], weekdays = [\"sun\"], spans = [[\"09:00\", \"10:00\"]], \
                  given = [\"consent\"], cite = \"w\" }";
    let twice = "{ classes = [\"any\"], weekdays = [\"mon\"], spans = [[\"11:00\", \"15:00\"]], \
                 cite = \"w\" }";
    let cases: [(&str, String, &[&str]); 9] = [
        (window, more(late), &["unreachable-window one window 2"]),
        (window, more(sunday), &["unreachable-window one window 2"]),
        (window, more(twice), &["overlap one window 1"]),
        (window, more(&twice.replace("cite", "given = [\"consent\"], cite")), &[]),
        ("cite = \"h\"", "cite = \" \"".into(), &["no-citation one hard_ban night"]),
        ("cite = \"p\"", "cite = \"\"".into(), &["no-citation one purpose"]),
        ("cite = \"b\"", "cite = \"b\", disabled = \"why\"".into(), &["disabled one ban sunday"]),
        (
            "[\"00:00\", \"08:00\"]",
            "[\"00:00\", \"20:00\"]".into(),
            &["empty-week one ", "unreachable-window one window 1"],
        ),
        (
            "spans = [[\"08:00\", \"12:00\"], [\"14:00\", \"20:00\"]]",
            "given = [\"consent\"], spans = [[\"08:00\", \"12:00\"]]".into(),
            &["empty-week one "],
        ),
    ];
    for (old, new, expected) in cases {
        let text = SET.replacen(old, &new, 1);
        assert_ne!(text, SET, "{old}");
        assert_eq!(told(&text), expected, "{new}");
    }
    let text = SET.replace("exemptions = []", "exemptions = [\"customer_requested_callback\"]");
    assert_eq!(told(&text), Vec::<String>::new());
    let text = text.replace("weekdays = [\"sun\"]", "spans = [[\"12:00\", \"14:00\"]]");
    assert_eq!(told(&text), ["idle-exemption one ban sunday"]);
}

#[test]
fn two_sets_that_never_meet_are_a_contradiction() {
    let early = SET.replace("20:00\"]], cite = \"w\"", "15:00\"]], cite = \"w\"");
    let late = SET
        .replace("ruleset.one", "ruleset.two")
        .replace("[\"08:00\", \"12:00\"], [\"14:00\"", "[\"15:00\"");
    let both = format!("{early}{late}");
    assert_eq!(told(&both), ["contradiction one+two "]);
    for (old, new) in [
        ("[\"15:00\"", "[\"14:59\""),
        ("[\"FR\"], purpose = [\"sales\"] }\nzone", "[\"DE\"], purpose = [\"sales\"] }\nzone"),
        ("[\"sales\"] }\nzone", "[\"service\"] }\nzone"),
    ] {
        assert_eq!(told(&format!("{early}{}", late.replace(old, new))), Vec::<String>::new());
    }
    let dry = late.replace("zone =", "mode = \"dry_run\"\nzone =");
    assert_eq!(told(&format!("{early}{dry}")), Vec::<String>::new());
}
