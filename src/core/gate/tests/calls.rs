//! Rules about calls and callees: claims, caps, cool-downs, layers, blackouts, zones.

use super::*;

/// A set for France with the keys given; every hour is open unless they say otherwise.
fn set(name: &str, head: &str, more: &str) -> String {
    let table = |text: String, table: &str| {
        text.replace(&format!("[[{table}]]"), &format!("[[ruleset.{name}.{table}]]"))
    };
    let tables = ["cap", "cooldown", "requires", "window", "ban"].into_iter();
    let tables = tables.fold(more.to_owned(), table);
    format!(
        r#"
[ruleset.{name}]
applies = {{ region = ["FR", "US", "CN-mainland"], purpose = ["*"] }}
zone = {{ source = "callee" }}
purpose = {{ cite = "p" }}
dnc = {{ cite = "d" }}
{head}
[[ruleset.{name}.window]]
classes = ["any"]
spans = [["08:00", "20:00"]]
cite = "w"
{tables}
"#
    )
}

fn book_with(sets: &[String]) -> Book {
    book_of(&format!("schema = 1\n{}", sets.concat()))
}

fn at(time: &str) -> Wall {
    wall(&format!("{time}+02:00"))
}

/// A call to Paris with that history.
fn say_with(book: &Book, given: Given<'_>, time: &str) -> String {
    let number = dialed("+33123456789");
    let ask =
        Ask { dialed: &number, purpose: Some("sales"), ruleset: None, number_ref: None, given };
    let ruling = book.decide(&DncList::default(), &ask, at(time));
    let next = book.next_allowed(&DncList::default(), &ask, at(time));
    let next = next.map_or("never".to_owned(), |next| book.rfc3339_local(&ask, next));
    format!("{} {}", say(&ruling), next.get(..19).unwrap_or(&next))
}

fn past(time: &str, kind: PastKind) -> Past {
    Past::new(at(time), kind)
}

/// Rows: count, per, key; attempts | verdict and next at 2026-06-10T12:00 (a Wednesday).
#[test]
fn caps_count_days_hours_and_weeks() {
    for (cells, expected) in rows(
        "
        attempt  1 calendar:day   callee 06-09T23:59 06-09T12:00 | allow 2026-06-10T12:00:00
        attempt  1 calendar:day   callee 06-10T00:00 06-09T12:00 | deny cap 2026-06-11T08:00:00
        attempt  2 calendar:day   callee 06-10T00:00 06-10T11:00 | deny cap 2026-06-11T08:00:00
        attempt  2 calendar:week  callee 06-08T00:00 06-10T11:00 | deny cap 2026-06-15T08:00:00
        attempt  2 calendar:week  callee 06-07T23:59 06-10T11:00 | allow 2026-06-10T12:00:00
        attempt  1 rolling:PT24H  callee 06-09T12:00 06-08T12:00 | allow 2026-06-10T12:00:00
        attempt  1 rolling:PT24H  callee 06-09T12:01 06-08T12:00 | deny cap 2026-06-10T12:01:00
        attempt  2 rolling:PT24H  callee 06-09T12:01 06-10T11:00 | deny cap 2026-06-10T12:01:00
        attempt  1 rolling:PT24H  callee 06-10T11:00 06-08T11:00 | deny cap 2026-06-11T11:00:00
        # the clock was set back: what lies ahead counts, too
        attempt  1 rolling:PT24H  callee 06-12T12:00 06-08T11:00 | deny cap 2026-06-13T12:00:00
        # 30 days with the first one: day 30 is free again
        attempt  2 rolling:P30D   callee 05-11T23:00 06-01T11:00 | allow 2026-06-10T12:00:00
        attempt  2 rolling:P30D   callee 05-12T00:00 06-01T11:00 | deny cap 2026-06-11T08:00:00
        answered 1 calendar:day   callee 06-10T09:00 06-10T10:00 | allow 2026-06-10T12:00:00
    ",
    ) {
        let [count, max, per, key, first, second] = cells[..] else { panic!("{cells:?}") };
        let cap = format!(
            "[[cap]]\nid = \"cap\"\ncount = \"{count}\"\nmax = {max}\nper = \"{per}\"\n\
             key = [\"{key}\"]\ncite = \"c\"\n"
        );
        let book = book_with(&[set("fr", "layer = \"law\"", &cap)]);
        let past = [first, second].map(|day| past(&format!("2026-{day}:00"), PastKind::Attempt));
        let given = Given { past: &past, ..Given::default() };
        assert_eq!(say_with(&book, given, "2026-06-10T12:00:00"), expected, "{cells:?}");
    }
}

