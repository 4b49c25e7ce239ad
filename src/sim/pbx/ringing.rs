//! Telephones ring, answer, or do not.

use super::channel::{By, Kind, State, Uid};
use super::switch::{Made, Switch, Timer};
use super::text::Block;
use crate::sim::ua::Command;
use std::time::Duration;
use trunkline_core::model::Mono;

/// A telephone that is called on its own behalf (click to dial) answers by itself after this.
const OWN_CALL: Duration = Duration::from_millis(700);
/// A queue offers a call that rang out again after this.
const RETRY: Duration = Duration::from_secs(1);

impl Switch {
    /// A telephone is called on behalf of a caller, by a queue or directly.
    pub(super) fn ring(&mut self, now: Mono, caller: &Uid, extension: &str, queue: Option<&str>) {
        if self.is_busy(extension) {
            return self.leaves(now, caller, By::Pbx, 17);
        }
        let uid = self.make_phone(now, extension, Some(caller), None);
        self.calls(caller, &uid);
        if let Some(channel) = self.channels.get_mut(&uid) {
            channel.queue = queue.map(str::to_owned);
        }
        if let Some(queue) = queue {
            let interface = format!("PJSIP/{extension}");
            let more = [("Queue", queue), ("Interface", &interface), ("MemberName", extension)];
            self.dial_event("AgentCalled", &uid, &more);
        }
        self.dial_event("DialBegin", &uid, &[("DialString", extension)]);
        self.alerts(&uid);
        match self.channels.get(caller).map(|channel| (channel.kind.clone(), channel.state)) {
            Some((Kind::Trunk { sip, .. }, State::Ring)) => {
                self.out.sip.push(Command::Ring { id: sip });
            }
            Some((Kind::Pipe { other }, _)) => {
                self.is_now(&other, State::Ringing);
                self.dial_event("DialState", &other, &[("DialStatus", "RINGING")]);
            }
            _ => {}
        }
        if self.phones.get(extension).is_some_and(|phone| phone.answers) {
            let wait = self.dice.spread(self.settings.answer, 50, 150);
            self.later(now, wait, Timer::Answer(uid.clone()));
        }
        self.later(now, self.settings.ring, Timer::RingsOut(uid));
    }

    /// A telephone is called before the one that its agent wants to talk to.
    pub(super) fn ring_first(&mut self, now: Mono, extension: &str, uid: Uid, ring: Duration) {
        let uid = self.make_phone(now, extension, None, Some(uid));
        self.dial_event("DialBegin", &uid, &[("DialString", extension)]);
        self.alerts(&uid);
        self.later(now, OWN_CALL, Timer::Answer(uid.clone()));
        self.later(now, ring, Timer::RingsOut(uid));
    }

    fn make_phone(
        &mut self,
        now: Mono,
        extension: &str,
        caller: Option<&Uid>,
        uid: Option<Uid>,
    ) -> Uid {
        let endpoint = format!("PJSIP/{extension}");
        let kind = Kind::Phone { extension: extension.to_owned() };
        let (state, number, exten) = (State::Down, extension, "s");
        self.create(now, Made { endpoint, kind, state, number, exten, caller, uid })
    }

    fn alerts(&mut self, uid: &str) {
        self.is_now(uid, State::Ringing);
        self.member_status_of(uid);
        self.dial_event("DialState", uid, &[("DialStatus", "RINGING")]);
    }

    /// The telephone is lifted, by its agent or as a desktop told it to.
    pub(super) fn phone_answers(&mut self, now: Mono, uid: &Uid) {
        let Some(channel) = self.channels.get_mut(uid) else { return };
        if channel.state != State::Ringing || channel.extension().is_none() {
            return;
        }
        let (caller, then) = (channel.caller.clone(), channel.then.take());
        let queue = channel.queue.take();
        self.is_now(uid, State::Up);
        self.member_status_of(uid);
        self.dial_event("DialEnd", uid, &[("DialStatus", "ANSWER")]);
        let Some(caller) = caller else {
            return self.enter(now, uid, &then.unwrap_or_default());
        };
        if let Some(queue) = &queue {
            self.left_queue(&caller, queue);
            let extension =
                self.channels.get(uid).and_then(|c| c.extension()).unwrap_or_default().to_owned();
            let interface = format!("PJSIP/{extension}");
            let more = [("Queue", queue.as_str()), ("Interface", &interface)];
            self.dial_event("AgentConnect", uid, &more);
        }
        if let Some(Kind::Trunk { call_id, .. }) = self.channels.get(&caller).map(|c| &c.kind) {
            let call_id = call_id.clone();
            self.out.talks.push(call_id);
        }
        self.joined(now, &caller, uid);
    }

    /// Who was called has answered: both hear each other.
    pub(super) fn joined(&mut self, now: Mono, caller: &Uid, uid: &Uid) {
        self.answer_caller(caller);
        if let Some(channel) = self.channels.get_mut(caller) {
            channel.called = None;
        }
        let bridge = self.new_bridge();
        self.bridge_enter(uid, &bridge);
        self.bridge_enter(caller, &bridge);
        let awaited = self.channels.get_mut(caller).and_then(|c| c.awaited_by.take());
        if let Some(held) = awaited {
            self.optimise(now, &held, caller);
        }
    }

    /// Nobody has answered.
    pub(super) fn rings_out(&mut self, now: Mono, uid: &Uid) {
        let Some(channel) = self.channels.get(uid) else { return };
        if channel.state != State::Ringing {
            return;
        }
        let (caller, queue) = (channel.caller.clone(), channel.queue.clone());
        if let Some(queue) = &queue {
            let interface = format!("PJSIP/{}", channel.extension().unwrap_or_default());
            let ms = self.settings.ring.as_millis().to_string();
            let more = [("Queue", queue.as_str()), ("Interface", &interface), ("RingTime", &ms)];
            self.dial_event("AgentRingNoAnswer", uid, &more);
        }
        self.dial_event("DialEnd", uid, &[("DialStatus", "NOANSWER")]);
        self.gone(now, uid, 0, None);
        self.not_taken(now, caller.as_ref(), queue.is_some(), 19);
    }

    /// The one called for `caller` is gone: the queue tries again, a direct call is over.
    pub(super) fn not_taken(&mut self, now: Mono, caller: Option<&Uid>, queued: bool, cause: u8) {
        let Some(caller) = caller else { return };
        if let Some(channel) = self.channels.get_mut(caller) {
            channel.called = None;
        }
        match queued {
            true => self.later(now, RETRY, Timer::Distribute),
            false => self.leaves(now, caller, By::Pbx, cause),
        }
    }

    /// The party at a telephone holds, or takes back.
    pub(super) fn hold(&mut self, uid: &str, held: bool) {
        let Some(channel) = self.channels.get_mut(uid) else { return };
        if channel.held == held || channel.state != State::Up {
            return;
        }
        channel.held = held;
        let event = if held { "Hold" } else { "Unhold" };
        let mut block = channel.describe(uid, "", Block::event(event));
        if held {
            block = block.with("MusicClass", "default");
        }
        self.tell(block);
    }
}
