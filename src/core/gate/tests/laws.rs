//! The laws of the search and of adding rules, over rule sets, histories and claims at random.

use super::*;
use proptest::prelude::*;

const DAY: i64 = 86_400_000_000;
const NUMBERS: [&str; 5] =
    ["13800138000", "+33123456789", "+12125550123", "+18505550123", "+18085550123"];
const PURPOSES: [&str; 3] = ["sales", "service", "survey"];

/// A choice of rules; small numbers, so that they meet.
#[derive(Clone, Debug)]
struct Choice {
    windows: Vec<(u32, u32, u8)>,
    ban: Option<(u32, u32, u8)>,
    cap: Option<(u16, u8)>,
    cooldown: Option<(u16, bool)>,
    requires: bool,
    guard: u32,
    from: Option<u8>,
}

fn hours(start: u32, length: u32) -> String {
    let end = (start + length).min(96);
    let clock = |n: u32| format!("{:02}:{:02}", n / 4, n % 4 * 15);
    format!("[[\"{}\", \"{}\"]]", clock(start), clock(end))
}

fn choices() -> impl Strategy<Value = Choice> {
    let span = || (0_u32..96, 1_u32..60, 0_u8..5);
    (
        prop::collection::vec(span(), 1..4),
        prop::option::of(span()),
        prop::option::of((1_u16..4, 0_u8..4)),
        prop::option::of((1_u16..20, any::<bool>())),
        any::<bool>(),
        0_u32..3,
        prop::option::of(0_u8..60),
    )
        .prop_map(|(windows, ban, cap, cooldown, requires, guard, from)| Choice {
            windows,
            ban,
            cap,
            cooldown,
            requires: requires && cap.is_some(),
            guard,
            from,
        })
}

const DAYS: [&str; 5] =
    ["", "weekdays = [\"sat\", \"sun\"]", "weekdays = [\"mon\", \"wed\"]", "given", "from"];

impl Choice {
    fn text(&self, name: &str, layer: &str) -> String {
        let from = |n: u8| {
            format!("effective = {{ from = \"2026-{:02}-{:02}\" }}\n", 2 + n / 28, 1 + n % 28)
        };
        let mut out = format!(
            "[ruleset.{name}]\napplies = {{ region = [\"*\"], purpose = [\"*\"] }}\n\
             layer = \"{layer}\"\nzone = {{ source = \"callee\" }}\npurpose = {{ cite = \"\" }}\n\
             dnc = {{ cite = \"\" }}\n{}\
             guard = {{ last_start_before_end = \"{}s\", decision_ttl = \"5s\" }}\n",
            self.from.map(from).unwrap_or_default(),
            self.guard * 60
        );
        for (start, length, days) in &self.windows {
            let more = match DAYS[usize::from(*days)] {
                "given" => "given = [\"consent\"]".to_owned(),
                "from" => from(30),
                days => days.to_owned(),
            };
            out += &format!(
                "[[ruleset.{name}.window]]\nclasses = [\"any\"]\nspans = {}\n{more}\ncite = \"\"\n",
                hours(*start, *length)
            );
        }
        if let Some(ban) = self.ban {
            out += &ban_text(name, "ban", "own", ban);
        }
        if let Some(cap) = self.cap {
            out += &cap_text(name, "own-cap", cap);
        }
        if let Some(cooldown) = self.cooldown {
            out += &cooldown_text(name, "own-rest", cooldown);
        }
        if self.requires {
            out += &format!(
                "[[ruleset.{name}.requires]]\nid = \"opt-in\"\nany = [\"consent\"]\ncite = \"\"\n\
                 effective = {{ from = \"2026-03-10\" }}\n"
            );
        }
        out
    }
}

fn ban_text(name: &str, table: &str, id: &str, (start, length, days): (u32, u32, u8)) -> String {
    let more = match (table, DAYS[usize::from(days)]) {
        ("hard_ban", _) | (_, "from") => "",
        (_, "given") => "exemptions = [\"consent\"]",
        (_, days) => days,
    };
    format!(
        "[[ruleset.{name}.{table}]]\nid = \"{id}\"\nspans = {}\n{more}\ncite = \"\"\n",
        hours(start, length)
    )
}

