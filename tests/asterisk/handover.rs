//! Calls are handed over when the receiver's desktop has what is known of them.

use crate::desktop::Desktop;
use crate::phone::Phone;
use crate::place::{LinkedBy, Place, a_moment};
use crate::support::Story;
use crate::talking::{Talking, talking};
use crate::told::{caused, leg_of};
use crate::trunk::hangs_up;
use serde_json::{Value, json};

const HELD: &str = "[agent.alice]\nname = \"Alice\"\ndevice = \"PJSIP/1001\"\n\
    [agent.bob]\nname = \"Bob\"\ndevice = \"PJSIP/1002\"\n\
    [desk]\ntransfer_barrier = \"hold\"\ntransfer_confirm_ms = 2000\nheartbeat_reply_ms = 60000\n\
    [pop]\nopening = \"{name} ({agent})\"\n[identity]\nsensitive = [\"policy\"]\n";

/// What is known of the customer is attached.
fn known() -> Talking {
    let mut talking = talking(Place::linked_with(LinkedBy::Ami, HELD, ""));
    let Talking { desk, call, .. } = &mut talking;
    desk.orders("call.data", call, json!({"key": "contract", "value": "K-1"}));
    assert_eq!(desk.sees("call.data_updated")["data"]["contract"], "K-1");
    talking
}

/// What the desktop of 1002 shows when its telephone rings.
fn rings_with_the_data(desk: &mut Desktop, two: &Phone) {
    two.rings(0);
    let seen = desk.sees_like("call.delivered", |call| live(call, "1002").is_some());
    assert_eq!(seen["data"]["contract"], "K-1", "before the answer");
    let pop = &live(&seen, "1002").unwrap()["pop"];
    assert_eq!((&pop["window"], &pop["opening"]), (&json!("secondary"), &json!("Bob (bob)")));
    two.answer(0);
    desk.sees("call.established");
}

fn live<'a>(call: &'a Value, device: &str) -> Option<&'a Value> {
    let mut legs = call["legs"].as_array().unwrap().iter();
    legs.find(|leg| leg["device"] == device && leg["agent_id"] == "bob" && leg["ended"].is_null())
}

#[test]
fn a_transfer_waits_for_the_receivers_desktop() {
    let Talking { place, one, two, customer, mut dialog, mut desk, call, mut tail } = known();
    let target = json!({"call": call["id"]});
    desk.orders("call.transfer.consult", &call, json!({"to": "1002"}));
    two.rings(0);
    two.answer(0);
    a_moment();
    let refused = desk.asks("call.transfer.complete", target.clone(), json!({}));
    assert_eq!(refused["code"], "NO_DESK", "{refused}");

    let frozen = Desktop::frozen(&place, "bob", "1002");
    let late = desk.asks("call.transfer.complete", target.clone(), json!({}));
    assert_eq!((&late["status"], &late["err"]["code"]), (&json!("failed"), &json!("NOT_SYNCED")));
    assert_eq!(two.calls(), 1, "the consultation goes on");

    let mut bob = Desktop::of(&place, "bob", "1002");
    bob.confirms();
    let order = desk.orders("call.transfer.complete", &call, json!({}));
    one.ended(0);
    let mine = bob.sees("call.transferred");
    assert_eq!(mine["data"]["contract"], "K-1");
    a_moment();
    hangs_up(&customer, &mut dialog);
    two.ended(0);
    let story = Story::single(tail.finished_calls(1));
    assert_eq!(leg_of(&story, "1002")["role"], "agent");
    assert_eq!(caused(&story, &order), ["call.transferred"]);
    assert!(!story.kinds().contains(&"call.transfer_unconfirmed"), "{:?}", story.kinds());
    drop(frozen);
    place.assert_asterisk_is_idle();
}

