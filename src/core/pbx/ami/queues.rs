//! Events about queues, their members, and devices.

use super::block::Block;
use super::board::Board;
use super::channel::{Stamp, Waits};
use crate::model::{Mono, Now};
use crate::pbx::asterisk::device_state;
use crate::pbx::{ChannelId, Dequeued, DeviceState, EndedBy, Fact, Member};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Devices and members remembered. Beyond: they are told but not remembered.
const REMEMBERED_MAX: usize = 20_000;

/// What is remembered of queues.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Device of a member whose interface is another (`Local/1001@agents`).
    devices: BTreeMap<String, String>,
    /// Devices whose state the PBX tells itself: a contact's word is not needed.
    stateful: BTreeSet<String>,
    /// Members in the queue's after-call time: its end has no event.
    wrapping: BTreeMap<(String, String), (Mono, Member)>,
}

impl Queues {
    fn device(&self, interface: &str) -> String {
        self.devices.get(interface).map_or(interface, String::as_str).to_owned()
    }

    /// What queues call a device.
    pub(super) fn interface<'a>(&'a self, device: &'a str) -> &'a str {
        let mut named = self.devices.iter().filter(|(_, own)| *own == device);
        named.next().map_or(device, |(interface, _)| interface)
    }

    /// A member, from an event or a list.
    pub(super) fn member(
        &mut self,
        block: &Block<'_>,
        interface: &str,
        now: Now,
    ) -> Option<Member> {
        let queue = block.value("Queue")?.to_owned();
        let state = block.value("StateInterface").filter(|s| !s.starts_with("hint:"));
        let device = state.unwrap_or(interface).to_owned();
        if device != interface && self.devices.len() < REMEMBERED_MAX {
            self.devices.insert(interface.to_owned(), device.clone());
        }
        let reason = block.value("PausedReason").or(block.value("Reason")).unwrap_or_default();
        let mut member = Member {
            queue,
            device,
            present: true,
            paused: block.value("Paused") == Some("1"),
            reason: reason.to_owned(),
            state: device_status(block.int("Status")),
            wrapping_up: false,
        };
        self.wrap_up(block, &mut member, now);
        Some(member)
    }

    fn wrap_up(&mut self, block: &Block<'_>, member: &mut Member, now: Now) {
        let key = (member.queue.clone(), member.device.clone());
        let left = wrap_up_left(block, now).filter(|_| self.wrapping.len() < REMEMBERED_MAX);
        let Some(left) = left else {
            self.wrapping.remove(&key);
            return;
        };
        member.wrapping_up = true;
        self.wrapping.insert(key, (now.mono.after(left), member.clone()));
    }
}

/// `LastCall` is in whole seconds of the PBX's clock.
fn wrap_up_left(block: &Block<'_>, now: Now) -> Option<Duration> {
    let wrap_up = block.int::<i64>("Wrapuptime").filter(|s| *s > 0)?;
    let last_call = block.int::<i64>("LastCall").filter(|s| *s > 0)?;
    if block.value("InCall") == Some("1") {
        return None;
    }
    let clock = block.stamp().unwrap_or(now.wall).0;
    let end = last_call.checked_add(wrap_up)?.checked_mul(1_000_000)?;
    u64::try_from(end.checked_sub(clock)?).ok().filter(|left| *left > 0).map(Duration::from_micros)
}

impl Board {
    /// Reads an event about queues or devices.
    pub(super) fn queue_event(&mut self, event: &str, block: &Block<'_>, now: Now) {
        match event {
            "QueueCallerJoin" => self.queue_join(block),
            "QueueCallerLeave" => self.caller_leaves(block, None),
            "QueueCallerAbandon" => self.caller_leaves(block, Some(Dequeued::Abandoned)),
            "AgentConnect" => self.caller_leaves(block, Some(Dequeued::Answered)),
            "AgentRingNoAnswer" => self.missed(block),
            "DeviceStateChange" => self.device_state(block),
            "ExtensionStatus" => self.extension_status(block),
            "ContactStatus" => self.contact_status(block),
            _ if event.starts_with("QueueMember") => self.member_event(event, block, now),
            _ => {}
        }
    }

    /// What is certain by now: ends of after-call times, parties that have taken their call back.
    pub(super) fn tick(&mut self, now: Now) {
        while let Some((_, id)) = self.settling.pop_front_if(|(due, _)| *due <= now.mono) {
            let due = self.channels.get(&id).and_then(|channel| channel.retrieved);
            if due.is_some_and(|(due, _)| due <= now.mono) {
                self.settle(&id);
            }
        }
        let ended = self.queues.wrapping.extract_if(.., |_, (due, _)| *due <= now.mono);
        let members: Vec<Member> = ended.map(|(_, (_, member))| member).collect();
        for member in members {
            self.say(None, Fact::Member(Member { wrapping_up: false, ..member }));
        }
    }

