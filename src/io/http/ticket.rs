//! `POST /v1/ws-ticket`: a token for a single-use ticket.

use super::caller::{by_token, nobody};
use super::problem::{Refusal, later, refuse};
use super::routes::App;
use super::upgrade::origin;
use crate::io::desk::TicketError;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use std::sync::Arc;

pub(super) async fn issue(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let mut answer = exchange(&app, &headers).await.unwrap_or_else(|refusal| *refusal);
    // The answer is a secret of one page.
    let store = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, store);
    answer
}

async fn exchange(app: &App, headers: &HeaderMap) -> Result<Response, Refusal> {
    let verified = by_token(app, headers).await?.ok_or_else(nobody)?;
    let issued = app.desk.tokens.ticket(verified, &origin(headers), app.desk.hub.now());
    let (ticket, life) = issued.map_err(|why| match why {
        TicketError::Full => {
            later(StatusCode::SERVICE_UNAVAILABLE, "LIMIT_EXCEEDED", &why.to_string(), 5)
        }
        why => refuse(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", &why.to_string()),
    })?;
    Ok(Json(json!({ "ticket": ticket, "expires_in_ms": life.as_millis() })).into_response())
}
