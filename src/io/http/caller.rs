//! Who asks: the token in `Authorization` (RFC 6750 §2.1), or the certificate of the connection.
//! Programs that can name a login and set no header show the token as its password (RFC 7617 §2).

use super::problem::{Refusal, refuse};
use super::routes::{App, Peer};
use crate::io::desk::token::{TokenError, Verified};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Whose token the request shows; `None`: it shows none.
pub(super) async fn by_token(app: &App, headers: &HeaderMap) -> Result<Option<Verified>, Refusal> {
    let said = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let Some(token) = said.and_then(|v| v.split_once(' ')).and_then(shown) else {
        return Ok(None);
    };
    match app.desk.tokens.admit(&token, app.desk.hub.now()).await {
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

/// The token that is shown.
fn shown((scheme, credentials): (&str, &str)) -> Option<String> {
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    let login = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials).ok())?;
    let login = String::from_utf8(login?).ok()?;
    login.split_once(':').map(|(_, password)| password.to_owned())
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
