//! R1: model <-> `proto/`. The only place that serialises events and frames.

mod agent;
mod decode;
mod dossier;
mod encode;
mod line;
mod link;
mod proto_writer;
mod signalling;
mod stored;
#[cfg(test)]
mod tests;
mod timestamp;

use agent::command_to_stored;
pub use agent::{agent_to_pb, command_frame_to_json, command_to_pb, error_to_pb, result_to_pb};
pub use decode::{DecodeError, journal_frame_from_bytes};
pub use encode::{View, call_to_pb, decision_to_pb, event_to_json, event_to_pb};
use encode::{dnc_to_pb, system_to_pb};
use line::shift_to_pb;
pub use line::{duty_to_pb, line_to_pb};
pub use link::link_to_pb;
pub use stored::{journal_frame_to_bytes, write_journal_frame};
pub use timestamp::Timestamp;

/// Generated from `proto/trunkline/v1`.
#[allow(missing_docs, clippy::all, clippy::unwrap_used)]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/trunkline.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/trunkline.v1.serde.rs"));
}

/// Serialises one desk frame: the JSON object of `body` with `"t":"<t>"` in front.
pub fn frame_to_json<T: serde::Serialize>(t: &str, body: &T) -> String {
    // Generated types serialise to an object and have no way to fail.
    let object = serde_json::to_string(body).unwrap_or_else(|_| "{}".to_owned());
    let rest = &object[1..];
    let comma = if rest == "}" { "" } else { "," };
    format!("{{\"t\":\"{t}\"{comma}{rest}")
}
