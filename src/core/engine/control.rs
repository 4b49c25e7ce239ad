//! What a command means now: who may ask for it, whether the state permits it, and the order or
//! input that carries it out.

use super::agents::short_device;
use super::commands::{CommandKey, refused};
use super::input::PbxIx;
use super::overrides::Act;
use super::people::Note;
use super::request::{CommandRequest, CommandTarget, Current};
use super::writer::Engine;
use crate::agent::AgentInput;
use crate::hub::Role;
use crate::model::{
    Action, Call, CallId, CallTopic, CommandCode as Code, CommandError, CommandOp as Op,
    ConnectionState, DATA_KEY_BYTES_MAX, DATA_KEYS_MAX, DATA_VALUE_BYTES_MAX, EventKind as K, Leg,
    LegId, LegRole, Now, Pii,
};
use crate::pbx::{ChannelId, Order};
use std::sync::Arc;

/// Longest number that is passed on.
const NUMBER_BYTES_MAX: usize = 64;
/// Keys at once.
const DIGITS_MAX: usize = 32;
/// Q.850 cause of a leg that a desk ends: normal clearing.
const NORMAL: u8 = 16;
/// The same of one that only rings: call rejected.
const REJECTED: u8 = 21;
/// An agent's phone rings so long for a call that the agent has asked for, in seconds.
const RING_S: u32 = 30;

pub(super) type Refused = (CommandError, Current);

/// A call to be made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DialAsk {
    pub(super) pbx: PbxIx,
    pub(super) device: String,
    pub(super) to: Pii<String>,
    pub(super) purpose: Option<String>,
    pub(super) topic: CallTopic,
    pub(super) ring_s: u32,
}

/// What carries a command out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Order { pbx: PbxIx, order: Order, call: CallId },
    Agent { at: usize, input: AgentInput },
    Dial(Box<DialAsk>),
    Note { call: CallId, note: Note },
    Override { act: Act, request: Box<CommandRequest> },
}

/// A command that may be carried out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) step: Step,
    /// Leg it is about.
    pub(super) leg: Option<LegId>,
}

/// Events that an order about a call leads to.
pub(super) fn leads_to(op: Op) -> &'static [K] {
    match op {
        Op::CallAnswer => &[K::CallEstablished],
        Op::CallHold => &[K::CallHeld],
        Op::CallRetrieve => &[K::CallRetrieved],
        Op::CallTransferBlind => &[K::CallTransferred],
        Op::CallTransferConsult => &[K::CallHeld, K::CallOriginated],
        Op::CallTransferComplete => {
            &[K::CallTransferred, K::CallRetrieved, K::CallTransferUnconfirmed]
        }
        Op::CallTransferCancel => &[K::CallRetrieved],
        Op::CallConference => &[K::CallConferenced, K::CallRetrieved],
        Op::CallHangup => &[K::CallConnectionCleared, K::CallCleared],
        Op::CallDtmf => &[K::CallDtmf],
        Op::CallData => &[K::CallDataUpdated],
        Op::CallIdentity => &[K::CallIdentified],
        Op::CallLabel | Op::WrapUpSet => &[K::CallLabelled],
        Op::CallDial
        | Op::AgentLogin
        | Op::AgentLogout
        | Op::AgentState
        | Op::WrapUpExtend
        | Op::WrapUpFinish
        | Op::OverrideRequest
        | Op::OverrideApprove
        | Op::OverrideRevoke => &[],
    }
}

/// Commands of which one leg bears one at a time.
pub(super) fn changes_leg(op: Op) -> bool {
    match op {
        Op::CallAnswer
        | Op::CallHold
        | Op::CallRetrieve
        | Op::CallTransferBlind
        | Op::CallTransferConsult
        | Op::CallTransferComplete
        | Op::CallTransferCancel
        | Op::CallConference => true,
        // A call can always be ended.
        Op::CallHangup | Op::CallDtmf | Op::CallData => false,
        Op::CallIdentity | Op::CallLabel | Op::CallDial => false,
        Op::AgentLogin | Op::AgentLogout | Op::AgentState => false,
        Op::WrapUpSet | Op::WrapUpExtend | Op::WrapUpFinish => false,
        Op::OverrideRequest | Op::OverrideApprove | Op::OverrideRevoke => false,
    }
}

