//! What stays of a call: sealed records, an audited reading of them, and nothing in the clear.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::server::http_get;
use crate::support::{Sipp, Site, Story, WORKDAY_MORNING};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const E164: &str = "+8613800138000";
const A_MINUTE_LATER: &str = "2026-11-23T10:01:00+08:00";

fn json_lines(site: &Site, args: &[&str]) -> Vec<Value> {
    let output = String::from_utf8(site.run(args).stdout).unwrap();
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One answered inbound call; its id.
fn inbound_call(site: &Site) -> String {
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-answers", site.net.pbx()).with("RING", 200).start();
    let (from, to) = (site.carrier(), site.carrier_side());
    Sipp::caller("caller-talks-and-hangs-up", from, to, [CUSTOMER, "95519"])
        .with("TALK", 100)
        .run();
    callee.finish();
    Story::single(tail.finished_calls(1)).call()["id"].as_str().unwrap().to_owned()
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|p| if p.is_dir() { files_below(&p) } else { vec![p] }).collect()
}

#[test]
fn a_finished_call_is_found_again_and_lies_sealed_on_the_disk() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let id = inbound_call(&site);

    let mut found = Vec::new();
    poll_until(Duration::from_secs(5), || {
        found = json_lines(&site, &["records", "search", "--number", E164, "--json"]);
        !found.is_empty()
    });
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["id"], id.as_str());
    let other = json_lines(&site, &["records", "search", "--number", "+8613900139000", "--json"]);
    assert!(other.is_empty(), "{other:?}");
    let shown = json_lines(&site, &["records", "show", &id, "--json"]);
    assert!(shown[0].to_string().contains("normalClearing"), "{shown:?}");
    let audit = site.run(&["audit", "verify"]);
    assert!(String::from_utf8_lossy(&audit.stdout).contains("ok"), "{audit:?}");
    assert!(!http_get(site.net.http(), "/healthz").is_empty());

    let log = server.log();
    assert_eq!(server.stop(), Some(0));
    assert!(!log.contains(CUSTOMER), "a number in the log:\n{log}");
    let files = files_below(&site.path("data"));
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let clear = bytes.windows(CUSTOMER.len()).any(|w| w == CUSTOMER.as_bytes());
        assert!(!clear, "a number in the clear in {}", file.display());
    }
}

#[test]
fn records_survive_a_crash() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let id = inbound_call(&site);
    server.kill();
    let _server = site.serve(A_MINUTE_LATER);
    let shown = json_lines(&site, &["records", "show", &id, "--json"]);
    assert!(shown[0].to_string().contains(&id), "{shown:?}");
}

#[test]
fn an_imported_block_survives_a_crash() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let csv = site.path("list.csv");
    let rows = format!("number,reason\n{CUSTOMER},register\n+8613900139000,complaint\n");
    std::fs::write(&csv, rows).unwrap();
    site.run(&["dnc", "import", csv.to_str().unwrap()]);
    server.kill();

    let _server = site.serve(A_MINUTE_LATER);
    // Each number for all calls, and longer for sales.
    assert_eq!(json_lines(&site, &["dnc", "list", "--json"]).len(), 4);
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    let heard = Sipp::caller("caller-is-refused", from, to, ["1001", CUSTOMER])
        .header("X-Trunkline-Purpose: service")
        .with("STATUS", "403")
        .run();
    let refusal = heard.iter().find(|m| m.starts_with("SIP/2.0 403")).unwrap();
    assert!(refusal.contains("rule dnc"), "{refusal}");
}

/// Numbers in clear are for an auditor with a reason, and the log says so.
#[test]
fn an_export_shows_numbers_to_an_auditor_alone() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    Sipp::caller("caller-is-refused", from, to, ["1001", CUSTOMER]).with("STATUS", "403").run();

    let out = |name: &str| site.path(name).to_str().unwrap().to_owned();
    let clear = |role: &str, out: &str| {
        let minted = ["token", "mint", "--subject", "revisor", "--role", role, "--at"];
        let token = site.run(&[&minted[..], &[WORKDAY_MORNING]].concat()).stdout;
        std::fs::write(site.path("token"), token).unwrap();
        let file = site.path("token");
        let file = file.to_str().unwrap();
        let args = ["audit", "export", "--clear-numbers", "--reason", "case 4711", "--out", out];
        site.try_run(&[&args[..], &["--token-file", file]].concat())
    };
    let refused = clear("supervisor", &out("refused"));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && told.contains("is not an auditor's"), "{told}");
    assert!(!site.path("refused").exists());
    let done = clear("auditor", &out("clear"));
    assert!(done.status.success(), "{done:?}");
    site.run(&["audit", "export", "--out", &out("masked")]);

    let entries = |name| std::fs::read_to_string(site.path(name).join("entries.jsonl")).unwrap();
    assert!(entries("clear").contains(&format!("\"number\":\"{E164}\"")));
    let masked = entries("masked");
    assert!(!masked.contains(CUSTOMER), "{masked}");
    assert!(masked.contains("revisor uid:") && masked.contains("case ####"), "{masked}");
    assert!(masked.contains("\"id\":\"purpose\"") && masked.contains("138****8000"), "{masked}");

    let key = String::from_utf8(site.run(&["audit", "key"]).stdout).unwrap();
    for name in ["clear", "masked"] {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/verify_export.py");
        let mut command = std::process::Command::new("python3");
        let checked = command.args([script, &out(name), "--key", key.trim()]).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
    assert!(server.log().contains("audit log signed"), "a copy of each signature is in the log");
}
