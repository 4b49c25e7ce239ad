//! Call records of a PBX held against the calls and decisions of the real binary, by a running
//! server and without one.

use crate::outbound::refused;
use crate::permits::Asker;
use crate::support::{Sipp, Site, SiteOptions, WORKDAY_MORNING};
use serde_json::{Value, json};

const CUSTOMER: &str = "13800138000";
const ANOTHER: &str = "13900139000";
const SHUT: &str = "13700137000";
const STRANGER: &str = "13600136000";

fn site() -> Site {
    Site::with(&SiteOptions { default_purpose: Some("service"), ..SiteOptions::default() })
}

/// An answered call out; its Call-ID as the carrier saw it.
fn talks(site: &Site, number: &str) -> String {
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 50).start();
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    Sipp::caller("caller-talks-and-hangs-up", from, to, ["1001", number]).with("TALK", 50).run();
    let seen = carrier.finish();
    let id = seen[0].lines().find_map(|line| line.strip_prefix("Call-ID: "));
    id.unwrap().trim().to_owned()
}

/// Exit code and what was printed.
fn reconcile(site: &Site, cdr: &str, more: &[&str]) -> (i32, String) {
    let args = ["gate", "reconcile", "--cdr", cdr, "--format", "generic-csv"];
    // Calls of a slow machine come late.
    let how = ["--zone", "Asia/Shanghai", "--tolerance", "300"];
    let done = site.try_run(&[&args[..], &how, more].concat());
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(!told.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    (done.status.code().unwrap(), told)
}

#[test]
fn records_and_decisions_are_held_against_each_other() {
    let site = site();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    site.run(&["dnc", "add", SHUT, "--reason", "do_not_disturb"]);
    let id = talks(&site, CUSTOMER);
    let other = talks(&site, ANOTHER);
    refused(&site, SHUT, None);
    Asker::new(&site, WORKDAY_MORNING).permit();
    tail.finished_calls(3);

    let csv = site.path("cdr.csv");
    let cdr = csv.to_str().unwrap();
    let all = format!(
        "start,number,answered,call_id,direction\n\
         2026-11-23 09:59:00,110,yes,,out\n\
         2026-11-23 10:00:00,{CUSTOMER},yes,{id},out\n\
         2026-11-23 10:00:01,{SHUT},yes,,out\n\
         2026-11-23 10:00:02,{STRANGER},no,,out\n\
         2026-11-23 10:30:00,{SHUT},no,,out\n\
         2026-11-23 10:00:02,{STRANGER},no,,out\n\
         someday,{STRANGER},no,,out\n\
         2026-11-23 21:30:00,{STRANGER},no,,out\n"
    );
    std::fs::write(&csv, &all).unwrap();
    let (code, told) = reconcile(&site, cdr, &["--json"]);
    let report: Value = serde_json::from_str(&told).unwrap();
    let counts = |names: &[&str]| -> Vec<Value> {
        let of = |name: &&str| report.pointer(name).cloned().unwrap_or_default();
        names.iter().map(of).collect()
    };
    let found = counts(&[
        "/rows",
        "/exempt",
        "/legs",
        "/matched",
        "/refused",
        "/denied_dialled/count",
        "/ungated/count",
        "/no_record/count",
        "/never_dialled/count",
        "/duplicates",
        "/unreadable",
        "/unaccounted",
        "/found_by/id",
        "/found_by/number_and_time",
    ]);
    let wanted = [8, 1, 5, 1, 0, 1, 3, 1, 1, 1, 1, 6, 1, 1].map(Value::from);
    assert_eq!(found, wanted, "{report:#}");
    assert_eq!(code, 7);
    let ungated: Vec<Value> = report["ungated"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            json!([one["line"], one["number"], one["verdict"], one["refused_by"], one["rules"]])
        })
        .collect();
    assert_eq!(
        ungated,
        [
            json!([5, "136****6000", "allow", null, "then"]),
            json!([6, "137****7000", "deny", ["dnc"], "then"]),
            json!([9, "136****6000", "deny", ["night", "window"], "then"]),
        ],
        "{report:#}"
    );
    let fault = &report["faults"][0];
    assert_eq!(
        (&fault["line"], &fault["column"], &fault["name"]),
        (&8.into(), &1.into(), &"start".into())
    );
    assert_eq!(report["no_record"]["list"][0]["number"], "139****9000");

    // Everything that is there is accounted for: exit code 0.
    let good = format!(
        "start,number,answered,call_id,direction\n2026-11-23 10:00:00,{CUSTOMER},yes,{id},out\n\
         2026-11-23 10:00:01,{ANOTHER},yes,{other},out\n2026-11-23 10:00:02,{SHUT},no,,out\n"
    );
    let clean = site.path("clean.csv");
    std::fs::write(&clean, good).unwrap();
    let short = ["--from", "2026-11-23T09:00:00+08:00", "--to", "2026-11-23T12:00:00+08:00"];
    let (code, text) = reconcile(&site, clean.to_str().unwrap(), &short);
    assert_eq!(code, 0, "{text}");

    let (_, text) = reconcile(&site, cdr, &[]);
    assert!(text.contains("NO DECISION            3\n  line 5"), "{text}");
    assert!(!text.contains(STRANGER) && text.contains("column 1 start: no time"), "{text}");
    let (_, text) = reconcile(&site, cdr, &["--clear-numbers"]);
    assert!(text.contains(STRANGER), "{text}");

    assert_eq!(server.stop(), Some(0));
    let (code, offline) = reconcile(&site, cdr, &["--json"]);
    assert_eq!((code, offline.trim()), (7, told.trim()), "the same without a server");
    kept(&site, told.trim());
}

