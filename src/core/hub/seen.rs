//! What can be asked about an entity without looking into it: its labels, and where it is indexed.

use crate::model::{
    Agent, AgentState, Call, Command, Decision, Duty, DutyState, Entity, Event, Line, Link, Named,
    Override, SystemStatus,
};
use std::sync::Arc;

/// The entity of an event, or one that the read model holds.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    Call(&'a Call),
    Decision(&'a Decision),
    Dnc,
    Override(&'a Override),
    Shadow,
    Claims,
    System(&'a SystemStatus),
    Line(&'a Line),
    Duty(&'a Duty),
    Link(&'a Link),
    Agent(&'a Agent),
    Command(&'a Command),
}

/// An entity as it was before an event: only what a desk keeps, and can therefore lose.
#[derive(Clone)]
pub(super) enum Object {
    Call(Arc<Call>),
    Agent(Arc<Agent>),
    Line(Arc<Line>),
    Duty(Arc<Duty>),
    Link(Arc<Link>),
}

impl Object {
    pub(super) fn seen(&self) -> Seen<'_> {
        match self {
            Self::Call(call) => Seen::Call(call),
            Self::Agent(agent) => Seen::Agent(agent),
            Self::Line(line) => Seen::Line(line),
            Self::Duty(duty) => Seen::Duty(duty),
            Self::Link(link) => Seen::Link(link),
        }
    }
}

/// A list of subscribers or of positions is kept for each of these (and a name, where it has one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum KeyKind {
    Device,
    Agent,
    User,
    Queue,
    Line,
    Calls,
    Health,
    Lines,
    Links,
    Agents,
}

/// Kinds of keys.
pub(super) const KEY_KINDS: usize = 10;

/// Where an entity is found. Names are never empty but for the kinds that have none.
pub(super) type Key<'a> = (KeyKind, &'a str);

/// A label that filters ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Label {
    Kind,
    Queue,
    Line,
    State,
    Direction,
    Device,
    Agent,
}

impl<'a> Seen<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        match &event.entity {
            Entity::Call(call) => Self::Call(call),
            Entity::Decision(decision) => Self::Decision(decision),
            Entity::Dnc(_) => Self::Dnc,
            Entity::Override(one) => Self::Override(one),
            Entity::Shadow(_) => Self::Shadow,
            Entity::Claims(_) => Self::Claims,
            Entity::System(status) => Self::System(status),
            Entity::Line(line) => Self::Line(line),
            Entity::Duty(duty) => Self::Duty(duty),
            Entity::Link(link) => Self::Link(link),
            Entity::Agent(agent) => Self::Agent(agent),
            Entity::Command(command) => Self::Command(command),
        }
    }

    /// Name of its kind on the wire.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Call(_) => "call",
            Self::Decision(_) => "decision",
            Self::Dnc => "dnc",
            Self::Override(_) => "override",
            Self::Shadow => "shadow",
            Self::Claims => "claims",
            Self::System(_) => "system",
            Self::Line(_) => "line",
            Self::Duty(_) => "duty",
            Self::Link(_) => "link",
            Self::Agent(_) => "agent",
            Self::Command(_) => "command",
        }
    }

    /// Its id on the wire; empty for what no desk keeps.
    pub(super) fn id(self) -> String {
        match self {
            Self::Call(call) => call.id.to_string(),
            Self::Line(line) => line.id.clone(),
            Self::Duty(duty) => duty.id.to_string(),
            Self::Link(link) => link.id.clone(),
            Self::Agent(agent) => agent.who.id.to_string(),
            Self::Decision(_)
            | Self::Dnc
            | Self::Override(_)
            | Self::Shadow
            | Self::Claims
            | Self::System(_)
            | Self::Command(_) => String::new(),
        }
    }

    /// It leaves the lists of desks by itself.
    pub(super) fn is_over(self) -> bool {
        match self {
            Self::Call(call) => call.is_over(),
            Self::Duty(duty) => duty.state != DutyState::Running,
            _ => false,
        }
    }

    /// It can bear a telephone number or a person's name, so the view matters.
    pub(super) fn is_personal(self) -> bool {
        use Seen as S;
        matches!(self, S::Call(_) | S::Decision(_) | S::Dnc | S::Override(_) | S::Claims)
    }

    /// Whether one of its values of `label` is among `wanted`.
    pub(super) fn has(self, label: Label, wanted: impl Fn(&str) -> bool) -> bool {
        match (label, self) {
            (Label::Kind, seen) => wanted(seen.kind()),
            (Label::Queue, Self::Call(call)) => call.queue.as_deref().is_some_and(wanted),
            (Label::Queue, Self::Agent(agent)) => agent.who.queues.iter().any(|q| wanted(q)),
            (Label::Line, Self::Call(call)) => wanted(&call.trunk),
            (Label::Line, Self::Line(line)) => wanted(&line.id),
            (Label::Line, Self::Duty(duty)) => duty.agent.is_empty() && wanted(&duty.subject),
            (Label::State, seen) => seen.state().is_some_and(wanted),
            (Label::Direction, Self::Call(call)) => wanted(call.direction.name()),
            (Label::Device, Self::Call(call)) => call.devices().any(|d| wanted(d)),
            (Label::Device, Self::Decision(decision)) => wanted(&decision.device),
            (Label::Agent, Self::Call(call)) => {
                call.legs.iter().filter_map(|l| l.agent.as_deref()).any(wanted)
            }
            (Label::Agent, Self::Agent(agent)) => wanted(&agent.who.id),
            (Label::Agent, Self::Duty(duty)) => wanted(&duty.agent),
            (Label::Agent, Self::Override(one)) => !one.agent.is_empty() && wanted(&one.agent),
            (Label::Queue | Label::Line | Label::Direction | Label::Device | Label::Agent, _) => {
                false
            }
        }
    }

    fn state(self) -> Option<&'static str> {
        Some(match self {
            Self::Call(call) => call.state.name(),
            Self::System(status) => status.state.name(),
            Self::Line(line) => line.state.name(),
            Self::Duty(duty) => duty.state.name(),
            Self::Link(link) => link.state.name(),
            Self::Agent(agent) => AgentState::name(agent.state),
            Self::Decision(_)
            | Self::Dnc
            | Self::Override(_)
            | Self::Shadow
            | Self::Claims
            | Self::Command(_) => return None,
        })
    }

    /// Adds the keys that are not in `keys` yet. Owners come before watchers of the site.
    pub(super) fn keys(self, keys: &mut Vec<Key<'a>>) {
        use KeyKind as K;
        let mut add = |key: Key<'a>| {
            if !keys.contains(&key) {
                keys.push(key);
            }
        };
        let named = |kind, name: &'a str| (!name.is_empty()).then_some((kind, name));
        match self {
            Self::Call(call) => {
                call.devices().filter_map(|d| named(K::Device, d)).for_each(&mut add);
                let agents = call.legs.iter().filter_map(|l| named(K::Agent, l.agent.as_deref()?));
                agents.for_each(&mut add);
                call.queue
                    .as_deref()
                    .and_then(|q| named(K::Queue, q))
                    .into_iter()
                    .for_each(&mut add);
                named(K::Line, &call.trunk).into_iter().for_each(&mut add);
                add((K::Calls, ""));
            }
            Self::Decision(decision) => {
                named(K::Device, &decision.device).into_iter().for_each(&mut add);
                add((K::Calls, ""));
            }
            Self::Override(one) => {
                named(K::Agent, &one.agent).into_iter().for_each(&mut add);
                add((K::Calls, ""));
            }
            Self::Dnc | Self::Shadow | Self::Claims => add((K::Calls, "")),
            Self::System(_) => add((K::Health, "")),
            Self::Line(line) => {
                named(K::Line, &line.id).into_iter().for_each(&mut add);
                add((K::Lines, ""));
            }
            Self::Duty(duty) if !duty.agent.is_empty() => {
                named(K::Agent, &duty.agent).into_iter().for_each(&mut add);
                add((K::Agents, ""));
            }
            Self::Duty(duty) => {
                named(K::Line, &duty.subject).into_iter().for_each(&mut add);
                add((K::Lines, ""));
            }
            Self::Link(_) => add((K::Links, "")),
            Self::Agent(agent) => {
                named(K::Agent, &agent.who.id).into_iter().for_each(&mut add);
                add((K::Agents, ""));
            }
            Self::Command(command) => {
                named(K::User, &command.user).into_iter().for_each(&mut add);
            }
        }
    }
}
