//! `POST /v1/gate/check`, `/explain` and `/permit`: for dialplans, dialers and people who ask why.

use super::door::{Rate, admit, gate_place};
use super::gate_ask::{self, Form, GateAsk, Kind, unusable};
use crate::io::http::gate::GateOrder;
use crate::io::http::problem::{Refusal, as_line, later, refuse};
use crate::io::http::routes::{App, Peer};
use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use trunkline_core::engine::{PermitAnswer, PermitRequest};
use trunkline_core::gate::{
    CallFacts, Dialed, ExemptReason, ExplainError, Normalizer, Ruling, Short, Slice, SliceAsk,
    SliceTime,
};
use trunkline_core::hub::{Principal, Role};
use trunkline_core::model::{NumberRef, Pii, Verdict};

/// Longest wait for the engine; a permit waits for the journal, too.
const ENGINE_WAIT: Duration = Duration::from_secs(2);

pub(in crate::io::http) async fn check(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    answer(&app, &peer, request, Kind::Check).await
}

pub(in crate::io::http) async fn explain(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    answer(&app, &peer, request, Kind::Explain).await
}

pub(in crate::io::http) async fn permit(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    answer(&app, &peer, request, Kind::Permit).await
}

async fn answer(app: &App, peer: &Peer, request: Request, kind: Kind) -> Response {
    let form = match gate_ask::form(request.headers()) {
        Ok(form) => form,
        Err(refusal) => return *refusal,
    };
    match (take(app, peer, request, kind, form).await, form) {
        (Ok(answer), _) => answer,
        (Err(refusal), Form::Json) => *refusal,
        (Err(refusal), Form::Line) => as_line(*refusal),
    }
}

async fn take(
    app: &App,
    peer: &Peer,
    request: Request,
    kind: Kind,
    form: Form,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let who = admit(app, peer, &head.headers, Rate::Gate).await?;
    if !may(&who, kind) {
        let detail = "the gate is asked by services, supervisors, ops and auditors; \
                      permits are for services";
        return Err(refuse(StatusCode::FORBIDDEN, "FORBIDDEN", detail));
    }
    let ask = gate_ask::read(app, &head.headers, body, kind).await?;
    let _place = gate_place(app)?;
    let mut response = match kind {
        Kind::Check => checked(app, &ask, form).await?,
        Kind::Explain => explained(app, ask, form).await?,
        Kind::Permit => permitted(app, &who, ask, form).await?,
    };
    let store = HeaderValue::from_static("private, no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, store);
    Ok(response)
}

fn may(who: &Principal, kind: Kind) -> bool {
    match who.role {
        Role::Service => true,
        Role::Supervisor | Role::Ops | Role::Auditor => kind != Kind::Permit,
        Role::Agent | Role::Wallboard => false,
    }
}

/// A number, and the gate as far as it is concerned.
struct Look {
    dialed: Dialed,
    list_key: Option<NumberRef>,
    slice: Slice,
}

impl Look {
    fn ask<'a>(&'a self, purpose: Option<&'a str>, facts: &'a CallFacts) -> SliceAsk<'a> {
        SliceAsk { dialed: &self.dialed, list_key: self.list_key, purpose, facts }
    }
}

/// How it is dialled there.
fn plan(app: &App, ask: &GateAsk) -> Result<Normalizer, Refusal> {
    let plans = (app.gate.plans)();
    plans
        .asked(ask.trunk.as_deref())
        .cloned()
        .map_err(|known| unusable("trunk", &format!("one of: {known}")))
}

async fn look(app: &App, ask: &GateAsk) -> Result<Look, Refusal> {
    let GateAsk { number, facts, .. } = ask;
    let dialed = plan(app, ask)?.read(number);
    let list_key = dialed.list_key().map(|key| app.gate.list_refs.number_ref(key));
    let (done, slice) = oneshot::channel();
    let customer = facts.customer.clone();
    let slice = engine(app, GateOrder::Look { key: list_key, customer, done }, slice).await?;
    Ok(Look { dialed, list_key, slice })
}

