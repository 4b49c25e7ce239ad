//! A hub, a log, and clients that come and go, change what they watch, and renew their tokens.

use super::client::{Client, Phase, Wish};
use super::log::{Log, epoch, name_of, shown, staff};
use super::oracle::{allowed, sees, sums};
use crate::hub::*;
use crate::model::*;
use crate::wire::{Codec, pb};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub(super) struct World {
    pub(super) hub: Hub,
    pub(super) log: Log,
    pub(super) clients: Vec<Client>,
    pub(super) journal_from: u64,
    limits: HubLimits,
    /// Head when the hub began: of calls that were over by then it knows nothing.
    hub_from: u64,
    epochs: u128,
}

impl World {
    pub(super) fn new(limits: HubLimits, clients: Vec<(Principal, Vec<SubRequest>)>) -> Self {
        let mut log = Log::new();
        for n in 0..20 {
            log.push(n, n);
        }
        log.forget_the_over();
        let hub = start(&log, limits);
        let hub_from = log.head();
        // Every second pair is of the other codec; every second client takes batches.
        let codec = |at: usize| Codec::ALL[at / 2 % 2];
        let client = |(at, of)| Client { codec: codec(at), ..Client::new(of) };
        let clients = clients.into_iter().enumerate().map(client).collect();
        Self { hub, log, clients, journal_from: 0, limits, hub_from, epochs: 1 }
    }

    pub(super) fn commit(&mut self, specs: &[(u8, u8)]) {
        let events: Vec<_> = specs.iter().map(|(what, pick)| self.log.push(*what, *pick)).collect();
        let batch = Committed { epoch: self.log.epoch, events: events.into() };
        let mut out = Vec::new();
        let mut reset = self.hub.apply_some(&batch, 3, &mut out).unwrap();
        reset.extend(self.hub.apply(&batch, &mut out).unwrap());
        for client in &mut self.clients {
            if reset.contains(&client.slot) {
                client.phase = Phase::Off;
            }
        }
        self.deliver(out);
        let again = self.hub.apply(&batch, &mut Vec::new()).unwrap();
        assert!(again.is_empty() && self.hub.head().0 == self.log.head(), "twice is once");
    }

    fn deliver(&mut self, out: Vec<Delivery>) {
        for Delivery { to, frame } in out {
            let client = self.clients.iter_mut().find(|c| c.slot == to).unwrap();
            assert!(client.phase == Phase::Live, "delivered to one who is not registered");
            client.got.push(frame);
        }
    }

    /// The screens that are ready are told, and have what there is to count.
    pub(super) fn flush(&mut self, all: bool) {
        let mut out = Vec::new();
        let ready = |slot: SlotId| all || slot.0.is_multiple_of(2);
        if self.hub.figures_due() {
            self.hub.flush_figures(ready, &mut out);
        }
        assert!(!all || !self.hub.figures_due());
        for Delivery { to, frame } in out {
            let client = self.clients.iter_mut().find(|c| c.slot == to).unwrap();
            assert!(client.phase == Phase::Live && !frame.is_ev && frame.pos == self.hub.head());
            let value: serde_json::Value = serde_json::from_str(&client.read(&frame)).unwrap();
            let one = std::slice::from_ref(&value);
            for count in value["items"].as_array().map_or(one, |items| items) {
                assert_eq!(count["t"], "count");
                let figures: pb::Figures = serde_json::from_value(count["o"].clone()).unwrap();
                client.take_figures(&figures);
            }
        }
        let there = &self.log.newest;
        let told = |c: &&Client| c.phase == Phase::Live && ready(c.slot);
        for client in self.clients.iter().filter(told) {
            assert_eq!(client.figures, sums(&client.who, &client.subs, there.values()));
        }
    }

    pub(super) fn new_epoch(&mut self) {
        let head = self.log.head();
        self.log.epoch = epoch(self.epochs);
        self.epochs += 1;
        self.log.base = head;
        self.log.events.clear();
        self.commit(&[(14, 0)]);
        assert!(self.clients.iter().all(|c| c.phase == Phase::Off));
    }

    /// The process ends and comes back with what the journal holds: every socket is cut, each
    /// somewhere else, and the hub begins without a ring.
    pub(super) fn restart(&mut self, keeps: &[usize]) {
        (0..self.clients.len()).for_each(|at| self.disconnect(at, keeps[at]));
        assert!(self.hub.is_deserted());
        self.clients.iter_mut().for_each(|client| client.slot = SlotId(u64::MAX));
        self.log.forget_the_over();
        self.hub = start(&self.log, self.limits);
        self.hub_from = self.log.head();
    }

