//! CANCEL, from the caller and to the targets (RFC 3261 §9, §16.10).

use super::Core;
use super::state::{Cancel, ClientState, Incoming, Owner, Role, Slot};
use crate::model::Now;
use crate::sip::message::Message;
use crate::sip::own::{cancel, phrase_of};
use crate::sip::slab::Key;
use crate::sip::transaction::InviteClient;
use crate::sip::{AskId, Outputs, Signal};

impl Core {
    /// Answers a CANCEL ourselves, each time: its 200 says nothing about the INVITE.
    pub(super) fn on_cancel(&mut self, now: Now, came: &Incoming<'_>, out: &mut Outputs) {
        let message = came.message;
        let found = self.find_invite(came);
        let own = found.filter(|key| self.servers.get(*key).is_some_and(|s| s.peer == came.peer));
        let Some(key) = own else {
            self.counters.refused_invalid += 1;
            return self.answer_stateless(came, (481, phrase_of(481)), &[], out);
        };
        self.answer_stateless(came, (200, phrase_of(200)), &[], out);
        let Some(server) = self.servers.get_mut(key).filter(|s| s.is_open()) else { return };
        let role = server.role;
        let clients = server.clients.clone();
        let Some(pending) = server.pending.as_deref_mut().filter(|p| !p.cancelled) else { return };
        pending.cancelled = true;
        pending.hops.clear();
        let waits = pending.active.is_some();
        if role == Role::Initial {
            let (ask, reason) = (AskId(key.0), message.reason());
            out.signals.push(Signal::Cancelled { ask, reason, arrival: came.datagram.at });
        }
        for client in clients {
            self.cancel_client(now, client, Some(message), out);
        }
        if !waits {
            self.end_locally(now, key, (487, phrase_of(487)), &[], out);
        }
    }

    /// Cancels a target, as soon as it may be (§9.1). `asked` is the caller's CANCEL: its Reason
    /// goes on.
    pub(super) fn cancel_client(
        &mut self,
        now: Now,
        key: Key,
        asked: Option<&Message<'_>>,
        out: &mut Outputs,
    ) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if !matches!(client.cancel, Cancel::No) {
            return;
        }
        match client.state {
            ClientState::Invite(InviteClient::Calling) => {
                client.cancel = Cancel::Wanted(asked.map(|m| m.bytes().into()));
            }
            ClientState::Invite(InviteClient::Proceeding) => {
                self.send_cancel(now, key, asked, out);
            }
            ClientState::Invite(_) | ClientState::Other(_) => {}
        }
    }

    /// The target gave a provisional answer: a CANCEL that waited for it goes out.
    pub(super) fn release_cancel(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let Cancel::Wanted(asked) = &mut client.cancel else { return };
        match asked.take() {
            None => self.send_cancel(now, key, None, out),
            Some(bytes) => {
                let mut index = crate::sip::message::Index::default();
                let read = index.read(&bytes, usize::MAX);
                let asked = Message::new(&bytes, &index);
                self.send_cancel(now, key, read.is_ok().then_some(&asked), out);
            }
        }
    }

    fn send_cancel(&mut self, now: Now, key: Key, asked: Option<&Message<'_>>, out: &mut Outputs) {
        let Some(client) = self.clients.get(key) else { return };
        let Some(invite) = client.bytes.clone() else { return };
        let made = self.reread(&invite, |_, invite| cancel(invite, asked));
        let Some(bytes) = made else { return };
        if let Some(client) = self.clients.get_mut(key) {
            client.cancel = Cancel::Sent(bytes.as_slice().into());
            client.rounds = 0;
        }
        self.send_from(key, bytes, out);
        self.arm_unless_reliable(now, Owner::Client(key), Slot::Resend, self.timers.t1);
        self.arm(now, Owner::Client(key), Slot::End, self.timers.long());
    }

    /// An answer to our CANCEL stops its retransmission; the INVITE's own answer decides.
    pub(super) fn on_cancel_answer(&mut self, key: Key, status: u16) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if status >= 200 && matches!(client.cancel, Cancel::Sent(_)) {
            client.cancel = Cancel::Done;
            self.disarm(Owner::Client(key), Slot::Resend);
        }
    }
}
