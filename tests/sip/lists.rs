//! The do-not-call list and registers on the real binary: files in, people who block and remove,
//! crashes in between, and what the gate says of it.

#![allow(clippy::unwrap_used)]

use crate::api::{ask, token};
use crate::support::process::poll_until;
use crate::support::{Sipp, Site, SiteOptions, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::process::Output;
use std::time::Duration;

const A_MINUTE_LATER: &str = "2026-11-23T10:01:00+08:00";
const CUSTOMER: &str = "+8613800138000";
const OTHER: &str = "+8613900139000";

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn lines(site: &Site, args: &[&str]) -> Vec<Value> {
    let out = text(&site.run(args).stdout);
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Entries in force.
fn held(site: &Site) -> Vec<Value> {
    let all = lines(site, &["dnc", "list", "--json"]);
    all.into_iter().filter(|row| row["removed"].is_null()).collect()
}

fn import(site: &Site, name: &str, bytes: &[u8], more: &[&str]) -> Output {
    let path = site.path(name);
    std::fs::write(&path, bytes).unwrap();
    site.try_run(&[&["dnc", "import", path.to_str().unwrap()], more].concat())
}

/// Status and text of the refusal of a call to `number`.
fn call(site: &Site, number: &str, purpose: &str) -> String {
    let header: &'static str = match purpose {
        "service" => "X-Trunkline-Purpose: service",
        _ => "X-Trunkline-Purpose: sales",
    };
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    let heard = Sipp::caller("caller-is-refused", from, to, ["1001", number])
        .header(header)
        .with("STATUS", "403")
        .run();
    heard.iter().find(|m| m.starts_with("SIP/2.0 403")).unwrap().clone()
}

/// What a spreadsheet program writes, with bad rows; again; strict; and out again.
#[test]
fn a_file_goes_in_and_comes_out_again() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let table = "手机号,截止日期,原因,用途\n\
                 13800138000,2027-06-30,客户要求,\n\
                 8001,,内部,\n\
                 １３９００１３９０００,forever,投诉,sales\n\
                 13700137000,30.6.2027,,\n";
    let (gb, _, _) = encoding_rs::GB18030.encode(table);
    let strict = import(&site, "list.csv", &gb, &["--strict"]);
    assert_eq!(strict.status.code(), Some(1), "{strict:?}");
    assert!(held(&site).is_empty(), "nothing was taken");
    for _ in 0..2 {
        let done = import(&site, "list.csv", &gb, &[]);
        assert_eq!(done.status.code(), Some(1), "{done:?}");
        assert_eq!(text(&done.stdout), "taken: 2, refused: 2\n");
        let told = text(&done.stderr);
        assert!(told.contains("list.csv: line 3: number: no outside number"), "{told}");
        assert!(told.contains("list.csv: line 5: until: a day is written YYYY-MM-DD"), "{told}");
        assert_eq!(held(&site).len(), 2);
    }
    let shorter = import(&site, "s.csv", b"number,until\n13800138000,2026-12-01\n", &[]);
    assert_eq!(shorter.status.code(), Some(0), "{shorter:?}");
    let shown = lines(&site, &["dnc", "show", "13800138000", "--json"]);
    let entry = &shown[0]["entries"][0];
    assert_eq!((&entry["until"], &entry["reason"]), (&json!("2027-06-30"), &json!("客户要求")));

    let out = site.path("out.csv");
    site.run(&["dnc", "export", out.to_str().unwrap()]);
    let exported = std::fs::read_to_string(&out).unwrap();
    let bytes = exported.as_bytes().to_vec();
    assert!(exported.contains("+8613900139000,,sales,forever,投诉,"), "{exported}");
    let twice = site.try_run(&["dnc", "export", out.to_str().unwrap()]);
    assert_eq!(twice.status.code(), Some(2), "a file that is there stays: {twice:?}");

    let other = Site::new();
    let _other = other.serve(WORKDAY_MORNING);
    let done = import(&other, "in.csv", &bytes, &["--strict"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let rows = |site: &Site| {
        let columns = ["number", "customer", "purpose", "until", "reason", "asked_at"];
        let row = |row: &Value| columns.map(|name| row[name].to_string());
        let mut rows: Vec<_> = held(site).iter().map(row).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&other), rows(&site), "the same rows");
}

/// 90 days for all calls, six months for sales, and two people to take it away.
#[test]
fn do_not_disturb_by_http_and_its_removal_by_two() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let agent = token(&site, &["--subject", "ann", "--role", "agent", "--devices", "1001"]);
    let [eve, sam] =
        ["eve", "sam"].map(|user| token(&site, &["--subject", user, "--role", "supervisor"]));
    let body = json!({"number": CUSTOMER, "customer": "C-77"}).to_string();
    let (status, blocked) = ask(&site, "POST /v1/dnc", &agent, "", &body);
    assert_eq!((status, &blocked["tag"]), (201, &json!("拒绝呼出")), "{blocked}");
    let block = |scope: &str, purpose: Value, until: &str| json!({"scope": scope, "purpose": purpose, "until": until});
    let expected = json!([
        block("number", Value::Null, "2027-02-21"),
        block("number", json!("sales"), "2027-05-23"),
        block("customer", Value::Null, "2027-02-21"),
        block("customer", json!("sales"), "2027-05-23"),
    ]);
    assert_eq!(blocked["blocks"], expected);
    assert!(call(&site, CUSTOMER, "service").contains("rule dnc; next allowed 2027-02-22"));

    let path = format!("/v1/dnc/{}", blocked["ref"].as_str().unwrap());
    let remove =
        |token: &str, query: &str| ask(&site, &format!("DELETE {path}{query}"), token, "", "");
    let (status, shown) = ask(&site, &format!("GET {path}"), &eve, "", "");
    assert_eq!((status, shown["entries"].as_array().unwrap().len()), (200, 2), "{shown}");
    assert_eq!(shown["entries"][0]["added_by"], "user:ann");
    assert_eq!(remove(&agent, "?reason=x").0, 403);
    assert_eq!(remove(&eve, "").0, 400, "a reason is needed");
    assert_eq!(remove(&eve, "?reason=asked+to+be+called").0, 202);
    assert_eq!(remove(&eve, "?reason=please").0, 409, "not by one alone");
    assert!(call(&site, CUSTOMER, "service").contains("rule dnc"), "it holds until then");
    let (status, removed) = remove(&sam, "");
    assert_eq!((status, &removed["status"]), (200, &json!("removed")), "{removed}");
    assert_eq!(remove(&sam, "?reason=again").0, 404);
    assert!(held(&site).iter().all(|row| row["scope"] == "customer"), "that is another entry");
    server.kill();

    let _server = site.serve(A_MINUTE_LATER);
    let shown = &lines(&site, &["dnc", "show", CUSTOMER, "--json"])[0];
    let gone = &shown["entries"][0]["removed"];
    let by = (&gone["by"], &gone["approved_by"], &gone["reason"]);
    assert_eq!(by, (&json!("user:eve"), &json!("user:sam"), &json!("asked to be called")));
    let verified = text(&site.run(&["audit", "verify"]).stdout);
    assert!(verified.contains("audit log ok"), "{verified}");
    let first = site.run(&["dnc", "remove", "--customer", "C-77", "--reason", "test"]);
    assert!(text(&first.stdout).starts_with("asked for"), "{first:?}");
    let alone = site.try_run(&["dnc", "remove", "--customer", "C-77"]);
    assert_eq!(alone.status.code(), Some(1), "{alone:?}");
}

