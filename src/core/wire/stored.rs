//! model -> what is stored (proto/trunkline/v1/journal.proto).

use super::proto_writer::ProtoWriter;
use super::{View, decision_to_pb, dnc_to_pb, duty_to_pb, line_to_pb, shift_to_pb, system_to_pb};
use crate::model::{Call, Cause, Entity, Event, Leg, Moment, Named, Party};
use prost::Message;

/// Room for an event in a new buffer: most are shorter.
const EVENT_BYTES: usize = 640;

/// Plain text of a journal frame.
pub fn journal_frame_to_bytes(events: &[Event]) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.len() * EVENT_BYTES);
    let mut frame = ProtoWriter::new(&mut out);
    for event in events {
        frame.message(1, |entry| write_event(entry, event));
    }
    out
}

fn write_event(out: &mut ProtoWriter<'_>, event: &Event) {
    out.number(1, event.pos.0);
    out.signed(2, event.ts.0);
    out.number(3, code(event.kind));
    match &event.entity {
        Entity::Call(call) => out.message(4, |out| write_call(out, call)),
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
    }
    let detail = &event.detail;
    out.optional(8, detail.leg.map(|leg| leg.0.into()));
    out.optional(9, detail.sip_status.map(u64::from));
    write_moment(out, 10, detail.at.as_ref());
    out.number(11, code_of(detail.repair));
    if let Some(shift) = &detail.shift {
        out.present_bytes(14, &shift_to_pb(shift).encode_to_vec());
    }
}

fn write_call(out: &mut ProtoWriter<'_>, call: &Call) {
    out.bytes(1, call.id.0.as_bytes());
    out.number(2, call.rev);
    out.number(3, code(call.direction));
    out.number(4, code(call.state));
    out.bytes(5, call.tenant.as_bytes());
    out.bytes(6, call.site.as_bytes());
    if let Some(purpose) = &call.purpose {
        out.present_bytes(7, purpose.as_bytes());
    }
    out.message(8, |out| write_party(out, &call.from));
    out.message(9, |out| write_party(out, &call.to));
    if call.dialed != call.to {
        out.message(10, |out| write_party(out, &call.dialed));
    }
    out.bytes(11, call.trunk.as_bytes());
    out.bytes(12, call.device.as_bytes());
    if call.thread_id != call.id {
        out.bytes(13, call.thread_id.0.as_bytes());
    }
    out.bytes(14, call.dialog.call_id.as_bytes());
    out.bytes(15, call.dialog.caller_tag.as_bytes());
    out.bytes(16, call.dialog.callee_tag.as_bytes());
    write_moment(out, 17, Some(&call.started));
    write_moment(out, 18, call.alerting.as_ref());
    write_moment(out, 19, call.network_reached.as_ref());
    write_moment(out, 20, call.answered.as_ref());
    write_moment(out, 21, call.ended.as_ref());
    out.optional(22, call.ring_ms);
    out.optional(23, call.wait_ms);
    out.optional(24, call.talk_ms);
    out.optional(25, call.hold_ms);
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
    write_cause(out, 11, leg.cause.as_ref());
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

fn write_party(out: &mut ProtoWriter<'_>, party: &Party) {
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

fn code<T: Named>(member: T) -> u64 {
    member.code().into()
}

fn code_of<T: Named>(member: Option<T>) -> u64 {
    member.map_or(0, code)
}
