//! Initial INVITEs: ask the user, take the answer, end the attempt.
//!
//! Carries out RFC 3261 §16.2, §16.5 empty, §16.7 item 6, §16.7 item 6c, §17.2.1 100.

use super::Core;
use super::identity::Identity;
use super::state::{Best, Incoming, Owner, Pending, Role, Server, ServerState, Slot};
use crate::model::{Arrival, Now};
use crate::sip::edit::replace_status;
use crate::sip::message::{Message, Name, Start};
use crate::sip::own::{Answer, answer, phrase_of};
use crate::sip::slab::Key;
use crate::sip::transaction::{InviteServer, InviteServerInput, OtherServer};
use crate::sip::{
    AskId, MARK_HEADER, Offer, Outputs, PeerKind, Refusal, RoutePlan, Signal, WireFacts,
};
use std::collections::VecDeque;

impl Core {
    pub(super) fn new_invite(&mut self, now: Now, came: &Incoming<'_>, out: &mut Outputs) {
        let of_peer = self.pending.get(&came.peer).copied().unwrap_or(0);
        let full = self.pending_total >= self.limits.pending_max
            || of_peer >= self.limits.pending_per_peer_max
            || self.servers.len() >= self.limits.transactions_max
            || self.clients.len() >= self.limits.transactions_max;
        if self.draining || full {
            return self.refuse_busy(came, out);
        }
        self.counters.invites += 1;
        let key = self.open(came, Role::Initial);
        self.try_100(key, came, out);
        self.arm(now, Owner::Server(key), Slot::End, self.timers.long());
        let offer = self.offer(came);
        self.index_of = Some(key);
        out.signals.push(Signal::Ask { ask: AskId(key.0), offer: Box::new(offer) });
    }

    /// Opens a server transaction.
    pub(super) fn open(&mut self, came: &Incoming<'_>, role: Role) -> Key {
        let Incoming { message, datagram, via, peer, .. } = *came;
        let identity = Identity::new(message, &via, message.method());
        let key = identity.key(&self.marks);
        let is_invite = role.is_invite();
        let cancel_key = is_invite.then(|| self.cancel_key(came)).flatten();
        let body_end = message.body().map_or(datagram.bytes.len(), |b| b.to());
        let pending = is_invite.then(|| {
            Box::new(Pending {
                request: datagram.bytes[..body_end].into(),
                source: datagram.remote,
                came: (came.listen(), datagram.flow),
                since: datagram.at.mono,
                asked: role == Role::Initial,
                hops: VecDeque::new(),
                strip: Vec::new(),
                active: None,
                best: None,
                challenges: Vec::new(),
                cancelled: false,
                patience: Default::default(),
            })
        });
        let state = match is_invite {
            true => ServerState::Invite(InviteServer::Proceeding),
            false => ServerState::Other(OtherServer::Trying),
        };
        let back = self.way_back(came);
        let server = self.servers.insert(Server {
            peer,
            back: self.ways.share(back),
            back_port: via.port.unwrap_or(datagram.transport.default_port()),
            key,
            cancel_key,
            identity: identity.stored(),
            role,
            state,
            last: None,
            pending,
            clients: Vec::new(),
            rounds: 0,
            resend: Default::default(),
            end: Default::default(),
        });
        self.keys.insert(key, server);
        if let Some(cancel_key) = cancel_key {
            self.cancel_keys.insert(cancel_key, server);
        }
        if is_invite {
            self.pending_total += 1;
            *self.pending.entry(peer).or_default() += 1;
        }
        server
    }

    /// 100 at once (§16.2): the way on may take longer than 200 ms.
    pub(super) fn try_100(&mut self, key: Key, came: &Incoming<'_>, out: &mut Outputs) {
        self.keep_100(key, came);
        self.send_last(key, out);
    }

    /// Has a 100 ready.
    pub(super) fn keep_100(&mut self, key: Key, came: &Incoming<'_>) {
        let say = Answer { status: 100, phrase: phrase_of(100), tag: None, server: "" };
        let bytes = answer(came.message, came.datagram.remote, say, &[]);
        let Some(server) = self.servers.get_mut(key) else { return };
        server.last = Some(bytes.into_boxed_slice());
    }

