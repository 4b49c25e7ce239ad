//! All that one socket may see: its grants as questions that an entity answers.

use super::access::{Grant, GrantView, Principal, Staff, Topic};
use super::boards::{BoardKey, Scope};
use super::filter::Filter;
use super::seen::{Key, KeyKind, Label, Object, Seen};
use crate::model::Event;
use crate::wire::View;
use std::collections::BTreeSet;
use std::hash::Hasher as _;

/// What a subscription reaches, before its filter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// What these devices take part in; never an empty name, which would match calls of no known
    /// device.
    Devices(BTreeSet<String>),
    /// These agents and their calls.
    Team(BTreeSet<String>),
    /// These agents alone.
    Agents(BTreeSet<String>),
    Queue(String),
    Line(String),
    SiteCalls,
    SiteHealth,
    SiteLines,
    SiteLinks,
    SiteAgents,
}

/// One subscription to entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lens {
    /// Client's id.
    pub(super) id: String,
    reach: Reach,
    filter: Filter,
    /// The view asked for; what has no personal data comes masked.
    pub(super) view: View,
}

impl Lens {
    fn new(who: &Principal, grant: &Grant, view: View, staff: &Staff) -> Self {
        let named = |names: &[String]| names.iter().filter(|n| !n.is_empty()).cloned().collect();
        let reach = match &grant.topic {
            Topic::CallsOwn => Reach::Devices(named(&who.devices)),
            Topic::AgentSelf => Reach::Agents(named(std::slice::from_ref(&who.agent))),
            Topic::Team(team) => Reach::Team(staff.members(team)),
            Topic::Queue(queue) => Reach::Queue(queue.clone()),
            Topic::Line(line) => Reach::Line(line.clone()),
            Topic::SiteCalls => Reach::SiteCalls,
            Topic::SiteHealth => Reach::SiteHealth,
            Topic::SiteLines => Reach::SiteLines,
            Topic::SiteLinks => Reach::SiteLinks,
            Topic::SiteAgents => Reach::SiteAgents,
        };
        Self { id: grant.id.clone(), reach, filter: grant.filter.clone(), view }
    }

    pub(super) fn covers(&self, seen: Seen<'_>) -> bool {
        self.reaches(seen) && self.filter.passes(seen)
    }

    fn reaches(&self, seen: Seen<'_>) -> bool {
        use Seen as S;
        match (&self.reach, seen) {
            (Reach::Devices(devices), S::Call(_) | S::Decision(_)) => {
                seen.has(Label::Device, |device| devices.contains(device))
            }
            (Reach::Team(agents), S::Call(_) | S::Agent(_) | S::Duty(_) | S::Override(_)) => {
                seen.has(Label::Agent, |agent| agents.contains(agent))
            }
            (Reach::Agents(agents), S::Agent(agent)) => agents.contains(&*agent.who.id),
            (Reach::Agents(agents), S::Duty(duty)) => agents.contains(&*duty.agent),
            (Reach::Queue(queue), S::Call(_)) => seen.has(Label::Queue, |q| q == queue),
            (Reach::Line(line), S::Call(_) | S::Line(_) | S::Duty(_)) => {
                seen.has(Label::Line, |l| l == line)
            }
            (Reach::SiteCalls, S::Call(_) | S::Decision(_) | S::Dnc | S::Override(_)) => true,
            (Reach::SiteCalls, S::Shadow | S::Claims) => true,
            (Reach::SiteHealth, S::System(_)) => true,
            (Reach::SiteLines, S::Line(_)) => true,
            // What is due is the line's or an agent's.
            (Reach::SiteLines, S::Duty(duty)) => duty.agent.is_empty(),
            (Reach::SiteAgents, S::Duty(duty)) => !duty.agent.is_empty(),
            (Reach::SiteLinks, S::Link(_)) => true,
            (Reach::SiteAgents, S::Agent(_)) => true,
            _ => false,
        }
    }

    /// Devices whose calls are all that it reaches.
    pub(super) fn devices(&self) -> Option<BTreeSet<&str>> {
        match &self.reach {
            Reach::Devices(devices) => Some(devices.iter().map(String::as_str).collect()),
            _ => None,
        }
    }

    /// What it reaches stays within its reach to the end.
    fn is_lasting(&self) -> bool {
        let site = matches!(
            self.reach,
            Reach::SiteCalls
                | Reach::SiteHealth
                | Reach::SiteLines
                | Reach::SiteLinks
                | Reach::SiteAgents
                | Reach::Agents(_)
        );
        site && self.filter == Filter::default()
    }

    fn keys(&self) -> Vec<Key<'_>> {
        use KeyKind as K;
        match &self.reach {
            Reach::Devices(names) => names.iter().map(|n| (K::Device, n.as_str())).collect(),
            Reach::Team(names) | Reach::Agents(names) => {
                names.iter().map(|n| (K::Agent, n.as_str())).collect()
            }
            Reach::Queue(queue) => vec![(K::Queue, queue)],
            Reach::Line(line) => vec![(K::Line, line)],
            Reach::SiteCalls => vec![(K::Calls, "")],
            Reach::SiteHealth => vec![(K::Health, "")],
            Reach::SiteLines => vec![(K::Lines, "")],
            Reach::SiteLinks => vec![(K::Links, "")],
            Reach::SiteAgents => vec![(K::Agents, "")],
        }
    }
}

/// What an event means to one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It sees the entity, in this view.
    Shown(View),
    /// It saw the entity before and does not any more.
    Gone,
    /// Nothing.
    Unseen,
}

