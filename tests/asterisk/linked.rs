//! Trunk and AMI link together: one call, every party, the telephones' moments.

use crate::place::{LinkedBy, Place, a_moment};
use crate::relay::Relay;
use crate::support::Story;
use crate::told::{assert_at, leg_as, leg_of, legs_of, of_leg, stamp};
use crate::trunk::{calls, hangs_up, picked_up, takes, talk};

const CUSTOMER: &str = "13800138000";

fn linked(changes: &str) -> Place {
    Place::linked(LinkedBy::Ami, changes)
}

fn a_customer_reaches_an_agent(by: LinkedBy) {
    let place = Place::linked(by, "");
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut dialog = calls(&customer, "1001");
    let rang = agent.rings(0);
    customer.expect("SIP/2.0 180");
    let answered = agent.answer(0);
    picked_up(&customer, &mut dialog);
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("customer", "normalClearing");
    let leg = leg_of(&story, "1001");
    assert_eq!(of_leg(&story, leg), "delivered established connection_cleared");
    assert_eq!(leg["role"], "agent");
    assert_at(stamp(leg, "alerting"), rang, "ring");
    assert_at(stamp(leg, "answered"), answered, "answer");
    assert_eq!(of_leg(&story, leg_as(&story, "customer")), "connection_cleared");
    let call = story.call();
    assert_eq!(call["legs"].as_array().unwrap().len(), 3, "customer, site's side, agent: {call}");
    assert_eq!(call["service_basis"], "agent");
    assert_eq!(call["answered_in_time"], true);
    place.assert_asterisk_is_idle();
}

#[test]
fn a_customer_reaches_an_agent_over_ami() {
    a_customer_reaches_an_agent(LinkedBy::Ami);
}

#[test]
fn a_customer_reaches_an_agent_over_ari() {
    a_customer_reaches_an_agent(LinkedBy::Ari);
}

/// Two links to one PBX report everything twice.
#[test]
fn a_customer_reaches_an_agent_over_both() {
    a_customer_reaches_an_agent(LinkedBy::Both);
}

#[test]
fn a_queue_offers_the_call_twice() {
    let place = linked("s/^timeout = 15/timeout = 2/");
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut dialog = calls(&customer, "2000");
    picked_up(&customer, &mut dialog);
    agent.rings(0);
    agent.ended(0);
    let rang = agent.rings(1);
    let answered = agent.answer(1);
    a_moment();
    agent.hang_up(1);
    let bye = customer.expect("BYE ");
    customer.answer(&bye, "200 OK", "", "");
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("agent", "normalClearing");
    assert_eq!(story.call()["queue"], "support");
    let legs = legs_of(&story, "1001");
    assert_eq!(legs.len(), 2, "{:#}", story.call());
    assert_eq!(of_leg(&story, legs[0]), "delivered connection_cleared");
    assert_eq!(legs[0]["cause"]["csta"], "callNotAnswered");
    assert_eq!(of_leg(&story, legs[1]), "delivered established connection_cleared");
    assert_at(stamp(legs[1], "alerting"), rang, "second ring");
    assert_at(stamp(legs[1], "answered"), answered, "answer");
}

#[test]
fn a_customer_gives_up_in_the_queue() {
    let place = linked("");
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut dialog = calls(&customer, "2000");
    picked_up(&customer, &mut dialog);
    agent.rings(0);
    a_moment();
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
    let story = Story::single(tail.finished_calls(1));
    assert_eq!(story.kinds().iter().filter(|k| **k == "call.abandoned").count(), 1);
    let leg = leg_of(&story, "1001");
    assert_eq!(of_leg(&story, leg), "delivered connection_cleared");
    assert_eq!(leg["cause"]["csta"], "callCancelled");
    assert_eq!(story.call()["released_by"], "customer");
}

