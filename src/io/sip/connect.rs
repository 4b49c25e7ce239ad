//! Connections of ours.

use super::accept::{tune, within};
use super::conn::{Conn, Context, Why};
use super::event::Event;
use super::queue::Outbox;
use super::{framed, identity, websocket};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use trunkline_core::sip::{FlowId, Transport};

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub transport: Transport,
    /// Our listen address: the connection gets its IP.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// TLS: the name that the certificate must have; without one it must have the IP.
    pub name: Option<Arc<str>>,
}

enum Open {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Ws(Box<tokio_tungstenite::WebSocketStream<TcpStream>>),
    Wss(Box<tokio_tungstenite::WebSocketStream<TlsStream<TcpStream>>>),
}

/// Opens the connection and serves it; what waits in the queue goes out then, or is told unsent.
pub(super) async fn connect(target: Target, flow: FlowId, outbox: Outbox, context: Arc<Context>) {
    let _alive = context.alive.clone();
    let stats = context.stats.clone();
    let stats = stats.of(target.transport);
    let aside = outbox.aside();
    let opening = within(context.limits.connect, open(&target, &context));
    let opened = tokio::select! {
        opened = opening => opened,
        () = aside.aborted() => Err(Why::Ours),
    };
    let (open, names) = match opened {
        Ok(opened) => opened,
        Err(why) => {
            stats.connect_failures.up();
            let to = format!("{}:{}", target.transport.via_name(), target.remote);
            tracing::debug!(to, %why, "cannot connect");
            let why = format!("cannot connect to {to}: {why}");
            let unsent = outbox.end(Vec::new());
            context.inbox.tell(Event::Gone { flow, why, unsent }).await;
            return;
        }
    };
    stats.connected.up();
    stats.open.up();
    let conn = Conn::new(context.clone(), flow, target.transport, true, &outbox);
    if !context.inbox.tell(Event::Connected { flow, names }).await {
        stats.open.down();
        return;
    }
    match open {
        Open::Tcp(stream) => framed::serve(stream, conn, outbox).await,
        Open::Tls(stream) => framed::serve(stream, conn, outbox).await,
        Open::Ws(socket) => websocket::serve(*socket, conn, outbox).await,
        Open::Wss(socket) => websocket::serve(*socket, conn, outbox).await,
    }
}

async fn open(target: &Target, context: &Context) -> Result<(Open, Vec<String>), Why> {
    let stream = tcp(target).await?;
    let bytes_max = context.limits.frame.message_bytes_max;
    let host = match &target.name {
        Some(name) => format!("{name}:{}", target.remote.port()),
        None => target.remote.to_string(),
    };
    match target.transport {
        Transport::Tcp | Transport::Udp => Ok((Open::Tcp(stream), Vec::new())),
        Transport::Ws => {
            let socket = websocket::connect(stream, &host, false, bytes_max).await?;
            Ok((Open::Ws(Box::new(socket)), Vec::new()))
        }
        Transport::Tls => {
            let (stream, names) = secure(stream, target, context).await?;
            Ok((Open::Tls(Box::new(stream)), names))
        }
        Transport::Wss => {
            let (stream, names) = secure(stream, target, context).await?;
            let socket = websocket::connect(stream, &host, true, bytes_max).await?;
            Ok((Open::Wss(Box::new(socket)), names))
        }
    }
}

async fn tcp(target: &Target) -> Result<TcpStream, Why> {
    let socket = if target.remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(target.local.ip(), 0))?;
    let stream = socket.connect(target.remote).await?;
    tune(&stream)?;
    Ok(stream)
}

async fn secure(
    stream: TcpStream,
    target: &Target,
    context: &Context,
) -> Result<(TlsStream<TcpStream>, Vec<String>), Why> {
    let other = std::io::Error::other::<String>;
    let tls = context.tls.as_ref().ok_or_else(|| other("[sip.tls] is not configured".into()))?;
    let server = match &target.name {
        Some(name) => ServerName::try_from(name.to_string())
            .map_err(|_| other(format!("{name} is no name of a server")))?,
        None => ServerName::IpAddress(target.remote.ip().into()),
    };
    let connector = TlsConnector::from(tls.current().client.clone());
    let stream = connector.connect(server, stream).await?;
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let names = leaf.map(|leaf| identity::of(leaf).into_names()).unwrap_or_default();
    Ok((stream, names))
}