    /// When `tick` has something to do.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let wrapping = self.queues.wrapping.values().map(|(due, _)| *due);
        wrapping.chain(self.settling.front().map(|(due, _)| *due)).min()
    }

    fn queue_join(&mut self, block: &Block<'_>) {
        let (Some(channel), Some(queue)) = (self.ensure(block, ""), block.value("Queue")) else {
            return;
        };
        let (queue, position, since) = (queue.to_owned(), block.int("Position"), block.stamp());
        if let Some(caller) = self.channels.get_mut(&channel) {
            caller.waits = Some(Waits { queue: queue.clone(), position, since, taken: false });
            self.say(since, Fact::Queued { channel, queue, position });
        }
    }

    fn caller_leaves(&mut self, block: &Block<'_>, why: Option<Dequeued>) {
        if let Some(id) = self.known(block, "") {
            self.leaves_queue(&id, block.stamp(), why);
        }
    }

    /// `QueueCallerLeave` does not say why, and comes before `AgentConnect`, but after the answer
    /// of the agent and after `QueueCallerAbandon`.
    pub(super) fn leaves_queue(&mut self, id: &ChannelId, at: Stamp, why: Option<Dequeued>) {
        let Some(caller) = self.channels.get_mut(id) else { return };
        let Some(waits) = caller.waits.take() else { return };
        let gone = caller.ended_by == Some(EndedBy::Party);
        let why = why.unwrap_or(match (waits.taken, gone) {
            (true, _) => Dequeued::Answered,
            (false, true) => Dequeued::Abandoned,
            (false, false) => Dequeued::Left,
        });
        self.say(at, Fact::Dequeued { channel: id.clone(), queue: waits.queue, why });
    }

    fn missed(&mut self, block: &Block<'_>) {
        let (Some(queue), Some(interface)) = (block.value("Queue"), block.value("Interface"))
        else {
            return;
        };
        let (queue, device) = (queue.to_owned(), self.queues.device(interface));
        self.say(block.stamp(), Fact::Missed { queue, device, caller: Self::id(block, "") });
    }

    fn member_event(&mut self, event: &str, block: &Block<'_>, now: Now) {
        let Some(interface) = block.value("Interface") else { return };
        let Some(mut member) = self.queues.member(block, interface, now) else { return };
        member.present = event != "QueueMemberRemoved";
        if !member.present {
            self.queues.wrapping.remove(&(member.queue.clone(), member.device.clone()));
        }
        self.say(block.stamp(), Fact::Member(member));
    }

    fn device_state(&mut self, block: &Block<'_>) {
        let (Some(device), Some(state)) = (block.value("Device"), block.value("State")) else {
            return;
        };
        self.stateful(block, device, device_state(state));
    }

    /// A hint of one device is that device's state (`include/asterisk/pbx.h`, ast_extension_states:
    /// a bit each).
    fn extension_status(&mut self, block: &Block<'_>) {
        let Some(hint) = block.value("Hint") else { return };
        let device = hint.split(',').next().unwrap_or_default();
        let Some(status) = block.int::<i32>("Status").filter(|s| *s >= 0) else { return };
        if !device.contains('/') || device.contains('&') {
            return;
        }
        let state = match status {
            0 => DeviceState::Idle,
            8 => DeviceState::Ringing,
            status if status & (1 | 2 | 16) != 0 => DeviceState::InUse,
            status if status & 4 != 0 => DeviceState::Unavailable,
            _ => DeviceState::Unknown,
        };
        self.stateful(block, device, state);
    }

    fn stateful(&mut self, block: &Block<'_>, device: &str, state: DeviceState) {
        if self.queues.stateful.len() < REMEMBERED_MAX {
            self.queues.stateful.insert(device.to_owned());
        }
        self.say(block.stamp(), Fact::Device { device: device.to_owned(), state });
    }

    /// Registrations, for a PBX that tells no device states and has no hints.
    fn contact_status(&mut self, block: &Block<'_>) {
        let (Some(endpoint), Some(status)) =
            (block.value("EndpointName"), block.value("ContactStatus"))
        else {
            return;
        };
        let device = format!("PJSIP/{endpoint}");
        let in_call = self.channels.values().any(|channel| channel.info.endpoint == device);
        let state = match status {
            "Reachable" | "Created" | "NonQualified" => DeviceState::Idle,
            "Unreachable" | "Removed" => DeviceState::Unavailable,
            _ => return,
        };
        if !in_call && !self.queues.stateful.contains(&device) {
            self.say(block.stamp(), Fact::Device { device, state });
        }
    }
}

/// `enum ast_device_state` of Asterisk.
fn device_status(status: Option<u8>) -> DeviceState {
    match status {
        Some(1) => DeviceState::Idle,
        Some(2 | 3 | 7 | 8) => DeviceState::InUse,
        Some(4 | 5) => DeviceState::Unavailable,
        Some(6) => DeviceState::Ringing,
        _ => DeviceState::Unknown,
    }
}