/// What is not known of an earlier call counts; another subject, seller or number does not.
#[test]
fn a_cap_counts_what_shares_its_key() {
    let cap = "[[cap]]\nid = \"cap\"\nmax = 1\nper = \"calendar:day\"\ncite = \"c\"\n\
               key = [\"callee\", \"subject\", \"seller\"]\n";
    let book = book_with(&[set("fr", "", cap)]);
    let named = |subject: &str, seller: &str, via| {
        let name = |text: &str| Some(text.to_owned()).filter(|text| text != "-");
        let past = past("2026-06-10T09:00:00", PastKind::Answered);
        [Past { subject: name(subject), seller: name(seller), via, ..past }]
    };
    for (subject, seller, via, denied) in [
        ("gas", "acme", Via::Number, true),
        ("power", "acme", Via::Number, false),
        ("gas", "other", Via::Number, false),
        ("-", "acme", Via::Number, true),
        ("gas", "acme", Via::Customer, false),
    ] {
        let past = named(subject, seller, via);
        let given =
            Given { past: &past, subject: Some("gas"), seller: Some("acme"), ..Given::default() };
        let said = say_with(&book, given, "2026-06-10T12:00:00");
        assert_eq!(said.starts_with("deny cap"), denied, "{subject} {seller} {via:?}: {said}");
        let unknown = Given { past: &past, ..Given::default() };
        let said = say_with(&book, unknown, "2026-06-10T12:00:00");
        assert_eq!(said.starts_with("deny"), via == Via::Number, "{subject} {seller}: {said}");
    }
}

#[test]
fn a_refusal_holds_for_the_longest_of_its_periods() {
    let rule = |more: &str| {
        let text = format!(
            "[[cooldown]]\ntrigger = \"action:do_not_disturb\"\ncite = \"c\"\n\
             scope = [\"number\"]\nperiod = \"P90D\"\n{more}"
        );
        let book = book_with(&[set("fr", "", &text)]);
        let past = [past("2026-03-01T10:00:00", PastKind::Action("action:do_not_disturb".into()))];
        let given = Given { past: &past, ..Given::default() };
        say_with(&book, given, "2026-05-30T19:00:00")
    };
    // Day 0 is 1 March; days 1 to 90 are blocked, so 31 May is free.
    assert_eq!(rule(""), "deny cooldown 2026-05-31T08:00:00");
    let longer = "floor_by_purpose = { \"sales.*\" = \"P12M\", sales = \"P6M\" }\n";
    assert_eq!(rule(longer), "deny cooldown 2026-09-02T08:00:00");
    assert_eq!(rule("floor_by_purpose = { service = \"P6M\" }\n"), rule(""));
    let forever = rule("").replace("2026-05-31T08:00:00", "never");
    let text = "[[cooldown]]\ntrigger = \"action:do_not_disturb\"\ncite = \"c\"\n\
                scope = [\"number\"]\nperiod = \"forever\"\n";
    let book = book_with(&[set("fr", "", text)]);
    let past = [past("2020-03-01T10:00:00", PastKind::Action("action:do_not_disturb".into()))];
    let given = Given { past: &past, ..Given::default() };
    assert_eq!(say_with(&book, given, "2026-05-30T19:00:00"), forever);
}

