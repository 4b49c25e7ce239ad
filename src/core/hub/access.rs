//! Who may see what. Deny by default: what no arm allows is refused.

use crate::model::{Call, Entity, Event, Named};
use crate::wire::View;
use std::collections::BTreeSet;

/// What a token's holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A person at a desk: own calls, masked.
    Agent,
    /// All calls of the site, full.
    Supervisor,
    /// A program (CRM, recorder): all calls of the site, full.
    Service,
    /// Lines and health: all calls of the site, masked.
    Ops,
    /// All calls of the site, full.
    Auditor,
}

impl Named for Role {
    const TABLE: &'static [(Self, &'static str)] = &[
        (Self::Agent, "agent"),
        (Self::Supervisor, "supervisor"),
        (Self::Service, "service"),
        (Self::Ops, "ops"),
        (Self::Auditor, "auditor"),
    ];
}

impl Role {
    /// The widest view of telephone numbers this role may have.
    fn view_max(self) -> View {
        match self {
            Self::Agent | Self::Ops => View::Masked,
            Self::Supervisor | Self::Service | Self::Auditor => View::Full,
        }
    }

    fn allows(self, topic: Topic) -> bool {
        match (self, topic) {
            // Bounded by the devices and the agent that the token names.
            (_, Topic::CallsOwn | Topic::AgentSelf) => true,
            (
                Self::Supervisor | Self::Service | Self::Ops | Self::Auditor,
                Topic::SiteCalls
                | Topic::SiteHealth
                | Topic::SiteLines
                | Topic::SiteLinks
                | Topic::SiteAgents,
            ) => true,
            (
                Self::Agent,
                Topic::SiteCalls
                | Topic::SiteHealth
                | Topic::SiteLines
                | Topic::SiteLinks
                | Topic::SiteAgents,
            ) => false,
        }
    }
}

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}

impl Named for Topic {
    const TABLE: &'static [(Self, &'static str)] = &[
        (Self::CallsOwn, "calls:own"),
        (Self::SiteCalls, "site:calls"),
        (Self::SiteHealth, "site:health"),
        (Self::SiteLines, "site:lines"),
        (Self::SiteLinks, "site:links"),
        (Self::AgentSelf, "agent:self"),
        (Self::SiteAgents, "site:agents"),
    ];
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
}

/// A subscription as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubRequest {
    /// Client's id, unique on the socket.
    pub id: String,
    /// Topic name.
    pub topic: String,
    /// View name; empty: the best that the role allows.
    pub view: String,
}

/// A subscription in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Client's id.
    pub id: String,
    /// Topic.
    pub topic: Topic,
    /// View in force.
    pub view: View,
}

/// Why a subscription is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalCode {
    /// Empty or repeated id.
    BadRequest,
    /// The role may not.
    Forbidden,
    /// No such topic.
    NotFound,
    /// Too many subscriptions.
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

/// Judges each request by itself; a refused one does not touch the others.
pub(super) fn authorise(
    who: &Principal,
    requests: &[SubRequest],
    subs_max: usize,
) -> (Vec<Grant>, Vec<Refusal>) {
    let mut grants: Vec<Grant> = Vec::new();
    let mut refusals = Vec::new();
    for request in requests {
        let seen = grants.iter().any(|g| g.id == request.id);
        match grant(who, request, seen, grants.len() >= subs_max) {
            Ok(grant) => grants.push(grant),
            Err((code, msg)) => refusals.push(Refusal { id: request.id.clone(), code, msg }),
        }
    }
    (grants, refusals)
}

fn grant(
    who: &Principal,
    request: &SubRequest,
    seen: bool,
    full: bool,
) -> Result<Grant, (RefusalCode, &'static str)> {
    use RefusalCode as C;
    if request.id.is_empty() || seen {
        return Err((C::BadRequest, "a subscription needs an id of its own"));
    }
    if full {
        return Err((C::LimitExceeded, "too many subscriptions on one socket"));
    }
    let topic = Topic::parse_name(&request.topic).ok_or_else(|| unknown_topic(&request.topic))?;
    if !who.role.allows(topic) {
        return Err((C::Forbidden, "the token's role may not watch this topic"));
    }
    let widest = who.role.view_max();
    let view = match request.view.as_str() {
        "" => widest,
        "full" if widest == View::Full => View::Full,
        "full" => return Err((C::Forbidden, "the token's role may not have the full view")),
        "masked" => View::Masked,
        "aggregate" => return Err((C::Unsupported, "this server has no aggregate view")),
        _ => return Err((C::BadRequest, "view is full or masked")),
    };
    Ok(Grant { id: request.id.clone(), topic, view })
}

