//! Errors as every route answers them: `application/problem+json` (RFC 9457) with the protocol's
//! code.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// An answer that ends a request early.
pub(super) type Refusal = Box<Response>;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error. `detail` is for a person and echoes nothing of the request.
pub(super) fn error(status: StatusCode, code: &str, detail: &str) -> Response {
    problem(status, code, detail, Value::Null)
}

pub(super) fn refuse(status: StatusCode, code: &str, detail: &str) -> Refusal {
    Box::new(error(status, code, detail))
}

/// A parameter that cannot be used, and what can.
pub(super) fn parameter(name: &str, allowed: &str) -> Refusal {
    let detail = format!("{name}: allowed is {allowed}");
    let more = json!({ "param": name, "allowed": allowed });
    Box::new(problem(StatusCode::BAD_REQUEST, "BAD_REQUEST", &detail, more))
}

/// The same request may be good later.
pub(super) fn later(status: StatusCode, code: &str, detail: &str, after_s: u64) -> Refusal {
    let mut refusal = refuse(status, code, detail);
    refusal.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after_s));
    refusal
}

/// `more` are members of its own kind.
pub(super) fn problem(status: StatusCode, code: &str, detail: &str, more: Value) -> Response {
    // "about:blank": the problem says no more than its status (RFC 9457 §4.2.1).
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    let kind = [(header::CONTENT_TYPE, MEDIA_TYPE)];
    let mut answer = (status, kind, Body::from(body.to_string())).into_response();
    answer.extensions_mut().insert(Code(code.to_owned()));
    answer
}

/// The code of an error, kept beside its body.
#[derive(Clone)]
struct Code(String);

/// The same error as one line, `error CODE`, for programs that have no JSON.
pub(super) fn as_line(mut refusal: Response) -> Response {
    let Some(Code(code)) = refusal.extensions_mut().remove() else { return refusal };
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    refusal.headers_mut().insert(header::CONTENT_TYPE, kind);
    *refusal.body_mut() = Body::from(format!("error {code}"));
    refusal
}
