//! Responses: matched by our branch, passed up without our Via (RFC 3261 §16.7, RFC 6026).

use super::Core;
use super::state::{Cancel, ClientState, Owner, Role, ServerState, Slot, TOLD_MAX};
use crate::model::{Arrival, Now};
use crate::sip::edit::{ensure_length, lower_cseq, pop_via};
use crate::sip::mark::BranchKind;
use crate::sip::message::{Message, Start};
use crate::sip::slab::Key;
use crate::sip::transaction::{
    InviteClient, InviteClientAct, InviteClientInput, InviteServerInput, OtherClientAct,
    OtherClientInput, OtherServerInput,
};
use crate::sip::{AskId, Outputs, PeerId, Received, Signal};
use std::hash::Hasher;

impl Core {
    pub(super) fn on_response(
        &mut self,
        now: Now,
        message: &Message<'_>,
        datagram: &Received<'_>,
        sender: PeerId,
        out: &mut Outputs,
    ) {
        let Start::Response { status, .. } = message.start() else { return };
        if message.body().is_none() {
            self.counters.malformed += 1;
            return;
        }
        let via = message.via();
        let branch = via.and_then(|v| self.marks.read_branch(v.branch(message.bytes())));
        let Some(branch) = branch.filter(|_| message.cseq_method() != b"ACK") else {
            self.counters.stray_responses += 1;
            return;
        };
        if let BranchKind::Stateless { shift } = branch.kind {
            let passed = self.pass_by_via((message, shift), (datagram, sender), status, out);
            if passed && status >= 200 {
                out.signals.push(final_signal(message, (sender, shift), status, datagram.at));
            }
            return;
        }
        if branch.epoch != self.marks.epoch() {
            return self.late_response((message, branch.kind), datagram, sender, status, out);
        }
        let key = Key(branch.id);
        let Some(client) = self.clients.get(key) else {
            // RFC 6026 §7.2: without its transaction it goes nowhere.
            self.counters.stray_responses += 1;
            return;
        };
        match (client.state, message.cseq_method()) {
            (ClientState::Invite(_), b"CANCEL") => self.on_cancel_answer(key, status),
            (ClientState::Invite(state), b"INVITE") => {
                self.invite_response(now, (key, state), message, status, datagram.at, out);
            }
            (ClientState::Other(_), method) if method != b"INVITE" && method != b"CANCEL" => {
                self.other_response(now, key, message, status, datagram.at, out);
            }
            _ => self.counters.stray_responses += 1,
        }
    }

    fn invite_response(
        &mut self,
        now: Now,
        (key, state): (Key, InviteClient),
        message: &Message<'_>,
        status: u16,
        at: Arrival,
        out: &mut Outputs,
    ) {
        let input = match status {
            ..=199 => InviteClientInput::Provisional,
            200..=299 => InviteClientInput::Success,
            _ => InviteClientInput::Failure,
        };
        let Some((next, act)) = state.step(input) else { return };
        if let Some(client) = self.clients.get_mut(key) {
            client.state = ClientState::Invite(next);
        }
        if state == InviteClient::Calling {
            self.disarm(Owner::Client(key), Slot::Patience);
        }
        match act {
            InviteClientAct::Tell if input == InviteClientInput::Provisional => {
                self.on_provisional(now, (key, state), message, status, at, out);
            }
            InviteClientAct::Tell => {
                if state != InviteClient::Accepted {
                    self.disarm(Owner::Client(key), Slot::Resend);
                    self.arm(now, Owner::Client(key), Slot::End, self.timers.long());
                }
                self.on_success(now, key, message, status, at, out);
            }
            InviteClientAct::AckAndTell => {
                self.disarm(Owner::Client(key), Slot::Resend);
                self.arm_end(now, Owner::Client(key), self.timers.long());
                let answers = self.answers_to(key, message, status);
                self.acknowledge(key, message, out);
                match answers {
                    Some(lines) => self.invite_again(now, key, &lines, out),
                    None => self.on_failure(now, key, message, status, at, out),
                }
            }
            InviteClientAct::Ack => self.send_ack_again(key, out),
            InviteClientAct::SendAgain | InviteClientAct::TimedOut | InviteClientAct::Remove => {}
        }
    }

