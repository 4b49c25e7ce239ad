//! Keeps a JWK set up to date: a file that is looked at, or a URL that is asked. The last good set
//! stays in force whatever happens to its source.

use super::issuer::{IssuerError, KeySource};
use super::keys::KeySet;
use crate::io::pbx::StreamTls;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
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
    host: String,
    port: u16,
    uri: Uri,
    tls: Option<StreamTls>,
}

impl Place {
    fn read(url: &str, ca: Option<&Path>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "is no URL".to_owned())?;
        let host = uri.host().ok_or("names no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match uri.scheme_str() {
            Some("https") => Some(StreamTls::load(ca).map_err(|e| e.to_string())?),
            Some("http") if is_loopback(&host) => None,
            Some("http") => return Err("http is for loopback only; write https".to_owned()),
            _ => return Err("write https://..".to_owned()),
        };
        let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        Ok(Self { host, port, uri, tls })
    }

    async fn fetch(&self) -> Result<Vec<u8>, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = connected.map_err(|e| text(&e))?;
        let stream = match &self.tls {
            None => TokioIo::new(Box::new(stream) as crate::io::pbx::Boxed),
            Some(tls) => TokioIo::new(tls.over(&self.host, stream).await?),
        };
        let shaken = hyper::client::conn::http1::handshake(stream).await;
        let (mut asker, connection) = shaken.map_err(|e| text(&e))?;
        let connection = tokio::spawn(connection);
        let path = self.uri.path_and_query().map_or("/", |p| p.as_str());
        let authority = self.uri.authority().map_or(self.host.as_str(), |a| a.as_str());
        let request = Request::get(path)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::<Bytes>::new())
            .map_err(|e| text(&e))?;
        let answer = asker.send_request(request).await.map_err(|e| text(&e))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("answered {}", answer.status().as_u16()));
        }
        let body = Limited::new(answer.into_body(), SET_BYTES_MAX).collect().await;
        connection.abort();
        Ok(body.map_err(|e| text(&e))?.to_bytes().to_vec())
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_loopback_may_be_asked_without_tls() {
        let place = |url: &str| Place::read(url, None).map(|p| (p.host, p.port, p.tls.is_some()));
        assert_eq!(place("http://127.0.0.1:9/keys"), Ok(("127.0.0.1".into(), 9, false)));
        assert_eq!(place("http://[::1]/keys"), Ok(("::1".into(), 80, false)));
        assert_eq!(place("https://idp.example/k?x=1"), Ok(("idp.example".into(), 443, true)));
        for bad in ["http://idp.example/keys", "ftp://127.0.0.1/", "/keys", "nonsense", ""] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}
