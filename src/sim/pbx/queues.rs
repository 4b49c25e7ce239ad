//! Queues, their members, and who takes the next call.

use super::channel::{By, State, Uid};
use super::switch::{Switch, Timer};
use super::text::Block;
use std::collections::BTreeSet;
use trunkline_core::model::Mono;

/// A telephone, as queues see it.
#[derive(Clone, Debug)]
pub(super) struct Phone {
    /// It answers by itself.
    pub answers: bool,
    /// Queues of which it is a member.
    pub queues: BTreeSet<String>,
    pub paused: bool,
    pub reason: String,
    /// It takes no call since.
    pub free_since: Mono,
}

impl Phone {
    pub fn new(answers: bool) -> Self {
        let (queues, reason) = (BTreeSet::new(), String::new());
        Self { answers, queues, paused: false, reason, free_since: Mono::default() }
    }
}

impl Switch {
    pub(super) fn is_busy(&self, extension: &str) -> bool {
        self.channels.values().any(|channel| channel.extension() == Some(extension))
    }

    /// A caller begins to wait.
    pub(super) fn join(&mut self, now: Mono, uid: &Uid, queue: &str) {
        self.answer_caller(uid);
        let count = self.channels.values().filter(|c| c.queue.as_deref() == Some(queue)).count();
        let Some(channel) = self.channels.get_mut(uid) else { return };
        channel.queue = Some(queue.to_owned());
        channel.since = now;
        let block = channel.describe(uid, "", Block::event("QueueCallerJoin"));
        let place = count + 1;
        let block = block.with("Queue", queue).with("Position", place).with("Count", place);
        self.tell(block);
        let slow = self.slow(queue);
        self.later(now, slow, Timer::Distribute);
    }

    fn slow(&self, queue: &str) -> std::time::Duration {
        let named = self.settings.queues.iter().find(|q| q.name == queue);
        named.map(|queue| queue.slow).unwrap_or_default()
    }

    /// Gives waiting callers, the longest first, to the member that has been free the longest.
    pub(super) fn distribute(&mut self, now: Mono) {
        let waits = self.channels.iter().filter(|(_, channel)| channel.waits());
        let mut waits: Vec<(Mono, Uid, String)> = waits
            .filter_map(|(uid, c)| Some((c.since, uid.clone(), c.queue.clone()?)))
            .filter(|(since, _, queue)| since.after(self.slow(queue)) <= now)
            .collect();
        waits.sort();
        for (_, caller, queue) in waits {
            let free = self.phones.iter().filter(|(extension, phone)| {
                phone.queues.contains(&queue) && !phone.paused && !self.is_busy(extension)
            });
            let longest = free.min_by_key(|(_, phone)| phone.free_since);
            if let Some(extension) = longest.map(|(extension, _)| extension.clone()) {
                self.ring(now, &caller, &extension, Some(&queue));
            }
        }
    }

    /// An agent has taken the call.
    pub(super) fn left_queue(&mut self, caller: &str, queue: &str) {
        let Some(channel) = self.channels.get_mut(caller) else { return };
        channel.queue = None;
        let block = channel.describe(caller, "", Block::event("QueueCallerLeave"));
        self.tell(block.with("Queue", queue).with("Position", 1).with("Count", 0));
    }

    /// A caller who waits goes.
    pub(super) fn abandons(&mut self, caller: &str, by: By) {
        let Some(channel) = self.channels.get(caller) else { return };
        let Some(queue) = channel.queue.clone().filter(|_| channel.extension().is_none()) else {
            return;
        };
        if by == By::Party {
            let block = channel.describe(caller, "", Block::event("QueueCallerAbandon"));
            self.tell(block.with("Queue", &queue));
        }
        self.left_queue(caller, &queue);
    }

    /// Puts a telephone into a queue, or takes it out; false: it is, or there is none.
    pub(super) fn member(&mut self, now: Mono, queue: &str, extension: &str, add: bool) -> bool {
        let exists = self.settings.queues.iter().any(|q| q.name == queue);
        let Some(phone) = self.phones.get_mut(extension).filter(|_| exists) else { return false };
        let changed = match add {
            true => phone.queues.insert(queue.to_owned()),
            false => phone.queues.remove(queue),
        };
        if changed {
            let event = if add { "QueueMemberAdded" } else { "QueueMemberRemoved" };
            let block = self.membership(Block::event(event), queue, extension);
            self.tell(block);
            self.later(now, std::time::Duration::ZERO, Timer::Distribute);
        }
        changed
    }

    /// Pauses a telephone in all its queues, or ends that; false: it is in none.
    pub(super) fn pause(&mut self, now: Mono, extension: &str, paused: bool, why: &str) -> bool {
        let Some(phone) = self.phones.get_mut(extension) else { return false };
        phone.paused = paused;
        phone.reason = if paused { why.to_owned() } else { String::new() };
        let queues = phone.queues.clone();
        for queue in &queues {
            let block = self.membership(Block::event("QueueMemberPause"), queue, extension);
            self.tell(block);
        }
        self.later(now, std::time::Duration::ZERO, Timer::Distribute);
        !queues.is_empty()
    }

    /// Its queues are told what the telephone does.
    pub(super) fn member_status_of(&mut self, uid: &str) {
        let extension = self.channels.get(uid).and_then(|channel| channel.extension());
        if let Some(extension) = extension.map(str::to_owned) {
            self.member_status(&extension);
        }
    }

    pub(super) fn member_status(&mut self, extension: &str) {
        let queues = self.phones.get(extension).map(|phone| phone.queues.clone());
        for queue in queues.unwrap_or_default() {
            let block = self.membership(Block::event("QueueMemberStatus"), &queue, extension);
            self.tell(block);
        }
    }

    /// What events and lists say of a member.
    pub(super) fn membership(&self, block: Block, queue: &str, extension: &str) -> Block {
        let own = self.channels.values().find(|channel| channel.extension() == Some(extension));
        // `enum ast_device_state`: not in use, in use, ringing.
        let status = match own.map(|channel| channel.state) {
            None => 1,
            Some(State::Up | State::Ring) => 2,
            Some(State::Ringing | State::Down) => 6,
        };
        let phone = self.phones.get(extension);
        let interface = format!("PJSIP/{extension}");
        block
            .with("Queue", queue)
            .with("MemberName", extension)
            .with("Interface", &interface)
            .with("Location", &interface)
            .with("StateInterface", &interface)
            .with("Membership", "dynamic")
            .with("InCall", u8::from(status == 2))
            .with("Status", status)
            .with("Paused", u8::from(phone.is_some_and(|phone| phone.paused)))
            .with("PausedReason", phone.map_or("", |phone| &phone.reason))
            .with("Wrapuptime", 0)
    }
}
