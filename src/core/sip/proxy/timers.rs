//! What happens when nothing happens.
//!
//! Carries out RFC 3261 §16.7 item 6b, §16.8.

use super::Core;
use super::own::tell_own;
use super::state::{Best, Cancel, ClientState, Owner, Role, ServerState, Slot, Timer};
use crate::model::{Now, Reply};
use crate::sip::Outputs;
use crate::sip::own::phrase_of;
use crate::sip::slab::Key;
use crate::sip::transaction::{
    InviteClient, InviteClientAct, InviteClientInput, InviteServerAct, InviteServerInput,
    OtherClientAct, OtherClientInput, OtherServer, OtherServerInput,
};
use std::time::Duration;

impl Core {
    pub(super) fn on_timer(&mut self, now: Now, timer: Timer, out: &mut Outputs) {
        if !self.has_ended(now, timer) {
            return;
        }
        match (timer.owner, timer.slot) {
            (Owner::Server(key), Slot::Resend) => self.resend_answer(now, key, out),
            (Owner::Server(key), Slot::End) => self.end_server(now, key, out),
            (Owner::Server(key), Slot::Patience) => self.end_search(now, key, out),
            (Owner::Client(key), Slot::Resend) => self.resend_request(now, key, out),
            (Owner::Client(key), Slot::End) => self.end_client(now, key, out),
            (Owner::Client(key), Slot::Patience) => self.lose_patience(now, key, out),
        }
    }

    /// Wait before the retransmission after this one: doubles, up to T2 where `bounded`.
    fn backoff(&self, rounds: u32, bounded: bool) -> Duration {
        let factor = 1u32.checked_shl(rounds.min(16)).unwrap_or(u32::MAX);
        let wait = self.timers.t1.saturating_mul(factor);
        if bounded { wait.min(self.timers.t2) } else { wait }
    }

    /// How long a client repeats a request at growing intervals: until timer E is set to T2.
    pub(super) fn until_t2(&self) -> Duration {
        let waits = (0..16).map(|rounds| self.backoff(rounds, false));
        waits.take_while(|wait| *wait < self.timers.t2).sum()
    }

    /// Timer G (RFC 3261 §17.2.1), or the late 100 (RFC 4320 §4.1 late).
    fn resend_answer(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let Some(server) = self.servers.get_mut(key) else { return };
        let state = match server.state {
            ServerState::Invite(state) => state,
            ServerState::Other(state) => {
                let Some((next, _)) = state.step(OtherServerInput::Late) else { return };
                server.state = ServerState::Other(next);
                return self.send_last(key, out);
            }
        };
        let step = state.step(InviteServerInput::Resend);
        if !step.is_some_and(|(_, act)| act == InviteServerAct::SendAgain) {
            return;
        }
        server.rounds += 1;
        let wait = self.timers_after(key);
        self.counters.retransmits_out += 1;
        self.send_last(key, out);
        self.arm(now, Owner::Server(key), Slot::Resend, wait);
    }

    fn timers_after(&self, server: Key) -> Duration {
        let rounds = self.servers.get(server).map_or(0, |s| s.rounds);
        self.backoff(rounds, true)
    }

    fn end_server(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let Some(server) = self.servers.get(key) else { return };
        match server.state {
            ServerState::Invite(state) => match state.step(InviteServerInput::End) {
                Some((_, InviteServerAct::Expired)) => {
                    self.counters.asks_expired += 1;
                    self.end_locally(now, key, (500, phrase_of(500)), &[], out);
                }
                Some(_) => self.remove_server(key),
                None => {}
            },
            ServerState::Other(state) => {
                if state.step(OtherServerInput::End).is_some() {
                    self.remove_server(key);
                }
            }
        }
    }

    /// Forgets a server transaction.
    fn remove_server(&mut self, key: Key) {
        self.close_pending(key);
        let Some(server) = self.servers.remove(key) else { return };
        if self.keys.get(&server.key) == Some(&key) {
            self.keys.remove(&server.key);
        }
        if let Some(cancel_key) = server.cancel_key
            && self.cancel_keys.get(&cancel_key) == Some(&key)
        {
            self.cancel_keys.remove(&cancel_key);
        }
    }

