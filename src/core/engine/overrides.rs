//! Overrides by two people: asked for, approved, used up by one call.
//!
//! The event that uses one up stands before the decision that it makes possible, and the INVITE
//! leaves when both are durable: after a crash an override is either used or has let nobody out.

use super::agents::short_device;
use super::commands::{CommandKey, refused};
use super::control::{Plan, Refused, Step};
use super::input::Outputs;
use super::request::CommandRequest;
use super::writer::Engine;
use crate::gate::{Decided, Dialed, Waived, is_purpose};
use crate::hub::Role;
use crate::model::{
    CallId, CommandCode as Code, CommandOp as Op, DecisionId, Detail, Entity, EventKind, Now,
    NumberRef, Override, OverrideId, OverrideState as State, RuleOutcome, Waiver, Wall,
};
use std::collections::BTreeMap;

/// Overrides that are open. Beyond: LIMIT_EXCEEDED.
const OPEN_MAX: usize = 1000;
/// Longest reason, bytes.
const REASON_BYTES_MAX: usize = 256;

/// Overrides that are asked for or approved.
#[derive(Default)]
pub(super) struct Overrides {
    open: BTreeMap<OverrideId, Open>,
}

struct Open {
    it: Override,
    /// Key of the number in the do-not-call list.
    number: NumberRef,
}

/// What a command does to an override.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    Request,
    Approve(OverrideId),
    Revoke(OverrideId),
}

/// Who makes a call, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Caller<'a> {
    pub(super) agent: Option<&'a str>,
    pub(super) device: &'a str,
}

impl Override {
    /// In time by a clock that was not set back since.
    fn is_live(&self, at: Wall) -> bool {
        (self.requested_at..self.expires_at).contains(&at)
    }

    fn is_of(&self, caller: Caller<'_>) -> bool {
        let agent = self.agent.is_empty() || caller.agent == Some(self.agent.as_str());
        agent && (self.device.is_empty() || self.device == caller.device)
    }
}

impl Engine {
    /// A command about an override: who may give it, and what is wrong with it.
    pub(super) fn plan_override(
        &self,
        now: Now,
        request: &CommandRequest,
    ) -> Result<Plan, Refused> {
        if request.who.role != Role::Supervisor {
            return Err(refused(Code::Forbidden, "overrides are for supervisors"));
        }
        let policy = self.config.book.override_policy();
        let off = || refused(Code::PolicyDenied, "the rules in force know no override");
        let policy = policy.ok_or_else(off)?;
        let act = match request.op {
            Op::OverrideRequest => {
                self.check_request(request)?;
                Act::Request
            }
            Op::OverrideRevoke => Act::Revoke(self.open_override(now, request)?.it.id),
            _ => {
                let open = self.open_override(now, request)?;
                check_approver(&open.it, request, policy.approvers)?;
                Act::Approve(open.it.id)
            }
        };
        Ok(Plan { step: Step::Override { act, request: Box::new(request.clone()) }, leg: None })
    }

