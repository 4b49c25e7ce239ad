//! Queues of mod_callcenter, and registrations.
//!
//! An agent of mod_callcenter is one for all its queues, and an event about it names no queue. So
//! the session remembers who is in which: from a snapshot, and from every call that is offered.

use super::event::EslEvent;
use super::model::{Model, id_in, said};
use crate::pbx::{ChannelId, Dequeued, DeviceState, Fact, Member, Observed};
use std::collections::{BTreeMap, BTreeSet};

/// Agents that are remembered. Beyond: nothing is told of the newest.
const AGENTS_MAX: usize = 10_000;

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Agent {
    /// `Available`, `On Break`, `Logged Out`; empty: unknown.
    pub status: String,
    /// `Waiting`, `Receiving`, `In a queue call`, `Idle`, `Reserved`; empty: unknown.
    pub state: String,
    /// Its queues.
    pub queues: BTreeSet<String>,
}

impl Agent {
    /// Its place in each of its queues.
    pub fn members(&self, name: &str) -> impl Iterator<Item = Member> {
        let away = matches!(self.status.as_str(), "On Break" | "Logged Out");
        let state = match (self.status.as_str(), self.state.as_str()) {
            ("Logged Out", _) => DeviceState::Unavailable,
            (_, "Waiting" | "Idle" | "Reserved") => DeviceState::Idle,
            (_, "Receiving") => DeviceState::Ringing,
            (_, "In a queue call") => DeviceState::InUse,
            _ => DeviceState::Unknown,
        };
        let reason = if away { self.status.clone() } else { String::new() };
        let device = name.to_owned();
        self.queues.iter().map(move |queue| Member {
            queue: queue.clone(),
            device: device.clone(),
            present: true,
            paused: away,
            reason: reason.clone(),
            state,
            wrapping_up: false,
        })
    }
}

/// All agents by name.
#[derive(Debug, Default)]
pub(super) struct Agents {
    table: BTreeMap<String, Agent>,
}

impl Agents {
    /// One agent, made if it is not there; `None` if the table is full.
    pub fn entry(&mut self, name: &str) -> Option<&mut Agent> {
        if !self.table.contains_key(name) && self.table.len() >= AGENTS_MAX {
            return None;
        }
        Some(self.table.entry(name.to_owned()).or_default())
    }

    /// Every place in every queue.
    pub fn members(&self) -> Vec<Member> {
        self.table.iter().flat_map(|(name, agent)| agent.members(name)).collect()
    }

    /// Takes the answers of `callcenter_config agent list` and `tier list`.
    pub fn replace(&mut self, agents: &str, tiers: &str) {
        self.table.clear();
        for row in rows(agents) {
            if let (Some(name), Some(status), Some(state)) =
                (row.get("name"), row.get("status"), row.get("state"))
                && let Some(agent) = self.entry(name)
            {
                agent.status = (*status).to_owned();
                agent.state = (*state).to_owned();
            }
        }
        for row in rows(tiers) {
            if let (Some(queue), Some(name)) = (row.get("queue"), row.get("agent"))
                && let Some(agent) = self.table.get_mut(*name)
            {
                agent.queues.insert((*queue).to_owned());
            }
        }
    }
}

/// A table in mod_callcenter's words: a line of names, lines of values, then `+OK`.
fn rows(text: &str) -> impl Iterator<Item = BTreeMap<&str, &str>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split('|').collect();
    lines
        .filter(|line| line.contains('|'))
        .map(move |line| names.iter().copied().zip(line.split('|')).collect::<BTreeMap<_, _>>())
}

impl Model {
    /// Reads an event of a module.
    pub(super) fn custom(&mut self, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        match event.text("Event-Subclass") {
            Some("callcenter::info") => self.callcenter(event, out),
            Some("sofia::register") => self.device(event, true, out),
            Some("sofia::unregister" | "sofia::expire") => self.device(event, false, out),
            _ => {}
        }
    }

