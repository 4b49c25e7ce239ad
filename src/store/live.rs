//! What outlives the process until it is over: calls, lines, control links, running duties, agents, and commands
//! for the day in which they must not be carried out again.

use std::sync::Arc;
use trunkline_core::model::{
    COMMAND_KEPT, CallId, CommandId, Detail, DutyId, DutyState, Entity, Event, EventKind,
    OverrideId, Pos, Wall, uuid_instant,
};

/// Names one of them. Calls have the 16 bytes of their id as key of their row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum LiveKey {
    Call(CallId),
    Line(String),
    Duty(DutyId),
    Link(String),
    Agent(Arc<str>),
    /// Boxed: calls are the most, and theirs is short.
    Command(Box<(String, CommandId)>),
    Override(OverrideId),
}

/// A call, line or duty that is not over.
pub(super) struct Live {
    pos: Pos,
    ts: Wall,
    kind: EventKind,
    /// As its newest event left it. What only the event knew is not kept: nobody asks for it, and
    /// it is larger than the rest.
    pub(super) entity: Entity,
    /// The checkpoint has a row of it.
    pub(super) stored: bool,
    /// It has changed since.
    pub(super) changed: bool,
}

impl Live {
    /// As a row of the checkpoint has it.
    pub(super) fn stored(event: Event) -> Self {
        let Event { pos, ts, kind, entity, .. } = event;
        Self { pos, ts, kind, entity, stored: true, changed: false }
    }

    /// As a first event has it.
    pub(super) fn begun(event: &Event) -> Self {
        let (pos, ts, kind, entity) = (event.pos, event.ts, event.kind, event.entity.clone());
        Self { pos, ts, kind, entity, stored: false, changed: true }
    }

    /// Takes a newer event.
    pub(super) fn change(&mut self, event: &Event) {
        *self = Self { stored: self.stored, ..Self::begun(event) };
    }

    /// What goes into its row.
    pub(super) fn event(&self) -> Event {
        let (pos, ts, kind, entity) = (self.pos, self.ts, self.kind, self.entity.clone());
        Event { pos, ts, kind, entity, detail: Detail::default() }
    }
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
            Entity::Command(command) => {
                Some(Self::Command(Box::new((command.user.clone(), command.id))))
            }
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
            Self::Command(named) => {
                let (user, id) = &**named;
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
            Self::Line(_) | Self::Link(_) | Self::Agent(_) | Self::Command(_) => event.ts,
        }
    }
}

/// Nothing more is expected of it.
pub(super) fn is_over(entity: &Entity) -> bool {
    match entity {
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
pub(super) fn rev_of(entity: &Entity) -> u64 {
    match entity {
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
pub(super) fn has_faded(entity: &Entity, now: Wall) -> bool {
    match entity {
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