/// What the leg's state has to permit.
fn action_of(op: Op) -> Option<Action> {
    Some(match op {
        Op::CallAnswer => Action::Answer,
        Op::CallHold => Action::Hold,
        Op::CallRetrieve => Action::Retrieve,
        Op::CallTransferBlind => Action::TransferBlind,
        Op::CallTransferConsult => Action::TransferConsult,
        Op::CallTransferComplete => Action::TransferComplete,
        Op::CallTransferCancel => Action::TransferCancel,
        Op::CallConference => Action::Conference,
        Op::CallHangup => Action::Hangup,
        Op::CallDtmf => Action::Dtmf,
        Op::CallData => Action::Data,
        Op::CallIdentity => Action::Identity,
        // A label may come when the leg is gone.
        Op::CallDial
        | Op::CallLabel
        | Op::AgentLogin
        | Op::AgentLogout
        | Op::AgentState
        | Op::WrapUpSet
        | Op::WrapUpExtend
        | Op::WrapUpFinish
        | Op::OverrideRequest
        | Op::OverrideApprove
        | Op::OverrideRevoke => return None,
    })
}

impl Engine {
    /// What the command means now, or why it may not be carried out.
    pub(super) fn plan(&self, now: Now, request: &CommandRequest) -> Result<Plan, Refused> {
        match request.who.role {
            Role::Agent | Role::Supervisor | Role::Service => {}
            Role::Ops | Role::Auditor | Role::Wallboard => {
                return Err(refused(Code::Forbidden, "the token's role may give no commands"));
            }
        }
        match (action_of(request.op), request.op) {
            (Some(action), _) => self.plan_leg(now, request, action),
            (None, Op::CallDial) => self.plan_dial(now, request),
            (None, Op::OverrideRequest | Op::OverrideApprove | Op::OverrideRevoke) => {
                self.plan_override(now, request)
            }
            (None, Op::CallLabel | Op::WrapUpSet) => self.plan_label(now, request),
            (None, _) => self.plan_agent(request),
        }
    }

    fn plan_leg(
        &self,
        now: Now,
        request: &CommandRequest,
        action: Action,
    ) -> Result<Plan, Refused> {
        let missing = || refused(Code::BadRequest, "target.call is the id of a call");
        let id = request.target.call.ok_or_else(missing)?;
        let gone = || refused(Code::NotFound, "no such call is live");
        let call = self.table.get(id).ok_or_else(gone)?.machine.shared();
        let leg = self.own_leg(request, &call, action)?;
        let current = || Current::Call(call.clone());
        let conflict = |msg: &str| (CommandError::plain(Code::Conflict, msg), current());
        if request.if_rev.is_some_and(|rev| rev != call.rev) {
            return Err(conflict("the call is not as it was seen"));
        }
        if !leg.permitted_actions().contains(&action) {
            return Err(conflict("the state of the leg does not permit it"));
        }
        let key = CommandKey { user: request.who.user.as_str().into(), id: request.id };
        if changes_leg(request.op) && self.commands.is_busy(id, leg.id, &key) {
            return Err(conflict("another command is about to change the leg"));
        }
        self.check_handover(request, &call)?;
        if request.op == Op::CallIdentity {
            return self.plan_identity(now, request, &call, leg.id);
        }
        let Some(channel) = &leg.channel else {
            return Err(conflict("no control link has shown the leg"));
        };
        let name = |name: &str| self.switch_named(name);
        let unlinked = || refused(Code::SwitchUnavailable, "the PBX has no control link");
        let pbx = name(&channel.pbx).ok_or_else(unlinked)?;
        let order = order(request, &call, leg, ChannelId(channel.id.clone()))?;
        Ok(Plan { step: Step::Order { pbx, order, call: id }, leg: Some(leg.id) })
    }