async fn engine<T>(
    app: &App,
    order: GateOrder,
    answer: oneshot::Receiver<T>,
) -> Result<T, Refusal> {
    let silent = || {
        let detail = "the gate does not answer: do not dial";
        later(StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", detail, 1)
    };
    if !(app.gate.give)(order) {
        return Err(silent());
    }
    timeout(ENGINE_WAIT, answer).await.ok().and_then(Result::ok).ok_or_else(silent)
}

/// Searches on a thread that may take its time.
async fn search<T: Send + 'static>(
    look: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(look).await.map_err(|_| {
        refuse(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the search was given up")
    })
}

async fn checked(app: &App, ask: &GateAsk, form: Form) -> Result<Response, Refusal> {
    let at = app.desk.hub.now();
    let look = look(app, ask).await?;
    let ruling = look.slice.decide(look.ask(ask.purpose.as_deref(), &ask.facts), at);
    let mut short = Short::of(&ruling, at);
    if let Ruling::Decided(decided) = &ruling
        && decided.verdict == Verdict::Deny
    {
        let (purpose, facts) = (ask.purpose.clone(), ask.facts.clone());
        let find = move || look.slice.next_allowed(look.ask(purpose.as_deref(), &facts), at);
        short.next_allowed_at = search(find).await?;
    }
    Ok(match form {
        Form::Json => Json(&short).into_response(),
        Form::Line if short.exempt => line("allow exempt"),
        Form::Line => match short.refused_by.first() {
            None => line("allow"),
            Some(rule) => denied(rule, short.next_allowed_at.as_deref()),
        },
    })
}

async fn explained(app: &App, ask: GateAsk, form: Form) -> Result<Response, Refusal> {
    let mut look = look(app, &ask).await?;
    if ask.at.is_some() {
        look.slice.clock = None; // it does not go by our clock
    }
    let now = app.desk.hub.now().rfc3339();
    let plan = plan(app, &ask)?;
    let find = move || {
        let when = SliceTime {
            at: ask.at.as_deref().unwrap_or(&now),
            before: ask.before.as_deref(),
            ruleset: ask.ruleset.as_deref(),
        };
        let question = look.ask(ask.purpose.as_deref(), &ask.facts);
        look.slice.explain(&plan, &ask.number, question, when)
    };
    let explanation = search(find).await?.map_err(|error| match error {
        ExplainError::UnknownRuleset { known, .. } => unusable("ruleset", &known),
        ExplainError::BadInstant { .. } => unusable("at", "an instant"),
        ExplainError::BadPurpose { .. } => unusable("purpose", "a purpose"),
    })?;
    Ok(match form {
        Form::Json => Json(&explanation).into_response(),
        Form::Line => line(&explanation.text()),
    })
}

async fn permitted(
    app: &App,
    who: &Principal,
    ask: GateAsk,
    form: Form,
) -> Result<Response, Refusal> {
    plan(app, &ask)?;
    let GateAsk { number, trunk, purpose, facts, agent, device, .. } = ask;
    let (number, who) = (Pii::new(number), who.user.clone());
    let request = PermitRequest { number, trunk, purpose, facts, agent, device, who };
    let (done, answer) = oneshot::channel();
    let order = GateOrder::Permit { request: Box::new(request), done };
    let (body, text) = match engine(app, order, answer).await? {
        PermitAnswer::Exempt(reason) => {
            let reason = match reason {
                ExemptReason::Emergency => "emergency",
                ExemptReason::Internal => "internal",
            };
            (json!({ "verdict": "allow", "exempt": reason }), line("allow exempt"))
        }
        PermitAnswer::Granted { permit, decision, expires_at } => {
            let text = line(&format!("allow {permit}"));
            let expires = expires_at.rfc3339();
            let body = json!({
                "verdict": "allow", "exempt": null, "permit": permit,
                "decision_id": decision.to_string(), "expires_at": expires,
            });
            (body, text)
        }
        PermitAnswer::Denied { decision, rule, next_allowed_at } => {
            let text = denied(&rule, next_allowed_at.as_deref());
            let body = json!({
                "verdict": "deny", "exempt": null, "refused_by": rule,
                "decision_id": decision.to_string(), "next_allowed_at": next_allowed_at,
            });
            (body, text)
        }
        PermitAnswer::NotDurable => {
            let detail = "the decision could not be made durable in time: do not dial";
            return Err(later(StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", detail, 1));
        }
        PermitAnswer::Full => {
            let detail = "too many permits are out";
            return Err(later(StatusCode::SERVICE_UNAVAILABLE, "LIMIT_EXCEEDED", detail, 1));
        }
    };
    Ok(match form {
        Form::Json => Json::<Value>(body).into_response(),
        Form::Line => text,
    })
}

fn denied(rule: &str, next: Option<&str>) -> Response {
    line(&format!("deny {rule} {}", next.unwrap_or("-")))
}

fn line(text: &str) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text.to_owned()).into_response()
}
