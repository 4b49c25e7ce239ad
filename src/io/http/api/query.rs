//! Query parameters. One that is not known is refused, because ignoring it would show more than
//! was asked for.

use crate::io::http::problem::{Refusal, parameter, refuse};
use axum::extract::Query as Pairs;
use axum::http::{StatusCode, Uri};
use std::collections::BTreeMap;
use trunkline_core::hub::{FILTER_ID_BYTES_MAX, FILTER_IDS_MAX, FILTER_LABELS, SubRequest};

/// Objects of a page unless `limit` says otherwise.
pub(super) const LIMIT: usize = 100;
/// Largest `limit`.
pub(super) const LIMIT_MAX: usize = 1000;
/// Topics of one snapshot: as many as a socket may have subscriptions.
const TOPICS_MAX: usize = 16;

/// What a path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing.
    Nothing,
    /// `view`.
    One,
    /// `view`, filters, `after`, `limit`.
    List,
    /// `topic`, `view`, filters.
    Snapshot,
    /// `reason`.
    Reason,
}

impl Takes {
    /// Names of its parameters.
    pub(super) fn names(self) -> Vec<&'static str> {
        let (before, after): (&[&str], &[&str]) = match self {
            Self::Nothing => return Vec::new(),
            Self::One => return vec!["view"],
            Self::Reason => return vec!["reason"],
            Self::List => (&["view"], &["after", "limit"]),
            Self::Snapshot => (&["topic", "view"], &[]),
        };
        [before, &FILTER_LABELS, after].concat()
    }

    fn views(self) -> &'static [&'static str] {
        match self {
            Self::Nothing | Self::Reason => &[],
            Self::One | Self::List => &["full", "masked"],
            Self::Snapshot => &["full", "masked", "aggregate"],
        }
    }
}

/// Parameters, read.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) topics: Vec<String>,
    view: String,
    filter: BTreeMap<String, Vec<String>>,
    pub(super) after: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) limit: Option<usize>,
}

impl Query {
    pub(super) fn read(uri: &Uri, takes: Takes) -> Result<Self, Refusal> {
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri);
        let unreadable = |_| {
            let detail = "the query is none of names and values";
            refuse(StatusCode::BAD_REQUEST, "BAD_REQUEST", detail)
        };
        let mut query = Self::default();
        let mut seen = Vec::new();
        for (name, value) in pairs.map_err(unreadable)?.0 {
            let names = takes.names();
            let Some(name) = names.iter().find(|n| **n == name) else {
                let allowed = names.join(", ");
                let allowed = if allowed.is_empty() { "no parameter" } else { &allowed };
                return Err(parameter("query", allowed)); // a name of the client's is no echo
            };
            let many = FILTER_LABELS.contains(name) || *name == "topic";
            if !many && seen.contains(name) {
                return Err(parameter(name, "one value"));
            }
            seen.push(name);
            query.take(name, value, takes)?;
        }
        Ok(query)
    }

    fn take(&mut self, name: &str, value: String, takes: Takes) -> Result<(), Refusal> {
        let fits = (1..=FILTER_ID_BYTES_MAX).contains(&value.len());
        let sized = || match fits {
            true => Ok(()),
            false => Err(parameter(name, &format!("1 to {FILTER_ID_BYTES_MAX} bytes"))),
        };
        match name {
            "view" => {
                let views = takes.views();
                if !views.contains(&value.as_str()) {
                    return Err(parameter(name, &views.join(", ")));
                }
                self.view = value;
            }
            "topic" => {
                if self.topics.len() >= TOPICS_MAX || self.topics.contains(&value) {
                    let allowed = format!("each topic once, {TOPICS_MAX} at most");
                    return Err(parameter(name, &allowed));
                }
                self.topics.push(value);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n));
                let allowed = format!("1 to {LIMIT_MAX}");
                self.limit = Some(limit.ok_or_else(|| parameter(name, &allowed))?);
            }
            "after" => {
                sized()?;
                self.after = Some(value);
            }
            "reason" => {
                sized()?;
                self.reason = Some(value);
            }
            label => {
                sized()?;
                if self.filter.values().map(Vec::len).sum::<usize>() >= FILTER_IDS_MAX {
                    let allowed = format!("{FILTER_IDS_MAX} values of filters in all");
                    return Err(parameter(name, &allowed));
                }
                self.filter.entry(label.to_owned()).or_default().push(value);
            }
        }
        Ok(())
    }

    /// Subscriptions to these topics, as a socket would ask for them; each is known by its topic.
    pub(super) fn requests(&self, topics: Vec<String>) -> Vec<SubRequest> {
        let request = |topic: String| SubRequest {
            id: topic.clone(),
            topic,
            view: self.view.clone(),
            filter: self.filter.clone(),
        };
        topics.into_iter().map(request).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::body::to_bytes;

    fn read(query: &str, takes: Takes) -> Result<Query, Refusal> {
        Query::read(&format!("http://h/p?{query}").parse().unwrap(), takes)
    }

    #[test]
    fn filters_are_lists_of_values_that_stand_once_each() {
        let text = "state=queued&state=alerting&queue=a%20b&view=masked&limit=7&after=x";
        let query = read(text, Takes::List).unwrap();
        assert_eq!((query.limit, query.after.as_deref()), (Some(7), Some("x")));
        let requests = query.requests(vec!["site:calls".into(), "calls:own".into()]);
        assert_eq!(requests[1].topic, "calls:own");
        assert_eq!((requests[0].id.as_str(), requests[0].view.as_str()), ("site:calls", "masked"));
        assert_eq!(requests[0].filter["state"], ["queued", "alerting"]);
        assert_eq!(requests[0].filter["queue"], ["a b"]);
    }

    #[tokio::test]
    async fn what_is_not_known_is_named_with_what_is_allowed() {
        let long = "x".repeat(129);
        let many = (0..257).map(|n| format!("queue={n}")).collect::<Vec<_>>().join("&");
        for (text, takes, param, allowed) in [
            ("stat=queued".to_owned(), Takes::List, "query", "view, kind"),
            ("limit=1".to_owned(), Takes::One, "query", "view"),
            ("view=full".to_owned(), Takes::Nothing, "query", "no parameter"),
            ("topic=a".to_owned(), Takes::List, "query", "after, limit"),
            ("view=aggregate".to_owned(), Takes::List, "view", "full, masked"),
            ("view=x".to_owned(), Takes::Snapshot, "view", "full, masked, aggregate"),
            ("view=full&view=full".to_owned(), Takes::One, "view", "one value"),
            ("topic=a&topic=a".to_owned(), Takes::Snapshot, "topic", "each topic once"),
            ("limit=0".to_owned(), Takes::List, "limit", "1 to 1000"),
            ("limit=1001".to_owned(), Takes::List, "limit", "1 to 1000"),
            ("limit=-1".to_owned(), Takes::List, "limit", "1 to 1000"),
            ("after=".to_owned(), Takes::List, "after", "1 to 128 bytes"),
            (format!("queue={long}"), Takes::List, "queue", "1 to 128 bytes"),
            (many, Takes::List, "queue", "256 values"),
        ] {
            let refusal = read(&text, takes).unwrap_err();
            assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
            let body = to_bytes(refusal.into_body(), 4096).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["param"], param, "{text}");
            assert!(body["allowed"].as_str().unwrap().contains(allowed), "{text}: {body}");
        }
    }
}
