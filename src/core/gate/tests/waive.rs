//! Overrides by two people, second by second.

use super::*;

const OVERRIDE: &str = r#"
schema = 1
[override]
approvers = 2
max_ttl = "PT2H"
per = "call"
cannot = ["hard_ban", "ban", "dnc", "unknown_zone"]
cite = "A1"
"#;

fn book_with(more: &[&str], keep: &[&str]) -> Book {
    let mut rules = shipped_rules().to_vec();
    rules.extend(more.iter().map(|text| source(text)));
    let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
    Book::load(&rules, &shipped_calendars()).unwrap().keep(&keep).unwrap()
}

fn approved() -> Waived {
    Waived {
        id: "o-1".to_owned(),
        requested_by: "carol".to_owned(),
        approved_by: vec!["anna".to_owned(), "bob".to_owned()],
    }
}

/// Verdict, refusing rules, and what the override rule says, without and with an override.
fn both(book: &Book, list: &DncList, number: &str, purpose: &str, at: &str) -> String {
    let number = dialed(number);
    let ask = Ask {
        dialed: &number,
        purpose: Some(purpose),
        ruleset: None,
        number_ref: Some(key(1)),
        given: Given::default(),
    };
    let told = |waived: Option<&Waived>| {
        let ruling = book.decide(
            list,
            &Ask { given: Given { waived, ..Given::default() }, ..ask },
            wall(at),
        );
        let Ruling::Decided(decided) = &ruling else { panic!("exempt") };
        let rule = decided.rules.iter().find(|rule| rule.id == "override");
        let rule = rule.map_or("-", |rule| rule.inputs.split(' ').next().unwrap());
        format!("{} [{rule}]", say(&ruling))
    };
    format!("{} | {}", told(None), told(Some(&approved())))
}

#[test]
fn only_the_time_between_window_and_envelope_can_be_opened() {
    let book = book_with(&[OVERRIDE], &["cn-seed-service"]);
    for (at, expected) in [
        // A Monday.
        ("2026-01-05T07:59:59", "deny night window [never:] | deny night window [never:]"),
        ("2026-01-05T07:59:59.999999", "deny night window [never:] | deny night window [never:]"),
        ("2026-01-05T08:00:00", "deny window [possible:] | allow [id=o-1]"),
        ("2026-01-05T08:29:59.999999", "deny window [possible:] | allow [id=o-1]"),
        ("2026-01-05T08:30:00", "allow [-] | allow [-]"),
        ("2026-01-05T17:29:59", "allow [-] | allow [-]"),
        ("2026-01-05T17:30:00", "deny window [possible:] | allow [id=o-1]"),
        ("2026-01-05T19:59:59.999999", "deny window [possible:] | allow [id=o-1]"),
        ("2026-01-05T20:00:00", "deny night window [never:] | deny night window [never:]"),
        // A Saturday: 09:00 to 17:00.
        ("2026-01-10T08:59:59", "deny window [possible:] | allow [id=o-1]"),
        ("2026-01-10T17:00:00", "deny window [possible:] | allow [id=o-1]"),
        // National day, and a make-up Saturday.
        (
            "2026-10-01T10:00:00",
            "deny statutory-holiday window [never:] | deny statutory-holiday window [never:]",
        ),
        ("2026-10-10T08:15:00", "deny window [possible:] | allow [id=o-1]"),
        // Between 26 and 31 December the hours are narrowed: nobody knows the day for sure.
        ("2026-12-28T08:15:00", "deny window [never:] | deny window [never:]"),
    ] {
        let at = format!("{at}+08:00");
        let list = DncList::default();
        assert_eq!(both(&book, &list, "13800138000", "service", &at), expected, "{at}");
    }
}

#[test]
fn nothing_else_is_ever_opened() {
    let early = "2026-01-05T08:15:00+08:00";
    let none = DncList::default();
    let book = book_with(&[OVERRIDE], &["cn-seed-service", "cn-insurance-sales"]);
    let mut list = DncList::default();
    list.insert(key(1), Some("2026-01-05")).unwrap();
    let told = both(&book, &list, "13800138000", "service", early);
    assert_eq!(told, "deny dnc window [never:] | deny dnc window [never:]");
    // A law's hours.
    let told = both(&book, &none, "13800138000", "sales", early);
    assert!(told.ends_with("[never:]") && !told.contains("allow"), "{told}");
    // A number that may be anywhere, a purpose that nobody covers.
    for (number, purpose) in [("+88212345678", "service"), ("13800138000", "other")] {
        let told = both(&book, &none, number, purpose, early);
        assert!(!told.contains("allow") && !told.contains("possible"), "{told}");
    }
    // Without the section there is no override at all.
    let plain = seed_book();
    let told = both(&plain, &none, "13800138000", "service", early);
    assert_eq!(told, "deny window [-] | deny window [-]");
    assert_eq!(plain.override_policy(), None);
}

