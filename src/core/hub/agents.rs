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

    pub(super) fn apply(&mut self, agent: &Agent) {
        self.0.insert(agent.who.id.clone(), Arc::new(agent.clone()));
    }

    pub(super) fn all(&self) -> Vec<Arc<Agent>> {
        self.0.values().cloned().collect()
    }

    pub(super) fn one(&self, id: &str) -> Vec<Arc<Agent>> {
        self.0.get(id).cloned().into_iter().collect()
    }
}
