//! Routes, and what all of them share.

use super::config::{AriDoor, DncDoor};
use super::gate::GateDeps;
use super::problem::error;
use super::requests::{self, Requests};
use super::{api, ari, cors, ticket, upgrade};
use crate::io::desk::token::Verified;
use crate::io::desk::{DeskDeps, Health, Registry};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What the connection knows of its peer, put into each request.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) ip: IpAddr,
    /// Service that its certificate names.
    pub(super) service: Option<Verified>,
}

pub(super) struct App {
    pub(super) registry: Arc<Registry>,
    pub(super) desk: Arc<DeskDeps>,
    pub(super) gate: GateDeps,
    pub(super) healthz: Arc<dyn Fn() -> Health + Send + Sync>,
    pub(super) metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub(super) links: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    pub(super) dnc: DncDoor,
    pub(super) ari: Arc<HashMap<String, AriDoor>>,
    pub(super) requests: Requests,
    pub(super) api: api::Limits,
    /// Held by everything that a drain waits for.
    pub(super) alive: mpsc::Sender<()>,
}

struct Route {
    path: &'static str,
    /// GET answers HEAD too.
    method: &'static str,
    /// Pages of the allowed origins may ask it.
    pages: bool,
    handler: fn() -> MethodRouter<Arc<App>>,
}

const fn route(
    method: &'static str,
    path: &'static str,
    pages: bool,
    handler: fn() -> MethodRouter<Arc<App>>,
) -> Route {
    Route { path, method, pages, handler }
}

const ROUTES: [Route; 25] = [
    route("GET", "/healthz", false, || get(healthz)),
    route("GET", "/metrics", false, || get(metrics)),
    route("GET", "/v1/events", false, || get(upgrade::events)),
    route("GET", "/v1/ari/{name}", false, || get(ari::connect)),
    route("POST", "/v1/ws-ticket", true, || post(ticket::issue)),
    route("GET", "/v1/openapi.json", true, || get(api::openapi)),
    route("GET", "/v1/snapshot", true, || get(api::snapshot)),
    route("GET", "/v1/calls", true, || get(api::calls)),
    route("GET", "/v1/calls/{id}", true, || get(api::call)),
    route("GET", "/v1/agents", true, || get(api::agents)),
    route("GET", "/v1/agents/{id}", true, || get(api::agent)),
    route("GET", "/v1/lines", true, || get(api::lines)),
    route("GET", "/v1/lines/{id}", true, || get(api::line)),
    route("GET", "/v1/links", true, || get(api::links)),
    route("POST", "/v1/commands", true, || post(api::give)),
    route("GET", "/v1/commands/{id}", true, || get(api::standing)),
    route("POST", "/v1/dnc", true, || post(api::block)),
    route("GET", "/v1/dnc/{number}", true, || get(api::listed)),
    route("DELETE", "/v1/dnc/{number}", true, || delete(api::free)),
    route("POST", "/v1/claims", true, || post(api::record)),
    route("GET", "/v1/claims/{whom}", true, || get(api::recorded)),
    route("DELETE", "/v1/claims/{whom}", true, || delete(api::withdraw)),
    route("POST", "/v1/gate/check", true, || post(api::check)),
    route("POST", "/v1/gate/explain", true, || post(api::explain)),
    route("POST", "/v1/gate/permit", true, || post(api::permit)),
];

/// Method and path of every route.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.iter().map(|route| (route.method, route.path))
}

pub(super) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for Route { path, method, pages, handler } in ROUTES {
        let mut answers = handler();
        if pages {
            let mut of_path = ROUTES.iter().filter(|route| route.path == path);
            // One answer for all methods of a path.
            if of_path.next().is_some_and(|first| first.method == method) {
                let others = of_path.map(|route| route.method);
                let methods = std::iter::once(method).chain(others).collect::<Vec<_>>().join(", ");
                let preflight = move || async move { cors::preflight(&methods) };
                answers = answers.options(preflight);
            }
            answers = answers.layer(from_fn_with_state(app.clone(), cors::guard));
        }
        router = router.route(path, answers);
    }
    router
        .fallback(|| async { error(StatusCode::NOT_FOUND, "NOT_FOUND", "no such path") })
        .method_not_allowed_fallback(|| async {
            let detail = "this path does not know the method";
            error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", detail)
        })
        .layer(from_fn_with_state(app.clone(), requests::count))
        .with_state(app)
}

async fn healthz(State(app): State<Arc<App>>) -> Response {
    let links = (app.links)();
    let health = (app.healthz)();
    let mut body = serde_json::json!({ "status": health.name(), "links": links });
    let status = match health {
        Health::Enabled => StatusCode::OK,
        Health::Degraded { reason } => {
            body["reason"] = reason.into();
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, axum::Json(body)).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let mut text = (app.metrics)();
    app.requests.write(&mut text);
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