    fn callcenter(&mut self, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let queue = event.text("CC-Queue").unwrap_or_default();
        let caller = id_in(event, "CC-Member-Session-UUID");
        match (event.text("CC-Action").unwrap_or_default(), caller) {
            ("member-queue-start" | "member-queue-resume", Some(channel)) => {
                self.queued(channel, queue, event, out);
            }
            ("bridge-agent-start", Some(channel)) => {
                self.dequeued(channel, queue, Dequeued::Answered, event, out);
            }
            ("member-queue-end", Some(channel)) => {
                let why = match (event.text("CC-Cause"), event.text("Answer-State")) {
                    (Some("Terminated"), _) => Dequeued::Answered,
                    (_, Some("hangup")) => Dequeued::Abandoned,
                    _ => Dequeued::Left,
                };
                self.dequeued(channel, queue, why, event, out);
            }
            ("bridge-agent-fail", caller) => missed(queue, caller, event, out),
            ("agent-offering" | "agent-state-change" | "agent-status-change", _) => {
                self.agent(queue, event, out);
            }
            _ => {}
        }
    }

    fn queued(
        &mut self,
        channel: ChannelId,
        queue: &str,
        event: &EslEvent<'_>,
        out: &mut Vec<Observed>,
    ) {
        let Some(known) = self.channels.entry(&channel) else { return };
        if known.queue.as_deref() != Some(queue) {
            known.queue = Some(queue.to_owned());
            let queue = queue.to_owned();
            out.push(said(event, Fact::Queued { channel, queue, position: None }));
        }
    }

    /// The end of a queue is told by two events when an agent took the call: the first counts.
    fn dequeued(
        &mut self,
        channel: ChannelId,
        queue: &str,
        why: Dequeued,
        event: &EslEvent<'_>,
        out: &mut Vec<Observed>,
    ) {
        let count = self.channels.count;
        let Some(known) = self.channels.get_mut(&channel) else { return };
        known.touched = count;
        if known.queue.take().is_some() {
            let queue = queue.to_owned();
            out.push(said(event, Fact::Dequeued { channel, queue, why }));
        }
    }

    fn agent(&mut self, queue: &str, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
        let Some(name) = event.text("CC-Agent") else { return };
        let Some(agent) = self.agents.entry(name) else { return };
        let before = agent.clone();
        if !queue.is_empty() {
            agent.queues.insert(queue.to_owned());
        }
        if let Some(state) = event.text("CC-Agent-State") {
            agent.state = state.to_owned();
        }
        if let Some(status) = event.text("CC-Agent-Status") {
            agent.status = status.to_owned();
        }
        if *agent != before {
            out.extend(agent.members(name).map(|member| said(event, Fact::Member(member))));
        }
    }

    /// A registration says nothing of calls: a device that talks goes on talking.
    fn device(&self, event: &EslEvent<'_>, registered: bool, out: &mut Vec<Observed>) {
        // An event of an expired registration has `user`; the others have the user of the
        // registration in `from-user`.
        let user = event.text("from-user").or_else(|| event.text("user"));
        let (Some(profile), Some(user)) = (event.text("profile-name"), user) else { return };
        let device = format!("sofia/{profile}/{user}");
        let state = self.device_state(&device, registered);
        out.push(said(event, Fact::Device { device, state }));
    }

    /// State of a device.
    pub(super) fn device_state(&self, device: &str, registered: bool) -> DeviceState {
        let mut own = self.channels.iter().filter(|(_, known)| known.info.endpoint == device);
        let mut busy = own.clone();
        match (registered, busy.any(|(_, known)| known.answered.is_some()), own.next()) {
            (_, true, _) => DeviceState::InUse,
            (false, false, _) => DeviceState::Unavailable,
            (true, false, Some(_)) => DeviceState::Ringing,
            (true, false, None) => DeviceState::Idle,
        }
    }
}

/// An agent did not take the call; that the caller gave up is not its fault.
fn missed(queue: &str, caller: Option<ChannelId>, event: &EslEvent<'_>, out: &mut Vec<Observed>) {
    let cause = event.text("CC-Hangup-Cause");
    let (Some(device), queue) = (event.text("CC-Agent"), queue.to_owned()) else { return };
    if !matches!(cause, Some("ORIGINATOR_CANCEL" | "LOSE_RACE" | "PICKED_OFF")) {
        let device = device.to_owned();
        out.push(said(event, Fact::Missed { queue, device, caller }));
    }
}
