//! The user agent: its tables, and what an input is handed to.

use super::{
    agenda::{Action, Agenda},
    call::{Answering, Call, CallKey},
    message::{Message, Start},
    script::{Behaviour, Command, Outcome, Progress, Report},
    txn::{ClientTxn, Due, Purpose, ServerTxn},
};
use std::{collections::BTreeMap, net::SocketAddr};
use trunkline_core::model::Mono;

/// What came of one input, in order. The caller drains it.
#[derive(Debug, Default)]
pub struct Outputs {
    /// To be sent.
    pub datagrams: Vec<(SocketAddr, Vec<u8>)>,
    /// To be told.
    pub reports: Vec<Report>,
}

impl Outputs {
    pub(super) fn trouble(&mut self, text: impl Into<String>) {
        self.reports.push(Report::Trouble { text: text.into() });
    }
}

/// A scripted user agent: `command`, `receive` and `tick` never block and never fail; what they
/// want done is in [`Outputs`].
#[derive(Debug)]
pub struct Ua {
    pub(super) local: SocketAddr,
    pub(super) server: Option<SocketAddr>,
    /// Makes tags, branches and Call-IDs of this agent differ from those of any other.
    seed: u64,
    count: u64,
    pub(super) incoming: u64,
    pub(super) plans: BTreeMap<String, Behaviour>,
    pub(super) calls: BTreeMap<CallKey, Call>,
    /// By branch and method.
    pub(super) client: BTreeMap<(String, String), ClientTxn>,
    pub(super) server_txns: BTreeMap<(String, String), ServerTxn>,
    /// ACKs of 2xx, by Call-ID, CSeq and To tag: a repeated 2xx gets them again.
    pub(super) acks: BTreeMap<(String, u32, String), Ack>,
    pub(super) agenda: Agenda,
}

/// An ACK to a 2xx, kept while the 2xx may come again.
#[derive(Debug)]
pub(super) struct Ack {
    pub wire: Vec<u8>,
    pub to: SocketAddr,
    pub until: Mono,
}

impl Ua {
    /// A user agent at `local`, the address that its peers see. Two agents need two seeds.
    pub fn new(local: SocketAddr, seed: u64) -> Self {
        Self {
            local,
            server: None,
            seed,
            count: 0,
            incoming: 0,
            plans: BTreeMap::new(),
            calls: BTreeMap::new(),
            client: BTreeMap::new(),
            server_txns: BTreeMap::new(),
            acks: BTreeMap::new(),
            agenda: Agenda::default(),
        }
    }

    /// Follows an order.
    pub fn command(&mut self, now: Mono, command: Command, out: &mut Outputs) {
        match command {
            Command::Server { addr } => self.server = Some(addr),
            Command::Behave { user, plan } => {
                self.plans.insert(user, plan);
            }
            Command::Call(dial) => self.dial(now, dial, out),
            Command::Ring { id } => self.steer(&id, Outcome::Never, |ua, key| {
                ua.show_progress(now, key, out);
            }),
            Command::Answer { id } => {
                self.steer(&id, Outcome::Answer { after_ms: 0 }, |ua, key| {
                    ua.decide(now, key, out);
                })
            }
            Command::HangUp { id } => {
                if let Some(key) = self.named(&id) {
                    self.leave(now, key, out);
                }
            }
            Command::Quit => {
                let keys: Vec<CallKey> = self.calls.keys().copied().collect();
                for key in keys {
                    self.leave(now, key, out);
                }
            }
        }
    }

    fn named(&self, id: &str) -> Option<CallKey> {
        self.calls.iter().find(|(_, call)| call.id == id).map(|(key, _)| *key)
    }

    /// Another plan for an offered call; one that is not offered any more has none.
    fn steer(&mut self, id: &str, then: Outcome, go: impl FnOnce(&mut Self, CallKey)) {
        let Some(key) = self.named(id) else { return };
        if let Some(call) = self.calls.get_mut(&key) {
            call.answering = Some(Answering { progress: Progress::Ringing, then });
            go(self, key);
        }
    }

