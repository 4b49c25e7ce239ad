//! model -> what is stored (proto/trunkline/v1/journal.proto).

use super::claim::claims_to_pb;
use super::dossier::{write_dossier, write_pop};
use super::overriding::override_to_pb;
use super::proto_writer::ProtoWriter;
use super::shadow::shadow_to_pb;
use super::signalling::write_signalling;
use super::{
    View, agent_to_pb, command_to_stored, decision_to_pb, dnc_to_pb, duty_to_pb, line_to_pb,
    link_to_pb, place_to_stored, shift_to_pb, system_to_pb,
};
use crate::model::{Call, Cause, Entity, Event, Leg, Moment, Named, Origin, Party};
use prost::Message;
use std::sync::Arc;

/// Room for an event in a new buffer: most are shorter.
const EVENT_BYTES: usize = 640;
/// Entries searched for what does not change about a call.
const LOOK_BACK: usize = 64;

/// Plain text of a journal frame.
pub fn journal_frame_to_bytes(events: &[Event]) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.len() * EVENT_BYTES);
    write_journal_frame(events, &mut out);
    out
}

/// The same to the end of a buffer.
///
/// What does not change about a call is written once a frame: its later events say how many
/// entries before them it stands.
pub fn write_journal_frame(events: &[Event], out: &mut Vec<u8>) {
    let mut frame = ProtoWriter::new(out);
    for (at, event) in events.iter().enumerate() {
        let known = match &event.entity {
            Entity::Call(call) => origin_before(&events[..at], call),
            Entity::Decision(_)
            | Entity::Dnc(_)
            | Entity::System(_)
            | Entity::Line(_)
            | Entity::Duty(_)
            | Entity::Link(_)
            | Entity::Agent(_)
            | Entity::Command(_)
            | Entity::Override(_)
            | Entity::Shadow(_)
            | Entity::Claims(_) => None,
        };
        frame.message(1, |entry| write_event(entry, event, known));
    }
}

/// How many entries back the same origin was written.
fn origin_before(written: &[Event], call: &Call) -> Option<u64> {
    let same = |event: &Event| matches!(&event.entity, Entity::Call(known) if Arc::ptr_eq(&known.origin, &call.origin));
    let back = written.iter().rev().take(LOOK_BACK).position(same)?;
    u64::try_from(back + 1).ok()
}

fn write_event(out: &mut ProtoWriter<'_>, event: &Event, known: Option<u64>) {
    out.number(1, event.pos.0);
    out.signed(2, event.ts.0);
    out.number(3, code(event.kind));
    match &event.entity {
        Entity::Call(call) => out.message(4, |out| {
            if known.is_none() {
                write_origin(out, call);
            }
            write_call(out, call);
            out.number(33, known.unwrap_or(0));
            if known.is_none() {
                write_claims(out, call);
            }
            write_attached(out, call);
        }),
        // These are rare beside calls.
        Entity::Decision(decision) => {
            out.present_bytes(5, &decision_to_pb(decision, View::Full).encode_to_vec());
        }
        Entity::System(status) => out.present_bytes(6, &system_to_pb(status).encode_to_vec()),
        Entity::Dnc(entries) => {
            out.present_bytes(7, &dnc_to_pb(entries, View::Full).encode_to_vec());
        }
        Entity::Line(line) => out.present_bytes(12, &line_to_pb(line).encode_to_vec()),
        Entity::Duty(duty) => out.present_bytes(13, &duty_to_pb(duty).encode_to_vec()),
        Entity::Link(link) => out.present_bytes(30, &link_to_pb(link).encode_to_vec()),
        Entity::Agent(agent) => out.present_bytes(20, &agent_to_pb(agent).encode_to_vec()),
        Entity::Override(one) => {
            out.present_bytes(31, &override_to_pb(one, View::Full).encode_to_vec());
        }
        Entity::Shadow(one) => out.present_bytes(32, &shadow_to_pb(one).encode_to_vec()),
        Entity::Claims(entries) => {
            out.present_bytes(33, &claims_to_pb(entries, View::Full).encode_to_vec());
        }
        Entity::Command(command) => {
            out.present_bytes(21, &command_to_stored(command).encode_to_vec());
        }
    }
    let detail = &event.detail;
    out.optional(8, detail.leg.map(|leg| leg.0.into()));
    out.optional(9, detail.sip_status.map(u64::from));
    write_moment(out, 10, detail.at.as_ref());
    out.number(11, code_of(detail.repair));
    if let Some(shift) = &detail.shift {
        out.present_bytes(14, &shift_to_pb(shift).encode_to_vec());
    }
    if let Some(transferred) = &detail.transfer {
        out.number(15, code(transferred.kind));
        if let Some(call) = transferred.to_call {
            out.bytes(16, call.0.as_bytes());
        }
    }
    out.number(17, detail.digit.map_or(0, |d| u32::from(d).into()));
    out.bytes(18, detail.key.as_deref().unwrap_or_default().as_bytes());
    if let Some(command) = &detail.caused_by {
        out.bytes(22, command.0.as_bytes());
    }
    for agent in &detail.confirm_by {
        out.present_bytes(23, agent.as_bytes());
    }
    if let Some(waiver) = &detail.waiver {
        out.message(24, |out| {
            out.bytes(1, waiver.by.as_bytes());
            out.bytes(2, waiver.reason.as_bytes());
        });
    }
    if let Some(place) = &detail.place {
        out.present_bytes(25, &place_to_stored(place).encode_to_vec());
    }
}

