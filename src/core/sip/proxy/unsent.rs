//! Connections that open and close, and messages that could not be sent (RFC 3261 §16.9, §17.1.4,
//! §18.4).
//!
//! Carries out §16.9, §16.9 response, §17.2.4.

use super::Core;
use super::flows::Flow;
use super::own::tell_own;
use super::state::{Best, Client, ClientState, Owner, Role};
use super::way::Way;
use crate::model::{Now, Reply};
use crate::sip::edit::{lower_cseq, pop_via};
use crate::sip::own::{Answer, answer, phrase_of};
use crate::sip::slab::Key;
use crate::sip::transaction::{InviteClient, OtherClient};
use crate::sip::{FlowId, FlowOpened, Outputs, PeerId};
use std::sync::Arc;

impl Core {
    /// A connection opened. Whose it is, is decided once: by the names of its certificate, else by
    /// its address. A stranger's is closed again (`Outputs::close`), and so is one too many.
    pub fn flow_opened(&mut self, _now: Now, opened: FlowOpened, out: &mut Outputs) {
        let room = self.flows.len() < self.limits.flows_max;
        match self.peers.of_flow(&opened).filter(|_| room) {
            Some(peer) => self.flows.insert(&opened, peer),
            None => {
                self.counters.flows_refused += 1;
                out.close.push(opened.flow);
            }
        }
    }

    /// A connection is gone; nothing is sent on it any more.
    ///
    /// A request that had no answer at all is taken for lost, as in `unsent`. One that had a
    /// provisional answer was received: its final answer comes over a connection that the other
    /// side opens (§18.2.2), and a second INVITE elsewhere would ring a second telephone.
    pub fn flow_closed(&mut self, now: Now, flow: FlowId, out: &mut Outputs) {
        let Some(gone) = self.flows.remove(flow) else { return };
        // What left without a named connection went over ours to that address.
        let alone = gone.ours && !self.flows.has_like(&gone);
        let lost: Vec<Key> = self
            .clients
            .iter()
            .filter(|(_, client)| client.is_unanswered())
            .filter(|(_, client)| match client.way.flow {
                Some(over) => over == flow,
                None => alone && goes_over(&client.way, &gone),
            })
            .map(|(key, _)| key)
            .collect();
        for key in lost {
            self.request_unsent(now, key, "connection closed", out);
        }
    }

    /// A message with that ticket could not be sent.
    pub fn unsent(&mut self, now: Now, ticket: u64, why: &str, out: &mut Outputs) {
        self.counters.unsent += 1;
        match Owner::of_ticket(ticket) {
            Owner::Client(key) => {
                // A CANCEL or ACK that is lost has its own timers.
                if self.clients.get(key).is_some_and(|c| c.is_unanswered()) {
                    self.request_unsent(now, key, why, out);
                }
            }
            Owner::Server(key) => self.answer_unsent(key, out),
        }
    }

    /// As if 503 had come (§16.9).
    fn request_unsent(&mut self, now: Now, key: Key, why: &str, out: &mut Outputs) {
        if let Some(way) = self.other_way(key).map(|way| self.ways.share(way)) {
            if let Some(client) = self.clients.get_mut(key) {
                client.way = way;
            }
            return self.send_bytes(key, out);
        }
        let Some(client) = self.clients.remove(key) else { return };
        let Some(server) = client.server else {
            let outcome = Reply::Unsent(why.to_owned());
            return tell_own(&client, outcome, now, out);
        };
        self.forget_client(server, key);
        match client.state {
            ClientState::Invite(_) => {
                let is_open = self.servers.get(server).is_some_and(|s| s.is_open());
                if is_open && !client.abandoned {
                    self.weigh(server, Best::local(503, now));
                    self.next_or_finish(now, server, out);
                }
            }
            ClientState::Other(_) => {
                if let Some(request) = client.bytes {
                    self.fail_other(now, server, (&request, client.shift), out);
                }
            }
        }
    }

    /// Inside a dialog, where nobody listens at the Contact: the neighbour's own connection. The
    /// request keeps its branch, for nobody has seen it.
    fn other_way(&self, key: Key) -> Option<Way> {
        let client = self.clients.get(key).filter(|c| c.way.flow.is_none())?;
        let role = self.servers.get(client.server?)?.role;
        let inside = matches!(role, Role::Reinvite | Role::InDialog);
        let way = self.flows.way_to(client.peer, Some(client.way.listen.transport))?;
        inside.then_some(Way { listen: client.way.listen, ..way })
    }

