//! Requests of our own: probes of lines, one to each of their addresses, and registrations.

use super::input::{Outputs, ProbeAnswer, Tested};
use super::writer::Engine;
use crate::line::LineIx;
use crate::model::{Now, Reply};
use crate::sip::{OwnId, Registration};
use std::time::Duration;

/// Addresses of one line that are probed in one round.
const ENDPOINTS_MAX: usize = 8;

/// What a request of ours is for.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// A probe of this address.
    Probe(LineIx, String),
    /// A registration.
    Register(LineIx),
}

/// A probe of every address of a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    left: usize,
    answers: Vec<ProbeAnswer>,
    /// Operators who wait for its outcome.
    tickets: Vec<u64>,
}

impl Engine {
    fn own_id(&mut self, asked: Asked) -> OwnId {
        self.trunk.next_own += 1;
        let id = OwnId(self.trunk.next_own);
        self.trunk.asked.insert(id, asked);
        id
    }

    /// Probes every address of a line; it lives if one of them does.
    pub(super) fn start_round(
        &mut self,
        now: Now,
        ix: LineIx,
        patience: Duration,
        out: &mut Outputs,
    ) {
        let Some(peer) = self.trunk.peer_of(ix) else { return };
        let endpoints = self.trunk.endpoints.get(&peer).cloned().unwrap_or_default();
        // A round that still waits was given up by the line: its answers count for nobody.
        let old = self.trunk.rounds.remove(&ix).unwrap_or_default();
        self.trunk.asked.retain(|_, asked| !matches!(asked, Asked::Probe(of, _) if *of == ix));
        let left = endpoints.len().min(ENDPOINTS_MAX);
        let round = Round { left, answers: Vec::new(), tickets: old.tickets };
        self.trunk.rounds.insert(ix, round);
        if left == 0 {
            let reply = Reply::Unsent("it has no address yet".to_owned());
            return self.round_is_over(now, ix, reply, out);
        }
        for endpoint in endpoints.into_iter().take(ENDPOINTS_MAX) {
            let id = self.own_id(Asked::Probe(ix, endpoint.to_string()));
            self.core.probe(now, id, peer, &endpoint, patience, &mut self.sip);
        }
    }

    pub(super) fn start_register(
        &mut self,
        now: Now,
        ix: LineIx,
        expires_s: u32,
        out: &mut Outputs,
    ) {
        let registration = self.trunk.registrations.get(ix.0).cloned().flatten();
        let (Some(peer), Some(registration)) = (self.trunk.peer_of(ix), registration) else {
            let reply = Reply::Unsent("no address of record is configured".to_owned());
            return self.with_line(now, ix, out, |line, facts| line.registered(now, &reply, facts));
        };
        let registration = Registration { expires_s, ..registration };
        let id = self.own_id(Asked::Register(ix));
        self.core.register(now, id, peer, &registration, &mut self.sip);
    }

    /// An operator wants to know now. The outcome counts as any probe's does.
    pub(super) fn test_line(&mut self, now: Now, name: &str, ticket: u64, out: &mut Outputs) {
        let Some(ix) = self.trunk.lines.named(name) else {
            out.tested.push(Tested { ticket, answers: Vec::new() });
            return;
        };
        let patience = self.trunk.lines.get(ix).map(|l| l.patience()).unwrap_or_default();
        self.trunk.rounds.entry(ix).or_default().tickets.push(ticket);
        self.start_round(now, ix, patience, out);
    }

    /// A request of ours is over.
    pub(super) fn own_is_over(&mut self, now: Now, id: OwnId, reply: Reply, out: &mut Outputs) {
        match self.trunk.asked.remove(&id) {
            None => {}
            Some(Asked::Register(ix)) => {
                self.with_line(now, ix, out, |line, facts| line.registered(now, &reply, facts));
            }
            Some(Asked::Probe(ix, endpoint)) => {
                let alive = self.is_alive(ix, &reply);
                let Some(round) = self.trunk.rounds.get_mut(&ix) else { return };
                round.answers.push(ProbeAnswer { endpoint, alive, reply });
                round.left = round.left.saturating_sub(1);
                if round.left > 0 {
                    return;
                }
                let best = round.answers.iter().find(|a| a.alive).or(round.answers.last());
                let best = best.map_or(Reply::Silent, |a| a.reply.clone());
                self.round_is_over(now, ix, best, out);
            }
        }
    }

    fn is_alive(&self, ix: LineIx, reply: &Reply) -> bool {
        let probe = self.trunk.lines.get(ix).and_then(|l| l.settings().probe);
        let accepted = probe.unwrap_or_default().alive;
        matches!(reply, Reply::Final { status, .. } if accepted.accepts(*status))
    }

    fn round_is_over(&mut self, now: Now, ix: LineIx, reply: Reply, out: &mut Outputs) {
        let round = self.trunk.rounds.remove(&ix).unwrap_or_default();
        for ticket in round.tickets {
            out.tested.push(Tested { ticket, answers: round.answers.clone() });
        }
        self.with_line(now, ix, out, |line, facts| line.probed(now, &reply, facts));
    }
}
