//! What the documents say a client may see, in plain words and without an index.

use super::log::staff;
use crate::hub::{Principal, Role, SubRequest};
use crate::model::*;
use crate::wire::View;
use std::collections::{BTreeMap, BTreeSet};

/// The view of a subscription, widest last: 0 figures, 1 masked, 2 full. `None`: refused.
pub(super) fn allowed(who: &Principal, sub: &SubRequest) -> Option<u8> {
    let (kind, id) = sub.topic.split_once(':')?;
    let known = match kind {
        "calls" => id == "own",
        "agent" => id == "self",
        "site" => ["calls", "health", "lines", "links", "agents"].contains(&id),
        "queue" | "line" | "team" => !id.is_empty(),
        _ => false,
    };
    let counted = matches!(kind, "queue" | "line" | "team") || ["calls", "agents"].contains(&id);
    let counted = counted && !matches!(kind, "agent");
    let named = |names: &[String], name: &str| !name.is_empty() && names.iter().any(|n| n == name);
    let bound = !who.teams.is_empty();
    let within = match kind {
        "team" => !bound || named(&who.teams, id),
        "queue" | "line" => !bound,
        "site" if id == "calls" || id == "agents" => !bound,
        _ => true,
    };
    let own = matches!(kind, "calls" | "agent");
    let widest = match who.role {
        Role::Agent if own => 1,
        Role::Agent if kind == "queue" => {
            let me = staff().into_iter().find(|m| *m.id == *who.agent)?;
            if !named(&me.queues, id) {
                return None;
            }
            0
        }
        Role::Agent => return None,
        Role::Wallboard if counted && within => 0,
        Role::Wallboard => return None,
        _ if !within => return None,
        Role::Ops => 1,
        Role::Supervisor | Role::Service | Role::Auditor => 2,
    };
    let view = match sub.view.as_str() {
        "" => widest,
        "aggregate" => 0,
        "masked" => 1,
        "full" => 2,
        _ => return None,
    };
    let names = ["kind", "team", "queue", "line", "trunk", "state", "direction", "device", "agent"];
    let readable = sub.filter.keys().all(|name| names.contains(&name.as_str()))
        && sub.filter.values().all(|list| !list.is_empty());
    let figures = view > 0 || (counted && sub.filter.is_empty());
    (known && readable && figures && view <= widest).then_some(view)
}

fn team_of(agent: &str) -> String {
    staff().into_iter().find(|m| *m.id == *agent).map(|m| m.team).unwrap_or_default()
}

/// All labels of an entity.
fn labels(entity: &Entity) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut all: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let mut put = |label, value: &str| {
        all.entry(label).or_default().insert(value.to_owned());
    };
    match entity {
        Entity::Call(call) => {
            put("kind", "call");
            put("state", call.state.name());
            put("direction", call.direction.name());
            put("line", &call.trunk);
            put("trunk", &call.trunk);
            call.queue.iter().for_each(|q| put("queue", q));
            Some(&call.device).filter(|d| !d.is_empty()).into_iter().for_each(|d| put("device", d));
            for leg in &call.legs {
                if !leg.device.is_empty() {
                    put("device", &leg.device);
                }
                if let Some(agent) = &leg.agent {
                    put("agent", agent);
                    put("team", &team_of(agent));
                }
            }
        }
        Entity::Agent(agent) => {
            put("kind", "agent");
            put("state", agent.state.name());
            put("agent", &agent.who.id);
            put("team", &team_of(&agent.who.id));
            agent.who.queues.iter().for_each(|q| put("queue", q));
        }
        Entity::Decision(decision) => {
            put("kind", "decision");
            put("device", &decision.device);
        }
        Entity::Dnc(_) => put("kind", "dnc"),
        Entity::System(status) => {
            put("kind", "system");
            put("state", status.state.name());
        }
        Entity::Line(line) => {
            put("kind", "line");
            put("state", line.state.name());
            put("line", &line.id);
            put("trunk", &line.id);
        }
        Entity::Command(_) => put("kind", "command"),
        Entity::Override(one) => {
            put("kind", "override");
            put("agent", &one.agent);
            put("team", &team_of(&one.agent));
        }
        Entity::Shadow(_) => put("kind", "shadow"),
        Entity::Claims(_) => put("kind", "claims"),
        Entity::Duty(_) | Entity::Link(_) => unreachable!("none is made"),
    }
    all
}

