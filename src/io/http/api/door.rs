//! What every request of the API passes: form, who, how often.

use super::body::takes_json;
use super::rate::Rates;
use crate::io::http::caller::caller;
use crate::io::http::problem::{Refusal, later, refuse};
use crate::io::http::routes::{App, Peer};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use trunkline_core::hub::{Hub, Principal};

/// Answers that are being read at once. Beyond: 503.
const READERS_MAX: usize = 64;
/// Commands whose end is waited for at once. Beyond: 503.
const ORDERS_MAX: usize = 256;

/// The API as OpenAPI 3.1 describes it; made from `proto/` and the routes.
const OPENAPI: &str = include_str!("../../../../proto/schema/openapi.json");

/// Questions to the gate that are being answered. Beyond: 503.
const GATE_MAX: usize = 256;
/// Questions to the gate of one user, a second and at once: a dialler asks before each call.
const GATE_RATE: (u32, u32) = (2000, 4000);
/// Time for a body.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// Which limit a request counts under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rate {
    /// What people and programs ask once.
    Api,
    /// Questions to the gate.
    Gate,
}

/// Limits of the API.
pub(in crate::io::http) struct Limits {
    rates: Rates,
    gate_rates: Rates,
    gate: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    orders: Arc<Semaphore>,
}

impl Limits {
    /// So many requests of one user a second, so many at once.
    pub(in crate::io::http) fn new((per_s, burst): (u32, u32)) -> Self {
        Self {
            rates: Rates::new(per_s, burst),
            gate_rates: Rates::new(GATE_RATE.0.max(per_s), GATE_RATE.1.max(burst)),
            gate: Arc::new(Semaphore::new(GATE_MAX)),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            orders: Arc::new(Semaphore::new(ORDERS_MAX)),
        }
    }
}

/// Who asks, if it may ask now.
pub(super) async fn enter(
    app: &App,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<Principal, Refusal> {
    if !takes_json(headers) {
        let detail = "answers are application/json, which Accept leaves out";
        return Err(refuse(StatusCode::NOT_ACCEPTABLE, "UNSUPPORTED", detail));
    }
    admit(app, peer, headers, Rate::Api).await
}

/// The same, whatever form the answer is to have.
pub(super) async fn admit(
    app: &App,
    peer: &Peer,
    headers: &HeaderMap,
    rate: Rate,
) -> Result<Principal, Refusal> {
    let who = caller(app, peer, headers).await?.who;
    let rates = match rate {
        Rate::Api => &app.api.rates,
        Rate::Gate => &app.api.gate_rates,
    };
    rates.take(&who.user, Instant::now()).map_err(|wait| {
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        let detail = "too many requests of this user";
        later(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", detail, seconds)
    })?;
    Ok(who)
}

/// A place among those who read an answer.
pub(super) fn place(app: &App) -> Result<OwnedSemaphorePermit, Refusal> {
    take(&app.api.readers, "too many answers are being read")
}

/// A place among those who wait for the end of a command.
pub(super) fn order_place(app: &App) -> Result<OwnedSemaphorePermit, Refusal> {
    take(&app.api.orders, "too many commands are waited for")
}

/// A place among those who ask the gate.
pub(super) fn gate_place(app: &App) -> Result<OwnedSemaphorePermit, Refusal> {
    take(&app.api.gate, "too many questions to the gate are being answered")
}

/// The body of a request, whole. `what` it is, for the client's developer.
pub(super) async fn body(app: &App, sent: Body, what: &str) -> Result<Bytes, Refusal> {
    let bytes_max = app.desk.config.message_bytes_max;
    let body = timeout(BODY_TIME_MAX, to_bytes(sent, bytes_max)).await.map_err(|_| {
        let detail = format!("{what} did not come in time");
        refuse(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", &detail)
    })?;
    body.map_err(|_| {
        let detail = format!("{what} has {bytes_max} bytes at most");
        refuse(StatusCode::PAYLOAD_TOO_LARGE, "LIMIT_EXCEEDED", &detail)
    })
}

fn take(places: &Arc<Semaphore>, full: &str) -> Result<OwnedSemaphorePermit, Refusal> {
    let place = places.clone().try_acquire_owned();
    place.map_err(|_| later(StatusCode::SERVICE_UNAVAILABLE, "LIMIT_EXCEEDED", full, 1))
}

/// Reads the hub at one position.
pub(super) async fn read<T: Send + 'static>(
    app: &App,
    look: impl FnOnce(&Hub) -> T + Send + 'static,
) -> Result<T, Refusal> {
    app.desk.hub.read(look).await.ok_or_else(|| {
        let detail = "the server is stopping";
        later(StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", detail, 1)
    })
}

/// `GET /v1/openapi.json`
pub(in crate::io::http) async fn openapi() -> Response {
    let mut answer = Response::new(Body::from(OPENAPI));
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
