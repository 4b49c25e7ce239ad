//! The virtual PBX: its state, what comes in, what goes out.

use super::channel::{By, Channel, Kind, State, Uid};
use super::queues::Phone;
use super::settings::SwitchSettings;
use super::text::Block;
use crate::sim::ua::{Command, Report, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use trunkline_core::model::{Dice, Mono};

/// What is due later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// A telephone answers.
    Answer(Uid),
    /// It has rung long enough.
    RingsOut(Uid),
    /// Callers are given to who is free.
    Distribute,
}

/// What came of the inputs since it was last taken.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Manager events, in order.
    pub(super) events: Vec<Block>,
    /// For the trunk's user agent.
    pub sip: Vec<Command>,
    /// Call-IDs of inbound calls that an agent has just answered.
    pub talks: Vec<String>,
}

/// A channel to be made.
pub(super) struct Made<'a> {
    /// `PJSIP/1001`.
    pub endpoint: String,
    pub kind: Kind,
    pub state: State,
    pub number: &'a str,
    pub exten: &'a str,
    /// On whose behalf.
    pub caller: Option<&'a Uid>,
    /// A name that somebody else chose.
    pub uid: Option<Uid>,
}

/// The virtual PBX. Inputs never fail; [`Switch::take`] after each.
pub struct Switch {
    pub(super) settings: SwitchSettings,
    pub(super) channels: BTreeMap<Uid, Channel>,
    pub(super) phones: BTreeMap<String, Phone>,
    pub(super) globals: BTreeMap<String, String>,
    pub(super) out: Outputs,
    timers: BTreeMap<(Mono, u64), Timer>,
    serial: u64,
    pub(super) dice: Dice,
}

impl Switch {
    /// All telephones idle; none is in a queue.
    pub fn new(settings: SwitchSettings) -> Self {
        let phone = |p: &super::PhoneSettings| (p.extension.clone(), Phone::new(p.answers));
        Self {
            phones: settings.phones.iter().map(phone).collect(),
            dice: Dice::new(settings.seed),
            settings,
            channels: BTreeMap::new(),
            globals: BTreeMap::new(),
            out: Outputs::default(),
            timers: BTreeMap::new(),
            serial: 0,
        }
    }

    /// What is to be sent and told.
    pub fn take(&mut self) -> Outputs {
        std::mem::take(&mut self.out)
    }

