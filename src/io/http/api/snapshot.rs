//! `GET /v1/snapshot`: the state of several topics at one position, from which a socket goes on.

use super::door::{enter, place, read};
use super::query::{Query, Takes};
use super::sight::{Shown, refused};
use crate::io::http::problem::{Refusal, parameter};
use crate::io::http::routes::{App, Peer};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use trunkline_core::hub::{Look, Sight, SubSnap};
use trunkline_core::model::Named as _;
use trunkline_core::wire::{View, agent_to_pb, call_to_pb, duty_to_pb, line_to_pb, link_to_pb};

pub(in crate::io::http) async fn snapshot(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    take(&app, &peer, &uri, &headers).await.unwrap_or_else(|refusal| *refusal)
}

async fn take(app: &App, peer: &Peer, uri: &Uri, headers: &HeaderMap) -> Result<Response, Refusal> {
    let who = enter(app, peer, headers).await?;
    let mut query = Query::read(uri, Takes::Snapshot)?;
    let topics = std::mem::take(&mut query.topics);
    if topics.is_empty() {
        return Err(parameter("topic", "at least one, named as for a subscription"));
    }
    let requests = query.requests(topics);
    let place = place(app)?;
    let Look { sight, subs } = read(app, move |hub| hub.look(&who, &requests)).await?;
    if let Some(refusal) = sight.refusals.first() {
        return Err(refused((refusal.code, refusal.msg)));
    }
    let texts = texts(&sight, subs);
    Ok(Shown { headers, sight: &sight, place }.answer(texts))
}

fn texts(sight: &Sight, subs: Vec<SubSnap>) -> impl Iterator<Item = String> + Send + use<> {
    let Sight { epoch, pos, scope, .. } = sight;
    let resume = json!({ "epoch": epoch.to_string(), "pos": pos.to_string(), "scope": scope });
    let head = format!("{{\"resume\":{resume},\"subs\":[");
    let subs = subs.into_iter().enumerate().flat_map(|(n, sub)| sub_texts(n, sub));
    std::iter::once(head).chain(subs).chain(std::iter::once("]}".to_owned()))
}

fn sub_texts(n: usize, mut sub: SubSnap) -> impl Iterator<Item = String> + Send {
    let calls = std::mem::take(&mut sub.calls);
    // A snapshot of figures has no calls to be viewed.
    let view = sub.view.of_entities().unwrap_or(View::Masked);
    let head = format!(
        "{}{{\"topic\":{},\"view\":\"{}\",\"objs\":[",
        if n == 0 { "" } else { "," },
        Value::from(sub.sub.as_str()),
        sub.view.name()
    );
    let calls = calls.into_iter().enumerate().filter_map(move |(n, call)| {
        let object = serde_json::to_string(&call_to_pb(&call, view)).ok()?;
        Some(if n == 0 { object } else { format!(",{object}") })
    });
    let tail = std::iter::once_with(move || format!("]{}}}", beside(&sub)));
    std::iter::once(head).chain(calls).chain(tail)
}

/// Members beside `objs`, where there is something of them.
fn beside(sub: &SubSnap) -> String {
    let mut out = String::new();
    member(&mut out, "lines", sub.lines.iter().map(|l| line_to_pb(l)));
    member(&mut out, "duties", sub.duties.iter().map(|d| duty_to_pb(d)));
    member(&mut out, "agents", sub.agents.iter().map(|a| agent_to_pb(a)));
    member(&mut out, "links", sub.links.iter().map(|l| link_to_pb(l)));
    member(&mut out, "figures", sub.figures.iter());
    out
}

fn member<T: Serialize>(out: &mut String, name: &str, objects: impl Iterator<Item = T>) {
    let texts: Vec<_> = objects.filter_map(|o| serde_json::to_string(&o).ok()).collect();
    if !texts.is_empty() {
        out.push_str(&format!(",\"{name}\":[{}]", texts.join(",")));
    }
}
