//! Agents and commands, both ways.

use super::decode::{DecodeError, bad, call_id, named, party, wall};
use super::encode::{party_to_pb, to_u32};
use super::{DeskFrame, View, pb};
use crate::model::{Agent, AgentSettings, Command, CommandError, LegId, Named, Pos, Wall};
use std::sync::Arc;

/// An agent. There is no personal data of callers in it: every view is the same.
pub fn agent_to_pb(agent: &Agent) -> pb::Agent {
    pb::Agent {
        id: agent.who.id.to_string(),
        rev: to_u32(agent.rev),
        name: agent.who.name.clone(),
        team: agent.who.team.clone(),
        skills: agent.who.skills.clone(),
        device: agent.who.device.clone(),
        pbx: agent.who.pbx.clone(),
        queues: agent.who.queues.clone(),
        state: agent.state.name().to_owned(),
        since: Some(agent.since.into()),
        pending_state: name_or_empty(agent.pending_state),
        reason: agent.reason.clone(),
        work_mode: agent.work_mode.name().to_owned(),
        wrap_up_deadline: agent.wrap_up_deadline.map(Into::into),
        last_call_id: agent.last_call_id.map(|c| c.to_string()).unwrap_or_default(),
        changed_by: agent.changed_by.name().to_owned(),
        previous_state: name_or_empty(agent.previous_state),
        previous_duration_ms: agent.previous_duration_ms.map(to_u32),
        desk: agent.desk.name().to_owned(),
    }
}

pub(super) fn agent(a: pb::Agent) -> Result<Agent, DecodeError> {
    Ok(Agent {
        who: Arc::new(AgentSettings {
            id: a.id.into(),
            name: a.name,
            team: a.team,
            skills: a.skills,
            device: a.device,
            pbx: a.pbx,
            queues: a.queues,
        }),
        rev: a.rev.into(),
        state: named("agent.state", &a.state)?,
        since: wall("agent.since", a.since)?,
        pending_state: named_opt("agent.pending_state", &a.pending_state)?,
        reason: a.reason,
        work_mode: named("agent.work_mode", &a.work_mode)?,
        wrap_up_deadline: a.wrap_up_deadline.map(Wall::from),
        last_call_id: match a.last_call_id.as_str() {
            "" => None,
            id => Some(call_id("agent.last_call_id", id)?),
        },
        changed_by: named("agent.changed_by", &a.changed_by)?,
        previous_state: named_opt("agent.previous_state", &a.previous_state)?,
        previous_duration_ms: a.previous_duration_ms.map(u64::from),
        desk: named("agent.desk", &a.desk)?,
    })
}

/// A command in a view.
pub fn command_to_pb(command: &Command, view: View) -> pb::Command {
    pb::Command {
        id: command.id.to_string(),
        rev: to_u32(command.rev),
        user: command.user.clone(),
        op: command.op.name().to_owned(),
        call_id: command.call_id.map(|c| c.to_string()).unwrap_or_default(),
        leg: command.leg.map(|l| l.to_string()).unwrap_or_default(),
        agent: command.agent.clone(),
        to: command.to.as_ref().map(|to| party_to_pb(to, view)),
        accepted_at: Some(command.accepted_at.into()),
        not_after: Some(command.not_after.into()),
        status: command.status.name().to_owned(),
        error: command.error.as_ref().map(error_to_pb),
        done_at: command.done_at.map(Into::into),
    }
}

/// What went wrong.
pub fn error_to_pb(error: &CommandError) -> pb::CommandError {
    pb::CommandError {
        code: error.code.name().to_owned(),
        msg: error.msg.clone(),
        sip_status: error.sip_status.map(Into::into),
        q850: error.q850.map(Into::into),
        decision_id: error.decision_id.map(|d| d.to_string()).unwrap_or_default(),
        next_allowed_at: error.next_allowed_at.clone().unwrap_or_default(),
    }
}

/// What the desk that gave a command is told about it.
pub fn result_to_pb(command: &Command, pos: &str) -> pb::CommandResult {
    pb::CommandResult {
        id: command.id.to_string(),
        status: command.status.name().to_owned(),
        pos: pos.to_owned(),
        call_id: command.call_id.map(|c| c.to_string()).unwrap_or_default(),
        err: command.error.as_ref().map(error_to_pb),
    }
}

/// The frame of a command's event: `ack` when it is accepted, `result` when it is done.
pub(super) fn command_frame(pos: Pos, command: &Command) -> DeskFrame {
    let pos = pos.to_string();
    match command.is_done() {
        false => DeskFrame::Ack(pb::Ack { id: command.id.to_string(), pos }),
        true => DeskFrame::Result(result_to_pb(command, &pos)),
    }
}

pub(super) fn command_to_stored(command: &Command) -> pb::StoredCommand {
    let digest = command.digest.to_vec();
    pb::StoredCommand { command: Some(command_to_pb(command, View::Full)), digest }
}

