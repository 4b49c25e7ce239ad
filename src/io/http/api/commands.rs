//! `POST /v1/commands` and `GET /v1/commands/{id}`: commands for who has no socket.

use super::door::{body as whole, enter, order_place};
use super::query::{Query, Takes};
use crate::io::desk::{Given, order, standing as stands};
use crate::io::http::problem::{Refusal, later, problem, refuse};
use crate::io::http::routes::{App, Peer};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use trunkline_core::engine::Current;
use trunkline_core::model::{CommandCode as Code, CommandError, Named as _};
use trunkline_core::wire::{View, agent_to_pb, call_to_pb, pb};

/// Longest that a request waits for a result, s.
const WAIT_S_MAX: u64 = 30;

pub(in crate::io::http) async fn give(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    take(&app, &peer, request).await.unwrap_or_else(|refusal| *refusal)
}

async fn take(app: &App, peer: &Peer, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let who = enter(app, peer, &head.headers).await?;
    Query::read(&head.uri, Takes::Nothing)?;
    let cmd: pb::Cmd = body_of(app, &head.headers, body, "a command").await?;
    let _place = order_place(app)?;
    match order(&app.desk, &who, &cmd, wait(&head.headers)).await {
        Given::Refused(error, current) => Err(refused(&error, &current)),
        Given::Stands(result) => {
            let status = match result.status.as_str() {
                "accepted" => StatusCode::ACCEPTED,
                _ => StatusCode::OK,
            };
            let location = HeaderValue::from_str(&format!("/v1/commands/{}", result.id));
            let mut answer = told(&result);
            *answer.status_mut() = status;
            if let (StatusCode::ACCEPTED, Ok(location)) = (status, location) {
                answer.headers_mut().insert(header::LOCATION, location);
            }
            Ok(answer)
        }
    }
}

/// The JSON of a body; `what` it is in words.
pub(super) async fn body_of<T: serde::de::DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    what: &str,
) -> Result<T, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let detail = format!("{what} is application/json");
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED", &detail));
    }
    let body = whole(app, body, what).await?;
    serde_json::from_slice(&body).map_err(|e| {
        let detail = format!("not {what}: line {}, column {}", e.line(), e.column());
        refuse(StatusCode::BAD_REQUEST, "BAD_REQUEST", &detail)
    })
}

/// `Prefer: wait=N` (RFC 7240 §4.3), s; without it the answer comes when the command is durable.
fn wait(headers: &HeaderMap) -> Duration {
    let values = headers.get_all("prefer").into_iter().filter_map(|v| v.to_str().ok());
    let wait = values.flat_map(|v| v.split(',')).find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("wait").then(|| value.parse::<u64>().ok())?
    });
    Duration::from_secs(wait.unwrap_or(0).min(WAIT_S_MAX))
}

fn told(result: &pb::CommandResult) -> Response {
    let mut answer = Json(result).into_response();
    let store = HeaderValue::from_static("private, no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, store);
    answer
}

/// A command that was not accepted; nothing was done.
fn refused(error: &CommandError, current: &Current) -> Refusal {
    let status = match error.code {
        Code::BadRequest => StatusCode::BAD_REQUEST,
        Code::Forbidden | Code::PolicyDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict | Code::Expired | Code::LimitExceeded | Code::NoDesk | Code::NotSynced => {
            StatusCode::CONFLICT
        }
        Code::IdempotencyMismatch | Code::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::SwitchRejected => StatusCode::BAD_GATEWAY,
        Code::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Code::SwitchUnavailable | Code::Internal => StatusCode::SERVICE_UNAVAILABLE,
    };
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        return later(status, error.code.name(), &error.msg, 1);
    }
    let details = match current {
        Current::None => Value::Null,
        Current::Call(call) => serde_json::json!({ "details": call_to_pb(call, View::Masked) }),
        Current::Agent(agent) => serde_json::json!({ "details": agent_to_pb(agent) }),
    };
    Box::new(problem(status, error.code.name(), &error.msg, details))
}

pub(in crate::io::http) async fn standing(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    stand(&app, &peer, &id, &uri, &headers).await.unwrap_or_else(|refusal| *refusal)
}

async fn stand(
    app: &App,
    peer: &Peer,
    id: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let who = enter(app, peer, headers).await?;
    Query::read(uri, Takes::Nothing)?;
    let unseen = || {
        let detail = "no command of this user was accepted with that id";
        refuse(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
    };
    let id = id.parse().map_err(|_| unseen())?;
    let Some(result) = stands(&app.desk, &who.user, id).await else {
        let detail = "it could not be looked up: ask again";
        return Err(later(StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", detail, 1));
    };
    match result.status.as_str() {
        "unseen" => Err(unseen()),
        _ => Ok(told(&result)),
    }
}
