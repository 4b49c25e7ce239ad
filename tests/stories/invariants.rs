//! What holds of every call's events, whatever the story (docs/events.md, docs/links.md).

use std::collections::{BTreeMap, HashMap, HashSet};
use trunkline_core::model::{CallId, Entity, Event, EventKind as K, LegId, Named};

/// What was broken, in words.
pub fn broken(events: &[Event]) -> Vec<String> {
    let mut out = Vec::new();
    let mut once: HashSet<(CallId, LegId, K)> = HashSet::new();
    let mut cleared: HashSet<CallId> = HashSet::new();
    let mut legs: HashMap<CallId, BTreeMap<u16, bool>> = HashMap::new();
    let mut revs: HashMap<CallId, (u64, CallId)> = HashMap::new();
    for event in events {
        let Entity::Call(call) = &event.entity else { continue };
        let kind = event.kind.name();
        if cleared.contains(&call.id) {
            out.push(format!("{kind} after call.cleared"));
        }
        let (rev, thread) = revs.entry(call.id).or_insert((0, call.thread_id));
        if call.rev <= *rev {
            out.push(format!("{kind} does not raise the revision"));
        }
        if call.thread_id != *thread {
            out.push(format!("{kind} changes the thread"));
        }
        *rev = call.rev;
        let known = legs.entry(call.id).or_default();
        for leg in &call.legs {
            known.entry(leg.id.0.into()).or_insert(false);
            let moments = leg.alerting.zip(leg.answered);
            if moments.is_some_and(|(rang, answered)| answered.pbx_time < rang.pbx_time) {
                out.push(format!("leg {} answered before it rang", leg.id.0));
            }
        }
        if let Some(leg) = event.detail.leg {
            let single = [K::CallDelivered, K::CallEstablished, K::CallConnectionCleared];
            if single.contains(&event.kind) && !once.insert((call.id, leg, event.kind)) {
                out.push(format!("{kind} twice for leg {}", leg.0));
            }
            if event.kind == K::CallConnectionCleared {
                known.insert(leg.0.into(), true);
            } else if known.get(&leg.0.into()) == Some(&true) {
                out.push(format!("{kind} for leg {} after its end", leg.0));
            }
        }
        if event.kind == K::CallCleared {
            cleared.insert(call.id);
            let open: Vec<_> = known.iter().filter(|(_, gone)| !**gone).map(|(l, _)| l).collect();
            if !open.is_empty() {
                out.push(format!("call.cleared while legs {open:?} are there"));
            }
        }
    }
    out.extend(legs.keys().filter(|id| !cleared.contains(id)).map(|_| "no call.cleared".into()));
    out
}
