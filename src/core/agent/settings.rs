//! What a site sets about agents.

use std::sync::Arc;
use std::time::Duration;

/// What follows a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCall {
    /// Nothing: ready at once.
    Nothing,
    /// Work that ends by itself.
    Timed(Duration),
    /// Work until the agent ends it.
    Untimed,
}

/// What follows a call that rang out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The agent is not ready, reason `ring_no_answer`.
    NotReady,
    /// The agent stays ready.
    Ready,
}

/// Rules for all agents of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPolicy {
    /// After a call of an agent who was ready.
    pub after_call: AfterCall,
    /// Longest work after a call, extensions included.
    pub after_call_max: Duration,
    /// After a call that rang out.
    pub no_answer: NoAnswer,
    /// Reasons that an agent may give; empty: any.
    pub reasons: Vec<String>,
}

impl Default for AgentPolicy {
    fn default() -> Self {
        Self {
            after_call: AfterCall::Timed(Duration::from_secs(30)),
            after_call_max: Duration::from_secs(300),
            no_answer: NoAnswer::NotReady,
            reasons: Vec::new(),
        }
    }
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSettings {
    /// Name in the configuration.
    pub id: Arc<str>,
    /// For people.
    pub name: String,
    /// Team; empty: none.
    pub team: String,
    /// Skills, for desks.
    pub skills: Vec<String>,
    /// Device in the PBX's words: `PJSIP/1001`, `user/1001`.
    pub device: String,
    /// PBX of the device; empty: none is linked.
    pub pbx: String,
    /// Queues.
    pub queues: Vec<String>,
}