    /// Takes a datagram.
    pub fn receive(&mut self, now: Mono, source: SocketAddr, bytes: &[u8], out: &mut Outputs) {
        if bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return; // keep-alive
        }
        match Message::read(bytes) {
            Ok(message) if matches!(message.start, Start::Request { .. }) => {
                self.request(now, source, message, out);
            }
            Ok(response) => self.response(now, &response, out),
            Err(error) => out.trouble(format!("unreadable datagram: {error}")),
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Mono, out: &mut Outputs) {
        while let Some((key, action)) = self.agenda.pop_due(now) {
            self.act(now, key, action, out);
        }
        self.tick_clients(now, out);
        self.server_txns.retain(|_, txn| {
            let due = txn.tick(now);
            if let (Due::Resend, Some(wire)) = (due, txn.reply()) {
                out.datagrams.push((txn.to, wire.to_vec()));
            }
            due != Due::Gone
        });
        self.acks.retain(|_, ack| now < ack.until);
    }

    fn tick_clients(&mut self, now: Mono, out: &mut Outputs) {
        let mut silent = Vec::new();
        self.client.retain(|_, txn| match txn.tick(now) {
            Due::Nothing => true,
            Due::Resend => {
                out.datagrams.push((txn.to, txn.wire().to_vec()));
                true
            }
            Due::TimedOut => {
                silent.push((txn.call, txn.purpose));
                false
            }
            Due::Gone => false,
        });
        for (key, purpose) in silent {
            self.unanswered(now, key, purpose, out);
        }
    }

    /// When `tick` has something to do.
    pub fn next_timer(&self) -> Option<Mono> {
        let clients = self.client.values().map(ClientTxn::next_timer);
        let servers = self.server_txns.values().map(ServerTxn::next_timer);
        let acks = self.acks.values().map(|ack| ack.until);
        let all = clients.chain(servers).chain(acks).chain(self.agenda.next_timer());
        all.min().filter(|at| *at < Mono(u64::MAX))
    }

    /// Calls in progress.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Entries of all tables: zero after 64*T1 of silence.
    pub fn entries(&self) -> usize {
        let txns = self.client.len() + self.server_txns.len();
        self.calls.len() + txns + self.acks.len() + self.agenda.len()
    }

    fn act(&mut self, now: Mono, key: CallKey, action: Action, out: &mut Outputs) {
        match action {
            Action::Progress => self.show_progress(now, key, out),
            Action::Decide => self.decide(now, key, out),
            Action::Cancel => self.give_up(now, key, out),
            Action::HangUp => self.hang_up(now, key, out),
            Action::Hold => self.reinvite(now, key, Purpose::Hold, out),
            Action::Retrieve => self.reinvite(now, key, Purpose::Retrieve, out),
            Action::RepeatOk => self.repeat_ok(now, key, out),
        }
    }

    /// A token that no other agent makes: part of tags, branches and Call-IDs.
    pub(super) fn token(&mut self) -> String {
        self.count += 1;
        format!("{:x}-{:x}", self.seed, self.count)
    }

    /// A branch with the magic cookie of RFC 3261 §8.1.1.7.
    pub(super) fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.token())
    }

    pub(super) fn new_key(&mut self) -> CallKey {
        self.count += 1;
        CallKey(self.count)
    }

    /// Removes a call that is over, with its plans.
    pub(super) fn forget(&mut self, key: CallKey) -> Option<Call> {
        self.agenda.forget(key);
        self.calls.remove(&key)
    }

    /// Sends a request and keeps it until it is answered.
    pub(super) fn send_request(
        &mut self,
        (branch, method): (String, &str),
        txn: ClientTxn,
        out: &mut Outputs,
    ) {
        out.datagrams.push((txn.to, txn.wire().to_vec()));
        self.client.insert((branch, method.to_owned()), txn);
    }
}
