//! Lines in the engine: facts become events, duties and requests.

use super::input::{LineConfig, Outputs};
use super::writer::Engine;
use crate::duty::Duties;
use crate::line::{LineFact, LineIx, LineMachine, Lines, NoLine, Way};
use crate::model::{
    Detail, Duty, DutyKind, Entity, EventKind, Line, LineOrder, LineRole, LineState, Mono, Named,
    Now, Shift,
};
use crate::sip::{Endpoint, OwnId, PeerId, Registration};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::probing::{Asked, Round};

/// The lines and what the engine remembers beside them.
#[derive(Default)]
pub(super) struct Trunk {
    pub(super) lines: Lines,
    /// By place in `lines`.
    pub(super) peers: Vec<PeerId>,
    pub(super) registrations: Vec<Option<Registration>>,
    pub(super) endpoints: HashMap<PeerId, Vec<Endpoint>>,
    pub(super) asked: HashMap<OwnId, Asked>,
    pub(super) rounds: BTreeMap<LineIx, Round>,
    pub(super) next_own: u64,
    duties: Duties,
    /// Lines whose failure has started a duty, until they are in service again: a line that flaps
    /// is one incident.
    incidents: BTreeSet<LineIx>,
    deadline: Option<Mono>,
    pub(super) facts: Vec<LineFact>,
}

impl Trunk {
    pub(super) fn new(config: &[LineConfig], outbound: &[PeerId], now: Now, seed: u64) -> Self {
        let machine = |(at, line): (usize, &LineConfig)| {
            LineMachine::new(line.settings.clone(), now, seed.wrapping_add(at as u64))
        };
        let lines: Vec<LineMachine> = config.iter().enumerate().map(machine).collect();
        let name = |peer: &PeerId| {
            config.iter().find(|l| l.peer == *peer).map(|l| l.settings.name.clone())
        };
        let group: Vec<String> = outbound.iter().filter_map(name).collect();
        Self {
            lines: Lines::new(lines, &group),
            peers: config.iter().map(|l| l.peer).collect(),
            registrations: config.iter().map(|l| l.registration.clone()).collect(),
            deadline: Some(now.mono),
            ..Self::default()
        }
    }

    pub(super) fn of_peer(&self, peer: PeerId) -> Option<LineIx> {
        self.peers.iter().position(|p| *p == peer).map(LineIx)
    }

    pub(super) fn peer_of(&self, line: LineIx) -> Option<PeerId> {
        self.peers.get(line.0).copied()
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.deadline
    }

    fn look_ahead(&mut self, now: Now) {
        let lines = self.lines.next_deadline(now.mono);
        self.deadline = [lines, self.duties.next_deadline()].into_iter().flatten().min();
    }
}

impl Engine {
    /// Takes over what an earlier run knew, and tells how every line stands.
    pub(super) fn restore_lines(
        &mut self,
        now: Now,
        lines: Vec<Line>,
        duties: Vec<Duty>,
        out: &mut Outputs,
    ) {
        for line in lines {
            let Some(ix) = self.trunk.lines.named(&line.id) else { continue };
            if line.state == LineState::OutOfService {
                self.trunk.incidents.insert(ix);
            }
            if let Some(machine) = self.trunk.lines.get_mut(ix) {
                machine.restore(line, now);
            }
        }
        for duty in duties.into_iter().filter(|d| d.kind == DutyKind::BackupLine) {
            self.trunk.duties.restore(now, duty);
        }
        let _ = self.trunk.lines.take_shift(); // orders of the earlier run are no news
        for at in 0..self.trunk.peers.len() {
            let ix = LineIx(at);
            let Some(line) = self.trunk.lines.get_mut(ix) else { continue };
            line.revise();
            let state = line.state().name();
            let shift = Shift {
                call: None,
                from: state.to_owned(),
                to: state.to_owned(),
                reason: "trunkline has started".to_owned(),
            };
            self.tell_line(now, ix, EventKind::LineStateChanged, Some(shift), out);
        }
        self.trunk.look_ahead(now);
    }

    /// Probes, registrations and duties that are due.
    pub(super) fn lines_tick(&mut self, now: Now, out: &mut Outputs) {
        if self.trunk.deadline.is_none_or(|at| at > now.mono) {
            return;
        }
        for at in 0..self.trunk.peers.len() {
            self.with_line(now, LineIx(at), out, |line, facts| line.tick(now, facts));
        }
        while let Some(duty) = self.trunk.duties.take_breached(now) {
            self.tell_duty(now, EventKind::DutyBreached, duty, out);
        }
        self.trunk.look_ahead(now);
    }

