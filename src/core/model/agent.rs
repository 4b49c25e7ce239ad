//! The agent entity: a person at a device, and whether calls may be given to them.
//!
//! State names are CSTA's (ECMA-269 §6.1.3) where it has one.

use super::{CallId, Wall};
use std::sync::Arc;

/// What calls may expect of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentState {
    /// Not at work.
    LoggedOut,
    /// At work, takes no calls; the reason says why.
    NotReady,
    /// Takes calls.
    Ready,
    /// A call rings at the agent's device.
    Reserved,
    /// The agent is in a call.
    Busy,
    /// Work after a call.
    WorkingAfterCall,
    /// The link to the PBX is lost: nobody knows.
    Unknown,
}

/// How calls follow each other, and what an agent does outside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkMode {
    /// Ready; after a call the agent says when the next may come.
    ManualIn,
    /// Ready; after a call (and its timed work) ready again by itself.
    AutoIn,
    /// Not ready.
    AuxWork,
    /// Work after a call.
    Acw,
    /// The rest after a call that nobody shortens.
    LegalGuard,
}

/// Who changed an agent's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangedBy {
    /// The agent.
    Agent,
    /// Somebody for the agent.
    Supervisor,
    /// A rule of this site: a time that ran out, a call that was not answered.
    System,
    /// The PBX: a call, or a pause that was set there.
    Pbx,
    /// What was found after a lost link or a restart.
    Reconciler,
}

/// Whether a desktop of the agent is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeskPresence {
    /// At least one is.
    Online,
    /// The last one has stopped to answer.
    Unresponsive,
    /// None is.
    #[default]
    Offline,
}

/// What the configuration says of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentSettings {
    /// Name in the configuration.
    pub id: Arc<str>,
    /// For people.
    pub name: String,
    /// Team; empty: none.
    pub team: String,
    /// What the agent can do, for desks.
    pub skills: Vec<String>,
    /// Device in the PBX's words: `PJSIP/1001`, `user/1001`; empty: none.
    pub device: String,
    /// PBX of the device; empty: none is linked.
    pub pbx: String,
    /// Queues the agent works for.
    pub queues: Vec<String>,
}

/// An agent after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// As configured.
    pub who: Arc<AgentSettings>,
    /// Grows by one with each event of this agent.
    pub rev: u64,
    /// State.
    pub state: AgentState,
    /// In it since.
    pub since: Wall,
    /// Where the agent goes when what holds them now is over; `None`: ready.
    pub pending_state: Option<AgentState>,
    /// Why not ready, or why not ready later.
    pub reason: String,
    /// Work mode.
    pub work_mode: WorkMode,
    /// Work or rest after the call ends then by itself.
    pub wrap_up_deadline: Option<Wall>,
    /// The newest call at the device.
    pub last_call_id: Option<CallId>,
    /// Who made the newest change.
    pub changed_by: ChangedBy,
    /// State before; `None`: nothing is known of before.
    pub previous_state: Option<AgentState>,
    /// How long it lasted.
    pub previous_duration_ms: Option<u64>,
    /// Desktop.
    pub desk: DeskPresence,
}

impl Agent {
    /// One of whom nothing is known yet: logged out.
    pub fn new(who: Arc<AgentSettings>, since: Wall) -> Self {
        Self {
            who,
            rev: 0,
            state: AgentState::LoggedOut,
            since,
            pending_state: None,
            reason: String::new(),
            work_mode: WorkMode::AuxWork,
            wrap_up_deadline: None,
            last_call_id: None,
            changed_by: ChangedBy::System,
            previous_state: None,
            previous_duration_ms: None,
            desk: DeskPresence::Offline,
        }
    }
}
