//! How channels end, and who else ends with them.

use super::channel::{By, Kind, State, Uid};
use super::switch::{Switch, Timer};
use super::text::Block;
use crate::sim::ua::Command;
use std::time::Duration;
use trunkline_core::model::Mono;

impl Switch {
    /// The party at a channel hangs up, or the PBX ends it. What it was part of is put in order.
    pub(super) fn leaves(&mut self, now: Mono, uid: &Uid, by: By, cause: u8) {
        let Some(channel) = self.channels.get(uid) else { return };
        let event = if by == By::Party { "HangupRequest" } else { "SoftHangupRequest" };
        let block = channel.describe(uid, "", Block::event(event)).with("Cause", cause);
        let consults = channel.consult.is_some();
        let rings = channel.state == State::Ringing && channel.extension().is_some();
        let (caller, queued) = (channel.caller.clone(), channel.queue.is_some());
        self.tell(block);
        if consults {
            return self.complete(now, uid);
        }
        self.abandons(uid, by);
        if rings {
            self.dial_event("DialEnd", uid, &[("DialStatus", "BUSY")]);
        }
        self.gone(now, uid, cause, None);
        if rings {
            self.not_taken(now, caller.as_ref(), queued, 21);
        }
    }

    /// Removes a channel; who is alone in a bridge then, or was called for it, goes as well.
    pub(super) fn gone(&mut self, now: Mono, uid: &Uid, cause: u8, sip_status: Option<u16>) {
        let mut bridges = Vec::new();
        let other = self.hang_up(now, uid, (cause, sip_status), &mut bridges);
        if let Some(other) = other {
            self.hang_up(now, &other, (cause, None), &mut bridges);
        }
        for bridge in bridges {
            self.settle(now, &bridge);
        }
    }

    /// Ends one channel alone; the other half of a pipe is to follow.
    fn hang_up(
        &mut self,
        now: Mono,
        uid: &Uid,
        (cause, sip_status): (u8, Option<u16>),
        bridges: &mut Vec<String>,
    ) -> Option<Uid> {
        let called = self.channels.get_mut(uid)?.called.take();
        if let Some(called) = called {
            self.dial_event("DialEnd", &called, &[("DialStatus", "CANCEL")]);
            self.hang_up(now, &called, (0, None), bridges);
        }
        bridges.extend(self.bridge_leave(uid));
        let channel = self.channels.get(uid)?;
        let mut block = channel.describe(uid, "", Block::event("Hangup"));
        block = block.with("Cause", cause).with("Cause-txt", words(cause));
        if let Some(status) = sip_status {
            block = block.with("TechCause", status);
        }
        self.tell(block);
        let channel = self.channels.remove(uid)?;
        for asker in self.channels.values_mut() {
            asker.consult.take_if(|consult| consult.held == *uid);
        }
        match channel.kind {
            Kind::Trunk { sip, .. } => {
                self.out.sip.push(Command::HangUp { id: sip });
                None
            }
            Kind::Phone { extension } => {
                if let Some(phone) = self.phones.get_mut(&extension) {
                    phone.free_since = now;
                }
                self.member_status(&extension);
                self.later(now, Duration::ZERO, Timer::Distribute);
                None
            }
            Kind::Pipe { other } => Some(other),
        }
    }

    /// Nobody stays alone in a bridge, but who is held for a while.
    fn settle(&mut self, now: Mono, bridge: &str) {
        let inside = self.in_bridge(bridge);
        let [last] = inside.as_slice() else { return };
        let Some(channel) = self.channels.get(last) else { return };
        if channel.parked {
            return;
        }
        match (&channel.consult, &channel.kind) {
            (Some(_), _) => self.back(last),
            (None, Kind::Pipe { .. }) => self.gone(now, last, 16, None),
            (None, _) => self.leaves(now, last, By::Pbx, 16),
        }
    }
}

fn words(cause: u8) -> &'static str {
    match cause {
        1 => "Unallocated (unassigned) number",
        16 => "Normal Clearing",
        17 => "User busy",
        18 => "No user responding",
        19 => "User alerting, no answer",
        21 => "Call Rejected",
        _ => "Unknown",
    }
}
