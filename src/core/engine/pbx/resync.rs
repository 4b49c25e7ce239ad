//! After a link was away: what the PBX has, against what we think it has.

use super::board::{Chan, Place};
use super::report::learnt;
use crate::engine::input::{LinkIx, Outputs, PbxIx};
use crate::engine::writer::Engine;
use crate::model::{CallId, Entity, LegRole, Moment, Now, Repair, TimeQuality};
use crate::pbx::{ChannelEnd, ChannelId, Fact, Observed, Snapshot};
use std::collections::BTreeSet;

impl Engine {
    /// A link is up: a snapshot follows. Another run of the PBX has none of the channels of the
    /// one before; that they are gone is said by its snapshot, so that nothing which is there is
    /// given up because a name was misread.
    pub(super) fn link_up(&mut self, now: Now, ix: PbxIx, link: LinkIx, restarted: bool) {
        let Some(side) = self.link_side(ix, link) else { return };
        side.since = Some(now.mono);
        side.restarted |= restarted;
        let away = std::mem::take(&mut side.away);
        if !away || restarted {
            return;
        }
        let Some(board) = self.boards.get(ix) else { return };
        let calls: BTreeSet<CallId> = board.channels.values().filter_map(Chan::call).collect();
        for call in calls {
            if let Some(entry) = self.table.entry(call) {
                entry.machine.mark_next(Repair::LinkWasAway);
            }
        }
    }

    /// Channels of a run of the PBX that is over.
    fn lose_as_restarted(&mut self, now: Now, ix: PbxIx, gone: Vec<ChannelId>, out: &mut Outputs) {
        let from = out.events.len();
        self.lose(now, ix, gone, out);
        let calls = out.events[from..].iter_mut().filter(|e| matches!(e.entity, Entity::Call(_)));
        for event in calls {
            event.detail.repair = Some(Repair::PbxRestarted);
        }
    }

    /// Channels that ended unseen.
    pub(super) fn lose(&mut self, now: Now, ix: PbxIx, gone: Vec<ChannelId>, out: &mut Outputs) {
        let at = Moment { quality: TimeQuality::Reconciled, ..Moment::own(now) };
        self.boards.learning = Some(true);
        for id in gone {
            let end = ChannelEnd::default();
            self.pbx_fact(now, ix, at, Fact::Ended(id, end), out);
        }
        self.boards.learning = None;
    }

    /// All that the PBX has now.
    pub(super) fn pbx_snapshot(
        &mut self,
        now: Now,
        ix: PbxIx,
        link: LinkIx,
        snapshot: Snapshot,
        out: &mut Outputs,
    ) {
        let side = self.link_side(ix, link);
        let (since, restarted) =
            side.map_or((None, false), |s| (s.since, std::mem::take(&mut s.restarted)));
        let Some(board) = self.boards.get(ix) else { return };
        let there: BTreeSet<&ChannelId> = snapshot.channels.iter().map(|(id, _)| id).collect();
        // What was heard of since the link is up was told by facts, and its end will be.
        let fresh = |c: &Chan| since.is_some_and(|since| c.seen > since);
        let gone: Vec<ChannelId> = board
            .channels
            .iter()
            .filter(|(id, c)| !there.contains(id) && !fresh(c))
            .map(|(id, _)| id.clone())
            .collect();
        let retrieved: Vec<ChannelId> = snapshot
            .channels
            .iter()
            .filter(|(id, facts)| {
                let held = |c: &Chan| c.held.is_some() && !fresh(c);
                board.get(id).is_some_and(held)
                    && !facts.iter().any(|o| matches!(o.fact, Fact::Held(_)))
            })
            .map(|(id, _)| id.clone())
            .collect();
        match restarted {
            true => {
                self.lose_as_restarted(now, ix, gone, out);
                if let Some(board) = self.boards.board(ix) {
                    board.begins_anew();
                }
            }
            false => self.lose(now, ix, gone, out),
        }
        self.boards.learning = Some(false);
        let answered = |o: &Observed| matches!(o.fact, Fact::Answered(_));
        let talking = snapshot.channels.iter().filter(|(_, facts)| facts.iter().any(answered));
        self.boards.talking = talking.map(|(id, _)| id.clone()).collect();
        for (_, facts) in snapshot.channels {
            for observed in facts {
                let at = learnt(now, observed.pbx_time);
                self.pbx_fact(now, ix, at, observed.fact, out);
            }
        }
        for id in retrieved {
            let at = learnt(now, None);
            self.pbx_fact(now, ix, at, Fact::Retrieved(id), out);
        }
        self.boards.learning = None;
        self.boards.talking.clear();
    }

    /// A call of an earlier run: its legs say which channels were theirs.
    pub(in crate::engine) fn pbx_known_again(&mut self, now: Now, call: CallId) {
        let Some(entry) = self.table.get(call) else { return };
        let known = entry.machine.shared();
        for leg in known.legs.iter().filter(|l| l.ended.is_none()) {
            let Some(channel) = &leg.channel else { continue };
            let Some(ix) = self.boards.named(&channel.pbx) else { continue };
            let id = ChannelId(channel.id.clone());
            let at = leg.answered.or(leg.alerting).unwrap_or(known.started);
            let Some(chan) = self.boards.board(ix).and_then(|b| b.ensure(&id, at, now.mono)) else {
                continue;
            };
            (chan.ringing, chan.answered) = (leg.alerting, leg.answered);
            chan.held = leg.held_since;
            let called = leg.id.0 == 1 && leg.role != LegRole::Trunk;
            chan.info.incoming = Some(called);
            self.boards.set_place(ix, &id, Place::Leg(call, leg.id));
        }
    }
}
