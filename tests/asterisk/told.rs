//! What one call's events tell of each party. Trunk and link report independently, so only the
//! order within one party is certain.

use crate::support::Story;
use crate::support::events::moment;
use serde_json::Value;

/// Kinds about one leg, without `call.`, in one line.
pub fn of_leg(story: &Story, leg: &Value) -> String {
    let id = &leg["id"];
    let mine = story.events().iter().filter(|e| e["d"]["leg"] == *id);
    let kinds = mine.filter_map(|e| e["k"].as_str()?.strip_prefix("call."));
    kinds.filter(|k| *k != "originated").collect::<Vec<_>>().join(" ")
}

/// Legs of a device of the house, as they ended, in order.
pub fn legs_of<'a>(story: &'a Story, device: &str) -> Vec<&'a Value> {
    let legs = story.call()["legs"].as_array().unwrap();
    let person = |l: &&Value| ["agent", "consult"].map(Value::from).contains(&l["role"]);
    legs.iter().filter(person).filter(|l| l["device"] == device).collect()
}

/// The only leg of a device.
pub fn leg_of<'a>(story: &'a Story, device: &str) -> &'a Value {
    let legs = legs_of(story, device);
    assert_eq!(legs.len(), 1, "legs of {device} in {:#}", story.call());
    legs[0]
}

/// The leg with this role.
pub fn leg_as<'a>(story: &'a Story, role: &str) -> &'a Value {
    let legs = story.call()["legs"].as_array().unwrap();
    let leg = legs.iter().find(|l| l["role"] == role);
    leg.unwrap_or_else(|| panic!("no {role} in {:#}", story.call()))
}

/// Kinds of the events that name the order as their cause.
pub fn caused(story: &Story, order: &str) -> Vec<String> {
    let of_order = story.events().iter().filter(|e| e["caused_by"] == order);
    of_order.map(|e| e["k"].as_str().unwrap().to_owned()).collect()
}

/// The switch's own stamp of a moment of a leg, in microseconds since 1970.
pub fn stamp(leg: &Value, moment_name: &str) -> i64 {
    assert!(leg[moment_name].is_object(), "no {moment_name} in {leg}");
    moment(&leg[moment_name], "pbx_time")
}

/// A stamp is that of the telephone, within what Asterisk and the machine take.
#[track_caller]
pub fn assert_at(seen: i64, telephone: std::time::SystemTime, what: &str) {
    let at = telephone.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let apart_ms = (seen - i64::try_from(at).unwrap()).abs() / 1000;
    println!("{what}: {apart_ms} ms from the telephone's");
    assert!(apart_ms <= 50, "{what} is {apart_ms} ms away from the telephone's");
}
