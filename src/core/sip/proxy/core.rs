//! The core's public face, its tables, and the way in and out of them.

use super::flows::Flows;
use super::peers::Peers;
use super::state::{Alarm, Client, Instant, Owner, Server, Slot, Timer};
use super::way::{Way, Ways};
use crate::model::{Mono, Now, OwnMap};
use crate::sip::edit::Edits;
use crate::sip::mark::Marks;
use crate::sip::message::{Index, Message, Start};
use crate::sip::slab::{Key, Slab};
use crate::sip::timer::{Wheel, horizon};
use crate::sip::{
    CoreConfig, Counters, Endpoint, Limits, Listen, Outgoing, Outputs, PeerId, Received, Sizes,
    Timers,
};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

/// Requests above this should not travel over UDP (RFC 3261 §18.1.1); those that do are counted.
pub const DATAGRAM_MAX: usize = 1300;

/// Keys are hashes already.
#[derive(Default)]
pub struct Identity64(u64);

impl Hasher for Identity64 {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

type Keys = HashMap<u64, Key, BuildHasherDefault<Identity64>>;

/// A record-routing, transaction-stateful proxy without IO.
pub struct Core {
    pub(super) peers: Peers,
    pub(super) marks: Marks,
    pub(super) timers: Timers,
    pub(super) limits: Limits,
    pub(super) server_name: String,
    pub(super) purpose_header: Option<String>,
    pub(super) counters: Counters,
    pub(super) draining: bool,
    pub(super) servers: Slab<Server>,
    pub(super) clients: Slab<Client>,
    pub(super) keys: Keys,
    /// INVITEs by sender and branch alone: a CANCEL behind a NAT may differ in sent-by.
    pub(super) cancel_keys: Keys,
    pub(super) pending: OwnMap<PeerId, usize>,
    pub(super) pending_total: usize,
    pub(super) flows: Flows,
    pub(super) ways: Ways,
    pub(super) wheel: Wheel<Timer>,
    pub(super) edits: Edits,
    /// Requests of our own and answered challenges so far.
    pub(super) own_count: u64,
    index: Index,
    /// The INVITE that `index` was read of, while it is the newest message.
    pub(super) index_of: Option<Key>,
    spare: Index,
    fired: Vec<Timer>,
}

impl Core {
    /// An empty core.
    pub fn new(config: CoreConfig) -> Self {
        Self {
            peers: Peers::new(config.peers, config.listen),
            marks: Marks::new(&config.secret, config.epoch),
            timers: config.timers,
            limits: config.limits,
            server_name: config.server_name,
            purpose_header: config.purpose_header,
            counters: Counters::default(),
            draining: false,
            servers: Slab::new(),
            clients: Slab::new(),
            keys: Keys::default(),
            cancel_keys: Keys::default(),
            pending: OwnMap::default(),
            pending_total: 0,
            flows: Flows::default(),
            ways: Ways::default(),
            wheel: Wheel::new(),
            edits: Edits::default(),
            own_count: 0,
            index: Index::default(),
            index_of: None,
            spare: Index::default(),
            fired: Vec::new(),
        }
    }

    /// Takes one datagram, or one message of a connection that was told by `flow_opened`.
    pub fn receive(&mut self, now: Now, datagram: Received<'_>, out: &mut Outputs) {
        self.counters.received += 1;
        let sender = match datagram.flow {
            Some(flow) => self.flows.get(flow).map(|f| (f.peer, f.kind)),
            None => self.peers.of_source(datagram.remote),
        };
        let Some((peer, kind)) = sender else {
            self.counters.unknown_source += 1;
            return;
        };
        if datagram.bytes.len() > self.limits.message_bytes_max.min(65_535) {
            self.counters.too_long += 1;
            return;
        }
        // RFC 3261 §7.5.
        let blank = |b: &u8| matches!(b, b'\r' | b'\n' | 0);
        let Some(start) = datagram.bytes.iter().position(|b| !blank(b)) else {
            self.counters.keepalives += 1;
            return;
        };
        let datagram = Received { bytes: &datagram.bytes[start..], ..datagram };
        self.index_of = None;
        let mut index = std::mem::take(&mut self.index);
        let read = index.read(datagram.bytes, self.limits.headers_max);
        let message = Message::new(datagram.bytes, &index);
        if read.is_err() || !message.is_identified() {
            self.counters.malformed += 1;
        } else if matches!(message.start(), Start::Request { .. }) {
            self.on_request(now, &message, &datagram, (peer, kind), out);
        } else {
            self.on_response(now, &message, &datagram, peer, out);
        }
        self.index = index;
    }

    /// Other addresses of a neighbour, from the resolver; calls in progress keep theirs.
    pub fn set_endpoints(&mut self, peer: PeerId, endpoints: Vec<Endpoint>) {
        self.peers.set_endpoints(peer, endpoints);
    }

    /// Fires what is due; call it at `next_deadline` or later.
    pub fn tick(&mut self, now: Now, out: &mut Outputs) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.due(now, &mut fired);
        for timer in fired.drain(..) {
            self.on_timer(now, timer, out);
        }
        self.fired = fired;
    }

    /// When `tick` has something to do.
    pub fn next_deadline(&self) -> Option<Mono> {
        self.wheel.next()
    }

