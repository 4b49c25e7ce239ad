//! One look at the read model: what a subscription would begin with, without subscribing.
//!
//! Who may see what is judged as for a socket, by the same code.

use super::access::{Grant, Principal, Refusal, SubRequest, authorise};
use super::hub::Hub;
use super::interest::Interest;
use super::seen::Seen;
use super::types::SubSnap;
use crate::model::{Agent, Call, CallId, Epoch, Line, Link, Pos};
use crate::wire::View;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a look was taken, and what of the requests was allowed.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Log incarnation.
    pub epoch: Epoch,
    /// Position.
    pub pos: Pos,
    /// Fingerprint of what may be seen: the scope of a socket with the same subscriptions.
    pub scope: String,
    /// Allowed.
    pub grants: Vec<Grant>,
    /// Not allowed.
    pub refusals: Vec<Refusal>,
}

/// The state of several subscriptions at one position.
#[derive(Clone, Debug)]
pub struct Look {
    /// Where.
    pub sight: Sight,
    /// One for each grant.
    pub subs: Vec<SubSnap>,
}

/// Which entities of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which<K> {
    /// This one.
    One(K),
    /// Those with a later id, in the order of their ids.
    After(Option<K>, usize),
}

/// Entities of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Live calls; one that has ended is found by its id as long as it is remembered.
    Calls(Which<CallId>),
    /// Agents.
    Agents(Which<String>),
    /// Carrier lines.
    Lines(Which<String>),
    /// Control links.
    Links(Which<String>),
}

/// Entities that were picked, in the order of their ids.
#[derive(Clone, Debug)]
pub enum Found {
    /// Each in the widest view in which it may be seen.
    Calls(Vec<(Arc<Call>, View)>),
    /// Agents.
    Agents(Vec<Arc<Agent>>),
    /// Carrier lines.
    Lines(Vec<Arc<Line>>),
    /// Control links.
    Links(Vec<Arc<Link>>),
}

/// What came of a pick.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Where.
    pub sight: Sight,
    /// Entities that any of the grants shows.
    pub found: Found,
    /// There are later ones.
    pub more: bool,
}

impl Hub {
    /// What these subscriptions would begin with. Each request may be refused by itself.
    pub fn look(&self, who: &Principal, requests: &[SubRequest]) -> Look {
        let (sight, interest) = self.sight(who, requests);
        Look { sight, subs: self.snapshots(&interest, None, |_| true) }
    }

    /// Entities of one kind that these subscriptions would show, each once.
    pub fn find(&self, who: &Principal, requests: &[SubRequest], pick: &Pick) -> Finding {
        let (sight, interest) = self.sight(who, requests);
        let (found, more) = match pick {
            Pick::Calls(Which::One(id)) => {
                let one = self.calls.one(*id).into_iter().collect();
                (Found::Calls(viewed(one, &interest)), false)
            }
            Pick::Calls(Which::After(after, max)) => {
                let (calls, more) = self.calls_after(&interest, *after, *max);
                (Found::Calls(viewed(calls, &interest)), more)
            }
            Pick::Agents(which) => {
                let shown = |a: &Arc<Agent>| interest.view(Seen::Agent(a)).is_some();
                let all = self.agents.all().filter(|a| shown(a));
                let (agents, more) = by_name(all, which, |a| &a.who.id);
                (Found::Agents(agents), more)
            }
            Pick::Lines(which) => {
                let shown = |l: &Arc<Line>| interest.view(Seen::Line(l)).is_some();
                let (lines, more) =
                    by_name(self.lines.lines().filter(|l| shown(l)), which, |l| &l.id);
                (Found::Lines(lines), more)
            }
            Pick::Links(which) => {
                let shown = |l: &Arc<Link>| interest.view(Seen::Link(l)).is_some();
                let (links, more) =
                    by_name(self.lines.links().filter(|l| shown(l)), which, |l| &l.id);
                (Found::Links(links), more)
            }
        };
        Finding { sight, found, more }
    }

    fn sight(&self, who: &Principal, requests: &[SubRequest]) -> (Sight, Interest) {
        // Nothing is held for whoever looks: the caller bounds the requests.
        let (grants, refusals) = authorise(who, requests, &self.staff, requests.len());
        let interest = Interest::new(who, &grants, &self.staff);
        let (epoch, pos, scope) = (self.epoch(), self.head(), interest.scope());
        (Sight { epoch, pos, scope, grants, refusals }, interest)
    }

    /// The first `max` after this one, and whether there are more: without sorting all of them,
    /// and judging few, because the hub serves nobody else meanwhile.
    fn calls_after<'a>(
        &'a self,
        interest: &Interest,
        after: Option<CallId>,
        max: usize,
    ) -> (Vec<&'a Arc<Call>>, bool) {
        let mut page = BTreeMap::new();
        let mut offer = |id: CallId, call: &'a Arc<Call>| {
            let late =
                page.len() > max && page.last_key_value().is_some_and(|(last, _)| id > *last);
            if late || after.is_some_and(|after| id <= after) {
                return;
            }
            if interest.view(Seen::Call(call)).is_some() {
                page.insert(id, call);
            }
            if page.len() > max + 1 {
                page.pop_last();
            }
        };
        match interest.names() {
            Some((devices, _)) => {
                self.calls.of_devices(&devices).into_iter().for_each(|c| offer(c.id, c));
            }
            None => self.calls.live_with_ids().for_each(|(id, call)| offer(id, call)),
        }
        let more = page.len() > max;
        (page.into_values().take(max).collect(), more)
    }
}

fn viewed(calls: Vec<&Arc<Call>>, interest: &Interest) -> Vec<(Arc<Call>, View)> {
    let viewed = |call: &Arc<Call>| Some((call.clone(), interest.view(Seen::Call(call))?));
    calls.into_iter().filter_map(viewed).collect()
}

/// `all` in the order of their names; says whether there are later ones.
fn by_name<'a, T: 'a>(
    all: impl Iterator<Item = &'a Arc<T>>,
    which: &Which<String>,
    name: impl Fn(&T) -> &str,
) -> (Vec<Arc<T>>, bool) {
    let (wanted, max): (&dyn Fn(&str) -> bool, usize) = match which {
        Which::One(id) => (&move |name| name == id, 1),
        Which::After(None, max) => (&|_| true, *max),
        Which::After(Some(after), max) => (&move |name| name > after.as_str(), *max),
    };
    let mut all = all.filter(|t| wanted(name(t)));
    let page = all.by_ref().take(max).cloned().collect();
    (page, all.next().is_some())
}
