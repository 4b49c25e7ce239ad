//! proto -> model, for replay.

use super::line::{duty, line, shift};
use super::pb;
use crate::model::{
    Call, CallId, Cause, Decision, DecisionId, Detail, Dialog, DncEntry, E164, Entity, Event, Leg,
    LegId, Moment, Named, NumberRef, Party, Pii, Pos, RuleVerdict, SystemStatus, Wall,
};
use prost::Message;

/// Why bytes are no journal frame of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Not protobuf.
    #[error("journal frame is no protobuf message: {0}")]
    Protobuf(String),
    /// A field is missing or holds what this version does not know.
    #[error("journal frame: field {field} is missing or unknown ({value})")]
    Field {
        /// Which.
        field: &'static str,
        /// What it held; never personal data.
        value: String,
    },
}

pub(super) fn bad<T: ToString + ?Sized>(field: &'static str, value: &T) -> DecodeError {
    DecodeError::Field { field, value: value.to_string() }
}

pub(super) fn named<T: Named>(field: &'static str, name: &str) -> Result<T, DecodeError> {
    T::parse_name(name).ok_or_else(|| bad(field, name))
}

fn named_opt<T: Named>(field: &'static str, name: &str) -> Result<Option<T>, DecodeError> {
    if name.is_empty() { Ok(None) } else { named(field, name).map(Some) }
}

/// Reads what `journal_frame_to_bytes` wrote.
///
/// # Errors
/// If the bytes are no frame, or one of a version with members that this version does not know.
pub fn journal_frame_from_bytes(bytes: &[u8]) -> Result<Vec<Event>, DecodeError> {
    let frame =
        pb::JournalFrame::decode(bytes).map_err(|e| DecodeError::Protobuf(e.to_string()))?;
    frame.entries.into_iter().map(entry).collect()
}

fn entry(entry: pb::JournalEntry) -> Result<Event, DecodeError> {
    let event = entry.event.ok_or_else(|| bad("event", "absent"))?;
    let dialog = entry.dialog.map(|d| Dialog {
        call_id: d.call_id,
        caller_tag: d.caller_tag,
        callee_tag: d.callee_tag,
    });
    let entity = match event.entity.ok_or_else(|| bad("entity", "absent"))? {
        pb::event::Entity::Call(c) => {
            Entity::Call(Box::new(call(c, dialog.ok_or_else(|| bad("dialog", "absent"))?)?))
        }
        pb::event::Entity::Decision(d) => Entity::Decision(Box::new(decision(d)?)),
        pb::event::Entity::System(s) => Entity::System(SystemStatus {
            state: named("status", &s.status)?,
            reason: s.reason,
            lost: s.lost.into(),
        }),
        pb::event::Entity::Dnc(d) => {
            Entity::Dnc(d.entries.into_iter().map(dnc).collect::<Result<_, _>>()?)
        }
        pb::event::Entity::Line(l) => Entity::Line(Box::new(line(l)?)),
        pb::event::Entity::Duty(d) => Entity::Duty(Box::new(duty(d)?)),
    };
    Ok(Event {
        pos: Pos(event.pos.parse().map_err(|_| bad("pos", &event.pos))?),
        ts: wall("ts", event.ts)?,
        kind: named("k", &event.k)?,
        entity,
        detail: event.d.map(detail).transpose()?.unwrap_or_default(),
    })
}

fn detail(d: pb::Detail) -> Result<Detail, DecodeError> {
    let at = match (d.pbx_time, d.observed_at) {
        (Some(pbx_time), Some(observed_at)) => Some(Moment {
            pbx_time: pbx_time.into(),
            observed_at: observed_at.into(),
            quality: named("d.time_quality", &d.time_quality)?,
        }),
        _ => None,
    };
    Ok(Detail {
        leg: if d.leg.is_empty() { None } else { Some(leg_id(&d.leg)?) },
        sip_status: u16::try_from(d.sip_status).ok().filter(|s| *s != 0),
        at,
        repair: named_opt("d.repair", &d.repair)?,
        shift: d.shift.map(shift).transpose()?.map(Box::new),
    })
}

fn call(c: pb::Call, dialog: Dialog) -> Result<Call, DecodeError> {
    Ok(Call {
        id: call_id("call.id", &c.id)?,
        rev: c.rev.into(),
        tenant: c.tenant,
        site: c.site,
        direction: named("call.direction", &c.direction)?,
        state: named("call.state", &c.state)?,
        purpose: non_empty(c.purpose),
        from: party(c.from)?,
        to: party(c.to)?,
        dialed: party(c.dialed)?,
        trunk: c.trunk,
        device: c.device,
        thread_id: call_id("call.thread_id", &c.thread_id)?,
        dialog,
        started: moment(c.started.ok_or_else(|| bad("call.started", "absent"))?)?,
        alerting: c.alerting.map(moment).transpose()?,
        network_reached: c.network_reached.map(moment).transpose()?,
        answered: c.answered.map(moment).transpose()?,
        ended: c.ended.map(moment).transpose()?,
        ring_ms: c.ring_ms.map(u64::from),
        wait_ms: c.wait_ms.map(u64::from),
        talk_ms: c.talk_ms.map(u64::from),
        hold_ms: c.hold_ms.map(u64::from),
        rings: c.rings,
        answered_in_time: c.answered_in_time,
        service_basis: named("call.service_basis", &c.service_basis)?,
        released_by: named_opt("call.released_by", &c.released_by)?,
        cause: c.cause.map(cause).transpose()?,
        decision_id: decision_id("call.decision_id", &c.decision_id)?,
        legs: c.legs.into_iter().map(leg).collect::<Result<_, _>>()?,
    })
}

