//! `POST /v1/dnc` and `GET`, `DELETE /v1/dnc/{number}`: the do-not-call list for who sits at a desk
//! or keeps customer records.

use super::commands::body_of;
use super::door::{enter, order_place};
use super::query::{Query, Takes};
use crate::io::http::config::{DncAsk, DncFault};
use crate::io::http::problem::{Refusal, later, refuse};
use crate::io::http::routes::{App, Peer};
use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use trunkline_core::hub::{Principal, Role};

/// Members of a request to block.
const TAKES: [&str; 6] = ["number", "customer", "purpose", "until", "reason", "asked_at"];

pub(in crate::io::http) async fn block(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    add(&app, &peer, request).await.unwrap_or_else(|refusal| *refusal)
}

async fn add(app: &App, peer: &Peer, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let who = enter(app, peer, &head.headers).await?;
    may(&who, &[Role::Agent, Role::Supervisor, Role::Service])?;
    Query::read(&head.uri, Takes::Nothing)?;
    let entry: Value = body_of(app, &head.headers, body, "an entry").await?;
    members_of(&entry, &TAKES)?;
    let user = format!("user:{}", who.user);
    ask(app, DncAsk::Add { entry, who: user }, StatusCode::CREATED).await
}

/// An object of these members, each a text.
pub(super) fn members_of(entry: &Value, takes: &[&str]) -> Result<(), Refusal> {
    let members = entry.as_object().ok_or_else(|| unreadable("an object is needed"))?;
    let wrong = members.iter().find(|(name, value)| {
        !takes.contains(&name.as_str()) || !(value.is_string() || value.is_null())
    });
    let Some((name, _)) = wrong else { return Ok(()) };
    let known = takes.iter().find(|known| *known == name);
    let what = known.map_or("a member is not known".to_owned(), |n| format!("{n} is a text"));
    Err(unreadable(&format!("{what}; there are: {}", takes.join(", "))))
}

pub(in crate::io::http) async fn listed(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(whom): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let readers = [Role::Supervisor, Role::Service, Role::Auditor];
    let ask = of_entry(&app, (&peer, &uri, &headers), &readers, Takes::Nothing, |who, _| {
        DncAsk::Show { whom: read(&whom), who }
    });
    ask.await.unwrap_or_else(|refusal| *refusal)
}

pub(in crate::io::http) async fn free(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(whom): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let ask = of_entry(
        &app,
        (&peer, &uri, &headers),
        &[Role::Supervisor],
        Takes::Reason,
        |who, query| DncAsk::Remove { whom: read(&whom), reason: query.reason, who },
    );
    ask.await.unwrap_or_else(|refusal| *refusal)
}

/// What one of these roles asks about an entry that there is.
pub(super) async fn of_entry(
    app: &App,
    (peer, uri, headers): (&Peer, &Uri, &HeaderMap),
    roles: &[Role],
    takes: Takes,
    request: impl FnOnce(String, Query) -> DncAsk,
) -> Result<Response, Refusal> {
    let who = enter(app, peer, headers).await?;
    may(&who, roles)?;
    let query = Query::read(uri, takes)?;
    ask(app, request(format!("user:{}", who.user), query), StatusCode::OK).await
}

pub(super) fn may(who: &Principal, roles: &[Role]) -> Result<(), Refusal> {
    match roles.contains(&who.role) {
        true => Ok(()),
        false => Err(refuse(StatusCode::FORBIDDEN, "FORBIDDEN", "not with this role")),
    }
}

/// A number, `customer:NAME`, or the reference that answers give (32 hex digits).
pub(super) fn read(whom: &str) -> Value {
    match whom.strip_prefix("customer:") {
        Some(name) => json!({ "customer": name }),
        None if whom.len() == 32 => json!({ "ref": whom }),
        None => json!({ "number": whom }),
    }
}

fn unreadable(detail: &str) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, "BAD_REQUEST", detail)
}

pub(super) async fn ask(app: &App, request: DncAsk, good: StatusCode) -> Result<Response, Refusal> {
    let _place = order_place(app)?;
    let answer = (app.dnc)(request).await.map_err(|fault| match fault {
        DncFault::BadRequest(detail) => unreadable(&detail),
        DncFault::NotFound(detail) => refuse(StatusCode::NOT_FOUND, "NOT_FOUND", &detail),
        DncFault::Conflict(detail) => refuse(StatusCode::CONFLICT, "CONFLICT", &detail),
        DncFault::Unavailable(detail) => {
            later(StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", &detail, 1)
        }
    })?;
    let pending = answer.get("status").and_then(Value::as_str) == Some("pending");
    let status = if pending { StatusCode::ACCEPTED } else { good };
    let mut answer = (status, Json(answer)).into_response();
    let store = HeaderValue::from_static("private, no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, store);
    Ok(answer)
}
