//! The SIP and engine thread: sockets, timers and orders in; datagrams, events and questions out.
//! It never waits for disk, desks or DNS.

use super::links::OrdersOut;
use super::metrics::{Shared, Snapshot};
use super::orders::Order;
use super::shadow::ShadowJobs;
use crate::io::clock::Clock;
use crate::io::desk::DeskOrder;
use crate::io::http::GateOrder;
use crate::io::pbx::LinkBatch;
use crate::io::sip::{Flows, Heard};
use crate::io::udp::{BATCH, UdpPort};
use crate::io::wake::Waker;
use crate::store::{JournalHandle, JournalState};
use crossbeam_channel::{Receiver, Sender};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use trunkline_core::engine::{
    CommandAnswer, Engine, ExplainJob, Input, Outputs, PbxOrder, PermitAnswer, ProbeAnswer,
};
use trunkline_core::model::{Epoch, Event, Mono, Now, Pos};
use trunkline_core::pbx::{LinkReport, News, OrderResult};
use trunkline_core::sip::{Outgoing, Received, Transport};

/// Longest sleep: health and metrics are looked at this often.
const IDLE_WAIT: Duration = Duration::from_millis(500);
/// The same while an event is not durable yet: a hanging disk must be noticed.
const UNDURABLE_WAIT: Duration = Duration::from_millis(50);
/// News of connections taken at once.
const STREAM_BATCH: usize = 64;
/// Groups of reports of control links taken at once: calls on the trunk go first.
const LINK_BATCH: usize = 64;
/// How often figures are published.
const PUBLISH: Duration = Duration::from_millis(200);
/// Where the system allows it, calls go before what is computed of them.
const NICE: i32 = -10;
/// Between this and the next look at the sockets, while they are busy: each wake-up and each
/// system call then serves several datagrams. It adds at most this to a datagram's way.
const GATHER: Duration = Duration::from_millis(1);
/// Busy: so many datagrams within `PACE`, 8,000 a second.
const PACE: Duration = Duration::from_millis(50);
const PACE_DATAGRAMS: usize = 400;

/// Everything the thread owns.
pub(super) struct SipThread {
    pub ports: Vec<UdpPort>,
    pub flows: Flows,
    pub engine: Engine,
    pub clock: Clock,
    pub waker: Waker,
    pub inbox: Receiver<Order>,
    /// Reports of control links.
    pub reports: mpsc::Receiver<LinkBatch>,
    pub link_orders: OrdersOut,
    pub durable: Arc<AtomicU64>,
    pub journal: Arc<JournalHandle>,
    pub explain: Sender<ExplainJob>,
    pub shadow: ShadowJobs,
    pub shared: Arc<Shared>,
    pub new_epoch: Box<dyn FnMut() -> Epoch + Send>,
    /// Events of the engine's start.
    pub first: Outputs,
}

#[derive(Default)]
struct Loop {
    out: Outputs,
    durable: Pos,
    tickets: Vec<(Pos, oneshot::Sender<Pos>)>,
    waiting: Vec<(u64, oneshot::Sender<Pos>)>,
    testing: Vec<(u64, oneshot::Sender<Vec<ProbeAnswer>>)>,
    asking: Vec<(u64, oneshot::Sender<CommandAnswer>)>,
    permitting: Vec<(u64, oneshot::Sender<PermitAnswer>)>,
    next_ticket: u64,
    degraded: bool,
    ring_full: bool,
    epoch: Option<Epoch>,
    published: Option<Mono>,
    pace: Pace,
}

/// How many datagrams come.
#[derive(Default)]
struct Pace {
    since: Mono,
    count: usize,
    busy: bool,
}

impl Pace {
    /// So many have come; says whether they come fast.
    fn count(&mut self, now: Mono, datagrams: usize) -> bool {
        self.count += datagrams;
        if now.since(self.since) >= PACE {
            let long = now.since(self.since) >= 2 * PACE;
            self.busy = self.count >= PACE_DATAGRAMS && !long;
            (self.since, self.count) = (now, 0);
        }
        self.busy
    }
}

impl Loop {
    /// A ticket for who waits for a position to be durable.
    fn ticket(&mut self, done: oneshot::Sender<Pos>) -> u64 {
        self.next_ticket += 1;
        self.waiting.push((self.next_ticket, done));
        self.next_ticket
    }
}