/// All that one socket may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Whose commands it hears of.
    user: String,
    pub(super) lenses: Vec<Lens>,
    /// Figures, by subscription.
    pub(super) boards: Vec<(String, Scope)>,
}

impl Interest {
    pub(super) fn new(who: &Principal, grants: &[Grant], staff: &Staff) -> Self {
        let lens = |g: &Grant| Some(Lens::new(who, g, g.view.of_entities()?, staff));
        let counted = grants.iter().filter(|g| g.view == GrantView::Aggregate);
        Self {
            user: who.user.clone(),
            lenses: grants.iter().filter_map(lens).collect(),
            boards: counted.filter_map(|g| Some((g.id.clone(), Scope::of(&g.topic)?))).collect(),
        }
    }

    /// The view in which this socket gets the event; `None`: it must not see it.
    /// Where several subscriptions match it gets the event once, in the widest of their views.
    pub fn view_of(&self, event: &Event) -> Option<View> {
        self.view(Seen::of(event))
    }

    pub(super) fn view(&self, seen: Seen<'_>) -> Option<View> {
        if let Seen::Command(command) = seen {
            return (command.user == self.user).then_some(View::Masked);
        }
        let widest = self.lenses.iter().filter(|l| l.covers(seen)).map(|l| l.view).max()?;
        Some(if seen.is_personal() { widest } else { View::Masked })
    }

    pub(super) fn judge(&self, after: Seen<'_>, before: Option<&Object>) -> Verdict {
        if let Some(view) = self.view(after) {
            return Verdict::Shown(view);
        }
        let before = before.map(Object::seen).filter(|b| !b.is_over());
        match before.and_then(|b| self.view(b)) {
            Some(_) => Verdict::Gone,
            None => Verdict::Unseen,
        }
    }

    /// A subscription of this id is in force.
    pub(super) fn has(&self, id: &str) -> bool {
        self.lenses.iter().any(|l| l.id == id) || self.boards.iter().any(|(b, _)| b == id)
    }

    /// Subscriptions in force.
    pub(super) fn len(&self) -> usize {
        self.lenses.len() + self.boards.len()
    }

    /// The subscription of this id shows the same in both.
    pub(super) fn is_same(&self, other: &Self, id: &str) -> bool {
        let lens = |i: &Self| i.lenses.iter().find(|l| l.id == id).cloned();
        let board = |i: &Self| i.boards.iter().find(|(b, _)| b == id).cloned();
        self.has(id) && lens(self) == lens(other) && board(self) == board(other)
    }

    /// Each of its subscriptions is in `other` too, so that nothing can be lost.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let same = |a: &Lens, b: &Lens| a.reach == b.reach && a.filter == b.filter;
        self.lenses.iter().all(|a| other.lenses.iter().any(|b| same(a, b)))
    }

    /// It sees every call of these devices.
    pub fn shows_calls_of(&self, devices: &[String]) -> bool {
        let all = |lens: &Lens| match &lens.reach {
            Reach::SiteCalls => true,
            Reach::Devices(names) => devices.iter().all(|d| d.is_empty() || names.contains(d)),
            _ => false,
        };
        let whole = |lens: &&Lens| lens.filter == Filter::default();
        self.lenses.iter().filter(whole).any(all)
    }

    /// Devices and agents, if they are all that it reaches: an agent's desk.
    pub(super) fn names(&self) -> Option<(BTreeSet<&str>, BTreeSet<&str>)> {
        let (mut devices, mut agents) = (BTreeSet::new(), BTreeSet::new());
        for lens in &self.lenses {
            match &lens.reach {
                Reach::Devices(names) => devices.extend(names.iter().map(String::as_str)),
                Reach::Agents(names) => agents.extend(names.iter().map(String::as_str)),
                _ => return None,
            }
        }
        Some((devices, agents))
    }

    /// Nothing that it sees can leave it but by ending.
    pub(super) fn is_lasting(&self) -> bool {
        self.lenses.iter().all(Lens::is_lasting)
    }

    /// It watches this board.
    pub(super) fn counts(&self, key: &BoardKey) -> bool {
        self.boards.iter().any(|(_, scope)| scope.covers(key))
    }

    /// Where events for it are indexed, each once.
    pub(super) fn keys(&self) -> Vec<Key<'_>> {
        let mut keys: Vec<_> = self.lenses.iter().flat_map(Lens::keys).collect();
        keys.push((KeyKind::User, &self.user));
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// It sees all calls: an index would save nothing.
    pub(super) fn is_wide(&self) -> bool {
        self.lenses.iter().any(|l| l.reach == Reach::SiteCalls)
    }

    /// Fingerprint of what may be seen. A resume under another one would leave holes (calls that
    /// were live before they became visible), so it starts from a snapshot.
    pub fn scope(&self) -> String {
        let text = |l: &Lens| format!("{:?}|{:?}|{}", l.view, l.reach, l.filter.text());
        let mut texts: Vec<String> = self.lenses.iter().map(text).collect();
        texts.extend(self.boards.iter().map(|(_, scope)| format!("{scope:?}")));
        texts.sort_unstable();
        texts.dedup();
        let mut hasher = siphasher::sip128::SipHasher13::new();
        for text in &texts {
            hasher.write(&text.len().to_le_bytes());
            hasher.write(text.as_bytes());
        }
        format!("{:016x}", hasher.finish())
    }
}
