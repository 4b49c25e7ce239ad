//! What dialled strings mean.

use super::*;

pub(super) fn word(dialed: &Dialed) -> String {
    match dialed {
        Dialed::Emergency(_) => "emergency".to_owned(),
        Dialed::Internal(_) => "internal".to_owned(),
        Dialed::Number(number) => number.as_str().to_owned(),
        Dialed::Short(code) => format!("short {code}"),
        Dialed::Invalid(why) => why.to_string(),
    }
}

/// Rows: dialled (one cell, `_` is a space) | meaning.
#[track_caller]
fn check(plan: DialPlan, table: &str) {
    let normalizer = Normalizer::new(plan).unwrap();
    for (cells, expected) in rows(table) {
        let text = cells[0].replace('_', " ");
        assert_eq!(word(&normalizer.read(&text)), expected, "{text}");
    }
}

fn internal(patterns: &[&str]) -> DialPlan {
    let internal = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    DialPlan { internal, ..DialPlan::default() }
}

#[test]
fn national_and_international_forms() {
    check(
        DialPlan::default(),
        "
        13800138000          | +8613800138000
        013800138000         | +8613800138000
        +8613800138000       | +8613800138000
        008613800138000      | +8613800138000
        8613800138000        | +8613800138000
        138-0013-8000        | +8613800138000
        138_0013_8000        | +8613800138000
        +86_138.0013.8000    | +8613800138000
        １３８００１３８０００  | +8613800138000
        ＋８６－１３８００１３８０００ | +8613800138000
        17012345678          | +8617012345678
        19912345678          | +8619912345678
        12800138000          | not in the numbering plan
        1380013800           | not in the numbering plan
        138001380000         | not in the numbering plan
        010-62345678         | +861062345678
        (010)62345678        | +861062345678
        （０１０）６２３４５６７８ | +861062345678
        02161234567          | +862161234567
        0755-23456789        | +8675523456789
        4008001234           | +864008001234
        8008101234           | +868008101234
        02195519             | +862195519
        0013800138000        | +13800138000
        +12125550123         | +12125550123
        0012125550123        | +12125550123
        +85223456789         | +85223456789
        00886223456789       | +886223456789
    ",
    );
}

#[test]
fn short_codes_are_external() {
    check(
        DialPlan::default(),
        "
        10086     | short 10086
        10000     | short 10000
        95519     | short 95519
        955190    | short 955190
        96110     | short 96110
        12345     | short 12345
        12315     | short 12315
        114       | short 114
        10106060  | short 10106060
        116114    | short 116114
        # with the country's code; and behind an area code, that city's office
        +8610086  | short 10086
        008695519 | short 95519
        01012345  | +861012345
        01010086  | +861010086
        02112315  | +862112315
        075512345 | short 075512345
        +8675512345 | short 075512345
        0571114   | short 0571114
        0571113   | short 0571113
        05711     | not in the numbering plan
        13000     | not in the numbering plan
        8001      | not in the numbering plan
        1234      | not in the numbering plan
        9551      | not in the numbering plan
    ",
    );
}

#[test]
fn extensions_are_cut_off() {
    check(
        internal(&["8000-8999"]),
        "
        010-62345678转8001       | +861062345678
        010-62345678_转_8001     | +861062345678
        010-62345678-8001        | +861062345678
        010-62345678分机8001     | +861062345678
        010-62345678ext.8001     | +861062345678
        010-62345678x8001        | +861062345678
        010-62345678,8001        | +861062345678
        010-62345678，8001       | +861062345678
        010-62345678;ext=8001    | +861062345678
        tel:+86-10-62345678;ext=12 | +861062345678
        13800138000转abc         | has signs that are not dialable
        # an extension makes nothing internal and nothing an emergency
        8001转13800138000        | not in the numbering plan
        110转13800138000         | has signs that are not dialable
        110,13800138000          | has signs that are not dialable
    ",
    );
}

#[test]
fn uris() {
    check(
        internal(&["8000-8999"]),
        "
        tel:+8613800138000                           | +8613800138000
        tel:+86-138-0013-8000;isub=1                 | +8613800138000
        TEL:13800138000                              | +8613800138000
        tel:62345678;phone-context=+8610             | +861062345678
        tel:8001;phone-context=pbx.example           | internal
        tel:110                                      | emergency
        sip:13800138000@pbx.example                  | +8613800138000
        sip:+8613800138000@pbx.example;user=phone    | +8613800138000
        sips:+8613800138000;npdi@pbx.example         | +8613800138000
        sip:%2B8613800138000@pbx.example             | +8613800138000
        sip:13800138000:secret@pbx.example           | +8613800138000
        13800138000@pbx.example                      | +8613800138000
        sip:8001@pbx.example                         | internal
        sip:110@pbx.example                          | emergency
        sip:pbx.example                              | has signs that are not dialable
        sip:alice@pbx.example                        | has signs that are not dialable
        sip:%zz@pbx.example                          | has signs that are not dialable
        sip:%2@pbx.example                           | has signs that are not dialable
        sip:@pbx.example                             | empty
    ",
    );
}

