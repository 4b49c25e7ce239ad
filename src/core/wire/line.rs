//! Lines and duties, both ways. There is no personal data in them: every view is the same.

use super::decode::{DecodeError, bad, call_id, named, wall};
use super::encode::to_u32;
use super::pb;
use crate::model::{Duty, Line, LineRegistration, Named, ProbeResult, Shift, Wall};

/// A line.
pub fn line_to_pb(line: &Line) -> pb::Line {
    pb::Line {
        id: line.id.clone(),
        rev: to_u32(line.rev),
        role: line.role.name().to_owned(),
        state: line.state.name().to_owned(),
        since: Some(line.since.into()),
        reason: line.reason.clone(),
        last_failure: line.last_failure.clone(),
        order: line.order.name().to_owned(),
        ordered_by: line.ordered_by.clone(),
        registration: line.registration.as_ref().map(|r| pb::LineRegistration {
            state: r.state.name().to_owned(),
            reason: r.reason.clone(),
            expires_at: r.expires_at.map(Into::into),
        }),
        calls_in: line.calls_in,
        calls_out: line.calls_out,
        calls_max: line.calls_max,
        calls_in_max: line.calls_in_max,
        calls_out_max: line.calls_out_max,
        rtt_us: line.rtt_us.map(to_u32),
        probe_failures: line.probe_failures,
        call_failures: line.call_failures,
        next_probe_at: line.next_probe_at.map(Into::into),
        seizures: line.seizures,
        answer_seizure_permille: line.answer_seizure_permille.map(Into::into),
        network_effectiveness_permille: line.network_effectiveness_permille.map(Into::into),
        late_answers: line.late_answers,
        penalty: line.penalty,
        probes: line
            .probes
            .iter()
            .map(|p| pb::LineProbe {
                at: Some(p.at.into()),
                alive: p.alive,
                status: p.status.map(Into::into),
                text: p.text.clone(),
                rtt_us: p.rtt_us.map(to_u32),
            })
            .collect(),
    }
}

/// A duty.
pub fn duty_to_pb(duty: &Duty) -> pb::Duty {
    pb::Duty {
        id: duty.id.to_string(),
        rev: to_u32(duty.rev),
        kind: duty.kind.name().to_owned(),
        subject: duty.subject.clone(),
        started: Some(duty.started.into()),
        due_at: Some(duty.due_at.into()),
        state: duty.state.name().to_owned(),
        met_at: duty.met_at.map(Into::into),
        reason: duty.reason.clone(),
        agent: duty.agent.to_string(),
    }
}

pub(super) fn shift_to_pb(shift: &Shift) -> pb::Shift {
    pb::Shift {
        call_id: shift.call.map(|c| c.to_string()).unwrap_or_default(),
        from: shift.from.clone(),
        to: shift.to.clone(),
        reason: shift.reason.clone(),
    }
}

pub(super) fn shift(s: pb::Shift) -> Result<Shift, DecodeError> {
    let call = match s.call_id.as_str() {
        "" => None,
        id => Some(call_id("shift.call_id", id)?),
    };
    Ok(Shift { call, from: s.from, to: s.to, reason: s.reason })
}

pub(super) fn line(l: pb::Line) -> Result<Line, DecodeError> {
    Ok(Line {
        id: l.id,
        rev: l.rev.into(),
        role: named("line.role", &l.role)?,
        state: named("line.state", &l.state)?,
        since: wall("line.since", l.since)?,
        reason: l.reason,
        last_failure: l.last_failure,
        order: named("line.order", &l.order)?,
        ordered_by: l.ordered_by,
        registration: l.registration.map(registration).transpose()?,
        calls_in: l.calls_in,
        calls_out: l.calls_out,
        calls_max: l.calls_max,
        calls_in_max: l.calls_in_max,
        calls_out_max: l.calls_out_max,
        rtt_us: l.rtt_us.map(u64::from),
        probe_failures: l.probe_failures,
        call_failures: l.call_failures,
        next_probe_at: l.next_probe_at.map(Wall::from),
        seizures: l.seizures,
        answer_seizure_permille: narrow("line.asr", l.answer_seizure_permille)?,
        network_effectiveness_permille: narrow("line.ner", l.network_effectiveness_permille)?,
        late_answers: l.late_answers,
        penalty: l.penalty,
        probes: l.probes.into_iter().map(probe).collect::<Result<_, _>>()?,
    })
}

