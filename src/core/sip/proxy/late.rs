//! Responses that outlived what they belong to: those to an earlier run of the process, and 2xx
//! that nobody above wants any more.

use super::Core;
use super::fork::Leg;
use crate::model::Now;
use crate::sip::edit::{pop_via, second_via, value_uri};
use crate::sip::mark::BranchKind;
use crate::sip::message::Message;
use crate::sip::own::{ack_late, ack_success, bye};
use crate::sip::slab::Key;
use crate::sip::{Outputs, PeerId, Received, Signal};

impl Core {
    /// A response to a branch of an earlier run: its transaction is gone, but the next Via says
    /// where it goes. Only to a neighbour: the responder wrote that Via back to us.
    pub(super) fn late_response(
        &mut self,
        message: &Message<'_>,
        datagram: &Received<'_>,
        sender: PeerId,
        status: u16,
        out: &mut Outputs,
    ) {
        let method = message.cseq_method();
        if method == b"CANCEL" || status == 100 {
            return; // hop by hop
        }
        let next = second_via(message).and_then(|v| v.reply_to(message.bytes()));
        let next = next.filter(|addr| self.peers.knows(addr.ip()));
        let exit = next.and_then(|addr| Some((self.peers.listen_for(addr)?, addr)));
        let Some((local, remote)) = exit else {
            self.counters.stray_responses += 1;
            return;
        };
        self.counters.late_responses += 1;
        if method == b"INVITE" && status >= 300 {
            // The caller's ACK of it ends here, so its sender gets one from us.
            if let Some(ack) = ack_late(message) {
                self.send(datagram.local, datagram.remote, ack, out);
            }
        }
        self.edits.clear();
        pop_via(&mut self.edits, message);
        let end = message.body().map_or(message.bytes().len(), |b| b.to());
        let bytes = self.edits.apply(message.bytes(), end);
        self.send(local, remote, bytes, out);
        out.signals.push(Signal::Late {
            peer: sender,
            method: String::from_utf8_lossy(method).into_owned(),
            ids: message.ids(),
            status,
            reason: message.reason(),
            arrival: datagram.at,
        });
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
        let (peer, local, answered_from) = (client.peer, client.local, client.remote);
        let id = self.marks.key(&[b"2xx", message.call_id(), message.tag_of_to()]);
        let branch = self.marks.branch(BranchKind::Stateless, id, 0);
        let is_own = |v| value_uri(message, v).is_some_and(|uri| self.is_own_uri(message, uri));
        let Some((ack, next)) = ack_success(message, local, &branch, is_own) else { return };
        let reach = |addr: &std::net::SocketAddr| addr.is_ipv4() == local.is_ipv4();
        let remote = next.filter(reach).unwrap_or(answered_from);
        self.send(local, remote, ack, out);
        if !self.first_time(key, message, 200) {
            return;
        }
        self.counters.late_answers_released += 1;
        out.signals.push(Signal::AnsweredLate { peer, ids: message.ids(), arrival: now });
        let leg = Leg { server: None, peer, local, remote, invite: false };
        let client = self.open_client(leg);
        let branch = self.marks.branch(BranchKind::Transaction, client.0, 0);
        let is_own = |v| value_uri(message, v).is_some_and(|uri| self.is_own_uri(message, uri));
        match bye(message, local, &branch, is_own) {
            Some((bytes, _)) => self.start_client(now, client, bytes, out),
            None => {
                self.clients.remove(client);
            }
        }
    }
}
