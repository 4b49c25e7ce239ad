//! One event of the site's log.

use super::{
    Agent, Call, CallId, ClaimEntry, Command, CommandId, Decision, DncEntry, Duty, LegId, Line,
    Link, Moment, Override, Place, Pos, ShadowDiff, Shift, Transferred, Wall,
};
use std::sync::Arc;

/// What happened. CSTA names (ECMA-269) in lower case on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// INVITE forwarded.
    CallOriginated,
    /// 183 with SDP.
    CallNetworkReached,
    /// First 180.
    CallDelivered,
    /// First 2xx.
    CallEstablished,
    /// 182: waits in a queue.
    CallQueued,
    /// 181: rings somewhere else now.
    CallDiverted,
    /// REFER that succeeded, or another call with Replaces: a party has left its place to another.
    CallTransferred,
    /// A party was added: more than two hear each other.
    CallConferenced,
    /// A value was attached to the call.
    CallDataUpdated,
    /// A proof of the customer's identity was checked.
    CallIdentified,
    /// What became of the call; may come after its end.
    CallLabelled,
    /// A call was handed over whose new agent's desktop had not confirmed its data.
    CallTransferUnconfirmed,
    /// A key was pressed.
    CallDtmf,
    /// Held by re-INVITE, or at the PBX.
    CallHeld,
    /// Taken back.
    CallRetrieved,
    /// 4xx-6xx.
    CallFailed,
    /// One leg is gone.
    CallConnectionCleared,
    /// The caller gave up before the answer.
    CallAbandoned,
    /// Last leg gone.
    CallCleared,
    /// The newest state of a call whose events were lost or missed.
    CallResynced,
    /// An outbound call asks the gate.
    OutboundRequested,
    /// The gate said yes.
    OutboundAllowed,
    /// The gate said no.
    OutboundDenied,
    /// A call reached a carrier, or the PBX's way to one, without a decision before it.
    OutboundUngated,
    /// Somebody asks for an override.
    OverrideRequested,
    /// Somebody approved one.
    OverrideApproved,
    /// A call has used one up.
    OverrideUsed,
    /// Somebody took one back.
    OverrideRevoked,
    /// The time of one is over.
    OverrideExpired,
    /// Rules that are tried out would have treated a call otherwise.
    GateShadowDiffers,
    /// Claims were recorded.
    ClaimRecorded,
    /// Claims count no more.
    ClaimWithdrawn,
    /// Do-not-call entries came in.
    DncAdded,
    /// Do-not-call entries hold no more, because two people said so.
    DncRemoved,
    /// A line serves, fails or was taken out.
    LineStateChanged,
    /// A call, or new calls from now on, took a later line than the one before.
    LineFailover,
    /// New calls take an earlier line again.
    LineRecovered,
    /// A line has as many calls as it may; once until it has room again.
    LineCapacityReached,
    /// Something has to be done until a given instant.
    DutyStarted,
    /// It was done in time.
    DutyMet,
    /// It was not.
    DutyBreached,
    /// A control link is up, out of step, down or refused.
    LinkStateChanged,
    /// CSTA SystemStatus.
    SystemStatus,
    /// An agent began work.
    AgentLoggedOn,
    /// An agent ended work.
    AgentLoggedOff,
    /// Takes calls.
    AgentReady,
    /// Takes no calls.
    AgentNotReady,
    /// A call rings at the agent.
    AgentReserved,
    /// The agent is in a call.
    AgentBusy,
    /// Work after a call has begun.
    AgentWorkingAfterCall,
    /// The link to the agent's PBX is lost.
    AgentUnknown,
    /// A desktop of the agent came, went or fell silent.
    AgentDeskChanged,
    /// A command is durable and will be carried out.
    CommandAccepted,
    /// A command has its result.
    CommandDone,
}

/// CSTA SystemStatus values (ECMA-269 §12.2.29).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemState {
    /// Starting.
    Initializing,
    /// Serving.
    Enabled,
    /// Serving again after trouble.
    Normal,
    /// Events were lost.
    MessagesLost,
    /// Stopping.
    Disabled,
    /// Serving with a part missing (the journal, a list).
    PartiallyDisabled,
    /// Close to a limit.
    OverloadImminent,
    /// At a limit.
    OverloadReached,
    /// Below it again.
    OverloadRelieved,
}

