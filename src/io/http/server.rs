//! Accepting connections, and the end of all of them.

use super::config::{HttpConfig, HttpDeps, HttpError, HttpServer, ServiceCert};
use super::requests::Requests;
use super::routes::{self, App, Peer};
use super::{api, net};
use crate::io::desk::{DeskDeps, Desks, Registry};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Header of one request; more is answered with 431.
const HEADER_BYTES_MAX: usize = 16 << 10;

/// Listens and serves until `shutdown` is true (or its sender is gone): then no connection is
/// taken, desks get `goaway` and are closed spread over the configured time.
///
/// # Errors
/// If the address cannot be listened on, or certificate or key cannot be used.
pub async fn serve(
    config: HttpConfig,
    deps: HttpDeps,
    shutdown: watch::Receiver<bool>,
) -> Result<HttpServer, HttpError> {
    let client_ca = config.client_ca.as_deref();
    let tls = config.tls.as_ref().map(|files| net::acceptor(files, client_ca)).transpose()?;
    let listen = config.listen;
    let failed = |source| HttpError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let task = tokio::spawn(accept_all(listener, tls, config, deps, shutdown));
    Ok(HttpServer { addr, task })
}

struct Server {
    app: Arc<App>,
    router: axum::Router,
    tls: Option<TlsAcceptor>,
    services: Vec<ServiceCert>,
    header_time_max: Duration,
    shutdown: watch::Receiver<bool>,
}

async fn accept_all(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    config: HttpConfig,
    deps: HttpDeps,
    mut shutdown: watch::Receiver<bool>,
) {
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let places = Arc::new(Semaphore::new(config.plain_connections_max));
    let drain_time_max = Duration::from_millis(u64::from(config.desk.drain_spread_ms))
        + Duration::from_millis(config.desk.close_ms)
        + Duration::from_secs(1);
    let registry = Registry::new(&config.desk);
    let rate = (config.desk.messages_per_s, config.desk.messages_burst);
    deps.tokens.attach(registry.clone());
    let app = Arc::new(App {
        registry,
        desk: Arc::new(DeskDeps {
            hub: deps.desk,
            tokens: deps.tokens,
            give: deps.give,
            desks: Desks::default(),
            config: config.desk,
            drain: shutdown.clone(),
        }),
        gate: deps.gate,
        healthz: deps.healthz,
        metrics: deps.metrics,
        links: deps.links,
        dnc: deps.dnc,
        ari: deps.ari,
        requests: Requests::default(),
        api: api::Limits::new(rate),
        alive,
    });
    let server = Arc::new(Server {
        router: routes::router(app.clone()),
        app,
        tls,
        services: config.services,
        header_time_max: Duration::from_millis(config.header_ms),
        shutdown: shutdown.clone(),
    });
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, addr)) => {
                    // Over the limit the connection is closed at once: an answer would cost more.
                    if let Ok(place) = places.clone().try_acquire_owned() {
                        let peer = Peer { ip: addr.ip().to_canonical(), service: None };
                        tokio::spawn(connection(server.clone(), stream, peer, place));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed"); // out of descriptors, mostly
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            changed = shutdown.changed() => if changed.is_err() || *shutdown.borrow() { break },
        }
    }
    drop((listener, server));
    // Every connection and desk holds a sender; the channel ends with the last of them.
    let _ = timeout(drain_time_max, all_gone.recv()).await;
}

async fn connection(
    server: Arc<Server>,
    stream: TcpStream,
    peer: Peer,
    place: OwnedSemaphorePermit,
) {
    if let Err(error) = net::tune(&stream, &server.app.desk.config) {
        tracing::debug!(%error, "socket options"); // the peer is gone already
        return;
    }
    match &server.tls {
        None => http(&server, stream, peer).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(server.header_time_max, tls.accept(stream)).await {
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let service = shown.and_then(|c| net::service(c, &server.services));
                http(&server, stream, Peer { service, ..peer }).await;
            }
        }
    }
    drop(place);
}

async fn http<S>(server: &Server, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(server.router.clone());
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        hyper::service::Service::call(&router, request)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(server.header_time_max)
        .max_buf_size(HEADER_BYTES_MAX)
        .half_close(false);
    let served = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(served);
    let mut shutdown = server.shutdown.clone();
    tokio::select! {
        _ = served.as_mut() => return,
        _ = shutdown.wait_for(|down| *down) => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await; // what a peer does to its own connection concerns nobody else
}
