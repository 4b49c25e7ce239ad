//! deploy/asterisk behind the trunk, without a control link: calls pass, both ways.

use crate::phone::Phone;
use crate::place::{Place, a_moment};
use crate::support::ua::session;
use crate::support::{Dialog, Message, Story, Ua, WORKDAY_MORNING};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
/// Monday 2026-11-23, in the evening.
const NIGHT: &str = "2026-11-23T21:30:00+08:00";

/// A customer's call to a number of the house, up to the ring.
pub fn calls(customer: &Ua, number: &str) -> Dialog {
    let dialog = Dialog::caller(customer, CUSTOMER, number, "inbound");
    customer.send(&dialog.invite());
    dialog
}

pub fn picked_up(customer: &Ua, dialog: &mut Dialog) {
    let ok = customer.expect("SIP/2.0 200");
    dialog.confirm(&ok);
    customer.send(&dialog.ack());
    a_moment();
}

/// A customer's call that 1001 has answered.
pub fn talk(customer: &Ua, agent: &Phone) -> Dialog {
    let mut dialog = calls(customer, "1001");
    agent.rings(0);
    agent.answer(0);
    picked_up(customer, &mut dialog);
    dialog
}

pub fn hangs_up(customer: &Ua, dialog: &mut Dialog) {
    customer.send(&dialog.next("BYE", ""));
    customer.expect("SIP/2.0 200");
}

#[test]
fn a_customer_reaches_an_agent() {
    let place = Place::start(WORKDAY_MORNING);
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut dialog = calls(&customer, "1001");
    agent.rings(0);
    customer.expect("SIP/2.0 180");
    agent.answer(0);
    picked_up(&customer, &mut dialog);
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
    Story::single(tail.finished_calls(1))
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_declined_call_reaches_the_customer_as_a_refusal() {
    let place = Place::start(WORKDAY_MORNING);
    let (agent, customer) = (place.phone("1001"), place.customer());
    let dialog = calls(&customer, "1001");
    agent.rings(0);
    agent.reject(0, "486 Busy Here");
    let refusal = customer.expect("SIP/2.0 486");
    customer.send(&dialog.ack_refusal(&refusal));
    place.assert_asterisk_is_idle();
}

#[test]
fn a_queue_offers_the_call_again_until_it_is_answered() {
    let place = Place::changed(WORKDAY_MORNING, "s/^timeout = 15/timeout = 2/");
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut dialog = calls(&customer, "2000");
    picked_up(&customer, &mut dialog);
    agent.rings(0);
    agent.ended(0);
    agent.rings(1);
    agent.answer(1);
    agent.hang_up(1);
    let bye = customer.expect("BYE ");
    customer.answer(&bye, "200 OK", "", "");
    place.assert_asterisk_is_idle();
}

/// Nobody serves the application: the call falls through Stasis() into the queue.
#[test]
fn a_call_for_an_application_that_is_not_there_goes_to_the_queue() {
    let place = Place::start(WORKDAY_MORNING);
    let (agent, customer) = (place.phone("1002"), place.customer());
    let mut dialog = calls(&customer, "3000");
    picked_up(&customer, &mut dialog);
    agent.rings(0);
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
}

#[test]
fn an_agent_reaches_a_customer_and_transfers_within_the_house() {
    let place = Place::start(WORKDAY_MORNING);
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let carrier = place.customer();
    let call = one.dial(&format!("0{CUSTOMER}"));
    let invite = carrier.expect("INVITE ");
    assert!(invite.first_line().contains(CUSTOMER), "{}", invite.text);
    assert!(!invite.text.contains("X-Trunkline"), "{}", invite.text);
    takes(&carrier, &invite);
    one.connected(call);
    one.hold(call);
    one.retrieve(call);
    one.transfer(call, "1002");
    two.rings(0);
    two.answer(0);
    one.hang_up(call);
    two.hang_up(0);
    let bye = carrier.expect("BYE ");
    carrier.answer(&bye, "200 OK", "", "");
    place.assert_asterisk_is_idle();
}

pub fn takes(carrier: &Ua, invite: &Message) {
    carrier.answer(invite, "180 Ringing", "cust", "");
    carrier.answer(invite, "200 OK", "cust", &session(carrier.address, "sendrecv"));
    carrier.expect("ACK ");
    a_moment();
}

#[test]
fn at_night_the_gate_is_shut_and_the_agent_hears_403() {
    let place = Place::start(NIGHT);
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let call = agent.dial(&format!("0{CUSTOMER}"));
    assert_eq!(agent.refused(call), 403);
    let leaked: Vec<String> = carrier.drain(Duration::from_millis(200));
    assert!(!leaked.iter().any(|line| line.starts_with("INVITE")), "{leaked:?}");
    place.assert_asterisk_is_idle();
}