    /// Changes a line and does what follows from it.
    pub(super) fn with_line(
        &mut self,
        now: Now,
        ix: LineIx,
        out: &mut Outputs,
        change: impl FnOnce(&mut LineMachine, &mut Vec<LineFact>),
    ) {
        let mut facts = std::mem::take(&mut self.trunk.facts);
        if let Some(line) = self.trunk.lines.get_mut(ix) {
            change(line, &mut facts);
            // What is answered well is told to nobody, and yet the next probe is due sooner.
            let due = line.next_deadline(now.mono);
            self.trunk.deadline = self.trunk.deadline.into_iter().chain(due).min();
        }
        let some = !facts.is_empty();
        for fact in facts.drain(..) {
            self.line_fact(now, ix, fact, out);
        }
        self.trunk.facts = facts;
        if some {
            self.trunk.look_ahead(now);
        }
    }

    fn line_fact(&mut self, now: Now, ix: LineIx, fact: LineFact, out: &mut Outputs) {
        match fact {
            LineFact::Changed { from } => self.line_changed(now, ix, from, out),
            LineFact::Full(_) => {
                let reason = self.trunk.lines.get(ix).map(LineMachine::full_reason);
                let shift = Shift {
                    call: None,
                    from: String::new(),
                    to: String::new(),
                    reason: reason.unwrap_or_default(),
                };
                self.tell_line(now, ix, EventKind::LineCapacityReached, Some(shift), out);
            }
            LineFact::Probe { patience } => self.start_round(now, ix, patience, out),
            LineFact::Register { expires_s } => self.start_register(now, ix, expires_s, out),
        }
    }

    fn line_changed(&mut self, now: Now, ix: LineIx, from: LineState, out: &mut Outputs) {
        let Some(line) = self.trunk.lines.get(ix) else { return };
        let (state, reason) = (line.state(), line.reason().to_owned());
        let shift = Shift {
            call: None,
            from: from.name().to_owned(),
            to: state.name().to_owned(),
            reason: reason.clone(),
        };
        self.tell_line(now, ix, EventKind::LineStateChanged, Some(shift), out);
        self.tell_first_choice(now, &reason, out);
        self.judge_duty(now, ix, state, out);
    }

    /// New calls take another line first: told once each way.
    fn tell_first_choice(&mut self, now: Now, reason: &str, out: &mut Outputs) {
        let Some((before, after)) = self.trunk.lines.take_shift() else { return };
        let name = |ix: Option<LineIx>| {
            ix.and_then(|ix| self.trunk.lines.get(ix)).map(|l| l.name().to_owned())
        };
        let shift = Shift {
            call: None,
            from: name(before).unwrap_or_default(),
            to: name(after).unwrap_or_default(),
            reason: reason.to_owned(),
        };
        let forth = match (before, after) {
            (Some(before), Some(after)) => self.trunk.lines.is_before(before, after),
            (before, _) => before.is_some(),
        };
        // The last resort is a dead line, first in order or not: nothing has recovered.
        let target = after.and_then(|ix| self.trunk.lines.get(ix));
        let dead = target.is_some_and(|l| l.state() == LineState::OutOfService);
        let kind = if forth || dead { EventKind::LineFailover } else { EventKind::LineRecovered };
        let Some(about) = after.or(before) else { return };
        if let Some(line) = self.trunk.lines.get_mut(about) {
            line.revise();
        }
        self.tell_line(now, about, kind, Some(shift), out);
    }

    /// A primary line that fails starts a duty: its backup carries calls, or it serves again.
    fn judge_duty(&mut self, now: Now, ix: LineIx, state: LineState, out: &mut Outputs) {
        let Some(line) = self.trunk.lines.get(ix) else { return };
        let (name, role) = (line.name().to_owned(), line.settings().role);
        match state {
            LineState::OutOfService if role == LineRole::Primary => {
                if self.trunk.incidents.insert(ix) {
                    let reason = line.summary();
                    self.start_duty(now, &name, reason, out);
                    self.meet_by_any_backup(now, ix, out);
                }
            }
            LineState::InService => {
                self.trunk.incidents.remove(&ix);
                self.meet_duty(now, &name, format!("{name} is in service again"), out);
                if role == LineRole::Backup {
                    self.meet_by_backup(now, ix, "is in service", out);
                }
            }
            LineState::OutOfService
            | LineState::Unknown
            | LineState::Degraded
            | LineState::Draining
            | LineState::Maintenance => {}
        }
    }

