//! Commands on their way: each has an id of ours (`Job-UUID`) and comes back as an event.

use crate::model::Mono;
use crate::pbx::{ChannelId, OrderId, OrderResult};
use std::collections::{BTreeMap, VecDeque};

/// What a command was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The version, before the link is up.
    Version,
    /// An order.
    Order(OrderId),
    /// An order to dial, done as soon as this channel is there.
    Dial(OrderId, ChannelId),
    /// An order whose result was told.
    Told,
    /// To send a call on to where its dialplan wants it.
    Next,
    /// `show channels`.
    Channels,
    /// `show calls`.
    Calls,
    /// `uuid_dump` of this channel.
    Dump(ChannelId),
    /// `show registrations`.
    Registrations,
    /// `callcenter_config agent list`.
    Agents,
    /// `callcenter_config tier list`.
    Tiers,
}

#[derive(Debug)]
struct Job {
    purpose: Purpose,
    due: Mono,
}

/// All commands without a result.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    prefix: String,
    count: u64,
    open: BTreeMap<String, Job>,
    /// Answered by `command/reply` in the order they were sent.
    unacknowledged: VecDeque<String>,
}

impl Jobs {
    /// Ids begin with this: other clients see our results and must not take them for theirs.
    pub fn prefixed(prefix: String) -> Self {
        Self { prefix, ..Self::default() }
    }

    /// The bytes of a command.
    pub fn send(&mut self, command: &str, purpose: Purpose, due: Mono) -> Vec<u8> {
        self.count += 1;
        let id = format!("{}{}", self.prefix, self.count);
        let bytes = format!("bgapi {command}\nJob-UUID: {id}\n\n").into_bytes();
        self.unacknowledged.push_back(id.clone());
        self.open.insert(id, Job { purpose, due });
        bytes
    }

    /// A command without a result was sent: it is acknowledged like the others.
    pub fn sent_plain(&mut self) {
        self.unacknowledged.push_back(String::new());
    }

    /// The next `command/reply`; the purpose comes back if the command was refused.
    pub fn acknowledged(&mut self, refused: bool) -> Option<Purpose> {
        let id = self.unacknowledged.pop_front()?;
        if refused { self.finished(&id) } else { None }
    }

    /// A result.
    pub fn finished(&mut self, id: &str) -> Option<Purpose> {
        self.open.remove(id).map(|job| job.purpose)
    }

    /// This channel is there: the order to dial it, if there is one.
    pub fn dialed(&mut self, channel: &ChannelId) -> Option<OrderId> {
        self.open.values_mut().find_map(|job| match &job.purpose {
            Purpose::Dial(id, wanted) if wanted == channel => {
                let id = *id;
                job.purpose = Purpose::Told;
                Some(id)
            }
            _ => None,
        })
    }

    /// Results of lists are of no use any more.
    pub fn forget_lists(&mut self) {
        for job in self.open.values_mut() {
            match job.purpose {
                Purpose::Version
                | Purpose::Order(_)
                | Purpose::Dial(..)
                | Purpose::Told
                | Purpose::Next => {}
                _ => job.purpose = Purpose::Told,
            }
        }
    }

    /// Takes what has waited too long.
    pub fn overdue(&mut self, now: Mono) -> Vec<Purpose> {
        let late: Vec<String> =
            self.open.iter().filter(|(_, job)| job.due <= now).map(|(id, _)| id.clone()).collect();
        late.iter().filter_map(|id| self.finished(id)).collect()
    }

    /// Takes all: nobody will answer any more.
    pub fn take_all(&mut self) -> Vec<Purpose> {
        std::mem::take(&mut self.open).into_values().map(|job| job.purpose).collect()
    }

    /// When the first is overdue.
    pub fn next_due(&self) -> Option<Mono> {
        self.open.values().map(|job| job.due).min()
    }
}

/// The program, as the answer to `version` names it.
pub(super) fn program(version: &str) -> String {
    match version.starts_with('-') {
        true => "FreeSWITCH of unknown version".to_owned(),
        false => format!("FreeSWITCH {}", version.trim()),
    }
}

/// What the result of a command says.
pub(super) fn verdict(body: &str) -> OrderResult {
    let body = body.trim();
    let refused = body.strip_prefix("-ERR").or_else(|| body.strip_prefix("-USAGE:"));
    match refused {
        Some(why) => OrderResult::Rejected(why.trim().chars().take(200).collect()),
        None => OrderResult::Done,
    }
}