/// A label stops a repeated pitch, at every number of the person if the rule says so.
#[test]
fn a_cooldown_looks_at_trigger_scope_and_key() {
    let rule = |scope: &str| {
        let text = format!(
            "[[cooldown]]\nid = \"refused\"\ntrigger = \"label:refused\"\ncite = \"c\"\n\
             scope = [{scope}]\nkey = [\"purpose\", \"subject\"]\nperiod = \"P10D\"\n"
        );
        book_with(&[set("fr", "", &text)])
    };
    let label = |action: &str, purpose: &str, via| {
        let past = past("2026-06-09T10:00:00", PastKind::Action(action.into()));
        [Past { purpose: Some(purpose.into()), subject: Some("life".into()), via, ..past }]
    };
    for (scope, action, purpose, via, denied) in [
        ("\"number\"", "label:refused", "sales", Via::Number, true),
        ("\"number\"", "label:valid", "sales", Via::Number, false),
        ("\"number\"", "label:refused", "service", Via::Number, false),
        ("\"number\"", "label:refused", "sales", Via::Customer, false),
        ("\"number\", \"customer\"", "label:refused", "sales", Via::Customer, true),
    ] {
        let past = label(action, purpose, via);
        let given = Given { past: &past, subject: Some("life"), ..Given::default() };
        let said = say_with(&rule(scope), given, "2026-06-10T12:00:00");
        assert_eq!(said.starts_with("deny refused"), denied, "{action} {purpose}: {said}");
        let other = Given { past: &past, subject: Some("car"), ..Given::default() };
        assert!(say_with(&rule(scope), other, "2026-06-10T12:00:00").starts_with("allow"));
    }
}

/// From a day on no call without consent or a running contract; before it, hours only.
#[test]
fn claims_are_asked_for_open_windows_and_lift_named_bans() {
    let tables = "\
        [[requires]]\nid = \"opt-in\"\nany = [\"consent\", \"running_contract\"]\ncite = \"r\"\n\
        effective = { from = \"2026-08-11\" }\n\
        [[window]]\nclasses = [\"any\"]\nspans = [[\"07:00\", \"22:00\"]]\n\
        given = [\"consent\"]\ncite = \"w\"\n\
        [[ban]]\nid = \"sunday\"\nweekdays = [\"sun\"]\ncite = \"b\"\n\
        exemptions = [\"customer_requested_callback\"]\n\
        [[ban]]\nid = \"noon\"\nspans = [[\"12:00\", \"13:00\"]]\ncite = \"b\"\n";
    let book = book_with(&[set("fr", "", tables)]);
    let consent = Claims::default().with(Claim::Consent);
    let asked = Claims::default().with(Claim::CustomerRequestedCallback);
    let check = |claims, case, time, expected: &str| {
        let given = Given { claims, case, ..Given::default() };
        assert_eq!(say_with(&book, given, time), expected, "{claims:?} {time}");
    };
    let none = Claims::default();
    check(none, None, "2026-08-10T21:00:00", "deny window never");
    check(consent, None, "2026-08-10T21:00:00", "allow 2026-08-10T21:00:00");
    check(consent, None, "2026-08-10T22:00:00", "deny window 2026-08-11T07:00:00");
    check(none, None, "2026-08-10T12:30:00", "deny noon 2026-08-10T13:00:00");
    check(none, None, "2026-08-11T14:00:00", "deny opt-in never");
    check(consent, None, "2026-08-11T14:00:00", "allow 2026-08-11T14:00:00");
    let contract = Claims::default().with(Claim::RunningContract);
    check(contract, None, "2026-08-11T07:30:00", "deny window 2026-08-11T08:00:00");
    // 2026-08-02 is a Sunday. The request counts with its case only, and lifts no other ban.
    check(asked, None, "2026-08-02T10:00:00", "deny sunday 2026-08-03T08:00:00");
    check(asked, Some("c-1"), "2026-08-02T10:00:00", "allow 2026-08-02T10:00:00");
    check(asked, Some("c-1"), "2026-08-02T12:10:00", "deny noon 2026-08-02T13:00:00");
}

