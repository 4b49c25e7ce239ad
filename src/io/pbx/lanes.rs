//! The tasks of a connection: one reads and waits for nothing else, one writes.

use super::config::LinkLimits;
use super::spill::Spill;
use super::web::{Boxed, Socket};
use crate::io::clock::Clock;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};
use trunkline_core::pbx::Lane;

/// One read of a stream.
const READ_BYTES: usize = 64 << 10;
/// A WebSocket says something at least so often, if only a ping.
const PING: Duration = Duration::from_secs(15);
/// A WebSocket that is silent for so long is dead: three pings had no answer.
const SILENCE: Duration = Duration::from_secs(45);

/// The connections of a link: dropping them ends their tasks.
pub(super) struct Lanes {
    pub spill: Arc<Spill>,
    writers: Vec<(Lane, mpsc::Sender<Vec<u8>>)>,
    tasks: JoinSet<()>,
    clock: Clock,
    limits: LinkLimits,
}

impl Lanes {
    pub(super) fn new(spill: Spill, clock: Clock, limits: LinkLimits) -> Self {
        let spill = Arc::new(spill);
        Self { spill, writers: Vec::new(), tasks: JoinSet::new(), clock, limits }
    }

    pub(super) fn lanes(&self) -> Vec<Lane> {
        self.writers.iter().map(|(lane, _)| *lane).collect()
    }

    /// Sends bytes; `false`: the other side does not read, or is gone.
    pub(super) fn send(&self, lane: Lane, bytes: Vec<u8>) -> bool {
        let own = self.writers.iter().find(|(l, _)| *l == lane);
        // A session with one connection says everything there.
        own.or(self.writers.first()).is_some_and(|(_, writer)| writer.try_send(bytes).is_ok())
    }

    /// Serves a stream of bytes as this lane.
    pub(super) fn stream(&mut self, lane: Lane, stream: Boxed) {
        let (reader, writer) = tokio::io::split(stream);
        let outbox = self.writer(lane);
        self.tasks.spawn(read_stream(reader, lane, self.spill.clone(), self.clock.clone()));
        self.tasks.spawn(write_stream(writer, outbox, self.spill.clone(), self.limits.write));
    }

    /// Serves a WebSocket as this lane.
    pub(super) fn socket(&mut self, lane: Lane, socket: Socket) {
        let (sink, stream) = socket.split();
        let outbox = self.writer(lane);
        self.tasks.spawn(read_socket(stream, lane, self.spill.clone(), self.clock.clone()));
        self.tasks.spawn(write_socket(sink, outbox, self.spill.clone(), self.limits.write));
    }

    fn writer(&mut self, lane: Lane) -> mpsc::Receiver<Vec<u8>> {
        let (writer, outbox) = mpsc::channel(self.limits.unwritten_max);
        self.writers.push((lane, writer));
        outbox
    }
}

async fn read_stream(mut stream: ReadHalf<Boxed>, lane: Lane, spill: Arc<Spill>, clock: Clock) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return spill.ended("the PBX closed the connection".to_owned()),
            Ok(count) => {
                if !spill.bytes(lane, clock.now(), buffer[..count].to_vec()) {
                    spill.overflowed();
                    return read_away(stream).await;
                }
            }
            Err(error) => return spill.ended(format!("reading failed: {error}")),
        }
    }
}

/// The driver ends the connection when it gets there; until then the PBX is not kept waiting.
async fn read_away(mut stream: ReadHalf<Boxed>) {
    let mut buffer = vec![0; READ_BYTES];
    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

async fn write_stream(
    mut stream: WriteHalf<Boxed>,
    mut outbox: mpsc::Receiver<Vec<u8>>,
    spill: Arc<Spill>,
    limit: Duration,
) {
    while let Some(bytes) = outbox.recv().await {
        let written = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        match timeout(limit, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return spill.ended(format!("writing failed: {error}")),
            Err(_) => return spill.ended(format!("the PBX reads nothing for {limit:?}")),
        }
    }
}

async fn read_socket(mut stream: SplitStream<Socket>, lane: Lane, spill: Arc<Spill>, clock: Clock) {
    loop {
        let message = match timeout(SILENCE, stream.next()).await {
            Ok(message) => message,
            Err(_) => return spill.ended(format!("the PBX is silent for {SILENCE:?}")),
        };
        match message {
            Some(Ok(Message::Text(text))) => {
                spill.message(lane, clock.now(), text.as_bytes().to_vec());
            }
            Some(Ok(Message::Binary(bytes))) => spill.message(lane, clock.now(), bytes.into()),
            // Pings are answered below us, a Close is followed by the end.
            Some(Ok(
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_),
            )) => {}
            Some(Err(error)) if !is_end(&error) => {
                return spill.ended(format!("reading failed: {error}"));
            }
            Some(Err(_)) | None => return spill.ended("the PBX closed the connection".to_owned()),
        }
    }
}

/// With or without a closing handshake.
fn is_end(error: &Error) -> bool {
    let reset = ProtocolError::ResetWithoutClosingHandshake;
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => true,
        Error::Protocol(error) => *error == reset,
        _ => false, // what else tungstenite may say is worth its words
    }
}

async fn write_socket(
    mut sink: SplitSink<Socket, Message>,
    mut outbox: mpsc::Receiver<Vec<u8>>,
    spill: Arc<Spill>,
    limit: Duration,
) {
    loop {
        let message = match timeout(PING, outbox.recv()).await {
            Ok(Some(bytes)) => match String::from_utf8(bytes) {
                Ok(text) => Message::text(text),
                Err(odd) => Message::binary(odd.into_bytes()),
            },
            Ok(None) => return,
            Err(_) => Message::Ping(Vec::new().into()),
        };
        match timeout(limit, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return spill.ended(format!("writing failed: {error}")),
            Err(_) => return spill.ended(format!("the PBX reads nothing for {limit:?}")),
        }
    }
}