    /// The only target cannot be reached: its 503 goes up as 500 (§16.7 item 6). `request` is the
    /// request as it was to leave, so the answer loses our Via like any other.
    fn fail_other(&mut self, now: Now, key: Key, (request, shift): (&[u8], u8), out: &mut Outputs) {
        let Some(source) = self.servers.get(key).map(|s| s.back.remote) else { return };
        let made = self.reread(request, |core, message| {
            let tag = core.own_tag(message);
            let (status, phrase) = (500, phrase_of(500));
            let say = Answer { status, phrase, tag: Some(&tag), server: &core.server_name };
            answer(message, source, say, &[])
        });
        let popped = made.and_then(|made| {
            self.reread(&made, |core, message| {
                core.edits.clear();
                pop_via(&mut core.edits, message);
                lower_cseq(&mut core.edits, message, shift);
                core.edits.apply(&made, made.len())
            })
        });
        if let Some(bytes) = popped {
            self.finish_other(now, key, bytes, out);
        }
    }

    /// Hands out what a client transaction sends: its request, CANCEL or ACK.
    pub(super) fn send_from(&mut self, key: Key, bytes: Vec<u8>, out: &mut Outputs) {
        let Some(client) = self.clients.get(key) else { return };
        let Some(way) = self.open_way(client.peer, client.way.clone()) else {
            self.counters.undeliverable += 1;
            return;
        };
        if let Some(client) = self.clients.get_mut(key).filter(|c| c.way.flow != way.flow) {
            client.way = way.clone();
        }
        self.send(&way, Some(Owner::Client(key)), bytes, out);
    }

    /// A way whose connection may be gone: another one of that neighbour over the same transport
    /// takes its place, or the neighbour's endpoint.
    pub(super) fn open_way(&mut self, peer: PeerId, way: Arc<Way>) -> Option<Arc<Way>> {
        if way.flow.is_none_or(|flow| self.flows.get(flow).is_some()) {
            return Some(way);
        }
        let transport = way.listen.transport;
        let endpoints = self.peers.get(peer).map_or(&[][..], |p| &p.endpoints);
        let endpoint = endpoints.iter().find(|e| e.transport == transport);
        let over = self.flows.way_to(peer, Some(transport));
        let other = over.or_else(|| self.way_to(peer, Some(endpoint?)))?;
        Some(self.ways.share(Way { listen: way.listen, ..other }))
    }

    /// Hands an answer out on its way back; on another one if its connection is gone.
    pub(super) fn send_back(&mut self, key: Key, bytes: Vec<u8>, out: &mut Outputs) {
        let Some(server) = self.servers.get(key) else { return };
        let gone = server.back.flow.is_some_and(|flow| self.flows.get(flow).is_none());
        if gone && !self.turn_back(key) {
            self.counters.undeliverable += 1;
            return;
        }
        let Some(way) = self.servers.get(key).map(|s| s.back.clone()) else { return };
        self.send(&way, Some(Owner::Server(key)), bytes, out);
    }

    /// An answer did not get out: once more on the other way, if there is one.
    fn answer_unsent(&mut self, key: Key, out: &mut Outputs) {
        if self.servers.get(key).is_none() {
            return;
        }
        match self.turn_back(key) {
            true => self.send_last(key, out),
            false => self.counters.undeliverable += 1,
        }
    }

    fn turn_back(&mut self, key: Key) -> bool {
        let Some(server) = self.servers.get(key) else { return false };
        let Some(way) = self.way_back_anew(server.peer, &server.back, server.back_port) else {
            return false;
        };
        if let Some(server) = self.servers.get_mut(key) {
            server.back = self.ways.share(way);
        }
        true
    }
}

/// Did a message without a named connection take this one?
fn goes_over(way: &Way, flow: &Flow) -> bool {
    way.listen.transport == flow.listen.transport && way.remote == flow.remote
}

impl Client {
    /// A request without any answer.
    fn is_unanswered(&self) -> bool {
        match self.state {
            ClientState::Invite(state) => state == InviteClient::Calling,
            ClientState::Other(state) => state == OtherClient::Trying,
        }
    }
}
