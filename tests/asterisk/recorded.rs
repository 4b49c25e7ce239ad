//! Asterisk's own call records, held against our decisions.

use crate::holiday::originate_by_ami;
use crate::place::{LinkedBy, Place, a_moment};
use crate::shut::SIDE_DOOR;
use crate::support::process::poll_until;
use crate::support::{Dialog, Ua};
use crate::trunk::{hangs_up, picked_up, takes, talk};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const ANOTHER: &str = "13900139000";
const SHUT: &str = "13700137000";

/// The records once there are so many.
fn records(place: &Place, rows: usize) -> PathBuf {
    let path = place.site.path("asterisk/log/cdr-csv/Master.csv");
    let read = || std::fs::read_to_string(&path).unwrap_or_default();
    let written = poll_until(Duration::from_secs(10), || read().lines().count() >= rows);
    assert!(written, "not {rows} rows:\n{}", read());
    path
}

/// Exit code and report.
fn reconciled(place: &Place, cdr: &Path) -> (i32, Value) {
    let cdr = cdr.to_str().unwrap();
    let done = place.site.try_run(&["gate", "reconcile", "--cdr", cdr, "--json"]);
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    let report = serde_json::from_str(&told).unwrap_or_else(|e| panic!("{e}: {done:?}"));
    (done.status.code().unwrap(), report)
}

/// An agent's call out, answered and over.
fn talks(place: &Place, carrier: &Ua, number: &str) {
    talks_until(place, carrier, number, || {});
}

fn talks_until(place: &Place, carrier: &Ua, number: &str, enough: impl FnOnce()) {
    let agent = place.phone("1001");
    let call = agent.dial(number);
    let invite = carrier.expect("INVITE ");
    takes(carrier, &invite);
    agent.connected(call);
    enough();
    agent.hang_up(call);
    let bye = carrier.expect("BYE ");
    carrier.answer(&bye, "200 OK", "", "");
    place.assert_asterisk_is_idle();
}

fn side_door(place: &Place) -> Ua {
    let mut door = place.site.net.trunkline();
    door.set_port(5070);
    Ua::bind(door, place.site.net.pbx())
}

/// Calls in and out, one refused, one that the PBX dials by itself, one inside, and one around us:
/// only that one is not accounted for.
#[test]
fn a_call_around_us_is_found_in_the_records() {
    let place = Place::recorded(SIDE_DOOR);
    place.site.run(&["dnc", "add", SHUT, "--reason", "do_not_disturb"]);
    let (carrier, door) = (place.customer(), side_door(&place));
    let mut tail = place.site.tail(None);
    talks(&place, &carrier, &format!("0{CUSTOMER}"));
    {
        let (agent, other) = (place.phone("1001"), place.phone("1002"));
        let refused = agent.dial(&format!("0{SHUT}"));
        assert_eq!(agent.refused(refused), 403);
        let mut inbound = Dialog::caller(&carrier, CUSTOMER, "1001", "inbound");
        carrier.send(&inbound.invite());
        agent.rings(1);
        agent.answer(1);
        picked_up(&carrier, &mut inbound);
        hangs_up(&carrier, &mut inbound);
        agent.ended(1);
        let inside = agent.dial("1002");
        other.rings(0);
        other.answer(0);
        agent.connected(inside);
        agent.hang_up(inside);
        place.assert_asterisk_is_idle();
    }
    originate_by_ami(place.ami());
    let invite = carrier.expect("INVITE ");
    carrier.answer(&invite, "486 Busy Here", "cust", "");
    carrier.expect("ACK ");
    tail.finished_calls(4);
    place.assert_asterisk_is_idle();
    let cdr = records(&place, 5);
    let (code, clean) = reconciled(&place, &cdr);
    let shown = std::fs::read_to_string(&cdr).unwrap();
    assert_eq!((code, &clean["unaccounted"]), (0, &Value::from(0)), "{clean:#}\n{shown}");

    talks(&place, &door, &format!("9{ANOTHER}"));
    let rows = shown.lines().count() + 1;
    let cdr = records(&place, rows);
    let (code, report) = reconciled(&place, &cdr);
    let shown = std::fs::read_to_string(&cdr).unwrap();
    let told = format!("{report:#}\n{shown}");
    assert_eq!((code, &report["unaccounted"]), (7, &Value::from(1)), "{told}");
    assert_eq!((&report["ungated"]["count"], &report["matched"]), (&1.into(), &clean["matched"]));
    assert_eq!((&report["refused"], &report["inbound"]), (&1.into(), &1.into()), "{told}");
    let one = &report["ungated"]["list"][0];
    assert_eq!(one["line"], Value::from(rows), "{told}");
    assert_eq!(one["number"], "139****9000", "{told}");
    assert!(one["channel"].as_str().unwrap().starts_with("PJSIP/side-door-"), "{told}");
    assert_eq!((&one["verdict"], &one["rules"]), (&"allow".into(), &"then".into()), "{told}");
    assert_eq!(one["answered"], true);
    // By the Call-ID that the dialplan writes into the record; Asterisk loses it where nobody
    // answered, and knows no number of a call that it dialled by itself.
    let found = |how: &str| report["found_by"][how].as_u64().unwrap_or_default();
    let by = (found("id"), found("number_and_time"), found("time"));
    assert_eq!(by, (1, 1, 1), "{told}");
    assert!(!report.to_string().contains(ANOTHER), "{told}");

    let export = place.site.path("export");
    place.site.run(&["audit", "export", "--out", export.to_str().unwrap()]);
    let entries = std::fs::read_to_string(export.join("entries.jsonl")).unwrap();
    let entry = |action: &str| {
        let action = format!("\"action\":\"{action}\"");
        entries.lines().rfind(|l| l.contains(&action)).unwrap_or_else(|| panic!("{entries}"))
    };
    let file = report["files"][0]["sha256"].as_str().unwrap();
    assert!(entry("gate.reconcile").contains(file), "{entries}");
    assert!(entry("gate.unaccounted").contains("kind=ungated"), "{entries}");
    assert!(entry("gate.reconciled").contains("ungated=1 "), "{entries}");
    assert!(!entries.contains(ANOTHER));
    place.site.run(&["audit", "verify"]);
}

