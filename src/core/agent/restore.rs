//! An agent of an earlier run.

use super::machine::{AgentMachine, Rest, Said, WrapUp};
use crate::model::{Agent, AgentState as S, DeskPresence, Mono, Now, Wall, WorkMode};
use std::time::Duration;

impl AgentMachine {
    /// Takes over what an earlier run knew. What rings or talks is told again by the calls; the
    /// settings are those of this run.
    pub fn restore(&mut self, known: Agent, now: Now) {
        self.said = match known.pending_state.unwrap_or(known.state) {
            S::LoggedOut | S::Unknown => Said::Out,
            S::NotReady => Said::NotReady(known.reason.clone()),
            S::Ready | S::Reserved | S::Busy | S::WorkingAfterCall => Said::Ready,
        };
        self.mode = match known.work_mode {
            WorkMode::ManualIn => WorkMode::ManualIn,
            WorkMode::AutoIn | WorkMode::AuxWork | WorkMode::Acw | WorkMode::LegalGuard => {
                WorkMode::AutoIn
            }
        };
        if known.state == S::WorkingAfterCall && !self.policy.legal_guard.is_zero() {
            let until = known.since.after(self.policy.legal_guard);
            self.rest = Rest::Until(mono_of(until, now), until);
        }
        if known.state == S::WorkingAfterCall && known.work_mode == WorkMode::Acw {
            let until = known.wrap_up_deadline.map(|at| (mono_of(at, now), at));
            self.wrap_up = Some(WrapUp { since: now.mono, until });
        }
        self.last_call = known.last_call_id;
        if known.desk != DeskPresence::Offline {
            self.desk_lost = self.policy.desk_lost.map(|time| now.mono.after(time));
        }
        let before = known.clone();
        self.told = Agent { who: self.told.who.clone(), desk: self.told.desk, ..known };
        self.untold = self.told != before;
    }
}

/// The same instant on the other clock; one that is over is now.
fn mono_of(at: Wall, now: Now) -> Mono {
    now.mono.after(Duration::from_millis(at.ms_since(now.wall)))
}
