//! proto -> model, for replay.

use super::agent::{agent, command};
use super::attempt::{place, topic_from_pb};
use super::claim::claim;
use super::dossier::{dossier, pop};
use super::encode::to_u32;
use super::line::{duty, line, shift};
use super::link::link;
use super::overriding::overriding;
use super::pb;
use super::shadow::shadow;
use super::signalling::signalling;
use crate::model::{
    Call, CallId, Cause, Channel, CommandId, Decision, DecisionId, Detail, Dialog, DncEntry,
    DncRemoval, DncScope, E164, Entity, Event, Leg, LegId, Moment, Named, NumberRef, Origin, Party,
    Pii, Pos, RuleVerdict, SystemStatus, Transferred, Waiver, Wall,
};
use prost::Message;
use std::sync::Arc;

/// Why bytes are no frame of ours, of the journal or of a desk.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Not protobuf.
    #[error("no protobuf message: {0}")]
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

pub(super) fn coded<T: Named>(field: &'static str, code: u32) -> Result<T, DecodeError> {
    T::from_code(code).ok_or_else(|| bad(field, &code))
}

pub(super) fn coded_opt<T: Named>(
    field: &'static str,
    code: u32,
) -> Result<Option<T>, DecodeError> {
    if code == 0 { Ok(None) } else { coded(field, code).map(Some) }
}

/// Reads what `journal_frame_to_bytes` wrote.
///
/// # Errors
/// If the bytes are no frame, or one of a version with members that this version does not know.
pub fn journal_frame_from_bytes(bytes: &[u8]) -> Result<Vec<Event>, DecodeError> {
    let frame =
        pb::JournalFrame::decode(bytes).map_err(|e| DecodeError::Protobuf(e.to_string()))?;
    let mut events = Vec::with_capacity(frame.entries.len());
    for entry in frame.entries {
        events.push(event(entry, &events)?);
    }
    Ok(events)
}

fn event(e: pb::JournalEntry, before: &[Event]) -> Result<Event, DecodeError> {
    use pb::journal_entry::Entity as Stored;
    let entity = match e.entity.ok_or_else(|| bad("entity", "absent"))? {
        Stored::Call(c) => Entity::Call(Arc::new(call(c, before)?)),
        Stored::Decision(d) => Entity::Decision(Box::new(decision(d)?)),
        Stored::System(s) => Entity::System(Box::new(SystemStatus {
            state: named("status", &s.status)?,
            reason: s.reason,
            lost: s.lost.into(),
        })),
        Stored::Dnc(d) => Entity::Dnc(d.entries.into_iter().map(dnc).collect::<Result<_, _>>()?),
        Stored::Line(l) => Entity::Line(Box::new(line(l)?)),
        Stored::Duty(d) => Entity::Duty(Box::new(duty(d)?)),
        Stored::Link(l) => Entity::Link(Box::new(link(l)?)),
        Stored::Agent(a) => Entity::Agent(Box::new(agent(a)?)),
        Stored::Command(c) => Entity::Command(Box::new(command(c)?)),
        Stored::Overriding(o) => Entity::Override(Box::new(overriding(o)?)),
        Stored::Shadow(s) => Entity::Shadow(Box::new(shadow(s)?)),
        Stored::Claims(c) => {
            Entity::Claims(c.entries.into_iter().map(claim).collect::<Result<_, _>>()?)
        }
    };
    let detail = Detail {
        leg: e.leg.map(leg_id).transpose()?,
        sip_status: e.sip_status.and_then(|s| u16::try_from(s).ok()),
        at: e.at.map(moment).transpose()?,
        repair: coded_opt("repair", e.repair)?,
        shift: e.shift.map(shift).transpose()?.map(Box::new),
        transfer: match coded_opt("transfer", e.transfer)? {
            None => None,
            Some(kind) => {
                let to_call = call_of("to_call", &e.to_call)?;
                Some(Box::new(Transferred { kind, to_call }))
            }
        },
        digit: match e.digit {
            0 => None,
            code => Some(char::from_u32(code).ok_or_else(|| bad("digit", &code))?),
        },
        key: non_empty(e.key).map(String::into_boxed_str),
        caused_by: match e.caused_by.is_empty() {
            true => None,
            false => Some(Box::new(CommandId(uuid("caused_by", &e.caused_by)?))),
        },
        confirm_by: e.confirm_by.into_iter().map(Arc::from).collect(),
        waiver: e.waiver.map(|w| Box::new(Waiver { by: w.by, reason: w.reason })),
        place: e.place.map(place).transpose()?.map(Box::new),
    };
    Ok(Event { pos: Pos(e.pos), ts: Wall(e.ts_us), kind: coded("kind", e.kind)?, entity, detail })
}

