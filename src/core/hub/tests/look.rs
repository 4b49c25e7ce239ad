//! One look shows what a socket of the same client would begin with, and nothing else.

use super::client::Client;
use super::log::name_of;
use super::oracle::{allowed, sees, sums};
use super::world::World;
use crate::hub::*;
use crate::model::*;
use crate::wire::{Codec, View};
use std::collections::BTreeSet;

type Names = BTreeSet<(&'static str, String, u64, Option<View>)>;

/// All entities of a snapshot.
fn names(sub: &SubSnap) -> Names {
    let view = sub.view.of_entities();
    let calls = sub.calls.iter().map(|c| ("call", c.id.to_string(), c.rev, view));
    let agents = sub.agents.iter().map(|a| ("agent", a.who.id.to_string(), a.rev, None));
    let lines = sub.lines.iter().map(|l| ("line", l.id.clone(), l.rev, None));
    calls.chain(agents).chain(lines).collect()
}

impl World {
    /// Looks as a client, and walks through all lists by pages of this size.
    pub(super) fn look(&mut self, at: usize, page: usize) {
        let (who, subs) = (self.clients[at].who.clone(), self.clients[at].subs.clone());
        let look = self.hub.look(&who, &subs);
        let socket = self.hub.subscribe(&who, &subs, None, Codec::Json);
        let Start::Snapshot(cut) = &socket.start else { panic!("a snapshot was asked for") };
        assert_eq!(look.sight.scope, socket.interest.scope());
        assert_eq!((look.sight.epoch, look.sight.pos), (socket.epoch, cut.pos));
        assert_eq!(look.sight.grants, socket.grants);
        assert_eq!(look.sight.refusals, socket.refusals);
        for (mine, theirs) in look.subs.iter().zip(&cut.subs) {
            assert_eq!((&mine.sub, mine.view), (&theirs.sub, theirs.view));
            assert_eq!(names(mine), names(theirs));
            assert_eq!(mine.figures, theirs.figures);
            assert!(mine.gap.is_empty());
        }
        assert_eq!(look.subs.len(), cut.subs.len());
        self.hub.unsubscribe(socket.slot);
        let mut screen = Client::new((who.clone(), subs.clone()));
        look.subs.iter().flat_map(|s| &s.figures).for_each(|f| screen.take_figures(f));
        assert_eq!(screen.figures, sums(&who, &subs, self.log.newest.values()));
        self.walk(&who, &subs, page);
        self.ask_for_each(&who, &subs);
    }

    fn walk(&self, who: &Principal, subs: &[SubRequest], page: usize) {
        let over = |e: &Entity| matches!(e, Entity::Call(call) if call.is_over());
        let want: Vec<_> = self
            .log
            .newest
            .iter()
            .filter(|(_, e)| !over(e))
            .filter_map(|(name, e)| Some((name.clone(), sees(who, subs, e)?)))
            .filter(|((kind, _), _)| ["call", "agent", "line"].contains(kind))
            .collect();
        let mut got = Vec::new();
        for kind in ["agent", "call", "line"] {
            let mut after: Option<String> = None;
            loop {
                let found = self.hub.find(who, subs, &pick(kind, Err((after, page))));
                let (rows, more) = (rows(&found.found), found.more);
                assert!(rows.len() == page || (rows.len() < page && !more));
                after = rows.last().map(|((_, id), _)| id.clone());
                got.extend(rows);
                if !more {
                    break;
                }
            }
        }
        assert_eq!(got, want);
    }

    /// By its id an entity is found exactly if it may be seen.
    fn ask_for_each(&self, who: &Principal, subs: &[SubRequest]) {
        for (name, entity) in &self.log.newest {
            if !["call", "agent", "line"].contains(&name.0) {
                continue;
            }
            let found = self.hub.find(who, subs, &pick(name.0, Ok(name.1.clone())));
            let want = sees(who, subs, entity).map(|view| (name.clone(), view));
            assert_eq!(rows(&found.found), Vec::from_iter(want), "{:?}", name_of(entity));
            let may = subs.iter().filter(|s| allowed(who, s).is_some()).count();
            assert_eq!(found.sight.grants.len(), may);
        }
    }
}

type Row = ((&'static str, String), View);

fn rows(found: &Found) -> Vec<Row> {
    let plain = |kind, id: &str| ((kind, id.to_owned()), View::Masked);
    match found {
        Found::Calls(calls) => {
            calls.iter().map(|(c, view)| (("call", c.id.to_string()), *view)).collect()
        }
        Found::Agents(agents) => agents.iter().map(|a| plain("agent", &a.who.id)).collect(),
        Found::Lines(lines) => lines.iter().map(|l| plain("line", &l.id)).collect(),
        Found::Links(links) => links.iter().map(|l| plain("link", &l.id)).collect(),
    }
}

/// One by its name, or a page after a name.
fn pick(kind: &str, which: Result<String, (Option<String>, usize)>) -> Pick {
    let named = match which.clone() {
        Ok(id) => Which::One(id),
        Err((after, max)) => Which::After(after, max),
    };
    match kind {
        "call" => Pick::Calls(match which {
            Ok(id) => Which::One(id.parse().unwrap()),
            Err((after, max)) => Which::After(after.map(|id| id.parse().unwrap()), max),
        }),
        "agent" => Pick::Agents(named),
        _ => Pick::Lines(named),
    }
}
