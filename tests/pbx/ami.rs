//! An AMI link in good and bad company: its state, reason and next try are what `link show` says.

use crate::manager::{Manager, Mood};
use crate::site::{Linked, wait_of};
use crate::support::process::poll_until;
use serde_json::Value;
use std::time::Duration;

pub const AMI: &str = "trunks = [\"PJSIP/carrier\"]\n[pbx.asterisk.ami]\naddress = \"PBX:5038\"\n\
                   user = \"trunkline\"\npassword_file = \"pbx.password\"\n";
pub const LINK: &str = "asterisk/ami";

fn with(mood: Mood) -> (Linked, Manager) {
    let linked = Linked::new(AMI);
    let manager = Manager::start(linked.pbx(5038), mood);
    (linked.serve(), manager)
}

#[test]
fn a_link_is_up_when_it_is_in_step() {
    let (linked, _manager) = with(Mood::Fine);
    let link = linked.until(LINK, "up", "in step with the PBX");
    assert_eq!(link["version"], "Asterisk 22.10.0");
    let instance = link["instance"].as_str().unwrap();
    assert!(instance.starts_with("2026-11-23 02:00:00 "), "{instance}");
    assert_eq!((&link["pbx"], &link["kind"]), (&"asterisk".into(), &"ami".into()));
    let up = || linked.site.metric("trunkline_link_up") == 1.0;
    assert!(poll_until(Duration::from_secs(5), up));
    assert_eq!(linked.site.metric("trunkline_link_connects_total"), 1.0);
    let health = crate::support::server::http_get(linked.site.net.http(), "/healthz");
    assert!(health.contains(r#""links":{"asterisk/ami":"up"}"#), "{health}");
    let shown = linked.site.run(&["link", "show"]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.starts_with("asterisk/ami: up\n  since "), "{shown}");
    let unknown = linked.site.try_run(&["link", "show", "nobody"]);
    assert_eq!(unknown.status.code(), Some(6));
}

#[test]
fn a_wrong_password_is_refused_and_not_tried_again_soon() {
    let linked = Linked::new(AMI);
    linked.password("wrong");
    let manager = Manager::start(linked.pbx(5038), Mood::Fine);
    let linked = linked.serve();
    let link = linked.until(LINK, "refused", "Authentication failed: user 'trunkline'");
    let wait = wait_of(&link);
    assert!((44.0..77.0).contains(&wait), "{wait} s");
    assert_eq!(manager.accepted(), 1);
}

#[test]
fn a_link_comes_up_when_its_pbx_does() {
    let linked = Linked::new(AMI).serve();
    linked.until(LINK, "down", "cannot connect to 127.0.");
    let next = || linked.link(LINK)["next_try_at"].is_string();
    assert!(poll_until(Duration::from_secs(5), next), "it waits for its next try");
    let _manager = Manager::start(linked.pbx(5038), Mood::Fine);
    linked.until(LINK, "up", "in step");
}

#[test]
fn a_port_that_speaks_tls_or_something_else_is_named() {
    // A TLS server answers a plain line with an alert: handshake_failure (RFC 8446 §6).
    let (linked, _manager) = with(Mood::Other("\x15\x03\x03\0\x02\x02\x28"));
    linked.until(LINK, "refused", "the port expects TLS");
    let (linked, _manager) = with(Mood::Other("SSH-2.0-OpenSSH_9.2\r\n"));
    linked.until(LINK, "refused", "it said 'SSH-2.0-OpenSSH_9.2'");
}

#[test]
fn tls_that_is_asked_of_a_plain_port_is_named() {
    let keys = "trunks = [\"PJSIP/carrier\"]\n[pbx.asterisk.ami]\naddress = \"PBX:5038\"\n\
                user = \"trunkline\"\npassword_file = \"pbx.password\"\ntls = true\n";
    let linked = Linked::new(keys);
    let _manager = Manager::start(linked.pbx(5038), Mood::Fine);
    linked.serve().until(LINK, "refused", "does that port speak TLS?");
}

#[test]
fn a_peer_that_says_nothing_is_given_up() {
    let (linked, manager) = with(Mood::Mute);
    linked.until(LINK, "down", "no banner within");
    assert!(poll_until(Duration::from_secs(20), || manager.accepted() > 1), "tried again");
}

#[test]
fn a_peer_that_freezes_is_noticed_by_its_missing_answer() {
    let (linked, _manager) = with(Mood::Freezes);
    linked.until(LINK, "up", "in step");
    linked.until(LINK, "down", "Ping");
}

const EVENT: &str = "Event: Newchannel\r\nChannel: PJSIP/carrier-00000001\r\n\
                     ChannelState: 4\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\nExten: 100\r\n\r\n";

#[test]
fn half_a_frame_and_a_close_in_mid_call_lead_to_a_new_connection() {
    let (linked, manager) = with(Mood::Fine);
    linked.until(LINK, "up", "in step");
    for (round, said) in [EVENT, &EVENT[..40]].into_iter().enumerate() {
        manager.say(said).unwrap();
        manager.hang_up();
        assert!(poll_until(Duration::from_secs(10), || manager.accepted() == round + 2));
        manager.expect("QueueStatus");
        linked.until(LINK, "up", "in step");
    }
    assert!(linked.site.metric("trunkline_link_failures_total") >= 2.0);
}

#[test]
fn a_frame_of_ten_megabytes_is_told_and_the_link_goes_on_without_it() {
    let (linked, manager) = with(Mood::Fine);
    linked.until(LINK, "up", "in step");
    let huge =
        format!("Event: UserEvent\r\nUserEvent: x\r\nBlob: {}\r\n\r\n", "x".repeat(10 << 20));
    let _ = manager.say(&huge); // the link may be given up before it has all of it
    let told = |link: &Value| {
        let warned = !link["warning"].as_str().unwrap_or("").is_empty();
        let given_up = || linked.site.metric("trunkline_link_failures_total") >= 1.0;
        warned || link["lost"].as_u64() > Some(0) || given_up()
    };
    assert!(poll_until(Duration::from_secs(20), || told(&linked.link(LINK))), "it is told");
    linked.until(LINK, "up", "in step");
    assert_eq!(linked.site.metric("trunkline_link_queued_bytes"), 0.0);
}

#[test]
fn the_state_of_a_link_reaches_desks_and_the_log() {
    let (linked, manager) = with(Mood::Fine);
    let mut tail = linked.site.tail(Some(0));
    linked.until(LINK, "up", "in step");
    manager.hang_up();
    let states = |events: &[Value]| {
        let of_link = events.iter().filter(|e| e["k"] == "link.state_changed");
        let mut states: Vec<String> =
            of_link.map(|e| e["o"]["state"].as_str().unwrap().to_owned()).collect();
        states.dedup();
        states
    };
    let expected = ["connecting", "resyncing", "up", "down"];
    tail.until("the link's loss", Duration::from_secs(20), |events| {
        states(events).starts_with(&expected.map(str::to_owned))
    });
}
