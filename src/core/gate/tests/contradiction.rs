//! Rules that can be read and must not come into force.

use super::*;

const SET: &str = r#"
[ruleset.one]
applies = { region = ["FR"], purpose = ["sales"] }
zone = { source = "callee" }
purpose = { cite = "p" }
dnc = { cite = "d" }
hard_ban = [{ id = "night", spans = [["00:00", "08:00"], ["20:00", "24:00"]], cite = "h" }]
ban = [{ id = "sunday", weekdays = ["sun"], exemptions = ["consent"], cite = "b" }]
window = [{ classes = ["any"], spans = [["08:00", "12:00"], ["12:00", "20:00"]], cite = "w" }]
"#;

fn told(text: &str) -> Option<String> {
    book_of(&format!("schema = 1\n{text}")).contradiction().map(|error| error.to_string())
}

/// One change each, and what is told of it; nothing: it may come into force.
#[test]
fn slips_are_named_and_what_is_only_odd_is_not() {
    for (old, new, expected) in [
        ("x", "x", None),
        ("\"08:00\"], [\"20:00\"", "\"12:00\"], [\"12:00\"", Some("ruleset.one: no hour is open")),
        // Open for some, whatever has to be shown for it.
        (
            "spans = [[\"08:00\", \"12:00\"], [\"12:00\"",
            "given = [\"consent\"], spans = [[\"12:00\"",
            None,
        ),
        (
            "[\"12:00\", \"20:00\"]",
            "[\"11:59\", \"20:00\"]",
            Some("window 1: 08:00-12:00 and 11:59-20:00"),
        ),
        (
            "\"08:00\"], [\"20:00\"",
            "\"08:00\"], [\"07:00\"",
            Some("hard_ban night: 00:00-08:00 and 07:00"),
        ),
        (
            "cite = \"w\" }]",
            "cite = \"w\" }, { classes = [\"any\"], spans = [[\"21:00\", \"22:00\"]], cite = \"w\" }]",
            Some("ruleset.one.window 2: bans close it"),
        ),
        (
            "cite = \"w\" }]",
            "cite = \"w\" }, { classes = [\"any\"], spans = [[\"21:00\", \"22:00\"]], cite = \"w\", disabled = \"why\" }]",
            None,
        ),
        // Two windows that open the same hours are odd and harmless.
        (
            "cite = \"w\" }]",
            "cite = \"w\" }, { classes = [\"any\"], spans = [[\"09:00\", \"10:00\"]], cite = \"w\" }]",
            None,
        ),
        ("cite = \"h\"", "cite = \"\"", None),
        ("zone =", "mode = \"dry_run\"\nhard_ban = []\nzone =", None),
    ] {
        let text = SET.replacen(old, new, 1);
        let text = if new.contains("hard_ban = []") {
            text.replace("hard_ban = []\n", "").replace("08:00\"], [\"20:00", "12:00\"], [\"12:00")
        } else {
            text
        };
        let found = told(&text);
        match expected {
            None => assert_eq!(found, None, "{new}"),
            Some(words) => {
                let found = found.unwrap_or_else(|| panic!("{new} is fine"));
                assert!(found.contains(words) && found.contains("one"), "{found}");
            }
        }
    }
    assert_eq!(Book::shipped().unwrap().contradiction(), None);
}

/// Sets of two files name both; sets that meet in another time of theirs do not contradict.
#[test]
fn sets_that_never_meet_are_named_with_their_files() {
    let early = SET.replace("[\"12:00\", \"20:00\"]", "[\"12:00\", \"14:00\"]");
    let late = SET
        .replace("ruleset.one", "ruleset.two")
        .replace("[\"08:00\", \"12:00\"], [\"12:00\"", "[\"14:00\"");
    let load = |late: &str| {
        let (a, b) = (format!("schema = 1\n{early}"), format!("schema = 1\n{late}"));
        let sources = [Source { name: "a.toml", text: &a }, Source { name: "b.toml", text: &b }];
        Book::load(&sources, &shipped_calendars()).unwrap().contradiction()
    };
    let error = load(&late).unwrap().to_string();
    assert!(error.starts_with("a.toml: ruleset.one and ruleset.two of b.toml apply"), "{error}");
    let window = "{ classes = [\"any\"], spans = [[\"08:00\", \"9:00\"]], cite = \"w\", effective = { from = \"2027-01-01\" } }";
    let later = late.replace(
        "cite = \"w\" }]",
        &format!("cite = \"w\" }}, {}]", window.replace("\"9:00", "\"09:00")),
    );
    assert_eq!(load(&later), None, "from 2027 on they meet");
    assert_eq!(load(&late.replace("[\"sales\"]", "[\"survey\"]")), None);
}
