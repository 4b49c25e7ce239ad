//! One agent.

use super::input::{AgentFact, AgentInput, AgentRefusal, Left, MemberView};
use super::settings::{AfterCall, AgentPolicy, NoAnswer};
use super::telling::kind_of;
use crate::model::{
    Agent, AgentSettings, AgentState as S, CallId, ChangedBy, DeskPresence, EventKind as K, LegId,
    Mono, Now, Wall, WorkMode,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Legs at one device; more are no telephone.
const LEGS_MAX: usize = 16;
/// Longest reason; the rest is cut.
const REASON_BYTES_MAX: usize = 64;

/// What the agent has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Out,
    NotReady(String),
    Ready,
}

impl Said {
    pub(super) fn state(&self) -> S {
        match self {
            Self::Out => S::LoggedOut,
            Self::NotReady(_) => S::NotReady,
            Self::Ready => S::Ready,
        }
    }
}

/// A leg at the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Rings,
    Dials,
    Talks,
}

/// What is to follow the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct After {
    pub(super) work: AfterCall,
    /// The agent has asked for it.
    pub(super) asked: bool,
}

/// Work after a call that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrapUp {
    pub(super) since: Mono,
    /// When it ends by itself, by both clocks.
    pub(super) until: Option<(Mono, Wall)>,
}

/// Time between a call and the next that the law or the site gives: nobody shortens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    None,
    /// Begins when the call is over.
    Earned,
    /// By both clocks.
    Until(Mono, Wall),
}

impl Rest {
    pub(super) fn until(self) -> Option<(Mono, Wall)> {
        match self {
            Self::Until(mono, wall) => Some((mono, wall)),
            Self::None | Self::Earned => None,
        }
    }
}

/// What the PBX's queues are to hold of the agent's device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// In the agent's queues.
    pub present: bool,
    /// Paused there, and why.
    pub paused: Option<String>,
}

/// The machine of one agent.
#[derive(Clone, Debug)]
pub struct AgentMachine {
    pub(super) policy: Arc<AgentPolicy>,
    pub(super) said: Said,
    pub(super) mode: WorkMode,
    pub(super) legs: BTreeMap<(CallId, LegId), Part>,
    pub(super) after: Option<After>,
    pub(super) wrap_up: Option<WrapUp>,
    pub(super) rest: Rest,
    /// Nobody answers for the agent's desktop from then on.
    pub(super) desk_lost: Option<Mono>,
    /// The PBX says what happens at the device.
    pub(super) in_step: bool,
    pub(super) last_call: Option<CallId>,
    /// As it was told last.
    pub(super) told: Agent,
    /// Nobody was told of it as it is.
    pub(super) untold: bool,
}

impl AgentMachine {
    /// An agent of whom nothing is known: logged out. `linked`: a control link shows the device,
    /// so that nothing is known before its first snapshot.
    pub fn new(settings: AgentSettings, policy: Arc<AgentPolicy>, linked: bool, now: Now) -> Self {
        Self {
            policy,
            said: Said::Out,
            mode: WorkMode::AutoIn,
            legs: BTreeMap::new(),
            after: None,
            wrap_up: None,
            rest: Rest::None,
            desk_lost: None,
            in_step: !linked,
            last_call: None,
            told: Agent::new(Arc::new(settings), now.wall),
            untold: true,
        }
    }

    /// The entity as it was told last.
    pub fn agent(&self) -> &Agent {
        &self.told
    }

    /// What is set about the agent.
    pub fn settings(&self) -> &AgentSettings {
        &self.told.who
    }

    /// Tells of an agent who is new, or whose settings are.
    pub fn introduce(&mut self, out: &mut Vec<AgentFact>) {
        if self.untold {
            self.push(kind_of(self.told.state, self.told.state), out);
        }
    }

    /// When `Tick` is due.
    pub fn next_deadline(&self) -> Option<Mono> {
        let wrap_up = self.wrap_up.and_then(|w| w.until);
        [wrap_up, self.rest.until()]
            .into_iter()
            .flatten()
            .map(|(at, _)| at)
            .chain(self.desk_lost)
            .min()
    }

