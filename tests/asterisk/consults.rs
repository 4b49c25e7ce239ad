//! Consultations by order: asked, then joined, given up, or all three together.

use crate::place::{LinkedBy, Place, a_moment};
use crate::support::Story;
use crate::talking::{Talking, talking};
use crate::told::{caused, leg_of, of_leg};
use crate::trunk::hangs_up;
use serde_json::{Value, json};

/// 1001 has asked 1002 for advice, who has answered.
fn asked() -> Talking {
    let mut talking = talking(Place::linked(LinkedBy::Ami, ""));
    let Talking { two, desk, call, .. } = &mut talking;
    desk.orders("call.transfer.consult", call, json!({"to": "1002"}));
    two.rings(0);
    two.answer(0);
    a_moment();
    talking
}

#[test]
fn a_consultation_is_completed() {
    let Talking { place, one, two, customer, mut dialog, mut desk, call, mut tail } = asked();
    let order = desk.orders("call.transfer.complete", &call, json!({}));
    one.ended(0);
    desk.sees("call.transferred");
    a_moment();
    hangs_up(&customer, &mut dialog);
    two.ended(0);
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("customer", "normalClearing");
    let left = leg_of(&story, "1001");
    assert_eq!(of_leg(&story, left), "delivered established transferred connection_cleared");
    assert_eq!(left["cause"]["csta"], "transfer");
    let took = leg_of(&story, "1002");
    // Nobody is known at 1002, so that no desktop has the call's data: that is told by default.
    let told = "delivered established transfer_unconfirmed connection_cleared";
    assert_eq!(of_leg(&story, took), told);
    assert_eq!(took["role"], "agent");
    assert_eq!(caused(&story, &order), ["call.transferred", "call.transfer_unconfirmed"]);
    assert_eq!(story.of_kind("call.transferred")["d"]["transfer"], "attended");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_consultation_is_given_up() {
    let Talking { place, one, two, customer, mut dialog, mut desk, call, mut tail } = asked();
    desk.orders("call.transfer.cancel", &call, json!({}));
    two.ended(0);
    let after = desk.sees_like("call.connection_cleared", |call| live(call, "1002").is_none());
    assert_eq!(live(&after, "1001").expect("the agent talks on")["state"], "connected");
    hangs_up(&customer, &mut dialog);
    one.ended(0);
    let story = Story::single(tail.finished_calls(1));
    story.assert_ended("customer", "normalClearing");
    let talked = of_leg(&story, leg_of(&story, "1001"));
    assert_eq!(talked, "delivered established connection_cleared");
    let asked = leg_of(&story, "1002");
    assert_eq!(asked["role"], "consult");
    assert_eq!(of_leg(&story, asked), "delivered established connection_cleared");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_consultation_becomes_a_conference() {
    let Talking { place, one, two, customer, mut dialog, mut desk, call, mut tail } = asked();
    let order = desk.orders("call.conference", &call, json!({}));
    let all = desk.sees("call.conferenced");
    assert!(live(&all, "1001").is_some() && live(&all, "1002").is_some(), "{all:#}");
    hangs_up(&customer, &mut dialog);
    a_moment();
    one.hang_up(0);
    two.ended(0);
    let story = Story::single(tail.finished_calls(1));
    let told = |device| of_leg(&story, leg_of(&story, device));
    assert_eq!(told("1001"), "delivered established connection_cleared");
    assert_eq!(told("1002"), "delivered established conferenced connection_cleared");
    assert_eq!(caused(&story, &order), ["call.conferenced"]);
    place.assert_asterisk_is_idle();
}

/// The leg of a device, if it has not ended.
fn live<'a>(call: &'a Value, device: &str) -> Option<&'a Value> {
    let legs = call["legs"].as_array().unwrap();
    let mut inside = legs.iter().filter(|leg| leg["role"] != "trunk");
    inside.find(|leg| leg["device"] == device && leg["ended"].is_null())
}
