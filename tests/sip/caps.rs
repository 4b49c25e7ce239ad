//! Caps over kill -9: a call that was let out counts, whatever became of the process.

use crate::outbound::{OPEN, reason_of};
use crate::support::{Dialog, Peers, Site, SiteOptions};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const SERVICE: &str = "X-Trunkline-Purpose: service";
/// Added to the open rule set.
const MORE: &str = r#"[[ruleset.own.cap]]
id = "three-a-day"
max = 3
per = "calendar:day"
key = ["callee"]
cite = "test"
"#;

/// The carrier's INVITE, or the reason of the refusal.
fn dial(peers: &Peers, number: &str, name: &str) -> Result<Dialog, String> {
    let call = Dialog::caller(&peers.pbx, "1001", number, name).header(SERVICE);
    peers.pbx.send(&call.invite());
    peers.pbx.expect("SIP/2.0 100");
    for _ in 0..100 {
        let brief = Duration::from_millis(50);
        if let Some(answer) = peers.pbx.receive(brief) {
            assert!(answer.first_line().starts_with("SIP/2.0 403"), "{}", answer.text);
            peers.pbx.send(&call.ack_refusal(&answer));
            return Err(reason_of(&answer.text).to_owned());
        }
        if let Some(invite) = peers.customer.receive(brief) {
            assert!(invite.first_line().starts_with("INVITE "), "{}", invite.text);
            assert!(!invite.text.contains("X-Trunkline"), "our headers stay inside");
            return Ok(Dialog::callee(&peers.customer, &invite, "carrier"));
        }
    }
    panic!("neither an INVITE nor an answer");
}

#[test]
fn a_cap_holds_over_kill_9() {
    let site =
        Site::with(&SiteOptions { gate_keys: "file = \"rules.toml\"", ..SiteOptions::default() });
    std::fs::write(site.path("rules.toml"), format!("{OPEN}{MORE}")).unwrap();
    let peers = Peers::of(&site);
    for n in 0..3 {
        let server = site.serve(&format!("2026-11-23T10:0{n}:00+08:00"));
        // Killed in the instant in which the INVITE is at the carrier's.
        dial(&peers, CUSTOMER, &format!("cap{n}")).unwrap();
        server.kill();
    }
    let server = site.serve("2026-11-23T10:05:00+08:00");
    let reason = dial(&peers, CUSTOMER, "cap3").expect_err("one call too many was allowed");
    assert!(
        reason.contains("rule three-a-day; next allowed 2026-11-24T00:00:00+08:00"),
        "{reason}"
    );
    dial(&peers, "13900139000", "cap4").unwrap();
    server.kill();
    let _server = site.serve("2026-11-24T00:00:00+08:00");
    dial(&peers, CUSTOMER, "cap5").unwrap();

    // What no rule looked back to is not remembered: such rules need a restart.
    let week = format!("{OPEN}{MORE}").replace("calendar:day", "calendar:week");
    std::fs::write(site.path("rules.toml"), week).unwrap();
    let failed = site.try_run(&["reload"]);
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && told.contains("looks back further"), "{told}");
}
