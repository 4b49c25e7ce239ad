//! What a site sets about people in calls, and what commands write into a call: proofs of the
//! customer's identity and labels. Nothing of it goes to a PBX.

use super::agents::short_device;
use super::commands::refused;
use super::control::{Plan, Refused, Step};
use super::input::Outputs;
use super::request::{CommandRequest, Current};
use super::writer::Engine;
use crate::hub::Role;
use crate::model::{
    Call, CallId, CallLabel, CommandCode as Code, CommandError, CommandOp as Op, Factor, LegId,
    Now, Pop, PopWindow,
};
use std::sync::Arc;
use std::time::Duration;

/// Labels that every site has: 有效 (valid), 无效 (invalid), 拒绝 (refused).
pub const LABELS: [&str; 3] = ["有效", "无效", "拒绝"];

/// Whether a consultation is handed over before the receiver's desktop has the call's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferBarrier {
    /// It is, and nobody is told.
    #[default]
    Off,
    /// It is, and an event says so.
    Warn,
    /// It waits, and fails without the desktop's word.
    Hold,
}

/// Rules for people in calls.
#[derive(Clone, Debug)]
pub struct PeopleConfig {
    /// Whether a transfer waits.
    pub barrier: TransferBarrier,
    /// How long. Beyond: NOT_SYNCED.
    pub confirm_within: Duration,
    /// Agents too may hand over without the desktop's word, with a reason.
    pub agents_override: bool,
    /// Screen for the customer.
    pub window: PopWindow,
    /// How agents open a conversation; `{agent}` and `{name}` are filled in; empty: as they like.
    pub opening: String,
    /// Kinds of proofs of identity.
    pub factors: Vec<Arc<str>>,
    /// Those that rest on the number of the call.
    pub number_factors: Vec<Arc<str>>,
    /// Labels beside [`LABELS`].
    pub labels: Vec<Arc<str>>,
    /// An agent is to label a call so soon after its end; `None`: nobody watches.
    pub record_within: Option<Duration>,
}

impl Default for PeopleConfig {
    fn default() -> Self {
        Self {
            barrier: TransferBarrier::Off,
            confirm_within: Duration::from_secs(3),
            agents_override: false,
            window: PopWindow::Secondary,
            opening: String::new(),
            factors: Vec::new(),
            number_factors: Vec::new(),
            labels: Vec::new(),
            record_within: None,
        }
    }
}

/// What is written into a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Note {
    Factor(LegId, Factor),
    Label(CallLabel),
}

impl Engine {
    /// Who gives a command, as it stands in what the command writes.
    fn author(&self, request: &CommandRequest) -> Arc<str> {
        self.agent_of(request).unwrap_or_else(|| request.who.user.clone()).into()
    }

    /// The proof that `args.factor` names was checked by the agent of this leg.
    pub(super) fn plan_identity(
        &self,
        now: Now,
        request: &CommandRequest,
        call: &Arc<Call>,
        leg: LegId,
    ) -> Result<Plan, Refused> {
        let people = &self.config.people;
        let Some(kind) = people.factors.iter().find(|k| &***k == request.args.factor.as_str())
        else {
            let msg = format!("args.factor is one of {}", people.factors.join(", "));
            return Err(refused(Code::BadRequest, &msg));
        };
        let by_number = people.number_factors.contains(kind);
        let machine = self.table.get(call.id).map(|entry| &entry.machine);
        let checked = machine.map(|machine| machine.check_factor(kind, by_number));
        if let Some(Err(why)) = checked {
            let error = CommandError::plain(Code::Conflict, why.to_string());
            return Err((error, Current::Call(call.clone())));
        }
        let factor =
            Factor { kind: kind.clone(), by_number, by: self.author(request), at: now.wall };
        let step = Step::Note { call: call.id, note: Note::Factor(leg, factor) };
        Ok(Plan { step, leg: Some(leg) })
    }

    /// A label for a call that the agent takes or took part in, live or over for an hour at most.
    pub(super) fn plan_label(&self, now: Now, request: &CommandRequest) -> Result<Plan, Refused> {
        let last = || self.roster.agent(self.roster.named(&self.author(request))?)?.last_call_id;
        let id = match request.op {
            Op::WrapUpSet => request.target.call.or_else(last),
            _ => request.target.call,
        };
        let missing = || refused(Code::BadRequest, "target.call is the id of a call");
        let id = id.ok_or_else(missing)?;
        let live = self.table.get(id).map(|entry| entry.machine.shared());
        let gone = || refused(Code::NotFound, "no such call is live or has ended within the hour");
        let call = live.or_else(|| self.records.ended(id)).ok_or_else(gone)?;
        if !self.took_part(request, &call) {
            let msg = "the agent has no part in the call";
            return Err(refused(Code::Forbidden, msg));
        }
        if request.if_rev.is_some_and(|rev| rev != call.rev) {
            let error = CommandError::plain(Code::Conflict, "the call is not as it was seen");
            return Err((error, Current::Call(call)));
        }
        let mut labels = LABELS.into_iter().chain(self.config.people.labels.iter().map(|l| &**l));
        let asked = request.args.label.as_str();
        let Some(name) = labels.clone().find(|label| *label == asked) else {
            let all: Vec<&str> = labels.by_ref().collect();
            let msg = format!("args.label is one of {}", all.join(", "));
            return Err(refused(Code::BadRequest, &msg));
        };
        let label = CallLabel { name: name.into(), by: self.author(request), at: now.wall };
        Ok(Plan { step: Step::Note { call: id, note: Note::Label(label) }, leg: None })
    }

    fn took_part(&self, request: &CommandRequest, call: &Call) -> bool {
        let who = &request.who;
        let agent = self.agent_of(request);
        let agent = agent.as_deref();
        let named = &request.target.agent;
        let own = named.is_empty() || *named == who.agent;
        let seat = agent.and_then(|id| self.roster.named(id));
        let reached = seat.and_then(|at| self.roster.agent(at));
        let reached = reached.is_some_and(|a| who.reaches_team(&a.who.team));
        match who.role {
            Role::Service => true,
            Role::Supervisor if !own && !reached => false,
            Role::Agent if !own => false,
            _ => {
                let device = |device: &str| {
                    own && who.devices.iter().any(|d| short_device(d) == short_device(device))
                };
                let inside = call.legs.iter().filter(|leg| leg.role.is_inside());
                let of_agent =
                    |leg: &crate::model::Leg| agent.is_some() && leg.agent.as_deref() == agent;
                let mut mine = inside.filter(|leg| of_agent(leg) || device(&leg.device));
                mine.next().is_some()
            }
        }
    }

    /// Writes it into the call.
    pub(super) fn note(&mut self, now: Now, call: CallId, note: Note, out: &mut Outputs) {
        match note {
            Note::Factor(leg, factor) => {
                self.feed_machine(now, call, out, |machine, facts| {
                    machine.identify(leg, factor, facts);
                });
            }
            Note::Label(label) => self.label(now, call, label, out),
        }
    }

    /// What the desktop of the agent at a leg is to show; `None`: nobody known is there.
    pub(super) fn pop_of(&self, agent: Option<&Arc<str>>) -> Option<Box<Pop>> {
        let agent = self.roster.agent(self.roster.named(agent?)?)?;
        let people = &self.config.people;
        let opening = people.opening.replace("{agent}", &agent.who.id);
        let opening = opening.replace("{name}", &agent.who.name);
        Some(Box::new(Pop { window: people.window, opening: opening.into(), prompt: None }))
    }
}