    /// Loses all but the first `keep` frames on the way, as a cut socket does.
    pub(super) fn disconnect(&mut self, at: usize, keep: usize) {
        let client = &mut self.clients[at];
        if client.phase == Phase::Off {
            return;
        }
        if keep < client.got.len() {
            client.got.truncate(keep);
            client.applied = client.got.last().map_or(client.start.unwrap(), |f| f.pos.0);
        }
        client.phase = Phase::Off;
        client.from_journal = None;
        client.resumes = false;
        self.hub.unsubscribe(client.slot);
    }

    pub(super) fn connect(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if client.phase != Phase::Off {
            return;
        }
        let resume = client.start.map(|_| ResumePoint {
            epoch: client.epoch.to_string(),
            pos: Pos(client.applied),
            scope: client.scope.clone(),
        });
        let subscribed =
            self.hub.subscribe(&client.who, &client.subs, resume.as_ref(), client.codec);
        if at.is_multiple_of(2) {
            self.hub.take_batches(subscribed.slot);
        }
        client.slot = subscribed.slot;
        let in_force: Vec<&str> = subscribed.grants.iter().map(|g| g.id.as_str()).collect();
        let may = client.subs.iter().filter(|s| allowed(&client.who, s).is_some());
        assert_eq!(in_force, may.map(|s| s.id.as_str()).collect::<Vec<_>>());
        assert_eq!(subscribed.refusals.len() + in_force.len(), client.subs.len());
        let same_scope = client.scope == subscribed.interest.scope();
        client.scope = subscribed.interest.scope();
        let same = client.epoch == self.log.epoch && resume.is_some();
        client.epoch = subscribed.epoch;
        client.figures.clear();
        client.resumes = false;
        match subscribed.start {
            Start::Replay(step) => {
                assert!(same && same_scope);
                client.resumes = true;
                self.take(at, step);
            }
            Start::Journal { from } => {
                assert!(same && same_scope && from.0 == client.applied);
                if from.0 < self.journal_from {
                    let slot = client.slot;
                    let cut = self.hub.restart(slot, Why::TooOld, resume.as_ref()).unwrap();
                    self.check_gap(at, from.0, &cut);
                    self.snapshot(at, cut, Why::TooOld);
                } else {
                    client.phase = Phase::Catching(from.0);
                    client.from_journal = Some(from.0);
                    client.resumes = true;
                }
            }
            Start::Snapshot(cut) => {
                let why = match (&resume, same, same_scope) {
                    (None, ..) => Why::None,
                    (_, false, _) => Why::Epoch,
                    (_, _, false) => Why::Scope,
                    // More than the end of a replay could list.
                    (_, true, true) => Why::TooOld,
                };
                self.snapshot(at, cut, why);
            }
        }
    }

    fn snapshot(&mut self, at: usize, cut: Cut, why: Why) {
        assert_eq!((cut.why, cut.pos.0), (why, self.log.head()));
        self.check_snapshots(at, &cut.subs);
        self.clients[at].begin(cut.pos.0, cut.live);
    }

    fn check_snapshots(&mut self, at: usize, subs: &[SubSnap]) {
        let client = &mut self.clients[at];
        for sub in subs {
            let request = client.subs.iter().find(|s| s.id == sub.sub).unwrap();
            let one = std::slice::from_ref(request);
            let seen = |e: &&Entity| sees(&client.who, one, e).is_some();
            let over = |e: &&Entity| matches!(e, Entity::Call(call) if call.is_over());
            let there = self.log.newest.values().filter(|e| seen(e) && !over(e));
            let want: BTreeSet<_> = there.map(|e| (name_of(e).unwrap(), rev(e))).collect();
            let name = |kind, id: String| (kind, id);
            let calls = sub.calls.iter().map(|c| (name("call", c.id.to_string()), c.rev));
            let agents = sub.agents.iter().map(|a| (name("agent", a.who.id.to_string()), a.rev));
            let lines = sub.lines.iter().map(|l| (name("line", l.id.clone()), l.rev));
            assert_eq!(calls.chain(agents).chain(lines).collect::<BTreeSet<_>>(), want);
            sub.figures.iter().for_each(|figures| client.take_figures(figures));
        }
    }