impl SipThread {
    /// Runs until it is told to stop.
    pub(super) fn run(mut self) {
        // Not allowed to everyone, and it works without.
        let _ = rustix::process::setpriority_process(None, NICE);
        let mut state = Loop { out: std::mem::take(&mut self.first), ..Loop::default() };
        self.flush(&mut state);
        loop {
            let (mut busy, mut datagrams) = (false, 0);
            for index in 0..self.ports.len() {
                let count = self.receive(index, &mut state);
                // A batch that is not full has emptied the socket.
                busy |= count == BATCH;
                datagrams += count;
            }
            busy |= self.connections(&mut state) == STREAM_BATCH;
            busy |= self.links(&mut state) == LINK_BATCH;
            if !self.orders(&mut state) {
                self.flush(&mut state);
                return;
            }
            self.journal_news(&mut state);
            let now = self.clock.now();
            if self.engine.next_deadline().is_some_and(|d| d <= now.mono) {
                self.engine.handle(now, Input::Tick, &mut state.out);
            }
            self.flush(&mut state);
            self.publish(now, &mut state);
            let gather = state.pace.count(now.mono, datagrams);
            // What could not be sent is heard in the next round.
            if !busy && !self.flows.has_news() {
                if gather {
                    std::thread::sleep(GATHER);
                } else {
                    self.wait(&state);
                }
            }
        }
    }

    fn receive(&mut self, index: usize, state: &mut Loop) -> usize {
        let Self { ports, engine, clock, .. } = self;
        let port = &mut ports[index];
        let local = port.local();
        port.receive(|datagram| {
            let now = clock.now(); // read after the datagram came: no stamp lies ahead of it
            let at = clock.arrival(now, datagram.stamp);
            let (remote, bytes) = (datagram.remote, datagram.bytes);
            let transport = Transport::Udp;
            let received = Received { transport, local, remote, flow: None, bytes, at };
            engine.handle(now, Input::Datagram(received), &mut state.out);
        })
    }

    /// Messages and news of connections.
    fn connections(&mut self, state: &mut Loop) -> usize {
        let Self { flows, engine, clock, .. } = self;
        flows.receive(STREAM_BATCH, |heard| {
            let input = match heard {
                Heard::Message(received) => Input::Datagram(received),
                Heard::Opened(opened) => Input::FlowOpened(opened),
                Heard::Closed(flow) => Input::FlowClosed(flow),
                Heard::Unsent { ticket, why } => Input::Unsent { ticket, why },
            };
            engine.handle(clock.now(), input, &mut state.out);
        })
    }

    /// What control links report.
    fn links(&mut self, state: &mut Loop) -> usize {
        for taken in 0..LINK_BATCH {
            let Ok(LinkBatch { pbx, link, reports }) = self.reports.try_recv() else {
                return taken;
            };
            for report in reports {
                let input = Input::Pbx { pbx, link, report };
                self.engine.handle(self.clock.now(), input, &mut state.out);
            }
        }
        LINK_BATCH
    }

    /// Gives orders to the drivers; who does not take one answers it at once.
    fn order_links(&mut self, state: &mut Loop) {
        for PbxOrder { pbx, link, id, order } in std::mem::take(&mut state.out.pbx_orders) {
            let given = match self.link_orders.get(&(pbx, link)) {
                Some(driver) => driver.try_send((id, order)),
                None => Err(TrySendError::Closed((id, order))),
            };
            let result = match given {
                Ok(()) => continue,
                Err(TrySendError::Full(_)) => {
                    OrderResult::Rejected("too many orders wait for this link".to_owned())
                }
                Err(TrySendError::Closed(_)) => OrderResult::LinkDown,
            };
            let report = LinkReport::News(News::Done(id, result));
            let input = Input::Pbx { pbx, link, report };
            self.engine.handle(self.clock.now(), input, &mut state.out);
        }
    }

