//! Final answers other than 2xx: on to the next target, once more with credentials, or up.

use super::Core;
use super::fork::Leg;
use super::state::{Best, Cancel, Client, Role};
use crate::model::{Arrival, Now};
use crate::sip::Outputs;
use crate::sip::message::Message;
use crate::sip::own::ack;
use crate::sip::slab::Key;

impl Core {
    pub(super) fn on_failure(
        &mut self,
        now: Now,
        key: Key,
        message: &Message<'_>,
        status: u16,
        at: Arrival,
        out: &mut Outputs,
    ) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.cancel = Cancel::Done;
        let (overdue, abandoned) = (client.overdue, client.abandoned);
        let Some(server) = client.server else { return };
        if !self.servers.get(server).is_some_and(|s| s.is_open()) {
            return;
        }
        if !abandoned {
            self.tell(key, server, message, status, at, out);
        }
        // A target that we cancelled for its silence did not say 487 of its own will.
        let candidate =
            if overdue { Best::local(408, at) } else { self.candidate((key, server), message, at) };
        // Serial forking goes on after these two only; not after minutes of ringing (timer C).
        let stops = overdue || !matches!(status, 408 | 503);
        if abandoned && status < 600 {
            return self.note_challenges(server, &candidate);
        }
        self.weigh(server, candidate);
        if stops {
            self.stop_hops(now, server, key, out);
        }
        if abandoned {
            // 6xx: nobody else will do either, but the active target's answer is awaited.
            return;
        }
        self.next_or_finish(now, server, out);
    }

    /// No further target is tried; those that were left are cancelled (§16.7 item 5).
    fn stop_hops(&mut self, now: Now, server: Key, decided: Key, out: &mut Outputs) {
        let Some(server) = self.servers.get_mut(server) else { return };
        let others: Vec<Key> = server.clients.iter().copied().filter(|c| *c != decided).collect();
        if let Some(pending) = server.pending.as_deref_mut() {
            pending.hops.clear();
        }
        for other in others {
            self.cancel_client(now, other, None, out);
        }
    }

    /// ACK of a final answer other than 2xx; kept for retransmissions of that answer.
    pub(super) fn acknowledge(&mut self, key: Key, message: &Message<'_>, out: &mut Outputs) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let Some(invite) = client.bytes.take() else { return };
        let made = self.reread(&invite, |_, invite| ack(invite, message));
        if let Some(client) = self.clients.get_mut(key) {
            client.bytes = made.map(Vec::into_boxed_slice);
        }
        self.send_bytes(key, out);
    }

    /// Lines that answer the challenge of a target, if its credentials are ours to use. The caller
    /// hears nothing of it, so only an initial INVITE is made again: inside a dialog the caller's
    /// next CSeq number would be one that the callee has seen (RFC 3261 §12.2.2).
    pub(super) fn answers_to(
        &mut self,
        key: Key,
        message: &Message<'_>,
        status: u16,
    ) -> Option<Vec<u8>> {
        let client = self.clients.get(key).filter(|c| !c.abandoned && !c.overdue)?;
        let server = self.servers.get(client.server?)?;
        let wanted = server.is_open()
            && server.role == Role::Initial
            && server.pending.as_deref().is_some_and(|p| !p.cancelled);
        let invite = client.bytes.clone().filter(|_| wanted)?;
        self.answers_for(key, &invite, message, status)
    }

    /// Sends the INVITE to the same target again, on another branch and with the next CSeq number
    /// (RFC 3261 §22.2). The caller's numbers stay as they are: what they differ by stands in our
    /// branch and, for the life of the dialog, in our Record-Route parameter.
    pub(super) fn invite_again(&mut self, now: Now, old: Key, lines: &[u8], out: &mut Outputs) {
        let Some(Client { server: Some(server), peer, way, shift, .. }) = self.clients.get(old)
        else {
            return;
        };
        let (server, shift) = (*server, shift + 1);
        let leg = Leg { server: Some(server), peer: *peer, way: way.clone(), invite: true };
        let client = self.open_client(leg);
        if let Some(client) = self.clients.get_mut(client) {
            client.shift = shift;
        }
        let bytes = self.branch_bytes(server, client, lines);
        self.counters.challenges_answered += 1;
        self.start_branch(now, (server, client), bytes, out);
    }

    /// Keeps the challenges of an answer that does not go up itself (§16.7 item 7).
    pub(super) fn note_challenges(&mut self, key: Key, answer: &Best) {
        let Some(bytes) = answer.bytes.as_ref().filter(|_| answer.is_challenge()) else { return };
        let lines = self.reread(bytes, |_, message| {
            let labels = ["WWW-Authenticate", "Proxy-Authenticate"];
            let mut lines = Vec::new();
            for header in message.all_headers() {
                let label = header.label.of(message.bytes());
                if labels.iter().any(|l| label.eq_ignore_ascii_case(l.as_bytes())) {
                    lines.extend_from_slice(header.line.of(message.bytes()));
                }
            }
            lines
        });
        let server = self.servers.get_mut(key);
        if let (Some(pending), Some(lines)) = (server.and_then(|s| s.pending.as_deref_mut()), lines)
        {
            pending.challenges.extend_from_slice(&lines);
        }
    }

    /// An answer with the challenges of all others, if it is one itself (§16.7 item 7).
    pub(super) fn with_challenges(&mut self, best: &mut Best, challenges: &[u8]) {
        let Some(bytes) = best.bytes.take() else { return };
        let wanted = best.is_challenge() && !challenges.is_empty();
        let joined = wanted.then(|| {
            self.reread(&bytes, |core, message| {
                core.edits.clear();
                core.edits.insert(message.headers_at(), |text| text.extend_from_slice(challenges));
                core.edits.apply(&bytes, bytes.len()).into_boxed_slice()
            })
        });
        best.bytes = Some(joined.flatten().unwrap_or(bytes));
    }
}