    fn offer(&self, came: &Incoming<'_>) -> Offer {
        let message = came.message;
        let bytes = message.bytes();
        let (from, to) = (message.from(), message.to());
        let asserted = message.values(Name::PAssertedIdentity).next();
        let asserted = asserted.and_then(|v| crate::sip::message::Address::parse(bytes, v));
        let purpose = self.purpose_header.as_deref().and_then(|h| message.labelled(h));
        let inside = came.kind == PeerKind::Pbx;
        let mark = message.labelled(MARK_HEADER).filter(|_| inside);
        Offer {
            peer: came.peer,
            kind: came.kind,
            ids: message.ids(),
            cseq: message.cseq().map_or(0, |c| c.number),
            dialed: message.uri_parts().map_or_else(String::new, |u| u.user_text(bytes)),
            from_user: from.map_or_else(String::new, |a| a.user_text(bytes)),
            from_display: from.map_or_else(String::new, |a| a.display_text(bytes)),
            to_user: to.map_or_else(String::new, |a| a.user_text(bytes)),
            asserted_user: asserted
                .filter(|_| self.peers.is_trusted(came.peer))
                .map(|a| a.user_text(bytes)),
            purpose: purpose.map(|p| String::from_utf8_lossy(p).into_owned()),
            mark: mark.map(|m| String::from_utf8_lossy(m).into_owned()),
            known: inside.then(|| super::known::call_facts(message)).flatten(),
            facts: WireFacts::read(message),
            arrival: came.datagram.at,
        }
    }

    /// The response context of an ask that still waits for its answer.
    fn take_ask(&mut self, ask: AskId) -> Option<&mut Pending> {
        let server = self.servers.get_mut(Key(ask.0)).filter(|s| s.is_open());
        let pending = server.and_then(|s| s.pending.as_deref_mut()).filter(|p| p.asked);
        if pending.is_none() {
            self.counters.asks_unknown += 1;
        }
        pending
    }

    /// Answers an ask: forward. An ask that is over is counted and ignored.
    pub fn route(&mut self, now: Now, ask: AskId, plan: RoutePlan, out: &mut Outputs) {
        let hops = self.peers.hops_of(&plan.targets);
        let Some(pending) = self.take_ask(ask) else { return };
        pending.asked = false;
        let pending_since = pending.since;
        pending.hops = hops;
        pending.strip = plan.strip;
        let key = Key(ask.0);
        self.disarm(Owner::Server(key), Slot::End);
        if let Some(limit) = plan.post_dial_max {
            let end = pending_since.after(limit);
            self.arm(now, Owner::Server(key), Slot::Patience, end.since(now.mono));
        }
        if !self.try_next(now, key, out) {
            self.finish(now, key, out);
        }
    }

    /// Answers an ask: refuse. An ask that is over is counted and ignored.
    pub fn refuse(&mut self, now: Now, ask: AskId, refusal: Refusal, out: &mut Outputs) {
        let Some(pending) = self.take_ask(ask) else { return };
        pending.asked = false;
        let status = if (400..700).contains(&refusal.status) { refusal.status } else { 500 };
        let extra: Vec<rsip::Header> =
            refusal.headers.iter().filter_map(|line| own_line(line)).collect();
        self.end_locally(now, Key(ask.0), (status, &refusal.phrase), &extra, out);
    }

    /// Ends an INVITE with an answer of ours.
    pub(super) fn end_locally(
        &mut self,
        now: Now,
        key: Key,
        (status, phrase): (u16, &str),
        extra: &[rsip::Header],
        out: &mut Outputs,
    ) {
        let server = self.servers.get(key).filter(|s| s.is_open());
        let Some(pending) = server.and_then(|s| s.pending.as_deref()) else { return };
        let (request, source) = (pending.request.clone(), pending.source);
        let answered = self.reread(&request, |core, message| {
            let tag = core.own_tag(message);
            let say = Answer { status, phrase, tag: Some(&tag), server: &core.server_name };
            answer(message, source, say, extra)
        });
        let Some(bytes) = answered else { return };
        let reason = self.reread(&bytes, |_, message| message.reason()).flatten();
        let phrase = phrase.to_owned();
        let best = Best { status, phrase, reason, bytes: Some(bytes.into()), arrival: now };
        self.end_with(now, key, best, true, out);
    }

