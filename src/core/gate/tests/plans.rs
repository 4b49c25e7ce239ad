//! What dialled strings mean by the trunk they are dialled by.

use super::numbers::word;
use super::*;
use crate::model::{Named as _, mask};
use proptest::prelude::*;

fn change(text: &str) -> DialPlanChange {
    toml::from_str(text).unwrap()
}

/// A site in Beijing with a PBX of its own habits in Shanghai, and one without any.
fn plans() -> DialPlans {
    let site: DialPlan = toml::from_str(
        r#"outside_prefix = "0"
           home_area = "10"
           internal = ["8000-8999", "*97"]"#,
    )
    .unwrap();
    let pbx = |name: &str, by: &str, trunks: &[(&str, &str)]| {
        let plan = site.changed(&change(by));
        let of = |(trunk, by): &(&str, &str)| ((*trunk).to_owned(), plan.changed(&change(by)));
        let trunks = trunks.iter().map(of).collect();
        PbxDialPlan { name: name.to_owned(), plan, trunks }
    };
    let shanghai = "outside_prefix = [\"9\", \"7\"]\nhome_area = \"21\"\ninternal = [\"6XXX\"]";
    let pbxs = vec![
        pbx(
            "beijing",
            "",
            &[("PJSIP/*", "home_area = \"22\""), ("PJSIP/hz", "home_area = \"571\"")],
        ),
        pbx("shanghai", shanghai, &[]),
        pbx("plain", "outside_prefix = []\ninternal = []", &[]),
        pbx("berlin", "home_region = \"DE\"\noutside_prefix = \"0\"\nhome_area = \"30\"", &[]),
    ];
    DialPlans::new(site.clone(), pbxs).unwrap()
}

/// Rows: plan dialled (`_` is a space) | meaning | what the rule `number` says, if anything.
#[track_caller]
fn check(table: &str) {
    let plans = plans();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (plan, dialled) = cells[0].split_once(' ').unwrap();
        let dialled = dialled.trim().replace('_', " ");
        let reading = match plan {
            "site" => plans.site().look(&dialled),
            "shown" => plans.shown().look(&dialled),
            _ => match plan.split_once("!") {
                Some((pbx, endpoint)) => plans.of_endpoint(pbx, endpoint).look_outside(&dialled),
                None => plans.of(plan).look(&dialled),
            },
        };
        assert_eq!(word(&reading.dialed), cells[1], "{line}");
        let said = reading.rule().map(|rule| rule.inputs).unwrap_or_default();
        let (way, judged) = said.split_once(" judged=").unwrap_or_default();
        assert_eq!(way, cells.get(2).copied().unwrap_or_default(), "{line}");
        let number = cells[1].strip_prefix("short ").map_or_else(|| mask(cells[1]), str::to_owned);
        assert!(judged.is_empty() || judged == number, "{line}: {said}");
    }
}

#[test]
fn the_plan_of_the_trunk_reads_what_was_dialled_by_it() {
    check(
        "
        # the same string by three trunks
        beijing  0013800138000  | +8613800138000 | trunk=beijing prefix=0
        plain    0013800138000  | +13800138000
        shanghai 0013800138000  | +13800138000
        shanghai 9013800138000  | +8613800138000 | trunk=shanghai prefix=9
        shanghai 713800138000   | +8613800138000 | trunk=shanghai prefix=7
        plain    9013800138000  | not in the numbering plan
        site     0013800138000  | +8613800138000 | prefix=0
        # a PBX that is not in the configuration dials as the site does
        nowhere  0013800138000  | +8613800138000 | prefix=0
        # without the prefix: it was not needed, and nothing says otherwise
        beijing  13800138000    | +8613800138000
        beijing  +8613800138000 | +8613800138000
        # local numbers belong to the city of the trunk
        beijing  062345678      | +861062345678  | trunk=beijing prefix=0 area=10
        shanghai 962345678      | +862162345678  | trunk=shanghai prefix=9 area=21
        plain    62345678       | +861062345678  | trunk=plain area=10
        # the rest behind the prefix
        beijing  095519         | short 95519    | trunk=beijing prefix=0
        shanghai 9955190        | short 955190   | trunk=shanghai prefix=9
        beijing  04008001234    | +864008001234  | trunk=beijing prefix=0
        beijing  00012125550123 | +12125550123   | trunk=beijing prefix=0
        beijing  0010-62345678转8001 | +861062345678 | trunk=beijing prefix=0 extension=cut
        # extensions are those of the PBX
        beijing  8001           | internal
        shanghai 8001           | not in the numbering plan
        shanghai 6123           | internal
        plain    8001           | not in the numbering plan
        beijing  *97            | internal
        plain    *97            | feature code outside the dial plan
        beijing  0*97           | feature code outside the dial plan
        # emergency, bare and behind every prefix
        beijing  110            | emergency
        beijing  0120           | emergency
        shanghai 9119           | emergency
        shanghai 7122           | emergency
        plain    9119           | not in the numbering plan
    ",
    );
}