pub(super) fn command(stored: pb::StoredCommand) -> Result<Command, DecodeError> {
    let c = stored.command.ok_or_else(|| bad("command", "absent"))?;
    let digest = <[u8; 32]>::try_from(stored.digest.as_slice());
    Ok(Command {
        id: c.id.parse().map_err(|_| bad("command.id", &c.id))?,
        rev: c.rev.into(),
        user: c.user,
        op: named("command.op", &c.op)?,
        call_id: match c.call_id.as_str() {
            "" => None,
            id => Some(call_id("command.call_id", id)?),
        },
        leg: match c.leg.as_str() {
            "" => None,
            id => Some(LegId(id.parse().map_err(|_| bad("command.leg", id))?)),
        },
        agent: c.agent,
        to: c.to.map(|to| party(Some(to))).transpose()?,
        digest: digest.map_err(|_| bad("command.digest", "not 32 bytes"))?,
        accepted_at: wall("command.accepted_at", c.accepted_at)?,
        not_after: wall("command.not_after", c.not_after)?,
        status: named("command.status", &c.status)?,
        error: c.error.map(error).transpose()?,
        done_at: c.done_at.map(Wall::from),
    })
}

fn error(e: pb::CommandError) -> Result<CommandError, DecodeError> {
    let narrow = |code: Option<u32>, what| {
        code.map(|c| u16::try_from(c).map_err(|_| bad(what, &c))).transpose()
    };
    Ok(CommandError {
        code: named("command.error.code", &e.code)?,
        msg: e.msg,
        sip_status: narrow(e.sip_status, "command.error.sip_status")?,
        q850: e.q850.and_then(|q| u8::try_from(q).ok()),
        decision_id: match e.decision_id.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| bad("command.error.decision_id", id))?),
        },
        next_allowed_at: Some(e.next_allowed_at).filter(|t| !t.is_empty()),
    })
}

fn named_opt<T: Named>(field: &'static str, name: &str) -> Result<Option<T>, DecodeError> {
    if name.is_empty() { Ok(None) } else { named(field, name).map(Some) }
}

fn name_or_empty<T: Named>(member: Option<T>) -> String {
    member.map(|m| m.name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::{
        AgentState, CallId, ChangedBy, CommandCode, CommandId, CommandOp, CommandStatus,
        DecisionId, DeskPresence, Detail, Entity, Event, EventKind, NumberRef, Party, Pii,
        WorkMode,
    };
    use crate::wire::{journal_frame_from_bytes, journal_frame_to_bytes};
    use uuid::Uuid;

    fn full_agent() -> Agent {
        Agent {
            who: Arc::new(AgentSettings {
                id: "alice".into(),
                name: "Alice".into(),
                team: "day".into(),
                skills: vec!["seed".into()],
                device: "PJSIP/1001".into(),
                pbx: "asterisk".into(),
                queues: vec!["support".into(), "orders".into()],
            }),
            rev: 9,
            state: AgentState::WorkingAfterCall,
            since: Wall(1_763_863_200_000_001),
            pending_state: Some(AgentState::NotReady),
            reason: "lunch".into(),
            work_mode: WorkMode::Acw,
            wrap_up_deadline: Some(Wall(1_763_863_230_000_001)),
            last_call_id: Some(CallId(Uuid::from_u128(1))),
            changed_by: ChangedBy::System,
            previous_state: Some(AgentState::Busy),
            previous_duration_ms: Some(61_000),
            desk: DeskPresence::Online,
        }
    }

    fn full_command() -> Command {
        Command {
            id: CommandId(Uuid::from_u128(7)),
            rev: 2,
            user: "alice".into(),
            op: CommandOp::CallDial,
            call_id: Some(CallId(Uuid::from_u128(8))),
            leg: Some(LegId(2)),
            agent: "alice".into(),
            to: Some(Party {
                e164: None,
                raw: Pii::new("0100".into()),
                display: None,
                masked: "0100".into(),
                number_ref: NumberRef([3; 16]),
            }),
            digest: [5; 32],
            accepted_at: Wall(1),
            not_after: Wall(5_000_001),
            status: CommandStatus::Failed,
            error: Some(CommandError {
                code: CommandCode::PolicyDenied,
                msg: "rule night".into(),
                sip_status: Some(403),
                q850: Some(21),
                decision_id: Some(DecisionId(Uuid::from_u128(9))),
                next_allowed_at: Some("2026-11-24T08:00:00+08:00".into()),
            }),
            done_at: Some(Wall(2)),
        }
    }

    #[test]
    fn what_the_journal_says_of_agents_and_commands_is_read_back_whole() {
        let caused = Detail {
            caused_by: Some(Box::new(CommandId(Uuid::from_u128(7)))),
            ..Detail::default()
        };
        let event = |pos, kind, entity, detail| Event {
            pos: Pos(pos),
            ts: Wall(1_763_863_200_000_000),
            kind,
            entity,
            detail,
        };
        let (agent, command) = (Box::new(full_agent()), Box::new(full_command()));
        let events = vec![
            event(1, EventKind::AgentWorkingAfterCall, Entity::Agent(agent), caused),
            event(2, EventKind::CommandDone, Entity::Command(command), Detail::default()),
        ];
        let read = journal_frame_from_bytes(&journal_frame_to_bytes(&events)).unwrap();
        assert_eq!(read, events);
    }

    #[test]
    fn a_masked_command_does_not_show_its_number() {
        let text = serde_json::to_string(&command_to_pb(&full_command(), View::Masked)).unwrap();
        assert!(!text.contains("\"raw\""), "{text}");
        assert!(text.contains("\"code\":\"POLICY_DENIED\""), "{text}");
    }
}
