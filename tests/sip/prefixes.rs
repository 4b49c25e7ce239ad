//! Two PBXs that dial otherwise: each string is judged by the plan of the one it came from, and
//! leaves as it was dialled.

#![allow(clippy::unwrap_used)]

use crate::api::{ask, token};
use crate::outbound::reason_of;
use crate::support::process::poll_until;
use crate::support::{Sipp, Site, SiteOptions, Story, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

const SERVICE: &str = "X-Trunkline-Purpose: service";
/// Monday 2026-11-23, in the evening.
const NIGHT: &str = "2026-11-23T21:30:00+08:00";
/// A PBX in Beijing that leaves a 0 in front, and one in Shanghai that leaves a 9.
fn site() -> Site {
    Site::with(&SiteOptions {
        pbx_keys: "[pbx.asterisk.dial]\noutside_prefix = \"0\"\nhome_area = \"10\"",
        sections: "[pbx.branch]\naddress = \"BRANCH\"\n\
                   dial = { outside_prefix = [\"9\"], home_area = \"21\", internal = [\"6xxx\"] }\n",
        ..SiteOptions::default()
    })
}

fn caller(site: &Site, from: SocketAddr, story: &str, dialled: &str) -> Sipp {
    Sipp::caller(story, from, site.net.trunkline(), ["1001", dialled]).header(SERVICE)
}

/// The call and its decision, if it has one; what the carrier got is what was dialled.
fn goes_out(site: &Site, from: SocketAddr, dialled: &str) -> (Value, Option<Value>) {
    let mut tail = site.tail(None);
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 50).start();
    caller(site, from, "caller-talks-and-hangs-up", dialled).with("TALK", 50).run();
    let seen = carrier.finish();
    let line = seen[0].lines().next().unwrap();
    assert!(line.starts_with(&format!("INVITE sip:{dialled}@")), "{line}");
    assert!(seen[0].contains(&format!("To: <sip:{dialled}@")), "{}", seen[0]);
    let story = Story::single(tail.finished_calls(1));
    let decision = story.kinds().contains(&"outbound.allowed");
    let decision = decision.then(|| story.of_kind("outbound.allowed")["o"].clone());
    (story.call().clone(), decision)
}

/// The rule that refuses a call by that PBX.
fn refused_by(site: &Site, from: SocketAddr, dialled: &str) -> String {
    let mut tail = site.tail(None);
    let heard = caller(site, from, "caller-is-refused", dialled).with("STATUS", "403").run();
    let refusal = heard.into_iter().find(|m| m.starts_with("SIP/2.0 403")).expect("a 403");
    let story = Story::single(tail.finished_calls(1));
    let rules = story.of_kind("outbound.denied")["o"]["rules"].clone();
    let rules = rules.as_array().unwrap();
    let first = rules.iter().find(|rule| rule["verdict"] == "deny").unwrap();
    let id = first["id"].as_str().unwrap().to_owned();
    assert!(reason_of(&refusal).contains(&id), "{refusal}");
    id
}

fn said(decision: &Value) -> &str {
    let rule = &decision["rules"][0];
    if rule["id"] == "number" { rule["inputs"].as_str().unwrap() } else { "" }
}

#[test]
fn each_pbx_has_its_own_prefix_and_the_wire_keeps_it() {
    let site = site();
    let _server = site.serve(WORKDAY_MORNING);
    let (head, branch) = (site.net.pbx(), site.net.branch());
    for (from, dialled, judged, told) in [
        (head, "0013800138000", "+8613800138000", "trunk=asterisk prefix=0 judged=138****8000"),
        (branch, "913800138000", "+8613800138000", "trunk=branch prefix=9 judged=138****8000"),
        (head, "062345678", "+861062345678", "trunk=asterisk prefix=0 area=10 judged=10******78"),
        (branch, "962345678", "+862162345678", "trunk=branch prefix=9 area=21 judged=21******78"),
        (branch, "13800138000", "+8613800138000", ""),
    ] {
        let (call, decision) = goes_out(&site, from, dialled);
        let decision = decision.unwrap();
        for to in [&call["to"], &decision["to"]] {
            assert_eq!((&to["e164"], &to["raw"]), (&json!(judged), &json!(dialled)), "{to}");
        }
        assert_eq!(said(&decision), told);
    }
    // By the other's plan the same string is a number in Ohio, and no number at all.
    assert_eq!(refused_by(&site, branch, "0013800138000"), "no_ruleset");
    assert_eq!(refused_by(&site, head, "913800138000"), "number");
    // A request not to be called holds for the number, by whichever prefix it is dialled.
    site.run(&["dnc", "add", "13800138000"]);
    let listed = || refused_by(&site, head, "0013800138000") == "dnc";
    assert!(poll_until(Duration::from_secs(5), listed));
    assert_eq!(refused_by(&site, branch, "9013800138000"), "dnc");
}