    /// Counts since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Live entries of each table.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            servers: self.servers.len(),
            clients: self.clients.len(),
            keys: self.keys.len() + self.cancel_keys.len(),
            pending: self.pending_total,
            timers: self.wheel.len(),
            flows: self.flows.len(),
        }
    }

    /// While draining, new INVITEs and OPTIONS to us get 503; calls in progress go on.
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }

    /// Hands a message out; `owner` is told if it cannot be sent.
    pub(super) fn send(
        &mut self,
        way: &Way,
        owner: Option<Owner>,
        bytes: Vec<u8>,
        out: &mut Outputs,
    ) {
        self.counters.sent += 1;
        let Listen { transport, addr: local } = way.listen;
        let (remote, flow, name) = (way.remote, way.flow, way.name.clone());
        if !transport.is_reliable() && bytes.len() > DATAGRAM_MAX {
            self.counters.oversized += 1;
        }
        let ticket = owner.map(Owner::ticket);
        out.sends.push(Outgoing { transport, local, remote, flow, name, ticket, bytes });
    }

    /// Reads stored bytes again: they were a message once.
    pub(super) fn reread<R>(
        &mut self,
        bytes: &[u8],
        work: impl FnOnce(&mut Self, &Message<'_>) -> R,
    ) -> Option<R> {
        let mut index = std::mem::take(&mut self.spare);
        let read = index.read(bytes, usize::MAX);
        let result = read.ok().map(|()| work(self, &Message::new(bytes, &index)));
        self.spare = index;
        result
    }

    /// The same for the request of an INVITE that has no answer: most are routed while they are
    /// the newest message, and need no second reading.
    pub(super) fn reread_request<R>(
        &mut self,
        key: Key,
        request: &[u8],
        work: impl FnOnce(&mut Self, &Message<'_>) -> R,
    ) -> Option<R> {
        if self.index_of.take() != Some(key) {
            return self.reread(request, work);
        }
        let mut index = std::mem::take(&mut self.index);
        index.cut(request.len());
        let result = work(self, &Message::new(request, &index));
        self.index = index;
        Some(result)
    }

    fn alarm(&mut self, owner: Owner, slot: Slot) -> Option<&mut Alarm> {
        Some(match (owner, slot) {
            (Owner::Server(key), Slot::Resend) => &mut self.servers.get_mut(key)?.resend,
            (Owner::Server(key), Slot::End) => &mut self.servers.get_mut(key)?.end,
            (Owner::Server(key), Slot::Patience) => {
                &mut self.servers.get_mut(key)?.pending.as_deref_mut()?.patience
            }
            (Owner::Client(key), Slot::Resend) => &mut self.clients.get_mut(key)?.resend,
            (Owner::Client(key), Slot::End) => &mut self.clients.get_mut(key)?.end,
            (Owner::Client(key), Slot::Patience) => &mut self.clients.get_mut(key)?.patience,
        })
    }

    /// Sets a timer; one entry in the wheel is enough as long as it is not later than the timer.
    pub(super) fn arm(&mut self, now: Now, owner: Owner, slot: Slot, wait: std::time::Duration) {
        let due = now.mono.after(wait);
        let at = horizon(now, due, self.timers.long());
        if slot == Slot::Resend && self.ends_before(owner, due) {
            return self.disarm(owner, slot);
        }
        let Some(alarm) = self.alarm(owner, slot) else { return };
        alarm.due = due.into();
        if alarm.queued.get().is_none_or(|queued| queued > at) {
            alarm.queued = at.into();
            self.wheel.arm(at, Timer { owner, slot, at });
        }
    }

    /// Sets a timer that only datagrams need: A, E, G (RFC 3261 §17).
    pub(super) fn arm_unless_reliable(
        &mut self,
        now: Now,
        owner: Owner,
        slot: Slot,
        wait: Duration,
    ) {
        if !self.is_reliable(owner) {
            self.arm(now, owner, slot, wait);
        }
    }

    /// Sets the end of a state that only waits for stray copies: D, I, J, K. Zero where the
    /// transport makes none (RFC 3261 §17).
    pub(super) fn arm_end(&mut self, now: Now, owner: Owner, wait: Duration) {
        let wait = if self.is_reliable(owner) { Duration::ZERO } else { wait };
        self.arm(now, owner, Slot::End, wait);
    }

    fn is_reliable(&self, owner: Owner) -> bool {
        match owner {
            Owner::Server(key) => self.servers.get(key).is_some_and(|s| s.back.is_reliable()),
            Owner::Client(key) => self.clients.get(key).is_some_and(|c| c.way.is_reliable()),
        }
    }

    /// A retransmission after the end of the state would only keep an entry in the wheel.
    fn ends_before(&mut self, owner: Owner, due: Mono) -> bool {
        let end = self.alarm(owner, Slot::End).and_then(|alarm| alarm.due.get());
        end.is_some_and(|end| end <= due)
    }

    /// Stops a timer; its entry in the wheel finds nothing to do.
    pub(super) fn disarm(&mut self, owner: Owner, slot: Slot) {
        if let Some(alarm) = self.alarm(owner, slot) {
            alarm.due = Instant::NONE;
        }
    }

    /// Did this entry's timer really end? If it was set later meanwhile, queues it again.
    pub(super) fn has_ended(&mut self, now: Now, timer: Timer) -> bool {
        let longest = self.timers.long();
        let Some(alarm) = self.alarm(timer.owner, timer.slot) else { return false };
        if alarm.queued.get() != Some(timer.at) {
            return false;
        }
        alarm.queued = Instant::NONE;
        match alarm.due.get() {
            None => false,
            Some(due) if due <= now.mono => {
                alarm.due = Instant::NONE;
                true
            }
            Some(due) => {
                let at = horizon(now, due, longest);
                alarm.queued = at.into();
                self.wheel.arm(at, Timer { at, ..timer });
                false
            }
        }
    }
}
