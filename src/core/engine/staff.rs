//! What commands about agents mean: who may give them, and whether the PBX can follow.

use super::commands::refused;
use super::control::{Plan, Refused, Step};
use super::request::{CommandRequest, Current};
use super::writer::Engine;
use crate::agent::AgentInput;
use crate::hub::Role;
use crate::model::{
    Agent, ChangedBy, CommandCode as Code, CommandError, CommandOp as Op, LinkKind,
};
use std::time::Duration;

impl Engine {
    /// A command about an agent: whose it is, and what it asks of the agent.
    pub(super) fn plan_agent(&self, request: &CommandRequest) -> Result<Plan, Refused> {
        let named = Some(&request.target.agent).filter(|agent| !agent.is_empty());
        let id = named.unwrap_or(&request.who.agent);
        let own = *id == request.who.agent && !id.is_empty();
        if !own && !matches!(request.who.role, Role::Supervisor | Role::Service) {
            return Err(refused(Code::Forbidden, "the token is not of that agent"));
        }
        let missing = || refused(Code::NotFound, "no such agent");
        let at = self.roster.named(id).ok_or_else(missing)?;
        let agent = self.roster.agent(at).ok_or_else(missing)?;
        if !own && !request.who.reaches_team(&agent.who.team) {
            return Err(refused(Code::Forbidden, "the agent is of none of the token's teams"));
        }
        if request.if_rev.is_some_and(|rev| rev != agent.rev) {
            let error = CommandError::plain(Code::Conflict, "the agent is not as it was seen");
            return Err((error, Current::Agent(Box::new(agent.clone()))));
        }
        if request.op == Op::AgentLogin {
            self.check_queues(at, agent)?;
        }
        let by = if own { ChangedBy::Agent } else { ChangedBy::Supervisor };
        let args = &request.args;
        let input = match (request.op, args.state.as_str()) {
            (Op::AgentLogin, "" | "not_ready" | "ready") => {
                AgentInput::Login { by, mode: args.work_mode, ready: args.state == "ready" }
            }
            (Op::AgentLogin, _) => {
                return Err(refused(Code::BadRequest, "args.state is ready or not_ready"));
            }
            (Op::AgentLogout, _) => AgentInput::Logout { by },
            (Op::WrapUpExtend, _) => AgentInput::WrapUp { by, more: more(args.extend_s) },
            (Op::WrapUpFinish, _) => {
                self.check_label(agent)?;
                AgentInput::Finish { by }
            }
            (_, "ready") => AgentInput::Ready { by },
            (_, "not_ready") => AgentInput::NotReady { by, reason: args.reason.clone() },
            (_, "working_after_call") => AgentInput::WrapUp { by, more: more(args.extend_s) },
            _ => {
                let msg = "args.state is ready, not_ready or working_after_call";
                return Err(refused(Code::BadRequest, msg));
            }
        };
        Ok(Plan { step: Step::Agent { at, input }, leg: None })
    }

    /// ARI alone cannot put a device into a queue.
    fn check_queues(&self, at: usize, agent: &Agent) -> Result<(), Refused> {
        let pbx = self.roster.pbx_of(at);
        let switch = pbx.and_then(|pbx| self.config.switches.get(usize::from(pbx.0)));
        let Some(switch) = switch.filter(|_| !agent.who.queues.is_empty()) else { return Ok(()) };
        if switch.links.iter().any(|kind| *kind != LinkKind::Ari) {
            return Ok(());
        }
        let (pbx, id) = (&switch.name, &agent.who.id);
        let msg = format!(
            "the queues of agent {id} are changed over AMI, and [pbx.{pbx}] has only an ARI link: \
             give it an AMI link, or take `queues` out of [agent.{id}] and let the PBX's dialplan \
             keep its members"
        );
        Err(refused(Code::Unsupported, &msg))
    }

    /// Work after a call ends when its label is there, where one is due.
    fn check_label(&self, agent: &Agent) -> Result<(), Refused> {
        let owed = agent.last_call_id.filter(|call| self.records.owes(&agent.who.id, *call));
        match owed {
            None => Ok(()),
            Some(_) => Err(refused(Code::Conflict, "the call has no label yet: wrapup.set")),
        }
    }
}

fn more(extend_s: Option<u32>) -> Option<Duration> {
    extend_s.filter(|s| *s > 0).map(|s| Duration::from_secs(s.into()))
}