/// Campaign and customer rules narrow; where no law or company speaks they allow nothing.
#[test]
fn a_lower_layer_only_narrows() {
    let narrow = |name: &str, layer: &str, applies: &str, spans: &str| {
        set(name, &format!("layer = \"{layer}\""), "")
            .replace("purpose = [\"*\"] }", &format!("purpose = [\"*\"], {applies} }}"))
            .replace("[\"08:00\", \"20:00\"]", spans)
    };
    let base = set("law", "layer = \"law\"", "");
    let campaign = narrow("camp", "campaign", "campaign = [\"c1\"]", "[\"06:00\", \"12:00\"]");
    let customer = narrow("cust", "customer", "customer = [\"k9\"]", "[\"10:00\", \"23:00\"]");
    let all = book_with(&[base, campaign.clone(), customer]);
    let given = |campaign, customer| Given { campaign, customer, ..Given::default() };
    let say_at = |given, time: &str| say_with(&all, given, &format!("2026-06-10T{time}:00"));
    assert_eq!(say_at(given(None, None), "13:00"), "allow 2026-06-10T13:00:00");
    assert_eq!(say_at(given(Some("c1"), None), "13:00"), "deny window 2026-06-11T08:00:00");
    assert_eq!(say_at(given(Some("c1"), None), "07:00"), "deny window 2026-06-10T08:00:00");
    assert_eq!(say_at(given(Some("c1"), Some("k9")), "07:00").matches("window").count(), 2);
    assert_eq!(say_at(given(Some("c1"), Some("k9")), "11:00"), "allow 2026-06-10T11:00:00");
    assert_eq!(say_at(given(None, Some("k9")), "21:00"), "deny window 2026-06-11T10:00:00");
    let alone = book_with(&[campaign]);
    let said = say_with(&alone, given(Some("c1"), None), "2026-06-10T11:00:00");
    assert_eq!(said, "deny no_ruleset never");
}

