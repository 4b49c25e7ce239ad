//! What others are told of an agent.

use super::input::AgentFact;
use super::machine::{AgentMachine, Rest, Said};
use crate::model::{AgentState as S, ChangedBy, EventKind as K, Now, WorkMode};

impl AgentMachine {
    /// The state that others see.
    fn state(&self) -> S {
        match (&self.said, self.in_step) {
            (_, false) => S::Unknown,
            (Said::Out, true) => S::LoggedOut,
            _ if self.talks() => S::Busy,
            _ if !self.legs.is_empty() => S::Reserved,
            _ if self.wrap_up.is_some() => S::WorkingAfterCall,
            (Said::Ready, true) if self.rest != Rest::None => S::WorkingAfterCall,
            (said, true) => said.state(),
        }
    }

    /// Where the agent goes from there.
    fn pending(&self, state: S) -> Option<S> {
        let asked = self.after.is_some_and(|a| a.asked);
        match state {
            S::Unknown => Some(self.said.state()),
            S::Busy if asked => Some(S::WorkingAfterCall),
            S::Reserved | S::Busy | S::WorkingAfterCall => {
                Some(self.said.state()).filter(|s| *s != S::Ready)
            }
            S::LoggedOut | S::NotReady | S::Ready => None,
        }
    }

    fn mode_of(&self, state: S) -> WorkMode {
        match state {
            S::LoggedOut | S::NotReady => WorkMode::AuxWork,
            S::WorkingAfterCall if self.wrap_up.is_none() => WorkMode::LegalGuard,
            S::WorkingAfterCall => WorkMode::Acw,
            S::Ready | S::Reserved | S::Busy | S::Unknown => self.mode,
        }
    }

    /// Tells what has changed, if anything has.
    pub(super) fn tell(&mut self, now: Now, by: ChangedBy, out: &mut Vec<AgentFact>) {
        let state = self.state();
        let pending_state = self.pending(state);
        let reason = match &self.said {
            Said::NotReady(reason) => reason.clone(),
            Said::Out | Said::Ready => String::new(),
        };
        let work_mode = self.mode_of(state);
        let until = match self.wrap_up {
            Some(wrap_up) => wrap_up.until,
            None => self.rest.until(),
        };
        let deadline = until.map(|(_, at)| at);
        let wrap_up_deadline = deadline.filter(|_| state == S::WorkingAfterCall);
        let told = &mut self.told;
        let moved = told.state != state;
        let same = !moved
            && told.pending_state == pending_state
            && told.reason == reason
            && told.work_mode == work_mode
            && told.wrap_up_deadline == wrap_up_deadline;
        if same {
            return;
        }
        let kind = kind_of(told.state, state);
        if moved {
            told.previous_state = Some(told.state);
            told.previous_duration_ms = Some(now.wall.ms_since(told.since));
            told.since = now.wall;
        }
        (told.state, told.pending_state, told.reason) = (state, pending_state, reason);
        (told.work_mode, told.wrap_up_deadline, told.changed_by) =
            (work_mode, wrap_up_deadline, by);
        self.push(kind, out);
    }

    pub(super) fn push(&mut self, kind: K, out: &mut Vec<AgentFact>) {
        self.untold = false;
        self.told.rev += 1;
        self.told.last_call_id = self.last_call;
        out.push(AgentFact { kind, agent: self.told.clone() });
    }
}

pub(super) fn kind_of(before: S, after: S) -> K {
    match (before, after) {
        (S::LoggedOut, S::NotReady | S::Ready | S::Reserved | S::Busy | S::WorkingAfterCall) => {
            K::AgentLoggedOn
        }
        (_, S::LoggedOut) => K::AgentLoggedOff,
        (_, S::NotReady) => K::AgentNotReady,
        (_, S::Ready) => K::AgentReady,
        (_, S::Reserved) => K::AgentReserved,
        (_, S::Busy) => K::AgentBusy,
        (_, S::WorkingAfterCall) => K::AgentWorkingAfterCall,
        (_, S::Unknown) => K::AgentUnknown,
    }
}
