//! What an agent is told, and what it tells.

use crate::model::{Agent, CallId, ChangedBy, DeskPresence, EventKind, LegId, WorkMode};
use std::time::Duration;

/// How a leg at the agent's device ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It rang out.
    NoAnswer,
    /// Any other way.
    Other,
}

/// The agent's device in the PBX's queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// In at least one of them.
    pub present: bool,
    /// Paused in all of them, and why.
    pub paused: Option<String>,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentInput {
    /// Begins work.
    Login {
        /// Who says so.
        by: ChangedBy,
        /// `ManualIn` or `AutoIn`; `None`: as before.
        mode: Option<WorkMode>,
        /// Ready at once.
        ready: bool,
    },
    /// Ends work.
    Logout {
        /// Who says so.
        by: ChangedBy,
    },
    /// Takes calls.
    Ready {
        /// Who says so.
        by: ChangedBy,
    },
    /// Takes no calls.
    NotReady {
        /// Who says so.
        by: ChangedBy,
        /// Why.
        reason: String,
    },
    /// Work after the call: asked for during it, or longer than it was to be.
    WrapUp {
        /// Who says so.
        by: ChangedBy,
        /// So much more, within the site's limit; `None`: up to it.
        more: Option<Duration>,
    },
    /// The work after the call is done.
    Finish {
        /// Who says so.
        by: ChangedBy,
    },
    /// A call rings at the device.
    Rings(CallId, LegId),
    /// The device calls somebody.
    Dials(CallId, LegId),
    /// The device talks.
    Talks(CallId, LegId),
    /// That leg is gone.
    Gone(CallId, LegId, Left),
    /// The link to the PBX is lost.
    LinkLost,
    /// The link is in step again; what the PBX's queues say, where the agent is in any.
    InStep(Option<MemberView>),
    /// The PBX's queues say something that was not asked of them.
    Member(MemberView),
    /// Desktops came or went.
    Desk(DeskPresence),
    /// Time has passed.
    Tick,
}

/// One change, with the entity after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentFact {
    /// What happened.
    pub kind: EventKind,
    /// Entity after it.
    pub agent: Agent,
}

/// Why a request is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentRefusal {
    /// The agent has to log in first.
    #[error("the agent is logged out")]
    LoggedOut,
    /// There is no call and no work after one.
    #[error("the agent is in no call and in no work after one")]
    NoCall,
    /// There is no work after a call.
    #[error("the agent is in no work after a call")]
    NoWrapUp,
    /// Not one of the site's reasons.
    #[error("that is none of the site's reasons")]
    UnknownReason,
}