    /// What the PBX's queues are to hold. A call whose work afterwards is to follow pauses the
    /// device while it lasts: a queue is quicker than a pause that comes when the call has ended.
    pub fn wish(&self) -> Wish {
        let wraps_up = self.wrap_up.is_some() || self.after.is_some();
        let paused = match &self.said {
            Said::NotReady(reason) => Some(reason.clone()),
            Said::Ready if wraps_up => Some("working_after_call".to_owned()),
            Said::Ready if self.rest != Rest::None => Some("legal_guard".to_owned()),
            Said::Ready | Said::Out => None,
        };
        Wish { present: self.said != Said::Out, paused }
    }

    /// Takes one input; facts go to `out`. Input that changes nothing adds none.
    ///
    /// # Errors
    /// A request that the state does not permit; nothing has changed then.
    pub fn handle(
        &mut self,
        now: Now,
        input: AgentInput,
        out: &mut Vec<AgentFact>,
    ) -> Result<(), AgentRefusal> {
        use AgentInput as I;
        let by = match input {
            I::Login { by, mode, ready } => {
                self.login(now, by, mode, ready, out);
                by
            }
            I::Logout { by } => {
                self.said = Said::Out;
                (self.after, self.wrap_up) = (None, None);
                by
            }
            I::Ready { by } => {
                self.logged_in()?;
                self.said = Said::Ready;
                self.wrap_up = None;
                by
            }
            I::NotReady { by, reason } => {
                self.logged_in()?;
                self.check_reason(by, &reason)?;
                self.said = not_ready(&reason);
                self.wrap_up = None;
                by
            }
            I::WrapUp { by, more } => {
                self.asked_wrap_up(now, more)?;
                by
            }
            I::Finish { by } => {
                self.logged_in()?;
                self.wrap_up.take().ok_or(AgentRefusal::NoWrapUp)?;
                by
            }
            I::Rings(call, leg) => self.leg(call, leg, Part::Rings),
            I::Dials(call, leg) => self.leg(call, leg, Part::Dials),
            I::Talks(call, leg) => self.leg(call, leg, Part::Talks),
            I::Gone(call, leg, left) => self.gone(now, call, leg, left),
            I::LinkLost => {
                self.in_step = false;
                ChangedBy::System
            }
            I::InStep(member) => {
                self.in_step = true;
                if let Some(member) = member {
                    self.member(member);
                }
                ChangedBy::Reconciler
            }
            I::Member(member) => {
                self.member(member);
                ChangedBy::Pbx
            }
            I::Desk(presence) => {
                self.desk(now, presence, out);
                return Ok(());
            }
            I::Tick => {
                self.tick(now);
                ChangedBy::System
            }
        };
        self.tell(now, by, out);
        Ok(())
    }

    fn logged_in(&self) -> Result<(), AgentRefusal> {
        if self.said == Said::Out { Err(AgentRefusal::LoggedOut) } else { Ok(()) }
    }

    /// The site's list binds the agent; supervisors and rules have words of their own.
    fn check_reason(&self, by: ChangedBy, reason: &str) -> Result<(), AgentRefusal> {
        let listed =
            self.policy.reasons.is_empty() || self.policy.reasons.iter().any(|r| r == reason);
        if by == ChangedBy::Agent && !listed {
            return Err(AgentRefusal::UnknownReason);
        }
        Ok(())
    }

    fn login(
        &mut self,
        now: Now,
        by: ChangedBy,
        mode: Option<WorkMode>,
        ready: bool,
        out: &mut Vec<AgentFact>,
    ) {
        if let Some(mode) = mode {
            self.mode = mode;
        }
        if self.said == Said::Out {
            self.said = not_ready("login");
            self.tell(now, by, out);
        }
        if ready {
            self.said = Said::Ready;
        }
    }

    fn asked_wrap_up(&mut self, now: Now, more: Option<Duration>) -> Result<(), AgentRefusal> {
        self.logged_in()?;
        if let Some(wrap_up) = &mut self.wrap_up {
            let latest = wrap_up.since.after(self.policy.after_call_max);
            let from = wrap_up.until.map_or(now.mono, |(at, _)| at);
            let until = more.map_or(latest, |more| from.after(more).min(latest));
            wrap_up.until = Some((until, now.wall.after(until.since(now.mono))));
            return Ok(());
        }
        if !self.talks() {
            return Err(AgentRefusal::NoCall);
        }
        let max = self.policy.after_call_max;
        let work = AfterCall::Timed(more.map_or(max, |more| more.min(max)));
        self.after = Some(After { work, asked: true });
        Ok(())
    }