fn unknown_topic(name: &str) -> (RefusalCode, &'static str) {
    let later = ["team:", "queue:", "line:"].iter().any(|p| name.starts_with(p));
    if later {
        (RefusalCode::Unsupported, "this server does not serve that topic")
    } else {
        (RefusalCode::NotFound, "no such topic")
    }
}

/// Where an event is indexed.
pub(super) enum Label<'a> {
    /// For every device that takes part.
    Call(&'a Call),
    Device(&'a str),
    Site,
    Health,
    Lines,
    Links,
    Agent(&'a str),
    /// Only for this user.
    User(&'a str),
}

pub(super) fn label(event: &Event) -> Label<'_> {
    match &event.entity {
        Entity::Call(call) => Label::Call(call),
        Entity::Decision(decision) => Label::Device(&decision.device),
        Entity::Dnc(_) => Label::Site,
        Entity::System(_) => Label::Health,
        Entity::Line(_) | Entity::Duty(_) => Label::Lines,
        Entity::Link(_) => Label::Links,
        Entity::Agent(agent) => Label::Agent(&agent.who.id),
        Entity::Command(command) => Label::User(&command.user),
    }
}

/// All that one socket may see: its grants folded into one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Devices behind `own`; never an empty name, which would match calls of no known device.
    pub(super) devices: BTreeSet<String>,
    pub(super) own: Option<View>,
    pub(super) site: Option<View>,
    pub(super) health: bool,
    pub(super) lines: bool,
    pub(super) links: bool,
    /// Whose commands it hears of.
    pub(super) user: String,
    /// Agent behind `agent:self`; never an empty name.
    pub(super) agent: Option<String>,
    pub(super) agents: bool,
}

impl Interest {
    pub(super) fn new(who: &Principal, grants: &[Grant]) -> Self {
        let widest = |topic| grants.iter().filter(|g| g.topic == topic).map(|g| g.view).max();
        Self {
            devices: who.devices.iter().filter(|d| !d.is_empty()).cloned().collect(),
            own: widest(Topic::CallsOwn),
            site: widest(Topic::SiteCalls),
            health: widest(Topic::SiteHealth).is_some(),
            lines: widest(Topic::SiteLines).is_some(),
            links: widest(Topic::SiteLinks).is_some(),
            user: who.user.clone(),
            agent: Some(who.agent.clone())
                .filter(|a| !a.is_empty() && widest(Topic::AgentSelf).is_some()),
            agents: widest(Topic::SiteAgents).is_some(),
        }
    }

    /// The view in which this socket gets the event; `None`: it must not see it.
    /// Where several subscriptions match it gets the event once, in the widest of their views.
    pub fn view_of(&self, event: &Event) -> Option<View> {
        match label(event) {
            Label::Call(call) => self.site.max(self.own.filter(|_| self.owns_call(call))),
            Label::Device(device) => self.site.max(self.own.filter(|_| self.owns(device))),
            Label::Site => self.site,
            // No personal data in these.
            Label::Health => self.health.then_some(View::Masked),
            Label::Lines => self.lines.then_some(View::Masked),
            Label::Links => self.links.then_some(View::Masked),
            Label::Agent(id) => {
                let mine = self.agent.as_deref() == Some(id);
                (self.agents || mine).then_some(View::Masked)
            }
            Label::User(user) => (self.user == user).then_some(View::Masked),
        }
    }

    pub(super) fn owns_call(&self, call: &Call) -> bool {
        call.devices().any(|device| self.owns(device))
    }

    pub(super) fn owns(&self, device: &str) -> bool {
        self.own.is_some() && self.devices.contains(device)
    }

    /// Fingerprint of what may be seen. A resume under another one would leave holes (calls that
    /// were live before they became visible), so it starts from a snapshot.
    pub fn scope(&self) -> String {
        use std::hash::Hasher as _;
        let mut text = format!("{:?}|{:?}|{}", self.own, self.site, self.health);
        if self.lines {
            text.push_str("|lines");
        }
        if self.links {
            text.push_str("|links");
        }
        if self.agents {
            text.push_str("|agents");
        }
        if let Some(agent) = &self.agent {
            text.push_str(&format!("|agent:{}:{agent}", agent.len()));
        }
        if self.own.is_some() {
            for device in &self.devices {
                text.push_str(&format!("|{}:{device}", device.len()));
            }
        }
        let mut hasher = siphasher::sip128::SipHasher13::new();
        hasher.write(text.as_bytes());
        format!("{:016x}", hasher.finish())
    }
}