fn cap_text(name: &str, id: &str, (max, per): (u16, u8)) -> String {
    let per = ["rolling:PT24H", "rolling:P3D", "calendar:day", "calendar:week"][usize::from(per)];
    format!(
        "[[ruleset.{name}.cap]]\nid = \"{id}\"\nmax = {max}\nper = \"{per}\"\n\
         key = [\"callee\", \"subject\"]\ncite = \"\"\n"
    )
}

fn cooldown_text(name: &str, id: &str, (days, floor): (u16, bool)) -> String {
    let floor = if floor { "floor_by_purpose = { sales = \"P1M\" }\n" } else { "" };
    format!(
        "[[ruleset.{name}.cooldown]]\nid = \"{id}\"\ntrigger = \"label:refused\"\n\
         scope = [\"number\"]\nperiod = \"P{days}D\"\n{floor}cite = \"\"\n"
    )
}

fn blackout_text(start: i64, length: i64) -> String {
    let shown = |us| jiff::Timestamp::from_microsecond(us).unwrap().to_string();
    format!(
        "[[blackout]]\nid = \"pause\"\nregion = [\"*\"]\ncite = \"\"\n\
         from = \"{}\"\nuntil = \"{}\"\napproved_by = [\"a\", \"b\"]\n",
        shown(start),
        shown(start + length)
    )
}

/// Microseconds in February to April 2026: clocks change in it, breaks lie in it.
fn instants() -> impl Strategy<Value = i64> {
    1_769_900_000_000_000_i64..1_777_600_000_000_000
}

#[derive(Clone, Debug)]
struct Call {
    number: usize,
    purpose: usize,
    consent: bool,
    at: i64,
    /// Microseconds before `at`, kind and subject.
    past: Vec<(i64, u8, u8)>,
}

fn calls() -> impl Strategy<Value = Call> {
    let past = prop::collection::vec((-DAY..6 * DAY, 0_u8..3, 0_u8..3), 0..6);
    (0..NUMBERS.len(), 0..PURPOSES.len(), any::<bool>(), instants(), past).prop_map(
        |(number, purpose, consent, at, past)| Call { number, purpose, consent, at, past },
    )
}

impl Call {
    fn past(&self) -> Vec<Past> {
        let one = |(before, kind, subject): &(i64, u8, u8)| {
            let kind = match kind {
                0 => PastKind::Attempt,
                1 => PastKind::Answered,
                _ => PastKind::Action("label:refused".into()),
            };
            let subject = [None, Some("a"), Some("b")][usize::from(*subject)];
            Past { subject: subject.map(str::to_owned), ..Past::new(Wall(self.at - before), kind) }
        };
        self.past.iter().map(one).collect()
    }

