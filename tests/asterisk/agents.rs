//! Agents log in, pause and leave by their desktops: members of a real queue.

use crate::desktop::Desktop;
use crate::place::{LinkedBy, Place};
use crate::support::Dialog;
use crate::trunk::{hangs_up, picked_up};
use serde_json::{Value, json};

/// What Asterisk says of the telephone in the queue: its line of `queue show`, if there is one.
fn member(place: &Place) -> Option<String> {
    let shown = place.asterisk.command("queue show support");
    shown.lines().find(|line| line.contains("PJSIP/1001")).map(str::to_owned)
}

#[track_caller]
fn asks(desk: &mut Desktop, op: &str, args: Value) {
    let result = desk.asks(op, json!({}), args);
    assert_eq!(result["status"], "ok", "{op}: {result}");
}

/// A customer calls the queue, waits, and hangs up when `rung` has seen what it came for.
fn a_call_waits(place: &Place, name: &str, rung: impl FnOnce()) {
    let customer = place.customer();
    let mut dialog = Dialog::caller(&customer, "13800138000", "2000", name);
    customer.send(&dialog.invite());
    picked_up(&customer, &mut dialog);
    rung();
    hangs_up(&customer, &mut dialog);
}

#[test]
fn a_desktop_puts_its_telephone_in_pauses_it_and_takes_it_out() {
    let place = Place::staffed(LinkedBy::Ami, "");
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let mut desk = Desktop::open(&place);
    assert_eq!(member(&place), None);

    asks(&mut desk, "agent.login", json!({"state": "ready"}));
    assert_eq!(desk.sees("agent.ready")["changed_by"], "agent");
    let line = member(&place).expect("in the queue");
    assert!(!line.contains("paused"), "{line}");
    a_call_waits(&place, "ready", || {
        one.rings(0);
        desk.sees("agent.reserved");
    });
    one.ended(0);
    desk.sees("agent.ready");

    asks(&mut desk, "agent.state", json!({"state": "not_ready", "reason": "lunch"}));
    assert_eq!(desk.sees("agent.not_ready")["reason"], "lunch");
    let line = member(&place).expect("still in the queue");
    assert!(line.contains("paused:lunch"), "{line}");
    place.asterisk.command("queue add member PJSIP/1002 to support");
    a_call_waits(&place, "paused", || {
        two.rings(0);
    });
    assert_eq!(one.calls(), 1, "the queue has not called who is paused");

    asks(&mut desk, "agent.state", json!({"state": "ready"}));
    desk.sees("agent.ready");
    let line = member(&place).expect("still in the queue");
    assert!(!line.contains("paused"), "{line}");

    asks(&mut desk, "agent.logout", json!({}));
    assert_eq!(desk.sees("agent.logged_off")["state"], "logged_out");
    assert_eq!(member(&place), None);
    a_call_waits(&place, "alone", || {
        two.rings(1);
    });
    assert_eq!(one.calls(), 1, "the queue has not called who is out");
}

/// A feature code or another program changes the queue: the desktop hears it.
#[test]
fn what_the_pbx_does_to_a_member_is_told() {
    let place = Place::staffed(LinkedBy::Ami, "");
    let mut desk = Desktop::open(&place);
    asks(&mut desk, "agent.login", json!({"state": "ready"}));
    desk.sees("agent.ready");
    place.asterisk.command("queue pause member PJSIP/1001 queue support reason meeting");
    let agent = desk.sees("agent.not_ready");
    assert_eq!((&agent["reason"], &agent["changed_by"]), (&json!("meeting"), &json!("pbx")));
    place.asterisk.command("queue unpause member PJSIP/1001 queue support");
    assert_eq!(desk.sees("agent.ready")["changed_by"], "pbx");
    place.asterisk.command("queue remove member PJSIP/1001 from support");
    assert_eq!(desk.sees("agent.logged_off")["changed_by"], "pbx");
}

/// Who does not answer is paused by rule, and comes back by the desktop.
#[test]
fn a_call_that_rings_out_makes_the_agent_not_ready() {
    let place = Place::staffed(LinkedBy::Ami, "s/^timeout = 15/timeout = 2/");
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let mut desk = Desktop::open(&place);
    asks(&mut desk, "agent.login", json!({"state": "ready"}));
    desk.sees("agent.ready");
    a_call_waits(&place, "unanswered", || {
        one.rings(0);
        one.ended(0);
        let agent = desk.sees("agent.not_ready");
        assert_eq!(agent["reason"], "ring_no_answer");
        assert_eq!(agent["changed_by"], "system");
        place.asterisk.command("queue add member PJSIP/1002 to support");
        two.rings(0);
    });
    assert_eq!(one.calls(), 1, "the queue has not called again");
    let line = member(&place).expect("still in the queue");
    assert!(line.contains("paused:ring_no_answer"), "{line}");
}
