//! `[agents]` and `[agent.<name>]` for the engine.

use crate::config::{AfterCall, Config, RingNoAnswer};
use std::time::Duration;
use trunkline_core::agent::{self, AgentPolicy, NoAnswer};
use trunkline_core::engine::AgentsConfig;
use trunkline_core::model::AgentSettings;

/// Agents and their rules.
pub(super) fn agents(config: &Config) -> AgentsConfig {
    let rules = &config.agents;
    let policy = AgentPolicy {
        after_call: match rules.after_call {
            AfterCall::Timed => agent::AfterCall::Timed(Duration::from_secs(rules.acw_s.into())),
            AfterCall::Untimed => agent::AfterCall::Untimed,
            AfterCall::None => agent::AfterCall::Nothing,
        },
        after_call_max: Duration::from_secs(rules.acw_max_s.into()),
        no_answer: match rules.ring_no_answer {
            RingNoAnswer::NotReady => NoAnswer::NotReady,
            RingNoAnswer::Ready => NoAnswer::Ready,
        },
        legal_guard: Duration::from_secs(rules.legal_guard_s.into()),
        desk_lost: (rules.desk_lost_s > 0).then(|| Duration::from_secs(rules.desk_lost_s.into())),
        reasons: rules.not_ready_reasons.clone(),
    };
    let only = config.pbx.keys().next().filter(|_| config.pbx.len() == 1);
    let settings = |(id, agent): (&String, &crate::config::Agent)| AgentSettings {
        id: id.as_str().into(),
        name: agent.name.clone().unwrap_or_else(|| id.clone()),
        team: agent.team.clone(),
        skills: agent.skills.clone(),
        device: agent.device.clone(),
        pbx: agent.pbx.as_ref().or(only).cloned().unwrap_or_default(),
        queues: agent.queues.clone(),
    };
    AgentsConfig { policy, agents: config.agent.iter().map(settings).collect() }
}