    /// Timers A and E, and E of our CANCEL.
    fn resend_request(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.rounds += 1;
        let rounds = client.rounds;
        let (bytes, bounded) = match (client.state, &client.cancel) {
            (ClientState::Invite(InviteClient::Proceeding), Cancel::Sent(bytes)) => {
                (Some(bytes.to_vec()), true)
            }
            (ClientState::Invite(state), _) => {
                let step = state.step(InviteClientInput::Resend);
                let again = step.is_some_and(|(_, act)| act == InviteClientAct::SendAgain);
                (client.bytes.as_ref().filter(|_| again).map(|b| b.to_vec()), false)
            }
            (ClientState::Other(state), _) => {
                let step = state.step(OtherClientInput::Resend);
                let again = step.is_some_and(|(_, act)| act == OtherClientAct::SendAgain);
                (client.bytes.as_ref().filter(|_| again).map(|b| b.to_vec()), true)
            }
        };
        let Some(bytes) = bytes else { return };
        self.counters.retransmits_out += 1;
        self.send_from(key, bytes, out);
        let wait = self.backoff(rounds, bounded);
        self.arm(now, Owner::Client(key), Slot::Resend, wait);
    }

    fn end_client(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let Some(client) = self.clients.get_mut(key) else { return };
        match client.state {
            ClientState::Invite(state) => {
                let rings = state == InviteClient::Proceeding;
                if rings && matches!(client.cancel, Cancel::No) {
                    // Timer C (§16.8): the target must say so before the branch ends.
                    client.overdue = true;
                    return self.cancel_client(now, key, None, out);
                }
                if let Some((_, act)) = state.step(InviteClientInput::End) {
                    self.invite_is_over(now, key, act == InviteClientAct::TimedOut, out);
                }
            }
            ClientState::Other(state) => {
                if let Some((_, act)) = state.step(OtherClientInput::End) {
                    self.counters.timeouts += u64::from(act == OtherClientAct::TimedOut);
                    self.other_is_over(now, key, out);
                }
            }
        }
    }

    fn invite_is_over(&mut self, now: Now, key: Key, timed_out: bool, out: &mut Outputs) {
        let Some(client) = self.clients.remove(key) else { return };
        let Some(server) = client.server else { return };
        self.forget_client(server, key);
        if !timed_out {
            return;
        }
        self.counters.timeouts += 1;
        let is_open = self.servers.get(server).is_some_and(|s| s.is_open());
        if is_open && !client.abandoned {
            self.weigh(server, Best::local(408, now));
            self.next_or_finish(now, server, out);
        }
    }

    fn other_is_over(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let Some(client) = self.clients.remove(key) else { return };
        let Some(server) = client.server else {
            return tell_own(&client, Reply::Silent, now, out);
        };
        self.forget_client(server, key);
        let waits = self.servers.get(server).is_some_and(|s| {
            matches!(s.state, ServerState::Other(OtherServer::Trying | OtherServer::Proceeding))
        });
        if waits {
            self.remove_server(server);
        }
    }

    pub(super) fn forget_client(&mut self, server: Key, client: Key) {
        if let Some(server) = self.servers.get_mut(server) {
            server.clients.retain(|c| *c != client);
        }
    }

    /// Nobody rang within the plan's `post_dial_max`: no further target, and the one at hand is
    /// left. 504 and not 408: what timed out is our search behind this hop, the reason is in the
    /// Q.850 cause, and a PBX does not take it for a busy trunk as it would a 503.
    fn end_search(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let server = self.servers.get_mut(key).filter(|s| s.is_open());
        let pending = server.and_then(|s| s.pending.as_deref_mut()).filter(|p| !p.cancelled);
        let Some(pending) = pending else { return };
        pending.hops.clear();
        let Some(active) = pending.active.take() else { return };
        self.counters.post_dial_expired += 1;
        if let Some(client) = self.clients.get_mut(active) {
            client.abandoned = true;
        }
        self.disarm(Owner::Client(active), Slot::Resend);
        self.cancel_client(now, active, None, out);
        let reason = "Q.850;cause=102;text=\"nobody rang in time\"".to_owned();
        let extra = [rsip::Header::Other("Reason".into(), reason)];
        self.end_locally(now, key, (504, phrase_of(504)), &extra, out);
    }

    /// No sign of life: the next target, if there is one.
    fn lose_patience(&mut self, now: Now, key: Key, out: &mut Outputs) {
        let Some(client) = self.clients.get(key) else { return };
        if client.own.is_some() {
            return self.other_is_over(now, key, out);
        }
        let waits = client.state == ClientState::Invite(InviteClient::Calling);
        let Some(server) = client.server.filter(|_| waits && !client.abandoned) else { return };
        let fits = self.servers.get(server).filter(|s| s.is_open() && s.role == Role::Initial);
        let more = fits
            .and_then(|s| s.pending.as_deref())
            .is_some_and(|p| !p.hops.is_empty() && !p.cancelled);
        if more {
            self.weigh(server, Best::local(408, now));
            self.leave_active(now, server, out);
        }
    }
}