    /// Calls that began and ended after `from`, and no others.
    fn check_gap(&self, at: usize, from: u64, cut: &Cut) {
        let client = &self.clients[at];
        for sub in &cut.subs {
            let request = client.subs.iter().find(|s| s.id == sub.sub).unwrap();
            let mut want = BTreeMap::new();
            for event in &self.log.events {
                let Entity::Call(call) = &event.entity else { continue };
                // Calls of the log before the hub's start are known to it as live only.
                let within = self.log.began[&call.id] > from.max(self.hub_from);
                let one = std::slice::from_ref(request);
                if call.is_over() && within && sees(&client.who, one, &event.entity).is_some() {
                    want.insert(call.id, event.pos);
                }
            }
            let mut want: Vec<_> = want.into_iter().map(|(id, pos)| (pos, id)).collect();
            want.sort_unstable();
            let got: Vec<_> = sub.gap.iter().map(|c| c.id).collect();
            assert_eq!(got, want.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
        }
    }

    fn take(&mut self, at: usize, step: Advance) {
        let (newest, head) = (&self.log.newest, self.log.head());
        let client = &mut self.clients[at];
        client.got.extend(step.frames);
        client.phase = match step.state {
            AdvanceState::Live => Phase::Live,
            AdvanceState::More | AdvanceState::Behind => Phase::Catching(step.to.0),
        };
        if let Some(keep) = step.keep {
            assert!(client.from_journal.is_some() && step.to.0 == head);
            let keep: BTreeSet<_> = keep.into_iter().map(|k| (k.kind, k.id)).collect();
            let over = |e: &Entity| matches!(e, Entity::Call(call) if call.is_over());
            let seen = |e: &Entity| !over(e) && sees(&client.who, &client.subs, e).is_some();
            let want = newest.iter().filter(|(_, e)| seen(e)).map(|(name, _)| name.clone());
            assert_eq!(keep, want.collect::<BTreeSet<_>>());
            client.from_journal = None;
        } else if client.phase == Phase::Live {
            // Nothing can have left its sight unseen.
            assert!(client.from_journal.is_none() || client.is_lasting());
            client.from_journal = None;
        }
        if client.phase == Phase::Live && std::mem::take(&mut client.resumes) {
            let figures = self.hub.figures_of(client.slot);
            self.check_snapshots(at, &figures);
            return;
        }
        if step.state == AdvanceState::Behind {
            // The task reads a page of the journal and filters it by the same interest.
            let base = usize::try_from(step.to.0 - self.log.base).unwrap();
            let page: Vec<_> = self.log.events.iter().skip(base).take(7).collect();
            let interest = self.hub.slots[&client.slot].interest.clone();
            for event in &page {
                let (view, codec) = (interest.view_of(event), client.codec);
                client.got.extend(view.map(|v| Frame::encode(event, v, codec)));
                client.unmarked.insert(event.pos.0);
            }
            client.from_journal = Some(step.to.0);
            client.phase = Phase::Catching(page.last().map_or(step.to.0, |e| e.pos.0));
        }
    }

    pub(super) fn step(&mut self, at: usize) {
        let client = &self.clients[at];
        if let Phase::Catching(from) = client.phase {
            let list = client.from_journal.is_some();
            let step = self.hub.advance(client.slot, Pos(from), list).unwrap();
            self.take(at, step);
        }
    }

    /// Another set of subscriptions or another token, in one step if the client is live.
    pub(super) fn change(&mut self, at: usize, change: &Wish) {
        let client = &mut self.clients[at];
        if matches!(client.phase, Phase::Catching(_)) {
            return; // the session reads on first
        }
        let (who_was, subs_were) = (client.who.clone(), client.subs.clone());
        let known = |id: &str| subs_were.iter().any(|s| s.id == id);
        let in_force =
            |id: &str| subs_were.iter().any(|s| s.id == id && allowed(&who_was, s).is_some());
        let mut refused = Vec::new();
        match change {
            Wish::Sub(sub) => {
                let may = allowed(&client.who, sub).is_some() && !in_force(&sub.id);
                if may {
                    client.subs.retain(|s| s.id != sub.id);
                    client.subs.push(sub.clone());
                } else {
                    refused.push(sub.id.clone());
                }
            }
            Wish::Unsub(id) if known(id) => client.subs.retain(|s| s.id != *id),
            Wish::Unsub(id) => refused.push(id.clone()),
            Wish::Refresh(who) => {
                client.who = Principal { user: who_was.user.clone(), ..who.clone() };
                let still = |s: &&SubRequest| allowed(&client.who, s).is_none() && in_force(&s.id);
                refused.extend(client.subs.iter().filter(still).map(|s| s.id.clone()));
            }
        }
        if client.phase != Phase::Live {
            return;
        }
        let (slot, who) = (client.slot, client.who.clone());
        let change = match change {
            Wish::Sub(sub) => self.hub.sub(slot, sub.clone()),
            Wish::Unsub(id) => self.hub.unsub(slot, id),
            Wish::Refresh(_) => self.hub.reauthorise(slot, who),
        };
        let change = change.unwrap();
        self.check_change(at, &who_was, &subs_were, change, &refused);
    }

    fn check_change(
        &mut self,
        at: usize,
        who_was: &Principal,
        subs_were: &[SubRequest],
        change: Change,
        refused: &[String],
    ) {
        assert_eq!(change.pos.0, self.log.head());
        let got: Vec<_> = change.refusals.iter().map(|r| r.id.clone()).collect();
        assert_eq!(got, refused);
        let client = &mut self.clients[at];
        let over = |e: &Entity| matches!(e, Entity::Call(call) if call.is_over());
        let lost = |e: &Entity| {
            !over(e)
                && sees(who_was, subs_were, e).is_some()
                && sees(&client.who, &client.subs, e).is_none()
        };
        let want = self.log.newest.iter().filter(|(_, e)| lost(e)).map(|(name, _)| name.clone());
        let gone: BTreeSet<_> = change.gone.iter().map(|g| (g.kind, g.id.clone())).collect();
        assert_eq!(gone, want.collect::<BTreeSet<_>>());
        // Whatever has come to be seen, or is seen in a wider view, is in one of the snapshots.
        let told: BTreeSet<_> = change.subs.iter().map(|s| s.sub.clone()).collect();
        assert_eq!(told, change.grants.iter().map(|g| g.id.clone()).collect());
        for entity in self.log.newest.values().filter(|e| !over(e)) {
            let view = sees(&client.who, &client.subs, entity);
            if view > sees(who_was, subs_were, entity) {
                let shows =
                    |s: &&SubRequest| sees(&client.who, std::slice::from_ref(*s), entity) == view;
                let mut by = client.subs.iter().filter(shows);
                assert!(by.any(|s| told.contains(&s.id)), "{:?}", name_of(entity));
            }
        }
        client.scope = change.interest.scope();
        // Boards that are watched no longer stay as they are: the client drops them.
        let there = &self.log.newest;
        let now = sums(&client.who, &client.subs, there.values());
        let watched: BTreeSet<_> = now.keys().map(|(kind, id, ..)| (kind, id)).collect();
        client.figures.retain(|(kind, id, ..), _| watched.contains(&(kind, id)));
        self.check_snapshots(at, &change.subs);
        self.clients[at].begin(change.pos.0, change.live);
    }

    /// The sentence: what a client has is the log after its snapshot, filtered.
    pub(super) fn check(&mut self) {
        let head = self.log.head();
        for client in &mut self.clients {
            let upto = match client.phase {
                Phase::Live => head,
                Phase::Catching(to) => to,
                Phase::Off => continue,
            };
            client.applied = upto;
            let start = client.start.unwrap();
            let mut want = Vec::new();
            for event in self.log.events.iter().filter(|e| e.pos.0 > start && e.pos.0 <= upto) {
                let before = self.log.before.get(&event.pos.0);
                let over = |e: &Entity| matches!(e, Entity::Call(call) if call.is_over());
                let seen = |e: &Entity| sees(&client.who, &client.subs, e);
                match seen(&event.entity) {
                    Some(view) => want.push((event.pos, shown(event, view))),
                    None if client.unmarked.contains(&event.pos.0) => {}
                    None if before.is_some_and(|b| !over(b) && seen(b).is_some()) => {
                        let (kind, id) = name_of(&event.entity).unwrap();
                        let why = if over(&event.entity) { "ended" } else { "scope" };
                        let pos = event.pos;
                        want.push((
                            pos,
                            format!(
                                "{{\"t\":\"gone\",\"pos\":\"{pos}\",\"kind\":\"{kind}\",\
                                 \"id\":\"{id}\",\"why\":\"{why}\"}}"
                            ),
                        ));
                    }
                    None => {}
                }
            }
            let got: Vec<_> = client.got.iter().map(|f| (f.pos, client.read(f))).collect();
            assert_eq!(got, want);
        }
    }
}

/// A hub that knows what is there now.
fn start(log: &Log, limits: HubLimits) -> Hub {
    let mut hub = Hub::new(log.epoch, Pos(log.head()), log.open.clone(), limits);
    let (mut agents, mut lines) = (Vec::new(), Vec::new());
    for entity in log.newest.values() {
        match entity {
            Entity::Agent(agent) => agents.push((**agent).clone()),
            Entity::Line(line) => lines.push((**line).clone()),
            _ => {}
        }
    }
    hub.know_agents(agents);
    hub.know_lines(lines, Vec::new());
    hub.know_staff(staff());
    hub
}

fn rev(entity: &Entity) -> u64 {
    match entity {
        Entity::Call(call) => call.rev,
        Entity::Agent(agent) => agent.rev,
        Entity::Line(line) => line.rev,
        _ => 0,
    }
}

/// A resume point of the log's own epoch.
pub(super) fn at(pos: u64, scope: &str) -> ResumePoint {
    ResumePoint { epoch: Epoch(Uuid::from_u128(1)).to_string(), pos: Pos(pos), scope: scope.into() }
}