/// Whether one subscription shows an entity.
fn shows(who: &Principal, sub: &SubRequest, entity: &Entity) -> bool {
    let labels = labels(entity);
    let has = |label: &str, value: &str| {
        !value.is_empty() && labels.get(label).is_some_and(|values| values.contains(value))
    };
    let is = |kinds: &[&str]| kinds.iter().any(|kind| has("kind", kind));
    let (_, id) = sub.topic.split_once(':').unwrap_or_default();
    let topic = match sub.topic.as_str() {
        "calls:own" => is(&["call", "decision"]) && who.devices.iter().any(|d| has("device", d)),
        "agent:self" => is(&["agent"]) && has("agent", &who.agent),
        "site:calls" => is(&["call", "decision", "dnc", "override", "shadow", "claims"]),
        "site:health" => is(&["system"]),
        "site:lines" => is(&["line"]),
        "site:agents" => is(&["agent"]),
        topic if topic.starts_with("queue:") => is(&["call"]) && has("queue", id),
        topic if topic.starts_with("line:") => is(&["call", "line"]) && has("line", id),
        topic if topic.starts_with("team:") => {
            is(&["call", "agent", "override"]) && has("team", id)
        }
        _ => false,
    };
    topic && sub.filter.iter().all(|(label, values)| values.iter().any(|v| has(label, v)))
}

/// The view in which a client sees an entity.
pub(super) fn sees(who: &Principal, subs: &[SubRequest], entity: &Entity) -> Option<View> {
    // Commands are their user's, whatever the user watches.
    if let Entity::Command(command) = entity {
        return (command.user == who.user).then_some(View::Masked);
    }
    let views = subs.iter().filter(|sub| shows(who, sub, entity));
    let best = views.filter_map(|sub| allowed(who, sub)).filter(|view| *view > 0).max()?;
    let plain = !matches!(
        entity,
        Entity::Call(_)
            | Entity::Decision(_)
            | Entity::Dnc(_)
            | Entity::Override(_)
            | Entity::Claims(_)
    );
    Some(if plain || best == 1 { View::Masked } else { View::Full })
}

/// Figures of the boards that a client may see: kind, name, calls or agents, state.
pub(super) type Sums = BTreeMap<(String, String, &'static str, &'static str), u32>;

/// Counts what is there.
pub(super) fn sums<'a>(
    who: &Principal,
    subs: &[SubRequest],
    there: impl Iterator<Item = &'a Entity>,
) -> Sums {
    let mut sums = Sums::new();
    for entity in there {
        let labels = labels(entity);
        let none = BTreeSet::new();
        let of = |label| labels.get(label).unwrap_or(&none).iter().filter(|v| !v.is_empty());
        let (what, state) = match entity {
            Entity::Call(call) if !call.is_over() => ("calls", call.state.name()),
            Entity::Agent(agent) => ("agents", agent.state.name()),
            _ => continue,
        };
        let mut boards = vec![("site", String::new())];
        for kind in ["queue", "line", "team"] {
            boards.extend(of(kind).map(|name| (kind, name.clone())));
        }
        for (kind, name) in boards {
            let covers = |sub: &&SubRequest| match sub.topic.as_str() {
                "site:calls" => kind != "team",
                "site:agents" => kind == "site" || kind == "team",
                topic => topic == format!("{kind}:{name}"),
            };
            if subs.iter().filter(covers).any(|sub| allowed(who, sub) == Some(0)) {
                *sums.entry((kind.into(), name, what, state)).or_default() += 1;
            }
        }
    }
    sums
}
