//! Everything but initial INVITEs: requests inside a dialog go where their Route values lead
//! (RFC 3261 §16.12), others to the other side.
//!
//! Carries out §16.5, §16.6 item 10, §16.11 ack.

use super::Core;
use super::fork::Leg;
use super::routing::Routing;
use super::state::{Incoming, Owner, Role, Slot};
use super::way::Way;
use crate::model::Now;
use crate::sip::edit::{
    bound_max_breadth, ensure_length, insert_route_mark, lower_max_forwards, note_source, push_via,
    raise_cseq,
};
use crate::sip::mark::{BranchKind, Sides};
use crate::sip::message::MaxForwards;
use crate::sip::own::phrase_of;
use crate::sip::{Outputs, PeerId, PeerKind, Signal, facts};

/// How a request leaves.
struct Exit {
    peer: PeerId,
    way: Way,
    role: Role,
    /// Its CSeq number is raised by this.
    shift: u8,
    /// Goes to the neighbour's own address instead of ours in the Request-URI.
    resolve: bool,
}

impl Core {
    /// A request with a To tag. Without our mark it belongs to no call that came by here: it is
    /// not forwarded, or an INVITE with an invented tag would pass the gate.
    pub(super) fn inside_dialog(&mut self, now: Now, came: &Incoming<'_>, out: &mut Outputs) {
        let message = came.message;
        let routing = self.routing(message);
        let Some(mark) = routing.mark else {
            self.counters.bad_marks += 1;
            return self.answer_stateless(came, (481, phrase_of(481)), &[], out);
        };
        let Some(way) = self.exit(&routing, &mark) else {
            return self.answer_stateless(came, (480, phrase_of(480)), &[], out);
        };
        let role = if message.method() == b"INVITE" { Role::Reinvite } else { Role::InDialog };
        let exit = Exit { peer: mark.target, way, role, shift: mark.shift, resolve: false };
        if self.is_crammed() {
            // A conversation is never cut short by a full table: the request passes unremembered.
            self.counters.passed_unremembered += 1;
            self.pass_stateless(came, (&routing, exit), out);
        } else {
            self.forward(now, came, (&routing, exit), out);
        }
        out.signals.push(Signal::MidDialog {
            peer: came.peer,
            kind: came.kind,
            method: String::from_utf8_lossy(message.method()).into_owned(),
            ids: message.ids(),
            cseq: message.cseq().map_or(0, |c| c.number),
            media: message.media(),
            transfer: facts::transfer(message),
            progress: facts::refer_progress(message),
            reason: message.reason(),
            arrival: came.datagram.at,
        });
    }

    /// A request without a To tag that is no INVITE: from a carrier to the PBX, from a PBX to the
    /// first carrier.
    pub(super) fn outside_dialog(&mut self, now: Now, came: &Incoming<'_>, out: &mut Outputs) {
        let message = came.message;
        let other = match came.kind {
            PeerKind::Carrier => PeerKind::Pbx,
            PeerKind::Pbx => PeerKind::Carrier,
        };
        let target = self.peers.first(other);
        let target = target.and_then(|p| Some((p.id, self.way_to(p.id, p.endpoints.first())?)));
        let Some((peer, way)) = target else {
            return self.answer_stateless(came, (480, phrase_of(480)), &[], out);
        };
        if self.is_crammed() {
            return self.refuse_busy(came, out);
        }
        let routing = self.routing(message);
        let exit = Exit { peer, way, role: Role::Outside, shift: 0, resolve: true };
        self.forward(now, came, (&routing, exit), out);
    }

    /// Is even the reserve of the tables used up?
    fn is_crammed(&self) -> bool {
        let reserve = self.limits.transactions_max.saturating_add(self.limits.transactions_max / 4);
        self.servers.len() >= reserve || self.clients.len() >= reserve
    }

