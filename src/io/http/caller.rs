//! Who asks: the token in `Authorization` (RFC 6750 §2.1), or the certificate of the connection.

use super::problem::{Refusal, refuse};
use super::routes::{App, Peer};
use crate::io::desk::token::{TokenError, Verified};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

/// Whose token the request shows; `None`: it shows none.
pub(super) async fn by_token(app: &App, headers: &HeaderMap) -> Result<Option<Verified>, Refusal> {
    let said = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let said = said.and_then(|v| v.split_once(' '));
    let Some((_, token)) = said.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return Ok(None);
    };
    match app.desk.tokens.admit(token.trim(), app.desk.hub.now()).await {
        Ok(verified) => Ok(Some(verified)),
        Err(why @ TokenError::Revoked) => {
            Err(refuse(StatusCode::FORBIDDEN, "FORBIDDEN", &why.to_string()))
        }
        Err(why) => {
            let scheme = "Bearer realm=\"trunkline\", error=\"invalid_token\"";
            Err(unauthenticated(&why.to_string(), scheme))
        }
    }
}

/// Whose the request is.
pub(super) async fn caller(
    app: &App,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<Verified, Refusal> {
    if let Some(verified) = by_token(app, headers).await? {
        return Ok(verified);
    }
    let Some(service) = &peer.service else { return Err(nobody()) };
    // The handshake may have been long ago.
    if app.desk.hub.now() > service.expires {
        let scheme = "Bearer realm=\"trunkline\"";
        return Err(unauthenticated("the certificate has expired", scheme));
    }
    match app.desk.tokens.check(service) {
        Ok(()) => Ok(service.clone()),
        Err(why) => Err(refuse(StatusCode::FORBIDDEN, "FORBIDDEN", &why.to_string())),
    }
}

/// The request does not say whose it is.
pub(super) fn nobody() -> Refusal {
    let scheme = "Bearer realm=\"trunkline\""; // RFC 6750 §3.1: nothing was wrong, so no error
    unauthenticated("Authorization: Bearer TOKEN is needed", scheme)
}

fn unauthenticated(why: &str, scheme: &'static str) -> Refusal {
    let mut answer = refuse(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", why);
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    answer
}
