//! The link goes, or the PBX: nothing is made up, and everything is found again.

use crate::place::{LinkedBy, Place};
use crate::relay::Relay;
use crate::support::Story;
use crate::support::process::poll_until;
use crate::told::{leg_of, of_leg};
use crate::trunk::{calls, hangs_up, picked_up};
use std::time::Duration;

/// The agent answers while the link is away: learnt from the PBX when it is back.
#[test]
fn a_link_that_was_away_learns_what_it_missed() {
    let place = Place::linked(LinkedBy::RelayedAmi, "");
    let relay = Relay::start(place.relay(), place.ami());
    let (agent, customer) = (place.phone("1001"), place.customer());
    place.until_link("ami", "up");
    let mut tail = place.site.tail(None);
    let mut dialog = calls(&customer, "1001");
    agent.rings(0);
    tail.until_kind("call.delivered", 2);
    relay.cut();
    place.until_link("ami", "down");
    agent.answer(0);
    picked_up(&customer, &mut dialog);
    relay.mend();
    place.until_link("ami", "up");
    tail.until_kind("call.established", 2);
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("customer", "normalClearing");
    let leg = leg_of(&story, "1001");
    assert_eq!(of_leg(&story, leg), "delivered established connection_cleared");
    assert_eq!(leg["answered"]["time_quality"], "reconciled", "{leg}");
    assert_eq!(leg["alerting"]["time_quality"], "pbx", "{leg}");
}

/// What a PBX held when it died is gone; the next call is like any other.
#[test]
fn a_restarted_pbx_holds_no_call() {
    let mut place = Place::linked(LinkedBy::Ami, "");
    let customer = place.customer();
    let mut tail = place.site.tail(None);
    {
        let agent = place.phone("1001");
        let mut dialog = calls(&customer, "1001");
        agent.rings(0);
        agent.answer(0);
        picked_up(&customer, &mut dialog);
        tail.until_kind("call.established", 2);
        // Asterisk tells when it was started to the second: two starts in one look alike.
        std::thread::sleep(Duration::from_millis(1100));
        place.asterisk.restart();
        place.until_link("ami", "up");
        tail.until("the agent's leg ends", Duration::from_secs(10), |events| {
            let cleared = events.iter().filter(|e| e["k"] == "call.connection_cleared");
            cleared.clone().any(|e| e["d"]["repair"] == "pbx_restarted")
        });
        customer.send(&dialog.next("BYE", ""));
        customer.expect("SIP/2.0 ");
    }
    tail.until_kind("call.cleared", 1);
    let registered = poll_until(Duration::from_secs(5), || place.asterisk.channels() == 0);
    assert!(registered);
    let agent = place.phone("1001");
    let mut dialog = crate::support::Dialog::caller(&customer, "13900139000", "1001", "second");
    customer.send(&dialog.invite());
    agent.rings(0);
    agent.answer(0);
    picked_up(&customer, &mut dialog);
    hangs_up(&customer, &mut dialog);
    let stories = Story::all(tail.finished_calls(2));
    let leg = leg_of(&stories[1], "1001");
    assert_eq!(of_leg(&stories[1], leg), "delivered established connection_cleared");
}
