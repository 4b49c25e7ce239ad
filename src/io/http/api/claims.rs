//! `POST /v1/claims` and `GET`, `DELETE /v1/claims/{whom}`: what people have said or signed that
//! exempts a call.

use super::commands::body_of;
use super::dnc::{ask, may, members_of, of_entry, read};
use super::door::enter;
use super::query::{Query, Takes};
use crate::io::http::config::{ClaimAsk, DncAsk};
use crate::io::http::problem::Refusal;
use crate::io::http::routes::{App, Peer};
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use trunkline_core::hub::Role;

/// Members of a request to record.
const TAKES: [&str; 9] =
    ["number", "customer", "claim", "purpose", "case", "until", "call", "evidence", "given_at"];

pub(in crate::io::http) async fn record(
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
    let entry: Value = body_of(app, &head.headers, body, "a claim").await?;
    members_of(&entry, &TAKES)?;
    let agent = (who.role == Role::Agent).then(|| who.agent.clone());
    let asked = ClaimAsk::Add { entry, who: format!("user:{}", who.user), agent };
    ask(app, DncAsk::Claim(asked), StatusCode::CREATED).await
}

pub(in crate::io::http) async fn recorded(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(whom): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let readers = [Role::Supervisor, Role::Service, Role::Auditor];
    let ask = of_entry(&app, (&peer, &uri, &headers), &readers, Takes::Nothing, |who, _| {
        DncAsk::Claim(ClaimAsk::Show { whom: read(&whom), who })
    });
    ask.await.unwrap_or_else(|refusal| *refusal)
}

pub(in crate::io::http) async fn withdraw(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(whom): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let roles = [Role::Agent, Role::Supervisor, Role::Service];
    let ask = of_entry(&app, (&peer, &uri, &headers), &roles, Takes::Reason, |who, query| {
        let mut whom = which(&whom);
        whom["reason"] = query.reason.into();
        DncAsk::Claim(ClaimAsk::Withdraw { whom, who })
    });
    ask.await.unwrap_or_else(|refusal| *refusal)
}

/// A claim by its id (a UUID), or all of a number, customer or reference.
fn which(whom: &str) -> Value {
    match whom.len() == 36 && whom.matches('-').count() == 4 {
        true => json!({ "id": whom }),
        false => read(whom),
    }
}
