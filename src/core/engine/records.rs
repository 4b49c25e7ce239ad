//! Labels after the end of a call, and the time in which they are due; reconciliations likewise.

use super::input::{Outputs, Reconciling};
use super::writer::Engine;
use crate::duty::Duties;
use crate::model::{
    Call, CallId, CallLabel, Detail, Direction, Dossier, Duty, DutyKind, Entity, EventKind as K,
    LegRole, Mono, Now, Wall,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A call can be labelled so long after its end.
const KEPT: Duration = Duration::from_secs(3600);
/// Calls of agents that are kept for it; beyond, the oldest can be labelled no more.
const KEPT_MAX: usize = 10_000;

/// Calls that ended a short while ago, and the labels that are due.
#[derive(Default)]
pub(super) struct Records {
    ended: BTreeMap<CallId, Arc<Call>>,
    /// The same by the moment at which they fade.
    fading: BTreeSet<(Wall, CallId)>,
    duties: Duties,
}

impl Records {
    /// A call that is over.
    pub(super) fn ended(&self, id: CallId) -> Option<Arc<Call>> {
        self.ended.get(&id).cloned()
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.duties.next_deadline()
    }

    /// The agent owes a label of this call.
    pub(super) fn owes(&self, agent: &str, call: CallId) -> bool {
        self.duties.runs_for(DutyKind::CallRecord, &call.to_string(), agent)
    }

    fn keep(&mut self, call: &Arc<Call>) {
        let end = call.ended.map_or(call.started.pbx_time, |at| at.pbx_time);
        self.ended.insert(call.id, call.clone());
        self.fading.insert((end.after(KEPT), call.id));
        while self.ended.len() > KEPT_MAX
            && let Some((_, id)) = self.fading.pop_first()
        {
            self.ended.remove(&id);
        }
    }

    fn fade(&mut self, now: Wall) {
        while self.fading.first().is_some_and(|(at, _)| *at < now)
            && let Some((_, id)) = self.fading.pop_first()
        {
            self.ended.remove(&id);
        }
    }
}

impl Engine {
    /// Takes over what an earlier run left: labels that are due, and the calls they are about.
    pub(super) fn restore_records(&mut self, now: Now, duties: Vec<Duty>, ended: Vec<Call>) {
        for duty in duties.into_iter().filter(|d| d.kind != DutyKind::BackupLine) {
            self.records.duties.restore(now, duty);
        }
        for call in ended.into_iter().filter(Call::is_over) {
            self.records.keep(&Arc::new(call));
        }
    }

    /// An agent's conversation is over: from here on a label is due. A call that is over can be
    /// labelled for an hour.
    pub(super) fn watch_records(
        &mut self,
        now: Now,
        kind: K,
        call: &Arc<Call>,
        leg: Option<crate::model::LegId>,
        out: &mut Outputs,
    ) {
        let served = |l: &crate::model::Leg| {
            matches!(l.role, LegRole::Agent | LegRole::Consult) && l.answered.is_some()
        };
        if call.direction == Direction::Internal {
            return; // no customer took part
        }
        if kind == K::CallCleared && call.legs.iter().any(|l| l.role.is_inside()) {
            self.records.keep(call);
        }
        let leg = leg.and_then(|leg| call.leg(leg)).filter(|l| served(l));
        let (Some(within), Some(leg)) = (self.config.people.record_within, leg) else { return };
        let Some(agent) = leg.agent.clone().filter(|_| kind == K::CallConnectionCleared) else {
            return;
        };
        let label = call.dossier.as_ref().and_then(|d| d.label.as_ref());
        if label.is_some_and(|label| label.by == agent) {
            return; // said while they talked
        }
        let id = self.ids.duty(now);
        let (subject, reason) = (call.id.to_string(), "the conversation has ended".to_owned());
        let duties = &mut self.records.duties;
        let kind = DutyKind::CallRecord;
        if let Some(duty) = duties.start_for(now, id, kind, &subject, agent, within, reason) {
            self.tell_record(now, K::DutyStarted, duty, out);
        }
    }

    /// Puts a label on a call, live or over.
    pub(super) fn label(&mut self, now: Now, id: CallId, label: CallLabel, out: &mut Outputs) {
        let by = label.by.clone();
        let live = self.feed_machine(now, id, out, |machine, facts| {
            let mine = |l: &&crate::model::Leg| l.agent.as_ref() == Some(&label.by);
            let leg = machine.call().legs.iter().find(mine).map(|l| l.id);
            machine.label(leg, label.clone(), facts);
        });
        if live.is_none()
            && let Some(call) = self.records.ended.get_mut(&id)
        {
            let labelled = Arc::make_mut(call);
            labelled.rev += 1;
            labelled.dossier.get_or_insert_with(|| Box::new(Dossier::default())).label =
                Some(label);
            let entity = Entity::Call(call.clone());
            self.emit(now, K::CallLabelled, entity, Detail::default(), out);
        }
        let kind = DutyKind::CallRecord;
        let reason = "the call was labelled".to_owned();
        let met = self.records.duties.meet_for(now, kind, &id.to_string(), &by, reason);
        if let Some(duty) = met {
            self.tell_record(now, K::DutyMet, duty, out);
        }
    }

    /// The call records of a PBX are to be reconciled, or were: late, if nobody waits any more.
    pub(super) fn reconciling(&mut self, now: Now, step: Reconciling, out: &mut Outputs) {
        let (kind, id) = (DutyKind::Reconciliation, self.ids.duty(now));
        let duties = &mut self.records.duties;
        let begun = "call records are to be reconciled".to_owned();
        let (started, met) = match step {
            Reconciling::Due { subject, within } => {
                (duties.start(now, id, kind, &subject, within, begun), None)
            }
            Reconciling::Done { subject, reason } => {
                let late = Duration::from_secs(1);
                let started = duties.start(now, id, kind, &subject, late, begun);
                (started, duties.meet(now, kind, &subject, reason))
            }
        };
        for (kind, duty) in [(K::DutyStarted, started), (K::DutyMet, met)] {
            if let Some(duty) = duty {
                self.tell_record(now, kind, duty, out);
            }
        }
    }

    pub(super) fn records_tick(&mut self, now: Now, out: &mut Outputs) {
        self.records.fade(now.wall);
        while let Some(duty) = self.records.duties.take_breached(now) {
            self.tell_record(now, K::DutyBreached, duty, out);
        }
    }

    fn tell_record(&mut self, now: Now, kind: K, duty: Duty, out: &mut Outputs) {
        self.emit(now, kind, Entity::Duty(Box::new(duty)), Detail::default(), out);
    }
}
