//! Two people let one call out: over HTTP, on the real trunk, over a crash.

use crate::api::{ask, token};
use crate::outbound::{reason_of, refused};
use crate::support::{Sipp, Site, SiteOptions};
use serde_json::{Value, json};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const EVENING: &str = "2026-11-23T19:00:00+08:00";
const LATER: &str = "2026-11-23T19:05:00+08:00";
const SERVICE: &str = "X-Trunkline-Purpose: service";
const QUIET: Duration = Duration::from_millis(300);
const RULES: &str = "schema = 1\n[override]\nmax_ttl = \"PT2H\"\nper = \"call\"\ncite = \"A1\"\n";

/// Gives a command as that supervisor; status and body.
fn give(site: &Site, who: &str, n: u32, op: &str, more: Value) -> (u16, Value) {
    let minted = ["--subject", who, "--role", "supervisor", "--expires", "12h"];
    let token = token(site, &minted);
    let mut body = more;
    body["id"] = format!("0198c0de-0000-7000-8000-{n:012}").into();
    body["op"] = op.into();
    ask(site, "POST /v1/commands", &token, "Prefer: wait=20\r\n", &body.to_string())
}

#[test]
fn an_approved_call_leaves_once_also_after_a_crash() {
    let site = Site::with(&SiteOptions {
        gate_keys: "rulesets = [\"cn-seed-service\"]\nfile = \"override.toml\"",
        ..SiteOptions::default()
    });
    std::fs::write(site.path("override.toml"), RULES).unwrap();
    let server = site.serve(EVENING);
    let rule = || reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).to_owned();
    assert!(rule().contains("rule window"), "{}", rule());

    let mut tail = site.tail(None);
    let args = json!({"to": CUSTOMER, "purpose": "service", "reason": "burst pipe"});
    let request = json!({"target": {"device": "1001"}, "args": args});
    let (status, done) = give(&site, "carol", 1, "gate.override.request", request);
    assert_eq!((status, &done["status"]), (200, &json!("ok")), "{done}");
    tail.until_kind("override.requested", 1);
    let asked = tail.settle(QUIET);
    let asked = asked.iter().find(|e| e["k"] == "override.requested").unwrap();
    let about = json!({"args": {"override_id": asked["o"]["id"]}});
    let approve = |who: &str, n| give(&site, who, n, "gate.override.approve", about.clone());
    assert_eq!(approve("anna", 2).0, 200);
    let (status, twice) = approve("anna", 3);
    assert_eq!((status, &twice["code"]), (409, &json!("CONFLICT")), "{twice}");
    assert!(rule().contains("rule window"), "one is not enough");
    assert_eq!(approve("bob", 4).0, 200);
    server.kill();

    let server = site.serve(LATER);
    let mut tail = site.tail(Some(0));
    let callee = Sipp::callee("callee-answers", site.carrier()).with("RING", 100).start();
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    Sipp::caller("caller-talks-and-hangs-up", from, to, ["1001", CUSTOMER])
        .header(SERVICE)
        .with("TALK", 100)
        .run();
    callee.finish();
    tail.until_kind("outbound.allowed", 1);
    let events = tail.settle(QUIET);
    let of = |kind: &str| events.iter().find(|e| e["k"] == kind).unwrap();
    assert_eq!(of("override.used")["o"]["decision_id"], of("outbound.allowed")["o"]["id"]);
    let rules = of("outbound.allowed")["o"]["rules"].to_string();
    assert!(rules.contains("requested_by=carol approved_by=anna, bob"), "{rules}");
    assert!(rule().contains("rule window"), "once");
    server.kill();

    let _server = site.serve(LATER);
    assert!(rule().contains("rule window"), "and not again after a crash");
    let report = String::from_utf8(site.run(&["audit", "verify"]).stdout).unwrap();
    assert!(report.contains("audit log ok"), "{report}");
}
