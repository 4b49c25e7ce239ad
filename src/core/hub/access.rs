//! Who may subscribe to what. Deny by default: what no arm allows is refused.

use super::filter::Filter;
use crate::model::{AgentSettings, Named};
use crate::wire::View;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a token's holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A person at a desk: own calls, masked; figures of own queues.
    Agent,
    /// All calls of the site, full; or those of the teams that the token names.
    Supervisor,
    /// A program (CRM, recorder): all calls of the site, full.
    Service,
    /// Lines and health: all calls of the site, masked.
    Ops,
    /// All calls of the site, full.
    Auditor,
    /// A screen for everybody: figures alone, no entity with a person in it.
    Wallboard,
}

impl Named for Role {
    const TABLE: &'static [(Self, &'static str)] = &[
        (Self::Agent, "agent"),
        (Self::Supervisor, "supervisor"),
        (Self::Service, "service"),
        (Self::Ops, "ops"),
        (Self::Auditor, "auditor"),
        (Self::Wallboard, "wallboard"),
    ];
}

/// How much of an entity a subscription shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantView {
    /// Figures, no entities.
    Aggregate,
    /// Entities; numbers masked.
    Masked,
    /// Entities with everything.
    Full,
}

impl GrantView {
    /// The view that its entities are encoded in; `None`: it shows none.
    pub fn of_entities(self) -> Option<View> {
        match self {
            Self::Aggregate => None,
            Self::Masked => Some(View::Masked),
            Self::Full => Some(View::Full),
        }
    }
}

impl Named for GrantView {
    const TABLE: &'static [(Self, &'static str)] =
        &[(Self::Aggregate, "aggregate"), (Self::Masked, "masked"), (Self::Full, "full")];
}

/// What can be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Calls and decisions of the devices in the token.
    CallsOwn,
    /// Calls, decisions and do-not-call entries of the site.
    SiteCalls,
    /// `system.status`.
    SiteHealth,
    /// Carrier lines, and the duties that their failures start.
    SiteLines,
    /// Control links.
    SiteLinks,
    /// The agent in the token.
    AgentSelf,
    /// All agents.
    SiteAgents,
    /// Calls that wait or waited last in a queue.
    Queue(String),
    /// A carrier line, its duties and its calls.
    Line(String),
    /// The agents of a team and their calls.
    Team(String),
}

impl Topic {
    /// Reads a topic's name.
    pub fn parse(text: &str) -> Option<Self> {
        let named = |id: &str| Some(id.to_owned()).filter(|id| !id.is_empty() && id.len() <= 128);
        match text.split_once(':')? {
            ("calls", "own") => Some(Self::CallsOwn),
            ("site", "calls") => Some(Self::SiteCalls),
            ("site", "health") => Some(Self::SiteHealth),
            ("site", "lines") => Some(Self::SiteLines),
            ("site", "links") => Some(Self::SiteLinks),
            ("agent", "self") => Some(Self::AgentSelf),
            ("site", "agents") => Some(Self::SiteAgents),
            ("queue", id) => named(id).map(Self::Queue),
            ("line", id) => named(id).map(Self::Line),
            ("team", id) => named(id).map(Self::Team),
            _ => None,
        }
    }

    /// It has figures.
    fn is_counted(&self) -> bool {
        matches!(
            self,
            Self::SiteCalls | Self::SiteAgents | Self::Queue(_) | Self::Line(_) | Self::Team(_)
        )
    }
}

/// An authenticated client, as its token describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Token subject.
    pub user: String,
    /// What it is.
    pub role: Role,
    /// Devices it may watch; empty names are ignored.
    pub devices: Vec<String>,
    /// Agent it is; empty: none.
    pub agent: String,
    /// Teams that a supervisor is bound to; empty: not bound.
    pub teams: Vec<String>,
}

impl Principal {
    /// Whether what belongs to this team is within its reach, as far as teams go.
    pub fn reaches_team(&self, team: &str) -> bool {
        self.teams.is_empty() || self.teams.iter().any(|t| !t.is_empty() && t == team)
    }
}

/// A subscription as the client wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubRequest {
    /// Client's id, unique on the socket.
    pub id: String,
    /// Topic name.
    pub topic: String,
    /// View name; empty: the best that the role allows.
    pub view: String,
    /// Lists of the filter by name.
    pub filter: BTreeMap<String, Vec<String>>,
}

/// A subscription in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Client's id.
    pub id: String,
    /// Topic.
    pub topic: Topic,
    /// View in force.
    pub view: GrantView,
    /// What of the topic.
    pub filter: Filter,
}

/// Why a subscription is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalCode {
    /// Empty or repeated id; a view or filter that cannot be read.
    BadRequest,
    /// The role may not.
    Forbidden,
    /// No such topic or subscription.
    NotFound,
    /// Too many subscriptions or values.
    LimitExceeded,
    /// Known to the protocol, not to this server.
    Unsupported,
}

