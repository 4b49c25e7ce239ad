//! What a look's place means for the answer: refusals, validators, caches.

use super::body;
use crate::io::http::problem::{Refusal, error, parameter, refuse};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;
use trunkline_core::hub::{GrantView, RefusalCode, Sight};
use trunkline_core::model::Named as _;

/// An answer that shows what is there at one position.
pub(super) struct Shown<'a> {
    /// Of the request.
    pub(super) headers: &'a HeaderMap,
    pub(super) sight: &'a Sight,
    pub(super) place: OwnedSemaphorePermit,
}

/// The widest view that was granted.
pub(super) fn view(sight: &Sight) -> GrantView {
    sight.grants.iter().map(|g| g.view).max().unwrap_or(GrantView::Aggregate)
}

/// Equal tags, equal answers of one URL: what was seen, by whom, and where. Weak, because the
/// bytes differ with the encoding (RFC 9110 §8.8.3).
fn tag(sight: &Sight) -> String {
    let Sight { epoch, pos, scope, .. } = sight;
    format!("W/\"{epoch}:{pos}:{}:{scope}\"", view(sight).name())
}

/// RFC 9110 §13.1.2: a list of tags, compared weakly, or `*`.
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let values = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|one| one.trim() == "*" || opaque(one) == opaque(tag))
}

impl Shown<'_> {
    /// 304 where the client has it, else the JSON of these texts.
    pub(super) fn answer(self, texts: impl Iterator<Item = String> + Send + 'static) -> Response {
        let tag = tag(self.sight);
        let mut answer = match matches(self.headers, &tag) {
            true => {
                let mut unchanged = Response::new(Body::empty());
                *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
                unchanged
            }
            false => body::json(texts, self.headers, self.place),
        };
        // Entities name people: no cache may keep them. Figures name nobody.
        let cache = match view(self.sight) {
            GrantView::Aggregate => "private, no-cache",
            GrantView::Masked | GrantView::Full => "private, no-store",
        };
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        let vary = HeaderValue::from_static("accept-encoding, authorization");
        headers.insert(header::VARY, vary);
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        answer
    }
}

/// Why nothing is shown: a mistake of the client, or the caller may see none of it.
pub(super) fn nothing(sight: &Sight) -> Refusal {
    use RefusalCode as C;
    let mistake = |code| matches!(code, C::BadRequest | C::LimitExceeded);
    let mistake = sight.refusals.iter().find(|r| mistake(r.code)).map(|r| (r.code, r.msg));
    refused(mistake.unwrap_or((C::Forbidden, "the caller may not see any of this, or not so")))
}

/// As HTTP says it.
pub(super) fn refused((code, msg): (RefusalCode, &'static str)) -> Refusal {
    match code {
        RefusalCode::NotFound => parameter("topic", TOPICS),
        RefusalCode::Forbidden => refuse(StatusCode::FORBIDDEN, code.name(), msg),
        RefusalCode::BadRequest | RefusalCode::LimitExceeded | RefusalCode::Unsupported => {
            Box::new(error(StatusCode::BAD_REQUEST, code.name(), msg))
        }
    }
}

const TOPICS: &str = "calls:own, agent:self, site:calls, site:agents, site:health, site:lines, \
                      site:links, queue:ID, line:ID, team:ID";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let asks =
            |value: &str| HeaderMap::from_iter([(header::IF_NONE_MATCH, value.parse().unwrap())]);
        for (value, expected) in [
            ("W/\"e:1:full:s\"", true),
            ("\"e:1:full:s\"", true),
            ("\"x\", W/\"e:1:full:s\"", true),
            ("*", true),
            ("\"e:1:full\"", false),
            ("W/\"e:2:full:s\"", false),
        ] {
            assert_eq!(matches(&asks(value), "W/\"e:1:full:s\""), expected, "{value}");
        }
    }
}
