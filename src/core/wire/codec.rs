//! Frames of the desk protocol and the two forms they have on a socket.

use super::decode::DecodeError;
use super::encode::{call_to_pb, event_to_pb};
use super::{View, agent, frame_json, pb};
use crate::model::{Call, Entity, Event, Named};
use prost::Message as _;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint, skip_field};

/// One frame, whatever its form.
pub type DeskFrame = pb::frame::Frame;

/// The form of frames on a socket. Its name is the subprotocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Codec {
    /// JSON in text messages.
    #[default]
    Json,
    /// Protobuf in binary messages.
    Protobuf,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Json, Self::Protobuf];
}

impl Named for Codec {
    const TABLE: &'static [(Self, &'static str)] =
        &[(Self::Json, "trunkline.v1.json"), (Self::Protobuf, "trunkline.v1.pb")];
}

/// The frame of an event: `ev`, or of a command's event `ack` and `result`.
pub fn event_frame(event: &Event, view: View) -> DeskFrame {
    match &event.entity {
        Entity::Command(command) => agent::command_frame(event.pos, command),
        _ => DeskFrame::Ev(pb::Ev { event: Some(event_to_pb(event, view)) }),
    }
}

/// Writes a frame.
pub fn write_frame(frame: &DeskFrame, codec: Codec) -> Bytes {
    match codec {
        Codec::Json => frame_json::frame(frame).into(),
        Codec::Protobuf => {
            let mut out = Vec::with_capacity(frame.encoded_len());
            frame.encode(&mut out);
            out.into()
        }
    }
}

/// Writes a call for [`write_page`].
pub fn write_call(call: &Call, view: View, codec: Codec) -> Bytes {
    let call = call_to_pb(call, view);
    match codec {
        // Generated types have no way to fail.
        Codec::Json => serde_json::to_vec(&call).unwrap_or_default().into(),
        Codec::Protobuf => call.encode_to_vec().into(),
    }
}

/// Writes a page of a snapshot: the members of `page`, and these calls as its `objs`.
pub fn write_page(page: &pb::Snap, calls: &[Bytes], codec: Codec) -> Bytes {
    match codec {
        Codec::Json => frame_json::page(page, calls.iter()).into(),
        Codec::Protobuf => {
            let mut body = page.encode_to_vec();
            calls.iter().for_each(|call| embed(SNAP_OBJS, call, &mut body));
            let mut frame = Vec::with_capacity(body.len() + 6);
            embed(FRAME_SNAP, &body, &mut frame);
            frame.into()
        }
    }
}

/// `objs` of `Snap`.
const SNAP_OBJS: u32 = 5;
/// `snap` of `Frame`.
const FRAME_SNAP: u32 = 5;

fn embed(tag: u32, message: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(message.len() as u64, out);
    out.extend_from_slice(message);
}

/// A frame in protobuf, read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadFrame {
    /// The frame.
    pub frame: DeskFrame,
    /// Of each subscription in it, in their order, numbers of lists in its filter that this
    /// version does not know. To pass over them would show more than was asked for.
    pub unknown_lists: Vec<Vec<u32>>,
}

/// Reads a frame in protobuf. `None`: one that this version does not know.
///
/// What the frame says about itself beyond what this version knows is passed over, lists of
/// filters excepted. The size of `bytes` is for the caller to limit; nesting ends at prost's
/// limit of 100.
///
/// # Errors
/// If the bytes are no protobuf message.
pub fn read_frame(bytes: &[u8]) -> Result<Option<ReadFrame>, DecodeError> {
    let broken = |e: prost::DecodeError| DecodeError::Protobuf(e.to_string());
    let Some(frame) = pb::Frame::decode(bytes).map_err(broken)?.frame else { return Ok(None) };
    let subs = match &frame {
        DeskFrame::Hello(hello) => hello.subs.len(),
        DeskFrame::Sub(_) => 1,
        _ => return Ok(Some(ReadFrame { frame, unknown_lists: Vec::new() })),
    };
    let raw = Filters::decode(bytes).map_err(broken)?;
    let raw: Vec<FilterOf> = match &frame {
        DeskFrame::Hello(_) => raw.hello.unwrap_or_default().subs,
        _ => raw.sub.into_iter().collect(),
    };
    if raw.len() != subs {
        // A frame that says two things: which of its filters is meant?
        return Err(DecodeError::Protobuf("a frame holds one message".to_owned()));
    }
    let unknown_lists = raw.iter().map(FilterOf::unknown).collect::<Result<_, _>>();
    Ok(Some(ReadFrame { frame, unknown_lists: unknown_lists.map_err(broken)? }))
}

/// The same frame with its filters unread: the generated types drop the numbers that they do not
/// know. The numbers of members are those of desk.proto.
#[derive(Clone, PartialEq, prost::Message)]
struct Filters {
    #[prost(message, optional, tag = "1")]
    hello: Option<FiltersOfHello>,
    #[prost(message, optional, tag = "14")]
    sub: Option<FilterOf>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FiltersOfHello {
    #[prost(message, repeated, tag = "3")]
    subs: Vec<FilterOf>,
}

/// `Subscription` and `Sub`; a message that comes in pieces is one message.
#[derive(Clone, PartialEq, prost::Message)]
struct FilterOf {
    #[prost(bytes = "bytes", repeated, tag = "4")]
    filter: Vec<Bytes>,
}

/// Lists of a filter: `kind` to `agent`.
const LISTS: std::ops::RangeInclusive<u32> = 1..=9;

impl FilterOf {
    fn unknown(&self) -> Result<Vec<u32>, prost::DecodeError> {
        let mut unknown = Vec::new();
        for piece in &self.filter {
            let mut piece = piece.clone();
            while piece.has_remaining() {
                let (tag, wire_type) = decode_key(&mut piece)?;
                if !LISTS.contains(&tag) && !unknown.contains(&tag) {
                    unknown.push(tag);
                }
                skip_field(wire_type, tag, &mut piece, DecodeContext::default())?;
            }
        }
        Ok(unknown)
    }
}
