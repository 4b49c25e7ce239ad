//! R1: model <-> `proto/`. The only place that serialises events and frames.

mod agent;
mod attempt;
mod claim;
mod codec;
#[cfg(test)]
mod codec_tests;
mod decode;
mod dossier;
mod encode;
mod frame_json;
mod line;
mod link;
mod overriding;
mod proto_writer;
mod shadow;
mod signalling;
mod stored;
#[cfg(test)]
mod tests;
mod timestamp;

use agent::command_to_stored;
pub use agent::{agent_to_pb, command_to_pb, error_to_pb, result_to_pb};
use attempt::place_to_stored;
pub use attempt::{attempt_from_bytes, attempt_to_bytes, topic_from_pb};
pub use codec::{
    Codec, DeskFrame, ReadFrame, event_frame, read_frame, write_call, write_frame, write_page,
};
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
