//! Lists that are damaged or gone, and files with bad rows: said precisely, and nobody is called by
//! what nobody can know.

#![allow(clippy::unwrap_used)]

use crate::bad_rules::fails_to_start;
use crate::outbound::{reason_of, refused};
use crate::support::process::poll_until;
use crate::support::{Peers, Sipp, Site, SiteOptions, WORKDAY_MORNING};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const CUSTOMER: &str = "13800138000";
const OTHER: &str = "13900139000";
const SERVICE: &str = "X-Trunkline-Purpose: service";
const SURVEY: &str = "X-Trunkline-Purpose: survey";
const SALES: &str = "X-Trunkline-Purpose: sales";

fn goes_out(site: &Site, number: &str, header: &'static str) {
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 50).start();
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    Sipp::caller("caller-talks-and-hangs-up", from, to, ["1001", number])
        .header(header)
        .with("TALK", 50)
        .run();
    carrier.finish();
}

fn refused_by(site: &Site, number: &str, header: &'static str, rule: &str) {
    let refusal = refused(site, number, Some(header));
    let reason = reason_of(&refusal);
    assert!(reason.contains(&format!("rule {rule};")), "{reason}");
}

fn unavailable(site: &Site, value: f64) {
    let shown = || site.metric("trunkline_dnc_unavailable") == value;
    assert!(poll_until(Duration::from_secs(5), shown), "{}", site.metrics());
}

/// A row of the list that does not open any more: sales and surveys are refused, service goes on
/// because the site says so, and all is well when the row is back.
#[test]
fn a_damaged_list_refuses_sales_and_leaves_service_as_configured() {
    let gate_keys = "rulesets = [\"cn-seed-service\", \"cn-insurance-sales\"]\n\
                     list_unavailable = [\"service\"]";
    let site = Site::with(&SiteOptions { gate_keys, ..SiteOptions::default() });
    let server = site.serve(WORKDAY_MORNING);
    site.run(&["dnc", "add", OTHER]);
    refused_by(&site, OTHER, SERVICE, "dnc");
    assert_eq!(server.stop(), Some(0));
    let rows = || rusqlite::Connection::open(site.path("data/meta.db")).unwrap();
    let whole: Vec<(Vec<u8>, Vec<u8>)> = {
        let db = rows();
        let mut all = db.prepare("SELECT k, v FROM dnc").unwrap();
        let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        all.map(Result::unwrap).collect()
    };
    assert!(!whole.is_empty());
    rows().execute("UPDATE dnc SET v = substr(v, 1, length(v) - 1)", []).unwrap();

    let server = site.serve("2026-11-23T10:01:00+08:00");
    unavailable(&site, 1.0);
    refused_by(&site, CUSTOMER, SALES, "dnc");
    refused_by(&site, CUSTOMER, SURVEY, "dnc");
    goes_out(&site, CUSTOMER, SERVICE);
    Peers::of(&site).emergency("119");
    let mut tail = site.tail(Some(0));
    let told = |events: &[serde_json::Value]| {
        let alarm = |event: &&serde_json::Value| {
            let reason = event["o"]["reason"].as_str().unwrap_or_default();
            event["o"]["status"] == "partiallyDisabled"
                && reason.starts_with("the do-not-call list cannot be read whole: ")
        };
        events.iter().any(|event| alarm(&event))
    };
    tail.until("the alarm", Duration::from_secs(5), told);
    assert_eq!(server.stop(), Some(0));

    for (key, value) in whole {
        rows().execute("UPDATE dnc SET v = ?2 WHERE k = ?1", (key, value)).unwrap();
    }
    let server = site.serve("2026-11-23T10:02:00+08:00");
    unavailable(&site, 0.0);
    goes_out(&site, CUSTOMER, SALES);
    refused_by(&site, OTHER, SERVICE, "dnc");
    assert_eq!(server.stop(), Some(0));
}

/// The file with keys and list is gone: nothing is made anew in its place.
#[test]
fn a_store_that_is_gone_stops_the_start_and_serves_when_it_is_back() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    site.run(&["dnc", "add", OTHER]);
    assert_eq!(server.stop(), Some(0));
    let hidden = site.path("hidden");
    std::fs::create_dir(&hidden).unwrap();
    let meta = || {
        let all = std::fs::read_dir(site.path("data")).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("meta.db"))
    };
    for path in meta() {
        std::fs::rename(&path, hidden.join(path.file_name().unwrap())).unwrap();
    }
    let (code, said) = fails_to_start(&site);
    assert_eq!(code, Some(4), "{said}");
    for path in meta() {
        std::fs::remove_file(path).unwrap(); // what the attempt left
    }
    for entry in std::fs::read_dir(&hidden).unwrap() {
        let path = entry.unwrap().path();
        std::fs::rename(&path, site.path("data").join(path.file_name().unwrap())).unwrap();
    }
    let server = site.serve("2026-11-23T10:01:00+08:00");
    refused_by(&site, OTHER, SERVICE, "dnc");
    assert_eq!(server.stop(), Some(0));
}

/// A file of so many rows, three of which are bad.
fn three_bad_rows(count: usize, register: bool) {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let bad =
        [(17, "8001,forever"), (count / 2, "13900,30.6.2027"), (count - 1, "+8613,forever,x,y")];
    let mut text = "number,until\n".to_owned();
    for n in 0..count {
        match bad.iter().find(|(at, _)| *at == n) {
            Some((_, row)) => writeln!(text, "{row}").unwrap(),
            None => {
                writeln!(text, "{},forever", 13_000_000_000_u64 + n as u64 * 7919 % 999_999_937)
                    .unwrap()
            }
        }
    }
    let path = site.path("many.csv");
    std::fs::write(&path, text).unwrap();
    let mut args = vec!["dnc", "import", path.to_str().unwrap()];
    if register {
        args.extend(["--list", "no-thanks", "--issued", "2026-11-20"]);
    }
    let started = Instant::now();
    let done = site.try_run(&args);
    println!("{count} rows in {:?}", started.elapsed());
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert_eq!(done.status.code(), Some(1), "{err}");
    assert!(out.ends_with(&format!("taken: {}, refused: 3\n", count - 3)), "{out}");
    let named: Vec<&str> = err.lines().filter(|line| line.contains("many.csv: line ")).collect();
    assert_eq!(named.len(), 3, "{err}");
    for (at, _) in bad {
        let line = format!("many.csv: line {}: ", at + 2); // the header, and lines count from 1
        assert!(named.iter().any(|told| told.contains(&line)), "no {line} in {err}");
    }
    assert!(err.contains("3 rows were not taken"), "{err}");
    if !register {
        let listed = || site.metric("trunkline_dnc_entries") == (count - 3) as f64;
        assert!(poll_until(Duration::from_secs(10), listed), "{}", site.metrics());
        let good = (13_000_000_000_u64 + 7919).to_string();
        refused_by(&site, &good, SERVICE, "dnc");
    }
    server.kill(); // what is acknowledged is durable: the projections need not catch up first
}

#[test]
fn three_bad_rows_among_fifty_thousand_are_named_and_the_others_count() {
    three_bad_rows(50_000, false);
}

#[test]
fn three_bad_rows_of_a_register_are_named_and_the_others_count() {
    three_bad_rows(50_000, true);
}

#[test]
#[ignore = "minutes in a build for tests: the same with 50,000 rows always runs"]
fn three_bad_rows_in_a_million_are_named_and_the_others_count() {
    three_bad_rows(1_000_000, false);
    three_bad_rows(1_000_000, true);
}
