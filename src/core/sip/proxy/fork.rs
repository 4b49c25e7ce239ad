//! Sending an INVITE to one target after the other (RFC 3261 §16.6).
//!
//! Carries out §16.6 item 2, §16.6 item 7b, §16.6 item 10, §16.6 item 11, RFC 3263 §4.3.

use super::Core;
use super::core::DATAGRAM_MAX;
use super::state::{Cancel, Client, ClientState, Owner, Pending, Slot};
use super::way::Way;
use crate::model::Now;
use crate::sip::edit::{
    bound_max_breadth, ensure_length, insert_route_mark, lower_max_forwards, note_source, push_via,
    raise_cseq, replace_uri, strip_headers,
};
use crate::sip::mark::BranchKind;
use crate::sip::mark::Sides;
use crate::sip::message::Message;
use crate::sip::slab::Key;
use crate::sip::transaction::{InviteClient, OtherClient};
use crate::sip::{AskId, Outputs, PeerId, Signal};
use std::net::SocketAddr;
use std::sync::Arc;

/// A new client transaction.
pub struct Leg {
    /// What it serves.
    pub server: Option<Key>,
    /// Target.
    pub peer: PeerId,
    /// How it goes.
    pub way: Arc<Way>,
    /// Is it an INVITE?
    pub invite: bool,
}

impl Core {
    /// Tries the next target; false if there is none left.
    pub(super) fn try_next(&mut self, now: Now, key: Key, out: &mut Outputs) -> bool {
        loop {
            let server = self.servers.get_mut(key).filter(|s| s.is_open());
            let Some(pending) = server.and_then(|s| s.pending.as_deref_mut()) else { return false };
            if pending.cancelled {
                return false;
            }
            let Some(hop) = pending.hops.pop_front() else { return false };
            match self.way_to(hop.0, hop.1.as_ref()) {
                Some(way) => return self.try_hop(now, key, hop.0, way, out),
                None => self.counters.no_route += 1,
            }
        }
    }

    fn try_hop(&mut self, now: Now, key: Key, peer: PeerId, way: Way, out: &mut Outputs) -> bool {
        let leg = Leg { server: Some(key), peer, way: self.ways.share(way), invite: true };
        let client = self.open_client(leg);
        let mut bytes = self.branch_bytes(key, client, &[]);
        if bytes.len() > DATAGRAM_MAX && self.leave_datagrams(key, client) {
            bytes = self.branch_bytes(key, client, &[]);
        }
        self.start_branch(now, (key, client), bytes, out);
        out.signals.push(Signal::Forwarded { ask: AskId(key.0), peer });
        true
    }

    /// Sends an INVITE; the target is the active one from here on.
    pub(super) fn start_branch(
        &mut self,
        now: Now,
        (key, client): (Key, Key),
        bytes: Vec<u8>,
        out: &mut Outputs,
    ) {
        let server = self.servers.get_mut(key);
        let Some(pending) = server.and_then(|s| s.pending.as_deref_mut()) else { return };
        pending.active = Some(client);
        let more = !pending.hops.is_empty();
        self.start_client(now, client, bytes, out);
        if more {
            let wait = self.timers.no_answer_failover;
            self.arm(now, Owner::Client(client), Slot::Patience, wait);
        }
    }

    /// The INVITE as it leaves in this client transaction, with further header lines of ours.
    pub(super) fn branch_bytes(&mut self, key: Key, client: Key, lines: &[u8]) -> Vec<u8> {
        let Some(server) = self.servers.get_mut(key) else { return Vec::new() };
        let (sender, Some(pending)) = (server.peer, server.pending.take()) else {
            return Vec::new();
        };
        let bytes = self.reread_request(key, &pending.request, |core, message| {
            core.forwarded_invite(message, &pending, (sender, lines), client)
        });
        if let Some(server) = self.servers.get_mut(key) {
            server.pending = Some(pending);
        }
        bytes.flatten().unwrap_or_default()
    }

    /// An INVITE that is too long for a datagram goes over a stream if the same target has one
    /// further down its list (RFC 3261 §18.1.1 size); otherwise it goes as it is, for most carriers
    /// have no other way in.
    fn leave_datagrams(&mut self, key: Key, client: Key) -> bool {
        let Some((peer, way)) = self.clients.get(client).map(|c| (c.peer, &c.way)) else {
            return false;
        };
        if way.is_reliable() {
            return false;
        }
        let hops = self.servers.get(key).and_then(|s| s.pending.as_deref()).map(|p| &p.hops);
        let stream = hops.into_iter().flatten().take_while(|hop| hop.0 == peer).enumerate();
        let found = stream
            .filter_map(|(i, hop)| Some((i, hop.1.as_ref()?)))
            .find(|(_, endpoint)| endpoint.transport.is_reliable())
            .and_then(|(i, endpoint)| Some((i, self.way_to(peer, Some(endpoint))?)));
        let Some((index, way)) = found else { return false };
        if let Some(client) = self.clients.get_mut(client) {
            client.way = self.ways.share(way);
        }
        let server = self.servers.get_mut(key);
        if let Some(pending) = server.and_then(|s| s.pending.as_deref_mut()) {
            pending.hops.drain(..=index);
        }
        true
    }

