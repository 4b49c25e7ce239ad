//! Connections that a FreeSWITCH opens to us, one for each call that its dialplan hands over.
//!
//! One task takes them and serves all of them, each with a task that reads and one that writes.
//! While the engine is late nothing is read: that stops a thread of FreeSWITCH's that serves this
//! connection, never a call.

use super::config::{CallLimits, CallsConfig};
use super::driver::{Link, LinkBatch, Outlet};
use super::stats::{LinkStats, up};
use super::stream;
use crate::io::clock::Clock;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use trunkline_core::model::{Mono, Now};
use trunkline_core::pbx::esl::{CallOutputs, CallSocket, EslCalls};
use trunkline_core::pbx::{Close, LinkReport, News, Order, OrderId};

/// One read.
const READ_BYTES: usize = 16 << 10;
/// Reads of all connections that wait to be handled.
const UNREAD_MAX: usize = 1024;
/// Commands of one connection that wait to be written.
const UNWRITTEN_MAX: usize = 256;
/// Orders that may wait; beyond: refused.
const ORDERS_MAX: usize = 1024;

/// Serves the connections of calls. Reports go to `sender`; `wake` is called when one was sent.
/// `stats`: those of the PBX's other connection, if there is one.
pub fn spawn_calls(
    config: CallsConfig,
    listener: TcpListener,
    clock: Clock,
    sender: mpsc::Sender<LinkBatch>,
    wake: Arc<dyn Fn() + Send + Sync>,
    stats: Arc<LinkStats>,
) -> Link {
    let (orders, given) = mpsc::channel(ORDERS_MAX);
    let (teller, heard) = mpsc::channel(UNREAD_MAX);
    let outlet = Outlet { pbx: config.pbx, link: config.link, sender, wake, stats: stats.clone() };
    let door = Door {
        core: (config.make)(),
        config,
        clock,
        outlet,
        stats: stats.clone(),
        sockets: BTreeMap::new(),
        count: 0,
        teller,
        warned: [None; 3],
        out: CallOutputs::default(),
    };
    Link { orders, stats, task: tokio::spawn(door.serve(listener, heard, given)) }
}

enum Said {
    Bytes(Now, Vec<u8>),
    Ended,
}

struct Socket {
    writer: mpsc::Sender<Vec<u8>>,
    reader: AbortHandle,
}

/// What is told to an operator, each at most once in a while.
#[derive(Clone, Copy)]
enum Trouble {
    Stranger,
    TooMany,
    Broken,
}

struct Door {
    config: CallsConfig,
    core: EslCalls,
    clock: Clock,
    outlet: Outlet,
    stats: Arc<LinkStats>,
    sockets: BTreeMap<CallSocket, Socket>,
    count: u64,
    teller: mpsc::Sender<(CallSocket, Said)>,
    /// When each trouble was told.
    warned: [Option<Mono>; 3],
    out: CallOutputs,
}