/// What does not change about a call: its own, or that of an entry before it in the frame.
fn origin(c: &mut pb::StoredCall, before: &[Event]) -> Result<Arc<Origin>, DecodeError> {
    if c.origin_back != 0 {
        let back = usize::try_from(c.origin_back).unwrap_or(usize::MAX);
        let known = before.len().checked_sub(back).map(|at| &before[at].entity);
        return match known {
            Some(Entity::Call(call)) => Ok(call.origin.clone()),
            _ => Err(bad("call.origin_back", &c.origin_back)),
        };
    }
    let id = CallId(uuid("call.id", &c.id)?);
    let to = Arc::new(stored_party(c.to.take())?);
    Ok(Arc::new(Origin {
        id,
        tenant: std::mem::take(&mut c.tenant).into(),
        site: std::mem::take(&mut c.site).into(),
        direction: coded("call.direction", c.direction)?,
        purpose: c.purpose.take().map(String::into_boxed_str),
        from: stored_party(c.from.take())?.into(),
        dialed: match c.dialed.take() {
            None => to.clone(),
            dialed => stored_party(dialed)?.into(),
        },
        to,
        device: std::mem::take(&mut c.device).into(),
        thread_id: match c.thread_id.is_empty() {
            true => id,
            false => CallId(uuid("call.thread_id", &c.thread_id)?),
        },
        parent_id: call_of("call.parent_id", &c.parent_id)?,
        signalling: c.signalling.take().map(signalling).transpose()?.map(Box::new),
        started: moment(c.started.take().ok_or_else(|| bad("call.started", "absent"))?)?,
    }))
}

fn call(mut c: pb::StoredCall, before: &[Event]) -> Result<Call, DecodeError> {
    let dossier = dossier(&mut c);
    Ok(Call {
        origin: origin(&mut c, before)?,
        rev: c.rev,
        state: coded("call.state", c.state)?,
        trunk: c.trunk.into(),
        queue: c.queue.map(Arc::from),
        data: c.data.into_iter().map(|v| (v.key, Pii::new(v.value))).collect(),
        dialog: Arc::new(Dialog {
            call_id: c.sip_call_id,
            caller_tag: c.caller_tag,
            callee_tag: c.callee_tag,
        }),
        alerting: c.alerting.map(moment).transpose()?,
        network_reached: c.network_reached.map(moment).transpose()?,
        answered: c.answered.map(moment).transpose()?,
        ended: c.ended.map(moment).transpose()?,
        ring_ms: c.ring_ms.map(to_u32),
        wait_ms: c.wait_ms.map(to_u32),
        talk_ms: c.talk_ms.map(to_u32),
        hold_ms: c.hold_ms.map(to_u32),
        rings: c.rings,
        answered_in_time: c.answered_in_time,
        service_basis: coded("call.service_basis", c.service_basis)?,
        released_by: coded_opt("call.released_by", c.released_by)?,
        cause: c.cause.map(cause).transpose()?,
        decision_id: match c.decision_id.is_empty() {
            true => None,
            false => Some(DecisionId(uuid("call.decision_id", &c.decision_id)?)),
        },
        dossier,
        legs: c.legs.into_iter().map(leg).collect::<Result<_, _>>()?,
    })
}

fn leg(l: pb::StoredLeg) -> Result<Leg, DecodeError> {
    Ok(Leg {
        id: leg_id(l.id)?,
        role: coded("leg.role", l.role)?,
        device: l.device.into(),
        state: coded("leg.state", l.state)?,
        alerting_basis: coded_opt("leg.alerting_basis", l.alerting_basis)?,
        since: Wall(l.since_us),
        alerting: l.alerting.map(moment).transpose()?,
        answered: l.answered.map(moment).transpose()?,
        held_since: l.held_since.map(moment).transpose()?,
        ended: l.ended.map(moment).transpose()?,
        cause: l.cause.map(cause).transpose()?.map(Box::new),
        agent: l.agent.map(Arc::from),
        channel: l.channel.map(|c| Box::new(Channel { pbx: c.pbx.into(), id: c.id.into() })),
        sip_call_id: l.sip_call_id.map(Arc::from),
        pop: l.pop.map(pop).transpose()?,
    })
}