    /// In a call, or about to be by the agent's own act.
    pub(super) fn talks(&self) -> bool {
        self.legs.values().any(|part| matches!(part, Part::Dials | Part::Talks))
    }

    /// A leg rings, dials or talks; what talks does nothing else any more.
    fn leg(&mut self, call: CallId, leg: LegId, part: Part) -> ChangedBy {
        let known = self.legs.get(&(call, leg)).copied();
        let new = known.is_none() && self.legs.len() < LEGS_MAX;
        let answered = part == Part::Talks && known.is_some_and(|known| known != part);
        if new || answered {
            self.legs.insert((call, leg), part);
            self.last_call = Some(call);
            if part != Part::Rings {
                self.wrap_up = None; // a call takes the place of the work after another
            }
            if part == Part::Talks {
                self.plan_after();
                if !self.policy.legal_guard.is_zero() {
                    self.rest = Rest::Earned;
                }
            }
        }
        ChangedBy::Pbx
    }

    /// A call of an agent who takes calls is followed by work.
    fn plan_after(&mut self) {
        if self.said != Said::Ready || self.after.is_some() {
            return;
        }
        let work = match (self.mode, self.policy.after_call) {
            (_, AfterCall::Nothing) => return,
            (WorkMode::ManualIn, _) => AfterCall::Untimed,
            (_, work) => work,
        };
        self.after = Some(After { work, asked: false });
    }

    fn gone(&mut self, now: Now, call: CallId, leg: LegId, left: Left) -> ChangedBy {
        let part = self.legs.remove(&(call, leg));
        if !self.legs.is_empty() || part.is_none() {
            return ChangedBy::Pbx;
        }
        if let Some(After { work, .. }) = self.after.take() {
            self.begin_wrap_up(now, work);
        }
        if self.rest == Rest::Earned {
            let time = self.policy.legal_guard;
            self.rest = Rest::Until(now.mono.after(time), now.wall.after(time));
        }
        let rang_out = part == Some(Part::Rings) && left == Left::NoAnswer;
        if rang_out && self.said == Said::Ready && self.policy.no_answer == NoAnswer::NotReady {
            self.said = not_ready("ring_no_answer");
            return ChangedBy::System;
        }
        ChangedBy::Pbx
    }

    fn begin_wrap_up(&mut self, now: Now, work: AfterCall) {
        let until = match work {
            AfterCall::Nothing => return,
            AfterCall::Timed(time) => Some((now.mono.after(time), now.wall.after(time))),
            AfterCall::Untimed => None,
        };
        self.wrap_up = Some(WrapUp { since: now.mono, until });
    }

    /// What the PBX's queues say and this machine did not ask for.
    fn member(&mut self, member: MemberView) {
        match (&self.said, member.present, member.paused) {
            (Said::Out, false, _) | (Said::NotReady(_), true, Some(_)) => {}
            (_, false, _) => {
                self.said = Said::Out;
                (self.after, self.wrap_up) = (None, None);
            }
            (_, true, None) => {
                self.said = Said::Ready;
                self.wrap_up = None;
            }
            (Said::Out, true, Some(reason)) => self.said = not_ready(&reason),
            (Said::Ready, true, Some(reason)) => {
                if self.wish().paused.is_none() {
                    self.said = not_ready(&reason);
                }
            }
        }
    }

    fn desk(&mut self, now: Now, presence: DeskPresence, out: &mut Vec<AgentFact>) {
        if self.told.desk == presence {
            return;
        }
        let patience = self.policy.desk_lost.map(|time| now.mono.after(time));
        self.desk_lost = match presence {
            DeskPresence::Online => None,
            DeskPresence::Unresponsive | DeskPresence::Offline => self.desk_lost.or(patience),
        };
        self.told.desk = presence;
        self.told.changed_by = ChangedBy::System;
        self.push(K::AgentDeskChanged, out);
    }

    fn tick(&mut self, now: Now) {
        let over = |(at, _): (Mono, Wall)| at <= now.mono;
        self.wrap_up = self.wrap_up.filter(|w| !w.until.is_some_and(over));
        if self.rest.until().is_some_and(over) {
            self.rest = Rest::None;
        }
        if self.desk_lost.is_some_and(|at| at <= now.mono) {
            self.desk_lost = None;
            if self.said == Said::Ready {
                self.said = not_ready("desk_lost");
            }
        }
    }
}

fn not_ready(reason: &str) -> Said {
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    Said::NotReady(reason[..end].to_owned())
}
