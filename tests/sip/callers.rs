//! The number that a call shows: only listed ones leave.

#![allow(clippy::unwrap_used)]

use crate::api::{ask, token};
use crate::outbound::{OPEN, reason_of};
use crate::support::{Sipp, Site, SiteOptions, Story, Ua, WORKDAY_MORNING};
use serde_json::json;
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
/// Added to the open rule set.
const MORE: &str = r#"[[ruleset.own.caller_id]]
id = "sales-number"
purpose = ["sales"]
numbers = ["95519", "021-62345678"]
cite = "test"
"#;

#[test]
fn a_sales_call_shows_a_listed_number_or_is_refused() {
    let gate_keys = "file = \"DIR/rules.toml\"";
    let site = Site::with(&SiteOptions { gate_keys, ..SiteOptions::default() });
    std::fs::write(site.path("rules.toml"), format!("{OPEN}{MORE}")).unwrap();
    let _server = site.serve(WORKDAY_MORNING);
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    let call = |story: &str, shown: &str, headers: &str| {
        Sipp::caller(story, from, to, [shown, CUSTOMER]).header(headers)
    };
    for (shown, headers) in [
        ("02162345678", "X-Trunkline-Purpose: sales"),
        ("1001", "X-Trunkline-Purpose: sales\nP-Asserted-Identity: <sip:95519@pbx.example>"),
        ("1001", "X-Trunkline-Purpose: service"),
    ] {
        let mut tail = site.tail(None);
        let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 50).start();
        call("caller-talks-and-hangs-up", shown, headers).with("TALK", 50).run();
        carrier.finish();
        let story = Story::single(tail.finished_calls(1));
        assert_eq!(story.of_kind("outbound.allowed")["o"]["verdict"], "allow", "{shown} {headers}");
    }
    let carrier = Ua::bind(site.carrier(), site.carrier_side());
    for (shown, headers) in [
        ("1001", "X-Trunkline-Purpose: sales"),
        ("13900139000", "X-Trunkline-Purpose: sales"),
        // The number that is asserted counts, not the one beside it.
        ("95519", "X-Trunkline-Purpose: sales\nP-Asserted-Identity: <sip:1001@pbx.example>"),
    ] {
        let mut tail = site.tail(None);
        let heard = call("caller-is-refused", shown, headers).with("STATUS", "403").run();
        let refusal = heard.into_iter().find(|m| m.starts_with("SIP/2.0 403")).expect("a 403");
        assert!(reason_of(&refusal).contains("rule sales-number"), "{refusal}");
        let story = Story::single(tail.finished_calls(1));
        let decision = story.of_kind("outbound.denied")["o"].clone();
        assert!(!decision["rules"].to_string().contains("13900139000"), "{decision}");
    }
    let leaked = carrier.drain(Duration::from_millis(200));
    assert!(leaked.is_empty(), "a refused call reached the carrier: {leaked:?}");

    let crm = token(&site, &["--subject", "crm", "--role", "service"]);
    let check = |caller: Option<&str>| {
        let body = json!({"number": CUSTOMER, "purpose": "sales", "caller": caller});
        ask(&site, "POST /v1/gate/check", &crm, "", &body.to_string()).1
    };
    assert_eq!(check(Some("95519"))["verdict"], "allow");
    assert_eq!(check(Some("1001"))["refused_by"], json!(["sales-number"]));
    assert_eq!(check(None)["refused_by"], json!(["sales-number"]));
    let explain = |more: &[&str]| {
        let args = ["gate", "explain", CUSTOMER, "--purpose", "sales", "--at", WORKDAY_MORNING];
        String::from_utf8(site.run(&[&args[..], more].concat()).stdout).unwrap()
    };
    assert!(explain(&["--caller", "95519"]).starts_with("ALLOW"));
    assert!(explain(&["--caller", "021 6234 5678"]).starts_with("ALLOW"));
    assert!(explain(&[]).starts_with("DENY"));
}

#[test]
fn a_vague_name_is_refused_in_the_configuration() {
    let sections = "[pop]\nopening = \"您好，这里是客服中心，工号{agent}\"\n";
    let site = Site::with(&SiteOptions { sections, ..SiteOptions::default() });
    let output = site.try_run(&["check"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("pop.opening = ") && told.contains("客服中心 alone"), "{told}");
}