    fn with<T>(&self, then: impl FnOnce(&Ask<'_>) -> T) -> T {
        let (number, past) = (dialed(NUMBERS[self.number]), self.past());
        let claims =
            if self.consent { Claims::default().with(Claim::Consent) } else { Claims::default() };
        let given = Given { past: &past, subject: Some("a"), claims, ..Given::default() };
        let purpose = Some(PURPOSES[self.purpose]);
        then(&Ask { dialed: &number, purpose, ruleset: None, number_ref: None, given })
    }
}

fn file(parts: &[String]) -> String {
    // Blackouts are tables of their own, so they may stand anywhere after `schema`.
    format!("schema = 1\n{}", parts.concat())
}

fn allowed(book: &Book, ask: &Ask<'_>, at: i64) -> bool {
    verdict(book.decide(&DncList::default(), ask, Wall(at))) == Verdict::Allow
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// allow(next) = true, nothing is allowed before it, and asking later never answers earlier.
    #[test]
    fn next_is_allowed_first_and_monotone(
        law in choices(),
        company in prop::option::of(choices()),
        blackout in prop::option::of((0..3 * DAY, 1..2 * DAY)),
        call in calls(),
        later in 0..5 * DAY,
    ) {
        let mut parts = vec![law.text("law", "law")];
        parts.extend(company.map(|set| set.text("company", "company")));
        parts.extend(blackout.map(|(start, length)| blackout_text(call.at + start - DAY, length)));
        let book = book_of(&file(&parts));
        call.with(|ask| {
            let list = DncList::default();
            let next = |at| book.next_allowed(&list, ask, Wall(at));
            let found = next(call.at);
            let until = found.map_or(call.at + 40 * DAY, |found| found.0);
            if let Some(found) = found {
                prop_assert!(found.0 >= call.at);
                prop_assert!(allowed(&book, ask, found.0));
                prop_assert!(found.0 == call.at || !allowed(&book, ask, found.0 - 1));
            }
            let step = ((until - call.at) / 149).max(1);
            for at in (call.at..until).step_by(usize::try_from(step).unwrap()) {
                prop_assert!(!allowed(&book, ask, at), "allowed at {at}, next says {found:?}");
            }
            // What is allowed is its own next instant, and no question is answered with the past.
            let second = next(call.at + later);
            prop_assert_eq!(
                allowed(&book, ask, call.at + later),
                second == Some(Wall(call.at + later))
            );
            if let (Some(found), Some(second)) = (found, second) {
                prop_assert!(found <= second);
            }
            Ok(())
        })?;
    }

    /// The last chance is one, nothing is allowed between its end and the deadline, and there is
    /// one exactly if the next allowed instant lies before the deadline.
    #[test]
    fn latest_is_the_last(law in choices(), call in calls(), ahead in 1..9 * DAY) {
        let book = book_of(&file(&[law.text("law", "law")]));
        call.with(|ask| {
            let list = DncList::default();
            let deadline = call.at + ahead;
            let latest = book.latest_allowed_before(&list, ask, Wall(call.at), Wall(deadline));
            let next = book.next_allowed(&list, ask, Wall(call.at));
            prop_assert_eq!(latest.is_some(), next.is_some_and(|next| next.0 < deadline));
            let Some(Wall(end)) = latest else { return Ok(()) };
            prop_assert!(call.at < end && end <= deadline);
            prop_assert!(allowed(&book, ask, end - 1));
            let step = ((deadline - end) / 149).max(1);
            for at in (end..deadline).step_by(usize::try_from(step).unwrap()) {
                prop_assert!(!allowed(&book, ask, at), "allowed at {at} after {end}");
            }
            Ok(())
        })?;
    }

    /// A ban, cap, cool-down, blackout or whole rule set never turns deny into allow.
    #[test]
    fn more_rules_never_allow_more(
        law in choices(),
        more in choices(),
        ban in (0_u32..96, 1_u32..60, 0_u8..5),
        cap in (1_u16..3, 0_u8..4),
        rest in (1_u16..20, any::<bool>()),
        layer in prop::sample::select(vec!["law", "company", "campaign", "customer"]),
        call in calls(),
        times in prop::collection::vec(-3 * DAY..3 * DAY, 12),
    ) {
        let base = law.text("law", "law");
        let before = book_of(&file(std::slice::from_ref(&base)));
        let additions = [
            ban_text("law", "ban", "more", ban),
            ban_text("law", "hard_ban", "more", ban),
            cap_text("law", "more", cap),
            cooldown_text("law", "more", rest),
            blackout_text(call.at - DAY, DAY + DAY / 2),
            more.text("more", layer),
        ];
        for addition in additions {
            let after = book_of(&file(&[base.clone(), addition.clone()]));
            call.with(|ask| {
                for at in times.iter().map(|offset| call.at + offset) {
                    let (was, is) = (allowed(&before, ask, at), allowed(&after, ask, at));
                    // A set that comes into force speaks where nothing spoke before.
                    let silent = law.from.is_some() && addition.contains("[ruleset.");
                    prop_assert!(was || !is || silent, "allowed at {at} by adding {addition}");
                }
                Ok(())
            })?;
        }
    }
}
