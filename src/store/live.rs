//! What outlives the process until it is over: calls, lines, control links, running duties, agents, and commands
//! for the day in which they must not be carried out again.

use std::sync::Arc;
use trunkline_core::model::{
    COMMAND_KEPT, CallId, CommandId, DutyId, DutyState, Entity, Event, OverrideId, Wall,
    uuid_instant,
};

/// Names one of them. Calls have the 16 bytes of their id as key of their row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum LiveKey {
    Call(CallId),
    Line(String),
    Duty(DutyId),
    Link(String),
    Agent(Arc<str>),
    Command(String, CommandId),
    Override(OverrideId),
}

impl LiveKey {
    /// What an event is about, if that is kept.
    pub(super) fn of(event: &Event) -> Option<Self> {
        match &event.entity {
            Entity::Call(call) => Some(Self::Call(call.id)),
            Entity::Line(line) => Some(Self::Line(line.id.clone())),
            Entity::Duty(duty) => Some(Self::Duty(duty.id)),
            Entity::Link(link) => Some(Self::Link(link.id.clone())),
            Entity::Agent(agent) => Some(Self::Agent(agent.who.id.clone())),
            Entity::Command(command) => Some(Self::Command(command.user.clone(), command.id)),
            Entity::Override(one) => Some(Self::Override(one.id)),
            Entity::Decision(_)
            | Entity::Dnc(_)
            | Entity::System(_)
            | Entity::Shadow(_)
            | Entity::Claims(_) => None,
        }
    }

    /// Key of its row.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Call(id) => id.0.as_bytes().to_vec(),
            Self::Line(name) => [b"line/", name.as_bytes()].concat(),
            Self::Duty(id) => [b"duty/".as_slice(), id.0.as_bytes()].concat(),
            Self::Link(id) => [b"link/", id.as_bytes()].concat(),
            Self::Agent(name) => [b"agent/", name.as_bytes()].concat(),
            Self::Override(id) => [b"over/".as_slice(), id.0.as_bytes()].concat(),
            Self::Command(user, id) => {
                [b"cmd/", id.0.as_bytes().as_slice(), user.as_bytes()].concat()
            }
        }
    }

    /// Instant in the row's head.
    pub(super) fn since(&self, event: &Event) -> Wall {
        match self {
            Self::Call(id) => uuid_instant(id.0),
            Self::Duty(id) => uuid_instant(id.0),
            Self::Override(id) => uuid_instant(id.0),
            Self::Line(_) | Self::Link(_) | Self::Agent(_) | Self::Command(..) => event.ts,
        }
    }
}

/// Nothing more is expected of it.
pub(super) fn is_over(event: &Event) -> bool {
    match &event.entity {
        Entity::Call(call) => call.is_over(),
        Entity::Duty(duty) => duty.state != DutyState::Running,
        Entity::Override(one) => one.is_over(),
        // A command is over by time alone, see `has_faded`.
        Entity::Line(_)
        | Entity::Link(_)
        | Entity::Decision(_)
        | Entity::Dnc(_)
        | Entity::System(_)
        | Entity::Agent(_)
        | Entity::Command(_)
        | Entity::Shadow(_)
        | Entity::Claims(_) => false,
    }
}

/// Revision of the entity: what is older changes nothing.
pub(super) fn rev_of(event: &Event) -> u64 {
    match &event.entity {
        Entity::Call(call) => call.rev,
        Entity::Line(line) => line.rev,
        Entity::Duty(duty) => duty.rev,
        Entity::Link(link) => link.rev,
        Entity::Agent(agent) => agent.rev,
        Entity::Command(command) => command.rev,
        Entity::Override(one) => one.rev,
        Entity::Decision(_)
        | Entity::Dnc(_)
        | Entity::System(_)
        | Entity::Shadow(_)
        | Entity::Claims(_) => 0,
    }
}

/// A command that need not be remembered any more.
pub(super) fn has_faded(event: &Event, now: Wall) -> bool {
    match &event.entity {
        Entity::Command(command) => command.accepted_at.after(COMMAND_KEPT) < now,
        Entity::Call(_)
        | Entity::Line(_)
        | Entity::Duty(_)
        | Entity::Link(_)
        | Entity::Decision(_)
        | Entity::Dnc(_)
        | Entity::System(_)
        | Entity::Agent(_)
        | Entity::Override(_)
        | Entity::Shadow(_)
        | Entity::Claims(_) => false,
    }
}
