//! A command as it came from a desk, and what the desk is told at once.

use crate::hub::Principal;
use crate::model::{
    Agent, Call, CallId, CallTopic, Command, CommandError, CommandId, CommandOp, LegId, Pii, Pos,
    Wall, WorkMode,
};
use std::sync::Arc;

/// What a command is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandTarget {
    /// Call.
    pub call: Option<CallId>,
    /// Leg; `None`: that of the user's device.
    pub leg: Option<LegId>,
    /// Agent; empty: that of the user.
    pub agent: String,
    /// Device; empty: that of the agent, or the first of the user.
    pub device: String,
}

/// How it is to be done. Empty members say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandArgs {
    /// Number as dialled at the site.
    pub to: Pii<String>,
    /// Why the call is made.
    pub purpose: String,
    /// What else is known of the call to be made.
    pub topic: CallTopic,
    /// Keys.
    pub digits: String,
    /// Name of a value.
    pub key: String,
    /// The value.
    pub value: Pii<String>,
    /// State asked for.
    pub state: String,
    /// Why not ready; why a transfer does not wait.
    pub reason: String,
    /// Work mode.
    pub work_mode: Option<WorkMode>,
    /// More time for the work after a call, in seconds.
    pub extend_s: Option<u32>,
    /// Do not wait for the receiver's desktop.
    pub r#override: bool,
    /// Kind of a proof of identity.
    pub factor: String,
    /// Label of a call.
    pub label: String,
    /// An override.
    pub override_id: String,
}

/// A command as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRequest {
    /// Who asks.
    pub who: Principal,
    /// The client's id.
    pub id: CommandId,
    /// What.
    pub op: CommandOp,
    /// About what.
    pub target: CommandTarget,
    /// How.
    pub args: CommandArgs,
    /// Only if the call (or agent) has this revision.
    pub if_rev: Option<u64>,
    /// Not to be begun after this.
    pub not_after: Option<Wall>,
    /// SHA-256 of all that but `not_after`.
    pub digest: [u8; 32],
}

/// What the desk is told at once.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandAnswer {
    /// Accepted; `ack` and `result` come as events.
    Accepted,
    /// Accepted before: how it stands, and the position of its newest event if this run made it.
    Known(Box<Command>, Option<Pos>),
    /// Not accepted; nothing was done.
    Refused(CommandError, Current),
    /// How commands stand that were asked for; `None`: never accepted.
    Standing(Vec<(CommandId, Option<Command>)>),
}

/// What a condition was not true of.
#[derive(Clone, Debug, PartialEq)]
pub enum Current {
    /// Nothing to show.
    None,
    /// Call.
    Call(Arc<Call>),
    /// Agent.
    Agent(Box<Agent>),
}
