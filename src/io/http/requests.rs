//! How many requests came, by route and status.

use super::routes::App;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by route and status; as many as there are routes and statuses.
#[derive(Default)]
pub(super) struct Requests(Mutex<BTreeMap<(String, u16), u64>>);

/// Counts each request when its answer begins.
pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // The route as it is written in the router: an id in a path is no label.
    let route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let answer = next.run(request).await;
    let key = (route.unwrap_or_else(|| "none".to_owned()), answer.status().as_u16());
    let mut counts = app.requests.0.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry(key).or_default() += 1;
    drop(counts);
    answer
}

impl Requests {
    /// For `/metrics`.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str("# HELP trunkline_http_requests_total Requests answered.\n");
        out.push_str("# TYPE trunkline_http_requests_total counter\n");
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, status), count) in counts.iter() {
            let _ = writeln!(
                out,
                "trunkline_http_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}"
            );
        }
    }
}