#[test]
fn a_trunk_of_a_pbx_may_have_its_own() {
    check(
        "
        # the longest name counts, and a whole one before a pattern
        beijing!PJSIP/tj   62345678 | +862262345678  | trunk=beijing/PJSIP/* area=22
        beijing!PJSIP/hz   85123456 | +8657185123456 | trunk=beijing/PJSIP/hz area=571
        beijing!sofia/a    62345678 | +861062345678  | trunk=beijing area=10
        # the switch says that it is outside: nothing is an extension there, by no length or range
        beijing!PJSIP/tj   8001     | not in the numbering plan
        beijing!PJSIP/tj   *97      | feature code outside the dial plan
        beijing!PJSIP/tj   110      | emergency
        beijing!PJSIP/tj   0013800138000 | +8613800138000 | trunk=beijing/PJSIP/* prefix=0
    ",
    );
}

#[test]
fn what_nobody_dialled_here_has_no_prefix() {
    check(
        "
        shown 01062345678    | +861062345678
        shown 02195519       | +862195519
        shown 95519          | short 95519
        shown 0013800138000  | +13800138000
        shown 008613800138000 | +8613800138000
        shown 62345678       | +861062345678 | area=10
        shown 8001           | internal
    ",
    );
}

#[test]
fn every_country_has_its_own_emergency_numbers() {
    check(
        "
        berlin 112            | emergency
        berlin 0112           | emergency
        berlin +49110         | emergency
        berlin 00301234567    | +49301234567 | trunk=berlin prefix=0
        berlin 0015112345678  | +4915112345678 | trunk=berlin prefix=0
        berlin 01234567       | +49301234567 | trunk=berlin prefix=0 area=30
        berlin 0008613800138000 | +8613800138000 | trunk=berlin prefix=0
        # China's short codes and mobile numbers are nothing there
        berlin 13800138000    | not in the numbering plan
        berlin 95519          | +493095519 | trunk=berlin area=30
        berlin 120            | not in the numbering plan
        beijing 911           | not in the numbering plan
        beijing 999           | not in the numbering plan
    ",
    );
    for (region, numbers) in [
        ("CN", "110 112 119 120 122"),
        ("US", "911"),
        ("GB", "999 112"),
        ("FR", "15 17 18 112"),
        ("DE", "110 112"),
        ("AU", "000"),
        ("IN", "112 100 101 102"),
        ("JP", "110 119"),
        ("CA", "911"),
        ("HK", "999"),
        ("CZ", "112 155"),
        ("GA", "1301"),
    ] {
        let plan = |prefix: &str| DialPlan {
            home_region: region.to_owned(),
            outside_prefix: vec![prefix.to_owned()],
            ..DialPlan::default()
        };
        for number in numbers.split(' ') {
            for prefix in ["0", "9", "81"] {
                let normalizer = Normalizer::new(plan(prefix)).unwrap();
                for dialled in [number.to_owned(), format!("{prefix}{number}")] {
                    let read = normalizer.read(&dialled);
                    assert!(matches!(read, Dialed::Emergency(_)), "{region} {dialled}: {read:?}");
                }
            }
        }
    }
}

#[test]
fn a_rule_file_adds_to_the_emergency_numbers_and_takes_none_away() {
    let plan = DialPlan { emergency: vec!["96110".into()], ..DialPlan::default() };
    let normalizer = Normalizer::new(plan).unwrap();
    for number in ["96110", "110", "119", "120", "122", "112"] {
        assert!(matches!(normalizer.read(number), Dialed::Emergency(_)), "{number}");
    }
}

#[test]
fn plans_are_found_by_their_names_and_faults_name_theirs() {
    let plans = plans();
    assert_eq!(plans.find("shanghai").unwrap().name(), "shanghai");
    assert_eq!(plans.find("beijing/PJSIP/hz").unwrap().name(), "beijing/PJSIP/hz");
    assert_eq!(plans.asked(None).unwrap().name(), "");
    let known = "beijing, beijing/PJSIP/*, beijing/PJSIP/hz, berlin, plain, shanghai";
    for unknown in ["", "PJSIP/hz", "Beijing"] {
        assert_eq!(plans.find(unknown).unwrap_err(), known);
    }
    let bad = |trunk: bool| {
        let wrong = DialPlan { home_area: Some("010".into()), ..DialPlan::default() };
        let (plan, trunks) = match trunk {
            true => (DialPlan::default(), [("PJSIP/a".to_owned(), wrong)].into()),
            false => (wrong, [].into()),
        };
        let pbx = PbxDialPlan { name: "p".into(), plan, trunks };
        let BadPlan { pbx, trunk, error } =
            DialPlans::new(DialPlan::default(), vec![pbx]).unwrap_err();
        (pbx.unwrap(), trunk, error.key)
    };
    assert_eq!(bad(false), ("p".into(), None, "home_area"));
    assert_eq!(bad(true), ("p".into(), Some("PJSIP/a".into()), "home_area"));
}

/// `always_allow.internal = false`: extensions are refused as what they are, emergencies never.
#[test]
fn a_rule_file_may_gate_extensions() {
    let text = |line: &str| {
        let shipped = shipped_rules()[0].text;
        let (head, tail) = shipped.split_once("[always_allow]\n").unwrap();
        format!("{head}[always_allow]\n{line}{tail}")
    };
    let reason = |line: &str, number: &str| {
        let text = text(line);
        let sources = [source(&text)];
        let book = Book::load_rules(&sources).unwrap();
        let dialed = dialed(number);
        let ask = Ask {
            dialed: &dialed,
            purpose: Some("service"),
            ruleset: None,
            number_ref: None,
            given: Given::default(),
        };
        match book.decide(&DncList::default(), &ask, wall("2026-11-23T10:00:00+08:00")) {
            Ruling::Exempt(exemption) => format!("{:?}", exemption.reason()),
            Ruling::Decided(decided) => {
                let rule = &decided.rules[0];
                format!("{} {} {}", decided.verdict.name(), rule.id, rule.inputs)
            }
        }
    };
    assert_eq!(reason("", "8001"), "Internal");
    assert_eq!(reason("internal = true\n", "8001"), "Internal");
    let refused = "deny number internal numbers are gated: always_allow.internal";
    assert_eq!(reason("internal = false\n", "8001"), refused);
    assert_eq!(reason("internal = false\n", "110"), "Emergency");
    assert_eq!(reason("internal = false\n", "13800138000").split_once(' ').unwrap().0, "allow");
}

fn list_key(dialed: &Dialed) -> Option<String> {
    dialed.list_key().map(str::to_owned)
}

/// Outside numbers as people write them, without a prefix or an extension.
fn outside() -> impl Strategy<Value = String> {
    prop_oneof![
        "1[3-9][0-9]{9}",
        "0?1[3-9][0-9]{9}",
        "010[2-8][0-9]{7}",
        "0755[2-8][0-9]{7}",
        "400[0-9]{7}",
        "9[56][0-9]{3,4}",
        "12[0-9]{3}",
        "\\+861[3-9][0-9]{9}",
        "001212555[0-9]{4}",
        "010101[0-9]{5}",
    ]
}

proptest! {
    /// Stripping a prefix and reading what is left is reading what is left.
    #[test]
    fn a_prefix_changes_nothing_but_itself(number in outside(), prefix in "[0-9]{1,4}") {
        let plain = Normalizer::new(DialPlan::default()).unwrap();
        let plan = DialPlan { outside_prefix: vec![prefix.clone()], ..DialPlan::default() };
        let behind = Normalizer::new(plan).unwrap();
        let dialled = format!("{prefix}{number}");
        let read = behind.look(&dialled);
        // What is an emergency call with its prefix is one: nobody is kept from help.
        prop_assume!(!matches!(plain.read(&dialled), Dialed::Emergency(_)));
        prop_assume!(!number.starts_with('+')); // nobody dials a prefix before a `+`
        prop_assert_eq!(&read.dialed, &plain.read(&number));
        if list_key(&read.dialed).is_some() {
            prop_assert_eq!(read.prefix.as_deref(), Some(prefix.as_str()));
            let said = read.rule().unwrap().inputs;
            let shown = format!("prefix={prefix} ");
            prop_assert!(said.starts_with(&shown));
        }
    }

    /// An extension never changes who is called.
    #[test]
    fn an_extension_changes_nothing(
        number in outside(), mark in "转|轉|分机| ext\\.|x|,|,,|;ext=|;|，", extension in "[0-9]{1,6}",
    ) {
        let normalizer = Normalizer::new(DialPlan::default()).unwrap();
        let bare = normalizer.read(&number);
        prop_assume!(!matches!(bare, Dialed::Emergency(_)));
        let read = normalizer.look(&format!("{number}{mark}{extension}"));
        prop_assert_eq!(&read.dialed, &bare);
        prop_assert!(read.extension);
    }

    /// Full-width digits, spaces, dashes and signs that nobody sees mean nothing.
    #[test]
    fn looks_do_not_matter(
        number in outside(),
        signs in prop::collection::vec(
            prop::sample::select(vec![
                "", " ", "-", "\u{3000}", "\u{2011}", "\u{200b}", "\u{202d}", "\u{202c}",
                "\u{feff}", "\u{ad}", "\u{2060}", ".", "（", "）",
            ]),
            20,
        ),
        wide in any::<bool>(),
    ) {
        let normalizer = Normalizer::new(DialPlan::default()).unwrap();
        let full = |sign: char| char::from_u32(u32::from(sign) + 0xfee0).unwrap();
        let mut text = String::new();
        for (sign, between) in number.chars().zip(&signs) {
            text.push_str(between);
            text.push(if wide { full(sign) } else { sign });
        }
        let plain = normalizer.read(&number);
        prop_assume!(!matches!(plain, Dialed::Invalid(_)));
        prop_assert_eq!(normalizer.read(&text), plain);
    }

    /// What was read is read the same again, and no reading panics, by any plan.
    #[test]
    fn reading_is_idempotent(text in "[0-9+*#;,x转. \u{ff10}-\u{ff19}\u{200b}\u{202d}-]{0,24}") {
        let plans = plans();
        for plan in ["site", "beijing", "shanghai", "plain", "berlin"] {
            let plan = if plan == "site" { plans.site() } else { plans.of(plan) };
            for read in [plan.look(&text), plan.look_outside(&text)] {
                if let Some(once) = list_key(&read.dialed) {
                    let again = plan.without_prefix().read(&once);
                    prop_assert_eq!(list_key(&again), Some(once));
                }
            }
            prop_assert!(!matches!(plan.look_outside(&text).dialed, Dialed::Internal(_)));
        }
    }
}
