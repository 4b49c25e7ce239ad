//! Read model of agents.

use crate::model::Agent;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Newest state of each agent.
#[derive(Default)]
pub(super) struct AgentBook(BTreeMap<Arc<str>, Arc<Agent>>);

impl AgentBook {
    pub(super) fn new(agents: Vec<Agent>) -> Self {
        Self(agents.into_iter().map(|a| (a.who.id.clone(), Arc::new(a))).collect())
    }

    /// Takes an agent as an event has it; gives it as it was before.
    pub(super) fn apply(&mut self, agent: &Agent) -> Option<Arc<Agent>> {
        self.0.insert(agent.who.id.clone(), Arc::new(agent.clone()))
    }

    /// By name.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.0.values()
    }

    /// One of them.
    pub(super) fn one(&self, id: &str) -> Option<&Agent> {
        self.0.get(id).map(|agent| &**agent)
    }
}
