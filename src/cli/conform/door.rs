//! The port: who connects when, and the handshake.

use super::case::{Judged, failed};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// The one version of the protocol.
const PROTOCOL: &str = "trunkline.v1.json";
/// Longest handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<TcpStream>;

/// Where clients come in.
pub(super) struct Door {
    listener: TcpListener,
    pub at: SocketAddr,
}

impl Door {
    pub async fn open(listen: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let at = listener.local_addr()?;
        Ok(Self { listener, at })
    }

    /// The next connection, and when it came; `None`: nobody came in time.
    pub async fn knock(&self, within: Duration) -> Option<(TcpStream, Instant)> {
        let until = tokio::time::Instant::now() + within;
        loop {
            match tokio::time::timeout_at(until, self.listener.accept()).await {
                Err(_) => return None,
                Ok(Ok((stream, _))) => {
                    let _ = stream.set_nodelay(true);
                    return Some((stream, Instant::now()));
                }
                Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Connections of a client that was stopped are no longer of anybody.
    pub async fn clear(&self) {
        while self.knock(Duration::from_millis(20)).await.is_some() {}
    }

    /// The opening handshake, and what it must say.
    pub async fn shake_hands(&self, stream: TcpStream) -> Judged<Socket> {
        let mut wrong = None;
        #[allow(clippy::result_large_err)] // tungstenite's own type
        let check =
            |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
                wrong = judge(request);
                response
                    .headers_mut()
                    .insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
                Ok(response)
            };
        let shaken = tokio::time::timeout(HANDSHAKE, accept_hdr_async(stream, check)).await;
        if let Some(why) = wrong {
            return failed(why);
        }
        match shaken {
            Ok(Ok(socket)) => Ok(socket),
            Ok(Err(error)) => failed(format!("the WebSocket handshake failed: {error}")),
            Err(_) => failed("no WebSocket handshake within 5 s"),
        }
    }
}

/// What is wrong with the request.
fn judge(request: &Request) -> Option<String> {
    let offered: Vec<&str> = request
        .headers()
        .get_all("sec-websocket-protocol")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    if !offered.contains(&PROTOCOL) {
        return Some(format!("the subprotocol {PROTOCOL} is not offered, but {offered:?}"));
    }
    let uri = request.uri();
    if uri.path() != "/v1/events" {
        return Some(format!("the path is {}, not /v1/events", uri.path()));
    }
    // A URL is written into logs on its way.
    uri.query().filter(|q| q.contains("ey")).map(|_| "there is a token in the URL".to_owned())
}
