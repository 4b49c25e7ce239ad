//! What holds for every instant, number and list.

use super::*;
use proptest::prelude::*;

/// Zones of every habit: none, whole hours, half an hour, changes at midnight.
const ZONES: [&str; 6] = [
    "Asia/Shanghai",
    "America/New_York",
    "America/Havana",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "America/Asuncion",
];

/// Microseconds of 2025-01-01 to 2030-12-31.
fn instants() -> impl Strategy<Value = Wall> {
    (1_735_689_600_000_000_i64..1_924_905_600_000_000).prop_map(Wall)
}

/// A fixed zone with two windows, which need not be apart, and one ban.
fn window_books() -> impl Strategy<Value = Book> {
    let quarter = |n: u32| format!("{:02}:{:02}", n / 4, n % 4 * 15);
    let span = (0_u32..96, 1_u32..40).prop_map(move |(start, length)| {
        format!("[\"{}\", \"{}\"]", quarter(start), quarter((start + length).min(96)))
    });
    (0..ZONES.len(), span.clone(), span.clone(), span, 0..3_u32).prop_map(
        |(zone, first, second, ban, guard)| {
            book_of(&format!(
                r#"
                schema = 1
                [ruleset.w]
                applies = {{ region = ["*"], purpose = ["*"] }}
                zone = {{ source = "fixed:{}" }}
                purpose = {{ cite = "" }}
                dnc = {{ cite = "" }}
                window = [{{ classes = ["any"], spans = [{first}, {second}], cite = "" }}]
                hard_ban = [{{ id = "night", spans = [{ban}], cite = "" }}]
                guard = {{ last_start_before_end = "{}s", decision_ttl = "5s" }}
                "#,
                ZONES[zone],
                guard * 60
            ))
        },
    )
}

fn ask_for(number: &Dialed) -> Ask<'_> {
    Ask {
        dialed: number,
        purpose: Some("service"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    }
}

