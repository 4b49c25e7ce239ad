//! Connections of others.

use super::admit::{Admission, NoEntry, Place};
use super::conn::{Conn, Context, Why};
use super::event::Event;
use super::queue::{Outbox, queue};
use super::{framed, identity, websocket};
use nix::sys::socket::{setsockopt, sockopt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use trunkline_core::sip::{FlowOpened, Listen, Transport};

/// Unacknowledged data for so long: the peer is gone.
const USER_TIMEOUT_MS: u32 = 30_000;
/// Pause after `accept` failed: descriptors come back when connections close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Small messages at once, dead peers noticed.
pub(super) fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::TcpUserTimeout, &USER_TIMEOUT_MS)?;
    Ok(())
}

/// Takes connections until the task is dropped.
pub(super) async fn accept_all(
    listener: TcpListener,
    listen: Listen,
    admission: Arc<Admission>,
    context: Arc<Context>,
) {
    let secure = matches!(listen.transport, Transport::Tls | Transport::Wss);
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                failing = false;
                match admission.enter(remote.ip(), secure) {
                    Ok(place) => {
                        tokio::spawn(admitted(stream, remote, listen, place, context.clone()));
                    }
                    Err(NoEntry::Unknown) => context.stats.refused_unknown.up(),
                    Err(NoEntry::Limit) => context.stats.refused_limit.up(),
                }
            }
            Err(error) => {
                context.stats.accept_errors.up();
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, ?listen, "sip connections cannot be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn admitted(
    stream: TcpStream,
    remote: SocketAddr,
    listen: Listen,
    mut place: Place,
    context: Arc<Context>,
) {
    let _alive = context.alive.clone();
    if tune(&stream).is_err() {
        return; // the peer is gone already
    }
    let result = match listen.transport {
        Transport::Tcp | Transport::Udp => {
            let opened = announce(remote, listen, Vec::new(), &context).await;
            if let Some((conn, outbox)) = opened {
                framed::serve(stream, conn, outbox).await;
            }
            return;
        }
        Transport::Ws => upgrade(stream, remote, listen, Vec::new(), &context).await,
        Transport::Tls | Transport::Wss => {
            secured(stream, remote, listen, &mut place, &context).await
        }
    };
    if let Err(why) = result {
        context.stats.of(listen.transport).handshake_failures.up();
        tracing::debug!(%remote, transport = ?listen.transport, %why, "handshake failed");
    }
}

async fn secured(
    stream: TcpStream,
    remote: SocketAddr,
    listen: Listen,
    place: &mut Place,
    context: &Arc<Context>,
) -> Result<(), Why> {
    let no_server = || std::io::Error::other("no certificate");
    let tls = context.tls.as_ref().ok_or_else(no_server)?;
    let acceptor = TlsAcceptor::from(tls.current().server.clone());
    let stream =
        within(context.limits.handshake, async { acceptor.accept(stream).await.map_err(Why::Io) })
            .await?;
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let names = leaf.map(|leaf| identity::of(leaf).into_names()).unwrap_or_default();
    if !names.is_empty() {
        place.named();
    }
    if listen.transport == Transport::Wss {
        return upgrade(stream, remote, listen, names, context).await;
    }
    if let Some((conn, outbox)) = announce(remote, listen, names, context).await {
        framed::serve(stream, conn, outbox).await;
    }
    Ok(())
}

async fn upgrade<S>(
    stream: S,
    remote: SocketAddr,
    listen: Listen,
    names: Vec<String>,
    context: &Arc<Context>,
) -> Result<(), Why>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let limits = &context.limits;
    let handshake = websocket::accept(stream, limits.frame.message_bytes_max);
    let socket = within(limits.handshake, handshake).await?;
    if let Some((conn, outbox)) = announce(remote, listen, names, context).await {
        websocket::serve(socket, conn, outbox).await;
    }
    Ok(())
}

pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Why>>,
) -> Result<T, Why> {
    let late = || Why::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "took too long"));
    timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

/// Tells the SIP thread of an open connection.
async fn announce(
    remote: SocketAddr,
    listen: Listen,
    names: Vec<String>,
    context: &Arc<Context>,
) -> Option<(Conn, Outbox)> {
    let Listen { transport, addr: local } = listen;
    let flow = context.new_flow();
    let limits = &context.limits;
    let (queue, outbox) = queue(limits.queue_messages_max, limits.queue_bytes_max);
    let conn = Conn::new(context.clone(), flow, transport, false, &outbox);
    let opened = FlowOpened { flow, transport, local, remote, ours: false, names };
    let stats = context.stats.of(transport);
    stats.accepted.up();
    stats.open.up();
    let told = context.inbox.tell(Event::Accepted { opened, queue }).await;
    if !told {
        stats.open.down();
    }
    told.then_some((conn, outbox))
}
