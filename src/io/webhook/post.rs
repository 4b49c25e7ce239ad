//! One attempt to deliver.

use super::body::{Delivery, headers};
use super::config::Webhook;
use crate::io::client::{HttpClient, cause, http_client};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes};
use hyper::header::{CONTENT_LENGTH, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use std::time::Duration;
use trunkline_core::model::Wall;

/// Most of an answer that is read so that its connection can be used again.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// What came of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Delivered,
    /// Try again; the receiver may say when.
    Failed {
        why: String,
        after: Option<Duration>,
    },
    /// The receiver wants no more (410).
    Gone,
}

pub(super) struct Poster {
    client: HttpClient<Full<Bytes>>,
}

impl Poster {
    pub(super) fn new(webhook: &Webhook) -> Self {
        Self { client: http_client(webhook.tls.clone()) }
    }

    /// Sends it, within the time that the receiver has to answer.
    pub(super) async fn post(&self, webhook: &Webhook, delivery: &Delivery, now: Wall) -> Outcome {
        let config = &webhook.config;
        let limit = config.answer_max;
        match tokio::time::timeout(limit, self.attempt(webhook, delivery, now)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed { why: format!("no answer within {limit:?}"), after: None },
        }
    }

    async fn attempt(&self, webhook: &Webhook, delivery: &Delivery, now: Wall) -> Outcome {
        let failed = |why: String| Outcome::Failed { why, after: None };
        let config = &webhook.config;
        let mut request = Request::builder().method(Method::POST).uri(config.url.clone());
        for (name, value) in headers(delivery, &config.secret, now) {
            request = request.header(name, value);
        }
        let body = Full::from(delivery.body.clone());
        let request = match request.header(CONTENT_LENGTH, delivery.body.len()).body(body) {
            Ok(request) => request,
            Err(error) => return failed(error.to_string()),
        };
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => return failed(cause(&error)),
        };
        let (status, after) = (answer.status(), retry_after(answer.headers()));
        let short = answer.body().size_hint().upper().is_some_and(|n| n <= ANSWER_BYTES_MAX);
        if short {
            let _ = answer.into_body().collect().await; // frees the connection for the next
        }
        match status {
            s if s.is_success() => Outcome::Delivered,
            StatusCode::GONE => Outcome::Gone,
            status => Outcome::Failed { why: format!("answered {status}"), after },
        }
    }
}

/// Seconds alone (RFC 9110 §10.2.3); a date is as good as none.
fn retry_after(headers: &hyper::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