fn check_next(book: &Book, list: &DncList, ask: &Ask<'_>, at: Wall) -> Result<(), TestCaseError> {
    let Some(next) = book.next_allowed(list, ask, at) else { return Ok(()) };
    prop_assert!(next >= at);
    prop_assert_eq!(verdict(book.decide(list, ask, next)), Verdict::Allow);
    let step = ((next.0 - at.0) / 97).max(1);
    for before in (at.0..next.0).step_by(usize::try_from(step).unwrap()).map(Wall) {
        prop_assert_eq!(verdict(book.decide(list, ask, before)), Verdict::Deny, "{:?}", before);
    }
    if next > at {
        let just_before = Wall(next.0 - 1);
        prop_assert_eq!(verdict(book.decide(list, ask, just_before)), Verdict::Deny);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// The next allowed instant is allowed and nothing before it is; shipped rules and a list.
    #[test]
    fn next_is_the_first_allowed(at in instants(), blocked in 0_i64..200) {
        let book = seed_book();
        let number = dialed("13800138000");
        let ask = Ask { number_ref: Some(key(1)), ..ask_for(&number) };
        let mut list = DncList::default();
        if blocked > 100 {
            let until = book.rfc3339_local(&ask, Wall(at.0 + (blocked - 100) * 86_400_000_000));
            list.insert(key(1), Some(&until[..10])).unwrap();
        }
        check_next(&book, &list, &ask, at)?;
    }

    /// The same where clocks change, near the days of change and elsewhere.
    #[test]
    fn next_is_the_first_allowed_in_every_zone(
        book in window_books(),
        at in instants(),
        near in prop::sample::select(vec![
            None,
            Some("2026-03-08T04:00:00Z"), Some("2026-11-01T03:00:00Z"),
            Some("2026-04-04T12:00:00Z"), Some("2026-10-03T12:00:00Z"),
            Some("2026-03-28T20:00:00Z"), Some("2026-10-24T18:00:00Z"),
        ]),
        offset in 0_i64..36_000_000_000,
    ) {
        let number = dialed("+12125550123");
        let ask = Ask { dialed: &number, purpose: Some("x"), ruleset: None, number_ref: None , given: Given::default()};
        let at = near.map_or(at, |near| Wall(wall(near).0 + offset));
        check_next(&book, &DncList::default(), &ask, at)?;
    }

    /// Asking later never gives an earlier answer.
    #[test]
    fn next_is_monotone(at in instants(), later in 0_i64..40 * 86_400_000_000) {
        let book = seed_book();
        let number = dialed("13800138000");
        let ask = Ask { dialed: &number, purpose: Some("survey"), ruleset: None, number_ref: None , given: Given::default()};
        let next = |at| book.next_allowed(&DncList::default(), &ask, at);
        if let (Some(first), Some(second)) = (next(at), next(Wall(at.0 + later))) {
            prop_assert!(first <= second);
        }
    }

    /// An entry of the list, a ban of hours or a ban of days can only take away.
    #[test]
    fn a_ban_never_allows(at in instants(), start in 0_u32..24, length in 1_u32..12) {
        let number = dialed("13800138000");
        let ask = Ask { number_ref: Some(key(1)), ..ask_for(&number) };
        let plain = seed_book();
        let before = verdict(plain.decide(&DncList::default(), &ask, at));
        let mut list = DncList::default();
        list.insert(key(1), Some("2028-01-01")).unwrap();
        let end = (start + length).min(24);
        let hours = format!(
            "[[ruleset.cn-seed-service.hard_ban]]\nid = \"more\"\ncite = \"\"\n\
             spans = [[\"{start:02}:00\", \"{end:02}:00\"]]\n"
        );
        let days = "[[ruleset.cn-seed-service.ban]]\nid = \"more\"\ncite = \"\"\n\
                    classes = [\"rest\"]\n";
        let good = shipped_rules()[0].text;
        for (rules, list) in [
            (good.to_owned(), list),
            (format!("{good}\n{hours}"), DncList::default()),
            (format!("{good}\n{days}"), DncList::default()),
        ] {
            let after = verdict(book_of(&rules).decide(&list, &ask, at));
            prop_assert!(before == Verdict::Allow || after == Verdict::Deny);
        }
    }

    /// A verdict that allows lies within the envelope of the norm, by plain arithmetic.
    #[test]
    fn nothing_is_allowed_at_night(at in instants()) {
        let book = seed_book();
        let number = dialed("13800138000");
        let ask = ask_for(&number);
        let minute = (at.0 / 60_000_000 + 8 * 60) % (24 * 60);
        if verdict(book.decide(&DncList::default(), &ask, at)) == Verdict::Allow {
            prop_assert!((8 * 60 + 30..17 * 60 + 30).contains(&minute), "{}", minute);
        }
    }

    /// Whatever is inserted, a block that stood still stands.
    #[test]
    fn insert_never_shortens(inserts in prop::collection::vec((0_u8..3, 0_u16..700), 1..30)) {
        let mut list = DncList::default();
        let first = jiff::civil::date(2026, 1, 1);
        let mut longest = std::collections::BTreeMap::new();
        for (byte, offset) in inserts {
            let day = first.checked_add(jiff::Span::new().days(offset)).unwrap();
            list.insert(key(byte), Some(&day.to_string())).unwrap();
            let until = longest.entry(byte).or_insert(day);
            *until = day.max(*until);
            for (byte, until) in &longest {
                prop_assert_eq!(list.entries_of(key(*byte)), [(None, Some(*until))]);
            }
        }
    }

    /// No string panics the normaliser, and none is ungated unless the plan's digits are in it.
    #[test]
    fn only_the_plan_ungates(text in "[0-9+*#;,xX転转@:%a-f .\u{ff10}-\u{ff19}-]{0,24}") {
        let plan = DialPlan { internal: vec!["8XXX".into()], ..DialPlan::default() };
        let normalizer = Normalizer::new(plan).unwrap();
        let digits: String = normalizer_digits(&text);
        match normalizer.read(&text) {
            Dialed::Emergency(_) => prop_assert!(
                ["110", "119", "120", "122", "112"].iter().any(|known| digits.contains(known))
            ),
            Dialed::Internal(_) => prop_assert!(digits.contains('8')),
            Dialed::Number(number) => prop_assert!(number.as_str().len() >= 5),
            Dialed::Short(code) => prop_assert!(digits.contains(&code)),
            Dialed::Invalid(_) => {}
        }
    }

    /// No text panics the readers of data files.
    #[test]
    fn files_never_panic(text in "\\PC{0,200}", cut in any::<prop::sample::Index>()) {
        let good = shipped_rules()[0].text;
        let nth = cut.index(good.chars().count());
        let at = good.char_indices().map(|(at, _)| at).nth(nth).unwrap();
        for text in [text.clone(), format!("{}{text}", &good[..at])] {
            let _ = Book::load(&[source(&text)], &shipped_calendars());
            let _ = Book::load(&shipped_rules(), &[source(&text)]);
        }
    }
}

/// Every digit of the text, full-width and percent-encoded ones included.
fn normalizer_digits(text: &str) -> String {
    let decoded = text
        .replace("%30", "0")
        .replace("%31", "1")
        .replace("%32", "2")
        .replace("%33", "3")
        .replace("%34", "4")
        .replace("%35", "5")
        .replace("%36", "6")
        .replace("%37", "7")
        .replace("%38", "8")
        .replace("%39", "9");
    decoded
        .chars()
        .filter_map(|sign| match sign {
            '0'..='9' => Some(sign),
            '\u{ff10}'..='\u{ff19}' => char::from_u32(u32::from(sign) - 0xfee0),
            _ => None,
        })
        .collect()
}
