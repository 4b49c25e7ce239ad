//! Frames of the desk protocol from JSON, for tests that speak protobuf.

use serde::de::DeserializeOwned;
use serde_json::Value;
use trunkline_core::wire::{DeskFrame, pb};

/// `None`: no frame is called so, or one of its members is none that protobuf could carry.
pub fn frame_of(json: &Value) -> Option<DeskFrame> {
    use DeskFrame as F;
    Some(match json["t"].as_str()? {
        "hello" => F::Hello(body(json)?),
        "welcome" => F::Welcome(body(json)?),
        "ev" => F::Ev(pb::Ev { event: Some(event(json)?) }),
        "hb" => F::Hb(body(json)?),
        "snap" => F::Snap(body(json)?),
        "gone" => F::Gone(body(json)?),
        "replayed" => F::Replayed(body(json)?),
        "count" => F::Count(body(json)?),
        "batch" => F::Batch(body(json)?),
        "cmd" => F::Cmd(body(json)?),
        "ack" => F::Ack(body(json)?),
        "result" => F::Result(body(json)?),
        "err" => F::Err(pb::Err { details: details(&json["details"])?, ..body(json)? }),
        "sub" => F::Sub(body(json)?),
        "unsub" => F::Unsub(body(json)?),
        "sub.ok" => F::SubOk(body(json)?),
        "scope" => F::Scope(body(json)?),
        "auth.refresh" => F::AuthRefresh(body(json)?),
        "auth.ok" => F::AuthOk(body(json)?),
        "auth.expiring" => F::AuthExpiring(body(json)?),
        "goaway" => F::Goaway(body(json)?),
        _ => return None,
    })
}

fn body<T: DeserializeOwned>(json: &Value) -> Option<T> {
    // By way of text: times are read from borrowed strings.
    serde_json::from_str(&json.to_string()).ok()
}

fn event(json: &Value) -> Option<pb::Event> {
    use pb::event::Entity as E;
    let o = &json["o"];
    let entity = match json["k"].as_str().unwrap_or_default().split('.').next().unwrap_or("") {
        "call" => Some(E::Call(body(o)?)),
        "outbound" => Some(E::Decision(body(o)?)),
        "system" => Some(E::System(body(o)?)),
        "dnc" => Some(E::Dnc(body(o)?)),
        "line" => Some(E::Line(body(o)?)),
        "duty" => Some(E::Duty(body(o)?)),
        "link" => Some(E::Link(body(o)?)),
        "agent" => Some(E::Agent(body(o)?)),
        "command" => Some(E::Command(body(o)?)),
        _ => None,
    };
    Some(pb::Event { entity, ..body(json)? })
}

/// A call has a direction, an agent has none.
fn details(json: &Value) -> Option<Option<pb::err::Details>> {
    use pb::err::Details as D;
    Some(match (json.is_null(), json.get("direction")) {
        (true, _) => None,
        (false, Some(_)) => Some(D::Call(body(json)?)),
        (false, None) => Some(D::Agent(body(json)?)),
    })
}