    /// Takes what is in the inbox; `false`: stop.
    fn orders(&mut self, state: &mut Loop) -> bool {
        while let Ok(order) = self.inbox.try_recv() {
            let now = self.clock.now();
            match order {
                Order::Explained(answer) => {
                    self.engine.handle(now, Input::Explained(answer), &mut state.out);
                }
                Order::Dnc { entries, done } => {
                    let ticket = state.ticket(done);
                    self.engine.handle(now, Input::Dnc { entries, ticket }, &mut state.out);
                }
                Order::Claims { entries, done } => {
                    let ticket = state.ticket(done);
                    self.engine.handle(now, Input::Claims { entries, ticket }, &mut state.out);
                }
                Order::CallKnown { id, done } => {
                    let _ = done.send(self.engine.call_known(id)); // who asked may have gone
                }
                Order::Register { register, done } => {
                    let ticket = state.ticket(done);
                    let input = Input::Register { register, ticket };
                    self.engine.handle(now, input, &mut state.out);
                }
                Order::Line { name, order, who, done } => {
                    let ticket = state.ticket(done);
                    let input = Input::OrderLine { name, order, who, ticket };
                    self.engine.handle(now, input, &mut state.out);
                }
                Order::TestLine { name, done } => {
                    state.next_ticket += 1;
                    let ticket = state.next_ticket;
                    state.testing.push((ticket, done));
                    self.engine.handle(now, Input::TestLine { name, ticket }, &mut state.out);
                }
                Order::Lines { done } => {
                    let _ = done.send(self.engine.lines(now)); // who asked may have gone
                }
                Order::Links { done } => {
                    let _ = done.send(self.engine.links()); // who asked may have gone
                }
                Order::Drain { done } => {
                    self.engine.handle(now, Input::Drain, &mut state.out);
                    state.published = None;
                    self.publish(now, state);
                    let _ = done.send(()); // who drains may have lost patience
                }
                Order::Endpoints { peer, endpoints } => {
                    self.engine.handle(now, Input::Endpoints { peer, endpoints }, &mut state.out);
                }
                Order::Rules { book, plans } => {
                    self.engine.handle(now, Input::Plans(plans), &mut state.out);
                    self.engine.handle(now, Input::Rules(book), &mut state.out);
                }
                Order::RulesRefused(why) => {
                    self.engine.handle(now, Input::RulesRefused(why), &mut state.out);
                }
                Order::Reconciling(step) => {
                    self.engine.handle(now, Input::Reconciling(step), &mut state.out);
                }
                Order::GateAlarm(text) => {
                    self.engine.handle(now, Input::GateAlarm(text), &mut state.out);
                }
                Order::Shadow(news) => {
                    self.engine.handle(now, Input::Shadow(news), &mut state.out);
                }
                Order::Clock { done } => {
                    let _ = done.send(self.engine.clock()); // who asked may have gone
                }
                Order::ConfirmClock { who, done } => {
                    let ticket = state.ticket(done);
                    self.engine.handle(now, Input::ConfirmClock { who, ticket }, &mut state.out);
                }
                Order::Gate(order) => self.gate_order(now, order, state),
                Order::Desk(order) => self.desk_order(now, order, state),
                Order::Stop => return false,
            }
        }
        true
    }

    fn desk_order(&mut self, now: Now, order: DeskOrder, state: &mut Loop) {
        state.next_ticket += 1;
        let ticket = state.next_ticket;
        let input = match order {
            DeskOrder::Command { request, done } => {
                state.asking.push((ticket, done));
                Input::Command { request, ticket }
            }
            DeskOrder::Standing { user, ids, done } => {
                state.asking.push((ticket, done));
                Input::Commands { user, ids, ticket }
            }
            DeskOrder::Presence { agent, presence } => Input::Desk { agent, presence },
            DeskOrder::Applied { agent, pos } => Input::Applied { agent, pos },
        };
        self.engine.handle(now, input, &mut state.out);
    }

    fn gate_order(&mut self, now: Now, order: GateOrder, state: &mut Loop) {
        match order {
            GateOrder::Look { key, customer, done } => {
                let slice = self.engine.gate_slice(key, customer.as_deref());
                let _ = done.send(slice); // who asked may have gone
            }
            GateOrder::Permit { request, done } => {
                state.next_ticket += 1;
                let ticket = state.next_ticket;
                state.permitting.push((ticket, done));
                let input = Input::Permit { request, ticket };
                self.engine.handle(now, input, &mut state.out);
            }
        }
    }

    /// What became durable, and how the journal is.
    fn journal_news(&mut self, state: &mut Loop) {
        let through = Pos(self.durable.load(Ordering::Acquire));
        if through > state.durable {
            state.durable = through;
            self.engine.handle(self.clock.now(), Input::Durable(through), &mut state.out);
            for (_, done) in state.tickets.extract_if(.., |(pos, _)| *pos <= through) {
                let _ = done.send(through); // who asked may have gone
            }
        }
        let health = self.journal.health();
        let degraded = health.state != JournalState::Enabled;
        if degraded != state.degraded {
            state.degraded = degraded;
            self.engine.handle(self.clock.now(), Input::Degraded(degraded), &mut state.out);
        }
        if state.ring_full && health.queued * 2 < self.shared.ring_events {
            state.ring_full = false;
            self.engine.handle(self.clock.now(), Input::RingFree, &mut state.out);
        }
    }

