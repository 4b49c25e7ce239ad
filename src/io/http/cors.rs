//! Pages of the allowed origins may ask from another host (CORS, WHATWG Fetch §3.2).

use super::problem::Refusal;
use super::routes::App;
use super::upgrade::origin_allowed;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// A page may remember the answer to its question so long, s.
const PREFLIGHT_AGE_S: &str = "600";
/// Of requests, beside those that a page may always send.
const HEADERS_ASKED: &str = "authorization, content-type, if-none-match, prefer";
/// Of answers, beside those that a page may always read.
const HEADERS_TOLD: &str = "etag, retry-after";

/// Refuses pages of other origins, and lets those of ours read the answer.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = match allowed(&app, request.headers()) {
        Ok(origin) => origin,
        Err(refusal) => return *refusal,
    };
    let mut answer = next.run(request).await;
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        let told = HeaderValue::from_static(HEADERS_TOLD);
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, told);
    }
    answer
}

fn allowed(app: &App, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    origin_allowed(&app.desk.config.origins, headers)?;
    Ok(headers.get(header::ORIGIN).cloned())
}

/// A browser asks before it sends `Authorization` to another host.
pub(super) fn preflight(methods: &str) -> Response {
    let mut answer = StatusCode::NO_CONTENT.into_response();
    if let Ok(methods) = HeaderValue::from_str(methods) {
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS_ASKED),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