#[test]
fn an_agent_calls_out_holds_and_hangs_up() {
    let place = linked("");
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let call = agent.dial(&format!("0{CUSTOMER}"));
    let invite = carrier.expect("INVITE ");
    takes(&carrier, &invite);
    agent.connected(call);
    agent.hold(call);
    a_moment();
    agent.retrieve(call);
    a_moment();
    agent.hang_up(call);
    let bye = carrier.expect("BYE ");
    carrier.answer(&bye, "200 OK", "", "");
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("agent", "normalClearing");
    assert_eq!(story.call()["direction"], "outbound");
    assert_eq!(story.kinds()[..2], ["outbound.requested", "outbound.allowed"]);
    assert!(!story.kinds().contains(&"outbound.ungated"), "{:?}", story.kinds());
    let leg = leg_of(&story, "1001");
    assert_eq!(leg["role"], "agent");
    assert_eq!(of_leg(&story, leg), "held retrieved connection_cleared");
    let customer = of_leg(&story, leg_as(&story, "customer"));
    assert_eq!(customer, "delivered established connection_cleared");
}

#[test]
fn a_blind_transfer_keeps_the_call() {
    let place = linked("");
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let customer = place.customer();
    let mut tail = place.site.tail(None);
    let mut dialog = talk(&customer, &one);
    one.transfer(0, "1002");
    two.rings(0);
    two.answer(0);
    a_moment();
    one.hang_up(0);
    a_moment();
    hangs_up(&customer, &mut dialog);
    two.ended(0);
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("customer", "normalClearing");
    let left = leg_of(&story, "1001");
    assert_eq!(of_leg(&story, left), "delivered established transferred connection_cleared");
    assert_eq!(left["cause"]["csta"], "transfer");
    let took = leg_of(&story, "1002");
    assert_eq!(of_leg(&story, took), "delivered established connection_cleared");
}

#[test]
fn an_attended_transfer_joins_two_calls() {
    let place = linked("");
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let customer = place.customer();
    let mut tail = place.site.tail(None);
    let mut dialog = talk(&customer, &one);
    one.hold(0);
    a_moment();
    let asks = one.dial("1002");
    two.rings(0);
    two.answer(0);
    one.connected(asks);
    a_moment();
    one.join(0, asks);
    one.ended(asks);
    a_moment();
    one.hang_up(0);
    a_moment();
    hangs_up(&customer, &mut dialog);
    two.ended(0);
    let stories = Story::all(tail.finished_calls(2));
    assert_eq!(stories.len(), 2);
    let (call, asked) = (&stories[0], &stories[1]);
    call.assert_ended("customer", "normalClearing");
    asked.assert_ended("agent", "transfer");
    let left = leg_of(call, "1001");
    assert_eq!(of_leg(call, left), "delivered established held transferred connection_cleared");
    assert_eq!(left["cause"]["csta"], "transfer");
    let took = of_leg(call, leg_of(call, "1002"));
    assert_eq!(took, "transfer_unconfirmed connection_cleared", "no desktop has its data");
    assert_eq!(asked.call()["direction"], "internal");
    place.assert_asterisk_is_idle();
}

/// What Asterisk sends of one call: the event filter keeps the rest there.
#[test]
fn a_call_is_sixteen_kilobytes_of_ari() {
    let place = Place::linked(LinkedBy::RelayedAri, "");
    let relay = Relay::start(place.relay(), place.ari());
    let (agent, customer) = (place.phone("1001"), place.customer());
    place.until_link("ari", "up");
    let mut tail = place.site.tail(None);
    a_moment();
    let before = relay.sent_back();
    let mut dialog = talk(&customer, &agent);
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
    Story::single(tail.finished_calls(1)).assert_ended("customer", "normalClearing");
    a_moment();
    let bytes = relay.sent_back() - before;
    println!("{bytes} bytes of ARI for one call");
    assert!((8_000..16_384).contains(&bytes), "{bytes} bytes for one call");
}