    fn forwarded_invite(
        &mut self,
        message: &Message<'_>,
        pending: &Pending,
        (sender, lines): (PeerId, &[u8]),
        key: Key,
    ) -> Option<Vec<u8>> {
        let client = self.clients.get(key)?;
        let (peer, way, shift) = (client.peer, client.way.clone(), client.shift);
        let routing = self.routing(message);
        let hash = self.loop_hash(message, sender);
        let branch = self.marks.branch(BranchKind::Transaction { shift }, key.0, hash);
        let (came, caller_flow) = pending.came;
        let callee_flow = way.flow;
        let sides = Sides { caller: sender, callee: peer, shift, caller_flow, callee_flow };
        let mark = self.marks.route(&sides, message.call_id(), message.tag_of_from());
        self.edits.clear();
        if routing.own && routing.uri == message.uri() {
            self.own_domain(message, way.remote);
        }
        let edits = &mut self.edits;
        push_via(edits, message, way.listen, &branch);
        insert_route_mark(edits, message, way.listen, came, &mark);
        routing.edit(edits, message);
        lower_max_forwards(edits, message);
        bound_max_breadth(edits, message);
        note_source(edits, message, pending.source);
        raise_cseq(edits, message, shift);
        edits.insert(message.headers_at(), |text| text.extend_from_slice(lines));
        strip_headers(edits, message, &pending.strip);
        if way.is_reliable() {
            ensure_length(edits, message);
        }
        self.guard_identity(message, sender, peer);
        let edits = &mut self.edits;
        Some(edits.apply(message.bytes(), message.bytes().len()))
    }

    /// A Request-URI with our address is for us to resolve: host and port become the target's,
    /// user and parameters stay (§16.5, §16.6 item 2).
    pub(super) fn own_domain(&mut self, message: &Message<'_>, target: SocketAddr) {
        if let Some(uri) = message.uri_parts() {
            replace_uri(&mut self.edits, uri.host_port, target.to_string().as_bytes());
        }
    }

    /// Makes room for a client transaction; its key is part of the branch it will send.
    pub(super) fn open_client(&mut self, leg: Leg) -> Key {
        let state = match leg.invite {
            true => ClientState::Invite(InviteClient::Calling),
            false => ClientState::Other(OtherClient::Trying),
        };
        let client = self.clients.insert(Client {
            server: leg.server,
            peer: leg.peer,
            way: leg.way,
            shift: 0,
            own: None,
            state,
            bytes: None,
            cancel: Cancel::No,
            abandoned: false,
            overdue: false,
            won: false,
            final_told: false,
            told: Vec::new(),
            rounds: 0,
            resend: Default::default(),
            end: Default::default(),
            patience: Default::default(),
        });
        if let Some(server) = leg.server.and_then(|key| self.servers.get_mut(key)) {
            server.clients.reserve_exact(1); // one, but for a call that fails over
            server.clients.push(client);
        }
        client
    }

    /// Sends its request and arms A or E, and B or F.
    pub(super) fn start_client(&mut self, now: Now, key: Key, bytes: Vec<u8>, out: &mut Outputs) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.bytes = Some(bytes.as_slice().into());
        self.send_from(key, bytes, out);
        self.arm_unless_reliable(now, Owner::Client(key), Slot::Resend, self.timers.t1);
        self.arm(now, Owner::Client(key), Slot::End, self.timers.long());
    }

    /// Leaves the active target of an INVITE for the next one. What it still says is heard, but it
    /// goes up only if nobody else has answered.
    pub(super) fn leave_active(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let server = self.servers.get_mut(key);
        let Some(pending) = server.and_then(|s| s.pending.as_deref_mut()) else { return };
        if let Some(active) = pending.active.take() {
            if let Some(client) = self.clients.get_mut(active) {
                client.abandoned = true;
            }
            self.disarm(Owner::Client(active), Slot::Resend);
            self.cancel_client(now, active, None, out);
        }
        self.next_or_finish(now, key, out);
    }

    /// The active target is through: the next one, or the end.
    pub(super) fn next_or_finish(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let server = self.servers.get_mut(key);
        let Some(server) = server.filter(|s| s.is_open()) else { return };
        let Some(pending) = server.pending.as_deref_mut() else { return };
        pending.active = None;
        if self.try_next(now, key, out) {
            self.counters.failovers += 1;
        } else {
            self.finish(now, key, out);
        }
    }
}
