//! `POST /v1/ws-ticket`: a token for a single-use ticket. Pages of the allowed origins may ask from
//! another host (CORS, WHATWG Fetch §3.2).

use super::routes::{App, error};
use super::upgrade::{origin, origin_allowed};
use crate::io::desk::TicketError;
use crate::io::desk::token::TokenError;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use std::sync::Arc;

/// A page may remember the answer to its question so long, s.
const PREFLIGHT_AGE_S: &str = "600";

pub(super) async fn issue(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let mut answer = match origin_allowed(&app.desk.config.origins, &headers) {
        Ok(()) => exchange(&app, &headers).await,
        Err(refusal) => return *refusal,
    };
    allow(&mut answer, &headers);
    // The answer is a secret of one page.
    let store = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, store);
    answer
}

async fn exchange(app: &App, headers: &HeaderMap) -> Response {
    let said = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let token =
        said.and_then(|v| v.split_once(' ')).filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        return unauthenticated("Authorization: Bearer TOKEN is needed");
    };
    let (auth, now) = (&app.desk.tokens, app.desk.hub.now());
    let verified = match auth.admit(token.trim(), now).await {
        Ok(verified) => verified,
        Err(why @ TokenError::Revoked) => {
            return error(StatusCode::FORBIDDEN, "FORBIDDEN", &why.to_string());
        }
        Err(why) => return unauthenticated(&why.to_string()),
    };
    match auth.ticket(verified, &origin(headers), now) {
        Ok((ticket, life)) => {
            Json(json!({ "ticket": ticket, "expires_in_ms": life.as_millis() })).into_response()
        }
        Err(why @ TicketError::Full) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let mut answer = error(status, "LIMIT_EXCEEDED", &why.to_string());
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            answer
        }
        Err(why) => error(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", &why.to_string()),
    }
}

fn unauthenticated(why: &str) -> Response {
    let mut answer = error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", why);
    let scheme = HeaderValue::from_static("Bearer realm=\"trunkline\"");
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    answer
}

/// A browser asks before it sends `Authorization` to another host.
pub(super) async fn preflight(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Err(refusal) = origin_allowed(&app.desk.config.origins, &headers) {
        return *refusal;
    }
    let mut answer = StatusCode::NO_CONTENT.into_response();
    allow(&mut answer, &headers);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The page of an allowed origin may read the answer.
fn allow(answer: &mut Response, headers: &HeaderMap) {
    if let Some(origin) = headers.get(header::ORIGIN) {
        let to = answer.headers_mut();
        to.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        to.insert(header::VARY, HeaderValue::from_static("origin"));
    }
}
