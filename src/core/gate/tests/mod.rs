//! The gate, as tables that a compliance officer can read and as properties.
#![allow(clippy::unwrap_used)]

mod calendar;
mod calendar_cross;
mod calendar_import;
mod callers;
mod calls;
mod contradiction;
mod explain;
mod files;
mod laws;
mod ledger;
mod lint;
mod list;
mod numbers;
mod permit;
mod plans;
mod profiles;
mod properties;
mod record;
mod registers;
mod replay;
mod rules;
mod table;
mod timing;
mod waive;
mod zones;

use super::*;
use crate::model::{Named as _, NumberRef, RuleOutcome, Verdict, Wall};

/// A rule set for load tests: any region, any purpose, any hour.
const OPEN_ALL_HOURS: &str = r#"
schema = 1
[ruleset.open-all-hours]
applies = { region = ["*"], purpose = ["*"] }
zone = { source = "fixed:Etc/UTC" }
purpose = { cite = "test" }
dnc = { cite = "test" }
[[ruleset.open-all-hours.window]]
classes = ["any"]
spans = [["00:00", "24:00"]]
cite = "test"
"#;

fn source(text: &str) -> Source<'_> {
    Source { name: "test.toml", text }
}

fn book_of(rules: &str) -> Book {
    Book::load(&[source(rules)], &shipped_calendars()).unwrap()
}

/// The norm alone.
fn seed_book() -> Book {
    Book::shipped().unwrap().keep(&["cn-seed-service".to_owned()]).unwrap()
}

fn dialed(number: &str) -> Dialed {
    let plan = DialPlan { internal: vec!["8000-8999".into()], ..DialPlan::default() };
    Normalizer::new(plan).unwrap().read(number)
}

fn wall(text: &str) -> Wall {
    parse_instant(text).unwrap()
}

fn key(byte: u8) -> NumberRef {
    NumberRef([byte; 16])
}

/// An edition of a register that holds these keys.
fn edition(name: &str, issued: &str, keys: &[u8]) -> std::sync::Arc<Register> {
    let keys = keys.iter().map(|byte| Register::key(key(*byte))).collect();
    Register::new(name.to_owned(), issued.parse().unwrap(), "test".to_owned(), keys).into()
}

fn verdict(ruling: Ruling) -> Verdict {
    match ruling {
        Ruling::Exempt(_) => Verdict::Allow,
        Ruling::Decided(decided) => decided.verdict,
    }
}

/// `allow`, `exempt`, or `deny` and the ids of the refusing rules.
fn say(ruling: &Ruling) -> String {
    match ruling {
        Ruling::Exempt(_) => "exempt".to_owned(),
        Ruling::Decided(decided) => {
            let refusing = decided.rules.iter().filter(|rule| rule.outcome == RuleOutcome::Deny);
            let words: Vec<&str> = std::iter::once(match decided.verdict {
                Verdict::Allow => "allow",
                Verdict::Deny => "deny",
            })
            .chain(refusing.map(|rule| rule.id.as_str()))
            .collect();
            words.join(" ")
        }
    }
}

/// Rows of a table: cells before `|`, expectation after it; `#` starts a comment.
fn rows(table: &str) -> impl Iterator<Item = (Vec<&str>, String)> {
    table.lines().map(str::trim).filter(|row| !row.is_empty() && !row.starts_with('#')).map(|row| {
        let (cells, expected) = row.split_once('|').unwrap();
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        (cells.split_whitespace().collect(), expected)
    })
}