pub(super) fn stored_party(p: Option<pb::StoredParty>) -> Result<Party, DecodeError> {
    let p = p.ok_or_else(|| bad("party", "absent"))?;
    let raw = p.raw.unwrap_or_else(|| p.e164.clone());
    let number_ref = <[u8; 16]>::try_from(p.r#ref.as_slice());
    Ok(Party {
        e164: number(&p.e164, &p.masked)?,
        raw: Pii::new(raw),
        display: p.display.map(Pii::new),
        masked: p.masked,
        number_ref: NumberRef(number_ref.map_err(|_| bad("party.ref", "not 16 bytes"))?),
    })
}

fn number(text: &str, masked: &str) -> Result<Option<Pii<E164>>, DecodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = E164::parse(text).ok_or_else(|| bad("party.e164", masked))?;
    Ok(Some(Pii::new(number)))
}

fn cause(c: pb::StoredCause) -> Result<Cause, DecodeError> {
    Ok(Cause {
        csta: coded("cause.csta", c.csta)?,
        sip_status: c.sip_status.and_then(|s| u16::try_from(s).ok()),
        q850: c.q850.and_then(|q| u8::try_from(q).ok()),
        text: c.text.into(),
    })
}

fn moment(m: pb::StoredMoment) -> Result<Moment, DecodeError> {
    Ok(Moment {
        pbx_time: Wall(m.at_us),
        observed_at: Wall(m.at_us.wrapping_add(m.seen_after_us)),
        quality: coded("moment.quality", m.quality)?,
    })
}

fn leg_id(id: u32) -> Result<LegId, DecodeError> {
    u8::try_from(id).map(LegId).map_err(|_| bad("leg.id", &id))
}

fn call_of(field: &'static str, bytes: &[u8]) -> Result<Option<CallId>, DecodeError> {
    match bytes.is_empty() {
        true => Ok(None),
        false => uuid(field, bytes).map(|id| Some(CallId(id))),
    }
}

pub(super) fn uuid(field: &'static str, bytes: &[u8]) -> Result<uuid::Uuid, DecodeError> {
    uuid::Uuid::from_slice(bytes).map_err(|_| bad(field, "not 16 bytes"))
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
                    id: r.id.into(),
                    citation: r.citation.into(),
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
        topic: d.facts.map(|known| Box::new(topic_from_pb(known))),
    })
}

fn dnc(e: pb::DoNotCallEntry) -> Result<DncEntry, DecodeError> {
    let removal = |r: pb::DoNotCallRemoval| {
        let at = wall("dnc.removed.at", r.at)?;
        Ok(DncRemoval { at, reason: r.reason, by: r.by, approved_by: r.approved_by })
    };
    Ok(DncEntry {
        scope: match e.scope.as_str() {
            "" => DncScope::Number,
            scope => named("dnc.scope", scope)?,
        },
        number: party(e.number)?,
        purpose: non_empty(e.purpose),
        until: non_empty(e.until),
        reason: e.reason,
        source: e.source,
        asked_at: wall("dnc.asked_at", e.asked_at)?,
        added_by: e.added_by,
        removed: e.removed.map(removal).transpose()?,
    })
}

pub(super) fn party(p: Option<pb::Party>) -> Result<Party, DecodeError> {
    let p = p.ok_or_else(|| bad("party", "absent"))?;
    Ok(Party {
        e164: number(&p.e164, &p.masked)?,
        raw: Pii::new(p.raw),
        display: non_empty(p.display).map(Pii::new),
        masked: p.masked,
        number_ref: NumberRef::parse(&p.r#ref).ok_or_else(|| bad("party.ref", &p.r#ref))?,
    })
}

pub(super) fn wall(field: &'static str, ts: Option<super::Timestamp>) -> Result<Wall, DecodeError> {
    ts.map(Wall::from).ok_or_else(|| bad(field, "absent"))
}

pub(super) fn call_id(field: &'static str, text: &str) -> Result<CallId, DecodeError> {
    text.parse().map_err(|_| bad(field, text))
}

pub(super) fn decision_id(
    field: &'static str,
    text: &str,
) -> Result<Option<DecisionId>, DecodeError> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| bad(field, text)) }
}

pub(super) fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty())
}