#[test]
fn help_is_reached_by_either_prefix_and_extensions_are_those_of_the_pbx() {
    let site = site();
    let _server = site.serve(NIGHT);
    let (head, branch) = (site.net.pbx(), site.net.branch());
    for (from, dialled, direction) in [
        (head, "0110", "outbound"),
        (branch, "9120", "outbound"),
        (branch, "119", "outbound"),
        (head, "1002", "internal"),
        (branch, "6002", "internal"),
    ] {
        let (call, decision) = goes_out(&site, from, dialled);
        assert_eq!((&call["direction"], decision), (&json!(direction), None), "{dialled}");
    }
    assert_eq!(refused_by(&site, branch, "1002"), "number");
    assert_eq!(refused_by(&site, head, "6002"), "number");
}

#[test]
fn explanations_are_by_the_plan_that_is_named() {
    let site = site();
    let args = ["gate", "explain", "9013800138000", "--purpose", "service", "--json"];
    let explain = |more: &[&str]| {
        let at = ["--at", WORKDAY_MORNING];
        let output = site.try_run(&[&args[..], &at, more].concat());
        let told = serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default();
        (told, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (found, _) = explain(&["--trunk", "branch"]);
    assert_eq!((&found["verdict"], &found["number"]), (&json!("allow"), &json!("138****8000")));
    assert_eq!(
        (&found["trunk"], &found["dialed"]),
        (&json!("branch"), &json!("901******8000")),
        "{found}"
    );
    assert_eq!(found["rules"][0]["inputs"], "trunk=branch prefix=9 judged=138****8000");
    let (found, _) = explain(&["--trunk", "asterisk"]);
    assert_eq!((&found["verdict"], &found["dialed"]), (&json!("deny"), &Value::Null), "{found}");
    let (_, told) = explain(&["--trunk", "other"]);
    assert!(told.contains("there are: asterisk, branch"), "{told}");

    let _server = site.serve(WORKDAY_MORNING);
    let crm = token(&site, &["--subject", "crm", "--role", "service"]);
    let question = |path: &str, trunk: &str| {
        let body = json!({"number": "9013800138000", "purpose": "service", "trunk": trunk});
        ask(&site, &format!("POST /v1/gate/{path}"), &crm, "", &body.to_string())
    };
    let (status, found) = question("explain", "branch");
    assert_eq!(
        (status, &found["trunk"], &found["verdict"]),
        (200, &json!("branch"), &json!("allow"))
    );
    assert_eq!(question("check", "branch").1["verdict"], "allow");
    assert_eq!(question("check", "asterisk").1["refused_by"], json!(["number"]));
    for path in ["check", "explain", "permit"] {
        let (status, problem) = question(path, "other");
        assert_eq!((status, &problem["param"]), (422, &json!("trunk")), "{problem}");
        assert_eq!(problem["allowed"], "one of: asterisk, branch");
    }
    // A permit that was asked for without the prefix is good for the call that has it.
    let (_, permit) = question("permit", "branch");
    let mark = format!("X-Trunkline-Mark: {}", permit["permit"].as_str().unwrap());
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 50).start();
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    Sipp::caller("caller-talks-and-hangs-up", from, to, ["1001", "013800138000"])
        .header(&mark)
        .with("TALK", 50)
        .run();
    carrier.finish();
}

#[test]
fn what_is_wrong_with_a_plan_is_told_with_its_line_and_what_is_allowed() {
    let check = |pbx_keys: &'static str, gate_keys: &'static str| {
        let site = Site::with(&SiteOptions { pbx_keys, gate_keys, ..SiteOptions::default() });
        let text = std::fs::read_to_string(site.config()).unwrap();
        let output = site.try_run(&["check"]);
        assert!(!output.status.success());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = told.split("trunkline.toml:").nth(1).unwrap().split(':').next().unwrap();
        let line = text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap().to_owned();
        (told, line)
    };
    for (pbx, gate, line, told) in [
        (
            "[pbx.asterisk.dial]\noutside_prefix = [\"9\", \"91\"]",
            "",
            "outside_prefix = [\"9\", \"91\"]",
            "pbx.asterisk.dial.outside_prefix = \"91\": prefixes none of which begins with another",
        ),
        (
            "dial = { outside_prefix = \"9#\" }",
            "",
            "dial = { outside_prefix = \"9#\" }",
            "pbx.asterisk.dial.outside_prefix = \"9#\": one to four digits",
        ),
        (
            "[pbx.asterisk.dial]\nhome_area = \"010\"",
            "",
            "home_area = \"010\"",
            "pbx.asterisk.dial.home_area = \"010\": an area code without its 0: 10, 21, 755",
        ),
        (
            "",
            "home_region = \"Germany\"",
            "home_region = \"Germany\"",
            "gate.home_region = \"Germany\": a country by its ISO 3166 code",
        ),
        ("", "outside_prefix = 0", "outside_prefix = 0", "expected digits in quotes"),
        (
            "dial_by_trunk = { \"PJSIP/x\" = { home_area = \"10\" } }",
            "",
            "dial_by_trunk = { \"PJSIP/x\" = { home_area = \"10\" } }",
            "pbx.asterisk.dial_by_trunk = Some(\"PJSIP/x\"): of trunks",
        ),
    ] {
        let (said, at) = check(pbx, gate);
        assert!(said.contains(told), "{said}");
        assert_eq!(at, line, "{said}");
    }
}
