//! Requests: known transactions first, then what RFC 3261 §16.3 asks, then by kind.
//!
//! Carries out RFC 3261 §16.3 item 1, §16.3 item 2, §16.3 item 3, §16.3 item 4, §16.3 item 5;
//! what it does not know passes (§16.3 item 1c).

use super::Core;
use super::identity::Identity;
use super::state::{Incoming, Owner, ServerState, Slot};
use crate::model::Now;
use crate::sip::message::{Fault, Index, MaxForwards, Message, Name};
use crate::sip::own::{Answer, answer, list_of, phrase_of};
use crate::sip::slab::Key;
use crate::sip::transaction::{
    InviteServerAct, InviteServerInput, OtherServerAct, OtherServerInput,
};
use crate::sip::{Outputs, PeerId, PeerKind, Received};
use memchr::memmem;

/// User-Agent words of scanners, lower case.
const SCANNERS: [&[u8]; 5] =
    [b"friendly-scanner", b"sipvicious", b"sipcli", b"sip-scan", b"pplsip"];

impl Core {
    pub(super) fn on_request(
        &mut self,
        now: Now,
        message: &Message<'_>,
        datagram: &Received<'_>,
        sender: (PeerId, PeerKind),
        out: &mut Outputs,
    ) {
        let Some(via) = message.via() else { return };
        let came = Incoming { message, datagram, via, peer: sender.0, kind: sender.1 };
        match message.method() {
            b"ACK" => return self.on_ack(now, &came, out),
            b"CANCEL" => return self.on_cancel(now, &came, out),
            _ => {}
        }
        if let Some(server) = self.find(&Identity::new(message, &via, message.method())) {
            self.counters.retransmits_in += 1;
            return self.repeat(server, out);
        }
        if message.tag_of_to().is_empty() && is_scanner(message) {
            self.counters.scanners += 1;
            return;
        }
        if self.reject_invalid(&came, out) {
            return;
        }
        match (message.method(), message.tag_of_to().is_empty()) {
            (b"INVITE", true) => self.new_invite(now, &came, out),
            (b"OPTIONS", true) if self.is_own_uri(message, message.uri()) => {
                self.answer_options(&came, out);
            }
            (_, true) => self.outside_dialog(now, &came, out),
            (_, false) => self.inside_dialog(now, &came, out),
        }
    }

    /// The server transaction of that identity.
    pub(super) fn find(&self, identity: &Identity<'_>) -> Option<Key> {
        let key = *self.keys.get(&identity.key(&self.marks))?;
        let server = self.servers.get(key)?;
        identity.is(&server.identity).then_some(key)
    }

    /// The INVITE that a CANCEL or ACK means: the same identity, else the same branch from the
    /// same neighbour.
    pub(super) fn find_invite(&self, came: &Incoming<'_>) -> Option<Key> {
        let identity = Identity::new(came.message, &came.via, b"INVITE");
        if identity.is_old() && came.message.method() == b"ACK" {
            return self.find_answered(&identity, came.message.tag_of_to());
        }
        self.find(&identity).or_else(|| {
            let key = self.cancel_key(came)?;
            self.cancel_keys.get(&key).copied()
        })
    }

    /// The INVITE of an ACK without a branch of RFC 3261: the ACK has the To tag of the answer,
    /// which the first INVITE of a dialog did not have (RFC 3261 §17.2.3 old ack).
    fn find_answered(&self, identity: &Identity<'_>, tag: &[u8]) -> Option<Key> {
        let key = self.find(identity).or_else(|| self.find(&identity.before_the_answer()))?;
        // Without the answer it was acknowledged before.
        let Some(last) = &self.servers.get(key)?.last else { return Some(key) };
        let mut index = Index::default();
        index.read(last, self.limits.headers_max).ok()?;
        (Message::new(last, &index).tag_of_to() == tag).then_some(key)
    }

    /// Key of sender, branch and Call-ID; only a branch of RFC 3261 is unique enough.
    pub(super) fn cancel_key(&self, came: &Incoming<'_>) -> Option<u64> {
        let branch = came.via.branch(came.message.bytes());
        let unique = branch.len() > 7 && branch.starts_with(b"z9hG4bK");
        let peer = came.peer.0.to_be_bytes();
        unique.then(|| self.marks.key(&[&peer, branch, came.message.call_id()]))
    }

    fn repeat(&mut self, key: Key, out: &mut Outputs) {
        let Some(server) = self.servers.get_mut(key) else { return };
        let again = match server.state {
            ServerState::Invite(state) => state
                .step(InviteServerInput::Invite)
                .is_some_and(|(_, act)| act == InviteServerAct::SendAgain),
            ServerState::Other(state) => state
                .step(OtherServerInput::Request)
                .is_some_and(|(_, act)| act == OtherServerAct::SendAgain),
        };
        if again {
            self.send_last(key, out);
        }
    }

