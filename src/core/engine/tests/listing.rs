//! Registers as the engine tells of them.

use super::bench_site::*;
use crate::engine::Input;
use crate::gate::{Book, Register, Source};
use crate::model::{Entity, EventKind};
use std::sync::Arc;

const PURPOSE: &str = "X-Purpose: service\n";

const RULES: &str = r#"
schema = 1
[ruleset.cn-seed-service]
applies = { region = ["*"], purpose = ["*"] }
zone = { source = "fixed:Etc/UTC" }
purpose = { cite = "p" }
dnc = { cite = "d" }
window = [{ classes = ["any"], spans = [["00:00", "24:00"]], cite = "w" }]
register = [{ name = "tps", stale_after = "P28D", warn_days = 1, cite = "r" }]
"#;

fn told(site: &Site) -> Vec<String> {
    let reason = |event: &crate::model::Event| match &event.entity {
        Entity::System(status) if status.reason.contains("register") => {
            Some(format!("{} {}", crate::model::Named::name(status.state), status.reason))
        }
        _ => None,
    };
    site.events.iter().filter_map(reason).collect()
}

fn edition(issued: &str) -> Arc<Register> {
    let issued = issued.parse().unwrap();
    Register::new("tps".into(), issued, "id".into(), vec![1]).into()
}

#[test]
fn a_register_is_told_of_before_it_is_too_old_and_when_it_is() {
    let mut site = Site::at(MONDAY_10); // 2026-11-23
    site.events.clear();
    let book = Book::load_rules(&[Source { name: "own.toml", text: RULES }]).unwrap();
    site.give(Input::Rules(Arc::new(book)));
    let missing = "partiallyDisabled register tps of cn-seed-service: no edition: calls that need it are refused";
    assert_eq!(told(&site), [missing]);
    site.receive(PBX, &invite("013800138000", "a", PURPOSE));
    site.pass(51);
    let denied = site.events.iter().find(|e| e.kind == EventKind::OutboundDenied).unwrap();
    assert_eq!(decision_rule(denied).as_deref(), Some("tps"));

    site.events.clear();
    site.give(Input::Register { register: edition("2026-10-28"), ticket: 5 });
    assert_eq!(site.out.tickets.last().map(|t| t.0), Some(5));
    let fine = [
        "normal register tps@2026-10-28:id is in force, 1 numbers",
        "normal register tps of cn-seed-service: good through 2026-11-25",
    ];
    assert_eq!(told(&site), fine);
    site.receive(PBX, &invite("013800138000", "b", PURPOSE));
    site.durable();
    assert_eq!(site.sent_to(MAIN).len(), 1, "the number is not on it");

    site.events.clear();
    for _ in 0..4 * 24 {
        site.pass(3_600_000);
    }
    let later = [
        "partiallyDisabled register tps of cn-seed-service: good through 2026-11-25 only",
        "partiallyDisabled register tps of cn-seed-service: too old since the end of 2026-11-25: calls that \
         need it are refused",
    ];
    assert_eq!(told(&site), later, "each once");
}
