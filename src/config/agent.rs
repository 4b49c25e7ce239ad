//! `[agents]` and `[agent.<name>]`: who works here, and by which rules.

use super::validate::Check;
use super::{Config, ConfigError};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `[agents]`: rules for all agents.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agents {
    /// What follows a call of an agent who was ready: `timed` (default), `untimed` or `none`.
    pub after_call: AfterCall,
    /// Timed work after a call, in s. Default 30.
    pub acw_s: u32,
    /// Longest work after a call with all extensions, in s. Default 300.
    pub acw_max_s: u32,
    /// After a call that rang out: `not_ready` (default, reason `ring_no_answer`) or `ready`.
    pub ring_no_answer: RingNoAnswer,
    /// Rest between a call and the next, which nobody shortens, in s. Default 0: none.
    pub legal_guard_s: u32,
    /// An agent whose last desktop has been gone for so long, in s, is not ready (reason
    /// `desk_lost`). Default 0: never.
    pub desk_lost_s: u32,
    /// Reasons that an agent may give for not being ready. Default: any of up to 64 bytes.
    pub not_ready_reasons: Vec<String>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            after_call: AfterCall::Timed,
            acw_s: 30,
            acw_max_s: 300,
            ring_no_answer: RingNoAnswer::NotReady,
            legal_guard_s: 0,
            desk_lost_s: 0,
            not_ready_reasons: Vec::new(),
        }
    }
}

/// What follows a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterCall {
    /// Work that ends after `acw_s`.
    Timed,
    /// Work until the agent ends it.
    Untimed,
    /// Nothing.
    None,
}

/// What follows a call that rang out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingNoAnswer {
    /// The agent is not ready.
    NotReady,
    /// The agent stays ready.
    Ready,
}

/// `[agent.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// For people. Default: the name of the section.
    pub name: Option<String>,
    /// Device in the PBX's words: `PJSIP/1001`, `user/1001`, `1001@default`.
    pub device: String,
    /// PBX of the device. Default: the only one.
    pub pbx: Option<String>,
    /// Queues that the agent is put into at login, and paused in while not ready.
    #[serde(default)]
    pub queues: Vec<String>,
    /// Team, for desks.
    #[serde(default)]
    pub team: String,
    /// Skills, for desks.
    #[serde(default)]
    pub skills: Vec<String>,
}

pub(super) fn validate(config: &Config, check: &Check<'_>) -> Result<(), ConfigError> {
    let rules = &config.agents;
    let fits = (1..=3600).contains(&rules.acw_max_s);
    check.require(fits, "agents", "acw_max_s", &rules.acw_max_s, "1 to 3600 (s)")?;
    let fits = (1..=rules.acw_max_s).contains(&rules.acw_s);
    check.require(fits, "agents", "acw_s", &rules.acw_s, "1 to acw_max_s (s)")?;
    for (key, value) in [("legal_guard_s", rules.legal_guard_s), ("desk_lost_s", rules.desk_lost_s)]
    {
        check.require(value <= 3600, "agents", key, &value, "0 (none) to 3600 (s)")?;
    }
    let reasons = &rules.not_ready_reasons;
    let fits = reasons.iter().all(|r| !r.is_empty() && r.len() <= 64);
    check.require(fits, "agents", "not_ready_reasons", reasons, "texts of 1 to 64 bytes")?;
    let names: Vec<&str> = config.pbx.keys().map(String::as_str).collect();
    let mut devices = BTreeMap::new();
    for (id, agent) in &config.agent {
        let section = format!("agent.{id}");
        let fits = !agent.device.is_empty() && agent.device.len() <= 128;
        check.require(fits, &section, "device", &agent.device, "a device of 1 to 128 bytes")?;
        let known = agent.pbx.as_deref().is_none_or(|pbx| names.contains(&pbx));
        let allowed = format!("one of the PBXs: {}", names.join(", "));
        check.require(known, &section, "pbx", &agent.pbx, &allowed)?;
        let clear = agent.pbx.is_some() || names.len() <= 1;
        let allowed = format!("needed, there are several PBXs: {}", names.join(", "));
        check.require(clear, &section, "pbx", &agent.pbx, &allowed)?;
        let other = devices.insert((agent.pbx.clone(), agent.device.clone()), id);
        let allowed = format!("not the device of {}", other.map_or("", String::as_str));
        check.require(other.is_none(), &section, "device", &agent.device, &allowed)?;
    }
    Ok(())
}
