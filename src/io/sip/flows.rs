//! The SIP thread's side: which connections there are, and the way to each.

use super::conn::Context;
use super::connect::{Target, connect};
use super::event::Event;
use super::queue::{Item, Queue, Refused, queue};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use trunkline_core::sip::{FlowId, FlowOpened, Outgoing, Received, Transport};

/// What there is to tell the core.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A connection opened.
    Opened(FlowOpened),
    /// A message came.
    Message(Received<'a>),
    /// A connection that was told open is gone.
    Closed(FlowId),
    /// A message was not sent.
    Unsent {
        /// `Outgoing::ticket`.
        ticket: u64,
        /// For the operator.
        why: String,
    },
}

struct Flow {
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
    /// `None`: closing; nothing is sent or heard any more.
    queue: Option<Queue>,
    open: bool,
    /// Under which it is found.
    targets: Vec<Target>,
}

/// All connections. Dropping it closes them, after what waits in their queues.
pub struct Flows {
    flows: HashMap<FlowId, Flow>,
    by_target: HashMap<Target, FlowId>,
    unsent: VecDeque<(u64, String)>,
    events: mpsc::Receiver<Event>,
    context: Arc<Context>,
    runtime: Handle,
}

impl Flows {
    pub(super) fn new(
        context: Arc<Context>,
        events: mpsc::Receiver<Event>,
        runtime: Handle,
    ) -> Self {
        let (flows, by_target) = (HashMap::new(), HashMap::new());
        Self { flows, by_target, unsent: VecDeque::new(), events, context, runtime }
    }

    /// Is there something that `receive` would give at once, whatever comes from outside?
    pub fn has_news(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends over the connection it names, or one to its target, which is opened if there is
    /// none. Never waits; what cannot be sent is told by `receive`.
    pub fn send(&mut self, out: Outgoing) {
        let target = match out.flow {
            Some(_) => None,
            None => Some(Target {
                transport: out.transport,
                local: out.local,
                remote: out.remote,
                name: out.name.filter(|_| is_secure(out.transport)),
            }),
        };
        let item = Item { bytes: out.bytes, ticket: out.ticket };
        let refused = match out.flow.or_else(|| self.by_target.get(target.as_ref()?).copied()) {
            Some(flow) => self.push(flow, item),
            None => Err(item),
        };
        match (refused, target) {
            (Ok(()), _) => {}
            (Err(item), Some(target)) => self.open(target, item),
            (Err(item), None) => self.not_sent(&item, "the connection is closed"),
        }
    }

    /// Closes a connection after what waits for it.
    pub fn close(&mut self, flow: FlowId) {
        self.forget(flow);
        if let Some(flow) = self.flows.get_mut(&flow) {
            flow.queue = None;
        }
    }

    /// Gives the item back if the connection has ended.
    fn push(&mut self, id: FlowId, item: Item) -> Result<(), Item> {
        let Some(flow) = self.flows.get(&id) else { return Err(item) };
        let Some(queue) = &flow.queue else { return Err(item) };
        match queue.push(item) {
            Ok(()) => Ok(()),
            Err(Refused::Ended(item)) => {
                self.close(id);
                Err(item)
            }
            Err(Refused::Full(item)) if flow.open => {
                queue.abort();
                self.close(id);
                self.not_sent(&item, "the peer does not read");
                Ok(())
            }
            Err(Refused::Full(item)) => {
                self.not_sent(&item, "too much waits for the connection to open");
                Ok(())
            }
        }
    }

    fn open(&mut self, target: Target, item: Item) {
        let id = self.context.new_flow();
        let limits = &self.context.limits;
        let (queue, outbox) = queue(limits.queue_messages_max, limits.queue_bytes_max);
        if let Err(Refused::Full(item) | Refused::Ended(item)) = queue.push(item) {
            return self.not_sent(&item, "the message is longer than the connection's queue");
        }
        self.flows.insert(
            id,
            Flow {
                transport: target.transport,
                local: target.local,
                remote: target.remote,
                queue: Some(queue),
                open: false,
                targets: vec![target.clone()],
            },
        );
        self.by_target.insert(target.clone(), id);
        self.runtime.spawn(connect(target, id, outbox, self.context.clone()));
    }

    fn not_sent(&mut self, item: &Item, why: &str) {
        self.context.stats.unsent.up();
        if let Some(ticket) = item.ticket {
            self.unsent.push_back((ticket, why.to_owned()));
        }
    }

    /// No new message finds it by its target.
    fn forget(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        for target in flow.targets.drain(..) {
            if self.by_target.get(&target) == Some(&id) {
                self.by_target.remove(&target);
            }
        }
    }

    /// Tells at most `max` pieces of news; gives how many.
    pub fn receive(&mut self, max: usize, mut each: impl FnMut(Heard<'_>)) -> usize {
        let mut count = 0;
        while count < max {
            if let Some((ticket, why)) = self.unsent.pop_front() {
                each(Heard::Unsent { ticket, why });
                count += 1;
                continue;
            }
            let Ok(event) = self.events.try_recv() else { break };
            count += 1;
            match event {
                Event::Accepted { opened, queue } => each(self.accepted(opened, queue)),
                Event::Connected { flow: id, names } => {
                    if let Some(flow) = self.flows.get_mut(&id) {
                        flow.open = true;
                        let Flow { transport, local, remote, .. } = *flow;
                        let ours = true;
                        let flow = id;
                        let opened = FlowOpened { flow, transport, local, remote, ours, names };
                        each(Heard::Opened(opened));
                    }
                }
                Event::Message { flow, bytes, at } => {
                    if let Some(Flow { transport, local, remote, queue: Some(_), .. }) =
                        self.flows.get(&flow)
                    {
                        let (transport, local, remote) = (*transport, *local, *remote);
                        let flow = Some(flow);
                        let bytes = &bytes;
                        let received = Received { transport, local, remote, flow, bytes, at };
                        each(Heard::Message(received));
                    }
                }
                Event::Gone { flow: id, why, unsent } => {
                    self.forget(id);
                    let open = self.flows.remove(&id).is_some_and(|flow| flow.open);
                    self.context.stats.unsent.add(unsent.len() as u64);
                    for ticket in unsent {
                        each(Heard::Unsent { ticket, why: why.clone() });
                    }
                    if open {
                        each(Heard::Closed(id));
                    }
                }
            }
        }
        count
    }

    /// What comes from a neighbour's own address can be answered on it as on one of ours; under
    /// TLS its certificate must have the name that is asked for.
    fn accepted(&mut self, opened: FlowOpened, queue: Queue) -> Heard<'static> {
        let FlowOpened { flow, transport, local, remote, .. } = opened;
        let target = |name| Target { transport, local, remote, name };
        let targets: Vec<Target> = match is_secure(transport) {
            false => vec![target(None)],
            true => opened.names.iter().map(|n| target(Some(Arc::from(n.as_str())))).collect(),
        };
        for target in &targets {
            self.by_target.entry(target.clone()).or_insert(flow);
        }
        let queue = Some(queue);
        self.flows.insert(flow, Flow { transport, local, remote, queue, open: true, targets });
        Heard::Opened(opened)
    }
}

fn is_secure(transport: Transport) -> bool {
    matches!(transport, Transport::Tls | Transport::Wss)
}
