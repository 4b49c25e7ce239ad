//! The disk fails or hangs under the real binary: nobody hears what is not durable, no gated
//! call leaves, everything else goes on, and the trouble is told.

#![allow(clippy::unwrap_used)]

use crate::support::{Desk, Dialog, Peers, Server, Site, SiteOptions, WORKDAY_MORNING, shim};
use serde_json::Value;
use std::time::Duration;

/// Longer than any commit on a busy machine, so that silence means something.
const SILENCE: Duration = Duration::from_millis(1500);

struct Scene {
    // Fields go in this order: the process ends before its network is free for others.
    server: Server,
    site: Site,
    peers: Peers,
}

impl Scene {
    fn dial(&self, name: &str) -> Dialog {
        let dialog = Dialog::caller(&self.peers.pbx, "1001", "13900139000", name);
        self.peers.pbx.send(&dialog.invite());
        self.peers.pbx.expect("SIP/2.0 100");
        dialog
    }
}

fn is_event(frame: &Value) -> bool {
    frame["t"] == "ev"
}

fn trouble(fault: &str) {
    let options = SiteOptions { default_purpose: Some("service"), ..SiteOptions::default() };
    let site = Site::with(&options);
    let (control, log) = (site.path("fault"), site.path("writes.log"));
    std::fs::write(&control, "-").unwrap();
    let (shim, data) = (shim::build("store/powercut/shim.c", site.dir()), site.path("data"));
    let env = [
        ("LD_PRELOAD", shim.as_path()),
        ("POWERCUT_ROOT", data.as_path()),
        ("POWERCUT_LOG", log.as_path()),
        ("POWERCUT_FAULT", control.as_path()),
    ];
    let server = site.serve_with(WORKDAY_MORNING, &env);
    let mint = ["token", "mint", "--subject", "lead", "--role", "supervisor"];
    let minted = site.run(&[mint.as_slice(), &["--at", WORKDAY_MORNING]].concat());
    let token = String::from_utf8(minted.stdout).unwrap();
    let mut desk = Desk::supervisor(site.net.http(), token.trim());
    let mut scene = Scene { peers: Peers::of(&site), server, site };
    let in_time = Duration::from_secs(5);
    // Until its subscription stands, a desk is told states and not events.
    desk.expect("its subscriptions", in_time, |f| f["t"] == "sub.ok" && f["id"] == "h");
    let mut before = scene.peers.talk("before");
    desk.expect("the answer", in_time, |f| f["k"] == "call.established");
    desk.drain(Duration::from_millis(300));

    std::fs::write(&control, fault).unwrap();
    // The first event that cannot be written starts the clock of the trouble.
    scene.peers.hang_up(&mut before);
    desk.expect("degraded", in_time, |f| f["t"] == "hb" && f["health"] == "degraded");
    let gated = scene.dial("gated");
    let refusal = scene.peers.pbx.expect("SIP/2.0 403");
    assert!(refusal.value("Reason").contains("journal"), "{}", refusal.text);
    scene.peers.pbx.send(&gated.ack_refusal(&refusal));
    scene.peers.emergency("120");
    let mut during = scene.peers.talk("during");
    scene.peers.hang_up(&mut during);
    let leaked: Vec<Value> = desk.drain(SILENCE).into_iter().filter(is_event).collect();
    assert!(leaked.is_empty(), "told before it was durable: {leaked:#?}");
    assert_eq!(
        scene.peers.customer.drain(Duration::from_millis(100)),
        [""; 0],
        "a gated call left"
    );
    assert_eq!(scene.site.metric("trunkline_journal_degraded"), 1.0);
    assert!(scene.server.is_alive());

    std::fs::write(&control, "-").unwrap();
    desk.expect("enabled", in_time * 4, |f| f["t"] == "hb" && f["health"] == "enabled");
    desk.drain(Duration::from_millis(500));
    let events: Vec<Value> = desk.seen().iter().filter(|f| is_event(f)).cloned().collect();
    let positions: Vec<u64> =
        events.iter().map(|e| e["pos"].as_str().unwrap().parse().unwrap()).collect();
    assert!(positions.windows(2).all(|w| w[1] == w[0] + 1), "a gap: {positions:?}");
    let cleared = events.iter().filter(|e| e["k"] == "call.cleared").count();
    assert_eq!(cleared, 4, "before, during, the emergency and the refused one");
    let told = |state| events.iter().any(|e| e["o"]["status"] == state);
    assert!(told("partiallyDisabled") && told("normal"), "the trouble stands in the log");
    scene.dial("after");
    scene.peers.customer.expect("INVITE ");
}

#[test]
fn a_failing_disk_closes_the_gate_and_nothing_else() {
    trouble("e");
}

#[test]
fn a_hanging_disk_closes_the_gate_and_nothing_else() {
    trouble("h");
}