fn registration(r: pb::LineRegistration) -> Result<LineRegistration, DecodeError> {
    Ok(LineRegistration {
        state: named("registration.state", &r.state)?,
        reason: r.reason,
        expires_at: r.expires_at.map(Wall::from),
    })
}

fn probe(p: pb::LineProbe) -> Result<ProbeResult, DecodeError> {
    Ok(ProbeResult {
        at: wall("probe.at", p.at)?,
        alive: p.alive,
        status: narrow("probe.status", p.status)?,
        text: p.text,
        rtt_us: p.rtt_us.map(u64::from),
    })
}

fn narrow(field: &'static str, value: Option<u32>) -> Result<Option<u16>, DecodeError> {
    value.map(|v| u16::try_from(v).map_err(|_| bad(field, &v))).transpose()
}

pub(super) fn duty(d: pb::Duty) -> Result<Duty, DecodeError> {
    Ok(Duty {
        id: d.id.parse().map_err(|_| bad("duty.id", &d.id))?,
        rev: d.rev.into(),
        kind: named("duty.kind", &d.kind)?,
        subject: d.subject,
        started: wall("duty.started", d.started)?,
        due_at: wall("duty.due_at", d.due_at)?,
        state: named("duty.state", &d.state)?,
        met_at: d.met_at.map(Wall::from),
        reason: d.reason,
        agent: d.agent.into(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::{
        CallId, Detail, DutyId, DutyKind, DutyState, Entity, Event, EventKind, LineOrder, LineRole,
        LineState, Pos, RegistrationState,
    };
    use crate::wire::{journal_frame_from_bytes, journal_frame_to_bytes};
    use uuid::Uuid;

    fn full_line() -> Line {
        Line {
            id: "main".into(),
            rev: 7,
            role: LineRole::Backup,
            state: LineState::OutOfService,
            since: Wall(1_763_863_200_000_001),
            reason: "3 probes failed in a row".into(),
            last_failure: "no answer in 2000 ms".into(),
            order: LineOrder::Drain,
            ordered_by: "uid:0".into(),
            registration: Some(LineRegistration {
                state: RegistrationState::Failed,
                reason: "403 Forbidden".into(),
                expires_at: Some(Wall(1_763_863_300_000_000)),
            }),
            calls_in: 1,
            calls_out: 2,
            calls_max: Some(3),
            calls_in_max: Some(0),
            calls_out_max: None,
            rtt_us: Some(4),
            probe_failures: 5,
            call_failures: 6,
            next_probe_at: Some(Wall(1_763_863_205_000_000)),
            seizures: 8,
            answer_seizure_permille: Some(500),
            network_effectiveness_permille: Some(1000),
            late_answers: 9,
            penalty: 1000,
            probes: vec![ProbeResult {
                at: Wall(1_763_863_200_000_000),
                alive: false,
                status: Some(503),
                text: "503 Service Unavailable".into(),
                rtt_us: Some(1500),
            }],
        }
    }

    #[test]
    fn what_the_journal_says_of_lines_and_duties_is_read_back_whole() {
        let duty = Duty {
            id: DutyId(Uuid::from_u128(5)),
            rev: 2,
            kind: DutyKind::BackupLine,
            subject: "main".into(),
            agent: "alice".into(),
            started: Wall(1),
            due_at: Wall(2),
            state: DutyState::Met,
            met_at: Some(Wall(2)),
            reason: "second is in service".into(),
        };
        let shift = Shift {
            call: Some(CallId(Uuid::from_u128(6))),
            from: "main".into(),
            to: "second".into(),
            reason: "503".into(),
        };
        let detail = Detail { shift: Some(Box::new(shift)), ..Detail::default() };
        let event = |pos, kind, entity, detail| Event {
            pos: Pos(pos),
            ts: Wall(1_763_863_200_000_000),
            kind,
            entity,
            detail,
        };
        let events = vec![
            event(1, EventKind::LineFailover, Entity::Line(Box::new(full_line())), detail),
            event(2, EventKind::DutyMet, Entity::Duty(Box::new(duty)), Detail::default()),
        ];
        let read = journal_frame_from_bytes(&journal_frame_to_bytes(&events)).unwrap();
        assert_eq!(read, events);
    }
}