    /// Sends the last answer of a server transaction once more.
    pub(super) fn send_last(&mut self, key: Key, out: &mut Outputs) {
        let last = self.servers.get(key).and_then(|s| s.last.as_ref()).map(|l| l.to_vec());
        if let Some(last) = last {
            self.send_back(key, last, out);
        }
    }

    /// Request validation, §16.3. The answers need no memory: a repeated request gets the same.
    fn reject_invalid(&mut self, came: &Incoming<'_>, out: &mut Outputs) -> bool {
        let (message, sender) = (came.message, came.peer);
        let (status, phrase, extra) = match message.fault() {
            Some(Fault::Version) => (505, phrase_of(505), None),
            Some(Fault::Scheme) => (416, phrase_of(416), None),
            Some(Fault::Bad(phrase)) => (400, phrase, None),
            None if message.max_forwards() == MaxForwards::Hops(0) => {
                if message.method() == b"OPTIONS" && self.is_own_uri(message, message.uri()) {
                    self.answer_options(came, out);
                    return true;
                }
                (483, phrase_of(483), None)
            }
            None if max_breadth_is_spent(message) => (440, phrase_of(440), None),
            None if message.header(Name::ProxyRequire).is_some() => {
                let words = list_of(message, Name::ProxyRequire);
                (420, phrase_of(420), Some(rsip::Header::Unsupported(words.into())))
            }
            None if self.is_loop(message, sender) => (482, phrase_of(482), None),
            None => return false,
        };
        self.counters.refused_invalid += 1;
        self.answer_stateless(came, (status, phrase), extra.as_slice(), out);
        true
    }

    /// An answer that leaves no trace (RFC 3261 §8.2.7).
    pub(super) fn answer_stateless(
        &mut self,
        came: &Incoming<'_>,
        (status, phrase): (u16, &str),
        extra: &[rsip::Header],
        out: &mut Outputs,
    ) {
        let (message, datagram) = (came.message, came.datagram);
        let tag = self.own_tag(message);
        let say = Answer { status, phrase, tag: Some(&tag), server: &self.server_name };
        let bytes = answer(message, datagram.remote, say, extra);
        let way = self.way_back(came);
        self.send(&way, None, bytes, out);
    }

    /// To tag of our answers to this request.
    pub(super) fn own_tag(&self, message: &Message<'_>) -> String {
        let number = message.cseq().map_or(0, |c| c.number);
        self.marks.tag(message.call_id(), message.tag_of_from(), number)
    }

    /// 503 with Retry-After.
    pub(super) fn refuse_busy(&mut self, came: &Incoming<'_>, out: &mut Outputs) {
        self.counters.refused_busy += 1;
        let wait = self.limits.retry_after_s.to_string();
        let extra = [rsip::Header::RetryAfter(wait.into())];
        self.answer_stateless(came, (503, phrase_of(503)), &extra, out);
    }

    fn answer_options(&mut self, came: &Incoming<'_>, out: &mut Outputs) {
        if self.draining {
            return self.refuse_busy(came, out);
        }
        let methods = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REFER, NOTIFY";
        let extra = [rsip::Header::Allow(methods.into())];
        self.answer_stateless(came, (200, phrase_of(200)), &extra, out);
    }

    /// ACK: ours to absorb after a final answer other than 2xx, end-to-end otherwise (§16.11,
    /// RFC 6026 §7.1), even if it repeats the INVITE's branch.
    fn on_ack(&mut self, now: Now, came: &Incoming<'_>, out: &mut Outputs) {
        let message = came.message;
        let Some(key) = self.find_invite(came) else {
            if message.tag_of_to() == self.own_tag(message).as_bytes() {
                return; // of an answer that left no trace
            }
            return self.pass_ack(came, out);
        };
        let Some(server) = self.servers.get_mut(key) else { return };
        let ServerState::Invite(state) = server.state else { return };
        match state.step(InviteServerInput::Ack) {
            Some((_, InviteServerAct::PassAck)) => self.pass_ack(came, out),
            Some((next, _)) if next != state => {
                server.state = ServerState::Invite(next);
                server.last = None;
                self.disarm(Owner::Server(key), Slot::Resend);
                self.arm_end(now, Owner::Server(key), self.timers.t4);
            }
            Some(_) => self.counters.retransmits_in += 1,
            None => self.counters.stray_acks += 1,
        }
    }
}

/// Max-Breadth below 1: not even one target is allowed (RFC 5393 §5.3.3 spent).
fn max_breadth_is_spent(message: &Message<'_>) -> bool {
    let value = message.labelled("Max-Breadth");
    value.is_some_and(|v| !v.is_empty() && v.iter().all(|b| *b == b'0'))
}

fn is_scanner(message: &Message<'_>) -> bool {
    let agent = message.value(Name::UserAgent);
    if agent.is_empty() || agent.len() > 256 {
        return false;
    }
    let agent = agent.to_ascii_lowercase();
    SCANNERS.iter().any(|word| memmem::find(&agent, word).is_some())
}
