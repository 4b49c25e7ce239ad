//! Calls out that caps and cool-downs count.

use super::{
    Call, CallId, CallTopic, CstaCause, DecisionId, Entity, Event, EventKind, LegRole, NumberRef,
    Wall,
};
use std::sync::Arc;

/// Whom a call that counts for caps was made to, by keys of the do-not-call list's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number.
    pub number: NumberRef,
    /// Customer, where one was named.
    pub customer: Option<NumberRef>,
}

/// A call out that caps and cool-downs count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its decision: one for each place that is taken.
    pub decision: DecisionId,
    /// Its call; `None`: the call was made by a link's order and has another id.
    pub call: Option<CallId>,
    /// When it was decided.
    pub at: Wall,
    /// To whom.
    pub place: Place,
    /// Why.
    pub purpose: Option<String>,
    /// What else was known; its case and customer do not count for caps and are not kept.
    pub topic: CallTopic,
    /// The customer answered.
    pub answered: bool,
    /// What the agent said of it last.
    pub label: Option<Arc<str>>,
}

/// What became of a call that counts for caps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttemptFate {
    /// Still on its way, or nobody answered.
    Dialed,
    /// The customer answered.
    Answered,
    /// Over, and nobody was dialled: it does not count.
    GivenBack,
}

/// What an event says of a call that counts for caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptNote {
    /// It takes a place.
    Taken(Box<Attempt>),
    /// The customer has answered.
    Answered,
    /// The agent's newest word.
    Label(Arc<str>),
    /// Nobody was dialled: its place is free.
    GivenBack,
}

impl AttemptNote {
    /// Everything that an event says, and of which decision. What is told twice is the same.
    pub fn of(event: &Event) -> impl Iterator<Item = (DecisionId, Self)> {
        let notes = match &event.entity {
            Entity::Decision(decision) => [taken(event), None].map(|n| Some((decision.id, n?))),
            Entity::Call(call) => of_call(event.kind, call),
            Entity::Dnc(_)
            | Entity::System(_)
            | Entity::Line(_)
            | Entity::Duty(_)
            | Entity::Link(_)
            | Entity::Agent(_)
            | Entity::Command(_)
            | Entity::Override(_)
            | Entity::Shadow(_)
            | Entity::Claims(_) => [None, None],
        };
        notes.into_iter().flatten()
    }
}

fn taken(event: &Event) -> Option<AttemptNote> {
    let (Entity::Decision(decision), Some(place)) = (&event.entity, &event.detail.place) else {
        return None;
    };
    Some(AttemptNote::Taken(Box::new(Attempt {
        decision: decision.id,
        call: decision.call_id,
        at: event.ts,
        place: **place,
        purpose: decision.purpose.clone(),
        topic: decision.topic.as_deref().cloned().unwrap_or_default(),
        answered: false,
        label: None,
    })))
}

fn of_call(kind: EventKind, call: &Call) -> [Option<(DecisionId, AttemptNote)>; 2] {
    let Some(id) = call.decision_id else { return [None, None] };
    let told = AttemptFate::is_told_by(kind);
    let fate = match AttemptFate::of(call) {
        AttemptFate::Answered if told => Some(AttemptNote::Answered),
        AttemptFate::GivenBack if told => Some(AttemptNote::GivenBack),
        AttemptFate::Dialed | AttemptFate::Answered | AttemptFate::GivenBack => None,
    };
    let label = call.dossier.as_ref().and_then(|dossier| dossier.label.as_ref());
    let label = label.filter(|_| told || kind == EventKind::CallLabelled);
    [fate, label.map(|label| AttemptNote::Label(label.name.clone()))].map(|n| Some((id, n?)))
}

impl AttemptFate {
    /// Kinds of events of a call that can show it first.
    fn is_told_by(kind: EventKind) -> bool {
        use EventKind as K;
        matches!(kind, K::CallEstablished | K::CallResynced | K::CallCleared)
    }

    /// Of a call as it stands. What a restart has hidden counts.
    fn of(call: &Call) -> Self {
        let outside = |role| matches!(role, LegRole::Customer | LegRole::External);
        let mut legs = call.legs.iter().filter(|leg| outside(leg.role)).peekable();
        let nobody = legs.peek().is_none();
        if legs.any(|leg| leg.answered.is_some()) {
            return Self::Answered;
        }
        let cause = call.cause.as_ref();
        let unseen = cause.is_none_or(|cause| cause.csta == CstaCause::LostSync);
        // 401, 407, 422: the carrier asks for more before it dials.
        let asked = cause.and_then(|c| c.sip_status).is_some_and(|s| matches!(s, 401 | 407 | 422));
        match call.is_over() && !unseen && (nobody || asked) {
            true => Self::GivenBack,
            false => Self::Dialed,
        }
    }
}