    /// Forwards statefully.
    fn forward(
        &mut self,
        now: Now,
        came: &Incoming<'_>,
        (routing, exit): (&Routing, Exit),
        out: &mut Outputs,
    ) {
        let server = self.open(came, exit.role);
        if exit.role.is_invite() {
            self.try_100(server, came, out);
        } else {
            self.keep_100(server, came);
            self.arm(now, Owner::Server(server), Slot::Resend, self.until_t2());
        }
        let leg = Leg {
            server: Some(server),
            peer: exit.peer,
            way: self.ways.share(exit.way.clone()),
            invite: exit.role.is_invite(),
        };
        let client = self.open_client(leg);
        if let Some(pending) = self.servers.get_mut(server).and_then(|s| s.pending.as_deref_mut()) {
            pending.active = Some(client);
        }
        let hash = self.loop_hash(came.message, came.peer);
        let kind = BranchKind::Transaction { shift: exit.shift };
        let branch = self.marks.branch(kind, client.0, hash);
        if let Some(client) = self.clients.get_mut(client) {
            client.shift = exit.shift;
        }
        let bytes = self.forwarded(came, (routing, &exit), &branch);
        self.start_client(now, client, bytes, out);
    }

    fn forwarded(
        &mut self,
        came: &Incoming<'_>,
        (routing, exit): (&Routing, &Exit),
        branch: &[u8],
    ) -> Vec<u8> {
        let message = came.message;
        let opens = exit.role == Role::Outside
            && matches!(message.method(), b"SUBSCRIBE" | b"REFER")
            && message.tag_of_to().is_empty();
        self.edits.clear();
        if exit.resolve && routing.own {
            self.own_domain(message, exit.way.remote);
        }
        push_via(&mut self.edits, message, exit.way.listen, branch);
        if opens {
            let (call_id, tag) = (message.call_id(), message.tag_of_from());
            let sides = Sides {
                caller: came.peer,
                callee: exit.peer,
                shift: 0,
                caller_flow: came.datagram.flow,
                callee_flow: exit.way.flow,
            };
            let mark = self.marks.route(&sides, call_id, tag);
            insert_route_mark(&mut self.edits, message, exit.way.listen, came.listen(), &mark);
        }
        routing.edit(&mut self.edits, message);
        lower_max_forwards(&mut self.edits, message);
        bound_max_breadth(&mut self.edits, message);
        raise_cseq(&mut self.edits, message, exit.shift);
        note_source(&mut self.edits, message, came.datagram.remote);
        self.guard_identity(message, came.peer, exit.peer);
        if exit.way.is_reliable() {
            ensure_length(&mut self.edits, message);
        }
        let end = message.body().map_or(message.bytes().len(), |b| b.to());
        self.edits.apply(message.bytes(), end)
    }

    /// An ACK of a 2xx: forwarded without memory, with the same branch each time (§16.11).
    pub(super) fn pass_ack(&mut self, came: &Incoming<'_>, out: &mut Outputs) {
        let message = came.message;
        let routing = self.routing(message);
        let exhausted = message.max_forwards() == MaxForwards::Hops(0);
        let (Some(mark), None, false) = (routing.mark, message.fault(), exhausted) else {
            self.counters.stray_acks += 1;
            return;
        };
        let Some(way) = self.exit(&routing, &mark) else { return };
        let (peer, role, shift) = (mark.target, Role::InDialog, mark.shift);
        let exit = Exit { peer, way, role, shift, resolve: false };
        self.pass_stateless(came, (&routing, exit), out);
    }

    /// Forwards without memory; a repeated request gets the same branch (RFC 3261 §16.11).
    fn pass_stateless(
        &mut self,
        came: &Incoming<'_>,
        (routing, exit): (&Routing, Exit),
        out: &mut Outputs,
    ) {
        let message = came.message;
        let number = message.cseq().map_or(0, |c| c.number).to_be_bytes();
        let (method, branch) = (message.method(), came.via.branch(message.bytes()));
        let id = self.marks.key(&[method, branch, message.call_id(), message.tag_of_to(), &number]);
        let branch = self.marks.branch(BranchKind::Stateless { shift: exit.shift }, id, 0);
        let bytes = self.forwarded(came, (routing, &exit), &branch);
        self.send(&exit.way, None, bytes, out);
    }
}