/// State of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemStatus {
    /// CSTA value.
    pub state: SystemState,
    /// What and why.
    pub reason: String,
    /// Events lost.
    pub lost: u64,
}

/// The whole entity after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    /// call.*; shared by everybody who keeps it
    Call(Arc<Call>),
    /// outbound.*
    Decision(Box<Decision>),
    /// dnc.*
    Dnc(Vec<DncEntry>),
    /// system.status
    System(Box<SystemStatus>),
    /// line.*
    Line(Box<Line>),
    /// duty.*
    Duty(Box<Duty>),
    /// link.*
    Link(Box<Link>),
    /// agent.*
    Agent(Box<Agent>),
    /// command.*
    Command(Box<Command>),
    /// override.*
    Override(Box<Override>),
    /// gate.shadow_differs
    Shadow(Box<ShadowDiff>),
    /// claim.*
    Claims(Vec<ClaimEntry>),
}

/// What was put right after a restart or a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repair {
    /// The call was live before a restart and its signalling was seen again.
    KnownAgain,
    /// An answer was missed; it is known from later signalling.
    MissedAnswerLearnt,
    /// The call could not be confirmed and was closed.
    StaleCallClosed,
    /// Events of this call were lost; this is its newest state.
    EventsLost,
    /// It began while nobody watched; it is known from the PBX's state.
    BeginningLearnt,
    /// A ring was missed; it is known from the PBX's state.
    MissedRingLearnt,
    /// A hold was missed.
    MissedHoldLearnt,
    /// The end of a hold was missed.
    MissedRetrieveLearnt,
    /// The end of a leg was missed: the PBX does not have it any more.
    MissedEndLearnt,
    /// The PBX was restarted: what it held is gone.
    PbxRestarted,
    /// The control link was away before this: something may have been missed.
    LinkWasAway,
}

/// What only this event knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Leg it is about.
    pub leg: Option<LegId>,
    /// SIP status behind it.
    pub sip_status: Option<u16>,
    /// Both clocks of the moment.
    pub at: Option<Moment>,
    /// Named repair after a restart or a lost link.
    pub repair: Option<Repair>,
    /// line.*, link.*: what moved where, and why.
    pub shift: Option<Box<Shift>>,
    /// call.transferred only.
    pub transfer: Option<Box<Transferred>>,
    /// call.dtmf: the key.
    pub digit: Option<char>,
    /// call.data_updated: which value; call.identified: which kind of factor.
    pub key: Option<Box<str>>,
    /// Agents whose desktops are asked to confirm this event: it shows them the call's data.
    pub confirm_by: Vec<Arc<str>>,
    /// call.transfer_unconfirmed: why, and by whose leave.
    pub waiver: Option<Box<Waiver>>,
    /// outbound.allowed, outbound.denied: the call counts for caps from here on. Desks do not see
    /// it.
    pub place: Option<Box<Place>>,
    /// Command that led to it.
    pub caused_by: Option<Box<CommandId>>,
}

/// A handing over that did not wait for the receiver's desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiver {
    /// User who has taken it upon himself; empty: nobody was asked.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Place in the log.
    pub pos: Pos,
    /// When we made it.
    pub ts: Wall,
    /// What happened.
    pub kind: EventKind,
    /// Entity after it.
    pub entity: Entity,
    /// Own facts.
    pub detail: Detail,
}

impl Event {
    /// The call this event is about, if it is about one.
    pub fn call_id(&self) -> Option<CallId> {
        match &self.entity {
            Entity::Call(call) => Some(call.id),
            Entity::Decision(decision) => decision.call_id,
            Entity::Command(command) => command.call_id,
            Entity::Override(one) => one.call_id,
            Entity::Dnc(_)
            | Entity::System(_)
            | Entity::Line(_)
            | Entity::Duty(_)
            | Entity::Link(_)
            | Entity::Agent(_)
            | Entity::Shadow(_)
            | Entity::Claims(_) => None,
        }
    }
}

/// What one group commit made durable.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Log incarnation.
    pub epoch: super::Epoch,
    /// Events with consecutive positions.
    pub events: Arc<[Event]>,
}
