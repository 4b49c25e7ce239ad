//! The link goes, or the PBX: nothing is made up, and everything is found again.

use crate::place::{LinkedBy, Place};
use crate::relay::Relay;
use crate::support::Story;
use crate::support::process::poll_until;
use crate::told::{leg_of, of_leg};
use crate::trunk::{calls, hangs_up, picked_up, talk};
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
    let instance = place.link("ami")["instance"].clone();
    relay.cut();
    place.until_link("ami", "down");
    agent.answer(0);
    picked_up(&customer, &mut dialog);
    relay.mend();
    place.until_link("ami", "up");
    assert_eq!(place.link("ami")["instance"], instance, "it is the same run of the PBX");
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

/// What a PBX held when it died is gone; the next call is like any other. Both runs may begin in
/// one second, which is all that Asterisk tells of when it was started.
fn a_restarted_pbx_holds_no_call(by: LinkedBy, link: &str) {
    let mut place = Place::linked(by, "");
    let instance = place.link(link)["instance"].clone();
    let customer = place.customer();
    let mut tail = place.site.tail(None);
    {
        let agent = place.phone("1001");
        let mut dialog = talk(&customer, &agent);
        tail.until_kind("call.established", 2);
        place.asterisk.restart();
        tail.until("the agent's leg ends", Duration::from_secs(20), |events| {
            let cleared = events.iter().filter(|e| e["k"] == "call.connection_cleared");
            cleared.clone().any(|e| e["d"]["repair"] == "pbx_restarted")
        });
        place.until_link(link, "up");
        assert_ne!(place.link(link)["instance"], instance, "it is another run of the PBX");
        customer.send(&dialog.next("BYE", ""));
        customer.expect("SIP/2.0 ");
    }
    tail.until_kind("call.cleared", 1);
    let idle = poll_until(Duration::from_secs(5), || place.asterisk.channels() == 0);
    assert!(idle);
    let agent = place.phone("1001");
    let mut dialog = crate::support::Dialog::caller(&customer, "13900139000", "1001", "second");
    customer.send(&dialog.invite());
    agent.rings(0);
    agent.answer(0);
    picked_up(&customer, &mut dialog);
    tail.until_kind("call.established", 4); // trunk and agent of both calls
    hangs_up(&customer, &mut dialog);
    let stories = Story::all(tail.finished_calls(2));
    let leg = leg_of(&stories[1], "1001");
    assert_eq!(of_leg(&stories[1], leg), "delivered established connection_cleared");
}

#[test]
fn a_restarted_pbx_holds_no_call_over_ami() {
    a_restarted_pbx_holds_no_call(LinkedBy::Ami, "ami");
}

#[test]
fn a_restarted_pbx_holds_no_call_over_ari() {
    a_restarted_pbx_holds_no_call(LinkedBy::Ari, "ari");
}

/// The PBX itself keeps the name of its run: both links and a later trunkline read the same.
#[test]
fn the_name_of_a_run_outlives_trunkline() {
    let place = Place::linked(LinkedBy::Both, "");
    let named = place.asterisk.command("dialplan show globals");
    let Place { server, asterisk, site } = place;
    assert_eq!(server.stop(), Some(0));
    let place = Place { server: site.serve(""), asterisk, site };
    for link in ["ami", "ari"] {
        place.until_link(link, "up");
        let shown = place.link(link);
        let run = shown["instance"].as_str().unwrap().rsplit(' ').next().unwrap();
        assert!(named.contains(&format!("TRUNKLINE_RUN={run}")), "{shown} {named}");
    }
}