    /// Sends datagrams, hands events to the journal and questions to the explainer.
    fn flush(&mut self, state: &mut Loop) {
        loop {
            self.send(&mut state.out);
            self.order_links(state);
            for (ticket, pos) in state.out.tickets.drain(..) {
                if let Some(at) = state.waiting.iter().position(|(t, _)| *t == ticket) {
                    state.tickets.push((pos, state.waiting.swap_remove(at).1));
                }
            }
            for tested in state.out.tested.drain(..) {
                if let Some(at) = state.testing.iter().position(|(t, _)| *t == tested.ticket) {
                    let _ = state.testing.swap_remove(at).1.send(tested.answers);
                }
            }
            for (ticket, answer) in state.out.commands.drain(..) {
                if let Some(at) = state.asking.iter().position(|(t, _)| *t == ticket) {
                    let _ = state.asking.swap_remove(at).1.send(answer); // it may have gone
                }
            }
            for (ticket, answer) in state.out.permits.drain(..) {
                if let Some(at) = state.permitting.iter().position(|(t, _)| *t == ticket) {
                    let _ = state.permitting.swap_remove(at).1.send(answer); // it may have gone
                }
            }
            for job in state.out.explain.drain(..) {
                // Full: the refusal goes out without its next instant after 50 ms.
                let _ = self.explain.try_send(job);
            }
            for job in state.out.shadow.drain(..) {
                self.shadow.give(job);
            }
            if std::mem::take(&mut state.out.new_epoch) {
                state.epoch = Some((self.new_epoch)());
            }
            let lost = self.push(state);
            if lost.is_empty() {
                return;
            }
            state.ring_full = true;
            self.engine.handle(self.clock.now(), Input::RingFull(lost), &mut state.out);
        }
    }

    fn push(&mut self, state: &mut Loop) -> Vec<Event> {
        let mut events = state.out.events.drain(..);
        if let Some(epoch) = state.epoch.take()
            && let Err(epoch) = self.journal.new_epoch(epoch)
        {
            state.epoch = Some(epoch);
            return events.collect();
        }
        while let Some(event) = events.next() {
            if let Err(event) = self.journal.try_push(event) {
                return std::iter::once(event).chain(events).collect();
            }
        }
        Vec::new()
    }

    fn send(&mut self, out: &mut Outputs) {
        let mut sends = out.sends.as_mut_slice();
        while let Some(first) = sends.first_mut() {
            if first.transport != Transport::Udp {
                let bytes = std::mem::take(&mut first.bytes);
                self.flows.send(Outgoing { bytes, ..first.clone() });
                sends = &mut sends[1..];
                continue;
            }
            // Runs of one socket go out together; order within a socket is kept.
            let local = first.local;
            let same = |s: &&Outgoing| s.transport == Transport::Udp && s.local == local;
            let run = sends.iter().take_while(same).count();
            let batch: Vec<(SocketAddr, &[u8])> =
                sends[..run].iter().map(|s| (s.remote, s.bytes.as_slice())).collect();
            if let Some(port) = self.ports.iter_mut().find(|p| p.local() == local) {
                port.send(&batch);
            }
            sends = &mut sends[run..];
        }
        out.sends.clear();
        for flow in out.close.drain(..) {
            self.flows.close(flow);
        }
    }

    fn publish(&mut self, now: Now, state: &mut Loop) {
        if state.published.is_some_and(|at| now.mono.since(at) < PUBLISH) {
            return;
        }
        state.published = Some(now.mono);
        self.shared.publish_lines(self.engine.lines(now));
        self.shared.publish_links(self.engine.links());
        self.shared.publish_agents(self.engine.agent_states());
        self.shared.publish(Snapshot {
            totals: self.engine.totals(),
            sip: *self.engine.sip().counters(),
            sizes: self.engine.sip().sizes(),
            calls: self.engine.calls(),
            list: self.engine.list().len(),
            list_unavailable: self.engine.list().unavailable().is_some(),
            registers_due: self.engine.registers_due(),
            clock: self.engine.clock(),
            rules_refused: self.engine.has_refused_rules(),
            pos: self.engine.pos(),
            kernel_drops: self.ports.iter().map(|p| u64::from(p.dropped)).sum(),
            send_errors: self.ports.iter().map(|p| p.send_errors).sum(),
        });
    }

    fn wait(&self, state: &Loop) {
        let now = self.clock.mono();
        let mut wait = IDLE_WAIT;
        if let Some(deadline) = self.engine.next_deadline() {
            wait = wait.min(deadline.since(now));
        }
        if state.durable < self.engine.pos() || state.degraded || state.ring_full {
            wait = wait.min(UNDURABLE_WAIT);
        }
        let fds: Vec<BorrowedFd<'_>> = self.ports.iter().map(UdpPort::fd).collect();
        self.waker.wait(&fds, Some(wait));
    }
}
