//! Lists of calls, agents, lines and links, and one of them by its id.

use super::door::{enter, place, read};
use super::query::{LIMIT, Query, Takes};
use super::sight::{Shown, nothing, view};
use crate::io::http::problem::{Refusal, parameter, refuse};
use crate::io::http::routes::{App, Peer};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::Value;
use std::sync::Arc;
use trunkline_core::hub::{Finding, Found, GrantView, Pick, Principal, Which};
use trunkline_core::model::Named as _;
use trunkline_core::wire::{agent_to_pb, call_to_pb, line_to_pb, link_to_pb};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Calls,
    Agents,
    Lines,
    Links,
}

impl Kind {
    /// Name of its list.
    fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Agents => "agents",
            Self::Lines => "lines",
            Self::Links => "links",
        }
    }

    /// Everything that can show it. The hub says which of them this caller may watch.
    fn topics(self, who: &Principal) -> Vec<String> {
        let fixed: &[&str] = match self {
            Self::Calls => &["site:calls", "calls:own"],
            Self::Agents => &["site:agents", "agent:self"],
            Self::Lines => return vec!["site:lines".to_owned()],
            Self::Links => return vec!["site:links".to_owned()],
        };
        let teams = who.teams.iter().filter(|team| !team.is_empty());
        let teams = teams.map(|team| format!("team:{team}"));
        fixed.iter().map(|t| (*t).to_owned()).chain(teams).collect()
    }

    fn pick(self, which: Which<String>) -> Result<Pick, Refusal> {
        Ok(match self {
            Self::Agents => Pick::Agents(which),
            Self::Lines => Pick::Lines(which),
            Self::Links => Pick::Links(which),
            Self::Calls => Pick::Calls(match which {
                Which::One(id) => Which::One(id.parse().map_err(|_| not_found())?),
                Which::After(after, max) => {
                    let after = after.map(|id| id.parse());
                    let after = after.transpose().map_err(|_| parameter("after", "a call's id"))?;
                    Which::After(after, max)
                }
            }),
        })
    }
}

type Asked<'a> = (&'a Arc<App>, &'a Peer, &'a Uri, &'a HeaderMap);

async fn list(asked: Asked<'_>, kind: Kind) -> Result<Response, Refusal> {
    let (app, peer, uri, headers) = asked;
    let who = enter(app, peer, headers).await?;
    let mut query = Query::read(uri, Takes::List)?;
    let which = Which::After(query.after.take(), query.limit.unwrap_or(LIMIT));
    let place = place(app)?;
    let Finding { sight, found, more } = find(app, who, query, kind, kind.pick(which)?).await?;
    let head = format!(
        "{{\"epoch\":\"{}\",\"pos\":\"{}\",\"view\":\"{}\",\"{}\":[",
        sight.epoch,
        sight.pos,
        view(&sight).name(),
        kind.name()
    );
    let last = if more { last_id(&found) } else { None };
    let tail = last.map_or("]}".to_owned(), |id| format!("],\"next\":{}}}", Value::from(id)));
    let comma = |(n, object): (usize, String)| if n == 0 { object } else { format!(",{object}") };
    let objects = objects(found).enumerate().map(comma);
    let texts = std::iter::once(head).chain(objects).chain(std::iter::once(tail));
    Ok(Shown { headers, sight: &sight, place }.answer(texts))
}

async fn one(asked: Asked<'_>, kind: Kind, id: String) -> Result<Response, Refusal> {
    let (app, peer, uri, headers) = asked;
    let who = enter(app, peer, headers).await?;
    let query = Query::read(uri, Takes::One)?;
    let place = place(app)?;
    let pick = kind.pick(Which::One(id))?;
    let Finding { sight, found, .. } = find(app, who, query, kind, pick).await?;
    // Whether it is there is told to nobody who may not see it.
    let object = objects(found).next().ok_or_else(not_found)?;
    Ok(Shown { headers, sight: &sight, place }.answer(std::iter::once(object)))
}

async fn find(
    app: &App,
    who: Principal,
    query: Query,
    kind: Kind,
    pick: Pick,
) -> Result<Finding, Refusal> {
    let requests = query.requests(kind.topics(&who));
    let finding = read(app, move |hub| hub.find(&who, &requests, &pick)).await?;
    match view(&finding.sight) {
        GrantView::Aggregate => Err(nothing(&finding.sight)), // figures at most, and no entity
        GrantView::Masked | GrantView::Full => Ok(finding),
    }
}

fn not_found() -> Refusal {
    refuse(StatusCode::NOT_FOUND, "NOT_FOUND", "there is none, or it is not for this caller")
}

/// As sockets show them. Encoded when they are read.
fn objects(found: Found) -> Box<dyn Iterator<Item = String> + Send> {
    // Generated types have no way to fail; `None` cannot happen.
    fn text<T: serde::Serialize>(object: &T) -> Option<String> {
        serde_json::to_string(object).ok()
    }
    match found {
        Found::Calls(calls) => {
            Box::new(calls.into_iter().filter_map(|(c, view)| text(&call_to_pb(&c, view))))
        }
        Found::Agents(agents) => {
            Box::new(agents.into_iter().filter_map(|a| text(&agent_to_pb(&a))))
        }
        Found::Lines(lines) => Box::new(lines.into_iter().filter_map(|l| text(&line_to_pb(&l)))),
        Found::Links(links) => Box::new(links.into_iter().filter_map(|l| text(&link_to_pb(&l)))),
    }
}

fn last_id(found: &Found) -> Option<String> {
    match found {
        Found::Calls(calls) => calls.last().map(|(c, _)| c.id.to_string()),
        Found::Agents(agents) => agents.last().map(|a| a.who.id.to_string()),
        Found::Lines(lines) => lines.last().map(|l| l.id.clone()),
        Found::Links(links) => links.last().map(|l| l.id.clone()),
    }
}

macro_rules! list_of {
    ($name:ident, $kind:expr) => {
        pub(in crate::io::http) async fn $name(
            State(app): State<Arc<App>>,
            Extension(peer): Extension<Peer>,
            uri: Uri,
            headers: HeaderMap,
        ) -> Response {
            let asked = (&app, &peer, &uri, &headers);
            list(asked, $kind).await.unwrap_or_else(|refusal| *refusal)
        }
    };
}

macro_rules! one_of {
    ($name:ident, $kind:expr) => {
        pub(in crate::io::http) async fn $name(
            State(app): State<Arc<App>>,
            Extension(peer): Extension<Peer>,
            Path(id): Path<String>,
            uri: Uri,
            headers: HeaderMap,
        ) -> Response {
            let asked = (&app, &peer, &uri, &headers);
            one(asked, $kind, id).await.unwrap_or_else(|refusal| *refusal)
        }
    };
}

list_of!(calls, Kind::Calls);
list_of!(agents, Kind::Agents);
list_of!(lines, Kind::Lines);
list_of!(links, Kind::Links);
one_of!(call, Kind::Calls);
one_of!(agent, Kind::Agents);
one_of!(line, Kind::Lines);