    fn meet_by_any_backup(&mut self, now: Now, failed: LineIx, out: &mut Outputs) {
        let serves = |ix: &&LineIx| {
            let line = self.trunk.lines.get(**ix);
            **ix != failed && line.is_some_and(|l| l.state() == LineState::InService)
        };
        if let Some(backup) = self.trunk.lines.group().iter().find(serves).copied() {
            self.meet_by_backup(now, backup, "is in service", out);
        }
    }

    /// Meets the duties of the other lines, if any run.
    pub(super) fn meet_by_backup(
        &mut self,
        now: Now,
        backup: LineIx,
        how: &str,
        out: &mut Outputs,
    ) {
        if self.trunk.duties.is_empty() || !self.trunk.lines.group().contains(&backup) {
            return;
        }
        let Some(name) = self.trunk.lines.get(backup).map(|l| l.name().to_owned()) else { return };
        let others: Vec<String> = self
            .trunk
            .duties
            .iter()
            .filter(|d| d.kind == DutyKind::BackupLine && d.subject != name)
            .map(|d| d.subject.clone())
            .collect();
        for subject in others {
            self.meet_duty(now, &subject, format!("{name} {how}"), out);
        }
    }

    fn start_duty(&mut self, now: Now, subject: &str, reason: String, out: &mut Outputs) {
        let (id, within) = (self.ids.duty(now), self.config.backup_within);
        let kind = DutyKind::BackupLine;
        if let Some(duty) = self.trunk.duties.start(now, id, kind, subject, within, reason) {
            self.tell_duty(now, EventKind::DutyStarted, duty, out);
        }
    }

    fn meet_duty(&mut self, now: Now, subject: &str, reason: String, out: &mut Outputs) {
        let met = self.trunk.duties.meet(now, DutyKind::BackupLine, subject, reason);
        if let Some(duty) = met {
            self.tell_duty(now, EventKind::DutyMet, duty, out);
        }
    }

    fn tell_duty(&mut self, now: Now, kind: EventKind, duty: Duty, out: &mut Outputs) {
        self.emit(now, kind, Entity::Duty(Box::new(duty)), Detail::default(), out);
    }

    pub(super) fn tell_line(
        &mut self,
        now: Now,
        ix: LineIx,
        kind: EventKind,
        shift: Option<Shift>,
        out: &mut Outputs,
    ) {
        let Some(line) = self.trunk.lines.get(ix) else { return };
        let entity = Entity::Line(Box::new(line.entity(now)));
        let detail = Detail { shift: shift.map(Box::new), ..Detail::default() };
        self.emit(now, kind, entity, detail, out);
    }

    /// Where a call out goes, best first. `urgent` calls take every line there is.
    pub(super) fn line_plan(
        &mut self,
        now: Now,
        urgent: bool,
        out: &mut Outputs,
    ) -> Result<Vec<PeerId>, NoLine> {
        if self.trunk.lines.is_empty() {
            return Ok(self.config.outbound.clone());
        }
        let mut facts = Vec::new();
        let plan = match urgent {
            true => Ok(self.trunk.lines.plan_urgent(now)),
            false => self.trunk.lines.plan(now, &mut facts),
        };
        for (ix, fact) in facts {
            self.line_fact(now, ix, fact, out);
        }
        Ok(plan?.into_iter().filter_map(|ix| self.trunk.peer_of(ix)).collect())
    }

    /// May a call come in by this carrier?
    pub(super) fn line_takes(&mut self, now: Now, peer: PeerId, out: &mut Outputs) -> bool {
        let Some(ix) = self.trunk.of_peer(peer) else { return true };
        let mut takes = true;
        self.with_line(now, ix, out, |line, facts| {
            let state = line.state();
            let out_by_order = matches!(state, LineState::Draining | LineState::Maintenance);
            takes = !out_by_order && line.has_room(Way::In, facts);
        });
        self.totals.line_refusals += u64::from(!takes);
        takes
    }

    /// An operator's order; the ticket is answered when it is durable.
    pub(super) fn order_line(
        &mut self,
        now: Now,
        name: &str,
        order: LineOrder,
        who: &str,
        ticket: u64,
        out: &mut Outputs,
    ) {
        if let Some(ix) = self.trunk.lines.named(name) {
            self.with_line(now, ix, out, |line, facts| line.order(now, order, who, facts));
        }
        out.tickets.push((ticket, self.pos));
    }

    /// All lines as they stand.
    pub fn lines(&self, now: Now) -> Vec<Line> {
        self.trunk.lines.iter().map(|(_, line)| line.entity(now)).collect()
    }
}
