//! A command of a desk: asked once, answered once, remembered for a day.

use super::{CallId, CommandId, DecisionId, LegId, Party, Wall};
use std::time::Duration;

/// A command is remembered for so long: the same id is not carried out again.
pub const COMMAND_KEPT: Duration = Duration::from_secs(24 * 3600);

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandOp {
    /// Call a number from the agent's device.
    CallDial,
    /// Take the call that rings.
    CallAnswer,
    /// Hold the others.
    CallHold,
    /// And take them back.
    CallRetrieve,
    /// Send the other party on.
    CallTransferBlind,
    /// Ask somebody first.
    CallTransferConsult,
    /// Join who was asked with the others.
    CallTransferComplete,
    /// Back to the others.
    CallTransferCancel,
    /// All hear each other.
    CallConference,
    /// End the leg.
    CallHangup,
    /// Send keys.
    CallDtmf,
    /// Attach a value.
    CallData,
    /// Record that a proof of the customer's identity was checked.
    CallIdentity,
    /// Say what became of the call.
    CallLabel,
    /// Begin work.
    AgentLogin,
    /// End work.
    AgentLogout,
    /// Ready, not ready, work after the call.
    AgentState,
    /// Label the newest call of an agent.
    WrapUpSet,
    /// More time for the work after a call.
    WrapUpExtend,
    /// End of the work after a call.
    WrapUpFinish,
    /// Ask that a call may leave outside of the company's hours.
    OverrideRequest,
    /// Say that it may.
    OverrideApprove,
    /// Take an override back.
    OverrideRevoke,
}

/// How a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandStatus {
    /// Durable; its result is not known yet.
    Accepted,
    /// Carried out.
    Ok,
    /// Refused or failed; nothing goes on.
    Failed,
    /// Its time was over before it could be given to the PBX: nothing was done.
    Expired,
    /// It was accepted, and whether it was carried out cannot be known any more. It is never
    /// carried out again.
    Unknown,
}

/// Why a command is refused or has failed. Names on the wire are in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandCode {
    /// It cannot be read, or an argument is missing.
    BadRequest,
    /// Not this user's to ask.
    Forbidden,
    /// No such call, leg or agent.
    NotFound,
    /// The state does not permit it, or it is not the revision that was meant.
    Conflict,
    /// The same id came before with another body.
    IdempotencyMismatch,
    /// `not_after` is over.
    Expired,
    /// Too many commands of this user.
    RateLimited,
    /// Too many commands in all.
    LimitExceeded,
    /// No link of the PBX can do it.
    Unsupported,
    /// No link to the PBX is up.
    SwitchUnavailable,
    /// The PBX or the far end refused.
    SwitchRejected,
    /// The gate refused.
    PolicyDenied,
    /// No answer in time; it may have been carried out.
    Timeout,
    /// A fault here: the journal does not write.
    Internal,
    /// Who is to take the call over has no desktop that could show the call's data.
    NoDesk,
    /// The desktop of who is to take the call over has not confirmed the call's data in time.
    NotSynced,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// Name.
    pub code: CommandCode,
    /// For a person, without personal data.
    pub msg: String,
    /// SIP status behind it.
    pub sip_status: Option<u16>,
    /// Q.850 cause behind it.
    pub q850: Option<u8>,
    /// The gate's decision.
    pub decision_id: Option<DecisionId>,
    /// Earliest instant at which the gate would allow it, RFC 3339 with offset.
    pub next_allowed_at: Option<String>,
}

impl CommandError {
    /// A code and a text.
    pub fn plain(code: CommandCode, msg: impl Into<String>) -> Self {
        Self {
            code,
            msg: msg.into(),
            sip_status: None,
            q850: None,
            decision_id: None,
            next_allowed_at: None,
        }
    }
}

/// A command after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The client's UUID; unique for its user.
    pub id: CommandId,
    /// 1 when accepted, 2 when done.
    pub rev: u64,
    /// Whose.
    pub user: String,
    /// What.
    pub op: CommandOp,
    /// Call it is about, or the call that came of it.
    pub call_id: Option<CallId>,
    /// Leg it is about.
    pub leg: Option<LegId>,
    /// Agent it is about; empty: none.
    pub agent: String,
    /// Number it names: who was to be called.
    pub to: Option<Party>,
    /// SHA-256 of what was asked: the same id with another body is a mistake.
    pub digest: [u8; 32],
    /// When it was accepted.
    pub accepted_at: Wall,
    /// Not to be begun after this.
    pub not_after: Wall,
    /// How it stands.
    pub status: CommandStatus,
    /// Why it failed.
    pub error: Option<CommandError>,
    /// When it was done.
    pub done_at: Option<Wall>,
}

impl Command {
    /// Its result is known (or known to be unknowable).
    pub fn is_done(&self) -> bool {
        self.status != CommandStatus::Accepted
    }
}
