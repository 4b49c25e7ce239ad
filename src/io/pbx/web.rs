//! ARI's WebSocket: opened by us, or by the PBX at our HTTP port.

use super::config::WebWire;
use super::stream::{self, Failed};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Subprotocol of ARI.
const SUBPROTOCOL: &str = "ari";

/// A connection of any kind.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Io for T {}

/// A connection of any kind, boxed.
pub type Boxed = Box<dyn Io>;

pub(super) type Socket = WebSocketStream<Boxed>;

/// A WebSocket that a PBX opened: the connection after the handshake, and what was read of it.
pub struct Incoming {
    /// The connection.
    pub stream: Boxed,
    /// Read already.
    pub read: Vec<u8>,
}

/// Where the link takes what the PBX opened. The newest connection is in force: a PBX that
/// connects again has given the older one up.
#[derive(Clone)]
pub struct Accepted(Arc<Mutex<Option<mpsc::Receiver<Incoming>>>>);

impl Accepted {
    /// For the driver, which is the only one.
    pub(super) fn take(&self) -> Option<mpsc::Receiver<Incoming>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

/// Both ends of a handover; while one connection waits to be taken, further ones are refused.
pub fn handed_over() -> (mpsc::Sender<Incoming>, Accepted) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, Accepted(Arc::new(Mutex::new(Some(receiver)))))
}

pub(super) async fn accept(incoming: Incoming, message_bytes_max: usize) -> Socket {
    let config = Some(config(message_bytes_max));
    WebSocketStream::from_partially_read(incoming.stream, incoming.read, Role::Server, config).await
}

fn config(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(64 << 10)
        .write_buffer_size(0) // each message at once
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// Opens the events' WebSocket.
pub(super) async fn connect(wire: &WebWire, message_bytes_max: usize) -> Result<Socket, Failed> {
    let stream = stream::open(&wire.address, wire.tls.as_ref()).await?;
    let scheme = if wire.tls.is_some() { "wss" } else { "ws" };
    let url = format!("{scheme}://{}{}{}", wire.address, wire.base, wire.events);
    let odd = |error: Error| Failed::refused(format!("{}: {error}", wire.address));
    let mut request = url.into_client_request().map_err(odd)?;
    let login = HeaderValue::from_str(&wire.login.header())
        .map_err(|_| Failed::refused("the user name or password cannot stand in a header"))?;
    request.headers_mut().insert(header::AUTHORIZATION, login);
    let offered = HeaderValue::from_static(SUBPROTOCOL);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, offered);
    let config = Some(config(message_bytes_max));
    match client_async_with_config(request, stream, config).await {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(refusal(wire, error)),
    }
}

fn refusal(wire: &WebWire, error: Error) -> Failed {
    let to = format!("{}{}", wire.address, wire.base);
    match error {
        Error::Http(answer) => match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let (status, user) = (answer.status(), &wire.login.user);
                Failed::refused(format!("{to} refused user {user}: {status}"))
            }
            // An Asterisk that starts serves HTTP before it has loaded ARI.
            StatusCode::NOT_FOUND => {
                Failed::soon(format!("{to} has no events: is ARI enabled there? (404)"))
            }
            status => Failed::soon(format!("{to} answered {status}")),
        },
        Error::Protocol(tungstenite::error::ProtocolError::HandshakeIncomplete) => {
            Failed::soon(format!("{to} closed the connection in the handshake"))
        }
        Error::Protocol(error) => Failed::refused(format!("{to} is no WebSocket: {error}")),
        Error::Io(error) => Failed::soon(format!("{to}: {error}")),
        error => Failed::refused(format!("{to}: {error}")),
    }
}
