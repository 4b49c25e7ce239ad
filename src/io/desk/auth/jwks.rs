//! Keeps a JWK set up to date: a file that is looked at, or a URL that is asked. The last good set
//! stays in force whatever happens to its source.

use super::issuer::{IssuerError, KeySource};
use super::keys::KeySet;
use crate::io::client::{HttpClient, cause, http_client};
use crate::io::trust;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri, header};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Largest set, bytes.
const SET_BYTES_MAX: usize = 256 << 10;
/// Time for one question to a URL, from the connection to the last byte.
const FETCH_TIME_MAX: Duration = Duration::from_secs(10);
/// Time between two looks at a file.
const FILE_EVERY: Duration = Duration::from_secs(2);
/// Time between two questions that unknown keys lead to: nobody can make us ask without end.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// So many of them may come at once.
const ASKS_AT_ONCE: u32 = 3;
/// Time to the next question while there is no set at all.
const FIRST_EVERY: Duration = Duration::from_secs(5);

type Sets = watch::Receiver<Arc<KeySet>>;

/// The sets of a source; the task ends when nobody holds the receiver any more.
pub(super) fn follow(
    source: KeySource,
    refresh: Duration,
    wanted: Arc<Notify>,
) -> Result<Sets, IssuerError> {
    match source {
        KeySource::File(path) => {
            let refuse = |why| IssuerError::File { path: path.clone(), why };
            let bytes = read(&path).map_err(refuse)?;
            let set = KeySet::read(&bytes).map_err(refuse)?;
            let (sets, told) = watch::channel(Arc::new(set));
            tokio::spawn(follow_file(path, bytes, sets, wanted));
            Ok(told)
        }
        KeySource::Url { url, ca } => {
            let refuse = |why: String| IssuerError::Url { url: url.clone(), why };
            let place = Place::read(&url, ca.as_deref()).map_err(refuse)?;
            let (sets, told) = watch::channel(Arc::default());
            tokio::spawn(follow_url(url, place, refresh, sets, wanted));
            Ok(told)
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let most = SET_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    match bytes.len() as u64 {
        len if len == most => Err(format!("is larger than {SET_BYTES_MAX} bytes")),
        _ => Ok(bytes),
    }
}

async fn follow_file(
    path: PathBuf,
    mut known: Vec<u8>,
    sets: watch::Sender<Arc<KeySet>>,
    wanted: Arc<Notify>,
) {
    loop {
        tokio::select! {
            () = sets.closed() => return,
            () = sleep(FILE_EVERY) => {}
            () = wanted.notified() => {}
        }
        let place = path.clone();
        let bytes = tokio::task::spawn_blocking(move || read(&place)).await;
        let Some(bytes) = bytes.ok().and_then(Result::ok).filter(|b| *b != known) else {
            sets.send_modify(|_| ()); // being replaced, perhaps; who waits need not wait longer
            continue;
        };
        match KeySet::read(&bytes) {
            Ok(set) => {
                tracing::info!(path = %path.display(), ?set, "keys of the issuer are read anew");
                sets.send_replace(Arc::new(set));
            }
            Err(why) => {
                tracing::warn!(path = %path.display(), why, "keys of the issuer: the old ones stay");
                sets.send_modify(|_| ());
            }
        }
        known = bytes;
    }
}

async fn follow_url(
    url: String,
    place: Place,
    refresh: Duration,
    sets: watch::Sender<Arc<KeySet>>,
    wanted: Arc<Notify>,
) {
    let mut known: Option<Vec<u8>> = None;
    let mut asks = Asks { left: ASKS_AT_ONCE, since: Instant::now() };
    loop {
        let asked = Instant::now();
        let answer = timeout(FETCH_TIME_MAX, place.fetch()).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer in {FETCH_TIME_MAX:?}")));
        match answer.and_then(|bytes| Ok((KeySet::read(&bytes)?, bytes))) {
            Ok((set, bytes)) if known.as_ref() != Some(&bytes) => {
                tracing::info!(url, ?set, "keys of the issuer are new");
                sets.send_replace(Arc::new(set));
                known = Some(bytes);
            }
            Ok(_) => sets.send_modify(|_| ()), // who waits for another need not wait longer
            Err(why) => {
                tracing::warn!(url, why, "keys of the issuer cannot be had");
                sets.send_modify(|_| ());
            }
        }
        let next = if known.is_some() { refresh } else { FIRST_EVERY };
        tokio::select! {
            () = sets.closed() => return,
            () = sleep_until(asked + next) => {}
            () = wanted.notified() => asks.take().await,
        }
    }
}

/// An allowance of questions that unknown keys lead to.
struct Asks {
    left: u32,
    since: Instant,
}

impl Asks {
    /// Waits until one more question may be asked.
    async fn take(&mut self) {
        let gained = self.since.elapsed().as_secs() / ASK_EVERY.as_secs();
        let gained = u32::try_from(gained).unwrap_or(u32::MAX);
        if gained > 0 {
            (self.left, self.since) = (self.left.saturating_add(gained), Instant::now());
        }
        if self.left == 0 {
            sleep_until(self.since + ASK_EVERY).await;
            (self.left, self.since) = (1, Instant::now());
        }
        self.left = self.left.min(ASKS_AT_ONCE) - 1;
    }
}

/// Where a URL leads.
struct Place {
    uri: Uri,
    client: HttpClient<Empty<Bytes>>,
}

impl Place {
    fn read(url: &str, ca: Option<&Path>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "is no URL".to_owned())?;
        let host = uri.host().ok_or("names no host")?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => return Err("http is for loopback only; write https".to_owned()),
            _ => return Err("write https://..".to_owned()),
        }
        let client = http_client(trust::client_config(ca)?);
        Ok(Self { uri, client })
    }

    async fn fetch(&self) -> Result<Vec<u8>, String> {
        let request = Request::get(self.uri.clone())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::new())
            .map_err(|e| e.to_string())?;
        let answer = self.client.request(request).await.map_err(|e| cause(&e))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("answered {}", answer.status().as_u16()));
        }
        let body = Limited::new(answer.into_body(), SET_BYTES_MAX).collect().await;
        Ok(body.map_err(|e| e.to_string())?.to_bytes().to_vec())
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_loopback_may_be_asked_without_tls() {
        let place = |url: &str| Place::read(url, None).map(|p| p.uri.to_string());
        for good in ["http://127.0.0.1:9/keys", "http://[::1]/keys", "https://idp.example/k?x=1"] {
            assert_eq!(place(good).as_deref(), Ok(good));
        }
        for bad in ["http://idp.example/keys", "ftp://127.0.0.1/", "/keys", "nonsense", ""] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}
