//! The telephone acts because its PBX tells it to: answer, hold and retrieve by order.

use crate::desktop::Desktop;
use crate::place::{LinkedBy, Place, a_moment};
use crate::support::Story;
use crate::told::{caused, leg_of, of_leg};
use crate::trunk::{calls, hangs_up, picked_up};
use serde_json::json;

#[test]
fn a_desktop_answers_holds_and_retrieves() {
    let place = Place::linked(LinkedBy::Ami, "");
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut desk = Desktop::open(&place);
    let mut dialog = calls(&customer, "1001");
    agent.rings(0);
    let call = desk.sees_like("call.delivered", rings_at_the_agent);
    let answer = desk.orders("call.answer", &call, json!({}));
    picked_up(&customer, &mut dialog);
    agent.connected(0);
    desk.sees("call.established");
    let hold = desk.orders("call.hold", &call, json!({}));
    desk.sees("call.held");
    a_moment();
    let retrieve = desk.orders("call.retrieve", &call, json!({}));
    desk.sees("call.retrieved");
    a_moment();
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
    let story = Story::single(tail.finished_calls(1));
    let leg = leg_of(&story, "1001");
    let told = of_leg(&story, leg);
    assert_eq!(told, "delivered established held retrieved connection_cleared");
    let both = ["call.established"; 2]; // the site's side of the trunk, and the telephone
    assert_eq!(caused(&story, &answer), both);
    assert_eq!(caused(&story, &hold), ["call.held"]);
    assert_eq!(caused(&story, &retrieve), ["call.retrieved"]);
    place.assert_asterisk_is_idle();
}

/// What was asked for is so already: nothing happens, and nothing breaks.
#[test]
fn an_order_that_the_state_does_not_permit_is_refused() {
    let place = Place::linked(LinkedBy::Ami, "");
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut desk = Desktop::open(&place);
    let mut dialog = calls(&customer, "1001");
    agent.rings(0);
    let call = desk.sees_like("call.delivered", rings_at_the_agent);
    let target = json!({"call": call["id"]});
    for op in ["call.hold", "call.retrieve", "call.transfer.complete", "call.conference"] {
        let refusal = desk.asks(op, target.clone(), json!({}));
        assert_eq!(refusal["code"], "CONFLICT", "{op}: {refusal}");
    }
    agent.answer(0);
    picked_up(&customer, &mut dialog);
    desk.sees_like("call.established", |call| state_of_the_agent(call) == "connected");
    let refusal = desk.asks("call.answer", target.clone(), json!({}));
    assert_eq!(refusal["code"], "CONFLICT", "{refusal}");
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
    desk.sees("call.cleared");
    let refusal = desk.asks("call.hold", target, json!({}));
    assert_eq!(refusal["code"], "NOT_FOUND", "{refusal}");
}

fn rings_at_the_agent(call: &serde_json::Value) -> bool {
    state_of_the_agent(call) == "alerting"
}

fn state_of_the_agent(call: &serde_json::Value) -> &str {
    let legs = call["legs"].as_array().unwrap();
    let agent = legs.iter().find(|leg| leg["role"] == "agent");
    agent.and_then(|leg| leg["state"].as_str()).unwrap_or_default()
}