/// What the audit log has of it.
fn kept(site: &Site, report: &str) {
    let export = site.path("export");
    site.run(&["audit", "export", "--out", export.to_str().unwrap()]);
    let entries = std::fs::read_to_string(export.join("entries.jsonl")).unwrap();
    let of = |action: &str| -> Vec<Value> {
        let all = entries.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|entry| entry["action"] == action).collect()
    };
    let hash = trunkline_core::vault::hex(&trunkline_core::vault::digest(report.as_bytes()));
    let done = of("gate.reconciled");
    assert_eq!(done.len(), 5, "{entries}");
    for entry in [&done[0], &done[4]] {
        let object = entry["object"].as_str().unwrap();
        assert!(object.contains(" unaccounted=6 ") && object.ends_with(&hash), "{object}");
    }
    assert!(done[4]["who"].as_str().unwrap().ends_with(" offline"), "{entries}");
    let begun = of("gate.reconcile");
    assert_eq!(begun.len(), 5);
    let clear: Vec<bool> =
        begun.iter().map(|e| e["object"].as_str().unwrap().contains(" clear=true ")).collect();
    assert_eq!(clear, [false, false, false, true, false]);
    // Three without a decision, one refused, one without a record; four times.
    assert_eq!(of("gate.unaccounted").len(), 20, "{entries}");
    assert!([CUSTOMER, ANOTHER, SHUT, STRANGER].iter().all(|number| !entries.contains(number)));
    let verified = site.run(&["audit", "verify"]);
    assert!(String::from_utf8_lossy(&verified.stdout).contains("ok"), "{verified:?}");
}

/// What cannot be asked is refused in words.
#[test]
fn wrong_requests_are_refused() {
    let site = site();
    let _server = site.serve(WORKDAY_MORNING);
    let csv = site.path("cdr.csv");
    std::fs::write(&csv, "start,number\n").unwrap();
    let cdr = csv.to_str().unwrap();
    for (args, why) in [
        (&["--cdr", "/nowhere/at-all.csv"][..], "No such file"),
        (&["--cdr", cdr, "--format", "excel"], "format: one of asterisk-csv"),
        (&["--cdr", cdr, "--zone", "Mars/Olympus"], "zone: a name of the tz database"),
        (&["--cdr", cdr, "--columns", "start,src"], "one number"),
        (&["--cdr", cdr, "--pbx", "other"], "pbx: one of"),
        (&["--cdr", cdr, "--day", "2026-13-01"], "day: YYYY-MM-DD"),
        (&["--day", "2026-11-22"], "a section [reconcile.NAME]"),
    ] {
        let done = site.try_run(&[&["gate", "reconcile"], args].concat());
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains(why), "{args:?}: {told}");
    }
}

