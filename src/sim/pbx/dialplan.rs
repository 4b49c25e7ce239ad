//! Where a caller goes, and the trunk.

use super::channel::{By, Kind, State, Uid};
use super::switch::{Made, Switch};
use super::text::Block;
use crate::sim::ua::{Command, Dial};
use std::collections::BTreeMap;
use trunkline_core::model::Mono;

/// Variables of a leg that its dialplan puts on the INVITE.
const HEADERS: [(&str, &str); 2] =
    [("TRUNKLINE_MARK", "X-Trunkline-Mark"), ("TRUNKLINE_PURPOSE", "X-Trunkline-Purpose")];

impl Switch {
    /// A channel runs what was dialled: a queue, a telephone, or the outside world.
    pub(super) fn enter(&mut self, now: Mono, uid: &Uid, exten: &str) {
        if let Some(channel) = self.channels.get_mut(uid) {
            channel.exten = exten.to_owned();
        }
        let queues = &self.settings.queues;
        if let Some(queue) = queues.iter().find(|q| q.number == exten || q.name == exten) {
            let name = queue.name.clone();
            self.join(now, uid, &name);
        } else if self.phones.contains_key(exten) {
            self.ring(now, uid, exten, None);
        } else if exten.len() >= 3 && exten.chars().all(|c| c.is_ascii_digit() || c == '+') {
            self.dial_out(now, uid, exten);
        } else {
            self.leaves(now, uid, By::Pbx, 1);
        }
    }

    /// A caller of the trunk hears an answer.
    pub(super) fn answer_caller(&mut self, uid: &str) {
        let Some(channel) = self.channels.get(uid) else { return };
        if channel.state == State::Up {
            return;
        }
        let kind = channel.kind.clone();
        match kind {
            Kind::Trunk { sip, .. } => self.out.sip.push(Command::Answer { id: sip }),
            Kind::Phone { .. } => {}
            Kind::Pipe { other } => {
                self.is_now(&other, State::Up);
                self.dial_event("DialEnd", &other, &[("DialStatus", "ANSWER")]);
            }
        }
        self.is_now(uid, State::Up);
    }

    fn dial_out(&mut self, now: Mono, by: &Uid, number: &str) {
        let Some(caller) = self.channels.get(by) else { return };
        let from = caller.extension().unwrap_or(&caller.number).to_owned();
        let variables = caller.variables.clone();
        let named = HEADERS.iter().filter_map(|(variable, header)| {
            Some(((*header).to_owned(), variables.get(*variable)?.clone()))
        });
        let headers: BTreeMap<String, String> = named.collect();
        let endpoint = format!("PJSIP/{}", self.settings.trunk);
        let kind = Kind::Trunk { sip: String::new(), call_id: String::new() };
        let (state, caller, exten) = (State::Down, Some(by), "s");
        let made = Made { endpoint, kind, state, number, exten, caller, uid: None };
        let uid = self.create(now, made);
        let call_id = format!("{uid}-{:x}@pbx.sim", self.settings.seed);
        if let Some(channel) = self.channels.get_mut(&uid) {
            channel.kind = Kind::Trunk { sip: uid.clone(), call_id: call_id.clone() };
        }
        self.calls(by, &uid);
        let dialled = format!("{number}@{}", self.settings.trunk);
        self.dial_event("DialBegin", &uid, &[("DialString", &dialled)]);
        let (id, to, call_id) = (uid, number.to_owned(), Some(call_id));
        let dial = Dial { id, from, to, call_id, headers, ..Dial::default() };
        self.out.sip.push(Command::Call(dial));
    }

    pub(super) fn calls(&mut self, by: &str, uid: &str) {
        if let Some(caller) = self.channels.get_mut(by) {
            caller.called = Some(uid.to_owned());
        }
    }

    /// A call of ours to the outside: it rings, or a tone comes.
    pub(super) fn progress(&mut self, id: &str, status: u16) {
        let Some(uid) = self.of_trunk(id) else { return };
        if status == 180 {
            self.is_now(&uid, State::Ringing);
            self.dial_event("DialState", &uid, &[("DialStatus", "RINGING")]);
        } else if status == 183 {
            self.dial_event("DialState", &uid, &[("DialStatus", "PROGRESS")]);
        }
    }

    /// A call of ours to the outside is answered. Our own answers come by here too.
    pub(super) fn answered(&mut self, now: Mono, id: &str) {
        let Some(uid) = self.of_trunk(id) else { return };
        let Some(caller) = self.channels.get(&uid).and_then(|channel| channel.caller.clone())
        else {
            return;
        };
        self.is_now(&uid, State::Up);
        self.dial_event("DialEnd", &uid, &[("DialStatus", "ANSWER")]);
        self.joined(now, &caller, &uid);
    }

    /// A call of ours to the outside was refused, in SIP's words.
    pub(super) fn refused(&mut self, now: Mono, id: &str, status: u16) {
        let Some(uid) = self.of_trunk(id) else { return };
        // RFC 3398 §8.2.6.1, as far as carriers say it.
        let (cause, word) = match status {
            486 | 600 => (17, "BUSY"),
            404 | 604 => (1, "CONGESTION"),
            403 | 603 | 607 | 608 => (21, "BUSY"),
            408 => (18, "NOANSWER"),
            480 => (19, "NOANSWER"),
            _ => (34, "CONGESTION"),
        };
        if let Some(channel) = self.channels.get(&uid) {
            let block = channel.describe(&uid, "", Block::event("HangupRequest"));
            let block = block.with("Cause", cause).with("TechCause", status);
            self.tell(block);
        }
        self.dial_event("DialEnd", &uid, &[("DialStatus", word)]);
        let caller = self.channels.get(&uid).and_then(|channel| channel.caller.clone());
        self.gone(now, &uid, cause, Some(status));
        if let Some(caller) = caller {
            self.leaves(now, &caller, By::Pbx, cause);
        }
    }
}
