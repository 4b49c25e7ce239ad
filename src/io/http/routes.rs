//! Routes and their answers; every error is a JSON object with `code` and `msg`.

use super::config::AriDoor;
use super::{ari, ticket, upgrade};
use crate::io::desk::token::Verified;
use crate::io::desk::{DeskDeps, Health, Registry};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
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
    pub(super) healthz: Arc<dyn Fn() -> Health + Send + Sync>,
    pub(super) metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub(super) links: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    pub(super) ari: Arc<HashMap<String, AriDoor>>,
    /// Held by everything that a drain waits for.
    pub(super) alive: mpsc::Sender<()>,
}

pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .route("/v1/events", get(upgrade::events))
        .route("/v1/ws-ticket", post(ticket::issue).options(ticket::preflight))
        .route("/v1/ari/{name}", get(ari::connect))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "NOT_FOUND", "no such path") })
        .method_not_allowed_fallback(|| async {
            error(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "this path does not know the method",
            )
        })
        .with_state(app)
}

/// An error as every route answers it.
pub(super) fn error(status: StatusCode, code: &str, msg: &str) -> Response {
    (status, axum::Json(serde_json::json!({ "code": code, "msg": msg }))).into_response()
}

async fn healthz(State(app): State<Arc<App>>) -> Response {
    let links = (app.links)();
    match (app.healthz)() {
        health @ Health::Enabled => {
            axum::Json(serde_json::json!({ "status": health.name(), "links": links }))
                .into_response()
        }
        Health::Degraded { reason } => {
            let body =
                serde_json::json!({ "status": "degraded", "reason": reason, "links": links });
            (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response()
        }
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, (app.metrics)()).into_response()
}