fn leg(l: pb::Leg) -> Result<Leg, DecodeError> {
    Ok(Leg {
        id: leg_id(&l.id)?,
        role: named("leg.role", &l.role)?,
        device: l.device,
        state: named("leg.state", &l.state)?,
        alerting_basis: named_opt("leg.alerting_basis", &l.alerting_basis)?,
        since: wall("leg.since", l.since)?,
        alerting: l.alerting.map(moment).transpose()?,
        answered: l.answered.map(moment).transpose()?,
        held_since: l.held_since.map(moment).transpose()?,
        ended: l.ended.map(moment).transpose()?,
        cause: l.cause.map(cause).transpose()?,
    })
}

fn decision(d: pb::Decision) -> Result<Decision, DecodeError> {
    Ok(Decision {
        id: decision_id("decision.id", &d.id)?.ok_or_else(|| bad("decision.id", "empty"))?,
        call_id: if d.call_id.is_empty() {
            None
        } else {
            Some(call_id("decision.call_id", &d.call_id)?)
        },
        verdict: named("decision.verdict", &d.verdict)?,
        rules: d
            .rules
            .into_iter()
            .map(|r| {
                Ok(RuleVerdict {
                    outcome: named("rule.verdict", &r.verdict)?,
                    id: r.id,
                    citation: r.citation,
                    inputs: r.inputs,
                })
            })
            .collect::<Result<_, DecodeError>>()?,
        ruleset: d.ruleset,
        ruleset_hash: d.ruleset_hash,
        calendar_version: d.calendar_version,
        list_version: d.list_version,
        tzdb_version: d.tzdb_version,
        local_time: d.local_time,
        zone: d.zone,
        day_class: named_opt("decision.day_class", &d.day_class)?,
        next_allowed_at: non_empty(d.next_allowed_at),
        purpose: non_empty(d.purpose),
        expires_at: wall("decision.expires_at", d.expires_at)?,
        to: party(d.to)?,
        device: d.device,
    })
}

fn dnc(e: pb::DoNotCallEntry) -> Result<DncEntry, DecodeError> {
    Ok(DncEntry {
        number: party(e.number)?,
        until: non_empty(e.until),
        reason: e.reason,
        asked_at: wall("dnc.asked_at", e.asked_at)?,
        added_by: e.added_by,
    })
}

fn party(p: Option<pb::Party>) -> Result<Party, DecodeError> {
    let p = p.ok_or_else(|| bad("party", "absent"))?;
    let e164 = match p.e164.as_str() {
        "" => None,
        text => Some(Pii::new(E164::parse(text).ok_or_else(|| bad("party.e164", &p.masked))?)),
    };
    Ok(Party {
        e164,
        raw: Pii::new(p.raw),
        display: non_empty(p.display).map(Pii::new),
        masked: p.masked,
        number_ref: NumberRef::parse(&p.r#ref).ok_or_else(|| bad("party.ref", &p.r#ref))?,
    })
}

fn cause(c: pb::Cause) -> Result<Cause, DecodeError> {
    Ok(Cause {
        csta: named("cause.csta", &c.csta)?,
        sip_status: c.sip_status.and_then(|s| u16::try_from(s).ok()),
        q850: c.q850.and_then(|q| u8::try_from(q).ok()),
        text: c.text,
    })
}

fn moment(m: pb::Moment) -> Result<Moment, DecodeError> {
    Ok(Moment {
        pbx_time: wall("moment.pbx_time", m.pbx_time)?,
        observed_at: wall("moment.observed_at", m.observed_at)?,
        quality: named("moment.time_quality", &m.time_quality)?,
    })
}

pub(super) fn wall(field: &'static str, ts: Option<super::Timestamp>) -> Result<Wall, DecodeError> {
    ts.map(Wall::from).ok_or_else(|| bad(field, "absent"))
}

fn leg_id(text: &str) -> Result<LegId, DecodeError> {
    text.parse().map(LegId).map_err(|_| bad("leg.id", text))
}

pub(super) fn call_id(field: &'static str, text: &str) -> Result<CallId, DecodeError> {
    text.parse().map_err(|_| bad(field, text))
}

fn decision_id(field: &'static str, text: &str) -> Result<Option<DecisionId>, DecodeError> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| bad(field, text)) }
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty())
}