#[test]
fn the_outside_prefix_is_stripped_first() {
    let plan = |prefix: &str| DialPlan {
        outside_prefix: vec![prefix.to_owned()],
        ..internal(&["8000-8999"])
    };
    check(
        plan("0"),
        "
        # read without the plan, this is a number in North America
        0013800138000   | +8613800138000
        013800138000    | +8613800138000
        001062345678    | +861062345678
        0110            | emergency
        110             | emergency
        095519          | short 95519
        8001            | internal
        +8613800138000  | +8613800138000
        00012125550123  | +12125550123
    ",
    );
    check(
        plan("9"),
        "
        9013800138000   | +8613800138000
        913800138000    | +8613800138000
        9110            | emergency
        995519          | short 95519
        9               | empty
        # after the prefix nothing is an extension
        98001           | not in the numbering plan
    ",
    );
}

#[test]
fn local_numbers_need_an_area() {
    check(
        DialPlan::default(),
        "
        62345678  | local number without an area code
        2345678   | local number without an area code
    ",
    );
    check(
        DialPlan { home_area: Some("10".to_owned()), ..DialPlan::default() },
        "
        62345678  | +861062345678
        6234567   | not in the numbering plan
    ",
    );
}

#[test]
fn the_plan_says_what_is_internal() {
    check(
        internal(&["8000-8999", "6XXX", "*97", "62345678"]),
        "
        8000      | internal
        8999      | internal
        9000      | not in the numbering plan
        80000     | not in the numbering plan
        800       | not in the numbering plan
        6123      | internal
        *97       | internal
        *98       | feature code outside the dial plan
        *6713800138000 | feature code outside the dial plan
        #31#13800138000 | feature code outside the dial plan
        62345678  | internal
        # not by length: four digits that the plan does not know stay outside
        7001      | not in the numbering plan
        # an internal range cannot swallow an emergency number
        110       | emergency
    ",
    );
    check(
        internal(&["100-199"]),
        "
        110 | emergency
        111 | internal
    ",
    );
}

#[test]
fn emergency_numbers_in_their_forms() {
    check(
        DialPlan::default(),
        "
        110      | emergency
        １１０   | emergency
        119      | emergency
        120      | emergency
        122      | emergency
        112      | emergency
        +86110   | emergency
        010110   | emergency
        0755120  | emergency
        1100     | not in the numbering plan
        911      | not in the numbering plan
    ",
    );
}

#[test]
fn noise_is_refused() {
    let long = "1".repeat(33);
    let longer = "1".repeat(300);
    let normalizer = Normalizer::new(DialPlan::default()).unwrap();
    for (text, expected) in [
        ("", InvalidNumber::Empty),
        ("   ", InvalidNumber::Empty),
        ("+", InvalidNumber::Empty),
        ("++8613800138000", InvalidNumber::NotDialable),
        ("138001+38000", InvalidNumber::NotDialable),
        ("1380013800O", InvalidNumber::NotDialable),
        ("\u{0}13800138000", InvalidNumber::NotDialable),
        (&long, InvalidNumber::TooLong),
        (&longer, InvalidNumber::TooLong),
    ] {
        assert_eq!(normalizer.read(text), Dialed::Invalid(expected), "{text:?}");
    }
}

#[test]
fn a_bad_dial_plan_names_the_key() {
    let bad = |change: fn(&mut DialPlan)| {
        let mut plan = DialPlan::default();
        change(&mut plan);
        Normalizer::new(plan).unwrap_err().key
    };
    for region in ["XX", "cn", "China", ""] {
        let plan = DialPlan { home_region: region.into(), ..DialPlan::default() };
        let error = Normalizer::new(plan).unwrap_err();
        assert_eq!((error.key, error.value.as_str()), ("home_region", region));
    }
    for (prefixes, value, allowed) in [
        (vec![""], "", "one to four digits"),
        (vec!["9,"], "9,", "one to four digits"),
        (vec!["0", "12345"], "12345", "one to four digits"),
        (vec!["9", "0", "91"], "91", "prefixes none of which begins with another one"),
        (vec!["0", "0"], "0", "prefixes none of which begins with another one"),
    ] {
        let outside_prefix = prefixes.iter().map(|p| (*p).to_owned()).collect();
        let error = Normalizer::new(DialPlan { outside_prefix, ..DialPlan::default() });
        let DialPlanError { key, value: told, allowed: fits } = error.unwrap_err();
        assert_eq!((key, told.as_str(), fits), ("outside_prefix", value, allowed));
    }
    assert_eq!(bad(|plan| plan.home_area = Some("010".into())), "home_area");
    assert_eq!(bad(|plan| plan.emergency.push("1".repeat(7))), "emergency");
    for pattern in ["", "8*00-9", "800-8999", "8999-8000", "6yyy", "-"] {
        let plan = internal(&[pattern]);
        assert_eq!(Normalizer::new(plan).unwrap_err().key, "internal", "{pattern}");
    }
    assert!(toml::from_str::<DialPlan>("outside_prefix = 0").is_err());
    let err = toml::from_str::<DialPlan>("outside_prefix = \"0\"\nhome = \"CN\"").unwrap_err();
    assert!(err.to_string().contains("line 2"), "{err}");
}

#[test]
fn no_number_is_printed_by_debug() {
    for text in ["13800138000", "tel:+861062345678;ext=12", "8001"] {
        let shown = format!("{:?}", dialed(text));
        assert!(!shown.contains("00138000") && !shown.contains("62345678"), "{shown}");
    }
}