#[test]
fn a_desktop_that_answers_heartbeats_holds_nothing_up() {
    let Talking { place, one, two, customer, mut dialog, mut desk, call, mut tail } = known();
    let mut bob = Desktop::of(&place, "bob", "1002");
    desk.orders("call.transfer.consult", &call, json!({"to": "1002"}));
    rings_with_the_data(&mut bob, &two);
    a_moment();
    desk.orders("call.transfer.complete", &call, json!({}));
    one.ended(0);
    a_moment();
    hangs_up(&customer, &mut dialog);
    two.ended(0);
    let story = Story::single(tail.finished_calls(1));
    assert!(!story.kinds().contains(&"call.transfer_unconfirmed"), "{:?}", story.kinds());
    place.assert_asterisk_is_idle();
}

/// Who hangs up while another is asked hands the call over too: that cannot be held, and is told.
#[test]
fn a_transfer_by_hanging_up_is_told() {
    let Talking { place, one, two, customer, mut dialog, mut desk, call, mut tail } = known();
    desk.orders("call.transfer.consult", &call, json!({"to": "1002"}));
    two.rings(0);
    two.answer(0);
    a_moment();
    one.hang_up(0);
    desk.sees("call.transferred");
    a_moment();
    hangs_up(&customer, &mut dialog);
    two.ended(0);
    let story = Story::single(tail.finished_calls(1));
    let told = story.of_kind("call.transfer_unconfirmed");
    assert!(told["d"]["reason"].as_str().unwrap().contains("agent bob"), "{told}");
    place.assert_asterisk_is_idle();
}

#[test]
fn a_blind_transfer_shows_the_data_before_the_answer() {
    let Talking { place, one, two, customer, mut dialog, mut desk, call, mut tail } = known();
    let mut bob = Desktop::of(&place, "bob", "1002");
    desk.orders("call.transfer.blind", &call, json!({"to": "1002"}));
    rings_with_the_data(&mut bob, &two);
    one.ended(0);
    a_moment();
    hangs_up(&customer, &mut dialog);
    two.ended(0);
    Story::single(tail.finished_calls(1)).assert_ended("customer", "normalClearing");
    place.assert_asterisk_is_idle();
}

/// Sensitive values are the agent's to see when the customer is known, and not before.
#[test]
fn two_factors_unmask_what_is_sensitive_and_a_label_follows_the_end() {
    let Talking { place, one, customer, mut dialog, mut desk, call, mut tail, .. } = known();
    desk.orders("call.data", &call, json!({"key": "policy", "value": "P-1"}));
    let masked = desk.sees("call.data_updated");
    assert_eq!(
        (&masked["data"]["policy"], &masked["masked_data"]),
        (&json!("***"), &json!(["policy"]))
    );
    for (factor, identity, shown) in [("stored_phone", "one", "***"), ("birth_date", "two", "P-1")]
    {
        desk.orders("call.identity", &call, json!({"factor": factor}));
        let known = desk.sees("call.identified");
        assert_eq!(
            (&known["identity"], &known["data"]["policy"]),
            (&json!(identity), &json!(shown))
        );
    }
    let free = desk.asks("call.label", json!({"call": call["id"]}), json!({"label": "nice"}));
    assert_eq!(free["code"], "BAD_REQUEST", "{free}");
    hangs_up(&customer, &mut dialog);
    one.ended(0);
    desk.sees("call.cleared");
    desk.orders("call.label", &call, json!({"label": "有效"}));
    let labelled = desk.sees("call.labelled");
    assert_eq!(
        (&labelled["label"]["name"], &labelled["label"]["by"]),
        (&json!("有效"), &json!("alice"))
    );
    tail.finished_calls(1);
    let shown = place.site.run(&["records", "show", call["id"].as_str().unwrap(), "--json"]);
    let record: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&record["label"]["name"], &record["identity"]), (&json!("有效"), &json!("two")));
    assert_eq!(record["factors"][1]["kind"], "birth_date");
    place.assert_asterisk_is_idle();
}
