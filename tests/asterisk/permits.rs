//! The dialplan of deploy/asterisk and the dialler of deploy/dialler ask before they dial.

use crate::place::{PASSWORD, Place};
use crate::support::tail::Tail;
use crate::support::{Ua, WORKDAY_MORNING};
use crate::trunk::takes;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
/// Thursday 2026-10-01: the first day of the published break 1-7 October.
const HOLIDAY: &str = "2026-10-01T10:00:00+08:00";
const WITHIN: Duration = Duration::from_secs(20);

/// A site whose dialplan goes to the outside by way of that context.
fn asking(by: &str, clock: &str) -> Place {
    // The token is minted when the site is there, and Asterisk starts with it.
    let changes = format!("s/^OUTSIDE = .*/OUTSIDE = {by}/");
    let place = Place::at(clock, &changes);
    let url = format!("http://{}", place.site.net.http());
    for (name, value) in [("URL", &url), ("TOKEN", &token(&place, clock))] {
        place.asterisk.command(&format!("dialplan set global TRUNKLINE_{name} {value}"));
    }
    place
}

fn token(place: &Place, clock: &str) -> String {
    let mint = ["token", "mint", "--subject", "asterisk", "--role", "service", "--at", clock];
    String::from_utf8(place.site.run(&mint).stdout).unwrap().trim().to_owned()
}

/// Decisions so far: what each said, and of the call its permit.
fn decisions(tail: &mut Tail, count: usize) -> Vec<(String, String)> {
    tail.until("decisions", WITHIN, |events| {
        events.iter().filter(|e| e["o"]["verdict"].is_string()).count() >= count
    });
    let events = tail.settle(Duration::from_millis(200));
    let decided = events.iter().filter(|e| e["o"]["verdict"].is_string());
    let told = decided.map(|e| {
        let first = &e["o"]["rules"][0]["id"];
        (e["k"].as_str().unwrap().to_owned(), first.as_str().unwrap().to_owned())
    });
    told.collect()
}

fn reaches(carrier: &Ua) {
    let invite = carrier.expect_within("INVITE ", WITHIN);
    assert!(invite.first_line().contains(CUSTOMER), "{}", invite.text);
    assert!(!invite.text.contains("permit-") && !invite.text.contains("X-Trunkline"));
    takes(carrier, &invite);
}

fn the_dialplan_asks(by: &str) {
    let place = asking(by, WORKDAY_MORNING);
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let call = agent.dial(&format!("0{CUSTOMER}"));
    reaches(&carrier);
    agent.connected(call);
    agent.hang_up(call);
    let bye = carrier.expect("BYE ");
    carrier.answer(&bye, "200 OK", "", "");
    let allowed = "outbound.allowed".to_owned();
    let told = decisions(&mut tail, 2);
    let [permit, of_call] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&permit.0, &of_call.0), (&allowed, &allowed));
    assert_eq!((permit.1 == "permit", of_call.1.as_str()), (false, "permit"));
    place.assert_asterisk_is_idle();
}

#[test]
fn the_dialplan_asks_with_curl() {
    the_dialplan_asks("outside-permit");
}

#[test]
fn the_dialplan_asks_with_a_script() {
    the_dialplan_asks("outside-agi");
}

fn the_dialplan_is_refused(by: &str) {
    let place = asking(by, HOLIDAY);
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let call = agent.dial(&format!("0{CUSTOMER}"));
    assert_eq!(agent.refused(call), 403);
    let told = decisions(&mut tail, 1);
    assert_eq!(told.len(), 1, "the INVITE was never sent: {told:?}");
    assert_eq!(told[0].0, "outbound.denied");
    // Who cannot ask does not dial.
    place.asterisk.command("dialplan set global TRUNKLINE_TOKEN nonsense");
    let call = agent.dial(&format!("0{CUSTOMER}"));
    assert_eq!(agent.refused(call), 403);
    place.asterisk.command("dialplan set global TRUNKLINE_URL http://127.0.0.1:9");
    let call = agent.dial(&format!("0{CUSTOMER}"));
    assert_eq!(agent.refused(call), 403);
    assert_eq!(decisions(&mut tail, 1).len(), 1);
    let heard = carrier.drain(Duration::from_millis(300));
    assert!(!heard.iter().any(|line| line.starts_with("INVITE")), "{heard:?}");
    place.assert_asterisk_is_idle();
}

#[test]
fn the_dialplan_is_refused_with_curl() {
    the_dialplan_is_refused("outside-permit");
}

#[test]
fn the_dialplan_is_refused_with_a_script() {
    the_dialplan_is_refused("outside-agi");
}

/// What it wrote to standard output.
fn dialler(place: &Place, clock: &str, numbers: &str) -> String {
    for (name, text) in [("token", token(place, clock).as_str()), ("secret", PASSWORD)] {
        std::fs::write(place.site.path(name), text).unwrap();
    }
    let path = |name: &str| place.site.path(name).to_str().unwrap().to_owned();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/dialler/dial.py");
    let mut dialler = Command::new(script)
        .args(["--trunkline", &format!("http://{}", place.site.net.http())])
        .args(["--token-file", &path("token"), "--ami", &place.ami().to_string()])
        .args(["--user", "trunkline", "--secret-file", &path("secret")])
        .args(["--purpose", "service", "--then", "1001"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut dialler.stdin.take().unwrap(), numbers.as_bytes()).unwrap();
    let output = dialler.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_dialler_dials_what_it_may() {
    let place = Place::at(WORKDAY_MORNING, "");
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    place.site.run(&["dnc", "add", "13900139000", "--reason", "register", "--until", "2026-12-24"]);
    let put_off = dialler(&place, WORKDAY_MORNING, &format!("13900139000,c-1\n{CUSTOMER},c-2\n"));
    assert_eq!(put_off, "13900139000,c-1,dnc,2026-12-25T08:30:00+08:00\n");
    reaches(&carrier);
    agent.rings(0);
    let told = decisions(&mut tail, 3);
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["outbound.denied", "outbound.allowed", "outbound.allowed"]);
    assert_eq!(told[2].1, "permit");
}
