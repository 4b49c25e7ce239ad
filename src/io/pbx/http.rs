//! Commands of an ARI link: HTTP/1.1 with connections that are kept (RFC 9112 §9.3).

use super::config::{LinkLimits, WebWire};
use super::stream;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use trunkline_core::pbx::{HttpRequest, Method};

/// Requests that wait for a connection; beyond: answered at once with why.
const WAITING_MAX: usize = 4096;

/// An answer for the session.
#[derive(Debug)]
pub(super) struct HttpAnswer {
    pub ticket: u64,
    /// 0: none came, the body says why.
    pub status: u16,
    pub body: Vec<u8>,
}

/// Asks; dropping it gives everything up.
pub(super) struct Asker {
    requests: mpsc::Sender<HttpRequest>,
    answers: mpsc::UnboundedSender<HttpAnswer>,
    _tasks: JoinSet<()>,
}

type Connection = SendRequest<Full<Bytes>>;

struct Shared {
    wire: WebWire,
    limits: LinkLimits,
    requests: Mutex<mpsc::Receiver<HttpRequest>>,
    answers: mpsc::UnboundedSender<HttpAnswer>,
}

/// Answers are as many as requests, so their queue needs no bound of its own.
pub(super) fn asker(
    wire: &WebWire,
    limits: LinkLimits,
) -> (Asker, mpsc::UnboundedReceiver<HttpAnswer>) {
    let (requests, waiting) = mpsc::channel(WAITING_MAX);
    let (answers, answered) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        wire: wire.clone(),
        limits,
        requests: Mutex::new(waiting),
        answers: answers.clone(),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..limits.requests_max {
        tasks.spawn(work(shared.clone()));
    }
    (Asker { requests, answers, _tasks: tasks }, answered)
}

impl Asker {
    pub(super) fn ask(&self, request: HttpRequest) {
        let ticket = request.ticket;
        if self.requests.try_send(request).is_err() {
            let body = b"too many requests wait for the PBX".to_vec();
            let _ = self.answers.send(HttpAnswer { ticket, status: 0, body }); // nobody waits
        }
    }
}

async fn work(shared: Arc<Shared>) {
    let mut kept = None;
    loop {
        let request = shared.requests.lock().await.recv().await;
        let Some(request) = request else { return };
        let ticket = request.ticket;
        let limit = shared.limits.answer;
        let (status, body) = match timeout(limit, answer(&shared, &mut kept, &request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => {
                kept = None;
                (0, why.into_bytes())
            }
            Err(_) => {
                kept = None; // its answer may still come, to nobody
                (0, format!("no answer in {limit:?}").into_bytes())
            }
        };
        let _ = shared.answers.send(HttpAnswer { ticket, status, body }); // nobody waits
    }
}

/// A connection that was kept may have been closed meanwhile: what was not sent goes by a new one.
async fn answer(
    shared: &Shared,
    kept: &mut Option<Connection>,
    request: &HttpRequest,
) -> Result<(u16, Vec<u8>), String> {
    if let Some(connection) = kept.take()
        && let Ok(answer) = once(shared, connection, kept, request).await?
    {
        return Ok(answer);
    }
    let fresh = connect(shared).await?;
    match once(shared, fresh, kept, request).await? {
        Ok(answer) => Ok(answer),
        Err(NotSent) => Err("the PBX closed the connection".to_owned()),
    }
}

/// The request did not leave.
struct NotSent;

async fn once(
    shared: &Shared,
    mut connection: Connection,
    kept: &mut Option<Connection>,
    request: &HttpRequest,
) -> Result<Result<(u16, Vec<u8>), NotSent>, String> {
    if connection.ready().await.is_err() {
        return Ok(Err(NotSent));
    }
    let answer = match connection.send_request(build(shared, request)?).await {
        Ok(answer) => answer,
        Err(error) if error.is_canceled() => return Ok(Err(NotSent)),
        Err(error) => return Err(error.to_string()),
    };
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), shared.limits.message_bytes_max);
    let body = body.collect().await.map_err(|e| format!("the answer broke off: {e}"))?;
    *kept = Some(connection);
    Ok(Ok((status, body.to_bytes().to_vec())))
}

fn build(shared: &Shared, request: &HttpRequest) -> Result<hyper::Request<Full<Bytes>>, String> {
    let wire = &shared.wire;
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Delete => hyper::Method::DELETE,
    };
    let mut builder = hyper::Request::builder()
        .method(method)
        .uri(format!("{}{}", wire.base, request.path))
        .header(header::HOST, wire.address.to_string())
        .header(header::AUTHORIZATION, wire.login.header().as_str());
    if !request.body.is_empty() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    let body = Full::new(Bytes::from(request.body.clone()));
    builder.body(body).map_err(|e| e.to_string())
}

async fn connect(shared: &Shared) -> Result<Connection, String> {
    let wire = &shared.wire;
    let opening = stream::open(&wire.address, wire.tls.as_ref());
    let stream = opening.await.map_err(|failed| failed.why)?;
    let (connection, serving) = handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    // Ends with the connection, which ends when its sender is dropped.
    tokio::spawn(async move {
        let _ = serving.await; // whoever asked hears of it
    });
    Ok(connection)
}