    /// Calls in progress, as channels.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// What the trunk's user agent saw.
    pub fn sip(&mut self, now: Mono, report: &Report) {
        match report {
            Report::Incoming { id, from, to, call_id, .. } => {
                let kind = Kind::Trunk { sip: id.clone(), call_id: call_id.clone() };
                let endpoint = format!("PJSIP/{}", self.settings.trunk);
                let (number, exten) = (from.as_str(), to.as_str());
                let (state, caller, uid) = (State::Ring, None, None);
                let made = Made { endpoint, kind, state, number, exten, caller, uid };
                let uid = self.create(now, made);
                self.enter(now, &uid, to);
            }
            Report::Progress { id, status, .. } => self.progress(id, *status),
            Report::Answered { id, .. } => self.answered(now, id),
            Report::Failed { id, status, .. } => self.refused(now, id, *status),
            Report::Cancelled { id, .. } | Report::Ended { id, by: Side::Peer, .. } => {
                if let Some(uid) = self.of_trunk(id) {
                    self.leaves(now, &uid, By::Party, 16);
                }
            }
            Report::Ended { by: Side::Us, .. }
            | Report::Listening { .. }
            | Report::Held { .. }
            | Report::Retrieved { .. }
            | Report::Trouble { .. }
            | Report::Bye => {}
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Mono) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Timer::Answer(uid) => self.phone_answers(now, &uid),
                Timer::RingsOut(uid) => self.rings_out(now, &uid),
                Timer::Distribute => self.distribute(now),
            }
        }
    }

    /// When `tick` has something to do.
    pub fn next_timer(&self) -> Option<Mono> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn later(&mut self, now: Mono, wait: Duration, timer: Timer) {
        self.serial += 1;
        self.timers.insert((now.after(wait), self.serial), timer);
    }

    pub(super) fn tell(&mut self, block: Block) {
        self.out.events.push(block);
    }

    /// An event about one channel.
    pub(super) fn tell_of(&mut self, event: &str, uid: &str) {
        if let Some(channel) = self.channels.get(uid) {
            let block = channel.describe(uid, "", Block::event(event));
            self.tell(block);
        }
    }

    /// An event about a dial attempt. Without a caller the PBX dials itself.
    pub(super) fn dial_event(&mut self, event: &str, dest: &str, more: &[(&str, &str)]) {
        let Some(called) = self.channels.get(dest) else { return };
        let mut block = Block::event(event);
        if let Some((uid, caller)) =
            called.caller.as_ref().and_then(|uid| Some((uid, self.channels.get(uid)?)))
        {
            block = caller.describe(uid, "", block);
        }
        block = called.describe(dest, "Dest", block);
        for (name, value) in more {
            block = block.with(name, value);
        }
        self.tell(block);
    }

    pub(super) fn create(&mut self, now: Mono, made: Made<'_>) -> Uid {
        self.serial += 1;
        let Self { serial, settings, .. } = self;
        let uid = made.uid.unwrap_or_else(|| format!("{}.{serial}", settings.started_s));
        let name = match made.endpoint.split_once(';') {
            Some((common, half)) => format!("{common};{half}"),
            None => format!("{}-{serial:08x}", made.endpoint),
        };
        let leader = made.caller.and_then(|caller| self.channels.get(caller));
        let linked = leader.map_or_else(|| uid.clone(), |leader| leader.linked.clone());
        let channel = Channel {
            name,
            kind: made.kind,
            state: made.state,
            number: made.number.to_owned(),
            exten: made.exten.to_owned(),
            linked,
            bridge: None,
            held: false,
            caller: made.caller.cloned(),
            called: None,
            queue: None,
            since: now,
            then: None,
            variables: BTreeMap::new(),
            consult: None,
            parked: false,
            awaited_by: None,
        };
        self.channels.insert(uid.clone(), channel);
        self.tell_of("Newchannel", &uid);
        uid
    }

    pub(super) fn is_now(&mut self, uid: &str, state: State) {
        if let Some(channel) = self.channels.get_mut(uid)
            && channel.state != state
        {
            channel.state = state;
            self.tell_of("Newstate", uid);
        }
    }

    /// The channel of a call of the user agent.
    pub(super) fn of_trunk(&self, id: &str) -> Option<Uid> {
        let is = |channel: &Channel| matches!(&channel.kind, Kind::Trunk { sip, .. } if sip == id);
        self.channels.iter().find(|(_, channel)| is(channel)).map(|(uid, _)| uid.clone())
    }

    pub(super) fn by_name(&self, name: &str) -> Option<Uid> {
        self.channels.iter().find(|(_, c)| c.name == name).map(|(uid, _)| uid.clone())
    }

    pub(super) fn new_bridge(&mut self) -> String {
        self.serial += 1;
        format!("bridge-{:x}-{}", self.settings.seed, self.serial)
    }

    pub(super) fn bridge_enter(&mut self, uid: &str, bridge: &str) {
        if let Some(channel) = self.channels.get_mut(uid) {
            channel.bridge = Some(bridge.to_owned());
            self.bridge_event("BridgeEnter", uid, bridge);
        }
    }

    /// Leaves its bridge; which it was.
    pub(super) fn bridge_leave(&mut self, uid: &str) -> Option<String> {
        let bridge = self.channels.get_mut(uid)?.bridge.take()?;
        self.bridge_event("BridgeLeave", uid, &bridge);
        Some(bridge)
    }

    fn bridge_event(&mut self, event: &str, uid: &str, bridge: &str) {
        let Some(channel) = self.channels.get(uid) else { return };
        let block = Block::event(event)
            .with("BridgeUniqueid", bridge)
            .with("BridgeType", "basic")
            .with("BridgeTechnology", "simple_bridge");
        let block = channel.describe(uid, "", block);
        self.tell(block);
    }

    pub(super) fn bridges(&self) -> BTreeSet<&String> {
        self.channels.values().filter_map(|channel| channel.bridge.as_ref()).collect()
    }

    pub(super) fn in_bridge(&self, bridge: &str) -> Vec<Uid> {
        let inside = self.channels.iter().filter(|(_, c)| c.bridge.as_deref() == Some(bridge));
        inside.map(|(uid, _)| uid.clone()).collect()
    }

    /// Who else is in its bridge, if that is one.
    pub(super) fn partner(&self, uid: &str) -> Option<Uid> {
        let bridge = self.channels.get(uid)?.bridge.as_deref()?;
        let mut others = self.in_bridge(bridge);
        others.retain(|other| other != uid);
        if others.len() == 1 { others.pop() } else { None }
    }
}