    /// Ends an INVITE with the best answer that came, or with one of ours (§16.7 item 6).
    pub(super) fn finish(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let server = self.servers.get_mut(key).filter(|s| s.is_open());
        let Some(pending) = server.and_then(|s| s.pending.as_deref_mut()) else { return };
        let (cancelled, challenges) = (pending.cancelled, std::mem::take(&mut pending.challenges));
        let mut best = pending.best.take();
        if let Some(best) = &mut best {
            self.with_challenges(best, &challenges);
        }
        match best {
            Some(Best { bytes: Some(bytes), status: 503, reason, arrival, .. }) => {
                // A target's 503 says nothing about us: it goes up as 500.
                let bytes = self.reread(&bytes, |core, message| {
                    core.edits.clear();
                    replace_status(&mut core.edits, message, 500, phrase_of(500));
                    core.edits.apply(&bytes, bytes.len())
                });
                let bytes = bytes.map(Vec::into_boxed_slice);
                let phrase = phrase_of(500).to_owned();
                let best = Best { status: 500, phrase, reason, bytes, arrival };
                self.end_with(now, key, best, false, out);
            }
            Some(best) if best.bytes.is_some() => self.end_with(now, key, best, false, out),
            best => {
                let status = match best {
                    _ if cancelled => 487,
                    // 503 is of a target that cannot be reached (§16.9), not of ours.
                    Some(Best { status: 503, .. }) => 500,
                    Some(best) => best.status,
                    None => 480, // no target at all (§16.5)
                };
                self.end_locally(now, key, (status, phrase_of(status)), &[], out);
            }
        }
    }

    fn end_with(&mut self, now: Now, key: Key, best: Best, local: bool, out: &mut Outputs) {
        let Some(server) = self.servers.get_mut(key) else { return };
        let ServerState::Invite(state) = server.state else { return };
        let Some((next, _)) = state.step(InviteServerInput::Failure) else { return };
        server.state = ServerState::Invite(next);
        server.last = best.bytes;
        server.rounds = 0;
        let role = server.role;
        self.close_pending(key);
        self.send_last(key, out);
        self.arm_unless_reliable(now, Owner::Server(key), Slot::Resend, self.timers.t1);
        self.arm(now, Owner::Server(key), Slot::End, self.timers.long());
        if role == Role::Initial {
            out.signals.push(Signal::Rejected {
                ask: AskId(key.0),
                status: best.status,
                phrase: best.phrase,
                reason: best.reason,
                local,
                arrival: best.arrival,
            });
        }
    }

    /// The INVITE has its final answer: its response context goes.
    pub(super) fn close_pending(&mut self, key: Key) {
        let Some(server) = self.servers.get_mut(key) else { return };
        if server.pending.take().is_none() {
            return;
        }
        self.pending_total -= 1;
        if let Some(count) = self.pending.get_mut(&server.peer) {
            *count -= 1;
            if *count == 0 {
                self.pending.remove(&server.peer);
            }
        }
    }

    /// Keeps an answer of a target if it is the best so far.
    pub(super) fn weigh(&mut self, key: Key, candidate: Best) {
        let server = self.servers.get_mut(key);
        let Some(pending) = server.and_then(|s| s.pending.as_deref_mut()) else { return };
        let better = pending.best.as_ref().is_none_or(|best| candidate.rank() < best.rank());
        let other = match better {
            true => pending.best.replace(candidate),
            false => Some(candidate),
        };
        if let Some(other) = other {
            self.note_challenges(key, &other);
        }
    }

    /// A final answer of a target, as it may go up.
    pub(super) fn candidate(
        &mut self,
        (client, key): (Key, Key),
        message: &Message<'_>,
        at: Arrival,
    ) -> Best {
        let Start::Response { status, phrase } = message.start() else {
            return Best::local(500, at);
        };
        Best {
            status,
            phrase: String::from_utf8_lossy(phrase.of(message.bytes())).into_owned(),
            reason: message.reason(),
            bytes: Some(self.upward(client, key, message).into_boxed_slice()),
            arrival: at,
        }
    }
}

impl Best {
    /// An answer that we would make.
    pub fn local(status: u16, arrival: Arrival) -> Self {
        Self { status, phrase: phrase_of(status).to_owned(), reason: None, bytes: None, arrival }
    }
}

/// A header line of a refusal; one that would break the message is left out.
fn own_line(line: &str) -> Option<rsip::Header> {
    let (name, value) = line.split_once(':')?;
    let fits = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!%*+`'~".contains(&b))
        && !value.chars().any(char::is_control);
    fits.then(|| rsip::Header::Other(name.to_owned(), value.trim().to_owned()))
}