impl Named for RefusalCode {
    const TABLE: &'static [(Self, &'static str)] = &[
        (Self::BadRequest, "BAD_REQUEST"),
        (Self::Forbidden, "FORBIDDEN"),
        (Self::NotFound, "NOT_FOUND"),
        (Self::LimitExceeded, "LIMIT_EXCEEDED"),
        (Self::Unsupported, "UNSUPPORTED"),
    ];
}

/// A subscription that is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Client's id.
    pub id: String,
    /// Why.
    pub code: RefusalCode,
    /// For a person.
    pub msg: &'static str,
}

/// Who works in which team and for which queues.
#[derive(Clone, Debug, Default)]
pub(super) struct Staff(BTreeMap<Arc<str>, AgentSettings>);

impl Staff {
    pub(super) fn new(members: Vec<AgentSettings>) -> Self {
        Self(members.into_iter().map(|m| (m.id.clone(), m)).collect())
    }

    pub(super) fn members(&self, team: &str) -> BTreeSet<String> {
        let of_team = self.0.values().filter(|m| !m.team.is_empty() && m.team == team);
        of_team.map(|m| m.id.to_string()).collect()
    }

    /// Team of an agent.
    pub(super) fn team(&self, agent: &str) -> Option<&str> {
        self.0.get(agent).map(|m| m.team.as_str()).filter(|team| !team.is_empty())
    }

    fn serves(&self, agent: &str, queue: &str) -> bool {
        self.0.get(agent).is_some_and(|m| m.queues.iter().any(|q| q == queue))
    }
}

type Denied = (RefusalCode, &'static str);

/// Judges each request by itself; a refused one does not touch the others.
pub(super) fn authorise(
    who: &Principal,
    requests: &[SubRequest],
    staff: &Staff,
    subs_max: usize,
) -> (Vec<Grant>, Vec<Refusal>) {
    let mut grants: Vec<Grant> = Vec::new();
    let mut refusals = Vec::new();
    for request in requests {
        let seen = grants.iter().any(|g| g.id == request.id);
        match grant(who, request, staff, seen, grants.len() >= subs_max) {
            Ok(grant) => grants.push(grant),
            Err((code, msg)) => refusals.push(Refusal { id: request.id.clone(), code, msg }),
        }
    }
    (grants, refusals)
}

fn grant(
    who: &Principal,
    request: &SubRequest,
    staff: &Staff,
    seen: bool,
    full: bool,
) -> Result<Grant, Denied> {
    use RefusalCode as C;
    if request.id.is_empty() || seen {
        return Err((C::BadRequest, "a subscription needs an id of its own"));
    }
    if full {
        return Err((C::LimitExceeded, "too many subscriptions on one socket"));
    }
    let topic = Topic::parse(&request.topic).ok_or((C::NotFound, "no such topic"))?;
    let view = match request.view.as_str() {
        "" => None,
        name => {
            let unknown = (C::BadRequest, "view is full, masked or aggregate");
            Some(GrantView::parse_name(name).ok_or(unknown)?)
        }
    };
    let widest = widest(who, &topic, staff)?;
    let view = view.unwrap_or(widest);
    if view > widest {
        return Err((C::Forbidden, "the token's role may not have this view"));
    }
    if view == GrantView::Aggregate && !topic.is_counted() {
        return Err((C::Unsupported, "this topic has no figures"));
    }
    if view == GrantView::Aggregate && !request.filter.is_empty() {
        return Err((C::Unsupported, "figures have no filter"));
    }
    let filter = Filter::read(&request.filter, staff)?;
    Ok(Grant { id: request.id.clone(), topic, view, filter })
}

/// The widest view of a topic that the token allows.
fn widest(who: &Principal, topic: &Topic, staff: &Staff) -> Result<GrantView, Denied> {
    use {GrantView as V, Role as R, Topic as T};
    let forbidden = Err((RefusalCode::Forbidden, "the token may not watch this topic"));
    let entities = match who.role {
        R::Agent | R::Ops => V::Masked,
        R::Supervisor | R::Service | R::Auditor => V::Full,
        R::Wallboard => V::Aggregate,
    };
    let bound = !who.teams.is_empty();
    match (who.role, topic) {
        (R::Wallboard, topic) if topic.is_counted() && !bound => Ok(V::Aggregate),
        (R::Wallboard, T::Team(team)) if who.reaches_team(team) => Ok(V::Aggregate),
        (R::Wallboard, _) => forbidden,
        // Bounded by the devices and the agent that the token names.
        (_, T::CallsOwn | T::AgentSelf) => Ok(entities),
        (R::Agent, T::Queue(queue)) if staff.serves(&who.agent, queue) => Ok(V::Aggregate),
        (R::Agent, _) => forbidden,
        // No persons in these.
        (_, T::SiteHealth | T::SiteLines | T::SiteLinks) => Ok(entities),
        (_, T::Team(team)) if who.reaches_team(team) => Ok(entities),
        (_, T::SiteCalls | T::SiteAgents | T::Queue(_) | T::Line(_)) if !bound => Ok(entities),
        (
            R::Supervisor | R::Service | R::Ops | R::Auditor,
            T::SiteCalls | T::SiteAgents | T::Queue(_) | T::Line(_) | T::Team(_),
        ) => forbidden,
    }
}