    /// The leg of the user's device, the first that the act fits; a service has any.
    fn own_leg<'c>(
        &self,
        request: &CommandRequest,
        call: &'c Arc<Call>,
        action: Action,
    ) -> Result<&'c Leg, Refused> {
        let inside =
            |leg: &&Leg| matches!(leg.role, LegRole::Agent | LegRole::Trunk | LegRole::Consult);
        let live = |leg: &&Leg| leg.state != ConnectionState::Null;
        let mine: Vec<&Leg> = call
            .legs
            .iter()
            .filter(inside)
            .filter(live)
            .filter(|leg| self.may_use(request, &leg.device))
            .collect();
        if let Some(wanted) = request.target.leg {
            let known = call.legs.iter().any(|leg| leg.id == wanted);
            return mine.into_iter().find(|leg| leg.id == wanted).ok_or_else(|| match known {
                true => refused(Code::Forbidden, "the leg is not of the user's device"),
                false => refused(Code::NotFound, "the call has no such leg"),
            });
        }
        let fits = mine.iter().find(|leg| leg.permitted_actions().contains(&action));
        let leg = fits.or(mine.first()).copied();
        leg.ok_or_else(|| refused(Code::Forbidden, "no leg of the call is of the user's device"))
    }

    /// Services act for any device, all others for those of their token and of their agent.
    fn may_use(&self, request: &CommandRequest, device: &str) -> bool {
        let wanted = short_device(&request.target.device);
        let device = short_device(device);
        if !wanted.is_empty() && wanted != device {
            return false;
        }
        let who = &request.who;
        who.role == Role::Service
            || who.devices.iter().any(|d| short_device(d) == device)
            || self.own_seat(request).is_some_and(|agent| short_device(&agent.who.device) == device)
            || self.may_override(request, device)
    }

    /// A supervisor completes a transfer in the place of an agent of the team.
    fn may_override(&self, request: &CommandRequest, device: &str) -> bool {
        let agent = self.agent_at(None, device).and_then(|id| self.roster.named(&id));
        let team = agent.and_then(|at| self.roster.agent(at)).map(|agent| &agent.who.team);
        let over = request.op == Op::CallTransferComplete && request.args.r#override;
        let over = over && request.who.role == Role::Supervisor;
        over && team.is_some_and(|team| request.who.reaches_team(team))
    }

    fn own_seat(&self, request: &CommandRequest) -> Option<&crate::model::Agent> {
        self.roster.agent(self.roster.named(&request.who.agent)?)
    }

    /// Place of a PBX by its name.
    fn switch_named(&self, name: &str) -> Option<PbxIx> {
        let at = self.config.switches.iter().position(|s| s.name == name)?;
        u16::try_from(at).ok().map(PbxIx)
    }

    /// The agent that a command is about, for its event.
    pub(super) fn agent_of(&self, request: &CommandRequest) -> Option<String> {
        let named = Some(&request.target.agent).filter(|agent| !agent.is_empty());
        let agent = named.unwrap_or(&request.who.agent);
        Some(agent.clone()).filter(|agent| self.roster.named(agent).is_some())
    }

    fn plan_dial(&self, _now: Now, request: &CommandRequest) -> Result<Plan, Refused> {
        let to = number(request)?;
        let agent = self.agent_of(request).and_then(|id| self.roster.named(&id));
        let of_agent = agent.and_then(|at| self.roster.agent(at)).map(|a| a.who.device.clone());
        let wanted = Some(request.target.device.clone()).filter(|d| !d.is_empty());
        let device = wanted.or(of_agent.filter(|d| !d.is_empty()));
        let device = device.or_else(|| request.who.devices.first().cloned());
        let missing =
            || refused(Code::BadRequest, "target.device: no device is known to call from");
        let device = device.ok_or_else(missing)?;
        let asked = CommandRequest { target: CommandTarget::default(), ..request.clone() };
        if !self.may_use(&asked, &device) {
            return Err(refused(Code::Forbidden, "the device is not the user's"));
        }
        let of_agent = agent.and_then(|at| self.roster.pbx_of(at));
        let linked: Vec<usize> = (0..self.config.switches.len())
            .filter(|at| !self.config.switches[*at].links.is_empty())
            .collect();
        let only = match linked.as_slice() {
            [only] => u16::try_from(*only).ok().map(PbxIx),
            _ => None,
        };
        let unknown = || refused(Code::BadRequest, "it is not known which PBX has the device");
        let pbx = of_agent.or(only).ok_or_else(unknown)?;
        if self.boards.link_up(pbx, 0).is_none() {
            return Err(refused(Code::SwitchUnavailable, "no link to the PBX is up"));
        }
        let purpose = Some(request.args.purpose.clone()).filter(|p| !p.is_empty());
        let topic = request.args.topic.clone();
        if !topic.fits() {
            let msg = "args.facts: one line of 128 bytes at most each";
            return Err(refused(Code::BadRequest, msg));
        }
        let ask = DialAsk { pbx, device, to, purpose, topic, ring_s: RING_S };
        Ok(Plan { step: Step::Dial(Box::new(ask)), leg: None })
    }
}

