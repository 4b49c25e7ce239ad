//! A desktop's orders reach the telephones.

use crate::desktop::Desktop;
use crate::place::{LinkedBy, Place, a_moment};
use crate::support::Story;
use crate::told::{caused, leg_as, leg_of, of_leg};
use crate::trunk::{hangs_up, takes, talk};
use serde_json::json;
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const WITHIN: Duration = Duration::from_secs(20);

fn dials(by: LinkedBy) {
    let place = Place::linked(by, "");
    let (agent, carrier) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut desk = Desktop::open(&place);
    let args = json!({"to": format!("0{CUSTOMER}"), "purpose": "service"});
    let order = desk.say("call.dial", json!({}), args);
    agent.rings(0);
    agent.answer(0);
    let invite = carrier.expect_within("INVITE ", WITHIN);
    assert!(invite.first_line().contains(CUSTOMER), "{}", invite.text);
    assert!(!invite.text.contains("X-Trunkline"), "{}", invite.text);
    takes(&carrier, &invite);
    let done = desk.result(&order);
    assert_eq!(done["status"], "ok", "{done}; {:?}", tail.settle(Duration::from_millis(300)));
    agent.hang_up(0);
    let bye = carrier.expect("BYE ");
    carrier.answer(&bye, "200 OK", "", "");
    // One call from the first ring of the agent's phone to the end.
    let story = Story::single(tail.finished_calls(1));
    assert_eq!(story.call()["id"], done["call_id"]);
    story.assert_ended("agent", "normalClearing");
    assert!(story.kinds().contains(&"outbound.allowed"), "{:?}", story.kinds());
    for event in story.events().iter().filter(|e| e["o"]["dialed"].is_object()) {
        let o = &event["o"];
        let said = (&o["direction"], &o["dialed"]["e164"], &o["purpose"]);
        let wanted = (&json!("outbound"), &json!(format!("+86{CUSTOMER}")), &json!("service"));
        assert_eq!(said, wanted, "{event}");
    }
    let customer = of_leg(&story, leg_as(&story, "customer"));
    assert_eq!(customer, "delivered established connection_cleared");
    assert_eq!(leg_of(&story, "1001")["role"], "agent");
    assert_eq!(caused(&story, &order).len(), story.events().len(), "all is this order's doing");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_desktop_dials_over_ami() {
    dials(LinkedBy::Ami);
}

#[test]
fn a_desktop_dials_over_ari() {
    dials(LinkedBy::Ari);
}

#[test]
fn a_desktop_sends_a_call_on_with_what_is_known_of_it() {
    let place = Place::linked(LinkedBy::Ami, "");
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let customer = place.customer();
    let mut tail = place.site.tail(None);
    let mut desk = Desktop::open(&place);
    let mut dialog = talk(&customer, &one);
    let call = desk.sees("call.established");
    let data = desk.orders("call.data", &call, json!({"key": "contract", "value": "K-4711"}));
    assert_eq!(desk.sees("call.data_updated")["data"]["contract"], "K-4711");
    let sent = desk.orders("call.transfer.blind", &call, json!({"to": "1002"}));
    two.rings(0);
    two.answer(0);
    one.ended(0);
    a_moment();
    hangs_up(&customer, &mut dialog);
    let story = Story::single(tail.finished_calls(1));
    let left = of_leg(&story, leg_of(&story, "1001"));
    assert_eq!(left, "delivered established data_updated transferred connection_cleared");
    let took = of_leg(&story, leg_of(&story, "1002"));
    assert_eq!(took, "delivered established connection_cleared");
    assert_eq!(caused(&story, &data), ["call.data_updated"]);
    assert_eq!(caused(&story, &sent), ["call.transferred"]);
    let later = story.events().iter().skip_while(|e| e["k"] != "call.transferred");
    let known = |e: &serde_json::Value| e["o"]["data"]["contract"] == "K-4711";
    assert!(later.clone().count() > 2 && later.clone().all(known), "the value goes with the call");
    two.ended(0);
    place.assert_asterisk_is_idle();
}

/// Keys go to the other party, as if they were pressed at the agent's telephone.
#[test]
fn a_desktop_presses_keys() {
    let keys_by_sip = "s/^direct_media = no/&\\ndtmf_mode = info/";
    let place = Place::linked(LinkedBy::Ami, keys_by_sip);
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut tail = place.site.tail(None);
    let mut desk = Desktop::open(&place);
    let mut dialog = talk(&customer, &agent);
    let call = desk.sees("call.established");
    let order = desk.orders("call.dtmf", &call, json!({"digits": "4#"}));
    for key in ["4", "#"] {
        let info = customer.expect("INFO ");
        assert!(info.text.contains(&format!("Signal={key}")), "{}", info.text);
        customer.answer(&info, "200 OK", "", "");
    }
    desk.sees("call.dtmf");
    desk.sees("call.dtmf");
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
    let story = Story::single(tail.finished_calls(1));
    let told = of_leg(&story, leg_of(&story, "1001"));
    assert_eq!(told, "delivered established dtmf dtmf connection_cleared");
    assert_eq!(caused(&story, &order), ["call.dtmf"; 2]);
    place.assert_asterisk_is_idle();
}

fn ends(by: LinkedBy) {
    let place = Place::linked(by, "");
    let (one, two) = (place.phone("1001"), place.phone("1002"));
    let mut tail = place.site.tail(None);
    let mut desk = Desktop::open(&place);
    let asked = one.dial("1002");
    two.rings(0);
    two.answer(0);
    one.connected(asked);
    let call = desk.sees("call.established");
    assert_eq!(call["direction"], "internal");
    let order = desk.orders("call.hangup", &call, json!({}));
    one.ended(asked);
    two.ended(0);
    let story = Story::single(tail.finished_calls(1));
    let ends = caused(&story, &order);
    assert!(ends.contains(&"call.cleared".to_owned()), "{ends:?}");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_desktop_ends_a_call_over_ami() {
    ends(LinkedBy::Ami);
}

#[test]
fn a_desktop_ends_a_call_over_ari() {
    ends(LinkedBy::Ari);
}

/// Calls of the dialplan are out of ARI's reach, and the desk hears what could do it.
#[test]
fn what_ari_cannot_do_is_said() {
    let place = Place::linked(LinkedBy::Ari, "");
    let (agent, customer) = (place.phone("1001"), place.customer());
    let mut desk = Desktop::open(&place);
    let mut dialog = talk(&customer, &agent);
    let call = desk.sees_like("call.established", |c| c["legs"].as_array().unwrap().len() > 2);
    let orders = [
        ("call.hold", json!({})),
        ("call.transfer.blind", json!({"to": "1002"})),
        ("call.transfer.consult", json!({"to": "1002"})),
        ("call.dtmf", json!({"digits": "1"})),
        ("call.data", json!({"key": "contract", "value": "K-4711"})),
    ];
    for (op, args) in orders {
        let result = desk.asks(op, json!({"call": call["id"]}), args);
        assert_eq!(result["err"]["code"], "UNSUPPORTED", "{op}: {result}");
        assert!(result["err"]["msg"].as_str().unwrap().contains("AMI"), "{op}: {result}");
    }
    hangs_up(&customer, &mut dialog);
    agent.ended(0);
}
