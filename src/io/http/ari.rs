//! `GET /v1/ari/NAME`: Asterisk connects to us (its ARI outbound WebSocket).

use super::problem::{Refusal, refuse};
use super::routes::App;
use super::upgrade::{Opened, has_token, switching, websocket, without_http};
use crate::io::pbx::{Boxed, Incoming};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use std::sync::Arc;
use tokio::sync::mpsc;

const SUBPROTOCOL: &str = "ari";

pub(super) async fn connect(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    mut request: Request,
) -> Response {
    let (accept, connections) = match check(&app, &name, request.headers()) {
        Ok(let_in) => let_in,
        Err(refusal) => return *refusal,
    };
    tokio::spawn(hand_over(hyper::upgrade::on(&mut request), connections));
    switching(accept, SUBPROTOCOL)
}

type LetIn = (HeaderValue, mpsc::Sender<Incoming>);

fn check(app: &App, name: &str, headers: &HeaderMap) -> Result<LetIn, Refusal> {
    let door = app.ari.get(name);
    let said = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    // A name that is unknown is answered as a wrong password: names are not to be guessed.
    let door = door.filter(|door| same(said, door.login.header().as_bytes()));
    let Some(door) = door else {
        let msg = "user name and password are not those of this link";
        let mut refusal = refuse(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", msg);
        let scheme = HeaderValue::from_static("Basic realm=\"trunkline\"");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        return Err(refusal);
    };
    let accept = websocket(headers)?;
    if !has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        let msg = "Sec-WebSocket-Protocol must offer ari";
        return Err(refuse(StatusCode::BAD_REQUEST, "UNSUPPORTED", msg));
    }
    Ok((accept, door.connections.clone()))
}

/// Equal, in a time that does not say where they differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// While another connection waits to be taken, this one is closed: its PBX tries again.
async fn hand_over(upgrade: OnUpgrade, connections: mpsc::Sender<Incoming>) {
    let Ok(upgraded) = upgrade.await else { return }; // the peer left before the 101
    let (stream, read): (Boxed, Vec<u8>) = match without_http(upgraded) {
        Some((Opened::Plain(stream), read)) => (Box::new(stream), read),
        Some((Opened::Tls(stream), read)) => (stream, read),
        None => return, // there is no third kind of connection
    };
    let _ = connections.try_send(Incoming { stream, read });
}