    fn check_request(&self, request: &CommandRequest) -> Result<(), Refused> {
        let bad = |msg: &str| Err(refused(Code::BadRequest, msg));
        let (args, target) = (&request.args, &request.target);
        let dialed = self.plan_of_command(request).read(args.to.reveal());
        if dialed.list_key().is_none() {
            return bad("args.to is an outside number");
        }
        if !is_purpose(&args.purpose) {
            return bad("args.purpose is needed");
        }
        let reason = args.reason.trim();
        if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
            return bad("args.reason is needed, 256 bytes at most");
        }
        if target.agent.is_empty() && target.device.is_empty() {
            return bad("target.agent or target.device names who will call");
        }
        if !target.agent.is_empty() {
            let at = self.roster.named(&target.agent);
            let agent = at.and_then(|at| self.roster.agent(at));
            let agent = agent.ok_or_else(|| refused(Code::NotFound, "no such agent"))?;
            if !request.who.reaches_team(&agent.who.team) {
                let msg = "the agent is of none of the token's teams";
                return Err(refused(Code::Forbidden, msg));
            }
        }
        if self.overrides.open.len() >= OPEN_MAX {
            return Err(refused(Code::LimitExceeded, "too many overrides are open"));
        }
        Ok(())
    }

    fn open_override(&self, now: Now, request: &CommandRequest) -> Result<&Open, Refused> {
        let id = request.args.override_id.parse();
        let id = id.map_err(|_| refused(Code::BadRequest, "args.override_id is its id"))?;
        let open = self.overrides.open.get(&id);
        let open = open.ok_or_else(|| {
            refused(Code::NotFound, "no such override is open: it was used, revoked or has expired")
        })?;
        match open.it.is_live(now.wall) {
            true => Ok(open),
            false => Err(refused(Code::NotFound, "the override has expired")),
        }
    }

    /// The acceptance is durable: what the command asks for happens.
    pub(super) fn act_on_override(
        &mut self,
        now: Now,
        key: &CommandKey,
        act: Act,
        request: &CommandRequest,
        out: &mut Outputs,
    ) {
        let user = request.who.user.clone();
        let said = Waiver { by: user.clone(), reason: String::new() };
        let (kind, one) = match act {
            Act::Request => match self.begin_override(now, request) {
                Some(one) => (EventKind::OverrideRequested, one),
                None => return,
            },
            Act::Approve(id) => {
                let needed = self.config.book.override_policy().map_or(u8::MAX, |p| p.approvers);
                let Some(open) = self.overrides.open.get_mut(&id) else { return };
                open.it.approved_by.push(user);
                if open.it.approved_by.len() >= usize::from(needed) {
                    open.it.state = State::Approved;
                }
                (EventKind::OverrideApproved, open.it.clone())
            }
            Act::Revoke(id) => {
                let Some(open) = self.overrides.open.get_mut(&id) else { return };
                open.it.state = State::Revoked;
                (EventKind::OverrideRevoked, open.it.clone())
            }
        };
        let caused_by = Some(Box::new(key.id));
        let detail = Detail { caused_by, waiver: Some(Box::new(said)), ..Detail::default() };
        self.tell_override(now, kind, one.id, detail, out);
    }

    fn begin_override(&mut self, now: Now, request: &CommandRequest) -> Option<Override> {
        let to = request.args.to.reveal();
        let dialed = self.plan_of_command(request).read(to);
        let number = self.list_key(&dialed)?;
        let ttl = self.config.book.override_policy()?.ttl_max;
        let it = Override {
            id: OverrideId(self.ids.uuid(now)),
            rev: 0,
            state: State::Requested,
            to: self.desk_parties.with(to, "", &dialed),
            purpose: request.args.purpose.clone(),
            reason: request.args.reason.trim().to_owned(),
            agent: request.target.agent.clone(),
            device: short_device(&request.target.device).to_owned(),
            requested_by: request.who.user.clone(),
            approved_by: Vec::new(),
            requested_at: now.wall,
            expires_at: now.wall.after(ttl),
            call_id: None,
            decision_id: None,
        };
        self.overrides.open.insert(it.id, Open { it: it.clone(), number });
        Some(it)
    }

    /// The next revision becomes known; what is over is forgotten.
    fn tell_override(
        &mut self,
        now: Now,
        kind: EventKind,
        id: OverrideId,
        detail: Detail,
        out: &mut Outputs,
    ) {
        let Some(open) = self.overrides.open.get_mut(&id) else { return };
        open.it.rev += 1;
        let it = open.it.clone();
        if it.is_over() {
            self.overrides.open.remove(&id);
        }
        self.emit(now, kind, Entity::Override(Box::new(it)), detail, out);
    }

    /// The override that would let this call out, if there is one.
    pub(super) fn override_for(
        &self,
        now: Now,
        dialed: &Dialed,
        purpose: Option<&str>,
        caller: Caller<'_>,
    ) -> Option<Waived> {
        if self.overrides.open.is_empty() {
            return None;
        }
        let number = self.list_key(dialed)?;
        let fits = |open: &&Open| {
            open.number == number
                && open.it.state == State::Approved
                && Some(open.it.purpose.as_str()) == purpose
                && open.it.is_live(now.wall)
                && open.it.is_of(caller)
        };
        let Open { it, .. } = self.overrides.open.values().find(fits)?;
        Some(Waived {
            id: it.id.to_string(),
            requested_by: it.requested_by.clone(),
            approved_by: it.approved_by.clone(),
        })
    }

    /// An allow that rests on an override uses it up: before the decision is told. `false`: it
    /// rests on none.
    pub(super) fn use_override(
        &mut self,
        now: Now,
        waived: Option<&Waived>,
        decided: &Decided,
        (call, decision): (Option<CallId>, Option<DecisionId>),
        out: &mut Outputs,
    ) -> bool {
        let rests =
            decided.rules.iter().any(|r| r.id == "override" && r.outcome == RuleOutcome::Allow);
        let id = waived.filter(|_| rests).and_then(|w| w.id.parse().ok());
        let Some(id) = id else { return false };
        let Some(open) = self.overrides.open.get_mut(&id) else { return false };
        (open.it.state, open.it.call_id, open.it.decision_id) = (State::Used, call, decision);
        self.tell_override(now, EventKind::OverrideUsed, id, Detail::default(), out);
        true
    }

    /// Those of an earlier run; what has expired meanwhile is told with the next tick.
    pub(super) fn restore_overrides(&mut self, overrides: Vec<Override>) {
        for it in overrides {
            let dialed = match &it.to.e164 {
                Some(number) => Dialed::Number(number.reveal().clone()),
                None => self.plan_of_agent(&it.agent).read(it.to.raw.reveal()),
            };
            let Some(number) = self.list_key(&dialed) else { continue };
            self.overrides.open.insert(it.id, Open { it, number });
        }
    }

    pub(super) fn overrides_tick(&mut self, now: Now, out: &mut Outputs) {
        let late = |open: &&Open| open.it.expires_at <= now.wall;
        let late: Vec<OverrideId> =
            self.overrides.open.values().filter(late).map(|open| open.it.id).collect();
        for id in late {
            if let Some(open) = self.overrides.open.get_mut(&id) {
                open.it.state = State::Expired;
            }
            self.tell_override(now, EventKind::OverrideExpired, id, Detail::default(), out);
        }
    }
}

/// Distinct people, and none of them is who will call.
fn check_approver(it: &Override, request: &CommandRequest, needed: u8) -> Result<(), Refused> {
    let who = &request.who;
    let calls = !it.agent.is_empty() && [&who.agent, &who.user].contains(&&it.agent);
    let rings = !it.device.is_empty() && who.devices.iter().any(|d| short_device(d) == it.device);
    if calls || rings {
        return Err(refused(Code::Forbidden, "who will call cannot approve"));
    }
    if it.approved_by.contains(&who.user) {
        let msg = format!("approved by the same person already; {needed} different people must");
        return Err(refused(Code::Conflict, &msg));
    }
    if it.state == State::Approved {
        return Err(refused(Code::Conflict, "enough people have approved"));
    }
    Ok(())
}
