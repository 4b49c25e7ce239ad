//! `GET /v1/events`: from HTTP to a desk socket (RFC 6455 §4.2).

use super::caller::by_token;
use super::problem::{Refusal, later, refuse};
use super::routes::{App, Peer};
use crate::io::desk::token::Verified;
use crate::io::desk::{Admission, PeerFacts, Ticket, run_session};
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::{OnUpgrade, Parts, Upgraded};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use trunkline_core::model::Named as _;
use trunkline_core::wire::Codec;

/// After so long a refused desk may try again, s.
const RETRY_AFTER_S: u64 = 5;

pub(super) async fn events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response {
    let ((accept, codec), ticket, shown) = match let_in(&app, &peer, request.headers()).await {
        Ok(let_in) => let_in,
        Err(refusal) => {
            app.desk.hub.counters().refused.fetch_add(1, Relaxed);
            return *refusal;
        }
    };
    let service = shown.or(peer.service);
    let facts = PeerFacts { codec, origin: origin(request.headers()), service };
    tokio::spawn(session(app, hyper::upgrade::on(&mut request), ticket, facts));
    switching(accept, codec.name())
}

/// The value of Sec-WebSocket-Accept with the codec, a place, and whose token the request shows.
async fn let_in(
    app: &App,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<((HeaderValue, Codec), Ticket, Option<Verified>), Refusal> {
    let accept = check(app, headers)?;
    let ticket = app.registry.admit(peer.ip).map_err(full)?;
    Ok((accept, ticket, by_token(app, headers).await?))
}

/// 101: from here on it is a WebSocket (RFC 6455 §4.2.2).
pub(super) fn switching(accept: HeaderValue, subprotocol: &'static str) -> Response {
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
        (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol)),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

/// The value of Sec-WebSocket-Accept and the codec, or why there is none.
fn check(app: &App, headers: &HeaderMap) -> Result<(HeaderValue, Codec), Refusal> {
    if *app.desk.drain.borrow() {
        return Err(retry_later("UNSUPPORTED", "this server is draining"));
    }
    let accept = websocket(headers)?;
    origin_allowed(&app.desk.config.origins, headers)?;
    let codec = chosen_codec(headers).ok_or_else(|| {
        let [one, other] = Codec::ALL.map(Codec::name);
        let msg = format!("Sec-WebSocket-Protocol must offer {one} or {other}");
        refuse(StatusCode::BAD_REQUEST, "UNSUPPORTED", &msg)
    })?;
    Ok((accept, codec))
}

/// The first that is offered: a client lists them in the order of its preference
/// (RFC 6455 §4.1 item 10).
fn chosen_codec(headers: &HeaderMap) -> Option<Codec> {
    tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).find_map(|offered| {
        Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(offered))
    })
}

/// The value of Sec-WebSocket-Accept for a WebSocket's request (RFC 6455 §4.2).
pub(super) fn websocket(headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    let bad = |msg| refuse(StatusCode::BAD_REQUEST, "BAD_REQUEST", msg);
    if !has_token(headers, &header::CONNECTION, "upgrade")
        || !has_token(headers, &header::UPGRADE, "websocket")
    {
        return Err(bad("this path is a WebSocket"));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|v| v.as_bytes() != b"13") {
        let mut refusal =
            refuse(StatusCode::UPGRADE_REQUIRED, "UNSUPPORTED", "WebSocket version 13 only");
        let version = HeaderValue::from_static("13");
        refusal.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, version);
        return Err(refusal);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|k| k.len() == 24);
    let key = key.ok_or_else(|| bad("Sec-WebSocket-Key is missing or malformed"))?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| bad("Sec-WebSocket-Key is missing or malformed"))
}

pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|part| part.eq_ignore_ascii_case(token))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).map(str::trim)
}

/// The value of Origin; empty: none was sent.
pub(super) fn origin(headers: &HeaderMap) -> String {
    let value = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Browsers always send Origin on a WebSocket, so its absence means no browser.
pub(super) fn origin_allowed(allowed: &[String], headers: &HeaderMap) -> Result<(), Refusal> {
    let mut origins = headers.get_all(header::ORIGIN).into_iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let listed = allowed.iter().any(|a| a.as_bytes() == origin.as_bytes());
    if listed && origins.next().is_none() {
        return Ok(());
    }
    Err(refuse(StatusCode::FORBIDDEN, "FORBIDDEN", "this origin is not on the allow-list"))
}

fn full(admission: Admission) -> Refusal {
    let msg = match admission {
        Admission::Full => "too many desks",
        Admission::WaitingFull => "too many sockets without hello",
        Admission::AddressFull => "too many sockets without hello from this address",
    };
    retry_later("LIMIT_EXCEEDED", msg)
}

fn retry_later(code: &str, msg: &str) -> Refusal {
    later(StatusCode::SERVICE_UNAVAILABLE, code, msg, RETRY_AFTER_S)
}

async fn session(app: Arc<App>, upgrade: OnUpgrade, ticket: Ticket, facts: PeerFacts) {
    let alive = app.alive.clone();
    let deps = app.desk.clone();
    drop(app);
    let Ok(upgraded) = upgrade.await else { return }; // the peer left before the 101
    match without_http(upgraded) {
        Some((Opened::Plain(stream), read)) => {
            Box::pin(run_session(stream, read, ticket, facts, deps)).await;
        }
        Some((Opened::Tls(stream), read)) => {
            Box::pin(run_session(stream, read, ticket, facts, deps)).await;
        }
        None => {} // there is no third kind of connection
    }
    drop(alive);
}

/// A socket that speaks HTTP no more. TLS takes 1.4 kB beside its buffers, which each future that
/// holds it would hold once more.
pub(super) enum Opened {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The socket itself and what was read of it, without the layers that HTTP needed: its buffer has
/// 8 KiB, and a part of [`Parts`] that is left would keep it as long as the socket lives.
pub(super) fn without_http(upgraded: Upgraded) -> Option<(Opened, Vec<u8>)> {
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(Parts { io, read_buf, .. }) => Some((Opened::Plain(io.into_inner()), read_buf.to_vec())),
        Err(upgraded) => {
            let tls = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>();
            let Parts { io, read_buf, .. } = tls.ok()?;
            Some((Opened::Tls(Box::new(io.into_inner())), read_buf.to_vec()))
        }
    }
}