fn write_origin(out: &mut ProtoWriter<'_>, origin: &Origin) {
    out.bytes(1, origin.id.0.as_bytes());
    out.number(2, code(origin.direction));
    out.bytes(3, origin.tenant.as_bytes());
    out.bytes(4, origin.site.as_bytes());
    write_text(out, 5, origin.purpose.as_deref());
    out.message(6, |out| write_party(out, &origin.from));
    out.message(7, |out| write_party(out, &origin.to));
    if origin.dialed != origin.to {
        out.message(8, |out| write_party(out, &origin.dialed));
    }
    out.bytes(9, origin.device.as_bytes());
    if origin.thread_id != origin.id {
        out.bytes(10, origin.thread_id.0.as_bytes());
    }
    write_moment(out, 11, Some(&origin.started));
}

/// The rest of what does not change: behind the others, as their numbers are.
fn write_claims(out: &mut ProtoWriter<'_>, origin: &Origin) {
    if let Some(said) = &origin.signalling {
        out.message(34, |out| write_signalling(out, said));
    }
    if let Some(parent) = origin.parent_id {
        out.bytes(35, parent.0.as_bytes());
    }
}

fn write_call(out: &mut ProtoWriter<'_>, call: &Call) {
    out.number(12, call.rev);
    out.number(13, code(call.state));
    out.bytes(14, call.trunk.as_bytes());
    out.bytes(15, call.dialog.call_id.as_bytes());
    out.bytes(16, call.dialog.caller_tag.as_bytes());
    out.bytes(17, call.dialog.callee_tag.as_bytes());
    write_moment(out, 18, call.alerting.as_ref());
    write_moment(out, 19, call.network_reached.as_ref());
    write_moment(out, 20, call.answered.as_ref());
    write_moment(out, 21, call.ended.as_ref());
    out.optional(22, call.ring_ms.map(u64::from));
    out.optional(23, call.wait_ms.map(u64::from));
    out.optional(24, call.talk_ms.map(u64::from));
    out.optional(25, call.hold_ms.map(u64::from));
    out.optional(26, call.rings.map(u64::from));
    out.optional(27, call.answered_in_time.map(u64::from));
    out.number(28, code(call.service_basis));
    out.number(29, code_of(call.released_by));
    write_cause(out, 30, call.cause.as_ref());
    if let Some(decision) = call.decision_id {
        out.bytes(31, decision.0.as_bytes());
    }
    for leg in &call.legs {
        out.message(32, |out| write_leg(out, leg));
    }
}

/// What control links add: behind the claims, as their numbers are.
fn write_attached(out: &mut ProtoWriter<'_>, call: &Call) {
    write_text(out, 36, call.queue.as_deref());
    for (key, value) in &call.data {
        out.message(37, |out| {
            out.bytes(1, key.as_bytes());
            out.bytes(2, value.reveal().as_bytes());
        });
    }
    if let Some(dossier) = &call.dossier {
        write_dossier(out, dossier);
    }
}

fn write_text(out: &mut ProtoWriter<'_>, tag: u64, text: Option<&str>) {
    if let Some(text) = text {
        out.present_bytes(tag, text.as_bytes());
    }
}

fn write_leg(out: &mut ProtoWriter<'_>, leg: &Leg) {
    out.number(1, leg.id.0.into());
    out.number(2, code(leg.role));
    out.bytes(3, leg.device.as_bytes());
    out.number(4, code(leg.state));
    out.number(5, code_of(leg.alerting_basis));
    out.signed(6, leg.since.0);
    write_moment(out, 7, leg.alerting.as_ref());
    write_moment(out, 8, leg.answered.as_ref());
    write_moment(out, 9, leg.held_since.as_ref());
    write_moment(out, 10, leg.ended.as_ref());
    write_cause(out, 11, leg.cause.as_deref());
    write_text(out, 12, leg.agent.as_deref());
    if let Some(channel) = &leg.channel {
        out.message(13, |out| {
            out.bytes(1, channel.pbx.as_bytes());
            out.bytes(2, channel.id.as_bytes());
        });
    }
    write_text(out, 14, leg.sip_call_id.as_deref());
    if let Some(pop) = &leg.pop {
        out.message(15, |out| write_pop(out, pop));
    }
}

fn write_moment(out: &mut ProtoWriter<'_>, tag: u64, moment: Option<&Moment>) {
    let Some(moment) = moment else { return };
    out.message(tag, |out| {
        out.signed(1, moment.pbx_time.0);
        out.zigzag(2, moment.observed_at.0.wrapping_sub(moment.pbx_time.0));
        out.number(3, code(moment.quality));
    });
}

fn write_cause(out: &mut ProtoWriter<'_>, tag: u64, cause: Option<&Cause>) {
    let Some(cause) = cause else { return };
    out.message(tag, |out| {
        out.number(1, code(cause.csta));
        out.optional(2, cause.sip_status.map(u64::from));
        out.optional(3, cause.q850.map(u64::from));
        out.bytes(4, cause.text.as_bytes());
    });
}

pub(super) fn write_party(out: &mut ProtoWriter<'_>, party: &Party) {
    let e164 = party.e164.as_ref().map_or("", |n| n.reveal().as_str());
    let raw = party.raw.reveal();
    out.bytes(1, e164.as_bytes());
    if raw != e164 {
        out.present_bytes(2, raw.as_bytes());
    }
    if let Some(display) = &party.display {
        out.present_bytes(3, display.reveal().as_bytes());
    }
    out.bytes(4, party.masked.as_bytes());
    out.bytes(5, &party.number_ref.0);
}

pub(super) fn code<T: Named>(member: T) -> u64 {
    member.code().into()
}

pub(super) fn code_of<T: Named>(member: Option<T>) -> u64 {
    member.map_or(0, code)
}