fn number(request: &CommandRequest) -> Result<Pii<String>, Refused> {
    let to = request.args.to.reveal();
    let digits = to.strip_prefix('+').unwrap_or(to);
    let dialable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '#' | '-' | '_' | '.');
    let fits = !digits.is_empty() && to.len() <= NUMBER_BYTES_MAX && digits.chars().all(dialable);
    match fits {
        true => Ok(request.args.to.clone()),
        false => Err(refused(Code::BadRequest, "args.to is a number of 1 to 64 characters")),
    }
}

/// The order about a leg.
fn order(
    request: &CommandRequest,
    call: &Call,
    leg: &Leg,
    channel: ChannelId,
) -> Result<Order, Refused> {
    let args = &request.args;
    Ok(match request.op {
        Op::CallAnswer => Order::Answer(channel),
        Op::CallHold => Order::Hold(channel),
        Op::CallRetrieve => Order::Retrieve(channel),
        Op::CallTransferBlind => {
            let peer = peer(call, leg);
            Order::TransferBlind { by: channel, peer, to: number(request)? }
        }
        Op::CallTransferConsult => Order::Consult { by: channel, to: number(request)? },
        Op::CallTransferComplete => Order::TransferComplete { by: channel },
        Op::CallTransferCancel => Order::ConsultCancel { by: channel },
        Op::CallConference => Order::Conference { by: channel },
        Op::CallHangup => {
            let q850 = if leg.state == ConnectionState::Alerting { REJECTED } else { NORMAL };
            Order::Hangup { channel, q850 }
        }
        Op::CallDtmf => {
            let keys = |c: char| matches!(c, '0'..='9' | '*' | '#' | 'A'..='D');
            let fits = (1..=DIGITS_MAX).contains(&args.digits.len());
            if !fits || !args.digits.chars().all(keys) {
                return Err(refused(Code::BadRequest, "args.digits are 1 to 32 of 0-9 * # A-D"));
            }
            Order::Dtmf { channel, digits: args.digits.clone() }
        }
        Op::CallData => {
            check_data(request, call)?;
            Order::SetData { channel, key: args.key.clone(), value: args.value.clone() }
        }
        Op::CallIdentity
        | Op::CallLabel
        | Op::CallDial
        | Op::AgentLogin
        | Op::AgentLogout
        | Op::AgentState
        | Op::WrapUpSet
        | Op::WrapUpExtend
        | Op::WrapUpFinish
        | Op::OverrideRequest
        | Op::OverrideApprove
        | Op::OverrideRevoke => {
            return Err(refused(Code::BadRequest, "no command for the PBX about a leg"));
        }
    })
}

fn check_data(request: &CommandRequest, call: &Call) -> Result<(), Refused> {
    let (key, value) = (&request.args.key, request.args.value.reveal());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if key.is_empty() || key.len() > DATA_KEY_BYTES_MAX || !key.chars().all(plain) {
        let msg = "args.key is 1 to 64 letters, digits, _ - .";
        return Err(refused(Code::BadRequest, msg));
    }
    if value.len() > DATA_VALUE_BYTES_MAX || value.contains(['\r', '\n', '\0']) {
        return Err(refused(Code::BadRequest, "args.value is one line of 1024 bytes at most"));
    }
    if call.data.len() >= DATA_KEYS_MAX && !call.data.contains_key(key) {
        return Err(refused(Code::LimitExceeded, "a call has 32 values at most"));
    }
    Ok(())
}

/// The other party, where there is only one.
fn peer(call: &Call, leg: &Leg) -> Option<ChannelId> {
    let live = |other: &&Leg| other.id != leg.id && other.state != ConnectionState::Null;
    let mut others = call.legs.iter().filter(live);
    match (others.next(), others.next()) {
        (Some(only), None) => only.channel.as_ref().map(|c| ChannelId(c.id.clone())),
        _ => None,
    }
}