#[test]
fn a_set_that_is_tried_out_tells_and_stops_nothing() {
    let dry = set("dry", "mode = \"dry_run\"", "").replace("08:00", "15:00");
    let book = book_with(&[set("law", "layer = \"law\"", ""), dry.clone()]);
    let number = dialed("+33123456789");
    let ask = Ask {
        dialed: &number,
        purpose: Some("sales"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    let now = at("2026-06-10T12:00:00");
    let Ruling::Decided(decided) = book.decide(&DncList::default(), &ask, now) else { panic!() };
    assert_eq!(decided.verdict, Verdict::Allow);
    let would = decided.rules.iter().filter(|rule| rule.outcome == RuleOutcome::WouldDeny);
    assert_eq!(would.map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["window"]);
    assert_eq!(book.next_allowed(&DncList::default(), &ask, now), Some(now));
    // Nothing is enforced then, so nothing allows.
    let alone = book_with(&[dry]);
    assert_eq!(say(&alone.decide(&DncList::default(), &ask, now)), "deny no_ruleset");
}

#[test]
fn a_blackout_pauses_a_region() {
    let blackout = "[[blackout]]\nid = \"flood\"\nregion = [\"FR\"]\ncite = \"order 7\"\n\
        from = \"2026-06-10T11:00:00+02:00\"\nuntil = \"2026-06-11T12:00:00+02:00\"\n\
        approved_by = [\"ann\", \"bob\"]\n";
    let book = book_of(&format!("schema = 1\n{}{blackout}", set("fr", "", "")));
    for (cells, expected) in rows(
        "
        06-10T10:59:59.999999 | allow 2026-06-10T10:59:59
        06-10T11:00:00        | deny blackout 2026-06-11T12:00:00
        06-11T11:59:59.999999 | deny blackout 2026-06-11T12:00:00
        06-11T12:00:00        | allow 2026-06-11T12:00:00
    ",
    ) {
        let said = say_with(&book, Given::default(), &format!("2026-{}", cells[0]));
        assert_eq!(said, expected, "{}", cells[0]);
    }
    let other = dialed("+12125550123");
    let ask = Ask {
        dialed: &other,
        purpose: Some("sales"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    let ruling = book.decide(&DncList::default(), &ask, at("2026-06-10T18:00:00"));
    assert_eq!(say(&ruling), "allow");
}

/// Rows: number, zone of the address, UTC | verdict. Every zone the number may be in must allow.
#[test]
fn every_zone_of_the_callee_must_allow() {
    let book = book_with(&[set("us", "layer = \"law\"", "")]);
    for (cells, expected) in rows(
        "
        # area code 212 is New York; 850 is New York and Chicago
        +12125550123 -                2026-06-10T12:00:00Z | allow America/New_York
        +18505550123 -                2026-06-10T12:00:00Z | deny window America/Chicago
        +18505550123 -                2026-06-10T13:00:00Z | allow America/Chicago
        +18505550123 -                2026-06-11T00:00:00Z | deny window America/New_York
        +18505550123 America/Chicago  2026-06-11T00:00:00Z | allow America/Chicago
        +18505550123 America/New_York 2026-06-10T12:00:00Z | allow America/New_York
        # an address that the number cannot be at is not believed
        +18505550123 Europe/Paris     2026-06-10T12:00:00Z | deny window America/Chicago
        +16025550123 -                2026-06-10T15:00:00Z | allow America/Phoenix
        +16025550123 -                2026-06-10T14:59:59Z | deny window America/Phoenix
        +33123456789 -                2026-06-10T06:00:00Z | allow Europe/Paris
    ",
    ) {
        let [number, zone, at] = cells[..] else { panic!("{cells:?}") };
        let dialed = dialed(number);
        let given = Given { zone: Some(zone).filter(|zone| *zone != "-"), ..Given::default() };
        let ask =
            Ask { dialed: &dialed, purpose: Some("x"), ruleset: None, number_ref: None, given };
        let ruling = book.decide(&DncList::default(), &ask, wall(at));
        let Ruling::Decided(decided) = &ruling else { panic!("{cells:?}") };
        assert_eq!(format!("{} {}", say(&ruling), decided.zone), expected, "{cells:?}");
    }
}

/// Rows: from, deadline | the last lawful time ends. `cn-seed-service`, Shanghai time.
#[test]
fn the_last_chance_before_a_deadline() {
    let book = seed_book();
    let number = dialed("13800138000");
    let ask = Ask {
        dialed: &number,
        purpose: Some("callback.routine"),
        ruleset: None,
        number_ref: None,
        given: Given::default(),
    };
    for (cells, expected) in rows(
        "
        # a complaint on the last workday before the break, due within 24 hours
        2026-02-14T16:00 2026-02-15T16:00 | 2026-02-14T17:30:00
        2026-02-14T17:30 2026-02-15T17:30 | none
        2026-02-15T10:00 2026-02-24T08:30 | none
        2026-02-15T10:00 2026-02-24T08:31 | 2026-02-24T08:31:00
        # Friday evening, due on Saturday evening
        2026-01-09T17:20 2026-01-10T17:20 | 2026-01-10T17:00:00
        2026-01-09T10:00 2026-01-09T11:00 | 2026-01-09T11:00:00
        2026-01-09T10:00 2026-01-09T10:00 | none
        2026-01-09T11:00 2026-01-09T10:00 | none
    ",
    ) {
        let [from, deadline] = [0, 1].map(|n| wall(&format!("{}:00+08:00", cells[n])));
        let found = book.latest_allowed_before(&DncList::default(), &ask, from, deadline);
        let found = found.map_or("none".to_owned(), |at| book.rfc3339_local(&ask, at));
        assert_eq!(found.get(..19).unwrap_or(&found), expected, "{cells:?}");
    }
}
