//! Responses that outlived what they belong to: those to an earlier run of the process, and 2xx
//! that nobody above wants any more.

use super::Core;
use super::fork::Leg;
use super::way::Way;
use crate::model::Now;
use crate::sip::edit::{ensure_length, lower_cseq, pop_via, second_via, value_uri};
use crate::sip::mark::BranchKind;
use crate::sip::message::Message;
use crate::sip::own::{ack_late, ack_success, bye};
use crate::sip::slab::Key;
use crate::sip::{Listen, Outputs, PeerId, Received, Signal};
use std::net::SocketAddr;

impl Core {
    /// A response to a branch of an earlier run: its transaction is gone, but the next Via says
    /// where it goes. Only to a neighbour: the responder wrote that Via back to us.
    pub(super) fn late_response(
        &mut self,
        (message, kind): (&Message<'_>, BranchKind),
        datagram: &Received<'_>,
        sender: PeerId,
        status: u16,
        out: &mut Outputs,
    ) {
        let (BranchKind::Transaction { shift } | BranchKind::Stateless { shift }) = kind;
        if !self.pass_by_via((message, shift), (datagram, sender), status, out) {
            return;
        }
        self.counters.late_responses += 1;
        out.signals.push(Signal::Late {
            peer: sender,
            method: String::from_utf8_lossy(message.cseq_method()).into_owned(),
            ids: message.ids(),
            status,
            reason: message.reason(),
            arrival: datagram.at,
        });
    }

    /// Forwards a response without a transaction; false if it went nowhere.
    pub(super) fn pass_by_via(
        &mut self,
        (message, shift): (&Message<'_>, u8),
        (datagram, sender): (&Received<'_>, PeerId),
        status: u16,
        out: &mut Outputs,
    ) -> bool {
        let method = message.cseq_method();
        if method == b"CANCEL" || status == 100 {
            return false; // hop by hop
        }
        let via = second_via(message);
        let Some(way) = via.and_then(|via| self.way_by_via(&via, message.bytes())) else {
            self.counters.stray_responses += 1;
            return false;
        };
        if method == b"INVITE" && status >= 300 {
            // The caller's ACK of it ends here, so its sender gets one from us.
            if let Some(ack) = ack_late(message) {
                let listen = Listen { transport: datagram.transport, addr: datagram.local };
                let back = Way { flow: datagram.flow, ..Way::to(listen, datagram.remote) };
                self.send(&back, None, ack, out);
            }
        }
        self.edits.clear();
        pop_via(&mut self.edits, message);
        lower_cseq(&mut self.edits, message, shift);
        if let Some((to, _)) = self.peers.of_address(way.remote) {
            self.guard_identity(message, sender, to);
        }
        if way.is_reliable() {
            ensure_length(&mut self.edits, message);
        }
        let end = message.body().map_or(message.bytes().len(), |b| b.to());
        let bytes = self.edits.apply(message.bytes(), end);
        self.send(&way, None, bytes, out);
        true
    }

    /// A target answered after the call went elsewhere or ended: two answered legs cost money, so
    /// it is acknowledged each time and released once.
    pub(super) fn release_unwanted(
        &mut self,
        now: Now,
        key: Key,
        message: &Message<'_>,
        out: &mut Outputs,
    ) {
        let Some(client) = self.clients.get(key) else { return };
        let (peer, answered_from) = (client.peer, client.way.clone());
        let listen = answered_from.listen;
        let id = self.marks.key(&[b"2xx", message.call_id(), message.tag_of_to()]);
        let branch = self.marks.branch(BranchKind::Stateless { shift: 0 }, id, 0);
        let is_own = |v| value_uri(message, v).is_some_and(|uri| self.is_own_uri(message, uri));
        let Some((ack, next)) = ack_success(message, listen, &branch, is_own) else { return };
        // Its Via is written, so it leaves over the INVITE's transport: where that has
        // connections, over the one that brought the answer.
        let reach = |addr: &SocketAddr| addr.is_ipv4() == listen.addr.is_ipv4();
        let next = next.filter(reach).filter(|_| !listen.transport.is_reliable());
        let way = next.map_or(answered_from, |remote| self.ways.share(Way::to(listen, remote)));
        let Some(way) = self.open_way(peer, way) else {
            self.counters.undeliverable += 1;
            return;
        };
        self.send(&way, None, ack, out);
        if !self.first_time(key, message, 200) {
            return;
        }
        self.counters.late_answers_released += 1;
        out.signals.push(Signal::AnsweredLate { peer, ids: message.ids(), arrival: now });
        let leg = Leg { server: None, peer, way, invite: false };
        let client = self.open_client(leg);
        let branch = self.marks.branch(BranchKind::Transaction { shift: 0 }, client.0, 0);
        let is_own = |v| value_uri(message, v).is_some_and(|uri| self.is_own_uri(message, uri));
        match bye(message, listen, &branch, is_own) {
            Some((bytes, _)) => self.start_client(now, client, bytes, out),
            None => {
                self.clients.remove(client);
            }
        }
    }
}
