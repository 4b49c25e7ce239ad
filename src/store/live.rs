//! What outlives the process until it is over: calls, lines, running duties, control links.

use trunkline_core::model::{CallId, DutyId, DutyState, Entity, Event, Wall, uuid_instant};

/// Names one of them. Calls have the 16 bytes of their id as key of their row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum LiveKey {
    Call(CallId),
    Line(String),
    Duty(DutyId),
    Link(String),
}

impl LiveKey {
    /// What an event is about, if that is kept.
    pub(super) fn of(event: &Event) -> Option<Self> {
        match &event.entity {
            Entity::Call(call) => Some(Self::Call(call.id)),
            Entity::Line(line) => Some(Self::Line(line.id.clone())),
            Entity::Duty(duty) => Some(Self::Duty(duty.id)),
            Entity::Link(link) => Some(Self::Link(link.id.clone())),
            Entity::Decision(_) | Entity::Dnc(_) | Entity::System(_) => None,
        }
    }

    /// Key of its row.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Call(id) => id.0.as_bytes().to_vec(),
            Self::Line(name) => [b"line/", name.as_bytes()].concat(),
            Self::Duty(id) => [b"duty/".as_slice(), id.0.as_bytes()].concat(),
            Self::Link(id) => [b"link/", id.as_bytes()].concat(),
        }
    }

    /// Instant in the row's head.
    pub(super) fn since(&self, event: &Event) -> Wall {
        match self {
            Self::Call(id) => uuid_instant(id.0),
            Self::Duty(id) => uuid_instant(id.0),
            Self::Line(_) | Self::Link(_) => event.ts,
        }
    }
}

/// Nothing more is expected of it.
pub(super) fn is_over(event: &Event) -> bool {
    match &event.entity {
        Entity::Call(call) => call.is_over(),
        Entity::Duty(duty) => duty.state != DutyState::Running,
        Entity::Line(_)
        | Entity::Link(_)
        | Entity::Decision(_)
        | Entity::Dnc(_)
        | Entity::System(_) => false,
    }
}

/// Revision of the entity: what is older changes nothing.
pub(super) fn rev_of(event: &Event) -> u64 {
    match &event.entity {
        Entity::Call(call) => call.rev,
        Entity::Line(line) => line.rev,
        Entity::Duty(duty) => duty.rev,
        Entity::Link(link) => link.rev,
        Entity::Decision(_) | Entity::Dnc(_) | Entity::System(_) => 0,
    }
}