const WITH_REGISTER: &str = r#"file = "DIR/rules.toml"
ruleset = "own""#;

const RULES: &str = r#"
schema = 1
[ruleset.own]
applies = { region = ["CN-mainland"], purpose = ["sales", "service"] }
zone = { source = "callee" }
purpose = { cite = "p" }
dnc = { cite = "d" }
window = [{ classes = ["any"], spans = [["00:00", "24:00"]], cite = "w" }]
register = [{ name = "no-thanks", stale_after = "P30D", cite = "r" }]
"#;

/// Missing, imported, replaced, refused, killed in the midst of an import, and there again.
#[test]
fn a_register_refuses_until_it_is_there_and_by_what_is_in_it() {
    let site = Site::with(&SiteOptions { gate_keys: WITH_REGISTER, ..SiteOptions::default() });
    std::fs::write(site.path("rules.toml"), RULES).unwrap();
    let server = site.serve(WORKDAY_MORNING);
    assert!(call(&site, OTHER, "service").contains("rule no-thanks; no allowed time known"));
    let closed = |count: f64| {
        let seen = || site.metric("trunkline_registers_closed") == count;
        assert!(poll_until(Duration::from_secs(5), seen), "{}", site.metrics());
    };
    closed(1.0);
    let edition = |day: &str, bytes: &[u8], more: &[&str]| {
        let args = ["--list", "no-thanks", "--issued", day];
        import(&site, "edition.csv", bytes, &[&args, more].concat())
    };
    let rows: String = (0..2000).map(|n| format!("1380013{n:04}\n")).collect();
    let done = edition("2026-11-01", rows.as_bytes(), &["--strict"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(text(&done.stdout).contains("is in force, 2000 numbers"), "{done:?}");
    closed(0.0);
    assert!(call(&site, "+8613800130007", "sales").contains("rule no-thanks"));
    // Older, much smaller, of tomorrow's tomorrow, or with a bad row and strict: all refused.
    for (day, rows, more, told) in [
        ("2026-10-01", rows.as_bytes(), [].as_slice(), "a newer one"),
        ("2026-11-02", b"13900139000\n", &[], "is the file whole?"),
        ("2026-11-30", rows.as_bytes(), &[], "issued: lies in the future"),
        ("2026-11-02", b"13900139000\n8001\n", &["--strict", "--accept-smaller"], "1 rows are bad"),
    ] {
        let refused = edition(day, rows, more);
        assert_ne!(refused.status.code(), Some(0), "{refused:?}");
        assert!(text(&refused.stderr).contains(told), "{refused:?}");
    }
    assert!(call(&site, "+8613800130007", "sales").contains("rule no-thanks"), "still the first");
    let done = edition("2026-11-02", b"13900139000\n", &["--accept-smaller"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(call(&site, OTHER, "sales").contains("rule no-thanks"), "the second edition");
    server.kill();

    let server = site.serve(A_MINUTE_LATER);
    let shown = &lines(&site, &["dnc", "show", OTHER, "--json"])[0];
    let on = json!([{"name": "no-thanks", "issued": "2026-11-02", "listed": true}]);
    assert_eq!(shown["registers"], on);
    assert!(call(&site, OTHER, "sales").contains("rule no-thanks"));
    server.kill();

    // A damaged edition is none: calls are refused, the server runs, an operator is told.
    let data = std::fs::read_dir(site.path("data")).unwrap().map(|entry| entry.unwrap().path());
    let file = data.into_iter().find(|p| p.extension().is_some_and(|e| e == "keys")).unwrap();
    std::fs::write(&file, b"TRKLREG1 and nothing more").unwrap();
    let _server = site.serve("2026-11-23T10:02:00+08:00");
    assert!(call(&site, "+8613700137000", "service").contains("rule no-thanks"));
    let mut tail = site.tail(Some(0));
    let told = tail.settle(Duration::from_millis(300));
    let missing = "register no-thanks of own: no edition: calls that need it are refused";
    assert!(told.iter().any(|event| event["o"]["reason"] == missing), "{told:?}");
    let editions = lines(&site, &["dnc", "registers", "--json"]);
    assert_eq!(editions[0]["usable"], false);
}

/// Batches are whole or not there, and the rerun completes.
#[test]
fn an_import_that_is_killed_is_completed_by_the_next() {
    let site = Site::new();
    let rows: String = (0..30_000).map(|n| format!("1{}\n", 3_800_000_000_u64 + n)).collect();
    let text = format!("number\n{rows}");
    let path = site.path("many.csv");
    std::fs::write(&path, &text).unwrap();
    let server = site.serve(WORKDAY_MORNING);
    let mut importer = site.start_command(&["dnc", "import", path.to_str().unwrap()]);
    let some = || !text_is_empty(&site);
    assert!(crate::support::process::poll_until(std::time::Duration::from_secs(20), some));
    server.kill();
    let _ = importer.wait();

    let _server = site.serve(A_MINUTE_LATER);
    let after = held(&site).len();
    // Each number has two entries, and an event holds 500 of them.
    assert!(after > 0 && after.is_multiple_of(500), "{after} entries");
    site.run(&["dnc", "import", path.to_str().unwrap()]);
    assert_eq!(held(&site).len(), 60_000);
}

fn text_is_empty(site: &Site) -> bool {
    site.run(&["dnc", "list", "--json"]).stdout.is_empty()
}
