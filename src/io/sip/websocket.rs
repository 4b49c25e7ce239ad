//! SIP over WebSocket: subprotocol `sip` (RFC 7118 §4.1), one message in one WebSocket message,
//! text or binary (RFC 7118 §4.2). A Content-Length is not needed there.

use super::conn::{Conn, PING, Why};
use super::queue::{Item, Outbox};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{accept_hdr_async_with_config, client_async_with_config};

const SUBPROTOCOL: &str = "sip";

type Socket<S> = WebSocketStream<S>;

fn config(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(0) // each message at once
        .max_write_buffer_size(message_bytes_max * 2)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

fn offers_sip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let texts = values.filter_map(|v| v.to_str().ok());
    texts.flat_map(|v| v.split(',')).any(|p| p.trim().eq_ignore_ascii_case(SUBPROTOCOL))
}

/// The server's handshake (RFC 7118 §4.1); a client that does not offer `sip` gets 400.
pub(super) async fn accept<S>(stream: S, message_bytes_max: usize) -> Result<Socket<S>, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    #[allow(clippy::result_large_err)] // tungstenite's own type
    let choose = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        if !offers_sip(request.headers()) {
            let text = Some("Sec-WebSocket-Protocol must offer sip".to_owned());
            let mut refusal = ErrorResponse::new(text);
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            return Err(refusal);
        }
        let chosen = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
        Ok(response)
    };
    let config = Some(config(message_bytes_max));
    accept_hdr_async_with_config(stream, choose, config).await.map_err(broken)
}

/// The client's handshake. `host` stands in the request.
pub(super) async fn connect<S>(
    stream: S,
    host: &str,
    secure: bool,
    message_bytes_max: usize,
) -> Result<Socket<S>, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let scheme = if secure { "wss" } else { "ws" };
    let mut request = format!("{scheme}://{host}/").into_client_request().map_err(broken)?;
    let offered = HeaderValue::from_static(SUBPROTOCOL);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, offered);
    let config = Some(config(message_bytes_max));
    let (socket, answer) =
        client_async_with_config(request, stream, config).await.map_err(broken)?;
    if !offers_sip(answer.headers()) {
        let text = "the server does not speak the subprotocol sip";
        return Err(Why::Io(std::io::Error::other(text)));
    }
    Ok(socket)
}

fn broken(error: tungstenite::Error) -> Why {
    match error {
        tungstenite::Error::ConnectionClosed => Why::Peer,
        tungstenite::Error::Io(error) => Why::Io(error),
        other => Why::WebSocket(Box::new(other)),
    }
}

/// Serves an open connection until it ends.
pub(super) async fn serve<S>(socket: Socket<S>, conn: Conn, mut outbox: Outbox)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (sink, stream) = socket.split();
    let mut batch = Vec::new();
    let why = {
        let read = read_all(stream, &conn);
        let write = write_all(sink, &conn, &mut outbox, &mut batch);
        conn.run(read, write).await
    };
    conn.ended(why, outbox.end(batch)).await;
}

async fn read_all<S>(mut stream: SplitStream<Socket<S>>, conn: &Conn) -> Why
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = stream.next().await {
        let bytes: Vec<u8> = match message {
            Ok(Message::Text(text)) => text.as_bytes().to_vec(),
            Ok(Message::Binary(bytes)) => bytes.into(),
            // Pings are answered below us, a Close is followed by the end.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {
                conn.heard();
                continue;
            }
            Err(error) => return broken(error),
        };
        let at = conn.heard();
        if bytes == PING {
            conn.pinged(); // RFC 7118 §6 allows the keep-alive of RFC 5626 too
        } else if bytes.iter().any(|b| !b.is_ascii_whitespace()) {
            conn.message(bytes, at).await;
        }
    }
    Why::Peer
}

async fn write_all<S>(
    mut sink: SplitSink<Socket<S>, Message>,
    conn: &Conn,
    outbox: &mut Outbox,
    batch: &mut Vec<Item>,
) -> Why
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        if outbox.next(batch, 1).await == 0 {
            conn.writing();
            let _ = sink.close().await; // the peer may be gone already
            return Why::Ours;
        }
        conn.writing();
        for item in batch.iter() {
            let message = match std::str::from_utf8(&item.bytes) {
                Ok(text) => Message::text(text),
                Err(_) => Message::binary(item.bytes.clone()),
            };
            if let Err(error) = sink.send(message).await {
                return broken(error);
            }
        }
        conn.wrote(batch);
        outbox.wrote(batch);
    }
}