/// The day before is reconciled at its time, and the duty says what was found. A day whose records
/// are not there is a breach.
#[test]
fn each_day_is_reconciled() {
    let site = Site::with(&SiteOptions {
        default_purpose: Some("service"),
        sections: "[reconcile.asterisk]\nfiles = \"/TMP/cdr-%Y-%m-%d*.csv\"\n\
                   format = \"generic-csv\"\nzone = \"Asia/Shanghai\"\n",
        ..SiteOptions::default()
    });
    let config = std::fs::read_to_string(site.config()).unwrap();
    let here = site.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    std::fs::write(site.config(), config.replace("/TMP", &here)).unwrap();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let id = talks(&site, CUSTOMER);
    tail.finished_calls(1);
    assert_eq!(server.stop(), Some(0));
    let rows = format!(
        "start,number,answered,call_id,direction\n2026-11-23 10:00:00,{CUSTOMER},yes,{id},out\n\
         2026-11-23 23:59:00,{STRANGER},yes,,out\n2026-11-24 00:00:00,{STRANGER},yes,,out\n"
    );
    std::fs::write(site.path("cdr-2026-11-23.csv"), rows).unwrap();

    let server = site.serve("2026-11-24T06:29:58+08:00");
    let mut tail = site.tail(Some(0));
    tail.until_kind("duty.met", 1);
    let events = tail.settle(std::time::Duration::from_millis(200)).to_vec();
    let of = |kind: &str| events.iter().find(|e| e["k"] == kind).unwrap()["o"].clone();
    let (started, met) = (of("duty.started"), of("duty.met"));
    let wanted = (&json!("reconciliation"), &json!("asterisk 2026-11-23"));
    assert_eq!((&started["kind"], &started["subject"]), wanted);
    assert_eq!((&met["kind"], &met["subject"], &met["id"]), (wanted.0, wanted.1, &started["id"]));
    let reason = met["reason"].as_str().unwrap();
    assert!(reason.contains("legs=2 matched=1 ") && reason.ends_with("unaccounted=1"), "{reason}");
    assert!(site.metrics().contains("trunkline_reconcile_unaccounted{pbx=\"asterisk\"} 1\n"));
    let kind = "trunkline_reconcile_legs{pbx=\"asterisk\",kind=\"ungated\"} 1\n";
    assert!(site.metrics().contains(kind), "{}", site.metrics());
    assert_eq!(server.stop(), Some(0));

    // Done once, and the next day is late when nobody ran and the records are not there.
    let _server = site.serve("2026-11-25T08:00:00+08:00");
    let mut tail = site.tail(Some(0));
    tail.until_kind("duty.breached", 1);
    let events = tail.settle(std::time::Duration::from_millis(200)).to_vec();
    let begun: Vec<&Value> = events.iter().filter(|e| e["k"] == "duty.started").collect();
    let subjects: Vec<&str> = begun.iter().map(|e| e["o"]["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects.last(), Some(&"asterisk 2026-11-24"), "{subjects:?}");
    assert!(subjects.iter().filter(|s| s.ends_with("23")).count() <= 1, "{subjects:?}");
    assert!(site.metrics().contains("trunkline_reconcile_failed_total{pbx=\"asterisk\"} 1\n"));
    let export = site.path("export");
    site.run(&["audit", "export", "--out", export.to_str().unwrap()]);
    let entries = std::fs::read_to_string(export.join("entries.jsonl")).unwrap();
    let given_up = "\"object\":\"pbx=asterisk day=2026-11-24\"";
    assert!(entries.contains("gate.not_reconciled") && entries.contains(given_up), "{entries}");
}