/// A set without a hard ban has no envelope; a blackout, a cap and a company's ban stay shut.
#[test]
fn a_company_needs_an_envelope_to_open_its_hours() {
    let set = |more: &str| {
        format!(
            r#"schema = 1
            [ruleset.own]
            applies = {{ region = ["CN-mainland"], purpose = ["*"] }}
            zone = {{ source = "callee" }}
            purpose = {{ cite = "c" }}
            dnc = {{ cite = "c" }}
            window = [{{ classes = ["any"], spans = [["09:00", "17:00"]], cite = "c" }}]
            {more}"#
        )
    };
    let night = r#"hard_ban = [{ id = "night", spans = [["00:00", "08:00"]], cite = "c" }]"#;
    let lunch =
        r#"ban = [{ id = "lunch", classes = ["any"], spans = [["08:00", "08:20"]], cite = "c" }]"#;
    let at = "2026-01-05T08:15:00+08:00";
    for (more, expected) in [
        (String::new(), "deny window [never:]"),
        (night.to_owned(), "allow [id=o-1]"),
        (format!("{night}\n{lunch}"), "deny lunch window [never:]"),
        (night.replace("cite", "disabled = \"later\", cite"), "deny window [never:]"),
    ] {
        let book = book_with(&[OVERRIDE, &set(&more)], &["own"]);
        let told = both(&book, &DncList::default(), "13800138000", "service", at);
        assert!(told.ends_with(expected), "{more}: {told}");
    }
}

/// Where a number may be in several zones, all of them must leave room.
#[test]
fn the_envelope_of_every_zone_counts() {
    let own = r#"schema = 1
        [ruleset.own]
        applies = { region = ["US"], purpose = ["*"] }
        zone = { source = "callee" }
        purpose = { cite = "c" }
        dnc = { cite = "c" }
        window = [{ classes = ["any"], spans = [["09:00", "17:00"]], cite = "c" }]
        hard_ban = [{ id = "night", spans = [["00:00", "08:00"]], cite = "c" }]"#;
    let book = book_with(&[OVERRIDE, own], &["own"]);
    // 850 is in New York's and in Chicago's time: 08:30 there is 07:30 here.
    for (at, allowed) in [("2026-01-05T08:30:00-05:00", false), ("2026-01-05T08:30:00-06:00", true)]
    {
        let told = both(&book, &DncList::default(), "+18504140000", "service", at);
        assert_eq!(told.contains("| allow"), allowed, "{at}: {told}");
    }
    let told =
        both(&book, &DncList::default(), "+12124140000", "service", "2026-01-05T08:30:00-05:00");
    assert!(told.ends_with("| allow [id=o-1]"), "{told}");
}

#[test]
fn the_decision_names_the_people_and_what_they_opened() {
    let book = book_with(&[OVERRIDE], &["cn-seed-service"]);
    let number = dialed("13800138000");
    let ask = Ask {
        dialed: &number,
        purpose: Some("service"),
        ruleset: None,
        number_ref: Some(key(1)),
        given: Given { waived: Some(&approved()), ..Given::default() },
    };
    let at = wall("2026-01-05T08:15:00+08:00");
    let ruling = book.decide(&DncList::default(), &ask, at);
    let Ruling::Decided(decided) = ruling else { panic!("exempt") };
    let of = |id: &str| decided.rules.iter().find(|rule| rule.id == id).unwrap();
    assert_eq!(of("override").inputs, "id=o-1 requested_by=carol approved_by=anna, bob");
    assert_eq!(
        (of("override").outcome, of("override").citation.as_str()),
        (RuleOutcome::Allow, "A1")
    );
    assert!(of("window").inputs.ends_with(" overridden"), "{}", of("window").inputs);
    assert_eq!(of("window").outcome, RuleOutcome::Allow);
}

#[test]
fn a_section_that_would_open_more_is_refused() {
    let told = |from: &str, to: &str| {
        let text = OVERRIDE.replace(from, to);
        match Book::load_rules(&[source(&text)]) {
            Ok(book) => format!("{:?}", book.override_policy().map(|p| (p.approvers, p.ttl_max))),
            Err(error) => error.to_string(),
        }
    };
    assert!(told("", "").starts_with("Some((2, 7200s"), "{}", told("", ""));
    for (from, to, why) in [
        ("= 2", "= 1", "approvers: 2 to 5"),
        ("PT2H", "PT25H", "PT1M to PT24H"),
        ("PT2H", "2h", "PT1M to PT24H"),
        ("\"call\"", "\"day\"", "for one call"),
        ("\"dnc\", ", "", "nothing opens \"dnc\""),
        ("\"dnc\", ", "\"dnc\", \"moon\", ", "\"moon\" is not known"),
        ("cite = \"A1\"", "", "cite"),
    ] {
        let told = told(from, to);
        assert!(told.contains(why), "{to}: {told}");
    }
    // Two files: the strictest of both.
    let strict = OVERRIDE.replace("PT2H", "PT30M").replace("= 2", "= 3");
    let policy = book_with(&[OVERRIDE, &strict], &["cn-seed-service"]);
    let policy = policy.override_policy().unwrap();
    assert_eq!((policy.approvers, policy.ttl_max.as_secs()), (3, 1800));
}