/// With a link up the call around us was seen and decided when it went, and the records agree.
#[test]
fn a_call_around_us_that_a_link_saw_is_accounted_for() {
    let place = Place::linked(LinkedBy::Ami, SIDE_DOOR);
    let (carrier, door) = (place.customer(), side_door(&place));
    let mut tail = place.site.tail(None);
    talks(&place, &carrier, &format!("0{CUSTOMER}"));
    // A link waits two seconds for an INVITE that never comes.
    let told = || tail.until_kind("outbound.ungated", 1);
    talks_until(&place, &door, &format!("9{ANOTHER}"), told);
    tail.finished_calls(2);
    a_moment();
    let cdr = records(&place, 2);
    let cdr = cdr.to_str().unwrap();
    let run = ["gate", "reconcile", "--cdr", cdr, "--zone", "UTC", "--json"];
    let done = place.site.try_run(&run);
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let told = format!("{report:#}\n{}", std::fs::read_to_string(cdr).unwrap());
    assert_eq!((done.status.code(), &report["matched"]), (Some(0), &2.into()), "{told}");
    assert_eq!(report["past_gate"]["count"], 1, "{told}");
    assert_eq!(report["found_by"]["id"], 2, "{told}");
}

/// A customer whom an agent sends on to an outside number: that leg is a call out like any other.
#[test]
fn a_transfer_to_the_outside_asks_the_gate() {
    for (number, verdict) in [(SHUT, "outbound.denied"), (ANOTHER, "outbound.allowed")] {
        let place = Place::recorded("");
        place.site.run(&["dnc", "add", SHUT, "--reason", "do_not_disturb"]);
        let (agent, customer) = (place.phone("1001"), place.customer());
        let mut tail = place.site.tail(None);
        let _inbound = talk(&customer, &agent);
        agent.transfer(0, &format!("0{number}"));
        tail.until_kind(verdict, 1);
        let sent = customer.drain(Duration::from_millis(500));
        let sent = sent.iter().any(|line| line.starts_with("INVITE") && line.contains(number));
        assert_eq!(sent, verdict == "outbound.allowed", "{number}");
        place.asterisk.command("channel request hangup all");
        place.assert_asterisk_is_idle();
    }
}
