//! Rules that are tried out live beside those in force.

use crate::outbound::{closed_by, goes_out, reason_of, refused};
use crate::support::process::poll_until;
use crate::support::{Site, SiteOptions, WORKDAY_MORNING};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::time::Duration;

const CUSTOMER: &str = "13800138000";

fn site() -> Site {
    Site::with(&SiteOptions {
        gate_keys: "ruleset = \"cn-seed-service\"\nshadow = \"tried.toml\"",
        ..SiteOptions::default()
    })
}

fn report(site: &Site) -> Value {
    let span = ["--from", "2026-11-23T00:00:00+08:00", "--to", "2026-11-24T00:00:00+08:00"];
    let output = site.run(&[&["gate", "shadow", "report", "--json"][..], &span].concat());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Which rules are named, over all versions of the file, and how often.
fn rules_in(report: &Value) -> Vec<(String, u64)> {
    let versions = report["versions"].as_object().unwrap().values();
    let rules = versions.flat_map(|version| version["rules"].as_object().unwrap());
    rules.map(|(rule, of)| (rule.clone(), of["newly_denied"].as_u64().unwrap())).collect()
}

fn one(rule: &str) -> (String, u64) {
    (rule.to_owned(), 1)
}

/// The call goes out, and what the rules tried out would have said is told, counted and kept; a
/// new file judges the next call, a bad one changes nothing; kill -9 loses none of it.
#[test]
fn a_call_goes_out_and_the_difference_is_told() {
    let site = site();
    std::fs::write(site.path("tried.toml"), closed_by("first")).unwrap();
    let told = String::from_utf8(site.run(&["check"]).stdout).unwrap();
    assert!(told.contains("tried out own\n"), "{told}");
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    goes_out(&site, CUSTOMER);
    tail.until_kind("gate.shadow_differs", 1);
    let events = tail.settle(Duration::from_millis(200));
    let of = |kind: &str| events.iter().find(|e| e["k"] == kind).unwrap();
    let differs = &of("gate.shadow_differs")["o"];
    assert_eq!(differs["decision_id"], of("outbound.allowed")["o"]["id"]);
    assert_eq!(
        (&differs["verdict"], &differs["shadow_verdict"]),
        (&"allow".into(), &"deny".into())
    );
    assert_eq!(differs["shadow_refused_by"], serde_json::json!(["first"]));
    assert!(!differs.to_string().contains("138"), "{differs}");
    // Refused by both: no difference.
    assert!(reason_of(&refused(&site, CUSTOMER, None)).contains("rule purpose"));
    let counted = || site.metrics().contains("trunkline_gate_shadow_compared_total 2\n");
    assert!(poll_until(Duration::from_secs(5), counted), "{}", site.metrics());
    let metrics = site.metrics();
    for row in [
        "trunkline_gate_shadow_differs_total{change=\"newly_denied\"} 1\n",
        "trunkline_gate_shadow_differs_total{change=\"newly_allowed\"} 0\n",
        "_by_rule_total{change=\"newly_denied\",rule=\"first\"} 1\n",
        "trunkline_gate_shadow_skipped_total 0\n",
    ] {
        assert!(metrics.contains(row), "no {row} in {metrics}");
    }
    assert_eq!(rules_in(&report(&site)), [one("first")]);

    std::fs::write(site.path("tried.toml"), "schema = 9").unwrap();
    let failed = site.try_run(&["reload"]);
    let why = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && why.contains("tried.toml"), "{why}");
    server.signal(Signal::SIGHUP);
    tail.until("two alarms", Duration::from_secs(10), |events| {
        let alarm = |event: &&Value| {
            let reason = event["o"]["reason"].as_str().unwrap_or_default();
            event["o"]["status"] == "partiallyDisabled" && reason.contains("go on: tried.toml")
        };
        events.iter().filter(alarm).count() == 2
    });
    goes_out(&site, CUSTOMER);
    tail.until_kind("gate.shadow_differs", 2);
    std::fs::write(site.path("tried.toml"), closed_by("second")).unwrap();
    site.run(&["reload"]);
    goes_out(&site, CUSTOMER);
    tail.until_kind("gate.shadow_differs", 3);
    let both = [("first".to_owned(), 2), one("second")];
    let sorted = |site: &Site| {
        let mut found = rules_in(&report(site));
        found.sort();
        found
    };
    assert_eq!(sorted(&site), both);
    server.kill();

    // Without the server, and after the crash.
    assert_eq!(sorted(&site), both);
    let span = ["--from", "2026-11-23T00:00:00+08:00", "--to", "2026-11-24T00:00:00+08:00"];
    let text = site.run(&[&["gate", "shadow", "report"][..], &span].concat()).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("differences    3\n"), "{text}");
    assert!(text.contains("second                               1             0"), "{text}");
}

/// Rules that do not count keep nobody from serving.
#[test]
fn a_file_that_is_bad_at_the_start_is_an_alarm() {
    let site = site();
    std::fs::write(site.path("tried.toml"), "schema = 9").unwrap();
    let checked = site.try_run(&["check"]);
    assert!(!checked.status.success(), "{checked:?}");
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(Some(0));
    tail.until("an alarm", Duration::from_secs(10), |events| {
        events.iter().any(|event| {
            let reason = event["o"]["reason"].as_str().unwrap_or_default();
            reason.contains("none are tried out: tried.toml")
        })
    });
    goes_out(&site, CUSTOMER);
    std::fs::write(site.path("tried.toml"), closed_by("mended")).unwrap();
    site.run(&["reload"]);
    goes_out(&site, CUSTOMER);
    tail.until_kind("gate.shadow_differs", 1);
}

/// `gate explain --shadow` answers by both.
#[test]
fn explain_tells_both_verdicts() {
    let site = site();
    std::fs::write(site.path("tried.toml"), closed_by("morning")).unwrap();
    let ask = |more: &[&str]| {
        let at = ["--at", "2026-11-23T10:00:00+08:00", "--purpose", "service"];
        let files = ["--shadow", "tried.toml"];
        let all = [&["gate", "explain", CUSTOMER][..], &at, &files, more].concat();
        String::from_utf8(site.run(&all).stdout).unwrap()
    };
    let text = ask(&[]);
    assert!(text.starts_with("ALLOW"), "{text}");
    assert!(text.contains("\ntried out, decided otherwise:\nDENY"), "{text}");
    let json: Value = serde_json::from_str(&ask(&["--json"])).unwrap();
    assert_eq!((&json["verdict"], &json["differs"]), (&"allow".into(), &true.into()));
    assert_eq!(json["shadow"]["verdict"], "deny");
    let denying = json["shadow"]["rules"].as_array().unwrap().iter();
    let denying: Vec<_> = denying.filter(|r| r["verdict"] == "deny").map(|r| &r["id"]).collect();
    assert_eq!(denying, ["morning"]);
}