    fn on_provisional(
        &mut self,
        now: Now,
        (key, before): (Key, InviteClient),
        message: &Message<'_>,
        status: u16,
        at: Arrival,
        out: &mut Outputs,
    ) {
        let Some(client) = self.clients.get(key) else { return };
        let (server, abandoned) = (client.server, client.abandoned);
        let untouched = matches!(client.cancel, Cancel::No);
        let first = before == InviteClient::Calling;
        if first {
            self.disarm(Owner::Client(key), Slot::Resend);
        }
        // Timer C: from the first sign of life, and again from each 101-199 (§16.7 item 2).
        if untouched && (first || status > 100) {
            self.arm(now, Owner::Client(key), Slot::End, self.timers.c);
        }
        self.release_cancel(now, key, out);
        let Some(server) = server.filter(|_| status > 100 && !abandoned) else { return };
        if status >= 180 {
            self.disarm(Owner::Server(server), Slot::Patience);
        }
        if self.servers.get(server).is_some_and(|s| s.is_open()) {
            self.tell(key, server, message, status, at, out);
            self.pass_up(key, server, message, InviteServerInput::Provisional, out);
        }
    }

    fn on_success(
        &mut self,
        now: Now,
        key: Key,
        message: &Message<'_>,
        status: u16,
        at: Arrival,
        out: &mut Outputs,
    ) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.bytes = None;
        client.cancel = Cancel::Done;
        let (server_key, won) = (client.server, client.won);
        let server = server_key.and_then(|k| self.servers.get(k).map(|s| (k, s)));
        let wanted = server.filter(|(_, s)| s.is_open() || won);
        let Some((server_key, server)) = wanted else {
            if !won {
                self.release_unwanted(now, key, message, out);
            }
            return;
        };
        let open = server.is_open();
        let others: Vec<Key> = server.clients.iter().copied().filter(|c| *c != key).collect();
        self.tell(key, server_key, message, status, at, out);
        self.pass_up(key, server_key, message, InviteServerInput::Success, out);
        if !open {
            return;
        }
        if let Some(server) = self.servers.get_mut(server_key) {
            server.last = None;
        }
        if let Some(client) = self.clients.get_mut(key) {
            client.won = true;
        }
        self.close_pending(server_key);
        self.arm(now, Owner::Server(server_key), Slot::End, self.timers.long());
        for other in others {
            self.cancel_client(now, other, None, out);
        }
    }

    fn send_ack_again(&mut self, key: Key, out: &mut Outputs) {
        self.counters.retransmits_out += 1;
        self.send_bytes(key, out);
    }

    /// Sends what a client transaction keeps: its request, or its ACK.
    pub(super) fn send_bytes(&mut self, key: Key, out: &mut Outputs) {
        let Some(client) = self.clients.get(key) else { return };
        if let Some(bytes) = client.bytes.as_ref().map(|b| b.to_vec()) {
            self.send_from(key, bytes, out);
        }
    }

    /// Passes a response to the server transaction, which sends it.
    fn pass_up(
        &mut self,
        client: Key,
        key: Key,
        message: &Message<'_>,
        input: InviteServerInput,
        out: &mut Outputs,
    ) {
        let bytes = self.upward(client, key, message);
        let Some(server) = self.servers.get_mut(key) else { return };
        let ServerState::Invite(state) = server.state else { return };
        let Some((next, _)) = state.step(input) else { return };
        server.state = ServerState::Invite(next);
        if input == InviteServerInput::Provisional {
            server.last = Some(bytes.as_slice().into());
        }
        self.send_back(key, bytes, out);
    }

    /// A response of that client transaction as it goes up to the sender of that server
    /// transaction's request.
    pub(super) fn upward(&mut self, client: Key, key: Key, message: &Message<'_>) -> Vec<u8> {
        let (shift, from) = self.clients.get(client).map_or((0, None), |c| (c.shift, Some(c.peer)));
        let server = self.servers.get(key);
        let (streams, to) = server.map_or((false, None), |s| (s.back.is_reliable(), Some(s.peer)));
        let end = message.body().map_or(message.bytes().len(), |b| b.to());
        self.edits.clear();
        pop_via(&mut self.edits, message);
        lower_cseq(&mut self.edits, message, shift);
        if let (Some(from), Some(to)) = (from, to) {
            self.guard_identity(message, from, to);
        }
        if streams {
            ensure_length(&mut self.edits, message);
        }
        self.edits.apply(message.bytes(), end)
    }

    /// Tells an answer once; a repeated one is the same status with the same To tag.
    pub(super) fn tell(
        &mut self,
        key: Key,
        server: Key,
        message: &Message<'_>,
        status: u16,
        at: Arrival,
        out: &mut Outputs,
    ) {
        let Some(role) = self.servers.get(server).map(|s| s.role) else { return };
        if !self.first_time(key, message, status) {
            return;
        }
        let Some(client) = self.clients.get_mut(key) else { return };
        let told_before = std::mem::replace(&mut client.final_told, status >= 200);
        let (peer, shift) = (client.peer, client.shift);
        let ids = message.ids();
        let Start::Response { phrase, .. } = message.start() else { return };
        if role == Role::Initial {
            out.signals.push(Signal::Response {
                ask: AskId(server.0),
                peer,
                status,
                phrase: String::from_utf8_lossy(phrase.of(message.bytes())).into_owned(),
                to_tag: ids.to_tag,
                sdp: message.has_sdp(),
                reason: message.reason(),
                arrival: at,
            });
        } else if status >= 200 && !told_before {
            out.signals.push(final_signal(message, (peer, shift), status, at));
        }
    }

    /// Notes an answer; false for a repeated one and for one too many.
    pub(super) fn first_time(&mut self, key: Key, message: &Message<'_>, status: u16) -> bool {
        let mut hasher = siphasher::sip::SipHasher13::new();
        hasher.write_u16(status);
        hasher.write(message.tag_of_to());
        let seen = hasher.finish() as u32;
        let Some(client) = self.clients.get_mut(key) else { return false };
        let new = !client.told.contains(&seen) && client.told.len() < TOLD_MAX;
        if new {
            client.told.push(seen);
        }
        new
    }

    fn other_response(
        &mut self,
        now: Now,
        key: Key,
        message: &Message<'_>,
        status: u16,
        at: Arrival,
        out: &mut Outputs,
    ) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let ClientState::Other(state) = client.state else { return };
        let input =
            if status < 200 { OtherClientInput::Provisional } else { OtherClientInput::Final };
        let Some((next, act)) = state.step(input) else { return };
        client.state = ClientState::Other(next);
        if act != OtherClientAct::Tell {
            return;
        }
        let request = client.bytes.take();
        let (server, peer, shift) = (client.server, client.peer, client.shift);
        self.disarm(Owner::Client(key), Slot::Resend);
        self.arm_end(now, Owner::Client(key), self.timers.t4);
        let Some(server_key) = server else {
            return self.own_response(now, (key, request), message, status, at, out);
        };
        let in_dialog = self.servers.get(server_key).is_some_and(|s| s.role == Role::InDialog);
        if in_dialog {
            out.signals.push(final_signal(message, (peer, shift), status, at));
        }
        if status == 408 {
            return; // RFC 4320 §4.2: it would only come too late
        }
        let bytes = self.upward(key, server_key, message);
        self.finish_other(now, server_key, bytes, out);
    }

    /// Answers a request other than INVITE.
    pub(super) fn finish_other(
        &mut self,
        now: Now,
        server_key: Key,
        bytes: Vec<u8>,
        out: &mut Outputs,
    ) {
        let Some(server) = self.servers.get_mut(server_key) else { return };
        let ServerState::Other(state) = server.state else { return };
        let Some((next, _)) = state.step(OtherServerInput::Final) else { return };
        server.state = ServerState::Other(next);
        server.last = Some(bytes.into_boxed_slice());
        self.send_last(server_key, out);
        self.arm_end(now, Owner::Server(server_key), self.timers.long());
    }
}

/// `shift` is what the responder's CSeq number is higher by.
fn final_signal(
    message: &Message<'_>,
    (peer, shift): (PeerId, u8),
    status: u16,
    at: Arrival,
) -> Signal {
    let method = String::from_utf8_lossy(message.cseq_method()).into_owned();
    Signal::MidDialogFinal {
        peer,
        method,
        ids: message.ids(),
        cseq: message.cseq().map_or(0, |c| c.number).saturating_sub(u32::from(shift)),
        status,
        arrival: at,
    }
}
