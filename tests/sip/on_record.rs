//! Claims on record: by HTTP, by the command line, on the real trunk, over a crash.

use crate::api::{ask, token};
use crate::outbound::{OPEN, goes_out, reason_of, refused};
use crate::support::{Sipp, Site, SiteOptions, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const OTHER: &str = "13900139000";
const SERVICE: &str = "X-Trunkline-Purpose: service";
const LATER: &str = "2026-11-23T10:05:00+08:00";
const QUIET: Duration = Duration::from_millis(300);

/// Added to the open rule set.
const MORE: &str = r#"[[ruleset.own.requires]]
id = "opt-in"
any = ["consent", "customer_requested_callback"]
cite = "test"
"#;

fn site(sections: &'static str) -> Site {
    let site = Site::with(&SiteOptions {
        gate_keys: "file = \"rules.toml\"",
        sections,
        ..SiteOptions::default()
    });
    std::fs::write(site.path("rules.toml"), format!("{OPEN}{MORE}")).unwrap();
    site
}

fn is_refused(site: &Site, number: &str) {
    let reason = reason_of(&refused(site, number, Some(SERVICE))).to_owned();
    assert!(reason.contains("rule opt-in"), "{reason}");
}

fn post(site: &Site, token: &str, body: &Value) -> (u16, Value) {
    ask(site, "POST /v1/claims", token, "", &body.to_string())
}

#[test]
fn a_consent_lets_calls_out_until_it_is_withdrawn_also_over_crashes() {
    let site = site("");
    let server = site.serve(WORKDAY_MORNING);
    let crm = token(&site, &["--subject", "crm", "--role", "service", "--expires", "12h"]);
    let auditor = token(&site, &["--subject", "eva", "--role", "auditor", "--expires", "12h"]);
    is_refused(&site, CUSTOMER);
    let consent = json!({"number": CUSTOMER, "claim": "consent", "purpose": "service",
        "evidence": "contract 4711, page 3", "until": "2027-11-22"});
    let (status, made) = post(&site, &crm, &consent);
    assert_eq!((status, &made["until"]), (201, &json!("2027-11-22")), "{made}");
    server.kill();

    let server = site.serve(LATER);
    let mut tail = site.tail(Some(0));
    goes_out(&site, CUSTOMER);
    tail.until_kind("outbound.allowed", 1);
    let events = tail.settle(QUIET);
    let of = |kind: &str| events.iter().find(|e| e["k"] == kind).unwrap();
    let entry = &of("claim.recorded")["o"]["entries"][0];
    assert_eq!((&entry["id"], &entry["source"]), (&made["id"], &json!("api")));
    let rules = of("outbound.allowed")["o"]["rules"].to_string();
    let named = format!("consent claim={}", made["id"].as_str().unwrap());
    assert!(rules.contains(&named), "{rules}");
    is_refused(&site, OTHER);

    let path = |whom: &str| format!("GET /v1/claims/{whom}");
    let agent = token(&site, &["--subject", "a", "--role", "agent", "--expires", "12h"]);
    assert_eq!(
        ask(&site, &path(CUSTOMER), &agent, "", "").0,
        403,
        "agents record and withdraw, and do not look up"
    );
    let (status, found) = ask(&site, &path(CUSTOMER), &auditor, "", "");
    let claim = &found["claims"][0];
    assert_eq!((status, &claim["evidence"]), (200, &consent["evidence"]), "{found}");
    assert_eq!(claim["added_by"], "user:crm");
    let withdraw = format!("DELETE /v1/claims/{}?reason=by%20letter", made["id"].as_str().unwrap());
    assert_eq!(ask(&site, &withdraw, &auditor, "", "").0, 403);
    let (status, done) = ask(&site, &withdraw, &crm, "", "");
    assert_eq!((status, &done["withdrawn"]), (200, &json!(1)), "{done}");
    is_refused(&site, CUSTOMER);
    assert_eq!(ask(&site, &withdraw, &crm, "", "").0, 404, "once");
    server.kill();

    let _server = site.serve("2026-11-23T10:10:00+08:00");
    is_refused(&site, CUSTOMER);
    let shown = site.run(&["claim", "show", CUSTOMER]).stdout;
    assert!(String::from_utf8(shown).unwrap().contains("WITHDRAWN 2026-11-23"));
    let report = String::from_utf8(site.run(&["audit", "verify"]).stdout).unwrap();
    assert!(report.contains("audit log ok"), "{report}");
}

/// A request for a call back: with its case, for some days, and said in a call with that number.
#[test]
fn what_a_customer_asks_for_is_recorded_on_the_call() {
    let site = site("[agent.alice]\nname = \"Alice\"\ndevice = \"PJSIP/1001\"\nteam = \"day\"\n");
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let add = ["claim", "add", "consent", CUSTOMER, "--evidence", "form 7"];
    let told = String::from_utf8(site.run(&add).stdout).unwrap();
    assert!(told.starts_with("recorded: "), "{told}");
    goes_out(&site, CUSTOMER);
    let ended = tail.finished_calls(1).iter().find(|e| e["k"] == "call.cleared");
    let id = ended.unwrap()["o"]["id"].as_str().unwrap().to_owned();
    let withdrawn = site.run(&["claim", "withdraw", CUSTOMER, "--reason", "by phone"]);
    assert!(withdrawn.status.success());
    is_refused(&site, CUSTOMER);

    let agent = |name: &str| {
        let who = ["--subject", name, "--agent", name, "--devices", "1001", "--role", "agent"];
        token(&site, &who)
    };
    let (alice, other) = (agent("alice"), agent("bob"));
    let asked = |more: Value| {
        let mut body = json!({"claim": "customer_requested_callback", "number": CUSTOMER,
            "case": "c-1", "until": "2026-11-27", "call": id});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for (token, more, field) in [
        (&alice, json!({"case": null}), "case"),
        (&alice, json!({"until": null}), "until"),
        (&alice, json!({"until": "2027-11-27"}), "until"),
        (&alice, json!({"call": null}), "call"),
        (&alice, json!({"call": "0198c0de-0000-7000-8000-000000000001"}), "call"),
        (&alice, json!({"number": OTHER}), "call"),
        (&alice, json!({"customer": "K7"}), "number"),
        (&alice, json!({"claim": "trust-me"}), "claim"),
        (&alice, json!({"given_at": "2026-11-24T10:00:00+08:00"}), "given_at"),
        (&alice, json!({"because": "x"}), "a member"),
        (&other, json!({}), "call"),
    ] {
        let (status, refusal) = post(&site, token, &asked(more.clone()));
        let detail = refusal["detail"].as_str().unwrap_or_default();
        assert!(status == 400 && detail.starts_with(field), "{more}: {status} {refusal}");
        assert!(!detail.contains("139"), "{detail}");
    }
    let (status, made) = post(&site, &alice, &asked(json!({})));
    assert_eq!(status, 201, "{made}");
    // The case is the call's, or it does not count.
    is_refused(&site, CUSTOMER);
    let callee = Sipp::callee("callee-answers", site.carrier()).with("RING", 100).start();
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    Sipp::caller("caller-talks-and-hangs-up", from, to, ["1001", CUSTOMER])
        .header(&format!("{SERVICE}\nX-Trunkline-Case: c-1"))
        .with("TALK", 100)
        .run();
    callee.finish();
}
