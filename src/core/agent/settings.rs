//! What a site sets about agents.

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
    /// Rest between a call and the next, which nobody shortens; zero: none.
    pub legal_guard: Duration,
    /// An agent whose last desktop has been gone for so long takes no calls; `None`: never.
    pub desk_lost: Option<Duration>,
    /// Reasons that an agent may give; empty: any.
    pub reasons: Vec<String>,
}

impl Default for AgentPolicy {
    fn default() -> Self {
        Self {
            after_call: AfterCall::Timed(Duration::from_secs(30)),
            after_call_max: Duration::from_secs(300),
            no_answer: NoAnswer::NotReady,
            legal_guard: Duration::ZERO,
            desk_lost: None,
            reasons: Vec::new(),
        }
    }
}