impl Door {
    async fn serve(
        mut self,
        listener: TcpListener,
        mut heard: mpsc::Receiver<(CallSocket, Said)>,
        mut orders: mpsc::Receiver<(OrderId, Order)>,
    ) {
        self.core.listening(&mut self.out);
        while self.carry().await {
            let now = self.clock.mono();
            let due = self.core.next_deadline().map(|due| due.since(now));
            let ordered = !orders.is_closed() || !orders.is_empty();
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, from)) => self.accept(stream, from),
                    // No file descriptor is free: the next try must not be a busy loop.
                    Err(_) => tokio::time::sleep(self.config.limits.accept_pause).await,
                },
                said = heard.recv() => if let Some((socket, said)) = said {
                    self.said(socket, said);
                },
                order = orders.recv(), if ordered => if let Some((id, order)) = order {
                    up(&self.stats.orders);
                    self.core.order(self.clock.now(), id, &order, &mut self.out);
                },
                () = asleep(due) => self.core.tick(self.clock.now(), &mut self.out),
            }
        }
    }

    fn accept(&mut self, stream: TcpStream, from: SocketAddr) {
        let limits = &self.config.limits;
        let ip = from.ip().to_canonical();
        if !self.config.allowed.contains(&ip) {
            up(&self.stats.strangers);
            let why = format!("a connection of {ip} was refused: it is no address of the PBX");
            return self.trouble(Trouble::Stranger, why);
        }
        if self.sockets.len() >= limits.sockets_max {
            up(&self.stats.strangers);
            let why = format!("more than {} calls connect at once", limits.sockets_max);
            return self.trouble(Trouble::TooMany, why);
        }
        if stream::tune(&stream).is_err() {
            return; // it is gone already
        }
        up(&self.stats.connects);
        self.count += 1;
        let socket = CallSocket(self.count);
        let (read, write) = stream.into_split();
        let (writer, outbox) = mpsc::channel(UNWRITTEN_MAX);
        let (teller, clock) = (self.teller.clone(), self.clock.clone());
        let reader = tokio::spawn(read_all(read, socket, teller.clone(), clock)).abort_handle();
        tokio::spawn(write_all(write, outbox, socket, teller, *limits));
        self.sockets.insert(socket, Socket { writer, reader });
        self.core.connected(self.clock.now(), socket, &mut self.out);
    }

    fn said(&mut self, socket: CallSocket, said: Said) {
        if !self.sockets.contains_key(&socket) {
            return; // it was given up
        }
        match said {
            Said::Bytes(at, bytes) => self.core.received(at, socket, &bytes, &mut self.out),
            Said::Ended => self.end(socket),
        }
    }

    fn end(&mut self, socket: CallSocket) {
        self.sockets.remove(&socket);
        self.core.ended(self.clock.now(), socket, &mut self.out);
    }

    /// Carries what the core wants; `false`: trunkline stops.
    async fn carry(&mut self) -> bool {
        let mut reports = Vec::new();
        loop {
            let out = std::mem::take(&mut self.out);
            for (socket, bytes) in out.sends {
                let sent = self.sockets.get(&socket).map(|one| one.writer.try_send(bytes).is_ok());
                if sent == Some(false) {
                    self.end(socket);
                    self.broken("a connection reads nothing of what it is sent");
                }
            }
            reports.extend(out.reports);
            for (socket, why) in out.closes {
                self.sockets.remove(&socket);
                let (Close::Retry(why) | Close::Refused(why)) = why;
                self.broken(&why);
            }
            if self.out.sends.is_empty() && self.out.closes.is_empty() {
                break;
            }
        }
        reports.append(&mut self.out.reports);
        self.stats.call_sockets.store(self.sockets.len(), Relaxed);
        self.outlet.tell(reports).await
    }

    fn broken(&mut self, why: &str) {
        up(&self.stats.failures);
        self.trouble(Trouble::Broken, format!("a call's connection was given up: {why}"));
    }

    fn trouble(&mut self, trouble: Trouble, why: String) {
        let now = self.clock.mono();
        let told = &mut self.warned[trouble as usize];
        if told.is_none_or(|told| now.since(told) >= self.config.limits.warn_every) {
            *told = Some(now);
            tracing::warn!(link = self.config.name, why, "outbound_listen");
            self.out.reports.push(LinkReport::News(News::Warning(why)));
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read_all(
    mut stream: OwnedReadHalf,
    socket: CallSocket,
    teller: mpsc::Sender<(CallSocket, Said)>,
    clock: Clock,
) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let said = Said::Bytes(clock.now(), buffer[..count].to_vec());
        if teller.send((socket, said)).await.is_err() {
            return;
        }
    }
    let _ = teller.send((socket, Said::Ended)).await; // nobody serves any more
}

async fn write_all(
    mut stream: OwnedWriteHalf,
    mut outbox: mpsc::Receiver<Vec<u8>>,
    socket: CallSocket,
    teller: mpsc::Sender<(CallSocket, Said)>,
    limits: CallLimits,
) {
    while let Some(bytes) = outbox.recv().await {
        let written = timeout(limits.write, stream.write_all(&bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            let _ = teller.send((socket, Said::Ended)).await; // nobody serves any more
            return;
        }
    }
}

async fn asleep(wait: Option<std::time::Duration>) {
    match wait {
        // A deadline that is not moved on must not become a busy loop.
        Some(wait) => tokio::time::sleep(wait.max(std::time::Duration::from_millis(1))).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
